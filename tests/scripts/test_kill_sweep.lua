--- Killed at every single write, sync and request in turn, and run again: the promise that nothing is lost, held
--- against the sandbox's own memory.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local rotation <const> = require "rotation"
local workers <const> = require "workers"

local TRUNKS <const> = 20
local WORKERS <const> = 2
local APIS <const> = { "famulor" }
--- Where the program can be interrupted so that it matters: what goes to the disk, and what goes out.
local CALLS <const> = { "pwrite64", "write", "fdatasync", "fsync", "ftruncate", "rename", "unlink" }
local MOMENTS <const> = { "before", "after" }

local function at_call(call)
    return function(n)
        return ("strace -qq -f -o /dev/null -e trace=%s -e inject=%s:signal=SIGKILL:when=%d"):format(call, call, n)
    end
end

--- One place: false when the run has come to its end before it.
local function kill(sandbox, moment, prepare)
    sandbox:reset()
    local start = rotation.live(sandbox:ask "state", APIS)
    local result = rotation.run(sandbox, APIS, { around = prepare() })
    if result.status ~= 137 then
        lu.assertEquals(result.status, 0, moment .. ": " .. result.err)
        return false
    end
    rotation.check_nothing_lost(sandbox, start, APIS, moment)
    rotation.check_finished(sandbox, start, APIS, moment)
    return true
end

local function sweep(sandbox, part, count)
    local places = {}
    local function each(name, prepare)
        local points, n = 0, part
        while kill(sandbox, ("killed at %s %d"):format(name, n), function() return prepare(n) end) do
            points, n = points + 1, n + count
        end
        places[#places + 1] = ("%s %d"):format(name, points)
    end
    for _, moment in ipairs(MOMENTS) do
        each(moment, function(n) sandbox:tell("kill", { request = n, moment = moment }) end)
    end
    for _, call in ipairs(CALLS) do each(call, at_call(call)) end
    return table.concat(places, " ")
end

local tests = {}

function tests.test_a_rotation_that_is_killed_at_any_point_is_finished_by_the_next_run()
    local places, points = workers.tally("tests/scripts/test_kill_sweep.lua", WORKERS,
        table.move(CALLS, 1, #CALLS, #MOMENTS + 1, { table.unpack(MOMENTS) }))
    lu.assertTrue(points > 200)
    for _, moment in ipairs(MOMENTS) do
        lu.assertTrue(places[moment] > TRUNKS, "requests were too few: " .. moment)
    end
end

local part <const>, count <const> = workers.part()
if part then
    workers.work(("--trunks %d --limits none"):format(TRUNKS), function(sandbox)
        return sweep(sandbox, part, count)
    end)
else
    os.exit(lu.LuaUnit.new():runSuiteByInstances { { "kill_sweep", tests } })
end
