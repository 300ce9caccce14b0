--- Mistakes of people who migrate: each is said before anything is created or removed, with what to do.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local migration <const> = require "migration"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--trunks 6 --limits none")

local function supply(text)
    local path = sandbox.folder .. "/supply.csv"
    program.write(path, text, "600")
    return "--supply " .. path
end

local LOSSES <const> = " --allow-loss label,calling_format,country,fixed_source_ip --set registration.enabled=no "

local function agent()
    return sandbox:ask("state").vatel.agents[1].id
end

--- Promise: the source is touched only when there is a copy. Here the copy would be the source.
function tests.test_two_names_for_one_account_are_refused_and_nothing_is_retired()
    local config = sandbox:config { apis = { "famulor" } }
    local text = program.read(config)
    program.write(config, (text:gsub("%[\"famulor\"%]( = %b{},)", "first%1 second%1")))
    for _, how in ipairs { "keep", "delete" } do
        local result = program.run(("-c %s --ledger %s migrate_trunks.lua --from first --to second --secrets generate "
            .. "--retire %s --yes"):format(config, sandbox:ledger_path(), how))
        lu.assertEquals(result.status, 2, result.out)
        lu.assertStrContains(result.err, "both have trunk 42, so they are one account at the platform")
    end
    lu.assertEquals(select(2, migration.trunks(sandbox, "famulor")), 6)
    lu.assertEquals(#sandbox:writes(), 0)
end

function tests.test_a_request_for_a_part_that_the_platform_would_not_take_stops_its_trunk_before_it_is_created()
    migration.empty(sandbox, "vatel")
    local before = #sandbox:writes()
    local result = migration.run(sandbox, "famulor", "vatel",
        "--secrets generate --only 42 --set vendor=3cx --set agent_ref=not-a-uuid" .. LOSSES)
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(result.items["42"].error.message, "not created: agent_id: must be a UUID")
    lu.assertEquals(#sandbox:writes(), before)
end

function tests.test_a_given_value_that_the_target_does_not_have_is_not_replaced_by_another_one()
    migration.empty(sandbox, "vatel")
    local result = migration.run(sandbox, "famulor", "vatel",
        ("--secrets generate --only 42 --set vendor=mitel --set agent_ref=%s"):format(agent()) .. LOSSES)
    lu.assertStrContains(result.items["42"].error.message, "vendor: 'mitel' was given and is not possible")
    result = migration.run(sandbox, "famulor", "bolna_trunk",
        "--secrets generate --only 42 --set transport=tls --set media_encryption=sdes --dry-run")
    local message = result.items["42"].error.message
    lu.assertStrContains(message, "transport: 'tls' was given and is not possible")
    lu.assertStrContains(message, "media_encryption: 'sdes' was given and is not possible")
end

function tests.test_other_values_than_those_that_a_trunk_was_made_with_are_named_before_it_is_touched()
    migration.empty(sandbox, "vatel")
    local arguments = "--secrets generate --only 42 --set agent_ref=%s --set vendor=%s" .. LOSSES
    local nobody = "11111111-1111-4111-8111-111111111111"
    local begun = migration.run(sandbox, "famulor", "vatel", arguments:format(nobody, "generic"))
    lu.assertStrContains(begun.items["42"].error.message, "Fix that and run again: that resumes there")
    local id = begun.items["42"].target
    local before = #sandbox:writes()
    local other = migration.run(sandbox, "famulor", "vatel", arguments:format(agent(), "3cx"))
    local message = other.items["42"].error.message
    lu.assertStrContains(message, id .. " on vatel, made by run " .. begun.summary.run)
    lu.assertStrContains(message, "differs from what would be created now: vendor")
    lu.assertEquals(#sandbox:writes(), before)
    local finished = migration.run(sandbox, "famulor", "vatel", arguments:format(agent(), "generic"))
    lu.assertEquals({ finished.status, finished.items["42"].target }, { 0, id }, finished.err)
    lu.assertEquals(select(2, migration.trunks(sandbox, "vatel")), 1)
end

--- Promise: nothing is made twice, whoever made the first.
function tests.test_a_trunk_that_another_script_has_made_is_named_and_not_made_again()
    migration.empty(sandbox, "autocalls")
    program.ok(sandbox:run("-e " .. program.quote [[
        local trunkhost = require "trunkhost"
        local source = trunkhost.account "famulor":get(42)
        trunkhost.account "autocalls":create { phone_number = source.phone_number, sip_trunk_type = "extension",
            sip_username = source.sip_username, sip_password = "of-the-carrier", sip_address = source.sip_address,
            sip_calling_format = "national", inbound_authorization_type = "auth", country_code = "DE" }]],
        { apis = { "famulor", "autocalls" } }))
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42")
    lu.assertEquals(result.items["42"].error.kind, "conflict")
    lu.assertStrContains(result.items["42"].error.message, "which no migration of this one created and which differs")
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 1)
end

--- Promise: no trunk is taken for the copy of another one. Two platforms count from one.
function tests.test_trunks_of_two_accounts_with_one_id_each_get_a_copy_of_their_own()
    migration.empty(sandbox, "vatel")
    local arguments = "--secrets generate --only 46 --set vendor=generic --set numbers=%s "
        .. "--set inbound.sources=192.0.2.7 --set agent_ref=" .. agent() .. LOSSES
    local first = program.ok(migration.run(sandbox, "famulor", "vatel", arguments:format "+4930555001"))
    local picture = canonical.text(migration.trunks(sandbox, "vatel")[first.items["46"].target])
    local second = program.ok(migration.run(sandbox, "autocalls", "vatel", arguments:format "+4930555002"))
    lu.assertNotEquals(second.items["46"].target, first.items["46"].target)
    local trunks, count = migration.trunks(sandbox, "vatel")
    lu.assertEquals(count, 2)
    lu.assertEquals(canonical.text(trunks[first.items["46"].target]), picture)
    for from, number in pairs { famulor = "+4930555001", autocalls = "+4930555002" } do
        local again = migration.run(sandbox, from, "vatel", arguments:format(number))
        lu.assertEquals({ again.status, again.summary.skipped }, { 0, 1 }, again.err .. again.out)
    end
end

function tests.test_the_file_of_a_spreadsheet_with_semicolons_is_read()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42,43 "
        .. supply "\xEF\xBB\xBFtrunk;label;country\r\n42;Köln; \r\n'43;;AT\r\n;;\r\n")
    -- A blank is no country.
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "supply.csv:2: country must be two letters")
    result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42,43 "
        .. supply "\xEF\xBB\xBFtrunk;label;country\r\n42;Köln;\r\n'43;;AT\r\n;;\r\n")
    lu.assertEquals(result.status, 0, result.err)
    local trunks = migration.trunks(sandbox, "autocalls")
    lu.assertEquals(trunks[result.items["42"].target].nickname, "Köln")
    lu.assertEquals(trunks[result.items["43"].target].country_code, "AT")
end

function tests.test_what_is_wrong_with_the_file_is_said_with_its_line()
    for text, words in pairs {
        ["trunk,label\n42,caf\xE9\n"] = "supply.csv:2: column label is not UTF-8 text",
        ["trunk,label\n42,a\n,b\n"] = "supply.csv:3: the column trunk is empty",
        ["trunk,label\n42,a\n42,b\n"] = "supply.csv:3: trunk 42 appears twice",
        ["trunk,label\n42\n"] = "supply.csv:2: 1 fields, where the first line has 2",
        ["id,label\n42,a\n"] = "there is no field 'id'",
        [""] = "the file is empty",
    } do
        local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate " .. supply(text))
        lu.assertEquals(result.status, 2, text)
        lu.assertStrContains(result.err, words)
    end
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_passwords_of_the_file_are_not_left_unused()
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate "
        .. supply "trunk,outbound.secret\n42,of-the-carrier\n")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "has a password for trunk 42: add --secrets file")
    result = migration.run(sandbox, "famulor", "autocalls", "--set outbound.secret=of-the-carrier")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "a password does not belong on a command line")
    lu.assertNotStrContains(result.err, "of-the-carrier")
end

function tests.test_where_a_password_was_looked_for_is_said()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--only 42 --secrets ledger")
    lu.assertStrContains(result.items["42"].error.message, "The ledger has none of trunk 42 of famulor")
    result = migration.run(sandbox, "famulor", "autocalls", "--only 42 --secrets file "
        .. supply "trunk,outbound.secret\n43,of-the-carrier\n")
    lu.assertStrContains(result.items["42"].error.message, "supply.csv has none in column outbound.secret")
end

function tests.test_what_would_be_sent_is_told_only_for_trunks_that_would_be_made()
    migration.empty(sandbox, "autocalls")
    migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42")
    local plan = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --only 42,43 --dry-run").items
    lu.assertNil(plan["42"].create, canonical.text(plan["42"]))
    lu.assertEquals(#plan["43"].create, 1)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_mistakes", tests } })
