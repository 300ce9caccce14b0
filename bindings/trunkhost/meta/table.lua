---@meta trunkhost.table

--- Tables as trunkhost's own scripts print them: `require "trunkhost.table"`.

---@class trunkhost.Table
local aligned = {}

--- Facts about standard output or standard error.
---@param stream "out"|"err"
---@return trunkhost.Screen
function aligned.screen(stream) end

--- A table as a string. On a terminal it fits the width.
---@param columns trunkhost.Column[]
---@param rows trunkhost.Cell[][]
---@param screen? trunkhost.Screen  Without it, as wide as needed and without colours.
---@return string
function aligned.render(columns, rows, screen) end

--- Writes a table that may be too long to hold in memory; nothing when it has no row.
---@param columns trunkhost.Column[]
---@param rows fun(): fun(): trunkhost.Cell[]?  Called for each pass over the rows: once to measure, once to write.
---@param screen trunkhost.Screen
function aligned.write(columns, rows, screen) end

--- A string in a colour, if colours are wanted.
---@param text string
---@param colour? string  "red", "green", "yellow", "dim" or "bold".
---@param colours? boolean  Whether colours are wanted at all.
---@return string
function aligned.paint(text, colour, colours) end

--- A text broken into lines that fit the screen.
---@param text string
---@param screen trunkhost.Screen
---@param colour? string
---@return string
function aligned.sentence(text, screen, colour) end

---@class trunkhost.Screen
---@field write fun(text: string)  Writes above the progress line.
---@field width? integer  Columns; nil if it is no terminal.
---@field colours boolean  Whether colours are wanted.

---@class (exact) trunkhost.Column
---@field title string
---@field right? boolean  Aligned to the right.
---@field max? integer  On a terminal never wider than this.
---@field min? integer  On a terminal it may be cut to this. Without it the column is never cut.
---@field drop? integer  Left out if the table still does not fit; the lowest number goes first.
---@field note? boolean  The last column: long texts are broken into lines.
---@field group? boolean  The first column: on a terminal each of its values becomes the heading of a table.

--- The text of a cell, with a colour or without.
---@alias trunkhost.Cell string|{ [1]: string, colour: string }

return aligned
