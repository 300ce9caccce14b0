--- The fields of a file of trunks: their values in a neutral trunk, when two values are the same, and how a changed
--- value gets into the trunk. Lists whose order does not matter are sets here.

local addresses <const> = require "trunkhost.mapping.addresses"
local canonical <const> = require "trunkhost.text.canonical"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"

local fields <const> = {}

---@class trunkhost.FileField
---@field name string
---@field form "scalar"|"list"|"set"|"map"  list: order matters; map: number → text
---@field type string      as in the model; "json" for extras
---@field member string?   of a map: the member of a number that it holds
---@field model string     the field's name in findings

local FORMS <const> = {
    numbers = "set", sources = "set", gateways = "set", codecs = "list", transforms = "list", ["of numbers"] = "map",
}

---@type trunkhost.FileField[]
fields.list = {}
for _, each in ipairs(model.fields) do
    local field = { name = each.name, type = each.type, form = FORMS[each.type] or "scalar", model = each.name,
        member = each.type == "of numbers" and each.name:match "%.(.*)$" or nil }
    table.insert(fields.list, field)
    if each.name == "agent_ref" then
        field.type = "text"
        -- The agents of single numbers; agent_ref is the agent of all others.
        table.insert(fields.list, { name = "numbers.agent_ref", type = "of numbers", form = "map",
            member = "agent_ref", model = "agent_ref" })
    end
end

local by_name <const> = {}
for _, field in ipairs(fields.list) do
    by_name[field.name] = field
end

--- A field by name. Also of extras, which differ between platforms.
---@param name string
---@return trunkhost.FileField?
function fields.get(name)
    if not by_name[name] and name:find "^extras%.[%w_]+$" then
        -- Agents without a number: the only list among the extras, without an order.
        return { name = name, type = "json", form = name == "extras.assignments" and "set" or "scalar", model = name }
    end
    return by_name[name]
end

--- The names of all fields and, sorted, of these extras.
---@param extras table<string, any>
---@return string[]
function fields.names(extras)
    local names, more = {}, {}
    for i, field in ipairs(fields.list) do
        names[i] = field.name
    end
    for name in pairs(extras) do
        more[#more + 1] = name
    end
    table.sort(more)
    return table.move(more, 1, #more, #names + 1, names)
end

local function some(value)
    if type(value) == "table" and next(value) == nil then
        return nil
    end
    return value
end

local function values_of(list, member)
    local found = {}
    for i, number in ipairs(list) do
        if member then
            found[numbers.key(number.value)] = number[member]
        else
            found[i] = number.value
        end
    end
    return member and found or json.array(found)
end

--- Field → value, only of fields with a value.
---@param neutral trunkhost.Neutral
---@return table<string, any>
function fields.of(neutral)
    local found = {}
    for _, field in ipairs(fields.list) do
        if field.name == "numbers" or field.form == "map" then
            found[field.name] = some(values_of(neutral.numbers, field.member))
        else
            local group, member = field.name:match "^(%w+)%.(.*)$"
            local value = neutral[group or field.name]
            if group then
                value = (value or {})[member]
            end
            found[field.name] = some(value)
        end
    end
    for name, value in pairs(neutral.extras) do
        found["extras." .. name] = some(value)
    end
    return found
end

-- ---------------------------------------------------------------------------------------------------
-- Equality

local function gateway_text(gateway)
    return ("%s %s %s"):format(addresses.normal(gateway.host), gateway.port or "-", gateway.priority or "-")
end

local TEXTS <const> = {
    gateways = gateway_text, sources = addresses.normal, json = canonical.text,
    numbers = function(value) return value end,
}

--- The items of a set as texts that are equal for equal items. A repeated item gets its count appended.
---@param field trunkhost.FileField
---@param value any
---@return string[]
function fields.elements(field, value)
    local list, seen = {}, {}
    for i, item in ipairs(value or {}) do
        local text = TEXTS[field.type](item)
        seen[text] = (seen[text] or 0) + 1
        list[i] = seen[text] == 1 and text or ("%s #%d"):format(text, seen[text])
    end
    return list
end

--- A text that is equal for values with the same meaning; nil for no value.
---@param field trunkhost.FileField
---@param value any
---@return string?
function fields.text(field, value)
    value = some(value)
    if value == nil then
        return nil
    elseif field.form == "set" then
        local elements = fields.elements(field, value)
        table.sort(elements)
        return table.concat(elements, "\n")
    elseif field.type == "codecs" then
        return table.concat(value, ","):upper()
    elseif field.type == "country" then
        return value:upper()
    end
    return canonical.text(value)
end

--- Whether both mean the same to a platform: missing ports and priorities are the defaults, and address ranges may be
--- divided differently.
---@param field trunkhost.FileField
---@param a any
---@param b any
---@return boolean
function fields.alike(field, a, b)
    if fields.text(field, a) == fields.text(field, b) then
        return true
    elseif field.type == "sources" then
        return addresses.coverage(a or {}) == addresses.coverage(b or {})
    elseif field.type == "gateways" then
        local function usual(list)
            local full = {}
            for i, each in ipairs(list or {}) do
                full[i] = { host = each.host, port = each.port or 5060, priority = each.priority or 1 }
            end
            return fields.text(field, full)
        end
        return usual(a) == usual(b)
    end
    return false
end

-- ---------------------------------------------------------------------------------------------------
-- Putting values into a trunk

--- Existing numbers keep what a file does not show; new ones come last.
local function put_numbers(neutral, values, kind)
    local there, list, seen = {}, json.array {}, {}
    for _, number in ipairs(neutral.numbers) do
        there[number.value] = number
    end
    local wanted = {}
    for _, value in ipairs(values or {}) do
        wanted[value] = true
    end
    for _, number in ipairs(neutral.numbers) do
        if wanted[number.value] then
            list[#list + 1], seen[number.value] = number, true
        end
    end
    for _, value in ipairs(values or {}) do
        if not seen[value] then
            seen[value] = true
            list[#list + 1] = there[value] or { value = value, kind = kind(value) }
        end
    end
    neutral.numbers = list
end

--- Existing items keep their places.
local function in_order(field, values, present)
    local wanted, list, seen = {}, json.array {}, {}
    for _, item in ipairs(values or {}) do
        wanted[TEXTS[field.type](item)] = item
    end
    for _, from in ipairs { present or {}, values or {} } do
        for _, item in ipairs(from) do
            local text = TEXTS[field.type](item)
            if wanted[text] and not seen[text] then
                list[#list + 1], seen[text] = item, true
            end
        end
    end
    return list
end

--- A copy of the trunk with these values.
---@param neutral trunkhost.Neutral
---@param changes { field: trunkhost.FileField, after: any }[]  nil empties the field
---@param kind? fun(value: string): string  how the platform classifies a number
---@return trunkhost.Neutral
function fields.put(neutral, changes, kind)
    local copy <const> = model.copy(neutral)
    for _, change in ipairs(changes) do
        if change.field.name == "numbers" then
            put_numbers(copy, change.after, kind or numbers.kind)
        end
    end
    for _, change in ipairs(changes) do
        local field, after = change.field, model.copy(change.after)
        if field.form == "map" then
            for _, number in ipairs(copy.numbers) do
                number[field.member] = (after or {})[numbers.key(number.value)]
            end
        elseif field.name:find "^extras%." then
            copy.extras[field.name:sub(8)] = after
        elseif field.type == "sources" then
            copy.inbound.sources = in_order(field, after, copy.inbound.sources)
        elseif field.type == "gateways" then
            copy.gateways = in_order(field, after, copy.gateways)
        elseif field.name ~= "numbers" then
            model.put(copy, field.name, after)
        end
    end
    return copy
end

return fields
