--- The evidence that a change took effect: the strongest that the provider's description offers.

local alike <const> = require "trunkhost.change.alike"
local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local instant <const> = require "trunkhost.text.instant"
local trunk_secrets <const> = require "trunkhost.trunk_secrets"

local evidence <const> = {}

local present <const> = trunk_secrets.present

--- Fields with the infrastructure ids that must change when these legs are re-created.
local function infrastructure(description, before, legs)
    local fields = {}
    for leg, field in pairs(description.evidence.infrastructure or {}) do
        if legs[leg] and present(before[field]) then
            fields[#fields + 1] = field
        end
    end
    return fields
end

--- Whether a value is another than before, and not the same one written in another way: 7 and "7", or a UUID in
--- capitals.
local function is_another(before, after)
    if not present(after) or (type(before) == "table") ~= (type(after) == "table") then
        return false
    elseif type(after) == "table" then
        return canonical.text(after) ~= canonical.text(before)
    end
    return tostring(after):lower() ~= tostring(before):lower()
end

local function all_changed(fields, before, after)
    for _, field in ipairs(fields) do
        if not is_another(before[field], after[field]) then
            return false
        end
    end
    return #fields > 0
end

--- Whether a time of change has moved on. Nobody can tell without an earlier one to compare with, or when the two are
--- written in different ways: a reply may show more of the same instant than a look.
local function is_later(before, after)
    if not present(before) or not present(after) then
        return false
    elseif tonumber(before) and tonumber(after) then
        return tonumber(after) > tonumber(before)
    elseif type(before) ~= "string" or type(after) ~= "string" then
        return false
    end
    local first <const>, second <const> = instant.read(before), instant.read(after)
    if first and second then
        return instant.is_later(first, second)
    end
    return not first and not second and after ~= before
end

--- What the trunk proves: "reprovisioned", "updated_at", or "accepted" (only the platform's confirmation). `before`
--- must have been read just before the write: otherwise somebody else's change would count.
---@param description table
---@param before table
---@param after any
---@param legs { inbound: boolean, outbound: boolean }  which the write re-creates
---@return string
function evidence.of(description, before, after, legs)
    if type(after) ~= "table" then
        return "accepted"
    end
    local updated = description.evidence.updated
    if all_changed(infrastructure(description, before, legs), before, after) then
        return "reprovisioned"
    elseif updated and is_later(before[updated], after[updated]) then
        return "updated_at"
    end
    return "accepted"
end

--- The fields of this trunk that show whether a write took effect: infrastructure ids of the re-created legs, and the
--- time of the last change.
local function witnesses(description, before, legs)
    local fields, updated = infrastructure(description, before, legs), description.evidence.updated
    if updated and present(before[updated]) then
        fields[#fields + 1] = updated
    end
    return fields
end

--- The changed fields that the platform returns: those with the new value, and those with the old one.
local function readable(description, before, fields, after)
    local shown, stale = {}, {}
    for name, sent in pairs(fields) do
        local field = description.objects.trunk.fields[name]
        local changes = field and field.read and not field.secret and not core.is_secret(sent)
            and not alike.covers(sent, before[name])
        if changes and alike.covers(sent, after[name]) then
            shown[#shown + 1] = name
        elseif changes and canonical.text(after[name]) == canonical.text(before[name]) then
            stale[#stale + 1] = name
        end
    end
    table.sort(stale)
    return shown, stale
end

local function has_secret(fields)
    for _, value in pairs(fields) do
        if core.is_secret(value) then
            return true
        end
    end
    return false
end

--- Whether the trunk can show that such a write took effect.
---@param description table
---@param before table
---@param fields table  what was sent
---@param legs { inbound: boolean, outbound: boolean }
---@return boolean
function evidence.can_show(description, before, fields, legs)
    local shown, stale = readable(description, before, fields, before)
    return #shown + #stale > 0 or #witnesses(description, before, legs) > 0
end

--- What stands against a write that the platform has said yes to, in words: fields that are still as they were, or
--- that nothing has changed which changes with every such write. Nil: nothing does. Where the write makes new
--- infrastructure ids only these count, and a time of change that the write's own reply did not show does not: somebody
--- else may have moved it.
---@param description table
---@param before table
---@param fields table  what was sent
---@param after table   the trunk afterwards
---@param legs { inbound: boolean, outbound: boolean }
---@param is_late boolean?  `after` was read later, and the write's own reply showed nothing
---@return string?
function evidence.against(description, before, fields, after, legs, is_late)
    local shown, stale = readable(description, before, fields, after)
    if #stale > 0 then
        return ("the trunk still shows the old value of %s"):format(table.concat(stale, ", "))
    end
    local names = witnesses(description, before, legs)
    local is_shown = #shown > 0 and not has_secret(fields) -- the values themselves are the proof
    local proof = evidence.of(description, before, after, legs)
    local is_own = proof == "updated_at" and not is_late and #infrastructure(description, before, legs) == 0
    if #names == 0 or is_shown or proof == "reprovisioned" or is_own then
        return nil
    elseif proof == "updated_at" then
        return ("the trunk shows only a later %s, which somebody else may have caused"):format(
            description.evidence.updated)
    elseif #names == 1 then
        return ("the trunk shows the same %s as before, which every such write changes"):format(names[1])
    end
    return ("the trunk shows the same %s and %s as before, which every such write changes"):format(
        table.concat(names, ", ", 1, #names - 1), names[#names])
end

--- Whether a later read may show stronger evidence.
---@param description table
---@param before table
---@param legs { inbound: boolean, outbound: boolean }
---@param proof string
---@return boolean
function evidence.may_grow(description, before, legs, proof)
    return proof ~= "reprovisioned" and #infrastructure(description, before, legs) > 0
end

return evidence
