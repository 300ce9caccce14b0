--- Compares what a platform shows with what was sent: equal, or possibly equal, because platforms change the spelling
--- of values and leave some out.

local json <const> = require "trunkhost.json"

local alike <const> = {}

local function empty(value)
    return value == nil or value == json.null or value == ""
end

--- Whether `value` has everything that was `sent`: a platform may add ids, change the case, or write a number as text.
---@param sent any
---@param value any
---@return boolean
function alike.covers(sent, value)
    if empty(sent) or empty(value) then
        return empty(sent) and empty(value)
    elseif type(sent) ~= "table" then
        return type(value) ~= "table" and tostring(sent):lower() == tostring(value):lower()
    elseif type(value) ~= "table" or #sent ~= #value then
        return false
    end
    for name, inner in pairs(sent) do
        if not alike.covers(inner, value[name]) then
            return false
        end
    end
    return true
end

--- Only letters and digits; everything that is not ASCII counts as a letter.
local function plain(value)
    return (value:gsub("[^%w\x80-\xff]", ""))
end

--- Whether one text is the other with something before or after it, such as a scheme or a port.
local function extends(long, short)
    local at = long:find(short, 1, true)
    local before, behind = at and long:sub(at - 1, at - 1), at and long:sub(at + #short)
    return at and (at == 1 or before:find "[:@/<]") and (behind == "" or behind:find "^[:;/>]") and true or false
end

--- Whether `value` may be the platform's form of what was `sent`: with other separators, or with more around it. A
--- missing value may be anything.
local function may_be(sent, value)
    if empty(sent) or empty(value) then
        return true
    elseif type(sent) == "table" or type(value) == "table" then
        return type(sent) == type(value)
    end
    local a, b = tostring(sent):lower(), tostring(value):lower()
    return plain(a) == plain(b) or extends(a, b) or extends(b, a)
end

--- Whether a thing shows all of these fields, and at least one of them has a value.
---@param fields table  what was sent, without fields that never come back
---@param thing table
---@return boolean
function alike.is(fields, thing)
    local says = false
    for name, sent in pairs(fields) do
        if not alike.covers(sent, thing[name]) then
            return false
        end
        says = says or not empty(sent)
    end
    return says
end

--- Whether a thing may be the result of these fields: nothing that it shows contradicts them.
---@param fields table
---@param thing table
---@return boolean
function alike.may_be(fields, thing)
    for name, sent in pairs(fields) do
        if not may_be(sent, thing[name]) then
            return false
        end
    end
    return true
end

--- Whether a thing shows any of these fields.
---@param fields table
---@param thing table
---@return boolean
function alike.shows(fields, thing)
    for name, sent in pairs(fields) do
        if not empty(sent) and not empty(thing[name]) then
            return true
        end
    end
    return false
end

return alike
