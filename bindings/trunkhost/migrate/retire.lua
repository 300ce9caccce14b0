--- What becomes of a source trunk after its copy was read back: nothing, out of service, or gone.

local change <const> = require "trunkhost.change.change"
local core <const> = require "trunkhost.core"
local migrate_target <const> = require "trunkhost.migrate.target"
local outcome <const> = require "trunkhost.change.outcome"
local usage <const> = require "trunkhost.text.usage"

local retire <const> = {}
local is_there <const> = migrate_target.is_there

--- A platform without a switch can only delete.
---@param migration trunkhost.Migration
function retire.check(migration)
    local description = migration.from:describe()
    local field = description.objects.trunk.fields.is_active
    if migration.options.retire == "deactivate" and not (field and field.update) then
        usage.fail("--retire deactivate: %s has no switch that puts a trunk out of service; delete is the only way",
            description.title)
    end
end

--- Whether something is still to be done at the source of a trunk whose copy is complete.
---@param migration trunkhost.Migration
---@param work trunkhost.Work
---@return boolean
function retire.is_due(migration, work)
    local how = migration.options.retire
    return how == "delete" or how == "deactivate" and work.trunk.active ~= false
end

--- Looked at first. Where the same request would release a bought number as well, `account:delete` asks the list of
--- trunks besides; elsewhere an id of a trunk is no other thing's.
local function delete(account, id)
    if not is_there(account, id) then
        outcome.failed("not_found", "the source was not deleted: its account has no trunk with this id")
    end
    local ok, err = pcall(account.delete, account, id)
    if ok then
        return
    elseif not core.is_error(err) then
        error(err, 0)
    elseif (err.ambiguous or err.kind == "not_found") and not is_there(account, id) then
        return
    end
    error(err, 0)
end

--- Only for a work of which every trunk was read back.
---@param migration trunkhost.Migration
---@param work trunkhost.Work
function retire.source(migration, work)
    if not retire.is_due(migration, work) then
        return
    end
    local how, account, trunk = migration.options.retire, migration.from, work.item.trunk
    local ok, err
    if how == "delete" then
        ok, err = pcall(delete, account, trunk.id)
    else
        ok, err = pcall(change.apply, account, account:get(trunk.id), { is_active = false })
    end
    if not ok and core.is_error(err) then
        err.message = ("the copy is complete, but the source is still in service: %s. Run again"):format(err.message)
    end
    if not ok then
        error(err, 0)
    end
end

return retire
