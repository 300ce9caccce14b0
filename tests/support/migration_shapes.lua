--- Trunks of every shape that the five APIs can hold, made in a sandbox by plain requests, so that what a migration
--- reads was written by nobody's client.

local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local trunkhost <const> = require "trunkhost"

local array <const> = json.array

---@class Shape
---@field name string
---@field body table           what creates it
---@field more? fun(send: fun(method: string, path: string, body: table?): any, trunk: table)  what comes after

local shapes <const> = {}

local function with(base, fields)
    local copy = {}
    for _, from in ipairs { base, fields } do
        for name, value in pairs(from) do
            copy[name] = value
        end
    end
    return copy
end

local function shape(name, base, fields, more)
    return { name = name, body = with(base, fields), more = more }
end

-- ---------------------------------------------------------------------------------------------------
-- Famulor and Autocalls

local function famulor()
    local base <const> = {
        sip_trunk_type = "number", sip_password = "of-the-carrier-1", sip_address = "sip.example.com",
        sip_calling_format = "+e164", inbound_authorization_type = "auth", country_code = "DE",
        outbound_proxy = false,
    }
    local count = 0
    local function trunk(name, fields, more)
        count = count + 1
        local own = { nickname = name, phone_number = ("+49301110%03d"):format(count),
            sip_username = ("carrier-%d"):format(count) }
        return shape(name, base, with(own, fields), more)
    end
    local function by_ip(name, ...)
        return trunk(name, { inbound_authorization_type = "ip", allowed_inbound_ips = array { ... } })
    end
    local function with_user(made, user)
        made.body.sip_username = user
        return made
    end
    local nameless = trunk("nameless", {})
    nameless.body.nickname = nil
    local nameless_extension = trunk("nameless extension", { sip_trunk_type = "extension", phone_number = "1001" })
    nameless_extension.body.nickname = nil
    return {
        trunk("digest", {}),
        trunk("fixed address", { outbound_proxy = true, sip_calling_format = "e164" }),
        trunk("national", { sip_calling_format = "national" }),
        by_ip("one address", "192.0.2.20"),
        by_ip("adjacent addresses", "198.51.100.8", "198.51.100.9", "198.51.100.10", "198.51.100.11"),
        by_ip("scattered addresses", "198.51.100.20", "203.0.113.9"),
        by_ip("address of IPv6", "2001:db8::5"),
        -- Of one carrier: they differ in their numbers only.
        with_user(by_ip("line 1", "192.0.2.21"), "one-carrier"),
        with_user(by_ip("line 2", "192.0.2.21"), "one-carrier"),
        with_user(by_ip("line 3", "192.0.2.21"), "one-carrier"),
        trunk("extension", { sip_trunk_type = "extension", phone_number = "2002", country_code = "CH" }),
        trunk("digits are an extension", { sip_trunk_type = "extension", phone_number = "4930555123" }),
        trunk("letters are an extension", { sip_trunk_type = "extension", phone_number = "front.desk-1" }),
        nameless,
        nameless_extension,
        trunk("Zürich サポート 🎧 – Empfang «Ost»", { phone_number = "+41442001122", country_code = "CH" }),
        trunk(("ü"):rep(50), { phone_number = "+12025550140", country_code = "US" }),
        trunk("host in capitals", { sip_address = "SIP.Example.COM" }),
        trunk("host is an address", { sip_address = "192.0.2.99" }),
        trunk("long user", { sip_username = ("u"):rep(128) }),
    }
end

-- ---------------------------------------------------------------------------------------------------
-- Vatel

local function vatel(agents)
    local agent <const>, other <const> = agents[1], agents[2]
    local function assigned(...)
        local list <const> = { ... }
        return function(send)
            for _, body in ipairs(list) do
                send("POST", "/assignments", with({ agent_id = agent }, body))
            end
        end
    end
    local function digest(name, fields, more)
        local user = name:gsub(" ", "-")
        return shape(name, {
            pbx = "3cx", inbound_auth_type = "digest", inbound_sip_username = "in-" .. user,
            inbound_sip_password = "of-the-carrier-1", outbound_host = "sip.example.com",
            outbound_sip_username = "out-" .. user, outbound_sip_password = "of-the-carrier-2", register = false,
        }, fields, more)
    end
    local function acl(name, host, fields, more)
        return shape(name, {
            pbx = "generic", inbound_auth_type = "acl", inbound_host = host, outbound_host = "sip.example.com",
            register = false,
        }, fields, more)
    end
    local one_way = digest("inbound only", {}, assigned { number = "+493022200001" })
    for _, field in ipairs { "outbound_host", "outbound_sip_username", "outbound_sip_password", "register" } do
        one_way.body[field] = nil
    end
    local unsaid = digest("unsaid registration", {}, assigned { number = "+493022200017" })
    unsaid.body.register = nil
    local out = { pbx = "webex", inbound_auth_type = "none", outbound_host = "sip.example.com",
        outbound_sip_username = "out-only", outbound_sip_password = "of-the-carrier-3", register = true }
    return {
        digest("digest", { register = true }, assigned { number = "+493022200002" }),
        digest("one user", { inbound_sip_username = "both-ways", outbound_sip_username = "both-ways" },
            assigned { number = "+493022200003" }),
        one_way,
        unsaid,
        shape("unsaid authentication", { pbx = "generic", outbound_host = "sip.example.com", register = false,
            outbound_sip_username = "out-unsaid", outbound_sip_password = "of-the-carrier-4" }, {},
            assigned { number = "+493022200018" }),
        shape("outbound only", out, {}),
        shape("no authentication", out, { outbound_sip_username = "out-none" }, assigned { number = "+493022200004" }),
        acl("one address", "192.0.2.30", {}, assigned { alternate_number = "+493022200005" }),
        acl("line 1", "192.0.2.32", {}, assigned { alternate_number = "+493022200020" }),
        acl("line 2", "192.0.2.32", {}, assigned { alternate_number = "+493022200021" }),
        acl("line 3", "192.0.2.32", {}, assigned { alternate_number = "+493022200022" }),
        acl("small range", "198.51.100.16/30", { outbound_sip_username = "range", outbound_sip_password = "of-it-1" },
            assigned { alternate_number = "+493022200006" }),
        acl("large range", "198.51.100.0/24", {}, assigned { alternate_number = "+493022200007" }),
        acl("host", "carrier.example.com", {}, assigned { alternate_number = "+493022200008" }),
        digest("no numbers", {}),
        digest("several numbers", {}, assigned({ number = "+493022200009" }, { number = "+493022200010",
            agent_id = other }, { number = "+12025550177" })),
        digest("extension", { pbx = "yeastar" }, assigned { number = "3003" }),
        digest("transforms", { remain_in_dialog = true, caller_id_transforms = array {
            { type = "strip_digits_start", number = 2 }, { type = "add_prefix", value = "+49" },
            { type = "replace", value = "+", value2 = "00" } } }, assigned { number = "+493022200011" }),
        digest("agent without a number", {}, assigned({}, { number = "+493022200012" })),
        digest("number of two kinds", {}, assigned { number = "4004", alternate_number = "+493022200013" }),
        digest("port", { outbound_host = "sbc.example.net:5080" }, assigned { number = "+493022200014" }),
        digest("host that counts for nothing", { inbound_host = "192.0.2.31" },
            assigned { number = "+493022200015" }),
        digest("short user", { outbound_sip_username = "me" }, assigned { number = "+493022200019" }),
        digest("ünïcode", { outbound_host = "SIP.Example.COM" }, assigned { number = "+493022200016" }),
    }
end

-- ---------------------------------------------------------------------------------------------------
-- Bolna, the older API

local function gateways_of_bolna(count)
    local list = array {}
    for i = 1, count do
        list[i] = { gateway_address = ("gw%d.example.com"):format(i), port = 5060 + i % 2 * 10,
            priority = count - i + 1 }
    end
    return list
end

local function bolna(agents)
    local count = 0
    local function mapped(send, trunk)
        send("POST", "//inbound/setup", { agent_id = agents[1], phone_number_id = trunk.phone_numbers[1].id })
    end
    local function trunk(name, fields, more)
        count = count + 1
        return shape(name, {
            name = name, provider = "Carrier GmbH", auth_type = "userpass",
            auth_username = ("carrier-%d"):format(count), auth_password = "of-the-carrier-1",
            gateways = array { { gateway_address = "sip.example.com", port = 5060, priority = 1 } },
            inbound_enabled = true, phone_numbers = array { { phone_number = ("+493033300%03d"):format(count) } },
        }, fields, more)
    end
    local function by_ip(name, fields, ...)
        local list = array {}
        for i, address in ipairs { ... } do
            list[i] = { ip_address = address }
        end
        local made = trunk(name, with({ auth_type = "ip-based", ip_identifiers = list }, fields))
        made.body.auth_username, made.body.auth_password = nil, nil
        return made
    end
    local function inactive(send)
        send("PATCH", "", { is_active = false })
    end
    return {
        trunk("digest", { provider = "telnyx" }, mapped),
        trunk("signalling encrypted", { transport = "transport-tls" }),
        trunk("audio encrypted", { transport = "transport-tls", media_encryption = "sdes" }),
        trunk("audio encrypted if possible", { transport = "transport-tls", media_encryption = "sdes",
            media_encryption_optimistic = true }),
        by_ip("one address", { transport = "transport-tcp" }, "192.0.2.40"),
        by_ip("line 1", {}, "192.0.2.42"),
        by_ip("line 2", {}, "192.0.2.42"),
        by_ip("line 3", {}, "192.0.2.42"),
        by_ip("ranges", { outbound_leading_plus_enabled = false }, "198.51.100.32/30", "198.51.100.36/30"),
        by_ip("scattered", {}, "198.51.100.40", "203.0.113.40"),
        trunk("digest with addresses", { ip_identifiers = array { { ip_address = "192.0.2.41" } } }),
        trunk("inactive", {}, inactive),
        trunk("no numbers", { phone_numbers = array {} }),
        trunk("several numbers", { phone_numbers = array { { phone_number = "+493033301001", name = "Shop" },
            { phone_number = "493033301002" }, { phone_number = "0041 44 333 01 03", name = "Züri" } } }, mapped),
        trunk("removed number", { phone_numbers = array { { phone_number = "+493033301004" },
            { phone_number = "+493033301005" } } }, function(send, made)
            send("DELETE", "/numbers/" .. made.phone_numbers[2].id)
        end),
        trunk("codecs", { allow = "g722,alaw,ulaw" }),
        trunk("one codec", { allow = "opus", disallow = "g729" }),
        trunk(("Wien ö"):rep(20), { description = ("ß"):rep(600) }),
        trunk("short user", { auth_username = "me" }),
        trunk("described", { description = "Hauptnummer – Tag und Nacht" }),
        trunk("no calls in", { inbound_enabled = false }),
        trunk("ten gateways", { gateways = gateways_of_bolna(10) }),
        trunk("three gateways", { gateways = gateways_of_bolna(3), outbound_leading_plus_enabled = false }),
        trunk("national number", { phone_numbers = array { { phone_number = "0891234567" } } }),
        trunk("optimistic without encryption", { media_encryption_optimistic = true }),
        trunk("options", { direct_media = true, rtp_symmetric = false, force_rport = false, qualify_frequency = 30 }),
    }
end

-- ---------------------------------------------------------------------------------------------------
-- Bolna, the newer API

local function bolna_trunk(agents)
    local count = 0
    local function parts(list)
        return function(send)
            for _, gateway in ipairs(list.gateways or { { host = "sip.example.com" } }) do
                send("POST", "/gateways", gateway)
            end
            for _, cidr in ipairs(list.acls or { "192.0.2.50" }) do
                send("POST", "/ip-acls", { cidr = cidr })
            end
            for i, number in ipairs(list.numbers or { {} }) do
                local e164 = number.e164 or ("+493044400%02d%d"):format(list.count, i)
                send("POST", "/numbers", with({ e164 = e164, destination_key = e164:sub(2) }, number))
            end
        end
    end
    local function trunk(name, fields, list)
        count = count + 1
        list = with({ count = count }, list or {})
        local made = shape(name, { name = name, preset = "twilio", auth_username = ("carrier-%d"):format(count),
            auth_password = "of-the-carrier-1" }, fields, parts(list))
        return made
    end
    local function without_user(made)
        made.body.auth_username, made.body.auth_password = nil, nil
        return made
    end
    local many = {}
    for i = 1, 8 do
        many[i] = { host = ("gw%d.example.com"):format(i), port = 5060 + i % 2, priority = 9 - i }
    end
    return {
        trunk("digest", {}, { numbers = { { agent_id = agents[1] } } }),
        without_user(trunk("addresses only", {})),
        without_user(trunk("line 1", {})),
        without_user(trunk("line 2", {})),
        without_user(trunk("line 3", {})),
        trunk("no numbers", {}, { numbers = {} }),
        trunk("several numbers", {}, { numbers = { {}, { destination_key = "trunk-2", agent_id = agents[2] },
            { e164 = "+12025550188", destination_key = "+12025550188" } } }),
        trunk("agent of all", { default_inbound_agent_id = agents[1] }),
        trunk("inactive", { is_active = false }),
        trunk("no calls in", { inbound_enabled = false }, { acls = {}, numbers = {} }),
        trunk("no calls out", { outbound_enabled = false }),
        trunk("eight gateways", {}, { gateways = many }),
        trunk("no gateways", {}, { gateways = {} }),
        trunk("adjacent addresses", {}, { acls = { "198.51.100.64/30", "198.51.100.68", "198.51.100.69",
            "198.51.100.70", "198.51.100.71" } }),
        trunk("scattered addresses", {}, { acls = { "198.51.100.80", "203.0.113.80" } }),
        trunk("large range", {}, { acls = { "203.0.113.0/24" } }),
        trunk("short user", { auth_username = "me" }),
        trunk("tcp", { transport = "tcp", codecs = "PCMA", outbound_leading_plus_enabled = false }),
        trunk("channels", { preset = json.null, channels = 30 }),
        trunk(("ñ"):rep(100), { description = ("語"):rep(500) }),
        trunk("nobody may call in", {}, { acls = {} }),
        trunk("port", {}, { gateways = { { host = "SBC.Example.net", port = 5070, priority = 3 } } }),
    }
end

local MAKERS <const> = {
    famulor = famulor, autocalls = famulor, vatel = vatel, bolna = bolna, bolna_trunk = bolna_trunk,
}
local PATHS <const> = {
    famulor = "/user/phone-numbers/sip-trunks", autocalls = "/user/phone-numbers/sip-trunks",
    vatel = "/sip-trunks", bolna = "/sip-trunks/trunks", bolna_trunk = "/trunk/trunks",
}

--- The agents of an API's own account.
---@param sandbox table
---@param api string
---@return string[]
function shapes.agents(sandbox, api)
    local ids = {}
    for _, agent in ipairs(sandbox:ask("state")[api].agents) do
        ids[#ids + 1] = not agent.foreign and tostring(agent.id) or nil
    end
    return ids
end

--- Makes the trunks at a sandbox; `only`: of these names.
---@param sandbox table
---@param api string
---@param only? table<string, boolean>
---@return table<string, string> names  id → name of the shape
function shapes.make(sandbox, api, only)
    local names = {}
    for _, each in ipairs(MAKERS[api](shapes.agents(sandbox, api))) do
        local function send(method, path, body)
            local reply = trunkhost.http.request { method = method, url = sandbox:url(api) .. path, json = body,
                headers = { Authorization = "Bearer sandbox" } }
            lu.assertTrue(reply.status < 300, ("%s %s: %s %s: %s"):format(api, each.name, method, path, reply.body))
            return reply.json
        end
        if not only or only[each.name] then
            local reply = send("POST", PATHS[api], each.body)
            local trunk = reply.data or reply
            names[tostring(trunk.id)] = each.name
            if each.more then
                each.more(function(method, path, body)
                    local whole = path:match "^/(/.*)$" or ("%s/%s%s"):format(PATHS[api], trunk.id, path)
                    return send(method, whole, body)
                end, trunk)
            end
        end
    end
    return names
end

return shapes
