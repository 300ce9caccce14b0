--- Semaphores and queues, shared by tasks. Both are fair: the task that waits longest comes first. A task that is
--- cancelled while it waits, or before it continues, leaves nothing behind.

local core <const> = require "trunkhost.core"

local sync <const> = {}

-- ---------------------------------------------------------------------------------------------------
-- Turns: the waiting tasks, in order

---@class Line  a list of turns, first in, first out
---@field first integer
---@field last integer
---@field count integer  of turns that still wait

local function new_line()
    return { first = 1, last = 0, count = 0 }
end

---@class Turn
---@field line Line
---@field waiter table
---@field granted? boolean  its turn has come
---@field taken? boolean    and the task continued
---@field undo fun(turn: Turn)  gives back what was granted
---@field value any

local turn_meta <const> = {
    --- Also runs when the task is cancelled: what was granted and not taken goes to the next one.
    __close = function(turn)
        if turn.taken then
            return
        end
        turn.taken = true
        if turn.granted then
            turn.undo(turn)
        else
            turn.gone = true
            turn.line.count = turn.line.count - 1
        end
    end,
}

local function new_turn(line, what, undo, value)
    local turn <const> = setmetatable({ line = line, waiter = core.waiter(what), undo = undo, value = value },
        turn_meta)
    line.last = line.last + 1
    line[line.last] = turn
    line.count = line.count + 1
    return turn
end

--- The longest waiting turn, taken out of its line; nil when nobody waits.
local function next_turn(line)
    while line.first <= line.last do
        local turn <const> = line[line.first]
        line[line.first] = nil
        line.first = line.first + 1
        if not turn.gone then
            line.count = line.count - 1
            turn.granted = true
            return turn
        end
    end
end

local function check_count(name, value)
    if math.type(value) ~= "integer" or value < 1 then
        error(("%s: needs an integer of at least 1, got %s"):format(name, tostring(value)), 3)
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Semaphores

---@class trunkhost.Semaphore
---@field private size integer
---@field private taken integer
---@field private line Line
local semaphore <const> = {}
semaphore.__index = semaphore

---@class trunkhost.Permit  given back when its to-be-closed variable ends, or by release
---@field private semaphore? trunkhost.Semaphore
local permit <const> = {}
permit.__index = permit

--- Gives the permit back. Further calls do nothing.
function permit:release()
    local owner <const> = self.semaphore
    self.semaphore = nil
    if owner then
        owner:release()
    end
end

permit.__close = permit.release

local function pass_on(self)
    local turn <const> = next_turn(self.line)
    if turn then
        turn.waiter:wake()
    else
        self.taken = self.taken - 1
    end
end

--- Waits until a permit is free and takes it: `local permit <close> = semaphore:acquire()`, or with a release
--- later. Served in the order of asking.
---@return trunkhost.Permit
function semaphore:acquire()
    if self.taken < self.size then
        self.taken = self.taken + 1
    else
        local turn <close> = new_turn(self.line, "a semaphore", function() pass_on(self) end)
        turn.waiter:wait()
        turn.taken = true
    end
    return setmetatable({ semaphore = self }, permit)
end

--- Gives one permit back, whoever took it. Use either this or permit:release().
function semaphore:release()
    if self.taken == 0 then
        error("semaphore: more permits were released than taken", 2)
    end
    pass_on(self)
end

--- Calls fn(…) with a permit, gives it back, and returns the results.
---@param fn fun(...): ...
---@return any ...
function semaphore:with(fn, ...)
    local held <close> = self:acquire()
    assert(held)
    return fn(...)
end

--- At most `size` tasks at a time between acquire and release.
---@param size integer
---@return trunkhost.Semaphore
function sync.semaphore(size)
    check_count("semaphore", size)
    return setmetatable({ size = size, taken = 0, line = new_line() }, semaphore)
end

-- ---------------------------------------------------------------------------------------------------
-- Queues

---@class trunkhost.Queue  `for item in queue do … end` gets items until it is closed and empty
---@field private capacity number
---@field private first integer
---@field private last integer
---@field private getters Line
---@field private putters Line
---@field private closed boolean
local queue <const> = {}
queue.__index = queue

--- Items that were put and not yet got.
function queue:__len()
    return self.last - self.first + 1
end

--- Returns an item to the front of the queue, or gives it to a waiting task.
local function put_back(self, value)
    local getter <const> = next_turn(self.getters)
    if getter then
        getter.value = value
        getter.waiter:wake()
    else
        self.first = self.first - 1
        self[self.first] = value
    end
end

--- There is room: the longest waiting item goes in.
local function admit_putter(self)
    if #self < self.capacity then
        local putter <const> = next_turn(self.putters)
        if putter then
            self.last = self.last + 1
            self[self.last] = putter.value
            putter.waiter:wake(true)
        end
    end
end

--- Adds an item; waits while the queue is full. Raises when the queue is closed, also while it waits.
---@param value any  not nil
function queue:put(value)
    if value == nil then
        error("queue: nil cannot be put; close() says that there is no more", 2)
    end
    if self.closed then
        error("queue: it is closed, nothing can be put any more", 2)
    end
    local getter <const> = next_turn(self.getters)
    if getter then
        getter.value = value
        getter.waiter:wake()
        return
    end
    if #self < self.capacity and self.putters.count == 0 then
        self.last = self.last + 1
        self[self.last] = value
        return
    end
    local turn <close> = new_turn(self.putters, "room in a queue", function() end, value)
    local accepted <const> = turn.waiter:wait()
    turn.taken = true
    if not accepted then
        error("queue: it was closed while this waited for room", 2)
    end
end

--- The next item; waits while there is none. nil when the queue is closed and empty.
---@return any
function queue:get()
    if #self > 0 then
        local value <const> = self[self.first]
        self[self.first] = nil
        self.first = self.first + 1
        admit_putter(self)
        return value
    end
    if self.closed then
        return nil
    end
    local turn <close> = new_turn(self.getters, "an item of a queue", function(turn)
        if turn.value ~= nil then
            put_back(self, turn.value)
        end
    end)
    turn.waiter:wait()
    turn.taken = true
    return turn.value
end

--- No more items: what is in it can still be got, then get returns nil. Who waits with an item gets an error.
function queue:close()
    self.closed = true
    for turn in next_turn, self.getters do
        turn.waiter:wake()
    end
    for turn in next_turn, self.putters do
        turn.waiter:wake(false)
    end
end

queue.__close = queue.close

--- For `for item in queue do`.
function queue:__call()
    return self:get()
end

--- A queue that holds up to `capacity` items, or any number without one.
---@param capacity? integer
---@return trunkhost.Queue
function sync.queue(capacity)
    if capacity ~= nil then
        check_count("queue", capacity)
    end
    return setmetatable({ capacity = capacity or math.huge, first = 1, last = 0, getters = new_line(),
        putters = new_line(), closed = false }, queue)
end

return sync
