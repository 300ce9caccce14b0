---@meta trunkhost.rollback

--- Putting previous passwords back: `require "trunkhost.rollback"`. They come from the ledger, which needs its private
--- key for that.

---@class trunkhost.RollbackLibrary
local rollback = {}

--- What the options of a job say: nil without `--rollback`. A `--run` that the ledger does not know ends the run as a
--- usage error.
---@param chosen { rollback?: boolean, run?: string, undoes?: string }
---@return trunkhost.Rollback?
function rollback.of(chosen) end

--- A rollback: of every password, or of those that one run has set.
---@class trunkhost.Rollback
local old = {}

--- Whether the ledger knows a password that can be put back. What a rollback has put back already is left as it is. A
--- password in doubt gives way to the one before it.
---@param account trunkhost.Account
---@param id any  Of the trunk.
---@param field string
---@return boolean has
---@return string? reason  Why not.
function old:has(account, id, field) end

--- The password to put back. Where it cannot be opened here the run ends as a usage error.
---@param account trunkhost.Account
---@param id any  Of the trunk.
---@param field string
---@return trunkhost.Secret
function old:secret(account, id, field) end

return rollback
