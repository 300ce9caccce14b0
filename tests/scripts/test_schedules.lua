--- Random schedules of faults, kills, new runs and resumed ones against small worlds, each from a seed: whatever
--- happens, nothing is lost, nothing is created twice, what is said is true, and the next run without disturbance
--- finishes the work.
---
---     SEED=17 trunkhost tests/scripts/test_schedules.lua       this one again, with what it does
---     SEEDS=5000 trunkhost tests/scripts/test_schedules.lua    more than usual
---
--- With one item at a time a seed repeats exactly; with several the order of their requests may differ.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost".json
local rotation <const> = require "rotation"
local program <const> = require "program"
local workers <const> = require "workers"

program.haste = 10

local SEEDS <const> = math.tointeger(tonumber(os.getenv "SEEDS")) or 500
--- They wait far more than they work.
local WORKERS <const> = 32

local APIS <const> = { "famulor", "famulor", "famulor", "autocalls", "bolna", "bolna_trunk", "bolna_trunk", "vatel" }
local CREATES <const> = { "famulor", "famulor", "bolna_trunk", "vatel" }
local FAULTS <const> = { "lost_reply", "error_after", "cut_body", "drop", "html", "error_before", "limit", "slow",
    "refuse", "auth_failed", "touched", "busy", "timeout_before", "timeout_after", "error_200", "empty_before",
    "empty_after", "blank_before", "blank_after", "accepted_before", "accepted_after", "unchanged", "other_before",
    "other_after", "short_list", "shifting_list", "empty_page", "same_page" }
--- What a platform may do beside: readers that lag behind, pages, and when a 429 or 503 says to come again.
local EVENTUAL <const> = { "0", "0", "0/40", "0/300", "40/0", "200", "200/0" }
-- Seconds after which the account counts on what was made being listed: more than any of them.
local SETTLED <const> = 0.4
-- Runs that may be needed before that time is over.
local LAST_RUNS <const> = 40
local PAGES <const> = { 0, 0, 0, 2, 3 }
local RETRY_AFTER <const> = { "documented", "none", "0", "1", "date:1", "epoch:1", "86400", "epoch:86400",
    "date:9999999999" }
local CALLS <const> = { "pwrite64", "fdatasync", "write", "sendto" }

-- ---------------------------------------------------------------------------------------------------
-- What happens

local function one_of(list)
    return list[math.random(#list)]
end

local function faults(writes, is_mute)
    local chosen, touched, unchanged = {}, false, false
    for _ = 1, math.random(0, 3) do
        local fault, rate = one_of(FAULTS), math.random() ^ 2 * 0.6
        local methods = math.random() < 0.6 and writes or { "" }
        -- What moves within a write that changes nothing cannot be told from what the write has moved.
        if fault == "touched" and unchanged or fault == "unchanged" and touched then methods = { "@GET" } end
        touched, unchanged = touched or fault == "touched", unchanged or fault == "unchanged"
        -- Vatel shows nothing of a password: there its yes is all that anybody has.
        if fault == "unchanged" and is_mute then methods = {} end
        for _, method in ipairs(methods) do
            chosen[#chosen + 1] = ("%s%s=%.2f"):format(fault, method, rate)
        end
    end
    return table.concat(chosen, ",")
end

local function disturbance(creates, is_mute)
    local writes = creates and { "@POST" } or { "@PUT", "@PATCH" }
    local kind, disturbed = math.random(), { resume = math.random() < 0.4, sandbox = { fault = faults(writes, is_mute),
        seed = math.random(1, 1000000), eventual = one_of(EVENTUAL), page = one_of(PAGES),
        retry_after = one_of(RETRY_AFTER) } }
    if kind < 0.5 then
        disturbed.kill = { request = math.random(1, 18), moment = one_of { "before", "after" } }
    elseif kind < 0.75 then
        local call = one_of(CALLS)
        disturbed.around = ("strace -qq -f -o /dev/null -e trace=%s -e inject=%s:signal=SIGKILL:when=%d"):format(call,
            call, math.random(1, call == "pwrite64" and 120 or 25))
    end
    return disturbed
end

--- The schedule of a seed. The state of the platforms follows from the same seed.
local function schedule(seed)
    math.randomseed(seed, 0)
    local creates = math.random() < 0.25
    local plan = { seed = seed, creates = creates, api = one_of(creates and CREATES or APIS),
        trunks = math.random(3, 6), at_once = one_of { 1, 1, 2, 4, 8 }, runs = {},
        resume = math.random() < 0.4 }
    plan.arguments = ("-j %d"):format(plan.at_once)
        .. one_of { "", " --canary 0 --max-failures 100%", " --max-failures 2", " --restore-on-failure --canary 2" }
    for i = 1, math.random(1, 3) do plan.runs[i] = disturbance(creates, plan.api == "vatel") end
    return plan
end

-- ---------------------------------------------------------------------------------------------------
-- Rotations

local function rotate(sandbox, plan, start, name)
    local apis = { plan.api }
    for i, run in ipairs(plan.runs) do
        local moment = ("%s, run %d"):format(name, i)
        sandbox:tell("faults", run.sandbox)
        sandbox:tell("kill", run.kill)
        local before = rotation.live(sandbox:ask "state", apis)
        local result = rotation.run(sandbox, apis, { arguments = plan.arguments, around = run.around,
            resume = run.resume })
        rotation.check_nothing_lost(sandbox, start, apis, moment)
        if result.status ~= 137 then
            lu.assertTrue(result.status <= 3, moment .. ": " .. result.err)
            rotation.check_said(sandbox, result, before, apis, moment)
        end
    end
    sandbox:tell "faults"
    sandbox:tell "kill"
    rotation.check_finished(sandbox, start, apis, name, { resume = plan.resume })
end

-- ---------------------------------------------------------------------------------------------------
-- Creates

local KEYS <const> = { famulor = "phone_number", vatel = "outbound_sip_username", bolna_trunk = "name" }

--- A create that may have happened must be looked for before it is sent again.
local function check_looked_before_sending_again(sandbox, moment)
    local sent, looked = {}, 0
    for _, request in ipairs(sandbox:ask "log") do
        if request.method == "GET" and request.status == 200 then
            looked = request.n
        elseif request.method == "POST" then
            local trunk = json.decode(request.body)
            local key = trunk[KEYS[request.api]]
            local last = sent[key]
            lu.assertTrue(last == nil or last.status == 429 or looked > last.n,
                ("%s: %s was created again without a look"):format(moment, key))
            sent[key] = request
        end
    end
end

--- How often a trunk was made again within a second of a clear yes: before it was listed. The script that creates here
--- looks only at the list, so after a kill it cannot know better.
local function made_before_it_showed(sandbox, key)
    local made, times = nil, 0
    for _, request in ipairs(sandbox:ask "log") do
        if request.method == "POST" and request.applied and json.decode(request.body)[KEYS[request.api]] == key then
            times = times + (made and made.status < 300 and request.at - made.at < 1 and 1 or 0)
            made = request
        end
    end
    return times
end

local function check_created_once(sandbox, plan, moment, all)
    local counts = {}
    for _, trunk in ipairs(sandbox:ask "state"[plan.api].trunks) do
        local key = trunk[KEYS[plan.api]] or ""
        counts[key] = (counts[key] or 0) + 1
    end
    for i = 1, plan.trunks do
        local count = counts[tostring(5000 + i)] or 0
        count = count > 1 and count - made_before_it_showed(sandbox, tostring(5000 + i)) or count
        lu.assertTrue(count <= 1, ("%s: %d is there %d times"):format(moment, 5000 + i, count))
        lu.assertTrue(count == 1 or not all, ("%s: %d was never created"):format(moment, 5000 + i))
    end
end

local function create(sandbox, plan, start, name)
    local function run(around)
        return sandbox:run(("tests/support/create_trunks.lua %s %d %d"):format(plan.api, plan.trunks, plan.at_once),
            { apis = { plan.api }, eventual = SETTLED, around = around,
                env = around and { ASAN_OPTIONS = "detect_leaks=0" } })
    end
    for i, disturbed in ipairs(plan.runs) do
        local moment = ("%s, run %d"):format(name, i)
        sandbox:tell("faults", disturbed.sandbox)
        sandbox:tell("kill", disturbed.kill)
        local result = run(disturbed.around)
        lu.assertTrue(result.status <= 3 or result.status == 137, moment .. ": " .. result.err)
        rotation.check_nothing_lost(sandbox, start, { plan.api }, moment)
        check_looked_before_sending_again(sandbox, moment)
        check_created_once(sandbox, plan, moment)
    end
    sandbox:tell "faults"
    sandbox:tell "kill"
    local result
    for _ = 1, LAST_RUNS do
        result = run()
        if result.status == 0 then break end
        check_created_once(sandbox, plan, name)
    end
    lu.assertEquals(result.status, 0, ("%s: the last run: %s"):format(name, result.err))
    rotation.check_nothing_lost(sandbox, start, { plan.api }, name)
    check_looked_before_sending_again(sandbox, name)
    check_created_once(sandbox, plan, name, true)
end

-- ---------------------------------------------------------------------------------------------------

local function try(sandbox, seed)
    local plan, name = schedule(seed), ("SEED=%d"):format(seed)
    sandbox:reset { trunks = plan.trunks, seed = seed, limits = "1000/1", fault = "" }
    local start = rotation.live(sandbox:ask "state", { plan.api })
    local act = plan.creates and create or rotate
    act(sandbox, plan, start, name)
    lu.assertEquals(sandbox:ask "violations", {}, name)
    return plan
end

local tests = {}

function tests.test_under_every_schedule_of_faults_and_kills_the_promises_hold()
    local runs, failed = 0, {}
    for _, worker in ipairs(workers.run("tests/scripts/test_schedules.lua", WORKERS)) do
        runs = runs + (tonumber(worker.out:match "(%d+)\n$") or 0)
        if worker.failed then failed[#failed + 1] = worker.out end
    end
    lu.assertEquals(#failed, 0, table.concat(failed, "\n")
        .. "\nTo see one again: SEED=… trunkhost tests/scripts/test_schedules.lua")
    print(("%d schedules, %d disturbed runs"):format(SEEDS, runs))
end

local part <const>, count <const> = workers.part()
local seed <const> = math.tointeger(tonumber(os.getenv "SEED"))
if seed then
    workers.work("", function(sandbox)
        print(json.encode(schedule(seed)))
        return #try(sandbox, seed).runs
    end)
elseif part then
    workers.work("", function(sandbox)
        local runs = 0
        for number = part, SEEDS, count do
            runs = runs + #try(sandbox, number).runs
        end
        return runs
    end)
else
    os.exit(lu.LuaUnit.new():runSuiteByInstances { { "schedules", tests } })
end
