---@meta trunkhost.json

--- Strict JSON (RFC 8259); also `require "trunkhost.json"`.

---@class trunkhost.Json
---@field null trunkhost.Null  The null of JSON; the same as `trunkhost.null`.
local json = {}

--- Encodes a value. Tables with the keys 1 to n are arrays, all others objects; an empty table is an object unless
--- `json.array` has marked it.
---
--- Raises: `invalid`, with its place: a function, a secret, a number that is not finite, a string that is not UTF-8, a
--- table with mixed keys, a table that contains itself.
---@param value any
---@param options? { pretty?: boolean }  pretty: with line breaks, for people.
---@return string
function json.encode(value, options) end

--- Decodes a string. Integers stay integers, null becomes `json.null`, empty arrays stay arrays.
---
--- Raises: `malformed`, with its place.
---@param text string
---@return any
function json.decode(text) end

--- Marks a table, or makes a new one, so that it is encoded as an array even if it is empty.
---@param list? any[]
---@return any[] list  The same table.
function json.array(list) end

--- Whether a value would be encoded as an array.
---@param value any
---@return boolean
function json.is_array(value) end

--- A value that stands for null; nil means that the field does not exist.
---@alias trunkhost.Null lightuserdata

return json
