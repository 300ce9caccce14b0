---@meta trunkhost.csv

--- Comma-separated values as RFC 4180 has them: `local csv <const> = require "trunkhost.csv"`.

---@class trunkhost.Csv
local csv = {}

--- All records of a text. Empty lines are left out.
---@param text string
---@return trunkhost.CsvRecord[]? records  Nil when it is not CSV.
---@return string? problem  What is wrong then, with its line.
function csv.parse(text) end

--- One record as a line, without the end of the line.
---@param values string[]
---@return string
function csv.record(values) end

--- A list of the texts of its fields.
---@class trunkhost.CsvRecord
---@field [integer] string
---@field line integer  Where it begins.

return csv
