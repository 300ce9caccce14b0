--- The base of a row: hashes of its trunk's fields at the export, as one short text in the row. The base shows which
--- fields somebody has edited, and which the platform has changed since.
---
---     v1 3f2a90bc label=81d0c9aa numbers=0a1b2c3d,99aa00ff …
---
--- The second word is a hash of the rest and of the trunk's name, so that a base in the wrong row is detected.

local core <const> = require "trunkhost.core"
local fields <const> = require "trunkhost.neutral.fields"

local base <const> = {}

local VERSION <const> = "v1"

local function short(text, length)
    return core.hash(text):sub(1, length or 8)
end

--- The hashes of a field's value: one for a scalar, one for each item of a set, and one for each entry of a map, which
--- begins with the hash of its number.
---@param field trunkhost.FileField
---@param value any
---@return table<string, boolean>
function base.hashes(field, value)
    local set = {}
    if field.form == "map" then
        for number, text in pairs(value or {}) do
            set[base.of_number(number) .. short(text, 6)] = true
        end
    elseif field.form == "set" then
        for _, element in ipairs(fields.elements(field, value)) do
            set[short(element)] = true
        end
    else
        local text = fields.text(field, value)
        if text then
            set[short(text)] = true
        end
    end
    return set
end

--- The start of the hash of a map's entry.
---@param number string  as numbers.key writes it
---@return string
function base.of_number(number)
    return short(number, 6)
end

local function check_of(names, rest)
    return short(table.concat(names, "\0") .. "\0" .. rest)
end

--- The base of a trunk.
---@param account string
---@param provider string
---@param trunk string
---@param values table<string, any>  as fields.of has them
---@return string
function base.text(account, provider, trunk, values)
    local parts = {}
    for name, value in pairs(values) do
        local list = {}
        for hash in pairs(base.hashes(fields.get(name), value)) do
            list[#list + 1] = hash
        end
        table.sort(list)
        parts[#parts + 1] = name .. "=" .. table.concat(list, ",")
    end
    table.sort(parts)
    local rest = table.concat(parts, " ")
    return ("%s %s %s"):format(VERSION, check_of({ account, provider, trunk }, rest), rest)
end

--- Field → its hashes; nil and what is wrong when it is not the base of this trunk.
---@param text string
---@param account string
---@param provider string
---@param trunk string
---@return table<string, table<string, boolean>>? base, string? problem
function base.read(text, account, provider, trunk)
    local version, check, rest = text:match "^(%S+) (%x+) ?(.*)$"
    if version ~= VERSION then
        return nil, version and version:find "^v%d+$" and "was written by another version of trunkhost: export again"
            or "is not what the export wrote: leave this cell as it is"
    elseif check ~= check_of({ account, provider, trunk }, rest) then
        return nil, "belongs to another trunk, or was edited: were cells moved between rows?"
    end
    local found = {}
    for name, hashes in rest:gmatch "(%S+)=(%S+)" do
        found[name] = {}
        for hash in hashes:gmatch "%x+" do
            found[name][hash] = true
        end
    end
    return found
end

return base
