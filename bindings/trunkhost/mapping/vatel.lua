--- Vatel: a pair of credentials and one host for each direction, and numbers on assignments that need an agent.

local addresses <const> = require "trunkhost.mapping.addresses"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local plan <const> = require "trunkhost.mapping.plan"
local steps <const> = require "trunkhost.mapping.steps"

local mapping <const> = {
    name = "vatel", title = "Vatel", agents_of = { vatel = true },
    parts = { assignments = "assignments.list" },
}

local PBX <const> = { ["3cx"] = true, yeastar = true, webex = true, generic = true }
local MODES <const> = { digest = "digest", acl = "ip", none = "none" }
local TYPES <const> = { digest = "digest", ip = "acl", none = "none" }

--- The values of number and alternate_number: which one is used depends on the inbound authentication.
local function slots(number, mode)
    if number.extras then
        return number.extras.number, number.extras.alternate_number
    elseif mode == "ip" then
        return nil, number.value
    end
    return number.value, nil
end

local function read_assignments(neutral, list)
    local bare = json.array {}
    for _, assignment in ipairs(list) do
        local number, alternate = model.some(assignment.number), model.some(assignment.alternate_number)
        local value = number or alternate
        if value then
            local item = { value = value, kind = numbers.kind(value), agent_ref = model.some(assignment.agent_id) }
            local usual_number, usual_alternate = slots(item, neutral.inbound.mode)
            if number ~= usual_number or alternate ~= usual_alternate then
                item.extras = { number = number, alternate_number = alternate }
            end
            -- The carrier sends an alternate number as the user part.
            item.routing_key = number and alternate
            neutral.numbers[#neutral.numbers + 1] = item
        else
            bare[#bare + 1] = model.some(assignment.agent_id)
        end
    end
    neutral.extras.assignments = #bare > 0 and bare or nil
end

---@param native table  with `assignments`
---@return trunkhost.Neutral
function mapping.to_neutral(native)
    local neutral <const> = model.new(mapping.name)
    local some <const> = model.some
    neutral.vendor = some(native.pbx)
    neutral.inbound.mode = MODES[native.inbound_auth_type]
    neutral.inbound.username = some(native.inbound_sip_username)
    neutral.inbound.enabled = true
    local host = some(native.inbound_host)
    if host and neutral.inbound.mode == "ip" then
        neutral.inbound.sources[1] = host
    else
        neutral.extras.inbound_host = host -- only with acl it is an allow list
    end
    local user, out = some(native.outbound_sip_username), some(native.outbound_host)
    neutral.outbound = { mode = user and "digest" or out and "ip" or "none", username = user, enabled = true }
    if out then
        local name, port = addresses.host_port(out)
        neutral.gateways[1] = { host = name, port = port }
    end
    local transforms = model.list(native.caller_id_transforms)
    neutral.caller_id_transforms = #transforms > 0 and model.copy(transforms) or nil
    neutral.registration.enabled = some(native.register)
    neutral.extras.remain_in_dialog = some(native.remain_in_dialog)
    neutral.active = true
    for _, name in ipairs { "id", "created_at", "inbound_registration_status", "outbound_registration_status" } do
        neutral.refs[name] = some(native[name])
    end
    read_assignments(neutral, model.list(native.assignments))
    return neutral
end

local function vendor(p, body)
    local wanted = p.wanted.vendor
    local known = wanted and PBX[wanted:lower()] and wanted:lower()
    if known then
        body.pbx = known
    elseif wanted or p.source.origin == "bolna_trunk" then
        body.pbx = "generic"
        p:note("vendor", "not one of 3cx, yeastar, webex, so it is generic", { verdict = "changed" })
    else
        p:need("vendor", "a preset is required: 3cx, yeastar, webex or generic")
    end
end

local function inbound(p, body, trunk)
    local wanted = p.wanted.inbound
    body.inbound_auth_type = TYPES[wanted.mode]
    body.inbound_sip_username = wanted.username
    body.inbound_host = p.wanted.extras.inbound_host
    if wanted.mode == "none" then
        trunk.grant = { "inbound_auth_type" }
    elseif wanted.mode == "digest" and wanted.username then
        p:secret(body, "inbound_sip_password", "inbound", "the password cannot be read, so it must be given")
        if not p.notes["inbound.username"] then
            p:note("inbound.username", "must be unique in all of Vatel; if it changes, tell the carrier")
        end
    elseif wanted.mode == "digest" and not p.native then
        p:need("inbound.username", "digest needs a username")
    end
    if wanted.mode ~= "ip" then
        if #wanted.sources > 0 then
            p:note("inbound.sources", "addresses are used only with inbound.mode ip here")
        end
        return
    end
    local one = addresses.one(wanted.sources)
    body.inbound_host = one
    if #wanted.sources == 0 and not p.native then
        p:need("inbound.sources", "the address, range or host that may call in is required")
    elseif #wanted.sources > 0 and not one then
        p:note("inbound.sources", "only one address, range or host is possible, and no single range equals these",
            { verdict = "lost", blocks = "value" })
    elseif #wanted.sources > 1 then
        p:note("inbound.sources", "merged into one range of the same addresses")
    end
end

local function outbound(p, body)
    local first = p:gateways()[1]
    if first and p.native then
        body.outbound_host = addresses.join(first.host, first.port)
    else
        -- A port after the host is not documented, so it is not copied from another platform.
        body.outbound_host = p:only_host()
    end
    body.outbound_sip_username = p.wanted.outbound.username
    if body.outbound_sip_username then
        p:secret(body, "outbound_sip_password", "outbound", "the password cannot be read, so it must be given")
    end
    body.register = p.wanted.registration.enabled
    if body.register == nil and not p.native then
        p:need("registration.enabled", "say whether Vatel registers at the carrier: yes or no")
    end
end

local function assign(after, fields)
    after[#after + 1] = {
        endpoint = "assignments.create", params = { id = steps.reference "trunk" }, body = fields,
        adds = "assignments", key = fields, as = "assignment " .. #after + 1,
    }
end

local function assignments(p, after)
    for _, number in ipairs(p.wanted.numbers) do
        local agent = number.agent_ref or p.wanted.agent_ref
        if not agent then
            p:need("agent_ref", "every number needs an agent of this organization")
        end
        local own, alternate = slots(number, p.wanted.inbound.mode)
        assign(after, { agent_id = agent, number = own, alternate_number = alternate })
    end
    for _, agent in ipairs(p.wanted.extras.assignments or {}) do
        assign(after, { agent_id = agent })
    end
    if #p.wanted.numbers > 0 then
        local field = p.wanted.inbound.mode == "ip" and "alternate_number, unique in all of Vatel" or "number"
        p:note("numbers", "an assignment for each number, as its " .. field)
    end
end

---@param neutral trunkhost.Neutral
---@param options trunkhost.NeutralOptions?
---@return trunkhost.MapResult
function mapping.to_native(neutral, options)
    local p <const> = plan.new(mapping, neutral, options)
    local body, trunk = {}, { after = {} }
    trunk.body = body
    vendor(p, body)
    inbound(p, body, trunk)
    outbound(p, body)
    body.caller_id_transforms = model.copy(p.wanted.caller_id_transforms)
    body.remain_in_dialog = p.wanted.extras.remain_in_dialog
    if p.source.origin == "bolna" or p.source.origin == "bolna_trunk" then
        -- That platform always works so; nobody chose it.
        p:note("fixed_source_ip", "Vatel does not say from which addresses it calls", { verdict = "changed" })
    end
    p:note("numbers.routing_key", "calls are routed by the assignment's number here")
    assignments(p, trunk.after)
    return p:finish({ trunk }, mapping.to_neutral)
end

--- An assignment's agent cannot change. If it is removed, so is its id, which the carrier may call.
mapping.edits = {
    assignments = {
        field = "numbers", nameless = "extras.assignments",
        key = function(assignment)
            local number = model.some(assignment.number) or model.some(assignment.alternate_number)
            return number or "agent " .. assignment.agent_id
        end,
        members = { number = "numbers", alternate_number = "numbers", agent_id = "agent_ref" },
        remove = function(_, id) return { endpoint = "assignments.delete", params = { assignment_id = id } } end,
        changes = { number = true, alternate_number = true },
        change = function(id, fields)
            return { endpoint = "assignments.update", params = { assignment_id = id }, body = fields }
        end,
    },
}

local function same_callers(planned, found)
    return planned.inbound.mode == found.inbound.mode
        and addresses.coverage(planned.inbound.sources) == addresses.coverage(found.inbound.sources)
end

--- Compares the inbound username, which is unique in all of Vatel; nil when the trunk has none. Before it has numbers,
--- it is recognised by who may call in.
---@param planned trunkhost.Neutral
---@param found trunkhost.Neutral
---@return boolean?
function mapping.same(planned, found)
    if planned.inbound.username then
        return planned.inbound.username == found.inbound.username
    elseif #found.numbers == 0 and not same_callers(planned, found) then
        return false
    end
    return nil
end

--- The marks that a twin shares with a planned trunk: the inbound username, else who may call in.
---@param trunk trunkhost.Neutral
---@return string[]
function mapping.marks(trunk)
    local callers = ("c%s %s %s"):format(trunk.inbound.mode or "", addresses.coverage(trunk.inbound.sources),
        trunk.outbound.username or "")
    return trunk.inbound.username and { "i" .. trunk.inbound.username, callers } or { callers }
end

return mapping
