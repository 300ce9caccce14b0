---@meta trunkhost.trunk_secrets

--- The passwords of a trunk, as its provider's description says: `require "trunkhost.trunk_secrets"`.

---@class trunkhost.TrunkSecrets
local trunk_secrets = {}

--- The passwords that a trunk has, and why it has no others.
---@param description trunkhost.Provider  From `account:describe()`.
---@param trunk trunkhost.Trunk
---@return trunkhost.ProviderSecret[] secrets
---@return string[] reasons
function trunk_secrets.of(description, trunk) end

--- Whether a trunk has this password.
---@param trunk trunkhost.Trunk
---@param secret trunkhost.ProviderSecret
---@return boolean has
---@return string? reason  Why not.
function trunk_secrets.has(trunk, secret) end

--- Whether a password is for one of these legs.
---@param secret trunkhost.ProviderSecret
---@param legs table<trunkhost.Leg, boolean>
---@return boolean
function trunk_secrets.serves(secret, legs) end

--- Whether the fields have these values; a missing field counts as null.
---@param trunk trunkhost.Trunk
---@param condition? table<string, any>
---@return boolean
function trunk_secrets.holds(trunk, condition) end

--- Whether a value is neither nil nor null nor "".
---@param value any
---@return boolean
function trunk_secrets.present(value) end

return trunk_secrets
