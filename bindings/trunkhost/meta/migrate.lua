---@meta trunkhost.migrate

--- Moving trunks to another account, in parts that a script puts together: `require "trunkhost.migrate"`. See
--- [Migrating](migrating.md#a-script-of-your-own).

---@class trunkhost.Migrate
local migrate = {}

--- Adds the options of a migration to a parser, in place of `--account`.
---@param parser trunkhost.Parser
function migrate.add_options(parser) end

--- Looks whether what was chosen fits together; what does not is a usage error.
---@param chosen trunkhost.Options
---@return trunkhost.Options
function migrate.check_options(chosen) end

--- A migration between the two accounts of the options.
---
--- Raises: `invalid`: there is no such account, or its provider has no mapping.
---@param options trunkhost.Options  As `check_options` has returned them.
---@return trunkhost.Migration
function migrate.new(options) end

--- The job that takes a migration back, for `trunkhost.job.run`.
---@param options trunkhost.Options  As `check_options` has returned them.
---@return trunkhost.JobSpec
function migrate.undo(options) end

--- What a job calls, one for each of its members.
---@class trunkhost.Migration
---@field from trunkhost.Account
---@field to trunkhost.Account
---@field view trunkhost.JobView
local migration = {}

--- Reads, maps and compares everything; for `check`.
---@async
---@param items trunkhost.Item[]
function migration:prepare(items) end

--- What becomes of a trunk.
---@param item trunkhost.Item
---@return trunkhost.Plan
function migration:plan(item) end

--- Creates what is planned.
---@async
---@param item trunkhost.Item
---@return trunkhost.Applied
function migration:apply(item) end

--- Looks whether it is there as it was planned.
---@async
---@param item trunkhost.Item
---@return trunkhost.Evidence
function migration:verify(item) end

--- Writes the file that `--mapping-out` names: which trunk became which.
function migration:write_mapping() end

return migrate
