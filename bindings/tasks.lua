--- Running many things at once, built on tasks: map and timeout.

local core <const> = require "trunkhost.core"

local tasks <const> = {}

--- An iterator over a sequence, or the iterator itself.
local function each(items)
    if type(items) == "function" then
        return items
    end
    if type(items) ~= "table" then
        error("map: items must be a table or an iterator function, got " .. type(items), 3)
    end
    local i = 0
    return function()
        i = i + 1
        return items[i]
    end
end

local function cancel_all(workers)
    for _, worker in ipairs(workers) do
        worker:cancel()
    end
end

--- Calls fn(item, place) for every item, several at a time, and returns the results in the order of the
--- items. The first error cancels the rest and is raised. When the run is stopped, what was begun is
--- finished, nothing new is begun, and a `cancelled` error is raised.
---@param items any[]|fun(): any  a sequence, or an iterator that ends with nil
---@param fn fun(item: any, place: integer): any
---@param options? { concurrency: integer }  default 16
---@return any[]
function tasks.map(items, fn, options)
    local concurrency = options and options.concurrency or 16
    if math.type(concurrency) ~= "integer" or concurrency < 1 then
        error("map: concurrency must be an integer of at least 1", 2)
    end
    local next_item = each(items)
    local results, place, ended = {}, 0, false

    local function work()
        core.admit(true)
        while not ended and not core.stopping() do
            local item = next_item()
            if item == nil then
                ended = true
                return
            end
            place = place + 1
            local mine <const> = place
            results[mine] = fn(item, mine)
        end
    end

    if type(items) == "table" then
        concurrency = math.min(concurrency, #items)
    end
    local workers = {}
    for i = 1, concurrency do
        workers[i] = core.spawn(work)
    end
    local outcome, which = core.join(workers)
    if outcome == "failed" then
        cancel_all(workers)
        workers[which]:await()
    end
    if not ended and core.stopping() then
        core.error("cancelled", ("the run is stopping: map ended after %d items"):format(place))
    end
    return results
end

--- Runs fn(…) and returns its results; raises a `timeout` error (and cancels it) when it takes longer.
---@param seconds number
---@param fn fun(...): ...
---@return any ...
function tasks.timeout(seconds, fn, ...)
    local task = core.spawn(fn, ...)
    if core.join({ task }, seconds) == "timeout" then
        task:cancel()
        core.error("timeout", ("took longer than %g seconds"):format(seconds))
    end
    return task:await()
end

return tasks
