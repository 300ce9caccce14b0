--- Trunks that move: complete, none lost silently, none made twice.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local migration <const> = require "migration"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

--- What Famulor and Autocalls let everybody read, besides ids and times.
local READABLE <const> = { "nickname", "phone_number", "sip_username", "sip_address", "sip_calling_format",
    "inbound_authorization_type", "allowed_inbound_ips", "country_code", "outbound_proxy" }

--- Nothing is nothing, however a platform writes it.
local function text_of(value)
    return (value == nil or value == "" or value == json.null) and "nothing" or json.encode { value }
end

local function assert_alike(from, to, context)
    for _, field in ipairs(READABLE) do
        lu.assertEquals(text_of(to[field]), text_of(from[field]), context .. ": " .. field)
    end
end

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--trunks 12 --limits none")

function tests.test_famulor_and_autocalls_round_trip_keeps_every_readable_field()
    migration.empty(sandbox, "autocalls")
    local source, count = migration.trunks(sandbox, "famulor")
    local there = migration.run(sandbox, "famulor", "autocalls", "--secrets generate")
    lu.assertEquals(there.status, 0, there.err .. there.out)
    lu.assertEquals(there.summary.done, count)
    local copies, copied = migration.trunks(sandbox, "autocalls")
    lu.assertEquals(copied, count)
    for id, trunk in pairs(source) do
        assert_alike(trunk, copies[there.items[id].target], id)
    end

    migration.empty(sandbox, "famulor")
    local back = migration.run(sandbox, "autocalls", "famulor", "--secrets generate")
    lu.assertEquals(back.status, 0, back.err .. back.out)
    local again = migration.trunks(sandbox, "famulor")
    for id, trunk in pairs(source) do
        assert_alike(trunk, again[back.items[there.items[id].target].target], id)
    end
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

function tests.test_the_new_password_is_current_in_the_ledger_under_the_new_id()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42")
    lu.assertEquals(result.status, 0, result.err)
    local id = result.items["42"].target
    local trunk = migration.trunks(sandbox, "autocalls")[id]
    lu.assertEquals(sandbox:current_secrets().autocalls[id].sip_password, trunk.sip_password)
end

function tests.test_what_is_there_already_is_skipped()
    migration.empty(sandbox, "autocalls")
    local first = migration.run(sandbox, "famulor", "autocalls", "--secrets generate")
    lu.assertEquals(first.status, 0, first.err .. first.out)
    local second = migration.run(sandbox, "famulor", "autocalls", "--secrets generate")
    lu.assertEquals(second.status, 0, second.err .. second.out)
    lu.assertEquals(second.summary.skipped, 12)
    for id, item in pairs(second.items) do
        lu.assertEquals(item.target, first.items[id].target)
        lu.assertStrContains(item.reason, "already exists")
    end
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 12)
end

function tests.test_bolna_moves_to_its_newer_api_with_all_numbers_and_gateways()
    migration.empty(sandbox, "bolna_trunk")
    local source, count = migration.trunks(sandbox, "bolna")
    local result = migration.run(sandbox, "bolna", "bolna_trunk", migration.consent(sandbox, "bolna_trunk"))
    lu.assertEquals(result.summary.done, count, result.err .. result.out)
    local copies = migration.trunks(sandbox, "bolna_trunk")
    for id, trunk in pairs(source) do
        local copy = copies[result.items[id].target]
        lu.assertEquals(copy.name, trunk.name)
        lu.assertEquals(copy.is_active, trunk.is_active)
        lu.assertEquals(#copy.gateways, #trunk.gateways)
        local numbers = 0
        for _, number in ipairs(trunk.phone_numbers) do
            numbers = numbers + (number.deleted and 0 or 1)
        end
        lu.assertEquals(#copy.numbers, numbers)
    end
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

function tests.test_encryption_is_dropped_only_when_it_is_named()
    migration.empty(sandbox, "bolna_trunk")
    local result = migration.run(sandbox, "bolna", "bolna_trunk", "--secrets generate "
        .. "--set inbound.sources=192.0.2.7 --allow-loss numbers.name,extras,agent_ref,registration.enabled")
    lu.assertEquals(result.status, 1)
    for id, trunk in pairs(migration.trunks(sandbox, "bolna")) do
        local encrypted = trunk.transport == "transport-tls" or trunk.media_encryption == "sdes"
        lu.assertEquals(result.items[id].state, encrypted and "failed" or "done", id)
    end
end

function tests.test_a_dry_run_tells_findings_and_body_without_a_secret_and_sends_nothing()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --dry-run")
    lu.assertEquals(result.status, 0, result.err)
    for _, item in pairs(result.items) do
        lu.assertEquals(item.state, "skipped")
        lu.assertEquals(item.findings[1].field, "agent_ref")
        lu.assertEquals(item.create[1].body.sip_password, "[secret]")
        lu.assertNotNil(item.create[1].body.sip_username)
    end
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 0)
end

--- Promise: a trunk that would lose something is named, and the others move.
function tests.test_one_lossy_trunk_among_twenty_is_named_and_nineteen_move()
    sandbox:reset { trunks = 20 }
    migration.empty(sandbox, "vatel")
    local agent = sandbox:ask("state").vatel.agents[1].id
    local path = sandbox.folder .. "/supply.csv"
    local file = assert(io.open(path, "w"))
    file:write "trunk,vendor\n"
    local left_out
    for id in pairs(migration.trunks(sandbox, "famulor")) do
        left_out = left_out or id
        file:write(id, ",", id ~= left_out and "generic" or "", "\n")
    end
    file:close()
    local arguments = ("--secrets generate --set registration.enabled=no --set agent_ref=%s --supply %s "
        .. "--set inbound.sources=192.0.2.7 --allow-loss label,calling_format,country,fixed_source_ip"):format(agent,
        path)
    local none = migration.run(sandbox, "famulor", "vatel", arguments .. " --all-or-nothing")
    lu.assertEquals(none.status, 1, none.err .. none.out)
    lu.assertEquals({ none.summary.failed, none.summary.skipped }, { 1, 19 })
    lu.assertEquals(select(2, migration.trunks(sandbox, "vatel")), 0)

    local result = migration.run(sandbox, "famulor", "vatel", arguments)
    lu.assertEquals(result.status, 1, result.err .. result.out)
    lu.assertEquals({ result.summary.done, result.summary.failed }, { 19, 1 })
    lu.assertEquals(result.items[left_out].state, "failed")
    lu.assertStrContains(result.items[left_out].error.message, "vendor: a preset is required")
    lu.assertEquals(select(2, migration.trunks(sandbox, "vatel")), 19)
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

function tests.test_a_trunk_without_a_password_is_not_created()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls")
    lu.assertEquals(result.status, 1)
    lu.assertEquals(result.summary.failed, 12)
    lu.assertStrContains(result.items["42"].error.message, "--secrets")
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 0)
end

function tests.test_passwords_of_a_file_and_of_the_ledger_are_the_ones_that_are_set()
    migration.empty(sandbox, "autocalls")
    local rotated = sandbox:run("rotate_passwords.lua --account famulor --only 43 --yes", { apis = { "famulor" } })
    lu.assertEquals(rotated.status, 0, rotated.err)
    local known = migration.run(sandbox, "famulor", "autocalls", "--secrets ledger --only 43")
    lu.assertEquals(known.status, 0, known.err .. known.out)
    local path = sandbox.folder .. "/secrets.csv"
    local file = assert(io.open(path, "w"))
    file:write "trunk,outbound.secret\n42,of-the-carrier-1234\n"
    file:close()
    local arguments = ("--secrets file --only 42 --supply %s"):format(path)
    lu.assertEquals(migration.run(sandbox, "famulor", "autocalls", arguments).status, 2)
    os.execute(("chmod 600 %s"):format(path))
    local given = program.ok(migration.run(sandbox, "famulor", "autocalls", arguments))
    local trunks = migration.trunks(sandbox, "autocalls")
    lu.assertEquals(trunks[known.items["43"].target].sip_password,
        migration.trunks(sandbox, "famulor")["43"].sip_password)
    lu.assertEquals(trunks[given.items["42"].target].sip_password, "of-the-carrier-1234")
end

local function supply(text)
    local path = sandbox.folder .. "/supply.csv"
    program.write(path, text, "600")
    return "--supply " .. path
end

function tests.test_a_line_for_a_trunk_that_is_not_there_is_named()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42 "
        .. supply "trunk,label\n42,Given\n43,Not chosen\n4200,Slip\nx-1,Another\n")
    lu.assertEquals(result.status, 0, result.err)
    lu.assertStrContains(result.err, "famulor has no trunk 4200")
    lu.assertStrContains(result.err, "famulor has no trunk x-1")
    lu.assertNotStrContains(result.err, "no trunk 43")
    lu.assertEquals(migration.trunks(sandbox, "autocalls")[result.items["42"].target].nickname, "Given")
end

function tests.test_a_column_that_is_no_field_ends_the_run_before_anything_is_asked()
    local result = migration.run(sandbox, "famulor", "autocalls", supply "trunk,lable\n42,Given\n")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "there is no field 'lable'")
    lu.assertEquals(#sandbox:ask "log", 0)
end

--- Promise: no number is answered by two trunks. At Vatel they stand on assignments, which the list leaves out.
function tests.test_a_number_that_a_trunk_of_vatel_answers_already_stops_the_one_that_wants_it()
    migration.empty(sandbox, "vatel")
    local agent = sandbox:ask("state").vatel.agents[1].id
    local number = migration.trunks(sandbox, "famulor")["45"].phone_number
    lu.assertStrMatches(number, "%+%d+")
    program.ok(sandbox:run("-e " .. program.quote(([[
        local account = require("trunkhost").account "vatel"
        local trunk = account:create { pbx = "3cx", inbound_auth_type = "acl", inbound_host = "192.0.2.1" }
        account:call("assignments.create", { id = trunk.id }, { agent_id = %q, alternate_number = %q })]]):format(
        agent, number)), { apis = { "vatel" } }))
    local result = migration.run(sandbox, "famulor", "vatel", migration.consent(sandbox, "vatel") .. " --only 42,45")
    lu.assertEquals({ result.summary.done, result.summary.failed }, { 1, 1 }, result.err)
    lu.assertStrContains(result.items["45"].error.message, "would be answered by two trunks, this one and trunk ")
    lu.assertEquals(select(2, migration.trunks(sandbox, "vatel")), 2)
end

--- One that the ledger knows as never handed on is no reason to leave the trunk where it is.
function tests.test_an_undelivered_password_of_the_source_does_not_take_the_place_of_its_move()
    migration.empty(sandbox, "autocalls")
    local rotated = sandbox:run("rotate_passwords.lua --account famulor --only 42 --yes --deliver false",
        { apis = { "famulor" } })
    lu.assertEquals(rotated.status, 1, rotated.err)
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42 --deliver true")
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 1)
end

function tests.test_a_number_for_each_trunk_makes_several_of_one()
    migration.empty(sandbox, "famulor")
    local result = migration.run(sandbox, "bolna", "famulor", "--only 01KDW94APC8FKNQ2MNMJX9W500 --secrets generate "
        .. "--set country=DE --set fixed_source_ip=yes --set outbound.username=carrier --allow-loss "
        .. "numbers.name,extras,agent_ref,transport,media_encryption,codecs,gateways,description,active,vendor,"
        .. "inbound.enabled,registration.enabled")
    lu.assertEquals(result.status, 0, result.err)
    local targets = result.items["01KDW94APC8FKNQ2MNMJX9W500"].target
    lu.assertEquals(#targets, 3)
    local trunks, count = migration.trunks(sandbox, "famulor")
    lu.assertEquals(count, 3)
    lu.assertNotEquals(trunks[targets[1]].phone_number, trunks[targets[2]].phone_number)
end

function tests.test_the_source_goes_only_when_its_copy_is_complete()
    migration.empty(sandbox, "bolna_trunk")
    sandbox:tell("faults", { fault = "refuse@POST=0.3" })
    local result = migration.run(sandbox, "bolna", "bolna_trunk", migration.consent(sandbox, "bolna_trunk")
        .. " --retire delete")
    sandbox:tell "faults"
    local left = migration.trunks(sandbox, "bolna")
    local gone = 0
    for id, item in pairs(result.items) do
        lu.assertEquals(left[id] == nil, item.state == "done", id)
        gone = gone + (item.state == "done" and 1 or 0)
    end
    lu.assertTrue(gone > 0 and gone < 12)
end

function tests.test_a_source_can_be_put_out_of_service()
    migration.empty(sandbox, "bolna_trunk")
    local consent = migration.consent(sandbox, "bolna_trunk") .. " --only 01KDW94APC8FKNQ2MNMJX9W500"
    program.ok(migration.run(sandbox, "bolna", "bolna_trunk", consent))
    local result = migration.run(sandbox, "bolna", "bolna_trunk", consent .. " --retire deactivate")
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.summary.done, 1)
    lu.assertFalse(migration.trunks(sandbox, "bolna")["01KDW94APC8FKNQ2MNMJX9W500"].is_active)
    result = migration.run(sandbox, "famulor", "bolna_trunk", "--retire deactivate")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "cannot deactivate a trunk")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate", tests } })
