---@meta trunkhost.csv

--- Comma-separated values as RFC 4180 has them and as spreadsheets write them: `require "trunkhost.csv"`. Commas,
--- semicolons or tabs, any ends of lines, a mark of UTF-8 at the beginning, UTF-16 with its mark.

---@class trunkhost.Csv
local csv = {}

--- The rows of a file whose first line names the columns, one after the other:
--- `for row, line in csv.rows "trunks.csv" do … end`. A long file needs no more memory than a short one. Rows without
--- anything in them are left out.
---
--- Raises: `invalid`, which begins with file and line: it cannot be read, is not UTF-8 or no CSV, or a row has fewer
--- cells than there are columns.
---@param path string
---@param options? trunkhost.CsvOptions
---@return fun(): table<string, string>?, integer?  Name → text, and the line.
function csv.rows(path, options) end

--- Opens a file whose first line names the columns.
---
--- Raises: `invalid`, as `csv.rows`.
---@param path string
---@param options? trunkhost.CsvOptions
---@return trunkhost.CsvReader
function csv.open(path, options) end

--- All records of a text. Empty lines are left out.
---@param text string
---@return trunkhost.CsvRecord[]? records  Nil when it is not CSV.
---@return string? problem  What is wrong then, with its line.
function csv.parse(text) end

--- One record as a line, without the end of the line.
---@param values string[]
---@param separator? string  Default: `","`.
---@return string
function csv.record(values, separator) end

--- A text as a cell that a spreadsheet leaves alone: with an apostrophe before what it would take for a formula, a
--- number, a date or a truth value (`=1+1`, `+4930123456`, `007`, `1E5`, `3-4`, `TRUE`). `csv.bare` removes it again.
---@param text string
---@return string
function csv.guard(text) end

--- What is meant by a cell: without one apostrophe at its beginning.
---@param cell string
---@return string text
---@return boolean guarded  Whether there was one, so that it is meant to be text.
function csv.bare(cell) end

--- Writes one record to standard output, with the end of the line. On a terminal control characters are shown as
--- `\x1b`; in a file or a pipe the text is exact.
---@param values string[]
---@param separator? string  Default: `","`.
function csv.print(values, separator) end

---@class trunkhost.CsvOptions
--- What stands between the cells. Default: what the first line has: a comma, a semicolon or a tab.
---@field separator? string

--- A list of the texts of its cells.
---@class trunkhost.CsvRecord
---@field [integer] string
---@field line integer  Where it begins.

--- A file that is being read.
---@class trunkhost.CsvReader
---@field path string
---@field header string[]  The names of the columns; "" for one without a name.
---@field separator string  What stands between the cells.
---@field line integer  Of the record that was read last.
local reader = {}

--- The next row that has anything in it, by the names of the columns.
---
--- Raises: `invalid`, as `csv.rows`.
---@return table<string, string>? row  Nil at the end.
---@return integer? line  Where it begins.
function reader:row() end

--- The next record, whatever number of cells it has.
---
--- Raises: `invalid`, as `csv.rows`.
---@return trunkhost.CsvRecord? record  Nil at the end.
function reader:record() end

return csv
