---@meta trunkhost.apply

--- Bringing trunks to what a file says, in parts that a script puts together: `require "trunkhost.apply"`. See
--- [Editing](editing.md).

---@class trunkhost.Apply
local apply = {}

--- Adds the file and the options of applying one to a parser.
---@param parser trunkhost.Parser
function apply.add_options(parser) end

--- Looks whether what was chosen fits together; what does not is a usage error.
---@param chosen trunkhost.Options
---@return trunkhost.Options
function apply.check_options(chosen) end

--- Reads the file that the options name and looks at all of it. Every mistake in it is named with its line, and ends
--- the run with status 2.
---@param options trunkhost.Options  As `check_options` has returned them.
---@return trunkhost.Application
function apply.new(options) end

--- Puts back what a run has changed in one trunk: the `undo` of a job whose changes a file has said.
---@async
---@param item trunkhost.Item
---@param record trunkhost.UndoRecord
---@return trunkhost.Applied
function apply.undo(item, record) end

--- What a job calls, one for each of its members.
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

--- What becomes of a row.
---@param item any
---@return trunkhost.Plan
function application:plan(item) end

--- Makes its changes, one after the other.
---@async
---@param item any
---@return trunkhost.Applied
function application:apply(item) end

--- Reads the trunk back and holds it against the row.
---@async
---@param item any
---@param plan trunkhost.Plan
---@param applied trunkhost.Applied
---@return trunkhost.Evidence
function application:verify(item, plan, applied) end

return apply
