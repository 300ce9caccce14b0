--- Putting the previous passwords back (rotate_passwords.lua --rollback). The judge is the sandbox's own memory.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local json <const> = require "trunkhost".json
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none --trunks 4")

local function rotate(arguments)
    return events.read(sandbox:run("rotate_passwords.lua --yes --json --account famulor " .. (arguments or "")))
end

local function live()
    local passwords = {}
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        passwords[tostring(trunk.id)] = trunk.sip_password
    end
    return passwords
end

function tests.test_the_previous_passwords_are_live_again_and_current_in_the_ledger_and_those_without_one_stay()
    start()
    lu.assertEquals(rotate().status, 0)
    local old = live()
    lu.assertEquals(rotate("--only 42,43").status, 0)
    local new = live()
    lu.assertNotEquals(new["42"], old["42"])

    local result = rotate "--rollback"
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.summary.done, 2)
    lu.assertEquals(result.summary.skipped, 2)
    lu.assertEquals(result.items["45"].reason, "the ledger has no previous password of it")
    lu.assertEquals(live(), old)
    local current = {}
    local export = sandbox:run "secrets export --account famulor --json"
    for _, row in ipairs(events.lines(export.out)) do
        if row.state == "current" then current[row.trunk] = row.secret end
    end
    lu.assertEquals(current["42"], old["42"])
    lu.assertEquals(current["43"], old["43"])
    for _, password in pairs(old) do
        lu.assertNotStrContains(result.out .. result.err, password)
    end
end

function tests.test_a_second_rollback_turns_nothing_round_until_passwords_are_new_again()
    start()
    rotate()
    local old = live()
    rotate()
    lu.assertEquals(rotate "--rollback".summary.done, 4)
    local before, again = #sandbox:writes(), rotate "--rollback"
    lu.assertEquals(again.summary.skipped, 4)
    lu.assertStrContains(again.items["42"].reason, "was restored by run ")
    lu.assertEquals(#sandbox:writes(), before)
    lu.assertEquals(live(), old)
    lu.assertEquals(rotate "--only 42".status, 0)
    lu.assertEquals(rotate "--rollback".summary.done, 1)
    lu.assertEquals(live(), old)
end

function tests.test_a_password_in_doubt_gives_way_to_the_one_before_it()
    start()
    rotate()
    local old = live()
    sandbox:tell("faults", { fault = "error_before@PUT=1" })
    lu.assertEquals(rotate "--only 42".status, 1)
    sandbox:tell "faults"
    lu.assertEquals(rotate "--rollback --only 42".summary.done, 1)
    lu.assertEquals(live(), old)
end

function tests.test_a_rollback_that_was_cut_off_is_resumed_and_ends_the_same()
    start()
    rotate()
    local old = live()
    rotate()
    sandbox:tell("faults", { fault = "error_before@PUT=1" })
    local cut = rotate "--rollback --canary 0"
    lu.assertEquals(cut.status, 1)
    sandbox:tell "faults"
    local resumed = sandbox:run("rotate_passwords.lua --yes --json --resume " .. cut.summary.run)
    lu.assertEquals(resumed.status, 0, resumed.err)
    lu.assertEquals(live(), old)
end

function tests.test_a_rollback_that_was_killed_at_any_write_ends_the_same_when_it_is_begun_again()
    start "--trunks 3"
    local killed = 0
    for request = 3, 9 do
        sandbox:reset()
        rotate()
        local old = live()
        rotate()
        sandbox:tell("kill", { request = request, moment = request % 2 == 0 and "after" or "before" })
        killed = killed + (rotate "--rollback".status == 137 and 1 or 0)
        sandbox:tell "kill"
        local again = rotate "--rollback"
        lu.assertEquals(again.status, 0, again.err)
        lu.assertEquals(live(), old, request)
    end
    lu.assertTrue(killed >= 4)
end

function tests.test_of_a_run_only_what_it_has_set_is_put_back()
    start()
    rotate()
    local old = live()
    local run = rotate "--only 42,43".summary.run
    local later = rotate "--only 43,45".summary.run
    local newest = live()
    local result = rotate("--rollback --run " .. run)
    lu.assertEquals(result.summary.done, 1)
    lu.assertEquals(result.items["43"].reason, ("its password was not set by run %s"):format(run))
    newest["42"] = old["42"]
    lu.assertEquals(live(), newest)
    lu.assertEquals(rotate("--rollback --run " .. later).summary.done, 2)
    for arguments, words in pairs {
        ["--run " .. run] = "--run needs --rollback", ["--rollback --run nonsense"] = "no run",
        ["--rollback --run last"] = "write the id" } do
        local wrong = rotate(arguments)
        lu.assertEquals(wrong.status, 2)
        lu.assertStrContains(wrong.err, words)
    end
end

function tests.test_without_the_private_key_nothing_is_sent_and_it_says_where_to_run_it()
    start()
    rotate()
    rotate()
    os.remove((sandbox:ledger_path():gsub("%.db$", ".key")))
    local before, result = #sandbox:writes(), rotate "--rollback"
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "that has the ledger's private key")
    lu.assertEquals(#sandbox:writes(), before)
end

function tests.test_a_dry_run_shows_what_would_be_put_back_and_a_rollback_is_delivered()
    start()
    rotate()
    local old = live()
    rotate()
    local before, plan = #sandbox:writes(), rotate "--rollback --dry-run"
    lu.assertEquals(plan.status, 0)
    lu.assertEquals(plan.items["42"].planned, true)
    lu.assertEquals(#sandbox:writes(), before)
    local taken = sandbox.folder .. "/taken"
    lu.assertEquals(rotate(("--rollback --only 42 --deliver 'cat >> %s'"):format(taken)).status, 0)
    local file = assert(io.open(taken))
    lu.assertEquals(json.decode(file:read "l").secret, old["42"])
    file:close()
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "rollback", tests } })
