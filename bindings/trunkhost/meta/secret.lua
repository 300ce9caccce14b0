---@meta

--- Passwords and tokens as values of a kind of their own.

--- A secret. It prints as `[secret]`, also in error messages and logs; it cannot be joined to texts. Two are equal when
--- their texts are. Its memory is locked and wiped. It can be the value of a field in `create` and `update`, of a
--- member of `json` in a request, and of a to-be-closed variable.
---@class trunkhost.Secret
local secret = {}

--- The text itself, as an ordinary string, which nothing keeps from being logged. The only way to it.
---@return string
function secret:reveal() end

--- How many bytes its text has.
---@return integer
function secret:length() end

---@class (exact) trunkhost.SecretOptions
---@field length? integer  Characters of a random one, at least 1. Default: `32`.
---@field alphabet? string  The characters it is drawn from. Default: letters and digits.
---@field from? string  The text of one that is there already, instead of a random one.
