--- Checks that a platform's trunk has the shape that its description promises: the mappings rely on its texts, lists
--- and objects.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"

local shape <const> = {}

local function is_object(value)
    return type(value) == "table" and value ~= json.null and not (json.is_array(value) and #value > 0)
end

local function is_list(value)
    return type(value) == "table" and (json.is_array(value) or #value > 0 or next(value) == nil)
end

local fault_of

--- What is wrong with a value of this field; nil when nothing is.
local function fault_in(objects, field, value, place)
    if value == nil or value == json.null then
        return nil
    elseif field.type == "string" then
        return type(value) ~= "string" and not core.is_secret(value) and place .. " is no text" or nil
    elseif field.type == "object" then
        return not is_object(value) and place .. " is no object"
            or objects[field.of] and fault_of(objects, objects[field.of], value, place .. ".") or nil
    elseif field.type ~= "list" then
        return nil
    elseif not is_list(value) then
        return place .. " is no list"
    end
    local object <const> = objects[field.of]
    for i, item in ipairs(value) do
        local where = ("%s[%d]"):format(place, i)
        if object and not is_object(item) then
            return where .. " is no object"
        elseif field.of == "string" and type(item) ~= "string" then
            return where .. " is no text"
        end
        local fault = object and fault_of(objects, object, item, where .. ".")
        if fault then
            return fault
        end
    end
end

function fault_of(objects, object, value, place)
    for name, field in pairs(object.fields) do
        -- Read-only fields are documented loosely, and no mapping relies on them.
        local fault = (field.create or field.update) and fault_in(objects, field, value[name], place .. name)
        if fault then
            return fault
        end
    end
end

--- Raises if a trunk, or a part of it, is not what the API promises.
---@param description table
---@param native any
function shape.check(description, native)
    local trunk <const> = description.objects and description.objects.trunk
    local fault = not is_object(native) and "it is no object"
        or trunk and fault_of(description.objects, trunk, native, "")
    if fault then
        core.error("malformed", ("%s sent a trunk that is not what its API promises: %s. Nothing was done with it; "
            .. "run again later, and ask the platform if this continues"):format(description.title
            or description.name, fault), { trunk = is_object(native) and native.id ~= nil and tostring(native.id)
            or nil })
    end
end

return shape
