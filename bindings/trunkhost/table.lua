--- Aligned tables for people: as wide as needed in a pipe, fitted to the screen on a terminal.

local core <const> = require "trunkhost.core"
local text_width <const> = require "trunkhost.text.width"

local aligned <const> = {}

local GAP <const> = "  "
local INDENT <const> = "    "
-- Lines of a long table that are written at once.
local MANY <const> = 500
-- A note that would be cut into more lines than this beside its row goes below it instead.
local NOTE_LINES <const>, NOTE_WIDTH <const> = 3, 16
local CODES <const> = { red = "31", green = "32", yellow = "33", dim = "2", bold = "1" }

--- Where text for people goes.
---@param stream "out"|"err"
---@return trunkhost.Screen
function aligned.screen(stream)
    local no_colour, term = os.getenv "NO_COLOR", os.getenv "TERM"
    local terminal = core.is_terminal(stream)
    return {
        write = function(text) core.write(stream, text) end,
        width = core.columns(stream),
        colours = terminal and (no_colour or "") == "" and term ~= "dumb",
    }
end

--- A cell: its text, or a text with a colour.
---@alias trunkhost.Cell string|{ [1]: string, colour: string }

---@param text string
---@param colour string?
---@param colours boolean?  whether colours are wanted at all
---@return string
function aligned.paint(text, colour, colours)
    if not colours or not colour or text == "" then
        return text
    end
    return ("\27[%sm%s\27[0m"):format(CODES[colour], text)
end

local function text_of(cell)
    return text_width.plain(type(cell) == "table" and cell[1] or cell or "")
end

local function iterator(rows)
    local at = 0
    return type(rows) == "function" and rows() or function()
        at = at + 1
        return rows[at]
    end
end

--- Natural widths; columns without any content are left out.
local function measure(columns, rows)
    local parts, kept = {}, {}
    for i, column in ipairs(columns) do
        parts[i] = { at = i, column = column, width = text_width.of(column.title) }
    end
    for row in iterator(rows) do
        for i, part in ipairs(parts) do
            local text = text_of(row[i])
            part.used = part.used or text ~= ""
            part.width = part.column.note and part.width or math.max(part.width, text_width.of(text))
        end
    end
    for _, part in ipairs(parts) do
        kept[#kept + 1] = part.used and part or nil
    end
    return kept
end

local function total(kept)
    local sum = 0
    for _, part in ipairs(kept) do
        if not part.column.note then
            sum = sum + part.width + #GAP
        end
    end
    return sum
end

--- Cuts and leaves out columns until the table fits.
local function fit(kept, width)
    for _, part in ipairs(kept) do
        part.width = math.min(part.width, math.max(part.column.max or part.width, text_width.of(part.column.title)))
    end
    for _, part in ipairs(kept) do
        local over = total(kept) - #GAP - width
        if over > 0 and part.column.min then
            part.width = math.max(part.column.min, part.width - over)
        end
    end
    while total(kept) - #GAP > width do
        local worst
        for i, part in ipairs(kept) do
            if part.column.drop and (not worst or part.column.drop < kept[worst].column.drop) then
                worst = i
            end
        end
        if not worst then
            return
        end
        table.remove(kept, worst)
    end
end

local function note_lines(text, room, width)
    if text == "" then
        return {}, {}
    end
    if not width or text_width.of(text) <= room then
        return { text }, {}
    end
    if room >= NOTE_WIDTH then
        local beside = text_width.wrap(text, room)
        if #beside <= NOTE_LINES then
            return beside, {}
        end
    end
    return {}, text_width.wrap(text, math.max(width - #INDENT, NOTE_WIDTH))
end

local function add_row(lines, kept, row, screen)
    local cells, taken, beside, below, note_colour = {}, 0, {}, {}, nil
    for _, part in ipairs(kept) do
        local cell = row[part.at]
        local text, colour = text_of(cell), type(cell) == "table" and cell.colour or nil
        if part.column.note then
            beside, below = note_lines(text, (screen.width or 0) - taken, screen.width)
            note_colour = colour
        else
            text = screen.width and text_width.cut(text, part.width) or text
            local space = (" "):rep(part.width - text_width.of(text))
            text = aligned.paint(text, colour, screen.colours)
            cells[#cells + 1] = part.column.right and space .. text or text .. space
            taken = taken + part.width + #GAP
        end
    end
    cells[#cells + 1] = beside[1] and aligned.paint(beside[1], note_colour, screen.colours)
    lines[#lines + 1] = (table.concat(cells, GAP):gsub(" +$", ""))
    for i = 2, #beside do
        lines[#lines + 1] = (" "):rep(taken) .. aligned.paint(beside[i], note_colour, screen.colours)
    end
    for _, text in ipairs(below) do
        lines[#lines + 1] = INDENT .. aligned.paint(text, note_colour, screen.colours)
    end
end

--- full: called whenever there are many lines
local function add_table(lines, columns, rows, screen, full)
    local kept, heading = measure(columns, rows), {}
    if screen.width then
        fit(kept, screen.width)
    end
    local room = (screen.width or math.huge) - total(kept)
    for i, column in ipairs(columns) do
        heading[i] = { (not column.note or room > #column.title) and column.title or "", colour = "bold" }
    end
    add_row(lines, kept, heading, screen)
    for row in iterator(rows) do
        add_row(lines, kept, row, screen)
        if full and #lines > MANY then
            full(lines)
        end
    end
end

--- Rows with the same first cell together, in the order in which the first of each came.
local function split(rows)
    local groups, by_name = {}, {}
    for _, row in ipairs(rows) do
        local name = text_of(row[1])
        local group = by_name[name]
        if not group then
            group = { name = name }
            by_name[name], groups[#groups + 1] = group, group
        end
        group[#group + 1] = row
    end
    return groups
end

--- Lays the table out; each line ends with a newline.
---@param columns trunkhost.Column[]
---@param rows trunkhost.Cell[][]
---@param screen? { width: integer?, colours: boolean? }  no width: as wide as needed
---@return string
function aligned.render(columns, rows, screen)
    screen = screen or {}
    local lines, groups = {}, columns[1].group and screen.width and split(rows) or {}
    if #groups < 2 then
        add_table(lines, columns, rows, screen)
        return table.concat(lines, "\n") .. "\n"
    end
    local inner = table.move(columns, 2, #columns, 1, {})
    local narrower = { width = screen.width - #GAP, colours = screen.colours }
    for i, group in ipairs(groups) do
        lines[#lines + 1] = (i > 1 and "\n" or "") .. aligned.paint(group.name, "bold", screen.colours)
        local first = #lines + 1
        for j, row in ipairs(group) do
            group[j] = table.move(row, 2, #columns, 1, {})
        end
        add_table(lines, inner, group, narrower)
        for j = first, #lines do
            lines[j] = GAP .. lines[j]
        end
    end
    return table.concat(lines, "\n") .. "\n"
end

--- Writes a table that may be too long for memory, as `render` lays it out; nothing when there is no row.
---@param columns trunkhost.Column[]
---@param rows fun(): fun(): trunkhost.Cell[]?  begins anew at each call
---@param screen trunkhost.Screen
function aligned.write(columns, rows, screen)
    local lines <const> = {}
    local function flush()
        screen.write(table.concat(lines, "\n") .. (#lines > 0 and "\n" or ""))
        for i = #lines, 1, -1 do lines[i] = nil end
    end
    if rows()() then
        add_table(lines, columns, rows, screen, flush)
        flush()
    end
end

--- A sentence for people, broken between words on a terminal; ends with a newline.
---@param text string
---@param screen { width: integer?, colours: boolean? }
---@param colour? string
---@return string
function aligned.sentence(text, screen, colour)
    local lines = screen.width and text_width.wrap(text_width.plain(text), screen.width) or { text_width.plain(text) }
    for i, line in ipairs(lines) do
        lines[i] = aligned.paint(line, colour, screen.colours)
    end
    return table.concat(lines, "\n") .. "\n"
end

return aligned
