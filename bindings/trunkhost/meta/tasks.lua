---@meta

--- What tasks are made of: handles, nurseries, semaphores and queues.

--- A task that was started with `trunkhost.spawn` or `nursery:spawn`.
---@class trunkhost.Task
local task = {}

--- Waits for its end.
---
--- Raises: the error of the task; `cancelled` when it was cancelled.
---@async
---@return any ...  The results of its function.
function task:await() end

--- Ends it at its wait; a request in flight is broken off, and its to-be-closed variables are closed.
---@return boolean had_to_end  Whether it had not ended already.
function task:cancel() end

--- Whether it has ended.
---@return boolean
function task:done() end

--- Tasks that do not outlive a scope.
---@class trunkhost.Nursery
local nursery = {}

--- Starts a task in it. A task of the nursery may start others.
---@param fn async fun(...: any): ...
---@param ... any  What it is called with.
---@return trunkhost.Task
function nursery:spawn(fn, ...) end

--- Waits until all its tasks have ended.
---
--- Raises: the first error of one of them.
---@async
function nursery:wait() end

--- Cancels its tasks; the scope itself goes on.
function nursery:cancel() end

--- How many tasks have not ended.
---@return integer
function nursery:live() end

--- Permits for so many tasks at a time. Fair: who waits longest is served first.
---@class trunkhost.Semaphore
local semaphore = {}

--- Waits until a permit is free and takes it: `local permit <close> = semaphore:acquire()`.
---@async
---@return trunkhost.Permit
function semaphore:acquire() end

--- Gives one permit back, whoever has taken it. Not beside `permit:release`, which does the same.
function semaphore:release() end

--- Calls `fn(…)` with a permit, gives it back, and returns the results.
---@async
---@param fn async fun(...: any): ...
---@param ... any  What it is called with.
---@return any ...  The results of fn.
function semaphore:with(fn, ...) end

--- What a semaphore has given; given back at the end of its to-be-closed variable, or by `release`.
---@class trunkhost.Permit
local permit = {}

--- Gives it back. More than once does no harm.
function permit:release() end

--- Items on their way from some tasks to others, in order. `for item in queue do … end` gets them until the queue is
--- closed and empty; `#queue` is how many are in it. As a to-be-closed variable it is closed at the end of the scope.
---@class trunkhost.Queue
---@operator call: any
---@operator len: integer
local queue = {}

--- Adds an item. Waits while the queue is full.
---
--- Raises: a text, when the queue is closed, also while this waits.
---@async
---@param value any  Not nil.
function queue:put(value) end

--- Takes the next item. Waits while there is none.
---@async
---@return any item  Nil when the queue is closed and empty.
function queue:get() end

--- Says that there will be no more items. What is in the queue can still be got.
function queue:close() end
