---@meta trunkhost.json_line

--- JSON objects whose members keep their order: `require "trunkhost.json_line"`.

---@class trunkhost.JsonLine
local json_line = {}

--- `{ name, value, name, value, …, n = places }` as one object on one line. A nil value is left out; a value from
--- `json_line.raw` is used unchanged.
---@param members { n: integer, [integer]: any }
---@return string
function json_line.object(members) end

--- Marks a string that is already JSON.
---@param text string
---@return table
function json_line.raw(text) end

return json_line
