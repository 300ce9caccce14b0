--- Famulor and Autocalls: one number, one host without a port, one pair of credentials for both directions; a trunk
--- cannot be deactivated.

local addresses <const> = require "trunkhost.mapping.addresses"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local plan <const> = require "trunkhost.mapping.plan"

local mapping <const> = { name = "famulor_like", title = "Famulor/Autocalls", agents_of = {}, parts = {} }

--- Whatever has no plus sign is an extension here.
function mapping.kind(number)
    return number:find "^%+%d+$" and "e164" or "extension"
end

local LABEL <const>, EXTENSION <const> = 50, 15

--- Leaves out what cannot be read (sip_trunk_type, the assistant); the type follows from the number's plus sign.
---@param native table
---@return trunkhost.Neutral
function mapping.to_neutral(native)
    local neutral <const> = model.new(mapping.name)
    local some <const> = model.some
    neutral.label = some(native.nickname)
    local number = some(native.phone_number)
    if number then
        neutral.numbers[1] = { value = number, kind = mapping.kind(number) }
    end
    local modes <const> = { auth = "digest", ip = "ip" }
    neutral.inbound.mode = modes[native.inbound_authorization_type]
    neutral.inbound.username = neutral.inbound.mode == "digest" and some(native.sip_username) or nil
    neutral.inbound.sources = json.array(model.copy(model.list(native.allowed_inbound_ips)))
    neutral.inbound.enabled = true
    neutral.outbound = { mode = "digest", username = some(native.sip_username), enabled = true }
    if some(native.sip_address) then
        neutral.gateways[1] = { host = native.sip_address }
    end
    neutral.calling_format = some(native.sip_calling_format)
    neutral.country = some(native.country_code)
    neutral.fixed_source_ip = some(native.outbound_proxy)
    neutral.active = true
    for _, name in ipairs { "id", "inbound_trunk_id", "outbound_trunk_id", "created_at", "updated_at" } do
        neutral.refs[name] = some(native[name])
    end
    return neutral
end

local function label(p, body)
    local text = p.wanted.label
    if not text then
        -- The API reference makes it optional.
        return not p.native and p:missing("label", "the source has no name; one can be given")
    end
    body.nickname = plan.cut(text, LABEL)
    if body.nickname ~= text then
        p:note("label", ("cut to %d characters"):format(LABEL))
    end
end

local function credentials(p, body)
    local inbound, outbound = p.wanted.inbound, p.wanted.outbound
    local user = outbound.username or inbound.username
    body.sip_username = user
    if not user then
        p:need("outbound.username", "a username is required, for both directions")
    elseif utf8.len(user) and (utf8.len(user) < 3 or utf8.len(user) > 128) then
        p:note("outbound.username", "a username must have 3 to 128 characters here",
            { verdict = "lost", blocks = "value" })
    elseif not outbound.username then
        p:note("outbound.username", "both directions use one pair: the inbound username is taken")
    end
    if inbound.username and inbound.username ~= user then
        p:note("inbound.username", "both directions use one pair: the outbound username is taken; tell the carrier",
            inbound.mode == "digest" and { verdict = "changed" } or nil)
    end
    p:secret(body, "sip_password", "outbound",
        "the password cannot be read, so it must be given, one for both directions")
    if inbound.mode == "digest" then
        p:no_secret("inbound", "the same as outbound.secret: both directions use one pair", "secret")
    end
end

local function inbound(p, body)
    local mode, sources = p.wanted.inbound.mode, p.wanted.inbound.sources
    local types <const> = { digest = "auth", ip = "ip" }
    body.inbound_authorization_type = types[mode]
    if not types[mode] then
        p:note("inbound.mode", "inbound calls need username and password (digest) or known addresses (ip) here",
            { verdict = mode and "lost" or "missing", blocks = "value" })
    elseif mode == "ip" then
        local singles, culprit = addresses.singles(sources)
        if not singles then
            p:note("inbound.sources", ("%s: only single addresses are accepted; ranges of up to 16 addresses are "
                .. "split, host names and larger ranges are not possible"):format(culprit),
                { verdict = "lost", blocks = "value" })
        elseif #singles == 0 then
            p:need("inbound.sources", "at least one address that may call in is required")
        else
            body.allowed_inbound_ips = json.array(singles)
            p:note("inbound.sources", "every address is listed separately")
        end
    elseif #sources > 0 then
        p:note("inbound.sources", "there is no allow list together with username and password here")
    end
end

local function call_settings(p, body)
    body.sip_address = p:only_host()
    if not body.sip_address then
        p:need("gateways", "the carrier's host is required")
    end
    body.sip_calling_format = p.wanted.calling_format
    if not body.sip_calling_format then
        p:need("calling_format", "say how numbers are dialled: +e164, e164 or national")
    end
    body.country_code = p.wanted.country
    if not body.country_code then
        p:need("country", "a country is required")
    end
    body.outbound_proxy = p.wanted.fixed_source_ip
    -- Other platforms may always call from fixed addresses, but their addresses differ from these.
    local other = p.source.origin ~= nil and not p.native and not p.given.fixed_source_ip
    if body.outbound_proxy == nil or other then
        body.outbound_proxy = nil
        p:need("fixed_source_ip", "say whether outbound calls use this platform's fixed address: yes or no")
    end
end

--- Type and text of a number here; nil if its meaning would change.
local function own_number(p, number)
    if number.kind == "e164" then
        return "number", numbers.e164(number.value)
    end
    -- A national number would become an extension that nobody dials.
    local doubtful = not p.native and not p.given.numbers and number.value:find "^0%d%d%d%d%d%d"
    local fits = #number.value <= EXTENSION and number.value:find "^[%w._%-*#]+$"
    return "extension", fits and not doubtful and number.value or nil
end

---@param neutral trunkhost.Neutral
---@param options trunkhost.NeutralOptions?
---@return trunkhost.MapResult
function mapping.to_native(neutral, options)
    local p <const> = plan.new(mapping, neutral, options)
    local body = {}
    label(p, body)
    credentials(p, body)
    inbound(p, body)
    call_settings(p, body)
    -- The assistant cannot be read; it is set at the assistant.
    if p.native then
        p:missing("agent_ref", "the source does not show its assistant: assign the number to it afterwards")
    else
        p:note("agent_ref", "agents exist only on their platform: assign the number to an assistant afterwards")
    end
    p:registered_before()
    p:note("numbers.routing_key", "calls are routed by the number itself here")

    local trunks, all = {}, p.wanted.numbers
    for _, number in ipairs(all) do
        local copy <const> = {}
        for name, value in pairs(body) do
            copy[name] = value
        end
        copy.sip_trunk_type, copy.phone_number = own_number(p, number)
        if copy.phone_number then
            trunks[#trunks + 1] = { body = copy, after = {}, number = copy.phone_number }
        else
            p:note("numbers", number.value .. " is neither an international number such as +4930123456 nor an "
                .. "extension of up to 15 characters", { verdict = "lost", blocks = "value" })
        end
    end
    if #all == 0 then
        p:need("numbers", "a trunk needs one number here, and this one has none")
    elseif #all > 1 and not p.notes.numbers then
        p:note("numbers", ("one number per trunk here, so there will be %d trunks with the same credentials")
            :format(#all),
            { verdict = "changed" })
    elseif not p.notes.numbers and numbers.e164(all[1].value) ~= all[1].value and all[1].kind == "e164" then
        p:note("numbers", "written as an international number")
    end
    if #trunks == 0 then
        trunks[1] = { body = body, after = {} }
    end
    return p:finish(trunks, mapping.to_neutral)
end

--- The marks that a twin shares with a planned trunk.
---@param trunk trunkhost.Neutral
---@return string[]
function mapping.marks(trunk)
    local marks = {}
    for i, number in ipairs(trunk.numbers) do
        marks[i] = ("%s %s"):format(numbers.key(number.value), trunk.outbound.username or "")
    end
    return marks
end

return mapping
