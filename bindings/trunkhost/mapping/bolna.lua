--- Bolna, the older API: one authentication for both directions, numbers kept verbatim, and no free fields. A trunk is
--- deactivated and activated after its creation.

local common <const> = require "trunkhost.mapping.bolna_common"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local plan <const> = require "trunkhost.mapping.plan"
local steps <const> = require "trunkhost.mapping.steps"

local mapping <const> = { name = "bolna", title = "Bolna /sip-trunks", agents_of = common.agents_of, parts = {},
    marks = common.marks }

local EXTRAS <const> = { "disallow", "direct_media", "rtp_symmetric", "force_rport", "qualify_frequency" }
local REGISTERS <const> = "with userpass the platform may register at the carrier; there is no setting for it"
local TO_NEUTRAL <const> = { ulaw = "PCMU", alaw = "PCMA" }
local TO_NATIVE <const> = { PCMU = "ulaw", PCMA = "alaw" }

local function read_codecs(text)
    local list = {}
    for codec in (model.some(text) or ""):gmatch "[^,%s]+" do
        list[#list + 1] = TO_NEUTRAL[codec:lower()] or codec:upper()
    end
    return #list > 0 and list or nil
end

local function read_encryption(neutral, native)
    local mode, optimistic = model.some(native.media_encryption), native.media_encryption_optimistic == true
    if mode == "sdes" then
        neutral.media_encryption = optimistic and "sdes-optional" or "sdes"
    else
        neutral.media_encryption = mode == "no" and "none" or nil
        neutral.extras.media_encryption_optimistic = optimistic or nil -- says nothing without sdes
    end
end

local function read_parts(neutral, native)
    local some <const> = model.some
    for i, gateway in ipairs(model.list(native.gateways)) do
        neutral.gateways[i] = {
            host = gateway.gateway_address, port = some(gateway.port), priority = some(gateway.priority),
        }
    end
    for i, source in ipairs(model.list(native.ip_identifiers)) do
        neutral.inbound.sources[i] = source.ip_address
    end
    for _, number in ipairs(model.list(native.phone_numbers)) do
        if number.deleted ~= true then
            table.insert(neutral.numbers, {
                value = number.phone_number, kind = numbers.kind(number.phone_number), name = some(number.name),
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
    neutral.label, neutral.description = some(native.name), some(native.description)
    neutral.vendor = some(native.provider)
    -- userpass is the carrier's pair for both directions; inbound calls have no authentication of their own.
    local modes <const> = { userpass = "digest", ["ip-based"] = "ip" }
    local mode = modes[native.auth_type]
    local user = some(native.auth_username)
    neutral.inbound.mode, neutral.inbound.username = mode, mode == "digest" and user or nil
    neutral.inbound.enabled = some(native.inbound_enabled)
    neutral.outbound = { mode = mode, username = user, enabled = true }
    neutral.transport = (some(native.transport) or ""):match "^transport%-(%l+)$"
    neutral.codecs = read_codecs(native.allow)
    neutral.calling_format = common.calling_format(native.outbound_leading_plus_enabled)
    neutral.fixed_source_ip = true
    neutral.active = some(native.is_active)
    read_encryption(neutral, native)
    read_parts(neutral, native)
    for _, name in ipairs(EXTRAS) do
        neutral.extras[name] = some(native[name])
    end
    for _, name in ipairs { "id", "created_at", "updated_at" } do
        neutral.refs[name] = some(native[name])
    end
    return neutral
end

local function head(p, body)
    body.name = common.label(p)
    body.description = p.wanted.description
    body.provider = p.wanted.vendor
    if not body.provider and p.source.origin == "bolna_trunk" then
        body.provider = "custom"
        p:note("vendor", "a carrier is required; none was given, so it is custom")
    elseif not body.provider then
        p:need("vendor", "a carrier is required, as free text: twilio, telnyx, custom, …")
    end
end

local function authentication(p, body)
    local inbound, outbound = p.wanted.inbound, p.wanted.outbound
    local digest = outbound.mode == "digest" or outbound.mode == nil and outbound.username ~= nil
    body.auth_type = digest and "userpass" or "ip-based"
    if digest then
        body.auth_username = outbound.username
        if not outbound.username then
            p:need("outbound.username", "userpass needs a username")
        end
        p:secret(body, "auth_password", "outbound", "the password cannot be read, so it must be given")
        if inbound.mode == "digest" then
            p:no_secret("inbound", "the same as outbound.secret: both directions use one pair", "secret")
        end
    end
    if inbound.mode == "none" then
        common.no_authentication(p)
    elseif inbound.mode ~= (digest and "digest" or "ip") then
        p:note("inbound.mode", "both directions use one authentication: that of outbound calls is taken")
    end
    if inbound.username and digest and inbound.username ~= outbound.username then
        p:note("inbound.username", "both directions use one pair: the outbound username is taken; tell the carrier",
            { verdict = "changed" })
    end
    local list = json.array {}
    for i, range in ipairs(common.ranges(p)) do
        list[i] = { ip_address = range }
    end
    body.ip_identifiers = #list > 0 and list or nil
    if not digest and #list == 0 and not p.notes["inbound.sources"] then
        p:need("inbound.sources", "ip-based needs the carrier's addresses")
    elseif digest and #list > 0 and inbound.mode == "ip" then
        p:note("inbound.sources", "kept, but only ip-based authentication uses them")
    end
end

local function media(p, body)
    local wanted = p.wanted
    body.transport = wanted.transport and "transport-" .. wanted.transport
    if not wanted.transport and not p.native then
        p:need("transport", "the transport that the carrier expects is required: udp, tcp or tls")
    end
    local encryption = wanted.media_encryption
    if encryption then
        body.media_encryption = encryption == "none" and "no" or "sdes"
        body.media_encryption_optimistic = encryption == "sdes-optional" or nil
        if encryption ~= "none" and wanted.transport ~= "tls" then
            p:note("transport", "sdes needs tls", { verdict = "lost", blocks = "value" })
        end
    end
    body.media_encryption_optimistic = wanted.extras.media_encryption_optimistic or body.media_encryption_optimistic
    local codecs = {}
    for i, codec in ipairs(wanted.codecs or {}) do
        codecs[i] = TO_NATIVE[codec:upper()] or codec:lower()
    end
    body.allow = #codecs > 0 and table.concat(codecs, ",") or nil
    body.outbound_leading_plus_enabled = common.leading_plus(p)
    for _, name in ipairs(EXTRAS) do
        body[name] = wanted.extras[name]
    end
end

local function gateways(p, body)
    local list = json.array {}
    for i, gateway in ipairs(p:gateways()) do
        list[i] = { gateway_address = gateway.host, port = gateway.port or 5060, priority = gateway.priority or 1 }
    end
    body.gateways = list
    if #list == 0 then
        p:need("gateways", "at least one host of the carrier is required")
    elseif not p.native then
        p:note("gateways", "a host without a port gets port 5060, without a priority 1")
    end
end

local function number_steps(p, after)
    for i, number in ipairs(p.wanted.numbers) do
        local name = "number " .. i
        after[#after + 1] = {
            endpoint = "numbers.add", params = { id = steps.reference "trunk" }, adds = "phone_numbers", as = name,
            body = { phone_number = number.value, name = number.name }, key = { phone_number = number.value },
        }
        local agent = common.agent(p, number)
        if agent then
            after[#after + 1] = {
                endpoint = "agents.map", part = "phone_numbers", key = { phone_number = number.value },
                body = { agent_id = agent, phone_number_id = steps.reference(name) }, fields = { agent_id = agent },
            }
        end
    end
    if p.wanted.agent_ref and not p.given.agent_ref then
        p:note("agent_ref", "a trunk has no agent here: it is assigned to each number that has none",
            #p.wanted.numbers > 0 and { verdict = "changed" } or nil)
    else
        common.agents(p)
    end
end

--- Create cannot set is_active, so it is switched off right after, and on when the trunk is complete.
local function switch(on)
    return { endpoint = "update", params = { id = steps.reference "trunk" }, body = { is_active = on } }
end

---@param neutral trunkhost.Neutral
---@param options trunkhost.NeutralOptions?
---@return trunkhost.MapResult
function mapping.to_native(neutral, options)
    local p <const> = plan.new(mapping, neutral, options)
    local body, after = {}, {}
    head(p, body)
    authentication(p, body)
    gateways(p, body)
    media(p, body)
    common.fixed_source(p)
    body.inbound_enabled = p.wanted.inbound.enabled
    if body.inbound_enabled == nil and not p.native then
        body.inbound_enabled = true -- the default is off
    end
    local active = p.wanted.active ~= false
    if not active or p.options.inactive_first then
        after[#after + 1] = switch(false)
    end
    number_steps(p, after)
    if active and p.options.inactive_first then
        after[#after + 1] = switch(true)
    end
    if not p.native and p.wanted.registration.enabled ~= nil then
        p:note("registration.enabled", REGISTERS, { verdict = "changed" })
    elseif not p.native and body.auth_type == "userpass" then
        p:missing("registration.enabled", REGISTERS)
    end
    p:note("numbers.routing_key", "calls are routed by the number itself here, with or without +")
    return p:finish({ { body = body, after = after, makes = { is_active = true } } }, mapping.to_neutral)
end

--- Numbers are those that a carrier routes here, and no extensions.
mapping.numbers = "international"

--- Numbers have their own requests; none changes a name.
mapping.edits = {
    phone_numbers = {
        field = "numbers", key = function(number) return number.phone_number end,
        members = { name = "numbers.name", agent_id = "agent_ref" },
        remove = function(trunk, id)
            return { endpoint = "numbers.remove", params = { id = trunk, number_id = id } }
        end,
        changes = { agent_id = true },
        change = function(id, fields)
            if fields.agent_id == json.null then
                return { endpoint = "agents.unmap", body = { phone_number_id = id } }
            end
            return { endpoint = "agents.map", body = { agent_id = fields.agent_id, phone_number_id = id } }
        end,
    },
}

--- A name is unique within the account.
---@param planned trunkhost.Neutral
---@param found trunkhost.Neutral
---@return boolean
function mapping.same(planned, found)
    return planned.label == found.label
end

return mapping
