--- The neutral trunk by itself: its form, values as operators write them, comparing, finding what is there already.

package.path = "tests/support/?.lua;" .. package.path
local addresses <const> = require "trunkhost.mapping.addresses"
local core <const> = require "trunkhost.core"
local full <const> = require "full_trunks"
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local neutral <const> = require "trunkhost.neutral"
local world <const> = require "mapping_world"

local tests <const> = {}

function tests.test_what_is_wrong_with_a_trunk_is_listed_at_once()
    local trunk = world.neutral("famulor", full.famulor)
    lu.assertEquals(neutral.check(trunk), {})
    trunk.label, trunk.transport, trunk.inbound.mode, trunk.inbound.sauces = "", "sctp", "password", {}
    trunk.gateways[1].port, trunk.numbers[1].kind, trunk.colour, trunk.channels = 70000, "did", "red", 1.5
    trunk.outbound, trunk.country = 7, "Germany"
    local fields = {}
    for i, fault in ipairs(neutral.check(trunk)) do
        fields[i] = fault.field
    end
    lu.assertEquals(fields, { "channels", "colour", "country", "gateways", "inbound.mode", "inbound.sauces", "label",
        "numbers", "outbound", "transport" })
    lu.assertEquals(#neutral.check "text", 1)
end

function tests.test_a_trunk_from_a_file_is_the_same_with_null_empty_and_absent_values()
    local step = '[{"type":"replace","value":"00","value2":""}]'
    local long = neutral.tidy(json.decode('{"label":null,"description":"","country":"DE","codecs":null,"inbound":'
        .. '{"mode":"ip","username":null,"sources":["192.0.2.1",""]},"numbers":[{"value":"1000","kind":"extension",'
        .. '"name":""}],"outbound":null,"caller_id_transforms":' .. step .. '}'))
    local short = neutral.tidy(json.decode('{"country":"DE","inbound":{"mode":"ip","sources":["192.0.2.1"]},'
        .. '"numbers":[{"value":"1000","kind":"extension"}],"caller_id_transforms":' .. step .. '}'))
    lu.assertEquals(long, short)
    lu.assertEquals(neutral.check(long), {})
    lu.assertEquals(long.caller_id_transforms[1].value2, "")
    lu.assertEquals(neutral.tidy(json.decode(json.encode(long))), long)
    for _, api in ipairs(world.apis) do
        lu.assertTrue(#world.map(json.decode '{"label":"x"}', api).findings > 0)
    end
end

function tests.test_values_are_read_as_operators_write_them()
    local function same(field, text, value)
        lu.assertEquals(neutral.parse(field, text), value, field)
    end
    same("country", "de", "DE")
    same("active", "no", false)
    same("channels", "30", 30)
    same("transport", "tls", "tls")
    same("codecs", "pcma;pcmu", { "PCMA", "PCMU" })
    same("inbound.sources", "192.0.2.1, 192.0.2.8/29", { "192.0.2.1", "192.0.2.8/29" })
    same("gateways", "a.example.com [2001:db8::1]:5070", {
        { host = "a.example.com", priority = 1 }, { host = "2001:db8::1", port = 5070, priority = 2 } })
    same("agent_ref", "x-1", "x-1")
    same("agent_ref", "+4930123=x-1;+4930124=x-2", { ["4930123"] = "x-1", ["4930124"] = "x-2" })
    for field, text in pairs { country = "DEU", active = "maybe", channels = "0", transport = "sctp", label = "",
        gateways = "a.example.com:70000", ["numbers.name"] = "x", colour = "red" } do
        local value, problem = neutral.parse(field, text)
        lu.assertNil(value, field)
        lu.assertIsString(problem)
    end
end

function tests.test_a_wrong_value_is_an_error_that_names_the_field()
    local ok, err = pcall(world.map, world.neutral("famulor", full.famulor), "vatel", { set = { vendor = "" } })
    lu.assertFalse(ok)
    lu.assertEquals(core.is_error(err), "invalid")
    lu.assertStrContains(err.message, "vendor must not be empty")
end

function tests.test_addresses_have_one_way_of_writing()
    for text, normal in pairs {
        ["192.0.2.1/32"] = "192.0.2.1", ["192.0.2.9/29"] = "192.0.2.8/29", ["Carrier.Example.COM"] =
        "carrier.example.com", ["2001:DB8:0:0::1/128"] = "2001:db8::1", ["2001:db8::ffff/112"] = "2001:db8::/112",
        ["::"] = "::", ["0:0:1:0:0:0:0:1"] = "0:0:1::1", ["::ffff:192.0.2.1"] = "::ffff:c000:201",
    } do
        lu.assertEquals(addresses.normal(text), normal)
    end
    for _, text in ipairs { "1.2.3", "1.2.3.256", "1.2.3.4/33", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9" } do
        lu.assertTrue(addresses.is_name(text), text)
    end
    lu.assertEquals(addresses.singles { "2001:db8::10/126" },
        { "2001:db8::10", "2001:db8::11", "2001:db8::12", "2001:db8::13" })
    lu.assertEquals(addresses.one { "192.0.2.4/31", "192.0.2.6", "192.0.2.7/32" }, "192.0.2.4/30")
    lu.assertNil(addresses.one { "192.0.2.5", "192.0.2.6" })
end

function tests.test_a_trunk_that_reads_back_differently_written_is_the_same()
    local description = world.description "bolna_trunk"
    local planned = world.neutral("bolna_trunk", full.bolna_trunk)
    local found = full.with(full.bolna_trunk, {
        gateways = json.array { { id = "g", host = "SIP.example.com", port = 5060, priority = 1, created_at = "now" } },
        ip_acls = json.array { { id = "a", cidr = "192.0.2.7" } }, health = "waiting_for_carrier", description =
        "Main line",
    })
    lu.assertEquals(neutral.compare(description, planned, found), {})
    found.description, found.codecs = json.null, "PCMU"
    local fields = {}
    for i, difference in ipairs(neutral.compare(description, planned, found)) do
        fields[i] = difference.field
    end
    lu.assertEquals(fields, { "description", "codecs" })
end

function tests.test_what_the_plan_left_to_the_platform_may_be_anything()
    local planned = world.neutral("bolna_trunk", full.with(full.bolna_trunk, { channels = json.null }))
    lu.assertEquals(neutral.compare(world.description "bolna_trunk", planned, full.bolna_trunk), {})
    -- But what was planned to be empty is not.
    planned = world.neutral("bolna_trunk", full.with(full.bolna_trunk, { ip_acls = json.array {} }))
    lu.assertEquals(neutral.compare(world.description "bolna_trunk", planned, full.bolna_trunk)[1].field,
        "inbound.sources")
end

local function twin(api, fields, options)
    local mapped = world.map(world.neutral(api, full[api]), api, options or { same_account = true }).trunks[1]
    return neutral.twin(world.description(api), mapped, full.with(full[api], fields))
end

function tests.test_a_twin_is_found_by_what_is_unique_on_the_platform()
    for _, api in ipairs(world.apis) do
        lu.assertTrue(twin(api, {}), api)
    end
    lu.assertTrue(twin("famulor", { nickname = "Other", sip_address = "SIP.example.com" }))
    lu.assertFalse(twin("famulor", { phone_number = "+4930123457" }))
    lu.assertFalse(twin("famulor", { sip_username = "other" }))
    lu.assertFalse(twin("famulor", { sip_address = "other.example.com" }))
    lu.assertTrue(twin("vatel", { outbound_host = "other.example.com" }))
    lu.assertFalse(twin("vatel", { inbound_sip_username = "other" }))
    lu.assertTrue(twin("bolna", { auth_username = "other" }))
    lu.assertFalse(twin("bolna", { name = "Other" }))
    lu.assertFalse(twin("bolna_trunk", { name = "Other" }))
    lu.assertFalse(twin("bolna_trunk", { auth_username = "other" }))
end

function tests.test_a_twin_without_its_parts_is_still_one()
    local empty = json.array {}
    lu.assertTrue(twin("bolna_trunk", { gateways = empty, ip_acls = empty, numbers = empty }))
    lu.assertTrue(twin("vatel", { assignments = empty }))
end

function tests.test_a_step_that_was_carried_out_is_found_in_the_trunk()
    local function expect(api, options)
        local mapped = world.map(world.neutral(api, full[api]), api, options).trunks[1]
        for _, step in ipairs(mapped.after) do
            lu.assertNotNil(neutral.find(full[api], step), api .. " " .. step.endpoint)
            lu.assertNil(neutral.find(full.with(full[api], { [step.adds or step.part] = json.array {} }), step))
        end
        lu.assertTrue(#mapped.after > 0)
    end
    for _, api in ipairs { "vatel", "bolna", "bolna_trunk" } do
        expect(api, { same_account = true })
    end
    local mapped = world.map(world.neutral("bolna", full.with(full.bolna, { is_active = false })), "bolna").trunks[1]
    lu.assertNil(neutral.find(full.bolna, mapped.after[1]))
    lu.assertNotNil(neutral.find(full.with(full.bolna, { is_active = false }), mapped.after[1]))
end

function tests.test_an_id_that_is_not_known_yet_is_never_sent()
    local step = world.map(world.neutral("bolna", full.bolna), "bolna").trunks[1].after[1]
    lu.assertError(neutral.resolve, step, {})
end

function tests.test_secrets_are_asked_for_and_never_made_up()
    local trunk = world.neutral("vatel", full.vatel)
    local result = world.map(trunk, "vatel", { same_account = true })
    lu.assertNil(result.trunks[1].body.inbound_sip_password)
    lu.assertEquals(world.blocked(result), { ["inbound.secret"] = "secret", ["outbound.secret"] = "secret" })
    lu.assertEquals(result.trunks[1].secrets, { { field = "inbound_sip_password", leg = "inbound" },
        { field = "outbound_sip_password", leg = "outbound" } })
    local secrets = world.secrets()
    result = world.map(trunk, "vatel", { same_account = true, secrets = secrets })
    lu.assertIs(result.trunks[1].body.inbound_sip_password, secrets.inbound)
    lu.assertIs(result.trunks[1].body.outbound_sip_password, secrets.outbound)
    lu.assertEquals(world.blocked(result), {})
    lu.assertEquals(world.blocked(world.map(trunk, "vatel", { same_account = true, secrets = true })), {})
end

function tests.test_the_reasons_say_what_to_do()
    local result = world.map(world.neutral("famulor", full.famulor), "vatel")
    local texts = {}
    for _, reason in ipairs(neutral.blocked(result)) do
        texts[reason.field] = reason.text
    end
    lu.assertStrContains(texts.label, "--allow-loss label")
    lu.assertStrContains(texts.vendor, "--set vendor=")
    lu.assertStrContains(texts["outbound.secret"], "--secrets")
end

function tests.test_a_trunk_out_of_service_claims_no_number()
    lu.assertEquals(neutral.claims(world.neutral("bolna", full.bolna)), { ["4930123456"] = true })
    for _, fields in ipairs { { is_active = false }, { inbound_enabled = false } } do
        lu.assertEquals(neutral.claims(world.neutral("bolna", full.with(full.bolna, fields))), {})
    end
end

function tests.test_a_body_is_checked_without_sending_it()
    local account = world.account "famulor"
    local ok, err = pcall(core.validate, account, "create", { nickname = 7 })
    lu.assertFalse(ok)
    lu.assertEquals(core.is_error(err), "invalid")
    lu.assertStrContains(err.message, "nickname")
    lu.assertStrContains(err.message, "sip_username")
    lu.assertEquals(core.validate(account, "update", { nickname = "x" }), { nickname = "x" })
    lu.assertError(core.validate, account, "no.such", {})
    -- Something dangerous needs its grant.
    local none = { pbx = "generic", inbound_auth_type = "none" }
    lu.assertError(core.validate, world.account "vatel", "create", none)
    lu.assertEquals(core.validate(world.account "vatel", "create", none, { "inbound_auth_type" }), none)
end

-- ---------------------------------------------------------------------------------------------------
-- Mappings of one's own

local function own(mapping)
    local description = full.with(world.description "famulor", { name = "own" })
    description.mapping = mapping
    return description
end

function tests.test_a_provider_may_bring_its_own_pair_of_functions()
    local pair = {
        to_neutral = function(native) return { label = native.nickname } end,
        to_native = function(trunk) return { target = "own", trunks = { { body = { nickname = trunk.label } } },
            findings = {} } end,
    }
    core.check_provider(own(pair))
    lu.assertEquals(neutral.of(own(pair), { nickname = "x" }), { label = "x" })
    lu.assertEquals(neutral.map({ label = "y" }, own(pair)).trunks[1].body, { nickname = "y" })
end

function tests.test_a_mapping_is_checked_with_its_provider()
    core.check_provider(own(nil))
    for text, mapping in pairs {
        ["mapping.to_native"] = { to_neutral = print }, ["mapping must be the name"] = "Not a name",
        ["mapping must be the name of"] = 7, ["mapping.to_neutral"] = { to_neutral = "x", to_native = print },
    } do
        local ok, err = pcall(core.check_provider, own(mapping))
        lu.assertFalse(ok)
        lu.assertStrContains(err.message, text)
    end
    for mapping, text in pairs { nothing = "names an unknown mapping 'nothing'", [false] = "has no mapping" } do
        local ok, err = pcall(neutral.mapping, own(mapping or nil))
        lu.assertFalse(ok)
        lu.assertStrContains(err.message, text)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "neutral", tests } })
