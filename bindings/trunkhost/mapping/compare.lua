--- Compares two neutral trunks, and says what is lost between them.

local addresses <const> = require "trunkhost.mapping.addresses"
local canonical <const> = require "trunkhost.text.canonical"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"

local compare <const> = {}

local PORT <const>, PRIORITY <const> = 5060, 1

local function by_number(neutral, member)
    local found, any = {}, false
    for _, number in ipairs(neutral.numbers) do
        if number[member] then
            found[numbers.key(number.value)], any = number[member], true
        end
    end
    return any and found or nil
end

local function filled(list)
    return list and #list > 0 and list or nil
end

local DERIVED <const> = {
    numbers = function(neutral)
        local list = {}
        for i, number in ipairs(neutral.numbers) do
            list[i] = number.value
        end
        return filled(list)
    end,
    ["numbers.name"] = function(neutral) return by_number(neutral, "name") end,
    ["numbers.routing_key"] = function(neutral) return by_number(neutral, "routing_key") end,
    agent_ref = function(neutral)
        local agents = by_number(neutral, "agent_ref")
        if neutral.agent_ref then
            agents = agents or {}
            agents[""] = neutral.agent_ref -- for all other numbers
        end
        return agents
    end,
    gateways = function(neutral) return filled(neutral.gateways) end,
    codecs = function(neutral) return filled(neutral.codecs) end,
    caller_id_transforms = function(neutral) return filled(neutral.caller_id_transforms) end,
    ["inbound.sources"] = function(neutral) return filled(neutral.inbound.sources) end,
}

--- The value of a field, in a form that can be shown and compared; nil when it has none.
---@param neutral trunkhost.Neutral
---@param name string
---@return any
function compare.value(neutral, name)
    if DERIVED[name] then
        return DERIVED[name](neutral)
    end
    local group, member = name:match "^(%w+)%.(.*)$"
    if group then
        return neutral[group] and neutral[group][member]
    end
    return neutral[name]
end

local function gateway_text(gateway, strict)
    local port, priority = gateway.port, gateway.priority
    if not strict then
        port, priority = port or PORT, priority or PRIORITY
    end
    return ("%s %s %s"):format(addresses.normal(gateway.host), port or "-", priority or "-")
end

local function sorted(list, text)
    local result = {}
    for i, item in ipairs(list) do
        result[i] = text(item)
    end
    table.sort(result)
    return table.concat(result, "\n")
end

local NORMAL <const> = {
    numbers = function(value) return sorted(value, function(item) return item end) end,
    ["inbound.sources"] = function(value) return sorted(value, addresses.normal) end,
    gateways = function(value, strict)
        local order = {}
        for i, gateway in ipairs(value) do
            order[i] = ("%06d %06d %s"):format(gateway.priority or PRIORITY, i, gateway_text(gateway, strict))
        end
        table.sort(order)
        for i, line in ipairs(order) do
            order[i] = line:sub(15)
        end
        return table.concat(order, "\n")
    end,
    codecs = function(value) return table.concat(value, ","):upper() end,
    country = function(value) return value:upper() end,
}

--- A text that is equal for values with the same meaning. strict: a default differs from an explicit value.
local function normal(name, value, strict)
    if value == nil then
        return nil
    end
    return NORMAL[name] and NORMAL[name](value, strict) or canonical.text(value)
end

local function missing(before, after, key)
    local there = {}
    for _, item in ipairs(after) do
        there[key(item)] = true
    end
    for _, item in ipairs(before) do
        if not there[key(item)] then
            return true
        end
    end
    return false
end

local function missing_member(before, after)
    for key in pairs(before) do
        if after[key] == nil then
            return true
        end
    end
    return false
end

local function endpoint(gateway)
    return ("%s %d"):format(addresses.normal(gateway.host), gateway.port or PORT)
end

local function switched_on(before, after)
    return before == false and after ~= false
end

local WEIGHT <const> = { none = 0, ["sdes-optional"] = 1, sdes = 2 }

--- Whether something is lost, for fields whose value may differ without a loss.
local LOST <const> = {
    numbers = function(before, after) return missing(before, after, numbers.key) end,
    ["numbers.name"] = missing_member,
    agent_ref = missing_member,
    gateways = function(before, after) return missing(before, after, endpoint) end,
    codecs = function(before, after) return missing(before, after, string.upper) end,
    ["inbound.sources"] = function(before, after) return addresses.coverage(before) ~= addresses.coverage(after) end,
    ["inbound.enabled"] = switched_on,
    ["outbound.enabled"] = switched_on,
    active = switched_on,
    transport = function(before) return before == "tls" end,
    media_encryption = function(before, after) return WEIGHT[after] < WEIGHT[before] end,
}

--- Values that lose nothing when the target has no such setting.
local HARMLESS <const> = {
    media_encryption = "none", fixed_source_ip = false, ["registration.enabled"] = false,
    ["extras.remain_in_dialog"] = false, ["extras.disallow"] = "all", ["extras.direct_media"] = false,
    ["extras.rtp_symmetric"] = true, ["extras.force_rport"] = true, ["extras.qualify_frequency"] = 60,
    -- Nobody takes calls on it, so nobody is shut out.
    ["inbound.enabled"] = true, ["outbound.enabled"] = true, active = true,
}

local function own_keys(map)
    for number, key in pairs(map) do
        if not numbers.is_own_key(number, key) then
            return false
        end
    end
    return true
end

local function lost(name, before, after)
    if name == "numbers.routing_key" then
        -- A key that is the number itself needs no place of its own.
        local gone = {}
        for number, key in pairs(before) do
            if not (after and after[number] == key) then
                gone[number] = key
            end
        end
        return not own_keys(gone)
    elseif after == nil then
        return HARMLESS[name] ~= before
    end
    return LOST[name] ~= nil and LOST[name](before, after)
end

--- What became of a value on its way: nil when there was nothing and is nothing.
---@param name string
---@param before any
---@param after any
---@return "exact"|"changed"|"lost"|nil
function compare.verdict(name, before, after)
    if before == nil then
        return after ~= nil and "changed" or nil
    elseif normal(name, before, true) == normal(name, after, true) then
        return "exact"
    end
    return lost(name, before, after) and "lost" or "changed"
end

--- The names of all fields of these trunks: the model's, then the extras.
---@return string[]
function compare.names(...)
    local names, extras, seen = {}, {}, {}
    for i, field in ipairs(model.fields) do
        names[i] = field.name
    end
    for _, neutral in ipairs { ... } do
        for name in pairs(neutral.extras or {}) do
            if not seen[name] then
                seen[name] = true
                extras[#extras + 1] = "extras." .. name
            end
        end
    end
    table.sort(extras)
    return table.move(extras, 1, #extras, #names + 1, names)
end

--- Where a trunk that was read back differs from the one that was planned. What the plan left to the platform may
--- have any value.
---@param planned trunkhost.Neutral
---@param found trunkhost.Neutral
---@return { field: string, planned: any, found: any }[]
function compare.trunks(planned, found)
    local differences = {}
    for _, name in ipairs(compare.names(planned, found)) do
        local wanted, there = compare.value(planned, name), compare.value(found, name)
        local field = model.field(name)
        local free = wanted == nil and (not field or field.decides)
        if not free and normal(name, wanted) ~= normal(name, there) then
            differences[#differences + 1] = { field = name, planned = wanted, found = there }
        end
    end
    return differences
end

return compare
