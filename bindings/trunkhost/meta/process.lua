---@meta

--- Commands, run while the other tasks go on.

--- Not for secrets: the arguments and the environment of a command can be seen in the list of processes.
---@class trunkhost.Process
local process = {}

--- Runs a command to its end. A status other than 0 is no error. What it prints is kept in memory. When its time is
--- over or the task is cancelled, it and what it has started get SIGTERM, and SIGKILL 2 s later.
---
--- Raises: `timeout`; `not_found` and others when it cannot be started.
---@async
---@param command trunkhost.Command
---@return trunkhost.Ended
function process.run(command) end

--- A command: the program and its arguments as a list (there is no shell in between), and what it needs besides.
---@class (exact) trunkhost.Command
---@field [integer] string|number
---@field stdin? string  What it reads; nothing without it.
---@field env? table<string, string>  Its environment. Default: ours.
---@field cwd? string  The folder that it runs in. Default: ours.
---@field timeout? number  Seconds.

---@class trunkhost.Ended
---@field status integer  Of its exit.
---@field signal integer  What has ended it, or 0.
---@field out string  What it has printed on standard output.
---@field err string  The same of standard error.
