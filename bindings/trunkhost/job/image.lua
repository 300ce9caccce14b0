--- The fields before and after a change, without passwords. The ledger keeps them, so that the change can be undone
--- if nobody has changed the same fields since.

local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"

local image <const> = {}

local HIDDEN <const> = "[secret]"

--- A value as it can be sent again: without what the platform added, such as the ids of gateways.
local function sendable(description, field, value)
    local object = field and field.of and description.objects[field.of]
    if not object or type(value) ~= "table" or value == json.null then
        return value
    elseif json.is_array(value) then
        local list = json.array {}
        for i, item in ipairs(value) do
            list[i] = sendable(description, field, item)
        end
        return list
    end
    local kept = {}
    for name, inner in pairs(value) do
        local known = object.fields[name]
        if not known or known.create or known.update then
            kept[name] = sendable(description, known, inner)
        end
    end
    return kept
end

--- The same for all fields of a trunk, or for some of them.
---@param description table
---@param trunk any  anything but a table stays as it is
---@return any
function image.sendable(description, trunk)
    if type(trunk) ~= "table" then
        return trunk
    end
    local fields, copy = description.objects.trunk.fields, {}
    for name, value in pairs(trunk) do
        copy[name] = sendable(description, fields[name], value)
    end
    return copy
end

--- The known values of these fields, and the trunk's id, as JSON; nil when no value is known.
local function text_of(description, names, trunk, sent)
    local fields, found = description.objects.trunk.fields, {}
    for name, value in pairs(names) do
        if fields[name] and (fields[name].secret or core.is_secret(value)) then
            found[name] = HIDDEN
        elseif fields[name] and trunk[name] ~= nil then
            found[name] = sendable(description, fields[name], trunk[name])
        elseif fields[name] and sent then
            found[name] = value
        end
    end
    if next(found) == nil then
        return nil
    end
    found.id = trunk.id
    return canonical.text(found)
end

--- The trunk as it was planned; nil when the script listed the items itself, because their fields may be anything.
---@param entry trunkhost.Entry
---@return string?
function image.planned(entry)
    return entry.listed and text_of(entry.account:describe(), entry.plan.changes, entry.trunk) or nil
end

local function lacks(names, fields, trunk)
    for name in pairs(names) do
        if fields[name] and not fields[name].secret and trunk[name] == nil then
            return true
        end
    end
    return false
end

--- The trunk just before a change and after it. Reads the trunk again if the job can be undone and `apply` did not
--- return it.
---@param entry trunkhost.Entry
---@param applied table      what `apply` has returned
---@param look boolean
---@return string? before, string? after
function image.around(entry, applied, look)
    local description = entry.account:describe()
    local told = type(applied.before) == "table" and type(applied.fields) == "table"
    local names = told and applied.fields or entry.plan.changes
    local before, after = told and applied.before or nil, type(applied.trunk) == "table" and applied.trunk or nil
    local origin = before or entry.listed and entry.trunk or nil
    if look and origin and lacks(names, description.objects.trunk.fields, after or {}) then
        local ok, now = pcall(entry.account.get, entry.account, origin.id)
        after = ok and type(now) == "table" and now or after
    end
    return before and text_of(description, names, before),
        (after or told) and text_of(description, names, after or { id = before.id }, told) or nil
end

--- The fields of an image: without the id, and without passwords.
---@param kept table?
---@return table<string, any> fields, string[] secrets
function image.fields(kept)
    local fields, secrets = {}, {}
    for name, value in pairs(kept or {}) do
        if value == HIDDEN then
            secrets[#secrets + 1] = name
        elseif name ~= "id" then
            fields[name] = value
        end
    end
    table.sort(secrets)
    return fields, secrets
end

--- Whether two values are the same.
---@return boolean
function image.same(a, b)
    return canonical.text(a) == canonical.text(b)
end

local function shown(value)
    return value == json.null and "null" or type(value) == "table" and canonical.text(value) or tostring(value)
end

--- How a trunk differs, in words: "is_active is true, not false"; nil when it does not. Fields that the trunk does
--- not show are not compared.
---@param fields table<string, any>
---@param trunk table
---@return string?
function image.difference(fields, trunk)
    local parts = {}
    for name, value in pairs(fields) do
        if trunk[name] ~= nil and not image.same(trunk[name], value) then
            parts[#parts + 1] = ("%s is %s, not %s"):format(name, shown(trunk[name]), shown(value))
        end
    end
    table.sort(parts)
    return parts[1] and table.concat(parts, ", ")
end

--- Whether a trunk shows all of these fields with these values, and there is at least one field.
---@param fields table<string, any>
---@param trunk table
---@return boolean
function image.shows(fields, trunk)
    for name in pairs(fields) do
        if trunk[name] == nil then
            return false
        end
    end
    return next(fields) ~= nil and image.difference(fields, trunk) == nil
end

return image
