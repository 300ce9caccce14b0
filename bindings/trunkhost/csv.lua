--- Comma-separated values as RFC 4180 has them, and as spreadsheets write them: with ; or tabs between the cells, with
--- a mark of UTF-8 at the beginning or as UTF-16, with any ends of lines. Every table that the program reads comes
--- through here.
---
---     local csv = require "trunkhost.csv"
---     for row, line in csv.rows "trunks.csv" do print(line, row.trunk, row.label) end

local core <const> = require "trunkhost.core"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"
local text_width <const> = require "trunkhost.text.width"

local csv <const> = {}

local CHUNK <const> = 64 * 1024
-- A quote that is never closed would otherwise take the rest of the file into memory.
local LONGEST <const> = 16 * 1024 * 1024
local SEPARATORS <const> = { ",", ";", "\t" }

--- One record, without the end of its line.
---@param values string[]
---@param separator? string  default: a comma
---@return string
function csv.record(values, separator)
    local cells, special = {}, '["\r\n' .. (separator or ",") .. "]"
    for i, value in ipairs(values) do
        if value:find(special) or value:find "^%s" or value:find "%s$" then
            value = '"' .. value:gsub('"', '""') .. '"'
        end
        cells[i] = value
    end
    return table.concat(cells, separator or ",")
end

csv.guard, csv.bare = spreadsheet.guard, spreadsheet.bare

--- Writes a record to standard output.
---@param values string[]
---@param separator? string
function csv.print(values, separator)
    core.write("out", text_width.shown(csv.record(values, separator)) .. "\r\n")
end

-- ---------------------------------------------------------------------------------------------------
-- Records, from pieces of text as they come

---@class Scanner
---@field read fun(): string?  the next piece; nil at the end
---@field text string          what is not scanned yet, from `at` on
---@field at integer
---@field line integer         where the next record begins
---@field over boolean?        read has nothing more
---@field separator string
---@field stops string         pattern of what ends a cell without quotes
local Scanner <const> = {}
Scanner.__index = Scanner

local function scanner(read, separator)
    local self = setmetatable({ read = read, text = "", at = 1, line = 1 }, Scanner)
    self:set(separator or ",")
    return self
end

function Scanner:set(separator)
    self.separator, self.stops = separator, "[" .. separator .. "\r\n]"
end

--- Gets more text behind what there is; false at the end.
function Scanner:more()
    local piece = not self.over and self.read()
    if not piece then
        self.over = true
        return false
    end
    self.text, self.at = self.text:sub(self.at) .. piece, 1
    return true
end

--- A quoted cell that begins at `at`: its text, where the character after it is, and how many lines it goes on for.
function Scanner:quoted(at)
    local parts, from, lines = {}, at + 1, 0
    while true do
        local text = self.text
        local quote = text:find('"', from, true)
        if not quote then
            return nil, self.over and "a quoted field does not end" or nil
        end
        local part = text:sub(from, quote - 1)
        parts[#parts + 1] = part
        lines = lines + select(2, part:gsub("\n", ""))
        local after = text:sub(quote + 1, quote + 1)
        if after == "" and not self.over then
            return nil
        elseif after ~= '"' then
            if after ~= "" and not after:find(self.stops) then
                return nil, "text after the end of a quoted field", lines
            end
            return table.concat(parts), quote + 1, lines
        end
        parts[#parts + 1] = '"'
        from = quote + 2
    end
end

--- A cell that begins at `at`. Nil without a problem: the text ends in the middle of it.
function Scanner:cell(at)
    local text = self.text
    if text:sub(at, at) == '"' then
        return self:quoted(at)
    end
    local stop = text:find(self.stops, at)
    if not stop and not self.over then
        return nil
    end
    stop = stop or #text + 1
    local value = text:sub(at, stop - 1)
    if value:find('"', 1, true) then
        return nil, "a quote inside a field that is not quoted"
    end
    return value, stop, 0
end

--- The record that begins at self.at, if all of it is there.
function Scanner:try()
    local record, at, lines = { line = self.line }, self.at, 0
    while true do
        local value, stop, more = self:cell(at)
        if not value then
            return nil, stop and { text = stop, line = self.line + lines + (more or 0) }
        end
        record[#record + 1], lines = value, lines + more
        local mark, next_mark = self.text:byte(stop, stop + 1)
        if mark == self.separator:byte() then
            at = stop + 1
            if at > #self.text and not self.over then
                return nil
            end
        elseif mark == 13 and not next_mark and not self.over then
            return nil -- a line feed may follow
        else
            self.at = stop + (mark == 13 and next_mark == 10 and 2 or 1)
            self.line = self.line + lines + 1
            return record
        end
    end
end

--- The next record that is not an empty line: nil at the end, nil and what is wrong otherwise.
---@return { [integer]: string, line: integer }? record, { text: string, line: integer }? problem
function Scanner:next()
    while true do
        if self.at > #self.text and not self:more() then
            return nil
        end
        local record, problem = self:try()
        if problem then
            return nil, problem
        elseif not record then
            if #self.text - self.at > LONGEST then
                return nil, { text = "a row of more than 16 MiB: a quoted field that does not end?", line = self.line }
            end
            self:more()
        elseif #record > 1 or record[1] ~= "" then
            return record
        end
    end
end

--- All records of a text: each a list of its fields, with `line`, where it begins. Empty lines are left out.
--- Nil and what is wrong, with its line, when it is not CSV.
---@param text string
---@return { [integer]: string, line: integer }[]? records, string? problem
function csv.parse(text)
    local rest, records = text:gsub("^\xEF\xBB\xBF", ""), {}
    local scan <const> = scanner(function()
        local piece = rest
        rest = nil
        return piece
    end)
    while true do
        local record, problem = scan:next()
        if problem then
            return nil, ("line %d: %s"):format(problem.line, problem.text)
        elseif not record then
            return records
        end
        records[#records + 1] = record
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Files with a header

---@class trunkhost.CsvReader
---@field path string
---@field header string[]    names of the columns; "" for one without a name
---@field separator string
---@field line integer       of the record that was read last
---@field private scan Scanner
---@field private file file*?
---@field private is_private boolean?
local Reader <const> = {}
Reader.__index = Reader

local function fail(path, line, text)
    core.error("invalid", ("%s:%d: %s"):format(path, line, text))
end

--- What stands between the cells: what is most frequent in the first line, outside of quotes.
local function separator_of(line)
    local bare, best, most = line:gsub('"[^"]*"', ""), ",", 0
    for _, separator in ipairs(SEPARATORS) do
        local count = select(2, bare:gsub(separator, ""))
        if count > most then
            best, most = separator, count
        end
    end
    return best
end

--- Some programs put a line before the header that says what stands between the cells.
local function find_separator(scan)
    while not scan.text:find "[\r\n]" and scan:more() do end
    local first = scan.text:match "^[^\r\n]*"
    local said = first:match '^"?[sS][eE][pP]=([,;\t])"?$'
    if said then
        scan.at, scan.line = #first + #scan.text:match("^\r?\n?", #first + 1) + 1, 2
        return said
    end
    return separator_of(first)
end

--- UTF-16 as UTF-8, piece by piece.
local function from_utf16(path, read, format)
    local left, high, line = "", nil, 1
    return function()
        local piece = read()
        if not piece then
            if left ~= "" or high then
                fail(path, line, "this is UTF-16 text that ends in the middle of a character: save it again")
            end
            return nil
        end
        piece = left .. piece
        local out, at = {}, 1
        while at < #piece do
            local unit = format:unpack(piece, at)
            at = at + 2
            local is_low = unit >= 0xDC00 and unit < 0xE000
            if is_low ~= (high ~= nil) then
                fail(path, line, "this is UTF-16 text with half a character in it: save it as CSV in UTF-8")
            elseif is_low then
                unit, high = 0x10000 + (high - 0xD800 << 10) + unit - 0xDC00, nil
            elseif unit >= 0xD800 and unit < 0xDC00 then
                high = unit
            end
            line = line + (unit == 10 and 1 or 0)
            out[#out + 1] = not high and utf8.char(unit) or nil
        end
        left = piece:sub(at)
        return table.concat(out)
    end
end

local UTF16 <const> = { ["\xFF\xFE"] = "<I2", ["\xFE\xFF"] = ">I2" }

local function check_encoding(path, scan)
    while #scan.text < 3 and scan:more() do end
    local format = UTF16[scan.text:sub(1, 2)]
    if format then
        local first, read = scan.text:sub(3), scan.read
        scan.text, scan.at, scan.over = "", 1, nil
        scan.read = from_utf16(path, function()
            local piece = first or read()
            first = nil
            return piece
        end, format)
        scan:more()
    elseif scan.text:find("\0", 1, true) then
        fail(path, 1, "this is UTF-16 text without a mark, or no text: save it as CSV in UTF-8")
    end
    scan.text = scan.text:gsub("^\xEF\xBB\xBF", "")
end

--- The next record: its cells in the order of the columns, and where it begins; nil at the end. Raises what is no
--- CSV. The number of cells need not be that of the columns.
---@return { [integer]: string, line: integer }? cells
function Reader:record()
    local record, problem = self.scan:next()
    if problem then
        fail(self.path, problem.line, problem.text)
    elseif not record then
        if self.file then
            self.file:close()
        end
        return nil
    end
    for i, cell in ipairs(record) do
        if not utf8.len(cell) then
            fail(self.path, record.line, ("column %s is not UTF-8 text: save the file as CSV in UTF-8 (Excel calls it "
                .. "CSV UTF-8)"):format(self.header and self.header[i] or i))
        elseif cell:find("\0", 1, true) then
            fail(self.path, record.line, ("column %s has a NUL byte in it: save the file as CSV in UTF-8"):format(
                self.header and self.header[i] or i))
        end
    end
    self.line = record.line
    return record
end

local function is_blank(record)
    for _, cell in ipairs(record) do
        if cell ~= "" then
            return false
        end
    end
    return true
end

--- The next row that has anything in it: name → text, and its line; nil at the end. Raises an error of the kind
--- `invalid` that begins with file and line.
---@return table<string, string>? row, integer? line
function Reader:row()
    local record = self:record()
    while record and is_blank(record) do
        record = self:record()
    end
    if not record then
        return nil
    end
    local row = {}
    for i = 1, math.max(#record, #self.header) do
        local name, cell = self.header[i] or "", record[i]
        if name == "" and (cell or "") ~= "" then
            fail(self.path, record.line, ("%s stands in a column without a name"):format(
                self.is_private and "a cell" or "'" .. cell .. "'"))
        elseif name ~= "" and not cell then
            fail(self.path, record.line, ("%d fields, where the first line has %d"):format(#record, #self.header))
        end
        row[name] = cell
    end
    row[""] = nil
    return row, record.line
end

--- A name of a column as the program writes it, however a spreadsheet or a person has.
local function known_name(name, known)
    name = spreadsheet.word(name)
    if known and not known[name] then
        for each in pairs(known) do
            if each:lower() == name:lower() then
                return each
            end
        end
    end
    return name
end

local function read_from(path, text)
    if text then
        return function()
            local piece = text
            text = nil
            return piece
        end
    end
    local file, problem = io.open(path, "rb")
    if not file then
        core.error("invalid", "cannot read " .. problem)
    end
    return function() return file:read(CHUNK) end, file
end

---@class trunkhost.CsvOpening
---@field separator string?  default: what the first line has: a comma, a semicolon or a tab
---@field text string?       what the file holds, when it was read already
---@field known table<string, any>?  names of columns, which may be spelled with other capitals
---@field private boolean?   no cell is quoted in an error

--- Opens a file whose first line names the columns. Raises what cannot be read.
---@param path string
---@param options? trunkhost.CsvOpening
---@return trunkhost.CsvReader
function csv.open(path, options)
    options = options or {}
    local read, file = read_from(path, options.text)
    local scan <const> = scanner(read)
    local self <const> = setmetatable({ path = path, file = file, scan = scan, line = 0,
        is_private = options.private }, Reader)
    check_encoding(path, scan)
    scan:set(options.separator or find_separator(scan))
    self.separator = scan.separator
    local header <const> = self:record() or fail(path, 1, "the file is empty: its first line must name the columns")
    local seen = {}
    for i, name in ipairs(header) do
        name = known_name(name, options.known)
        if seen[name] and name ~= "" then
            fail(path, header.line, ("the column '%s' stands there twice"):format(name))
        end
        seen[name], header[i] = true, name
    end
    self.header = header
    return self
end

--- The rows of a file, one after the other, so that a long one needs no more memory than a short one.
---@param path string
---@param options? { separator: string? }
---@return fun(): table<string, string>?, integer?
function csv.rows(path, options)
    local reader <const> = csv.open(path, options)
    return function() return reader:row() end
end

return csv
