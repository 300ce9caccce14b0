---@meta trunkhost.json_line

--- JSON objects whose members keep their order: `require "trunkhost.json_line"`.

---@class trunkhost.JsonLine
local json_line = {}

--- `{ name, value, name, value, …, n = places }` as one object on one line. A value that is nil is left out, one that
--- `json_line.raw` has made is taken as it is.
---@param members { n: integer, [integer]: any }
---@return string
function json_line.object(members) end

--- A value of an object that is JSON text already.
---@param text string
---@return table
function json_line.raw(text) end

return json_line
