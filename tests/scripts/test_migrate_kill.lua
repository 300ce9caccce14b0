--- Migrations that are killed at every request in turn, just before and just after it is carried out, and run again:
--- nothing is there twice, and everything is there.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local migration <const> = require "migration"
local sandbox_process <const> = require "sandbox_process"

local TRUNKS <const> = 3
local MOMENTS <const> = { "before", "after" }

local tests = {}

--- Kills every run at one place after the other; returns how many places there were.
local function sweep(from, to, moment)
    local sandbox <close> = setmetatable(sandbox_process.start(("--trunks %d --limits none"):format(TRUNKS)),
        { __index = sandbox_process, __close = sandbox_process.stop })
    local n = 0
    while true do
        n = n + 1
        local place = ("%s to %s, killed %s request %d"):format(from, to, moment, n)
        sandbox:reset()
        migration.empty(sandbox, to)
        local consent = migration.consent(sandbox, to)
        sandbox:tell("kill", { request = n, moment = moment })
        local result = migration.run(sandbox, from, to, consent)
        if result.status ~= 137 then
            lu.assertEquals(result.status, 0, place .. ": " .. result.err)
            return n - 1
        end
        sandbox:ask "counts" -- what was in the kernel is served before this
        migration.check_no_double(sandbox, from, to, place)
        migration.check_finished(sandbox, from, to, place)
    end
end

for _, pair in ipairs { { "famulor", "vatel" }, { "bolna", "bolna_trunk" } } do
    for _, moment in ipairs(MOMENTS) do
        local name = ("test_from_%s_to_%s_killed_%s_each_request"):format(pair[1], pair[2], moment)
        tests[name] = function()
            lu.assertTrue(sweep(pair[1], pair[2], moment) > 2 * TRUNKS)
        end
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_kill", tests } })
