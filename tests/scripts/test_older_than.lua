--- Rotating only what is due (--older-than). Time passes by making the ledger's own notes older.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local events <const> = require "events"
local lu <const> = require "luaunit"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none")

local function rotate(arguments)
    local result = events.read(sandbox:run("rotate_passwords.lua --yes --json " .. arguments))
    lu.assertNotNil(result.summary, result.err)
    return result
end

local function change_ledger(sql)
    lu.assertEquals(sandbox:query(sql), "")
end

--- The passwords of a trunk were proven that long ago.
local function make_older(trunk, days)
    change_ledger(("UPDATE secrets SET proven_at = strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', '%+g days') "
        .. "WHERE trunk = '%s'"):format(-days, trunk))
end

function tests.test_what_was_rotated_lately_is_skipped_with_its_age_and_what_is_due_or_not_known_is_rotated()
    start "--trunks 4"
    lu.assertEquals(rotate "--account famulor --only 42,43,45".status, 0)
    make_older("42", 12.4)
    make_older("43", 91)
    local result = rotate "--account famulor --older-than 90d"
    lu.assertEquals(result.status, 0)
    lu.assertEquals(result.items["42"].state, "skipped")
    lu.assertEquals(result.items["42"].reason, "rotated 12 days ago")
    lu.assertEquals(result.items["45"].reason, "rotated less than a minute ago")
    lu.assertEquals(result.items["43"].state, "done")
    lu.assertEquals(result.items["46"].state, "done")
    lu.assertEquals(rotate "--account famulor --older-than 90d".summary.skipped, 4)
    lu.assertEquals(rotate "--account famulor --older-than 12d9h".summary.done, 1)
end

function tests.test_a_password_that_may_not_be_the_live_one_or_that_the_carrier_refused_is_due()
    start "--trunks 2"
    lu.assertEquals(rotate "--account famulor".status, 0)
    sandbox:tell("faults", { fault = "error_before@PUT=1" })
    lu.assertEquals(rotate "--account famulor --only 42".summary.unknown, 1)
    sandbox:tell "faults"
    local result = rotate "--account famulor --older-than 1d"
    lu.assertEquals(result.items["42"].state, "done")
    lu.assertEquals(result.items["43"].state, "skipped")

    local id
    for _, trunk in ipairs(sandbox:ask "state".vatel.trunks) do
        id = trunk.register == true and type(trunk.outbound_sip_password) == "string" and trunk.id or id
    end
    sandbox:tell("faults", { fault = "auth_failed=1" })
    lu.assertEquals(rotate("--account vatel --only " .. id).summary.failed, 1)
    sandbox:tell "faults"
    lu.assertEquals(rotate("--account vatel --older-than 1d --only " .. id).summary.done, 1)
    lu.assertEquals(rotate("--account vatel --older-than 1d --only " .. id).summary.skipped, 1)
end

function tests.test_a_proof_from_the_future_counts_as_due_and_is_said_once()
    start "--trunks 3"
    lu.assertEquals(rotate "--account famulor".status, 0)
    make_older("42", -400)
    make_older("43", -1)
    local result = rotate "--account famulor --older-than 90d"
    lu.assertEquals(result.items["42"].state, "done")
    lu.assertEquals(result.items["43"].state, "done")
    lu.assertEquals(result.summary.skipped, 1)
    local _, times = result.err:gsub("in the future", "")
    lu.assertEquals(times, 1)
    lu.assertEquals(rotate "--account famulor --older-than 90d".summary.skipped, 3)
    change_ledger "UPDATE runs SET started_at = '2099-01-01T00:00:00.000Z' WHERE seq = (SELECT max(seq) FROM runs)"
    local doctor = sandbox:run "doctor --offline"
    lu.assertStrContains(doctor.out, "clock: the last run in the ledger began at 2099-01-01 00:00:00 UTC")
end

function tests.test_each_password_of_a_trunk_has_its_own_age()
    start()
    local id
    for _, trunk in ipairs(sandbox:ask "state".vatel.trunks) do
        local both = type(trunk.outbound_sip_password) == "string" and type(trunk.inbound_sip_password) == "string"
        id = both and trunk.id or id
    end
    lu.assertEquals(rotate("--account vatel --legs outbound --only " .. id).summary.done, 1)
    local before = #sandbox:ask "log"
    lu.assertEquals(rotate("--account vatel --older-than 1d --only " .. id).summary.done, 1)
    local log, sent = sandbox:ask "log", nil
    for i = before + 1, #log do
        sent = log[i].method == "PATCH" and trunkhost.json.decode(log[i].body) or sent
    end
    lu.assertNotNil(sent.inbound_sip_password)
    lu.assertNil(sent.outbound_sip_password)
end

function tests.test_without_a_ledger_everything_is_due_and_a_wrong_duration_is_refused()
    start "--trunks 2"
    local plan = rotate "--account famulor --older-than 90d --dry-run"
    lu.assertEquals(plan.items["42"].planned, true)
    local wrong = sandbox:run("rotate_passwords.lua --account famulor --yes --older-than 90")
    lu.assertEquals(wrong.status, 2)
    lu.assertStrContains(wrong.err, "'90' is not a duration: write 45s, 10m, 1h30m or 2d")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "older_than", tests } })
