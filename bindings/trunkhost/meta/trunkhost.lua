---@meta trunkhost

--- The main module. The script itself runs as a task, so it can call every function that may wait at its top level.

--- `local trunkhost <const> = require "trunkhost"`. Reading a member that does not exist raises an error.
---@class trunkhost.Library
---@field null trunkhost.Null  The null of JSON; a field that is null has this value.
---@field json trunkhost.Json
---@field http trunkhost.Http
---@field job trunkhost.Job
---@field log trunkhost.Log
---@field process trunkhost.Process
--- luv, all of libuv, on the loop that trunkhost runs; the same as `require "luv"`. Its `run`, `stop`, `loop_close`,
--- `loop_configure` and `sleep` are refused.
---@field uv table
local trunkhost = {}

--- Opens an account by its name, and reads its token. The same name returns the same account.
---
--- Raises: `invalid` with the code `configuration`: there is no such account, its provider is unknown or its
--- description has faults, or there is no token.
---@param name string  As in the configuration; without one, the name of the provider.
---@return trunkhost.Account
---@see docs/getting-started.md#the-configuration-file
function trunkhost.account(name) end

--- The names of all accounts, sorted.
---
--- Raises: `invalid` with the code `configuration`.
---@return string[]
function trunkhost.accounts() end

--- A parser for the options of the script. It has the standard options of every job, and reports a mistake in one line.
---@param spec? trunkhost.OptionsSpec
---@return trunkhost.Parser
function trunkhost.options(spec) end

--- Makes a secret: a new random one, or one from a given string. It prints as `[secret]`.
---
--- Raises: `invalid`: a length below 1, an alphabet that is too small, an empty text.
---@param options? trunkhost.SecretOptions
---@return trunkhost.Secret
function trunkhost.secret(options) end

--- The kind of an error object; nil for every other value.
---@param value any
---@return trunkhost.ErrorKind?
function trunkhost.is_error(value) end

--- Starts a function as a task. The run does not end before the task does. An error in it that nobody awaits ends the
--- run.
---@param fn async fun(...: any): ...
---@param ... any  Its arguments.
---@return trunkhost.Task
function trunkhost.spawn(fn, ...) end

--- Calls `fn(item, place)` for every item, several at a time, and returns the results in the order of the items. The
--- first error cancels the rest and is raised. It takes an item when a task is free for it, so an iterator may be
--- longer than the memory, and may wait.
---
--- Raises: what `fn` or the iterator raises; `cancelled` if the run is stopped before all items have begun.
---@async
---@generic T, R
---@param items T[]|trunkhost.Queue|fun(): T?  A list, a queue, or an iterator that ends with nil.
---@param fn async fun(item: T, place: integer): R
---@param options? trunkhost.MapOptions
---@return R[] results  With `results = false` the number of items.
---@see docs/tasks.md#many-items
function trunkhost.map(items, fn, options) end

--- Calls `fn(nursery)` and returns its results when all tasks of the nursery have ended. The first error, in `fn` or in
--- a task, cancels the others and is raised.
---
--- Without `fn` it returns a nursery for a to-be-closed variable, `local nursery <close> = trunkhost.nursery()`: the
--- end of its scope waits for the tasks, or cancels them when the scope ends with an error.
---
--- Raises: what `fn` or a task raises.
---@async
---@overload fun(): trunkhost.Nursery
---@param fn async fun(nursery: trunkhost.Nursery): ...
---@return any ...  The results of fn.
---@see docs/tasks.md#nurseries
function trunkhost.nursery(fn) end

--- Calls `fn(…)` and returns its results. If it takes longer, it is cancelled.
---
--- Raises: `timeout`, after `fn` has ended; what `fn` raises.
---@async
---@param seconds number
---@param fn async fun(...: any): ...
---@param ... any  Its arguments.
---@return any ...  The results of fn.
function trunkhost.timeout(seconds, fn, ...) end

--- Pauses this task; the others run. `sleep(0)` gives each of them a turn.
---
--- Raises: `cancelled` if the run is stopped meanwhile.
---@async
---@param seconds number
function trunkhost.sleep(seconds) end

--- Seconds on a clock that never goes back. Only differences have a meaning.
---@return number
function trunkhost.now() end

--- Makes a function that calls another one again after a failure that may pass: `trunkhost.retry { times = 5 }(fn, …)`.
--- It returns the results of `fn`, and raises its last error as it is. API calls repeat by themselves what can be
--- repeated safely and do not need this.
---@param options trunkhost.RetryOptions
---@return async fun(fn: function, ...: any): ...
---@see docs/tasks.md#timeouts-and-repeats
function trunkhost.retry(options) end

--- A semaphore: at most `size` tasks at a time between acquire and release.
---@param size integer  At least 1.
---@return trunkhost.Semaphore
function trunkhost.semaphore(size) end

--- A queue between tasks.
---@param capacity? integer  How many items it holds before `put` waits. Without it, any number.
---@return trunkhost.Queue
function trunkhost.queue(capacity) end

--- Calls `fn(…, callback)` and waits until the callback is called: `trunkhost.await(uv.fs_stat, "file")`. The callbacks
--- of luv get an error first: it is raised as an error object, with its name as `code` ("ENOENT"); otherwise the values
--- after it are returned. If the first value is neither a string nor nil, all values are returned. If the task is
--- cancelled, the callback may still come and does nothing.
---
--- Raises: `not_found`, `conflict`, `timeout`, `network`, `invalid`, `cancelled` or `refused`, by the error of luv.
---@async
---@param fn function
---@param ... any  Its arguments, before the callback.
---@return any ...  The arguments of the callback, without the error.
---@see docs/tasks.md#files-timers-sockets-libuv
function trunkhost.await(fn, ...) end

--- Facts about this run.
---@return trunkhost.Run
function trunkhost.run() end

--- A value as text for people: tables with sorted keys, on one line if it fits, else indented. A secret is `[secret]`,
--- and control characters are escaped. Calls nothing but `__tostring`.
---@param value any
---@param options? trunkhost.InspectOptions
---@return string
function trunkhost.inspect(value, options) end

---@class (exact) trunkhost.MapOptions
---@field concurrency? integer  Items at the same time, at least 1. Default: `16`.
---@field results? boolean  Whether to keep the results. Default: `true`.

---@class (exact) trunkhost.RetryOptions
---@field times? integer  The most calls, including the first one. Default: `3`.
--- Kinds of errors after which to repeat, or a function that decides. `unknown_outcome` and `cancelled` cannot be
--- listed. Default: errors with `err.retryable` that are not ambiguous.
---@field on? trunkhost.ErrorKind[]|fun(err: any, call: integer): boolean
---@field pause? number  Seconds before the second call; doubled for each further one. Default: `0.5`.
---@field longest? number  The longest pause in seconds. Default: `30`.
---@field jitter? boolean  Whether to shorten each pause by a random part, up to a half. Default: `true`.

--- How much of a value is shown. `math.huge` is a limit as well.
---@class (exact) trunkhost.InspectOptions
---@field depth? number  Levels of nested tables. Default: `6`.
---@field width? number  Columns of a line. Default: `80`.
---@field items? number  Of each table. Default: `100`.
---@field text? number  Bytes of each text. Default: `1000`.
---@field values? number  In all. Default: `10000`.

---@class trunkhost.Run
---@field id string  The run's id, as in the ledger and the report.
---@field dry_run boolean  Nothing but GET leaves the machine.
---@field sandbox boolean  Every account is a fake one.
---@field stopping boolean  The run is stopping: work under way may end, nothing new begins.
---@field script? string  The path of the script.
---@field named? string  The script as it was given on the command line.
---@field script_hash? string  SHA-256 of its text, 64 hexadecimal digits.
---@field ledger string  The path of the ledger.
---@field host_options string[]  The options before the script that decide what the run works on.

--- Messages for people, on standard error or where `--log-format` sends them. Secrets in them print as `[secret]`.
---@class trunkhost.Log
local log = {}

---@param message any
---@param fields? table<string, any>  Names and values after the message.
function log.debug(message, fields) end

---@param message any
---@param fields? table<string, any>  Names and values after the message.
function log.info(message, fields) end

---@param message any
---@param fields? table<string, any>  Names and values after the message.
function log.warn(message, fields) end

---@param message any
---@param fields? table<string, any>  Names and values after the message.
function log.error(message, fields) end

return trunkhost
