---@meta trunkhost.rollback

--- Puts previous passwords back: `require "trunkhost.rollback"`. They come from the ledger; this needs its private key.

---@class trunkhost.RollbackLibrary
local rollback = {}

--- The rollback that the options of a job ask for; nil without `--rollback`. A `--run` that is not in the ledger ends
--- the run as a usage error.
---@param chosen { rollback?: boolean, run?: string, undoes?: string }
---@return trunkhost.Rollback?
function rollback.of(chosen) end

--- A rollback of every password, or of those that one run set.
---@class trunkhost.Rollback
local old = {}

--- Whether the ledger has a password that can be put back. What a rollback has already put back is left alone. A
--- password in doubt is replaced by the one before it.
---@param account trunkhost.Account
---@param id any  Of the trunk.
---@param field string
---@return boolean has
---@return string? reason  Why not.
function old:has(account, id, field) end

--- The password to put back. If it cannot be opened here, the run ends as a usage error.
---@param account trunkhost.Account
---@param id any  Of the trunk.
---@param field string
---@return trunkhost.Secret
function old:secret(account, id, field) end

return rollback
