--- What comes after a migration: handing passwords on, the list for the carrier, and taking it all back.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local canonical <const> = require "trunkhost.text.canonical"
local migration <const> = require "migration"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--trunks 6 --limits none")

local function undo(apis, arguments)
    return migration.run(sandbox, nil, nil, "--undo " .. (arguments or "last"), { apis = apis })
end

--- Numbers that were removed stay at some platforms as deleted, and clocks go on.
local function picture(api)
    local state = sandbox:ask("state")[api]
    local list = {}
    for i, trunk in ipairs(state.trunks) do
        list[i] = canonical.text(trunk)
    end
    for _, number in ipairs(api == "vatel" and state.numbers or {}) do
        list[#list + 1] = canonical.text(number)
    end
    table.sort(list)
    return list
end

local PAIRS <const> = { { "famulor", "autocalls" }, { "famulor", "vatel" }, { "bolna", "bolna_trunk" } }

for _, pair in ipairs(PAIRS) do
    local from, to = pair[1], pair[2]
    tests[("test_undo_returns_%s_to_its_state_before_a_run_from_%s"):format(to, from)] = function()
        -- Some of what is there must stay.
        local left = 0
        if to == "autocalls" then
            migration.empty(sandbox, to)
            migration.run(sandbox, from, to, "--secrets generate --only 42,43")
            left = 2
        end
        local before = picture(to)
        local result = migration.run(sandbox, from, to, migration.consent(sandbox, to))
        lu.assertTrue(result.summary.done > 0, result.err .. result.out)
        lu.assertNotEquals(picture(to), before)
        local undone = program.ok(undo(pair))
        lu.assertEquals(undone.summary.done, result.summary.done)
        lu.assertEquals(picture(to), before)
        lu.assertTrue(left == 0 or select(2, migration.trunks(sandbox, to)) == left)
        lu.assertEquals(undo(pair, result.summary.run).summary.total, 0)
    end
end

--- How often the whole list of an API was asked for.
local function lists(path)
    local count = 0
    for _, request in ipairs(sandbox:ask "log") do
        count = count + (request.method == "GET" and request.path:match "^[^?]*" == path and 1 or 0)
    end
    return count
end

--- Two thousand trunks would else cost four million rows.
function tests.test_the_list_is_not_asked_again_for_each_trunk_that_is_retired_or_taken_back()
    migration.empty(sandbox, "bolna_trunk")
    local consent = migration.consent(sandbox, "bolna_trunk")
    local first = migration.run(sandbox, "bolna", "bolna_trunk", consent .. " --only 01KDW94APC8FKNQ2MNMJX9W500")
    lu.assertEquals(first.status, 0, first.err)
    local before = lists "/bolna_trunk/trunk/trunks"
    undo({ "bolna", "bolna_trunk" }, first.summary.run)
    local for_one = lists "/bolna_trunk/trunk/trunks" - before
    lu.assertTrue(for_one > 0)
    local all = migration.run(sandbox, "bolna", "bolna_trunk", consent)
    lu.assertEquals(all.summary.done, 6, all.err)
    before = lists "/bolna_trunk/trunk/trunks"
    undo({ "bolna", "bolna_trunk" }, all.summary.run)
    lu.assertEquals(lists "/bolna_trunk/trunk/trunks" - before, for_one)

    before = lists "/bolna/sip-trunks/trunks"
    local retired = migration.run(sandbox, "bolna", "bolna_trunk", consent .. " --retire delete")
    lu.assertEquals(retired.summary.done, 6, retired.err)
    local count = lists "/bolna/sip-trunks/trunks" - before
    lu.assertTrue(count > 0 and count < 6, count)
    lu.assertEquals(select(2, migration.trunks(sandbox, "bolna")), 0)
end

function tests.test_what_was_changed_since_is_not_removed()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate")
    lu.assertEquals(result.status, 0, result.err)
    local id = result.items["42"].target
    program.ok(sandbox:run(("-e %s"):format(program.quote(
        ('require("trunkhost").account("autocalls"):update(%s, { nickname = "Mine" })'):format(id))),
        { apis = { "autocalls" } }))
    local undone = undo({ "famulor", "autocalls" }, result.summary.run)
    lu.assertEquals(undone.status, 1)
    lu.assertEquals(undone.summary.failed, 1)
    lu.assertStrContains(undone.items[id].error.message, "label")
    local left, count = migration.trunks(sandbox, "autocalls")
    lu.assertEquals(count, 1)
    lu.assertNotNil(left[id])
end

function tests.test_the_only_one_that_is_left_is_not_removed()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42 --retire delete")
    lu.assertEquals(result.status, 0, result.err)
    lu.assertNil(migration.trunks(sandbox, "famulor")["42"])
    local undone = undo { "famulor", "autocalls" }
    lu.assertEquals(undone.status, 1)
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 1)
end

function tests.test_the_only_one_in_service_is_not_removed()
    migration.empty(sandbox, "bolna_trunk")
    local consent = migration.consent(sandbox, "bolna_trunk") .. " --only 01KDW94APC8FKNQ2MNMJX9W500"
    local result = migration.run(sandbox, "bolna", "bolna_trunk", consent .. " --retire deactivate")
    lu.assertEquals(result.status, 0, result.err)
    local undone = undo { "bolna", "bolna_trunk" }
    lu.assertEquals(undone.status, 1)
    lu.assertStrContains(undone.out, "is out of service: activate it first")
    lu.assertEquals(select(2, migration.trunks(sandbox, "bolna_trunk")), 1)
end

--- Promise: what carries calls now is not switched off because its source was.
function tests.test_a_copy_stays_in_service_when_the_command_that_retired_its_source_runs_again()
    migration.empty(sandbox, "bolna_trunk")
    local arguments = migration.consent(sandbox, "bolna_trunk") .. " --retire deactivate"
    program.ok(migration.run(sandbox, "bolna", "bolna_trunk", arguments))
    local copies = picture "bolna_trunk"
    local again = migration.run(sandbox, "bolna", "bolna_trunk", arguments)
    lu.assertEquals({ again.status, again.summary.skipped }, { 0, again.summary.total }, again.err)
    lu.assertEquals(picture "bolna_trunk", copies)
end

--- Promise: the command that a halted run names goes on with it.
function tests.test_taking_back_that_was_halted_is_gone_on_with_by_last_and_by_resume()
    migration.empty(sandbox, "autocalls")
    local apis = { "famulor", "autocalls" }
    local made = migration.run(sandbox, "famulor", "autocalls", "--secrets generate")
    lu.assertEquals(made.summary.done, 6, made.err)
    local function halt(words)
        sandbox:tell("faults", { fault = "refuse@DELETE=1" })
        local halted = undo(apis, words .. " --max-failures 1")
        sandbox:tell "faults"
        lu.assertEquals({ halted.status, halted.summary.halted }, { 3, true }, halted.err)
        return halted
    end
    local halted = halt "last"
    local again = halt "last"
    lu.assertEquals(again.summary.total, 6)
    local resumed = sandbox:run("migrate_trunks.lua --resume " .. halted.summary.run .. " --yes", { apis = apis })
    lu.assertEquals(resumed.status, 0, resumed.err)
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 0)
end

function tests.test_a_run_that_was_no_migration_cannot_be_undone()
    local rotated = sandbox:run("rotate_passwords.lua --account famulor --only 43 --yes", { apis = { "famulor" } })
    lu.assertEquals(rotated.status, 0)
    local undone = undo { "famulor", "autocalls" }
    lu.assertEquals(undone.status, 2)
    lu.assertStrContains(undone.err, "not a migration")
end

local function deliver_to(path)
    return ("--deliver %s"):format(program.quote("cat >> " .. path))
end

function tests.test_generated_passwords_are_handed_on_under_the_new_id_once()
    migration.empty(sandbox, "autocalls")
    local path = sandbox.folder .. "/delivered"
    local arguments = "--secrets generate --only 42,43 " .. deliver_to(path)
    program.ok(migration.run(sandbox, "famulor", "autocalls", arguments))
    local result = migration.run(sandbox, "famulor", "autocalls", arguments)
    lu.assertEquals(result.summary.skipped, 2, result.out)
    local trunks, count = migration.trunks(sandbox, "autocalls"), 0
    for _, told in ipairs(events.lines(program.read(path))) do
        count = count + 1
        lu.assertEquals(told.account, "autocalls")
        lu.assertEquals(told.secret, trunks[told.trunk].sip_password)
        lu.assertEquals(told.username, trunks[told.trunk].sip_username)
    end
    lu.assertEquals(count, 2)
end

function tests.test_what_was_not_taken_is_delivered_by_the_next_run_and_the_source_waits()
    migration.empty(sandbox, "autocalls")
    local path = sandbox.folder .. "/delivered"
    local arguments = "--secrets generate --only 42 --retire delete "
    local result = migration.run(sandbox, "famulor", "autocalls", arguments .. "--deliver false")
    lu.assertEquals(result.status, 1)
    lu.assertEquals(result.items["42"].error.kind, "delivery")
    lu.assertNotNil(migration.trunks(sandbox, "famulor")["42"])
    local password = migration.trunks(sandbox, "autocalls")[result.items["42"].target].sip_password
    result = migration.run(sandbox, "famulor", "autocalls", arguments .. deliver_to(path))
    lu.assertEquals(result.status, 0, result.err .. result.out)
    lu.assertEquals(json.decode(program.read(path)).secret, password)
    lu.assertNil(migration.trunks(sandbox, "famulor")["42"])
end

function tests.test_one_command_for_the_whole_run_reads_a_line_for_each_password()
    migration.empty(sandbox, "vatel")
    local path = sandbox.folder .. "/delivered"
    local arguments = migration.consent(sandbox, "vatel") .. " --only 42,43 --deliver-batch "
    local deaf = migration.run(sandbox, "famulor", "vatel", arguments .. "--deliver 'cat > /dev/null; exit 4'")
    lu.assertEquals({ deaf.status, deaf.summary.failed }, { 1, 2 }, deaf.err)
    lu.assertEquals(deaf.items["42"].error.kind, "delivery")
    lu.assertStrContains(deaf.items["42"].error.message, "ended with status 4")
    local result = migration.run(sandbox, "famulor", "vatel", arguments .. ("--deliver %s"):format(
        program.quote(("echo started >> %s; cat >> %s"):format(path, path))))
    lu.assertEquals({ result.status, result.summary.done }, { 0, 2 }, result.err .. result.out)
    local trunks, started, told = migration.trunks(sandbox, "vatel"), 0, 0
    for line in program.read(path):gmatch "[^\n]+" do
        if line == "started" then
            started = started + 1
        else
            local event = json.decode(line)
            told = told + 1
            lu.assertEquals(event.secret, trunks[event.trunk][event.field])
        end
    end
    local wanted = 0
    for _, trunk in pairs(trunks) do
        wanted = wanted + (trunk.outbound_sip_password and 1 or 0) + (trunk.inbound_sip_password and 1 or 0)
    end
    lu.assertEquals({ started, told }, { 1, wanted })
    local third = migration.run(sandbox, "famulor", "vatel", arguments .. "--deliver false")
    lu.assertEquals({ third.status, third.summary.skipped }, { 0, 2 }, third.err)
end

function tests.test_no_source_goes_before_the_one_command_has_ended()
    local result = migration.run(sandbox, "bolna", "bolna_trunk", "--deliver true --deliver-batch --retire delete")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "too late for --retire delete")
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_the_list_for_the_carrier_has_old_and_new_ids()
    migration.empty(sandbox, "bolna_trunk")
    local path = sandbox.folder .. "/mapping.csv"
    local result = program.ok(migration.run(sandbox, "bolna", "bolna_trunk", migration.consent(sandbox, "bolna_trunk")
        .. " --mapping-out " .. path))
    local rows = require("trunkhost.csv").parse(program.read(path))
    lu.assertEquals(#rows, 7)
    for i = 2, 7 do
        lu.assertEquals(rows[i][4], result.items[rows[i][2]].target)
        lu.assertStrContains(rows[i][7], "trunk.example.com, port 5060")
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_after", tests } })
