--- The requests after the create of a trunk: one for each part, in order; and the trunk afterwards.

local addresses <const> = require "trunkhost.mapping.addresses"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"

local steps <const> = {}

---@class trunkhost.Step  one request after create; a value may refer to an id that is known only then
---@field endpoint string
---@field params any
---@field body table
---@field adds string?   the member of the trunk, read in full, that gets a part
---@field part string?   the member in which one part is changed; without it and `adds` the trunk itself is changed
---@field key table?     the fields that identify the part
---@field fields table?  the fields of the part afterwards; default: the body
---@field as string?     the name that later steps refer to the part's id by

local Reference <const> = {}
Reference.__index = Reference
function Reference:__tostring() return "<id of " .. self.of .. ">" end

--- The id of something that does not exist yet: "trunk", or the `as` of an earlier step.
---@param of string
---@return table
function steps.reference(of)
    return setmetatable({ of = of }, Reference)
end

---@param value any
---@return string? of  what it refers to
function steps.refers(value)
    return getmetatable(value) == Reference and value.of or nil
end

local function resolve(value, ids)
    local of = steps.refers(value)
    if of then
        return ids[of] or error("the id of " .. of .. " is not known", 0)
    elseif type(value) ~= "table" or core.is_secret(value) then
        return value
    end
    local copy = {}
    for key, item in pairs(value) do
        copy[key] = resolve(item, ids)
    end
    return json.is_array(value) and json.array(copy) or copy
end

--- The step with the ids in place of the references: ids["trunk"] is the new trunk's.
---@param step trunkhost.Step
---@param ids table<string, any>
---@return any params, table body
function steps.resolve(step, ids)
    return resolve(step.params, ids), resolve(step.body, ids)
end

local function same(a, b)
    if type(a) == "string" and type(b) == "string" then
        return a == b or addresses.normal(a) == addresses.normal(b) and addresses.range(a) ~= nil
    end
    return a == b
end

local function has(item, fields)
    for name, value in pairs(fields) do
        if not same(model.some(item[name]), model.some(value)) then
            return false
        end
    end
    return true
end

--- Whether a part exists: the platform may keep deleted ones.
local function alive(item)
    return item.deleted ~= true and item.is_deleted ~= true
end

--- The part that the step adds or changes, if the trunk, read in full, shows it so; nil when it does not (yet).
---@param native table
---@param step trunkhost.Step
---@return table? part
function steps.find(native, step)
    local list = step.adds or step.part
    if not list then
        return has(native, step.fields or step.body) and native or nil
    end
    for _, item in ipairs(model.list(native[list])) do
        if alive(item) and has(item, step.key) and (step.adds or has(item, step.fields or step.body)) then
            return item
        end
    end
end

local function part_of(native, step)
    for _, item in ipairs(model.list(native[step.part])) do
        if has(item, step.key) then
            return item
        end
    end
end

local function without_secrets(body)
    local copy = {}
    for name, value in pairs(body) do
        if not core.is_secret(value) then
            copy[name] = model.copy(value)
        end
    end
    return copy
end

--- The platform's trunk after all requests, without what the platform adds.
---@param trunk { body: table, after: trunkhost.Step[], makes: table? }
---@return table native
function steps.outcome(trunk)
    local native = without_secrets(trunk.body)
    for name, value in pairs(trunk.makes or {}) do
        native[name] = value
    end
    for _, step in ipairs(trunk.after) do
        local fields = step.fields or step.body
        if step.adds then
            native[step.adds] = native[step.adds] or json.array {}
            table.insert(native[step.adds], model.copy(fields))
        else
            local target = step.part and part_of(native, step) or native
            for name, value in pairs(fields) do
                target[name] = value
            end
        end
    end
    return native
end

return steps
