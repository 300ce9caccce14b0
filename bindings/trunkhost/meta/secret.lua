---@meta

--- Passwords and tokens as opaque values.

--- A secret. It prints as `[secret]`, also in error messages and logs, and cannot be joined to strings. Two are equal
--- if their texts are. Its memory is locked, and wiped after use. It can be a field in `create` and `update`, a member
--- of `json` in a request, and a to-be-closed variable.
---@class trunkhost.Secret
local secret = {}

--- Its text as an ordinary string, which can end up in logs. There is no other way to the text.
---@return string
function secret:reveal() end

--- The length of its text in bytes.
---@return integer
function secret:length() end

---@class (exact) trunkhost.SecretOptions
---@field length? integer  Length of a random one, at least 1. Default: `32`.
---@field alphabet? string  The characters to choose from. Default: letters and digits.
---@field from? string  The text of an existing password, instead of a random one.
