--- JSON lines, and what a job says in them with --json.

local json <const> = require "trunkhost.json"

local events <const> = {}

--- The objects of a text of JSON lines. Other lines are passed over: a killed program may leave half of one.
---@param text string
---@return table[]
function events.lines(text)
    local objects = {}
    for line in text:gmatch "[^\n]+" do
        local ok, object = pcall(json.decode, line)
        objects[#objects + 1] = ok and object or nil
    end
    return objects
end

--- "account/trunk" of an item.
function events.place(item)
    return item.account .. "/" .. item.trunk
end

---@class JobResult : Result
---@field items table<string, table>  trunk (or what `key` makes of the item) → its line
---@field list table[]                the same in order
---@field summary table?

--- Adds to the result of a run what its lines say.
---@param result Result
---@param key? fun(item: table): string
---@return JobResult
function events.read(result, key)
    result.items, result.list = {}, {}
    for _, event in ipairs(events.lines(result.out)) do
        if event.event == "summary" then
            result.summary = event
        elseif event.event == "item" and type(event.trunk) == "string" then
            table.insert(result.list, event)
            result.items[key and key(event) or event.trunk] = event
        end
    end
    return result
end

return events
