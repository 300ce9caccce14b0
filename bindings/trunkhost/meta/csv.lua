---@meta trunkhost.csv

--- CSV as in RFC 4180 and as spreadsheets write it: `require "trunkhost.csv"`. Commas, semicolons or tabs; any line
--- ends; UTF-8 with or without a byte order mark, or UTF-16 with one.

---@class trunkhost.Csv
local csv = {}

--- The rows of a file whose first line names the columns, one after the other:
--- `for row, line in csv.rows "trunks.csv" do … end`. A long file needs no more memory than a short one. Empty rows are
--- left out.
---
--- Raises: `invalid`, which begins with file and line: the file cannot be read, is not UTF-8 or not CSV, or a row has
--- fewer cells than there are columns.
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

--- All records of a string. Empty lines are left out.
---@param text string
---@return trunkhost.CsvRecord[]? records  Nil when it is not CSV.
---@return string? problem  What is wrong, with its line.
function csv.parse(text) end

--- One record as a line, without the line end.
---@param values string[]
---@param separator? string  Default: `","`.
---@return string
function csv.record(values, separator) end

--- A string as a cell that a spreadsheet leaves alone: with an apostrophe before what it would take for a formula, a
--- number, a date or a boolean (`=1+1`, `+4930123456`, `007`, `1E5`, `3-4`, `TRUE`). `csv.bare` removes it again.
---@param text string
---@return string
function csv.guard(text) end

--- The meaning of a cell: without one apostrophe at its beginning.
---@param cell string
---@return string text
---@return boolean guarded  Whether there was one, which marks it as text.
function csv.bare(cell) end

--- Writes one record to standard output, with the line end. On a terminal control characters are shown as `\x1b`; in a
--- file or a pipe the text is exact.
---@param values string[]
---@param separator? string  Default: `","`.
function csv.print(values, separator) end

---@class trunkhost.CsvOptions
--- The separator of the cells. Default: what the first line uses: a comma, a semicolon or a tab.
---@field separator? string

--- A list of the texts of its cells.
---@class trunkhost.CsvRecord
---@field [integer] string
---@field line integer  Where it begins.

--- A file that is being read.
---@class trunkhost.CsvReader
---@field path string
---@field header string[]  The names of the columns; "" for one without a name.
---@field separator string  The separator of the cells.
---@field line integer  The line of the record that was read last.
local reader = {}

--- The next row that is not empty, by column name.
---
--- Raises: `invalid`, as `csv.rows`.
---@return table<string, string>? row  Nil at the end.
---@return integer? line  Where it begins.
function reader:row() end

--- The next record, with any number of cells.
---
--- Raises: `invalid`, as `csv.rows`.
---@return trunkhost.CsvRecord? record  Nil at the end.
function reader:record() end

return csv
