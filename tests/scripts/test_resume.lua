--- One writer for each account, and going on with a run: after a kill, a limit, a signal, and by --resume.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local SCRIPT <const> = "scripts/rotate_passwords.lua"

program.haste = 10

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

local function run(arguments, options)
    return events.read(sandbox:run(arguments, options))
end

--- Starts one and returns at once; wait() gives its status and what it has said.
local function begin(arguments)
    local command = ("%s -c %s --ledger %s/ledger.db %s"):format(program.quote(program.executable), sandbox:config(),
        sandbox.folder, arguments)
    local pipe = assert(io.popen("echo $$; exec " .. command .. " 2>&1", "r"))
    local process = { pid = pipe:read "l" }
    function process.signal(name) os.execute(("kill -%s %s"):format(name, process.pid)) end
    function process.wait()
        local out = pipe:read "a"
        local _, how, status = pipe:close()
        return events.read { out = out, err = out, status = status, how = how }
    end
    return process
end

local function wait_until(holds)
    for _ = 1, 2000 do
        if holds() then return end
        trunkhost.sleep(0.005)
    end
    error "it did not come to that"
end

local function live_are_current()
    local ledger = sandbox:current_secrets().famulor
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        lu.assertEquals(ledger[tostring(trunk.id)].sip_password, trunk.sip_password)
    end
end

local ROTATE <const> = SCRIPT .. " --account famulor --yes --json "

-- --- one writer ------------------------------------------------------------------------------------

function tests.test_a_second_run_ends_at_once_with_75_and_after_a_kill_the_next_one_needs_no_help()
    start "--trunks 30 --limits none --latency 60"
    local first = begin(ROTATE .. "-j 2")
    wait_until(function() return #sandbox:writes() >= 3 end)
    local second = run(ROTATE .. "--only 42")
    lu.assertEquals(second.status, 75)
    lu.assertEquals(second.out, "")
    lu.assertEquals(select(2, second.err:gsub("\n", "")), 1, second.err)
    lu.assertStrContains(second.err, "famulor")
    lu.assertStrContains(second.err, first.pid)
    -- What changes nothing is not kept out.
    lu.assertEquals(run(SCRIPT .. " --account famulor --dry-run").status, 0)
    lu.assertEquals(sandbox:run("scripts/list_trunks.lua --account famulor").status, 0)
    first.signal "KILL"
    first.wait()
    local third = program.ok(run(ROTATE .. "-j 16"))
    lu.assertEquals(third.summary.done, 30)
    live_are_current()
end

function tests.test_runs_on_different_accounts_do_not_keep_each_other_out()
    start "--trunks 10 --limits none --latency 40"
    local first = begin(ROTATE .. "-j 1")
    wait_until(function() return #sandbox:writes() >= 1 end)
    lu.assertEquals(run(SCRIPT .. " --account bolna --yes --json").status, 0)
    local both = run(SCRIPT .. " --account bolna,famulor --yes --json")
    lu.assertEquals(both.status, 75)
    lu.assertEquals(first.wait().status, 0)
end

-- --- what an earlier run left ----------------------------------------------------------------------

--- Kills a rotation while writes are under way; returns its run and the ids that were under way.
local function killed(arguments)
    start "--trunks 20 --limits none --latency 30"
    local first = begin(ROTATE .. arguments)
    wait_until(function() return #sandbox:writes() >= 7 end)
    first.signal "KILL"
    local out = first.wait()
    local last = sandbox:run [[-e 'print(require("trunkhost.ledger").run("last").id)']]
    local id = last.out:match "%S+"
    return id, out
end

function tests.test_what_a_killed_run_left_half_way_goes_first_and_the_plan_says_so()
    local id, first = killed "-j 4"
    local plan = sandbox:run(SCRIPT .. " --account famulor --dry-run")
    lu.assertEquals(plan.status, 0, plan.err)
    lu.assertStrContains(plan.out, "pending since run " .. id)
    lu.assertStrContains(plan.out, "trunks are pending since an earlier run and come first")
    local left = {}
    for line in plan.out:gmatch "[^\n]+" do
        local trunk = line:match "^famulor +(%d+) .*pending since"
        if trunk then
            left[trunk] = true
            lu.assertTrue(first.items[trunk] == nil, trunk)
        end
    end
    local before, number = #sandbox:writes(), 0
    for _ in pairs(left) do number = number + 1 end
    lu.assertTrue(number >= 1 and number <= 6, number)
    program.ok(run(ROTATE .. "-j 1"))
    local log = sandbox:writes()
    for i = before + 1, before + number do
        lu.assertTrue(left[log[i].path:match "[^/]+$"], log[i].path)
    end
    live_are_current()
    lu.assertNotStrContains(sandbox:run(SCRIPT .. " --account famulor --dry-run").out, "unsettled")
end

function tests.test_resume_goes_on_with_a_killed_run_and_does_nothing_twice_that_is_proven_done()
    local id, first = killed "-j 4 --legs inbound --max-failures 7"
    lu.assertTrue(first.items["42"].state == "done")
    local before = #sandbox:writes()
    local second = run(SCRIPT .. " --yes --json -j 3 --resume " .. id:sub(1, -2))
    lu.assertEquals(second.status, 0, second.err)
    lu.assertEquals(second.summary.total, 20)
    local skipped = 0
    for trunk, item in pairs(second.items) do
        if item.state == "skipped" then
            skipped = skipped + 1
            lu.assertEquals(item.reason, "done in run " .. id)
        else
            lu.assertEquals(item.state, "done", trunk)
        end
    end
    lu.assertTrue(skipped >= 1)
    lu.assertEquals(#sandbox:writes() - before, 20 - skipped)
    live_are_current()
    -- Once more: nothing is left, also of a run that went on with another one.
    local last = #sandbox:writes()
    local third = run(SCRIPT .. " --yes --json --resume " .. second.summary.run)
    lu.assertEquals(third.status, 0, third.err)
    lu.assertEquals(third.summary.skipped, 20)
    lu.assertEquals(#sandbox:writes(), last)
end

function tests.test_resume_of_an_applied_plan_finishes_what_the_kill_left_half_way()
    start "--trunks 20 --limits none --latency 30"
    local plan = sandbox.folder .. "/plan"
    lu.assertEquals(run(SCRIPT .. " --account famulor -n --plan-out " .. plan).status, 0)
    local first = begin(ROTATE .. "-j 4 --plan " .. plan)
    wait_until(function() return #sandbox:writes() >= 7 end)
    first.signal "KILL"
    first.wait()
    local second = run(SCRIPT .. " --yes --json --resume last")
    lu.assertEquals(second.status, 0, second.err)
    for _, item in pairs(second.items) do
        lu.assertTrue(item.state == "done" or item.reason:find "^done in run " ~= nil, item.reason)
    end
    live_are_current()
end

function tests.test_a_halted_run_says_how_to_go_on_and_that_command_does()
    start "--trunks 12 --limits none --fault refuse@PUT=0.6 --seed 3"
    local first = run(SCRIPT .. " --account famulor --yes --json --canary 0 --max-failures 2 -j 1")
    lu.assertEquals(first.status, 3)
    local script, id = first.err:match "to resume: trunkhost %-c %S+ %-%-ledger %S+ (%S+) %-%-resume (%S+)"
    lu.assertEquals(script, SCRIPT)
    lu.assertEquals(id, first.summary.run)
    -- What had not begun is not in doubt.
    lu.assertNotStrContains(sandbox:run(SCRIPT .. " --account famulor --dry-run").out, "unsettled")
    local done, status = first.summary.done, nil
    for _ = 1, 40 do
        local next_one = run(("%s --resume %s --yes --json -q"):format(script, id))
        status = next_one.status
        if status == 0 then break end
        lu.assertTrue(next_one.summary.skipped >= done)
        done = next_one.summary.skipped
        id = next_one.err:match "%-%-resume (%S+)" or next_one.summary.run
    end
    lu.assertEquals(status, 0)
    live_are_current()
    local applied = {}
    for _, request in ipairs(sandbox:writes()) do
        if request.applied then
            lu.assertNil(applied[request.path], request.path)
            applied[request.path] = true
        end
    end
end

function tests.test_an_unknown_item_is_named_with_what_to_do()
    start "--trunks 2 --limits none --fault error_before@PUT=1"
    local first = run(ROTATE .. "--canary 0")
    lu.assertEquals(first.status, 1)
    lu.assertStrContains(first.err, ("Unknown: famulor 42, famulor 43. To settle it: trunkhost -c %s --ledger %s %s \z
        --resume %s. To see what was tried: trunkhost explain 42 --account famulor"):format(sandbox:config(),
        sandbox:ledger_path(), SCRIPT, first.summary.run))
end

--- The ids that a file names are those of the run that goes on, and of the plan that is carried out.
function tests.test_the_ids_of_a_file_stay_chosen_when_a_run_goes_on_and_when_a_plan_is_carried_out()
    start "--trunks 6 --limits none"
    local ids = sandbox.folder .. "/ids.csv"
    program.write(ids, "Trunk;label\n'42;x\n43;\n45;\n")
    sandbox:tell("kill", { request = 3, moment = "before" })
    local stopped = run(("%s --account famulor --yes --json --only-from %s -j 1"):format(SCRIPT, ids))
    lu.assertEquals(stopped.status, 137, stopped.err)
    local resumed = run(("%s --yes --json --resume last"):format(SCRIPT))
    lu.assertEquals({ resumed.status, resumed.summary.total }, { 0, 3 }, resumed.err)
    local saved = sandbox.folder .. "/plan"
    local arguments = ("%s --account famulor --only-from %s"):format(SCRIPT, ids)
    lu.assertEquals(run(("%s --dry-run --plan-out %s"):format(arguments, saved)).status, 0)
    local other = run(("%s --account famulor --yes --plan %s"):format(SCRIPT, saved))
    lu.assertEquals(other.status, 2)
    lu.assertStrContains(other.err, "--only-from")
    local done = run(("%s --yes --json --plan %s"):format(arguments, saved))
    lu.assertEquals({ done.status, done.summary.done, done.summary.total }, { 0, 3, 3 }, done.err)
    lu.assertNotNil(done.items["45"])
    local piped = run(SCRIPT .. " --account famulor --only-from - --yes --json", { stdin = ids })
    lu.assertEquals({ piped.status, piped.summary.done }, { 0, 3 }, piped.err)
    lu.assertStrContains(run(("%s --yes --resume last"):format(SCRIPT)).err, "read its ids from standard input")
end

-- --- what cannot be resumed ------------------------------------------------------------------------

function tests.test_resume_takes_no_other_arguments_no_other_script_and_no_unknown_run()
    start "--trunks 3 --limits none"
    local script = sandbox.folder .. "/rotate.lua"
    program.write(script, program.read(SCRIPT))
    local id = run(script .. " --account famulor --yes --json --only 42").summary.run
    local before = #sandbox:ask "log"
    for arguments, words in pairs {
        ["--only 43"] = "you can add only -y, --json, -q, -j, --deadline and --window, not '--only'",
        ["-n"] = "not '-n'",
        ["surplus"] = "not 'surplus'",
    } do
        local result = run(("%s --resume %s --yes %s"):format(script, id, arguments))
        lu.assertEquals(result.status, 2)
        lu.assertStrContains(result.err, words)
        lu.assertEquals(select(2, result.err:gsub("\n", "")), 1)
    end
    local unknown = run(script .. " --yes --resume 1999")
    lu.assertEquals(unknown.status, 2)
    lu.assertStrContains(unknown.err, "1999")
    program.write(script, program.read(SCRIPT) .. "\n")
    local other = run(("%s --resume %s --yes"):format(script, id))
    lu.assertEquals(other.status, 2)
    lu.assertStrContains(other.err, "or this script has changed since")
    lu.assertEquals(#sandbox:ask "log", before)
end

function tests.test_items_and_their_plans_are_in_the_ledger()
    start "--trunks 3 --limits none --fault refuse@PUT=0.4 --seed 5"
    local first = run(ROTATE .. "--canary 0 -j 1")
    local code = ([[local l, j = require "trunkhost.ledger", require "trunkhost".json
        for _, item in ipairs(l.items { run = %q }) do print(j.encode(item)) end]]):format(first.summary.run)
    local number = 0
    for _, item in ipairs(events.lines(sandbox:run("-e " .. program.quote(code)).out)) do
        number = number + 1
        lu.assertEquals(item.state, first.items[item.trunk].state)
        lu.assertEquals(item.plan, { sip_password = "[new secret]" })
        lu.assertEquals(item.evidence, first.items[item.trunk].evidence)
        lu.assertEquals(item.error and item.error.kind, first.items[item.trunk].error and "refused" or nil)
    end
    lu.assertEquals(number, 3)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "resume", tests } })
