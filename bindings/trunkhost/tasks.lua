--- Runs many functions at once: nursery, map and timeout.

local core <const> = require "trunkhost.core"

local tasks <const> = {}

--- Calls fn(nursery) and returns its results when all tasks that it started with nursery:spawn have ended. The first
--- error, in fn or in a task, cancels the others and is raised. Without fn, keep the nursery in a to-be-closed
--- variable, `local nursery <close> = trunkhost.nursery()`: the end of its scope waits for the tasks, or cancels them
--- when the scope ends with an error. When a task fails, the current wait of the scope raises its error.
---@overload fun(): trunkhost.Nursery
---@param fn fun(nursery: trunkhost.Nursery): ...
---@return any ...
function tasks.nursery(fn)
    if fn == nil then
        return core.nursery()
    end
    if type(fn) ~= "function" then
        error("nursery: needs a function, or nothing, got " .. type(fn), 2)
    end
    local nursery <close> = core.nursery()
    -- In its own task, so that the error of another task ends it, too.
    local body <const> = nursery:spawn(fn, nursery)
    nursery:wait()
    return body:await()
end

--- An iterator over a sequence, or the iterator itself; and the largest possible number of items.
local function each(items)
    local meta <const> = type(items) == "table" and getmetatable(items)
    if type(items) == "function" or type(meta) == "table" and meta.__call then
        return items, math.huge
    end
    if type(items) ~= "table" then
        error("map: items must be a table or an iterator function, got " .. type(items), 3)
    end
    local count <const> = #items
    if count == 0 and next(items) ~= nil then
        error("map: items is a table of names and values; map needs a list", 3)
    end
    local i = 0
    return function()
        i = i + 1
        if i < count and items[i] == nil then
            error(("map: item %d of %d is nil, and the items after it would be left out"):format(i, count), 0)
        end
        return items[i]
    end, count
end

local MAP_OPTIONS <const> = { concurrency = true, results = true }

local function check_map(fn, options)
    if type(fn) ~= "function" and not (debug.getmetatable(fn) or {}).__call then
        error("map: needs a function for the items, got " .. type(fn), 3)
    elseif options ~= nil and type(options) ~= "table" then
        error("map: options must be a table, as { concurrency = 4 }, got " .. type(options), 3)
    end
    for name in pairs(options or {}) do
        if not MAP_OPTIONS[name] then
            error(("map: no option '%s'; there are concurrency and results"):format(tostring(name)), 3)
        end
    end
end

--- Shares an iterator between tasks. While one task waits inside it, the others wait for their turn.
local function shared(next_item)
    local busy, ended, line, first, last = false, false, {}, 1, 0
    return function()
        if busy then
            last = last + 1
            local waiter <const> = core.waiter "the next item"
            line[last] = waiter
            waiter:wait()
        end
        busy = true
        local item
        if not ended then -- an iterator that has ended must not be called again
            item = next_item()
            ended = item == nil
        end
        busy = first <= last
        if busy then
            line[first]:wake()
            line[first] = nil
            first = first + 1
        end
        return item
    end
end

--- Calls fn(item, place) for every item, several at a time, and returns the results in the order of the items. The
--- first error cancels the rest and is raised. When the run is stopped, calls in progress finish, no new one starts,
--- and a `cancelled` error is raised.
---
--- There are never more tasks than `concurrency`, and an item is fetched only when a task is free, so an iterator may
--- be longer than fits in memory. With `results = false` no results are kept; their number is returned.
---@param items any[]|fun(): any  a sequence, a queue, or an iterator that ends with nil; it may wait
---@param fn fun(item: any, place: integer): any
---@param options? { concurrency: integer, results: boolean }  default 16, true
---@return any[]|integer
function tasks.map(items, fn, options)
    check_map(fn, options)
    local concurrency = options and options.concurrency or 16
    if math.type(concurrency) ~= "integer" or concurrency < 1 then
        error("map: concurrency must be an integer of at least 1", 2)
    end
    local iterator <const>, count <const> = each(items)
    local next_item <const> = shared(iterator)
    local results = not (options and options.results == false) and {} or nil
    local place, ended = 0, false

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
            local result <const> = fn(item, mine)
            if results then
                results[mine] = result
            end
        end
    end

    do
        local workers <close> = core.nursery()
        for _ = 1, math.min(concurrency, count) do
            workers:spawn(work)
        end
    end
    if not ended and core.stopping() then
        core.error("cancelled", ("the run is stopping: map ended after %d items"):format(place))
    end
    return results or place
end

--- Runs fn(…) and returns its results. If it takes longer, cancels it and raises a `timeout` error.
---@param seconds number
---@param fn fun(...): ...
---@return any ...
function tasks.timeout(seconds, fn, ...)
    if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
        error("timeout: needs the seconds first, a number of at least 0, got "
            .. (type(seconds) == "number" and tostring(seconds) or type(seconds)), 2)
    end
    local scope <close> = core.nursery()
    local task <const> = scope:spawn(fn, ...)
    if core.join({ task }, seconds) == "timeout" then
        core.error("timeout", ("took longer than %g seconds"):format(seconds)) -- the scope cancels it
    end
    return task:await()
end

return tasks
