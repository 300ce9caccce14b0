--- What Bolna's two trunk APIs share.

local addresses <const> = require "trunkhost.mapping.addresses"
local plan <const> = require "trunkhost.mapping.plan"

local common <const> = {}

--- Agents belong to the account, whichever API created a trunk.
common.agents_of = { bolna = true, bolna_trunk = true }

local function derived(p)
    local wanted = p.wanted
    local first = wanted.numbers[1] and wanted.numbers[1].value
    return first or wanted.outbound.username or wanted.gateways[1] and wanted.gateways[1].host
end

--- The name; cut where the API has a limit.
---@param p trunkhost.NeutralPlan
---@param length integer?
---@return string?
function common.label(p, length)
    local label = p.wanted.label
    if not label then
        -- Vatel's trunks have no names, so any name would be invented.
        label = p.source.origin ~= "vatel" and derived(p) or nil
        if not label then
            p:need("label", "a name is required")
            return nil
        end
        p:note("label", "a name is required; it is made from the number")
    end
    local cut = length and plan.cut(label, length) or label
    if cut ~= label then
        p:note("label", ("cut to %d characters"):format(length))
    end
    return cut
end

---@param p trunkhost.NeutralPlan
---@return boolean?
function common.leading_plus(p)
    local format = p.wanted.calling_format
    if format == "national" then
        p:note("calling_format", "numbers are dialled with a country code here, with or without +; national is not \z
            possible",
            { verdict = "lost", blocks = "value" })
    elseif format then
        return format == "+e164"
    elseif not p.native then
        p:need("calling_format", "say whether numbers are dialled with +: +e164 or e164")
    end
    return nil
end

---@param plus boolean?
---@return string?
function common.calling_format(plus)
    if type(plus) ~= "boolean" then
        return nil
    end
    return plus and "+e164" or "e164"
end

--- The sources that are addresses or ranges; a name blocks the trunk.
---@param p trunkhost.NeutralPlan
---@return string[]
function common.ranges(p)
    local list = {}
    for _, source in ipairs(p.wanted.inbound.sources) do
        if addresses.is_name(source) then
            p:note("inbound.sources", source .. " is a host name, but only addresses and ranges are accepted: give "
                .. "its addresses", { verdict = "lost", blocks = "value" })
        else
            list[#list + 1] = source
        end
    end
    return list
end

---@param p trunkhost.NeutralPlan
function common.fixed_source(p)
    if p.wanted.fixed_source_ip ~= nil or not p.native then
        p:note("fixed_source_ip", "Bolna always calls from fixed addresses", { verdict = "exact" })
    end
end

---@param p trunkhost.NeutralPlan
function common.no_authentication(p)
    if p.wanted.inbound.mode == "none" then
        p:note("inbound.mode", "inbound calls without authentication are not possible here",
            { verdict = "lost", blocks = "value" })
    end
end

--- The agent of a number, its own or the trunk's.
---@param p trunkhost.NeutralPlan
---@param number trunkhost.NeutralNumber
---@return string?
function common.agent(p, number)
    return number.agent_ref or p.wanted.agent_ref
end

---@param p trunkhost.NeutralPlan
function common.agents(p)
    if p.source.origin == "famulor_like" and not p.given.agent_ref then
        p:missing("agent_ref", "the source does not show its assistant: assign the number to an agent afterwards")
    elseif not p.given.agent_ref then
        p:note("agent_ref", "agents exist only in their account")
    end
end

---@param p trunkhost.NeutralPlan
---@param text string
function common.note_numbers(p, text)
    if not p.notes.numbers then
        p:note("numbers", text)
    end
end

--- The mark that a twin shares with a planned trunk: its name.
---@param trunk trunkhost.Neutral
---@return string[]
function common.marks(trunk)
    return { trunk.label }
end

return common
