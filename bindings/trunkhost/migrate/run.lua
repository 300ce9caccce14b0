--- The source and target of a migration in the ledger: two platforms may use the same id for different trunks.

local migrate_run <const> = {}

--- The source and target of a migration; nothing for any other run.
---@param run table  as ledger.run returns it
---@return string? from, string? to
function migrate_run.accounts(run)
    local purpose <const> = run.purpose or {}
    if purpose.from and purpose.to then
        return purpose.from, purpose.to
    end
end

return migrate_run
