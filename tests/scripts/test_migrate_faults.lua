--- Migrations over a network that loses replies and a platform that fails at parts of a trunk, and what the next run
--- makes of it.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local migration <const> = require "migration"
local sandbox_process <const> = require "sandbox_process"

local PAIRS <const> = { { "famulor", "autocalls" }, { "famulor", "vatel" }, { "bolna", "bolna_trunk" } }
local FAULTS <const> = "lost_reply@POST=0.3+refuse@POST=0.1"
local SEEDS <const> = 3

local tests = {}

local function disturbed(from, to, seed)
    local moment = ("%s to %s, seed %d"):format(from, to, seed)
    local sandbox <close> = setmetatable(sandbox_process.start "--trunks 12 --limits none",
        { __index = sandbox_process, __close = sandbox_process.stop })
    migration.empty(sandbox, to)
    sandbox:tell("faults", { fault = FAULTS, seed = seed })
    local result = migration.run(sandbox, from, to, migration.consent(sandbox, to))
    migration.check_no_double(sandbox, from, to, moment)
    local lost = 0
    for _, request in ipairs(sandbox:ask "log") do
        lost = lost + (request.fault == "lost_reply" and 1 or 0)
    end
    lu.assertTrue(lost > 0, moment)
    local there = migration.trunks(sandbox, to)
    for id, item in pairs(result.items) do
        if item.state == "done" then
            lu.assertNotNil(there[item.target], ("%s: %s is done, but not there"):format(moment, id))
        else
            lu.assertNotNil(item.error, ("%s: %s is %s"):format(moment, id, item.state))
        end
    end
    sandbox:tell "faults"
    migration.check_finished(sandbox, from, to, moment)
end

for _, pair in ipairs(PAIRS) do
    tests[("test_lost_replies_and_refused_parts_leave_nothing_double_from_%s_to_%s"):format(pair[1], pair[2])] =
        function()
            for seed = 1, SEEDS do
                disturbed(pair[1], pair[2], seed)
            end
        end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_faults", tests } })
