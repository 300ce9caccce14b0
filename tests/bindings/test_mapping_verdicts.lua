--- What becomes of each field on the way from one platform to another, rule by rule.

package.path = "tests/support/?.lua;" .. package.path
local full <const> = require "full_trunks"
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local neutral <const> = require "trunkhost.neutral"
local world <const> = require "mapping_world"

local tests <const> = {}

local DIRECTIONS <const> = {
    { "famulor", "autocalls" }, { "famulor", "vatel" }, { "famulor", "bolna" }, { "famulor", "bolna_trunk" },
    { "vatel", "famulor" }, { "vatel", "bolna" }, { "vatel", "bolna_trunk" },
    { "bolna", "famulor" }, { "bolna", "vatel" }, { "bolna", "bolna_trunk" },
    { "bolna_trunk", "famulor" }, { "bolna_trunk", "vatel" }, { "bolna_trunk", "bolna" },
}

--- For a trunk with everything in it, in the order of DIRECTIONS. = exact, ~ changed, x lost, R missing and required,
--- r missing but not required, S secret, - nothing to say.
local DIGEST <const> = {
    ["label"] = "= x = = r R R = x = = x =",
    ["description"] = "- - - - - - - x x = x x =",
    ["vendor"] = "- R R ~ x = ~ x ~ ~ x ~ =",
    ["numbers"] = "= = = = = = = = = = = = =",
    ["numbers.routing_key"] = "- - - ~ - - ~ - - ~ ~ ~ ~",
    ["agent_ref"] = "r R r r x x x x R x x R x",
    ["inbound.mode"] = "= = = ~ = = ~ = = ~ = = ~",
    ["inbound.username"] = "= = = ~ ~ ~ x = = ~ - - ~",
    ["inbound.secret"] = "S S S x S S x S S x - - -",
    ["inbound.sources"] = "- - - R - - R - - R = = =",
    ["inbound.enabled"] = "= = = = = = = = = = = = =",
    ["outbound.mode"] = "= = = = = = = = = = = = =",
    ["outbound.username"] = "= = = = = = = = = = = = =",
    ["outbound.secret"] = "S S S S S S S S S S S S S",
    ["outbound.enabled"] = "= = = = = = = = = = = = =",
    ["gateways"] = "= = ~ ~ = ~ ~ ~ ~ = ~ ~ =",
    ["transport"] = "- - R R - R R x x = x x =",
    ["media_encryption"] = "- - - - - - - ~ ~ ~ - - -",
    ["codecs"] = "- - - - - - - x x = x x =",
    ["calling_format"] = "= x = = R R R = x = = x =",
    ["caller_id_transforms"] = "- - - - x x x - - - - - -",
    ["country"] = "= x x x R - - R - - R - -",
    ["registration.enabled"] = "- R r - x ~ x x R x - R r",
    ["fixed_source_ip"] = "= x = = R = = R ~ = R ~ =",
    ["channels"] = "- - - - - - - - - - x x x",
    ["active"] = "= = = = = = = = = = = = =",
    ["extras.remain_in_dialog"] = "- - - - x x x - - - - - -",
    ["extras.disallow"] = "- - - - - - - ~ ~ ~ - - -",
}

local function mark(finding)
    if not finding then
        return "-"
    elseif finding.verdict == "missing" then
        return finding.blocks and "R" or "r"
    end
    return ({ exact = "=", changed = "~", lost = "x", secret = "S" })[finding.verdict]
end

function tests.test_the_verdict_of_every_field_in_every_direction()
    local seen = {}
    for i, direction in ipairs(DIRECTIONS) do
        local from, to = direction[1], direction[2]
        local findings = world.findings(world.map(world.neutral(from, full[from]), to))
        for name, line in pairs(DIGEST) do
            local at, expected = 0, nil
            for word in line:gmatch "%S" do
                at = at + 1
                expected = at == i and word or expected
            end
            lu.assertEquals(mark(findings[name]), expected, ("%s: %s to %s"):format(name, from, to))
        end
        for name in pairs(findings) do
            lu.assertNotNil(DIGEST[name], name)
            seen[name] = true
        end
    end
    for name in pairs(DIGEST) do
        lu.assertTrue(seen[name], name)
    end
end

--- The finding of one field, with these native fields at the source.
local function finding(from, fields, to, name, options)
    local native = full.with(full[from], fields)
    return world.findings(world.map(world.neutral(from, native), to, options))[name] or {}
end

local function expect(found, verdict, blocks)
    lu.assertEquals(found.verdict, verdict, found.rule)
    lu.assertEquals(found.blocks, blocks, found.rule)
end

local function first(from, fields, to, options)
    return world.map(world.neutral(from, full.with(full[from], fields)), to, options).trunks[1]
end

function tests.test_a_name_is_taken_from_the_number_or_cut_to_fit_by_characters()
    local found = finding("famulor", { nickname = "" }, "bolna", "label")
    expect(found, "changed")
    lu.assertEquals(found.after, "+4930123456")
    found = finding("bolna", { name = ("ü"):rep(60) }, "famulor", "label")
    expect(found, "changed")
    lu.assertEquals(found.after, ("ü"):rep(50))
    found = finding("bolna", { name = ("ü"):rep(101) }, "bolna_trunk", "label")
    lu.assertEquals(found.after, ("ü"):rep(100))
    found = finding("bolna", { description = ("ü"):rep(501) }, "bolna_trunk", "description")
    lu.assertEquals(found.after, ("ü"):rep(500))
    expect(found, "changed")
end

function tests.test_an_unknown_vendor_becomes_the_general_one()
    lu.assertEquals(finding("bolna", { provider = "Zadarma" }, "bolna_trunk", "vendor").after, "custom")
    lu.assertEquals(finding("bolna", { provider = "Yeastar" }, "vatel", "vendor").after, "yeastar")
    lu.assertEquals(finding("bolna_trunk", { preset = json.null }, "vatel", "vendor").after, "generic")
    lu.assertEquals(finding("bolna_trunk", { preset = json.null }, "bolna", "vendor").after, "custom")
    lu.assertEquals(finding("famulor", {}, "bolna_trunk", "vendor").after, "custom")
end

function tests.test_a_number_at_vatel_is_an_assignment_with_an_agent()
    local trunk = first("famulor", {}, "vatel", { set = { agent_ref = full.agent } })
    lu.assertEquals(trunk.after[1].body, { agent_id = full.agent, number = "+4930123456" })
    lu.assertEquals(neutral.resolve(trunk.after[1], { trunk = "t" }), { id = "t" })
    trunk = first("bolna_trunk", {}, "vatel", { set = { agent_ref = full.agent } })
    lu.assertEquals(trunk.after[1].body, { agent_id = full.agent, alternate_number = "+4930123456" })
end

function tests.test_a_number_at_the_newer_bolna_is_strict_and_keeps_what_the_carrier_sends()
    local function number(from, fields)
        for _, step in ipairs(first(from, fields, "bolna_trunk").after) do
            if step.endpoint == "numbers.add" then
                return step.body.e164, step.body.destination_key
            end
        end
    end
    lu.assertEquals({ number("famulor", {}) }, { "+4930123456", "4930123456" })
    local function kept(text)
        return { number("bolna", { phone_numbers = json.array { { phone_number = text } } }) }
    end
    lu.assertEquals(kept "+4930123456", { "+4930123456", "+4930123456" })
    lu.assertEquals(kept "912225550000", { "+912225550000", "912225550000" })
    lu.assertEquals(kept "0891234567", {})
    lu.assertNil(number("famulor", { phone_number = "1000" }))
    expect(finding("famulor", { phone_number = "1000" }, "bolna_trunk", "numbers"), "lost", "loss")
    expect(finding("bolna", { phone_numbers = json.array { { phone_number = "912225550000" } } }, "bolna_trunk",
        "numbers"), "changed")
end

function tests.test_numbers_become_trunks_where_each_holds_one()
    local fields = { phone_numbers = json.array { { phone_number = "+4930123456" }, { phone_number = "12025550123" },
        { phone_number = "1000" } } }
    local result = world.map(world.neutral("bolna", full.with(full.bolna, fields)), "famulor")
    lu.assertEquals(#result.trunks, 3)
    local types = {}
    for i, trunk in ipairs(result.trunks) do
        types[i] = trunk.body.sip_trunk_type .. " " .. trunk.body.phone_number
        lu.assertEquals(trunk.body.sip_username, "carrier")
        lu.assertEquals(trunk.number, trunk.body.phone_number)
    end
    lu.assertEquals(types, { "number +4930123456", "number +12025550123", "extension 1000" })
    expect(world.findings(result).numbers, "changed")
    expect(finding("bolna", { phone_numbers = json.array {} }, "famulor", "numbers"), "missing", "value")
    expect(finding("bolna", { phone_numbers = json.array { { phone_number = "0891234567" } } }, "famulor", "numbers"),
        "lost", "value")
end

function tests.test_a_routing_key_of_its_own_is_lost_where_calls_are_found_by_the_number()
    local own = json.array { { e164 = "+4930123456", destination_key = "trunk-7" } }
    for _, to in ipairs { "bolna", "famulor", "vatel" } do
        expect(finding("bolna_trunk", { numbers = own }, to, "numbers.routing_key"), "lost", "loss")
    end
    expect(finding("bolna_trunk", { numbers = own }, "bolna_trunk", "numbers.routing_key"), "exact")
end

function tests.test_agents_stay_within_one_account()
    for _, way in ipairs { { "bolna", "bolna_trunk" }, { "bolna_trunk", "bolna" }, { "vatel", "vatel" } } do
        expect(finding(way[1], {}, way[2], "agent_ref", { same_account = true }), "exact")
    end
    expect(finding("bolna", {}, "bolna_trunk", "agent_ref"), "lost", "loss")
    expect(finding("bolna", {}, "vatel", "agent_ref", { same_account = true }), "missing", "value")
    local steps = first("bolna_trunk", {}, "bolna", { same_account = true }).after
    local _, body = neutral.resolve(steps[2], { trunk = "t", ["number 1"] = "n-1" })
    lu.assertEquals(steps[2].endpoint, "agents.map")
    lu.assertEquals(body, { agent_id = full.agent, phone_number_id = "n-1" })
    local fields = { default_inbound_agent_id = full.agent, numbers = json.array {
        { e164 = "+4930123456", destination_key = "4930123456" } } }
    expect(finding("bolna_trunk", fields, "bolna", "agent_ref", { same_account = true }), "changed")
end

function tests.test_one_way_of_authentication_for_both_directions_is_that_of_outbound_calls()
    local by_address = world.neutral("famulor", full.by_address.famulor)
    local result = world.map(by_address, "bolna")
    expect(world.findings(result)["inbound.mode"], "changed")
    lu.assertEquals(result.trunks[1].body.auth_type, "userpass")
    lu.assertEquals(#result.trunks[1].body.ip_identifiers, 2)
    lu.assertEquals(first("vatel", full.by_address.vatel, "bolna").body.auth_type, "userpass")
    lu.assertEquals(world.map(world.neutral("vatel", full.by_address.vatel), "bolna").trunks[1].body.auth_type,
        "ip-based")
end

function tests.test_calls_without_authentication_are_accepted_at_vatel_only()
    for _, to in ipairs { "famulor", "bolna", "bolna_trunk" } do
        expect(finding("vatel", { inbound_auth_type = "none" }, to, "inbound.mode"), "lost", "value")
    end
    local trunk = first("vatel", { inbound_auth_type = "none" }, "vatel", { same_account = true })
    lu.assertEquals(trunk.grant, { "inbound_auth_type" })
end

function tests.test_digest_at_the_newer_bolna_needs_the_carriers_addresses()
    expect(finding("famulor", {}, "bolna_trunk", "inbound.sources"), "missing", "value")
    local given = { set = { ["inbound.sources"] = "192.0.2.7, 198.51.100.0/28" } }
    expect(finding("famulor", {}, "bolna_trunk", "inbound.sources", given), "changed")
    -- Nobody calls in, so nobody must be known.
    lu.assertNil(finding("bolna", { inbound_enabled = false }, "bolna_trunk", "inbound.sources").verdict)
end

function tests.test_famulor_has_one_pair_for_both_directions()
    local found = finding("vatel", {}, "famulor", "inbound.username")
    expect(found, "changed")
    lu.assertEquals({ found.before, found.after }, { "pbx", "carrier" })
    expect(finding("bolna", { auth_username = "ab" }, "famulor", "outbound.username"), "lost", "value")
    for _, from in ipairs { "bolna", "vatel" } do
        local result = world.map(world.neutral(from, full.by_address[from]), "famulor")
        expect(world.findings(result)["outbound.username"], "missing", "value")
    end
end

local function addresses(...)
    local list = json.array {}
    for i, text in ipairs { ... } do
        list[i] = { ip_address = text }
    end
    return full.with(full.by_address.bolna, { ip_identifiers = list })
end

function tests.test_vatel_has_room_for_one_source_that_must_mean_exactly_the_same()
    local found = finding("bolna", addresses("192.0.2.8", "192.0.2.9/32"), "vatel", "inbound.sources")
    expect(found, "changed")
    lu.assertEquals(found.after, { "192.0.2.8/31" })
    -- A range around these two would let others in.
    expect(finding("bolna", addresses("192.0.2.8", "192.0.2.11"), "vatel", "inbound.sources"), "lost", "value")
    expect(finding("bolna", addresses("192.0.2.9", "192.0.2.10"), "vatel", "inbound.sources"), "lost", "value")
    expect(finding("bolna", addresses "192.0.2.8/32", "vatel", "inbound.sources"), "exact")
end

function tests.test_ranges_are_taken_apart_where_only_addresses_fit()
    local found = finding("bolna", addresses "192.0.2.17/30", "famulor", "inbound.sources")
    expect(found, "changed")
    lu.assertEquals(found.after, { "192.0.2.16", "192.0.2.17", "192.0.2.18", "192.0.2.19" })
    lu.assertEquals(#finding("bolna", addresses "192.0.2.0/28", "famulor", "inbound.sources").after, 16)
    expect(finding("bolna", addresses "192.0.2.0/27", "famulor", "inbound.sources"), "lost", "value")
    local named = full.with(full.by_address.vatel, { inbound_host = "carrier.example.com" })
    for _, to in ipairs { "famulor", "bolna", "bolna_trunk" } do
        local result = world.map(world.neutral("vatel", named), to)
        expect(world.findings(result)["inbound.sources"], "lost", "value")
    end
end

local function gateway(...)
    local list = json.array {}
    for i, item in ipairs { ... } do
        list[i] = { gateway_address = item[1], port = item[2], priority = item[3] }
    end
    return { gateways = list }
end

function tests.test_gateways_that_do_not_fit_stop_the_trunk_unless_that_is_allowed()
    for _, to in ipairs { "famulor", "vatel" } do
        expect(finding("bolna", gateway({ "a.example.com", 5060, 2 }, { "b.example.com", 5060, 1 }), to, "gateways"),
            "lost", "loss")
        expect(finding("bolna", gateway { "a.example.com", 5080, 1 }, to, "gateways"), "lost", "loss")
    end
    local two = gateway({ "a.example.com", 5060, 2 }, { "b.example.com", 5060, 1 })
    lu.assertEquals(first("bolna", two, "famulor").body.sip_address, "b.example.com")
    local nine = {}
    for i = 1, 9 do nine[i] = { i .. ".example.com", 5060, i } end
    expect(finding("bolna", gateway(table.unpack(nine)), "bolna_trunk", "gateways"), "lost", "loss")
    expect(finding("vatel", { outbound_host = "a.example.com:5080" }, "bolna", "gateways"), "changed")
    lu.assertEquals(first("vatel", { outbound_host = "a.example.com:5080" }, "bolna").body.gateways[1].port, 5080)
    expect(finding("vatel", { outbound_host = json.null }, "bolna", "gateways"), "missing", "value")
end

function tests.test_encryption_is_dropped_only_when_it_is_allowed_by_name()
    local secure = { transport = "transport-tls", media_encryption = "sdes" }
    for _, to in ipairs { "famulor", "vatel", "bolna_trunk" } do
        expect(finding("bolna", secure, to, "transport"), "lost", "loss")
        expect(finding("bolna", secure, to, "media_encryption"), "lost", "loss")
        -- A value that is given is not yet a consent to that.
        local given = { set = { transport = "udp", media_encryption = "none" } }
        expect(finding("bolna", secure, to, "transport", given), "lost", "loss")
        expect(finding("bolna", secure, to, "media_encryption", given), "lost", "loss")
        local allowed = finding("bolna", secure, to, "transport", { allow_loss = { "transport" } })
        lu.assertTrue(allowed.allowed)
    end
    local optimistic = full.with(secure, { media_encryption_optimistic = true })
    lu.assertEquals(finding("bolna", optimistic, "famulor", "media_encryption").before, "sdes-optional")
    expect(finding("bolna", optimistic, "bolna", "media_encryption"), "exact")
end

function tests.test_codecs_are_renamed_in_order_and_unknown_ones_are_named()
    lu.assertEquals(first("bolna", {}, "bolna_trunk").body.codecs, "PCMA,PCMU")
    lu.assertEquals(first("bolna_trunk", {}, "bolna").body.allow, "alaw,ulaw")
    expect(finding("bolna", { allow = "g722,ulaw" }, "bolna_trunk", "codecs"), "lost", "loss")
    expect(finding("bolna", { allow = "g722" }, "bolna_trunk", "codecs"), "lost", "value")
end

function tests.test_national_dialling_has_no_form_at_bolna()
    for _, to in ipairs { "bolna", "bolna_trunk" } do
        expect(finding("famulor", { sip_calling_format = "national" }, to, "calling_format"), "lost", "value")
        expect(finding("famulor", { sip_calling_format = "national" }, to, "calling_format",
            { set = { calling_format = "e164" } }), "changed")
        lu.assertEquals(first("famulor", { sip_calling_format = "e164" }, to).body.outbound_leading_plus_enabled,
            false)
    end
    lu.assertEquals(first("bolna", { outbound_leading_plus_enabled = false }, "famulor").body.sip_calling_format,
        "e164")
end

function tests.test_an_inactive_trunk_does_not_become_active_silently()
    for _, from in ipairs { "bolna", "bolna_trunk" } do
        for _, to in ipairs { "famulor", "vatel" } do
            expect(finding(from, { is_active = false }, to, "active"), "lost", "loss")
            expect(finding(from, { inbound_enabled = false }, to, "inbound.enabled"), "lost", "loss")
            expect(finding(from, { is_active = false }, to, "active", { set = { active = "yes" } }), "changed")
        end
    end
    for _, to in ipairs { "famulor", "vatel", "bolna" } do
        expect(finding("bolna_trunk", { outbound_enabled = false }, to, "outbound.enabled"), "lost", "loss")
    end
    expect(finding("bolna", { is_active = false }, "bolna_trunk", "active"), "exact")
    expect(finding("bolna_trunk", { is_active = false }, "bolna", "active"), "exact")
    local steps = first("bolna_trunk", { is_active = false }, "bolna").after
    lu.assertEquals({ steps[1].endpoint, steps[1].body }, { "update", { is_active = false } })
end

function tests.test_a_trunk_can_stay_out_of_service_until_it_is_complete()
    local options <const> = { inactive_first = true }
    local steps = first("famulor", {}, "bolna", options).after
    lu.assertEquals({ steps[1].body, steps[#steps].body }, { { is_active = false }, { is_active = true } })
    local trunk = first("famulor", {}, "bolna_trunk", options)
    lu.assertFalse(trunk.body.is_active)
    lu.assertEquals(trunk.after[#trunk.after].body, { is_active = true })
    lu.assertTrue(trunk.planned.active)
end

function tests.test_the_defaults_that_differ_are_sent_explicitly()
    lu.assertTrue(first("famulor", {}, "bolna").body.inbound_enabled)
    lu.assertFalse(first("bolna", { inbound_enabled = false }, "bolna_trunk").body.inbound_enabled)
    for _, step in ipairs(first("famulor", {}, "bolna_trunk").after) do
        if step.endpoint == "gateways.add" then
            lu.assertEquals(step.body, { host = "sip.example.com", port = 5060, priority = 1 })
        end
    end
end

function tests.test_what_is_switched_off_is_no_loss_where_it_does_not_exist()
    expect(finding("famulor", { outbound_proxy = false }, "vatel", "fixed_source_ip"), "changed")
    expect(finding("vatel", { register = false }, "famulor", "registration.enabled"), "changed")
    expect(finding("vatel", { remain_in_dialog = false }, "famulor", "extras.remain_in_dialog"), "changed")
end

function tests.test_options_of_one_platform_are_named_when_they_are_lost()
    local fields = { direct_media = true, rtp_symmetric = false, qualify_frequency = 30, force_rport = true }
    for _, name in ipairs { "direct_media", "rtp_symmetric", "qualify_frequency" } do
        expect(finding("bolna", fields, "bolna_trunk", "extras." .. name), "lost", "loss")
        lu.assertTrue(finding("bolna", fields, "vatel", "extras." .. name, { allow_loss = { "extras" } }).allowed)
    end
    -- What the option is set to anyway is no loss.
    expect(finding("bolna", fields, "bolna_trunk", "extras.force_rport"), "changed")
    expect(finding("bolna", { phone_numbers = json.array { { phone_number = "+4930123456", name = "Shop" } } },
        "bolna_trunk", "numbers.name"), "lost", "loss")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "mapping_verdicts", tests } })
