--- Trunks that move: complete, none lost silently, none made twice.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local migration <const> = require "migration"
local sandbox_process <const> = require "sandbox_process"

local sandbox

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

function tests.setUp()
    sandbox = sandbox_process.start "--trunks 12 --limits none"
end

function tests.tearDown()
    sandbox:stop()
end

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
    lu.assertEquals(result.status, 0, result.err .. result.out)
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
        lu.assertStrContains(item.reason, "is there already")
    end
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 12)
end

local BOLNA <const> = "--secrets generate --set inbound.sources=192.0.2.7 --allow-loss "
    .. "numbers.name,extras,agent_ref,transport,media_encryption"

function tests.test_bolna_moves_to_its_newer_api_with_all_numbers_and_gateways()
    migration.empty(sandbox, "bolna_trunk")
    local source, count = migration.trunks(sandbox, "bolna")
    local result = migration.run(sandbox, "bolna", "bolna_trunk", BOLNA)
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
        .. "--set inbound.sources=192.0.2.7 --allow-loss numbers.name,extras,agent_ref")
    lu.assertEquals(result.status, 1)
    for id, trunk in pairs(migration.trunks(sandbox, "bolna")) do
        local encrypted = trunk.transport == "transport-tls" or trunk.media_encryption == "sdes"
        lu.assertEquals(result.items[id].state, encrypted and "failed" or "done", id)
    end
end

function tests.test_a_dry_run_tells_findings_and_body_without_a_secret_and_sends_nothing()
    migration.empty(sandbox, "autocalls")
    local result = migration.run(sandbox, "famulor", "autocalls", "--secrets generate --dry-run")
    lu.assertEquals(result.status, 0, result.err .. result.out)
    for _, item in pairs(result.items) do
        lu.assertEquals(item.state, "skipped")
        lu.assertEquals(item.findings[1].field, "agent_ref")
        lu.assertEquals(item.create[1].body.sip_password, "[secret]")
        lu.assertNotNil(item.create[1].body.sip_username)
    end
    lu.assertEquals(select(2, migration.trunks(sandbox, "autocalls")), 0)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate", tests } })
