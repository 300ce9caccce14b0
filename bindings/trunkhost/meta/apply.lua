---@meta trunkhost.apply

--- The parts of applying a file to trunks, for your own script: `require "trunkhost.apply"`. See [Editing](editing.md).

---@class trunkhost.Apply
local apply = {}

--- Adds the file and the options of applying one to a parser.
---@param parser trunkhost.Parser
function apply.add_options(parser) end

--- Checks that the options fit together; if not, the run ends as a usage error.
---@param chosen trunkhost.Options
---@return trunkhost.Options
function apply.check_options(chosen) end

--- Reads and checks the whole file that the options name. Mistakes are reported with their lines, and end the run with
--- status 2.
---@param options trunkhost.Options  As `check_options` returned them.
---@return trunkhost.Application
function apply.new(options) end

--- Undoes the changes of one trunk: the `undo` of a job that applies a file.
---@async
---@param item trunkhost.Item
---@param record trunkhost.UndoRecord
---@return trunkhost.Applied
function apply.undo(item, record) end

--- The functions that a job calls.
---@class trunkhost.Application
---@field view trunkhost.JobView
local application = {}

--- The rows of an account, as the items of a job.
---@async
---@param account trunkhost.Account
---@return any[]
function application:items(account) end

--- Reads the trunks and works out what changes; for `check`.
---@async
---@param items any[]
function application:prepare(items) end

--- Plans a row.
---@param item any
---@return trunkhost.Plan
function application:plan(item) end

--- Makes the changes of a row, one after the other.
---@async
---@param item any
---@return trunkhost.Applied
function application:apply(item) end

--- Reads the trunk back and compares it with the row.
---@async
---@param item any
---@param plan trunkhost.Plan
---@param applied trunkhost.Applied
---@return trunkhost.Evidence
function application:verify(item, plan, applied) end

return apply
