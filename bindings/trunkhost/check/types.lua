--- Types of the reference: their members, and whether a value fits.

local reference <const> = require "trunkhost.reference.reference"

local types <const> = {}

local loaded

---@return trunkhost.Reference
function types.reference()
    loaded = loaded or reference.load()
    return loaded
end

--- The members of a union, aliases resolved, without nil; and whether nil is among them.
---@param text string
---@return string[] members, boolean optional
function types.members(text)
    local list, optional = {}, false
    local ok, parts = pcall(reference.split, text)
    for _, part in ipairs(ok and parts or { "any" }) do
        local alias <const> = types.reference().aliases[part]
        if part == "nil" then
            optional = true
        elseif alias then
            local more <const>, or_nil <const> = types.members(alias.type)
            table.move(more, 1, #more, #list + 1, list)
            optional = optional or or_nil
        else
            list[#list + 1] = part
        end
    end
    return list, optional
end

--- The class of one member of a union, named or written out; nil for any other type.
---@param member string
---@return trunkhost.reference.Class?
function types.class(member)
    return types.reference().classes[member] or reference.shape(member)
end

--- The only class that a type can be; nil if it may be something else or is unknown.
---@param text string?
---@return trunkhost.reference.Class?
function types.only_class(text)
    local members <const> = text and types.members(text) or {}
    return #members == 1 and types.class(members[1]) or nil
end

--- A field of a class or of its parents; nil where it has none. open: it may have it all the same.
---@param class trunkhost.reference.Class
---@param name string
---@return trunkhost.reference.Field? field, boolean open
function types.field(class, name)
    local open = false
    while class do
        if class.fields[name] then
            return class.fields[name], false
        end
        open = open or class.open
        class = class.parent and types.reference().classes[class.parent]
    end
    return nil, open
end

--- The names of all fields, its parents' too.
---@param class trunkhost.reference.Class
---@return table<string, trunkhost.reference.Field>
function types.fields(class)
    local all = {}
    while class do
        for name, field in pairs(class.fields) do
            all[name] = all[name] or field
        end
        class = class.parent and types.reference().classes[class.parent]
    end
    return all
end

local function descends(name, from)
    while name do
        if name == from then
            return true
        end
        local class <const> = types.reference().classes[name]
        name = class and class.parent
    end
    return false
end

local LOOSE <const> = { any = true, table = true, unknown = true }
local BASIC <const> = {
    string = true, integer = true, number = true, boolean = true, ["function"] = true, ["true"] = true,
    ["false"] = true, userdata = true, thread = true, ["nil"] = true,
}

--- Whether a value can be checked against a type: not against T of a generic function.
local function says_something(member)
    return BASIC[member] or types.class(member) ~= nil or member:find '^"' or member:find "%[%]$"
        or member:find "^fun%(" or member:find "^async +fun%("
end

--- Whether a value of this kind can be one of the type. kind: "string", "number", "boolean", "function", "table", or
--- the name of a class. What is not known fits.
---@param text string
---@param kind string
---@param value any  of a literal
---@return boolean
function types.accepts(text, kind, value)
    for _, member in ipairs((types.members(text))) do
        if LOOSE[member] or not says_something(member) or member == kind then
            return true
        elseif kind == "string" and member:find '^"' then
            if value == nil or member == ('"%s"'):format(value) then return true end
        elseif kind == "number" and member == "integer" then
            if value == nil or math.type(value) == "integer" then return true end
        elseif kind == "boolean" and (member == "true" or member == "false") then
            if value == nil or tostring(value) == member then return true end
        elseif kind == "function" and member:find "fun%(" then
            return true
        elseif kind == "table" and (member:find "%[%]$" or types.class(member)) then
            return true
        elseif types.reference().classes[kind] then
            -- A class fits a table of names and values.
            if descends(kind, member) or member:find "^table<" or member:find "^{" then return true end
        end
    end
    return false
end

--- The texts that a type allows, if it allows no others.
---@param text string
---@return string[]?
function types.choices(text)
    local list = {}
    for _, member in ipairs((types.members(text))) do
        local choice <const> = member:match '^"(.*)"$'
        if choice then
            list[#list + 1] = choice
        elseif member == "string" or LOOSE[member] or not says_something(member) then
            return nil
        end
    end
    return #list > 0 and list or nil
end

return types
