--- "did you mean …": the nearest known name to one that somebody mistyped.

local core <const> = require "trunkhost.core"

local suggest <const> = {}

local FEW <const> = 12

local function all_of(known)
    local list <const> = {}
    for key, value in pairs(known) do
        list[#list + 1] = tostring(math.type(key) and value or key)
    end
    table.sort(list)
    return list
end

--- The nearest name when one is near.
---@param name string
---@param known table<string, any>|string[]  names as keys, or a list of them
---@return string?
function suggest.nearest(name, known)
    return core.suggest(name, all_of(known))
end

--- " (did you mean 'x'?)" or "".
---@param name string
---@param known table<string, any>|string[]
---@param all? boolean  where nothing is near, " (there are: a, b)", unless these are many
---@return string
function suggest.hint(name, known, all)
    local best = suggest.nearest(name, known)
    if best then
        return (" (did you mean '%s'?)"):format(best)
    end
    local list <const> = all and all_of(known) or {}
    return #list > 0 and #list <= FEW and (" (there are: %s)"):format(table.concat(list, ", ")) or ""
end

return suggest
