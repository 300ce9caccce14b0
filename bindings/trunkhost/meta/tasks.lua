---@meta

--- Tasks, nurseries, semaphores and queues.

--- A task that was started with `trunkhost.spawn` or `nursery:spawn`.
---@class trunkhost.Task
local task = {}

--- Waits for its end.
---
--- Raises: the error of the task; `cancelled` when it was cancelled.
---@async
---@return any ...  The results of its function.
function task:await() end

--- Ends it at its wait. A request under way is aborted, and to-be-closed variables are closed.
---@return boolean had_to_end  Whether it was still running.
function task:cancel() end

--- Whether it has ended.
---@return boolean
function task:done() end

--- Tasks that do not outlive a scope.
---@class trunkhost.Nursery
local nursery = {}

--- Starts a task in it. A task of the nursery may start others.
---@param fn async fun(...: any): ...
---@param ... any  Its arguments.
---@return trunkhost.Task
function nursery:spawn(fn, ...) end

--- Waits until all its tasks have ended.
---
--- Raises: the first error of one of them.
---@async
function nursery:wait() end

--- Cancels its tasks; the scope itself continues.
function nursery:cancel() end

--- How many tasks have not ended.
---@return integer
function nursery:live() end

--- Permits for a number of tasks at a time. Fair: the task that waits longest is served first.
---@class trunkhost.Semaphore
local semaphore = {}

--- Waits until a permit is free and takes it: `local permit <close> = semaphore:acquire()`.
---@async
---@return trunkhost.Permit
function semaphore:acquire() end

--- Returns one permit, whichever task took it. Do not use it together with `permit:release`.
function semaphore:release() end

--- Calls `fn(…)` with a permit, returns the permit, and returns the results of `fn`.
---@async
---@param fn async fun(...: any): ...
---@param ... any  Its arguments.
---@return any ...  The results of fn.
function semaphore:with(fn, ...) end

--- A permit of a semaphore. It is returned at the end of its to-be-closed variable, or by `release`.
---@class trunkhost.Permit
local permit = {}

--- Returns it. Calling this twice does no harm.
function permit:release() end

--- Passes items from some tasks to others, in order. `for item in queue do … end` gets them until the queue is closed
--- and empty; `#queue` is the number of items in it. As a to-be-closed variable it is closed at the end of the scope.
---@class trunkhost.Queue
---@operator call: any
---@operator len: integer
local queue = {}

--- Adds an item. Waits while the queue is full.
---
--- Raises: a string, if the queue is closed, also while this waits.
---@async
---@param value any  Not nil.
function queue:put(value) end

--- Takes the next item. Waits while there is none.
---@async
---@return any item  Nil when the queue is closed and empty.
function queue:get() end

--- Ends the queue: there will be no more items. You can still get what is in it.
function queue:close() end
