---@meta

--- Runs commands while other tasks run.

--- Not for secrets: other users can see the arguments and the environment of a command.
---@class trunkhost.Process
local process = {}

--- Runs a command to its end. A status other than 0 is no error. Its output is kept in memory. At the timeout, or if
--- the task is cancelled, the command and everything that it started get SIGTERM, and SIGKILL 2 s later.
---
--- Raises: `timeout`; `not_found` and others if it cannot be started.
---@async
---@param command trunkhost.Command
---@return trunkhost.Ended
function process.run(command) end

--- A command: the program and its arguments as a list (there is no shell in between), and its settings.
---@class (exact) trunkhost.Command
---@field [integer] string|number
---@field stdin? string  Its standard input. Default: empty.
---@field env? table<string, string>  Its environment. Default: ours.
---@field cwd? string  The folder that it runs in. Default: ours.
---@field timeout? number  Seconds.

---@class trunkhost.Ended
---@field status integer  Its exit status.
---@field signal integer  The signal that ended it, or 0.
---@field out string  Its standard output.
---@field err string  Its standard error.
