---@meta trunkhost.json

--- JSON, strictly as RFC 8259 has it. Also to be had by `require "trunkhost.json"`.

---@class trunkhost.Json
---@field null trunkhost.Null  The null of JSON; the same as `trunkhost.null`.
local json = {}

--- The text of a value. Tables with the keys 1 to n are arrays, all others objects; an empty one is an object unless
--- `json.array` has marked it.
---
--- Raises: `invalid`, with the place of it: a function, a secret, a number that is not finite, a text that is not
--- UTF-8, a table with keys of two sorts, one that contains itself.
---@param value any
---@param options? { pretty?: boolean }  pretty: with line breaks, for people.
---@return string
function json.encode(value, options) end

--- The value of a text. Integers stay integers, null becomes `json.null`, arrays stay arrays also when they are empty.
---
--- Raises: `malformed`, with the place of it.
---@param text string
---@return any
function json.decode(text) end

--- Marks a table, or makes a new one, that is encoded as an array also when it is empty.
---@param list? any[]
---@return any[] list  The same table.
function json.array(list) end

--- Whether a value would be encoded as an array.
---@param value any
---@return boolean
function json.is_array(value) end

--- A value of its own that stands for null, where nil would mean that there is nothing.
---@alias trunkhost.Null lightuserdata

return json
