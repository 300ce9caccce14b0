--- "did you mean …": the nearest known name to one that somebody mistyped.

local suggest <const> = {}

--- Edits (insert, delete, replace, swap) that turn a into b.
local function distance(a, b)
    local previous, row, before = {}, {}, {}
    for j = 0, #b do row[j] = j end
    for i = 1, #a do
        before, previous, row = previous, row, before
        row[0] = i
        for j = 1, #b do
            local cost = a:byte(i) == b:byte(j) and 0 or 1
            row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
            if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
                row[j] = math.min(row[j], before[j - 2] + 1)
            end
        end
    end
    return row[#b]
end

--- The nearest name when one is near.
---@param name string
---@param known table<string, any>|string[]  names as keys, or a list of them
---@return string?
function suggest.nearest(name, known)
    local best, best_distance = nil, math.max(1, #name // 3) + 1
    for key, value in pairs(known) do
        local candidate = math.type(key) and value or key
        local d = distance(name, tostring(candidate))
        if d < best_distance or (d == best_distance and best and tostring(candidate) < best) then
            best, best_distance = tostring(candidate), d
        end
    end
    return best
end

local FEW <const> = 12

local function all_of(known)
    local list <const> = {}
    for key, value in pairs(known) do
        list[#list + 1] = tostring(math.type(key) and value or key)
    end
    table.sort(list)
    return list
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
