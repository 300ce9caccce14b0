--- Compares a row of a file, its trunk at the export, and its trunk now: which fields the file changes, and which both
--- sides changed.

local base <const> = require "trunkhost.neutral.base"
local fields <const> = require "trunkhost.neutral.fields"
local numbers <const> = require "trunkhost.mapping.numbers"

local three_way <const> = {}

---@class trunkhost.FieldChange
---@field field trunkhost.FileField
---@field before any
---@field after any     nil empties the field

local function equal(a, b)
    for hash in pairs(a) do
        if not b[hash] then return false end
    end
    for hash in pairs(b) do
        if not a[hash] then return false end
    end
    return true
end

--- Whether everything in `a` and not in `b` is also in `c` and not in `d`.
local function within(a, b, c, d)
    for hash in pairs(a) do
        if not b[hash] and not (c[hash] and not d[hash]) then
            return false
        end
    end
    return true
end

--- Whether the platform has a part of the file's changes, as after a run that was killed.
local function is_begun(was, now, wanted)
    return within(now, was, wanted, was) and within(was, now, was, wanted)
end

--- Only the entries of these numbers: an entry is removed with its number.
local function of_numbers(map, list)
    local kept = {}
    for _, number in ipairs(list or {}) do
        local key = numbers.key(number)
        kept[key] = (map or {})[key]
    end
    return next(kept) and kept or nil
end

local function hashes_of_numbers(hashes, list)
    local kept, known = {}, {}
    for _, number in ipairs(list or {}) do
        known[base.of_number(numbers.key(number))] = true
    end
    for hash in pairs(hashes) do
        kept[hash] = known[hash:sub(1, 6)]
    end
    return kept
end

--- Whether the row was edited. Needs no request. Without a base this is unknown, so the answer is yes.
---@param row trunkhost.Row
---@return boolean
function three_way.is_edited(row)
    if not row.base then
        return true
    end
    for _, name in ipairs(row.names) do
        local field = fields.get(name)
        if not equal(base.hashes(field, row.values[name]), row.base[name] or {}) then
            return true
        end
    end
    return false
end

local function judge(row, field, now, wanted_numbers)
    local name = field.name
    local value, present, was = row.values[name], now[name], row.base and (row.base[name] or {})
    if field.form == "map" then
        value, present = of_numbers(value, wanted_numbers), of_numbers(present, wanted_numbers)
        was = was and hashes_of_numbers(was, wanted_numbers)
    end
    local wants, is = base.hashes(field, value), base.hashes(field, present)
    if was and equal(wants, was) then
        return nil
    elseif not was and value == nil and not row.emptied[name] then
        return nil -- it may have been emptied or never filled in
    elseif fields.text(field, value) == fields.text(field, present) then
        return nil
    end
    local moved = was and not equal(is, was)
    if moved and field.form ~= "scalar" and field.form ~= "list" then
        moved = not is_begun(was, is, wants)
    end
    return { field = field, before = present, after = value }, moved
end

--- What the file changes. A field that only the platform has changed stays. If both changed it, to different values,
--- that is a conflict.
---@param row trunkhost.Row
---@param now table<string, any>             as fields.of has it
---@param force? table<string, boolean>      fields in which the file wins
---@return trunkhost.FieldChange[] changes, string[] conflicts
function three_way.merge(row, now, force)
    local changes, conflicts, wanted_numbers = {}, {}, now.numbers
    for _, name in ipairs(row.names) do
        local change, moved = judge(row, fields.get(name), now, wanted_numbers)
        if change and moved and not (force and (force[name] or force[change.field.model])) then
            conflicts[#conflicts + 1] = name
        elseif change then
            changes[#changes + 1] = change
            wanted_numbers = name == "numbers" and (change.after or {}) or wanted_numbers
        end
    end
    return changes, conflicts
end

return three_way
