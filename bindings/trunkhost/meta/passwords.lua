---@meta trunkhost.passwords

--- Passwords that a carrier chose, from a CSV file: `require "trunkhost.passwords"`. Columns: trunk, field, password,
--- and optionally account and previous. A mistake in the file ends the run as a usage error.

---@class trunkhost.PasswordFiles
local passwords = {}

--- Reads the file, which only its owner may be able to read. Every row is checked: a password with a blank at either
--- end, with invisible characters, or in a form that only a spreadsheet writes (`#N/A`, `1.23457E+11`) is refused.
---@param path string
---@return trunkhost.Passwords
function passwords.read(path) end

--- The content of a password file.
---@class trunkhost.Passwords
---@field path string
---@field rows table[]  One for each password.
local file = {}

--- Finds the trunk of each row; for `check` of a job.
---@param items trunkhost.Item[]
---@param failed table<string, trunkhost.Error>  Accounts that could not be listed.
function file:assign(items, failed) end

--- The passwords of an item: field → secret. Empty if the file does not name it.
---@param item trunkhost.Item
---@return table<string, trunkhost.Secret>
function file:of(item) end

--- The old passwords of an item in the file: field → secret.
---@param item trunkhost.Item
---@return table<string, trunkhost.Secret>
function file:previous(item) end

return passwords
