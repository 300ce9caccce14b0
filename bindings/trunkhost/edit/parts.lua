--- Parts of a trunk that have their own requests (numbers, gateways, addresses, assignments): which are added, changed
--- and removed between two states of the trunk, one request each.

local canonical <const> = require "trunkhost.text.canonical"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"

local parts <const> = {}

---@class trunkhost.PartEdit  how a mapping edits a list of a trunk
---@field field string             the field of the neutral trunk
---@field nameless string?         the field for items without a number
---@field key fun(item: table): string  identifies an item
---@field members table<string, string>?  member of an item → its field of the neutral trunk
---@field remove fun(trunk: any, id: any): { endpoint: string, params: any }
---@field changes table<string, boolean>?  members that can be changed in place
---@field change? fun(id: any, fields: table): { endpoint: string, params: any, body: table }
---@field max integer?             the most items of a trunk

---@class trunkhost.PartStep
---@field endpoint string
---@field params any
---@field body table?
---@field how "add"|"change"|"remove"
---@field list string
---@field key string
---@field field string     of the neutral trunk
---@field after trunkhost.Step[]?  further requests for an added item

--- Items that are not marked as deleted, by key. A second item with the same key gets its place appended to the key.
local function by_key(edit, list)
    local found, order, seen = {}, {}, {}
    for _, item in ipairs(model.list(list)) do
        if item.deleted ~= true and item.is_deleted ~= true then
            local key = edit.key(item)
            seen[key] = (seen[key] or 0) + 1
            key = seen[key] == 1 and key or ("%s #%d"):format(key, seen[key])
            found[key], order[#order + 1] = item, key
        end
    end
    return found, order
end

local function same(a, b)
    return canonical.text(model.some(a)) == canonical.text(model.some(b))
end

local function field_of(edit, key)
    return edit.nameless and key:find "^agent " and edit.nameless or edit.field
end

--- The steps of the mapping that add this item: the first creates it, the others change it.
local function adding(mapped, list, edit, key)
    local first, rest
    local seen = 0
    for _, step in ipairs(mapped.after) do
        if step.adds == list then
            local own = edit.key(step.body)
            seen = seen + (own == key:gsub(" #%d+$", "") and 1 or 0)
            if own == key or ("%s #%d"):format(own, seen) == key then
                first, rest = first or step, first and rest or {}
            end
        elseif step.part == list and first and edit.key(step.key) == edit.key(first.body) then
            rest[#rest + 1] = step
        end
    end
    return first, rest
end

--- The request that changes an existing item. Adds fields that cannot be changed to `problems`.
local function change_of(edit, id, before, after, problems)
    local fields, any = {}, false
    for name, field in pairs(edit.members or {}) do
        if not same(before[name], after[name]) then
            if not (edit.changes and edit.changes[name]) then
                problems[field] = true
            else
                local value = model.some(after[name])
                fields[name], any = value == nil and json.null or value, true
            end
        end
    end
    return any and edit.change(id, fields) or nil
end

local function step_of(how, list, key, edit, request)
    return { how = how, list = list, key = key, field = field_of(edit, key), endpoint = request.endpoint,
        params = request.params, body = request.body }
end

--- The steps for one list, in a safe order: add before remove, unless there is no room for both.
local function steps_of_list(list, edit, context, problems)
    local before <const> = by_key(edit, context.before[list])
    local after <const>, order <const> = by_key(edit, context.after[list])
    local native <const>, there <const> = by_key(edit, context.native[list])
    local added, changed, removed = {}, {}, {}
    for _, key in ipairs(order) do
        if not before[key] then
            local first, rest = adding(context.mapped, list, edit, key)
            local step = step_of("add", list, key, edit, first)
            step.after = rest
            added[#added + 1] = step
        elseif native[key] then
            local request = change_of(edit, native[key].id, before[key], after[key], problems)
            changed[#changed + 1] = request and step_of("change", list, key, edit, request)
        end
    end
    for _, key in ipairs(there) do
        if before[key] and not after[key] then
            removed[#removed + 1] = step_of("remove", list, key, edit,
                edit.remove(context.native.id, native[key].id))
        end
    end
    for key in pairs(before) do
        problems[field_of(edit, key)] = not after[key] and not native[key] or problems[field_of(edit, key)]
    end
    local full = edit.max and #there + #added > edit.max
    local steps = {}
    for _, from in ipairs(full and { removed, added, changed } or { added, changed, removed }) do
        table.move(from, 1, #from, #steps + 1, steps)
    end
    return steps
end

--- The requests that change a trunk from one state to another, and the fields that no request can change.
---@param edits table<string, trunkhost.PartEdit>  by list
---@param context { native: table, before: table, after: table, mapped: trunkhost.Mapped }
---@return trunkhost.PartStep[] steps, string[] problems
function parts.steps(edits, context)
    local names, steps, problems = {}, {}, {}
    for list in pairs(edits) do
        names[#names + 1] = list
    end
    table.sort(names)
    for _, list in ipairs(names) do
        for _, step in ipairs(steps_of_list(list, edits[list], context, problems)) do
            steps[#steps + 1] = step
        end
    end
    local fields = {}
    for field, is_one in pairs(problems) do
        fields[#fields + 1] = is_one and field or nil
    end
    table.sort(fields)
    return steps, fields
end

--- The item of a step, as the platform has it; nil when there is none.
---@param edits table<string, trunkhost.PartEdit>
---@param step trunkhost.PartStep
---@param native table
---@return table?
function parts.find(edits, step, native)
    return by_key(edits[step.list], native[step.list])[step.key]
end

return parts
