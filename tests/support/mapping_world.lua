--- Trunks of many shapes of all five APIs, for tests of the mappings: those of the sandbox, and edge cases by hand.

local core <const> = require "trunkhost.core"
local events <const> = require "events"
local json <const> = require "trunkhost.json"
local neutral <const> = require "trunkhost.neutral"
local program <const> = require "program"

local world <const> = {}

world.apis = { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }

---@return table
function world.description(api)
    return require("trunkhost.providers." .. api)
end

local accounts <const> = {}

--- An account that can check bodies; nothing is sent.
function world.account(api)
    accounts[api] = accounts[api] or core.open_account {
        name = api, description = world.description(api), token = core.secret { from = "not-used" },
    }
    return accounts[api]
end

local SCRIPT <const> = [[
local trunkhost, neutral = require "trunkhost", require "trunkhost.neutral"
for _, name in ipairs(trunkhost.accounts()) do
    local account = trunkhost.account(name)
    for trunk in account:trunks() do
        print(trunkhost.json.encode { api = name, trunk = neutral.read(account, trunk.id) })
    end
end]]

local seeded

local function seeds()
    if not seeded then
        seeded = {}
        local result = program.run("--sandbox=trunks=16,limits=none -e " .. program.quote(SCRIPT))
        assert(result.status == 0, result.err)
        for _, item in ipairs(events.lines(result.out)) do
            seeded[item.api] = seeded[item.api] or {}
            table.insert(seeded[item.api], item.trunk)
        end
    end
    return seeded
end

local AGENT <const>, OTHER_AGENT <const> =
    "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666"
world.agent = AGENT

local EDGES <const> = {
    famulor = {
        { id = 900, phone_number = "49301234567", sip_username = "digits-only", sip_address = "SIP.Example.COM",
            sip_calling_format = "e164", inbound_authorization_type = "auth", country_code = "DE",
            outbound_proxy = false }, -- an extension, as it has no plus sign
        { id = 901, phone_number = "+4930123450", sip_username = "adjacent", sip_address = "2001:db8::5",
            sip_calling_format = "national", inbound_authorization_type = "ip", nickname = "",
            allowed_inbound_ips = json.array { "198.51.100.8", "198.51.100.9", "198.51.100.10", "198.51.100.11" },
            country_code = "DE", outbound_proxy = true },
    },
    vatel = {
        { id = "v1", pbx = "generic", inbound_auth_type = "acl", inbound_host = "carrier.example.com",
            outbound_host = "carrier.example.com", register = false, remain_in_dialog = true,
            assignments = json.array { { agent_id = AGENT, number = "1001", alternate_number = "+4930999001" } } },
        { id = "v2", pbx = "3cx", inbound_auth_type = "digest", inbound_sip_username = "same",
            outbound_sip_username = "same", outbound_host = "[2001:db8::7]:5070", register = true,
            assignments = json.array { { agent_id = AGENT }, { agent_id = AGENT, alternate_number = "+4930999002" } } },
        { id = "v3", pbx = "yeastar", inbound_auth_type = "acl", inbound_host = "192.0.2.0/24",
            outbound_host = "192.0.2.9", outbound_sip_username = "me", register = false,
            assignments = json.array { { agent_id = AGENT, number = "+4930999003" } } },
    },
    bolna = {
        { id = "b1", name = "Opus only", provider = "3CX", auth_type = "userpass", auth_username = "opus",
            gateways = json.array { { gateway_address = "gw.example.com", port = 5080, priority = 7 } },
            allow = "opus,g729", transport = "transport-udp", inbound_enabled = true, is_active = true,
            media_encryption = "no", media_encryption_optimistic = true, outbound_leading_plus_enabled = true,
            phone_numbers = json.array { { phone_number = "0891234567" }, { phone_number = "0041 44 123 45 67" },
                { phone_number = "+4930777", deleted = true } } },
        { id = "b2", name = ("ü"):rep(120), description = ("ö"):rep(600), provider = "telnyx",
            auth_type = "ip-based", allow = "alaw,g722,ulaw", disallow = "g729", transport = "transport-tcp",
            gateways = (function()
                local list = json.array {}
                for i = 1, 10 do list[i] = { gateway_address = "gw" .. i .. ".example.com", priority = 11 - i } end
                return list
            end)(),
            ip_identifiers = json.array { { ip_address = "192.0.2.16/30" }, { ip_address = "192.0.2.20/30" } },
            direct_media = true, rtp_symmetric = false, force_rport = true, qualify_frequency = 30,
            inbound_enabled = true, is_active = false, outbound_leading_plus_enabled = false,
            phone_numbers = json.array { { phone_number = "+4930123123", agent_id = AGENT, name = "Shop" } } },
        { id = "b3", name = "No rport", provider = "telnyx", auth_type = "userpass", auth_username = "b3",
            gateways = json.array { { gateway_address = "gw.example.com", port = 5060, priority = 1 } },
            allow = "alaw", transport = "transport-udp", force_rport = false, inbound_enabled = true,
            is_active = true, outbound_leading_plus_enabled = true },
    },
    bolna_trunk = {
        { id = "n1", name = "Own keys", auth_username = json.null, transport = "udp", codecs = "PCMU",
            default_inbound_agent_id = AGENT, inbound_enabled = true, outbound_enabled = false, is_active = true,
            channels = 5, outbound_leading_plus_enabled = true,
            gateways = json.array { { host = "gw.example.com", port = 5060, priority = 1 } },
            ip_acls = json.array { { cidr = "192.0.2.1/32" } },
            numbers = json.array { { e164 = "+4930123001", destination_key = "4930123001", agent_id = OTHER_AGENT },
                { e164 = "+4930123002", destination_key = "trunk-2" },
                { e164 = "+4930123003", destination_key = "x", is_deleted = true } } },
        { id = "n2", name = "No calls in", preset = "vobiz", auth_username = "u1234", transport = "tcp",
            codecs = "PCMA", inbound_enabled = false, outbound_enabled = true, is_active = true, channels = 10,
            gateways = json.array { { host = "gw.example.com", port = 5061, priority = 1 } }, ip_acls = json.array {},
            outbound_leading_plus_enabled = false, numbers = json.array {} },
        { id = "n3", name = ("ñ"):rep(100), preset = "custom", auth_username = "u3", transport = "udp",
            codecs = "PCMU", inbound_enabled = true, outbound_enabled = true, is_active = true, channels = 10,
            gateways = json.array {}, ip_acls = json.array { { cidr = "203.0.113.0/24" } },
            outbound_leading_plus_enabled = true,
            numbers = json.array { { e164 = "+4930123004", destination_key = "4930123004" } } },
        { id = "n4", name = "Adjacent", auth_username = "u4", transport = "udp", codecs = "PCMU",
            inbound_enabled = true, outbound_enabled = true, is_active = true, channels = 10,
            gateways = json.array { { host = "gw.example.com", port = 5060, priority = 1 } },
            ip_acls = json.array { { cidr = "198.51.100.8/31" }, { cidr = "198.51.100.10/31" } },
            outbound_leading_plus_enabled = true,
            numbers = json.array { { e164 = "+4930123005", destination_key = "4930123005" } } },
    },
}
EDGES.autocalls = EDGES.famulor

--- At least sixteen trunks, read in full.
---@return table[]
function world.trunks(api)
    local list = table.move(seeds()[api], 1, #seeds()[api], 1, {})
    return table.move(EDGES[api], 1, #EDGES[api], #list + 1, list)
end

--- One of the trunks by hand.
function world.edge(api, i)
    return neutral.copy(EDGES[api][i])
end

--- A trunk of these native fields, in neutral form.
function world.neutral(api, native)
    return neutral.of(world.description(api), native)
end

---@return trunkhost.MapResult
function world.map(trunk, api, options)
    return neutral.map(trunk, world.description(api), options)
end

--- The findings by field.
function world.findings(result)
    local map = {}
    for _, finding in ipairs(result.findings) do
        assert(not map[finding.field], "two findings for " .. finding.field)
        map[finding.field] = finding
    end
    return map
end

--- The reasons against a trunk: field → what would remove it.
function world.blocked(result)
    local map = {}
    for _, reason in ipairs(neutral.blocked(result)) do
        map[reason.field] = reason.by
    end
    return map
end

--- Secrets that pass for given ones.
function world.secrets()
    return { inbound = core.secret {}, outbound = core.secret {} }
end

local VALUES <const> = {
    label = "Given", vendor = "generic", numbers = "+4930555001", agent_ref = AGENT, ["inbound.mode"] = "ip",
    ["inbound.sources"] = "192.0.2.77", ["inbound.username"] = "given-in", ["outbound.username"] = "given-out",
    gateways = "given.example.com", transport = "udp", codecs = "PCMA", calling_format = "+e164", country = "DE",
    ["registration.enabled"] = "no", fixed_source_ip = "yes",
}

--- Maps with everything given and allowed that stands against it, as an operator would who wants it to happen.
---@return trunkhost.MapResult result, table options
function world.insist(trunk, api, options)
    options = options or {}
    options.set, options.allow_loss = options.set or {}, options.allow_loss or {}
    options.secrets = options.secrets or world.secrets()
    for _ = 1, 4 do
        local result = world.map(trunk, api, options)
        local reasons = neutral.blocked(result)
        if #reasons == 0 then
            return result, options
        end
        for _, reason in ipairs(reasons) do
            if reason.by == "loss" then
                table.insert(options.allow_loss, reason.field)
            else
                options.set[reason.field] = VALUES[reason.field] or error("no value for " .. reason.text)
            end
        end
    end
    error("still stopped: " .. neutral.blocked(world.map(trunk, api, options))[1].text)
end

return world
