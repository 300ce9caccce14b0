---@meta trunkhost.migrate

--- The parts of a migration, for your own script: `require "trunkhost.migrate"`. See
--- [Migrating](migrating.md#a-script-of-your-own).

---@class trunkhost.Migrate
local migrate = {}

--- Adds the options of a migration to a parser, in place of `--account`.
---@param parser trunkhost.Parser
function migrate.add_options(parser) end

--- Checks that the options fit together; if not, the run ends as a usage error.
---@param chosen trunkhost.Options
---@return trunkhost.Options
function migrate.check_options(chosen) end

--- A migration between the two accounts of the options.
---
--- Raises: `invalid`: there is no such account, or its provider has no mapping.
---@param options trunkhost.Options  As `check_options` returned them.
---@return trunkhost.Migration
function migrate.new(options) end

--- The job that undoes a migration, for `trunkhost.job.run`.
---@param options trunkhost.Options  As `check_options` returned them.
---@return trunkhost.JobSpec
function migrate.undo(options) end

--- The functions that a job calls.
---@class trunkhost.Migration
---@field from trunkhost.Account
---@field to trunkhost.Account
---@field view trunkhost.JobView
local migration = {}

--- Reads, maps and compares everything; for `check`.
---@async
---@param items trunkhost.Item[]
function migration:prepare(items) end

--- Plans a trunk.
---@param item trunkhost.Item
---@return trunkhost.Plan
function migration:plan(item) end

--- Creates the planned trunks.
---@async
---@param item trunkhost.Item
---@return trunkhost.Applied
function migration:apply(item) end

--- Checks that the new trunk is as planned.
---@async
---@param item trunkhost.Item
---@return trunkhost.Evidence
function migration:verify(item) end

--- Writes the file of `--mapping-out`: which trunk became which.
function migration:write_mapping() end

return migrate
