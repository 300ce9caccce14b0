--- Migrations over a network that loses replies and to a platform that fails at parts of a trunk, for every pair of
--- APIs, and what the next run makes of it.
---
---     WAY=vatel,bolna trunkhost tests/scripts/test_migrate_faults.lua    one pair, in this process

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local disturbed <const> = require "migration_disturbed"
local pairs_of <const> = require "migration_pair"
local program <const> = require "program"
local workers <const> = require "workers"

program.haste = 10

--- They wait far more than they work.
local WORKERS <const> = 13
-- Seconds after which the accounts count on what was made being listed: more than any target lags behind.
local SETTLED <const> = 0.4
--- What is wrong with the target.
local FAULTS <const> = {
    { fault = "lost_reply@POST=0.3+refuse@POST=0.1" },
    { fault = "error_after@POST=0.3+cut_body@POST=0.1+lost_reply@PATCH=0.3" },
    { fault = "lost_reply@POST=0.2+drop=0.05+html=0.05+limit=0.05" },
    { fault = "timeout_after@POST=0.3+lost_reply@POST=0.2+touched=0.2", eventual = "200" },
    { fault = "accepted_before@POST=0.2+accepted_after@POST=0.2+error_200@POST=0.2+other_before@PATCH=0.3" },
    { fault = "empty_before@POST=0.2+blank_after@POST=0.2+short_list=0.1+same_page=0.1", page = 2 },
    { fault = "limit@POST=0.2+busy@POST=0.1", retry_after = "epoch:86400" },
}

--- Two disturbed runs, and one that is not; returns how many replies were disturbed.
local function disturb(pair, seed, faults)
    local moment = ("%s, %s"):format(pair:place(), faults.fault)
    local plan, hit = disturbed.prepare(pair), 0
    for run = 1, 2 do
        pair.target:tell("faults", { fault = faults.fault, seed = seed + run, eventual = faults.eventual,
            page = faults.page, retry_after = faults.retry_after })
        disturbed.check(pair, pair:run(plan.arguments), ("%s, run %d"):format(moment, run))
    end
    pair.target:tell "faults"
    for _, request in ipairs(pair.target:ask "log") do
        hit = hit + (type(request.fault) == "string" and 1 or 0)
    end
    lu.assertTrue(hit > 0, moment)
    disturbed.finish(pair, moment)
    return hit
end

local function every_pair(part, count)
    local sandboxes <close> = pairs_of.sandboxes()
    local place, lines = 0, {}
    for _, from in ipairs(pairs_of.apis) do
        for _, to in ipairs(pairs_of.apis) do
            place = place + 1
            local chosen = part and place % count == part % count or os.getenv "WAY" == from .. "," .. to
            local pair = chosen and pairs_of.open(sandboxes.source, sandboxes.target, from, to, SETTLED)
            for seed, faults in ipairs(chosen and FAULTS or {}) do
                lines[#lines + 1] = ("%s %s %d"):format(from, to, disturb(pair, 10 * place + seed, faults))
            end
        end
    end
    return table.concat(lines, "\n")
end

local tests = {}

function tests.test_lost_replies_and_failing_parts_leave_nothing_double_and_nothing_half_between_all_apis()
    local runs, failed = 0, {}
    for _, worker in ipairs(workers.run("tests/scripts/test_migrate_faults.lua", WORKERS)) do
        failed[#failed + 1] = worker.failed and worker.out or nil
        for _ in worker.out:gmatch "[%l_]+ [%l_]+ %d+\n" do
            runs = runs + 1
        end
    end
    lu.assertEquals(#failed, 0, table.concat(failed, "\n"))
    lu.assertEquals(runs, 25 * #FAULTS)
end

local part <const>, count <const> = workers.part()
if part or os.getenv "WAY" then
    workers.work("--trunks 0", function() return every_pair(part, count) end)
else
    os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_faults", tests } })
end
