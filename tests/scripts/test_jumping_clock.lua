--- A clock that is set while a job is at work changes nothing but the times that it writes.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local world <const> = require "waiting_world"

local tests = {}

local CLOCK <const> = program.executable:gsub("[^/]*$", "") .. "tests/libjumping_clock.so"
local AROUND <const> = ("env LD_PRELOAD=%s JUMPING_CLOCK=FOLDER/ahead "
    .. "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0"):format(CLOCK)
local ROTATE <const> = "scripts/rotate_passwords.lua --yes --json -j 1 "

--- Rotates three passwords; at the second write the clock jumps, and the platform asks for one second of patience.
local function rotate_while_it_jumps(seconds, more)
    return world.run { words = ROTATE .. more, around = AROUND, count = 3, again = "runs show last --json",
        before_again = function() end,
        handler = function(request, _, writes)
            if request.method == "PATCH" and writes == 2 then
                program.write(world.folder .. "/ahead", tostring(seconds))
                return { status = 429, headers = { "Retry-After: " .. world.http_date(1), "Date: "
                    .. world.http_date(0) } }
            end
        end }
end

function tests.test_a_clock_that_jumps_moves_no_span_of_time_and_no_wait()
    for _, seconds in ipairs { 7200, -7200, 86400 * 400, -86400 * 400 } do
        local result = rotate_while_it_jumps(seconds, "--deadline 30s")
        lu.assertEquals(result.status, 0, seconds .. ": " .. result.err)
        lu.assertEquals({ result.summary.done, result.summary.unknown, result.writes }, { 3, 0, 4 })
        lu.assertTrue(result.summary.seconds < 30 and result.summary.seconds > 0, result.out)
        lu.assertEquals(result.again.status, 0, result.again.err)
    end
end

function tests.test_a_time_of_day_comes_with_a_clock_that_is_put_ahead()
    local result = rotate_while_it_jumps(7200, "--deadline " .. os.date("!%H:%M", os.time() + 3600))
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals({ result.summary.done, result.summary.left }, { 2, 1 }, "what had begun ends")
    lu.assertStrContains(result.err, "the deadline")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "jumping_clock", tests } })
