--- Bolna, the newer API: inbound calls only from known addresses, strict numbers, no encryption.

local addresses <const> = require "trunkhost.mapping.addresses"
local common <const> = require "trunkhost.mapping.bolna_common"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local plan <const> = require "trunkhost.mapping.plan"
local steps <const> = require "trunkhost.mapping.steps"

local mapping <const> = { name = "bolna_trunk", title = "Bolna /trunk", agents_of = common.agents_of, parts = {},
    marks = common.marks }

local PRESETS <const> = {
    plivo = true, telnyx = true, twilio = true, exotel = true, vobiz = true, vonage = true, custom = true,
}
local LABEL <const>, DESCRIPTION <const>, GATEWAYS <const> = 100, 500, 8
local CODECS <const> = { PCMU = true, PCMA = true }

local function read_numbers(neutral, native)
    local some <const> = model.some
    for _, number in ipairs(model.list(native.numbers)) do
        if number.is_deleted ~= true then
            table.insert(neutral.numbers, {
                value = number.e164, kind = "e164", routing_key = some(number.destination_key),
                agent_ref = some(number.agent_id),
            })
        end
    end
end

---@param native table
---@return trunkhost.Neutral
function mapping.to_neutral(native)
    local neutral <const> = model.new(mapping.name)
    local some <const> = model.some
    neutral.label, neutral.description, neutral.vendor =
        some(native.name), some(native.description), some(native.preset)
    neutral.agent_ref = some(native.default_inbound_agent_id)
    neutral.inbound.mode, neutral.inbound.enabled = "ip", some(native.inbound_enabled)
    for i, acl in ipairs(model.list(native.ip_acls)) do
        neutral.inbound.sources[i] = acl.cidr
    end
    local user = some(native.auth_username)
    neutral.outbound = { mode = user and "digest" or "ip", username = user, enabled = some(native.outbound_enabled) }
    for i, gateway in ipairs(model.list(native.gateways)) do
        neutral.gateways[i] = { host = gateway.host, port = some(gateway.port), priority = some(gateway.priority) }
    end
    neutral.transport = some(native.transport)
    for codec in (some(native.codecs) or ""):gmatch "[^,%s]+" do
        neutral.codecs = neutral.codecs or {}
        table.insert(neutral.codecs, codec:upper())
    end
    neutral.calling_format = common.calling_format(native.outbound_leading_plus_enabled)
    neutral.fixed_source_ip = true
    neutral.channels, neutral.active = some(native.channels), some(native.is_active)
    read_numbers(neutral, native)
    for _, name in ipairs { "id", "health", "active_calls", "created_at", "updated_at" } do
        neutral.refs[name] = some(native[name])
    end
    return neutral
end

local function head(p, body)
    local wanted = p.wanted
    body.name = common.label(p, LABEL)
    body.description = wanted.description and plan.cut(wanted.description, DESCRIPTION)
    if body.description ~= wanted.description then
        p:note("description", ("cut to %d characters"):format(DESCRIPTION))
    end
    local vendor = wanted.vendor and wanted.vendor:lower()
    if vendor and PRESETS[vendor] then
        body.preset = vendor
    elseif vendor or not p.native then
        body.preset = "custom"
        p:note("vendor", "not one of the presets here, so it is custom", { verdict = "changed" })
    end
    body.channels = wanted.channels
    body.default_inbound_agent_id = wanted.agent_ref
    common.agents(p)
end

local function media(p, body)
    local wanted = p.wanted
    body.transport = wanted.transport
    if wanted.transport == "tls" then
        body.transport = "tcp"
        p:note("transport", "there is no TLS here: signalling would use tcp, unencrypted")
    elseif not wanted.transport and not p.native then
        p:need("transport", "the transport that the carrier expects is required: udp or tcp")
    end
    if p.source.media_encryption and p.source.media_encryption ~= "none" then
        p:note("media_encryption", "the audio is not encrypted here")
    end
    local kept, seen = {}, {}
    for _, codec in ipairs(wanted.codecs or {}) do
        local name = codec:upper()
        if CODECS[name] and not seen[name] then
            seen[name] = true
            kept[#kept + 1] = name
        end
    end
    body.codecs = #kept > 0 and table.concat(kept, ",") or nil
    if wanted.codecs and #wanted.codecs > 0 and #kept == 0 then
        p:note("codecs", "only PCMU and PCMA are possible here, and neither is among them",
            { verdict = "lost", blocks = "value" })
    elseif wanted.codecs then
        p:note("codecs", "only PCMU and PCMA are possible here")
    end
    body.outbound_leading_plus_enabled = common.leading_plus(p)
end

local function authentication(p, body)
    local inbound, outbound = p.wanted.inbound, p.wanted.outbound
    body.auth_username = outbound.username
    if outbound.username then
        p:secret(body, "auth_password", "outbound",
            "the password cannot be read, so it must be given; the platform takes only username and password together")
    end
    if inbound.mode == "none" then
        common.no_authentication(p)
    elseif inbound.mode ~= "ip" then
        p:note("inbound.mode", "inbound calls are accepted only from the carrier's addresses")
    end
    if p.source.inbound.mode == "digest" then
        -- It cannot be read anyway, and the change of mode has its own finding.
        p:no_secret("inbound", "inbound calls are accepted only from the carrier's addresses", "lost")
    end
    if inbound.username and inbound.username == outbound.username then
        p:note("inbound.username", "used for outbound calls only", { verdict = "changed" })
    end
    -- Without an address every call is refused, which is a loss unless inbound calls were off before.
    if #inbound.sources == 0 and inbound.enabled ~= false and not p.native then
        p:need("inbound.sources", "the carrier's addresses are required: only they can call in")
    end
end

local function part_steps(p, after)
    local trunk <const> = { id = steps.reference "trunk" }
    local gateways <const> = p:gateways()
    if #gateways > GATEWAYS then
        p:note("gateways", ("at most %d gateways are possible"):format(GATEWAYS), { blocks = "loss" })
    elseif not p.native then
        p:note("gateways", "a host without a port gets port 5060, without a priority 1")
    end
    -- One by one, because the form of an item in create is not documented reliably.
    for i = 1, math.min(#gateways, GATEWAYS) do
        local body = { host = gateways[i].host, port = gateways[i].port or 5060, priority = gateways[i].priority or 1 }
        after[#after + 1] = { endpoint = "gateways.add", params = trunk, body = body, adds = "gateways", key = body }
    end
    for _, range in ipairs(common.ranges(p)) do
        after[#after + 1] = {
            endpoint = "acls.add", params = trunk, body = { cidr = range }, adds = "ip_acls", key = { cidr = range },
        }
    end
end

--- The user part that the carrier sends for it: as the older API kept it, else the digits.
local function routing_key(p, number, e164)
    return number.routing_key or p.source.origin == "bolna" and number.value or e164:sub(2)
end

local function number_steps(p, after)
    for i, number in ipairs(p.wanted.numbers) do
        local e164 = number.kind == "e164" and numbers.e164(number.value)
        if e164 then
            after[#after + 1] = {
                endpoint = "numbers.add", params = { id = steps.reference "trunk" }, adds = "numbers",
                body = { e164 = e164, destination_key = routing_key(p, number, e164), agent_id = number.agent_ref },
                key = { e164 = e164 }, as = "number " .. i,
            }
        else
            p:note("numbers", number.value .. " is not an international number such as +4930123456, and extensions "
                .. "are not possible here", { verdict = "lost", blocks = "loss" })
        end
    end
    common.note_numbers(p, "every number is written with +, besides the user part that the carrier sends for it")
    p:note("numbers.routing_key", "the user part that the carrier must send for the number")
end

---@param neutral trunkhost.Neutral
---@param options trunkhost.NeutralOptions?
---@return trunkhost.MapResult
function mapping.to_native(neutral, options)
    local p <const> = plan.new(mapping, neutral, options)
    local body, after = {}, {}
    head(p, body)
    authentication(p, body)
    media(p, body)
    common.fixed_source(p)
    body.inbound_enabled = p.wanted.inbound.enabled ~= false
    body.outbound_enabled = p.wanted.outbound.enabled ~= false
    local active = p.wanted.active ~= false
    body.is_active = active and not p.options.inactive_first
    p:registered_before()
    part_steps(p, after)
    number_steps(p, after)
    if active and p.options.inactive_first then
        after[#after + 1] = { endpoint = "update", params = { id = steps.reference "trunk" },
            body = { is_active = true } }
    end
    return p:finish({ { body = body, after = after } }, mapping.to_neutral)
end

local function remover(endpoint, name)
    return function(trunk, id) return { endpoint = endpoint, params = { id = trunk, [name] = id } } end
end

--- Only the agent of a number can be edited in place.
mapping.edits = {
    gateways = {
        field = "gateways", max = GATEWAYS, remove = remover("gateways.remove", "gateway_id"),
        key = function(gateway)
            return ("%s %d %d"):format(addresses.normal(gateway.host), model.some(gateway.port) or 5060,
                model.some(gateway.priority) or 1)
        end,
    },
    ip_acls = {
        field = "inbound.sources", remove = remover("acls.remove", "acl_id"),
        key = function(acl) return addresses.normal(acl.cidr) end,
    },
    numbers = {
        field = "numbers", remove = remover("numbers.remove", "number_id"),
        key = function(number) return number.e164 end,
        members = { destination_key = "numbers.routing_key", agent_id = "agent_ref" },
        changes = { agent_id = true },
        change = function(id, fields)
            return { endpoint = "numbers.assign", params = { number_id = id }, body = fields }
        end,
    },
}

--- Names need not be unique, but a twin has the same one.
---@param planned trunkhost.Neutral
---@param found trunkhost.Neutral
---@return boolean?
function mapping.same(planned, found)
    if planned.label ~= found.label then
        return false
    end
    return nil
end

return mapping
