--- Retires a source trunk after its copy was read back (--retire): keeps, deactivates or deletes it.

local change <const> = require "trunkhost.change.change"
local core <const> = require "trunkhost.core"
local migrate_target <const> = require "trunkhost.migrate.target"
local outcome <const> = require "trunkhost.change.outcome"
local usage <const> = require "trunkhost.text.usage"

local retire <const> = {}
local is_there <const> = migrate_target.is_there

--- Refuses --retire deactivate on a platform that cannot deactivate trunks.
---@param migration trunkhost.Migration
function retire.check(migration)
    local description = migration.from:describe()
    local field = description.objects.trunk.fields.is_active
    if migration.options.retire == "deactivate" and not (field and field.update) then
        usage.fail("--retire deactivate: %s cannot deactivate a trunk; use --retire delete or keep",
            description.title)
    end
end

--- Whether the source of a complete copy must still be retired.
---@param migration trunkhost.Migration
---@param work trunkhost.Work
---@return boolean
function retire.is_due(migration, work)
    local how = migration.options.retire
    return how == "delete" or how == "deactivate" and work.trunk.active ~= false
end

--- Deletes the source, after checking that it exists. If the same request could release a bought number,
--- `account:delete` also checks the list of trunks.
local function delete(account, id)
    if not is_there(account, id) then
        outcome.failed("not_found", "the source was not deleted: its account no longer has a trunk with this id")
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

--- Retires the source. Only for a work whose copies were all read back.
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
