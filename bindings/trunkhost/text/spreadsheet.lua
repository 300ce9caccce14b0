--- What spreadsheets do to texts, in one place for every table that is written or read.
---
--- A cell that a spreadsheet would take for a formula, a number or a date begins with an apostrophe, which is no part
--- of the value. What comes back is held against what it means: an error value or a rounded number is no value.

local core <const> = require "trunkhost.core"

local spreadsheet <const> = {}

-- ---------------------------------------------------------------------------------------------------
-- The guard

-- What begins a formula; the wide forms too, which some programs take for the narrow ones.
local FORMULA <const> = { "^[=+%-@'\t\r\n]", "^\xEF\xBC[\x8B\x8D\x9D]", "^\xEF\xBC\xA0" }

local UNITS <const> = { ["%"] = true, ["$"] = true, ["€"] = true, ["£"] = true }
local MONTHS <const> = {}
for name in ("jan feb fév mar mrz mär apr avr abr may mai mag jun jui giu jul lug aug aoû ago sep set oct okt ott nov \z
    dec dez déc dic ene gen"):gmatch "%S+" do
    MONTHS[name] = true
end

--- "Mar-24", "3 March", "24. Mrz 2026": a month's name and a number, whatever stands between.
local function is_month(text)
    local word = text:match "^%d+[%s.,/%-]*([^%s%d.,/%-]+)[%s.,/%-]*%d*$" or text:match "^([^%s%d.,/%-]+)[%s.,/%-]*%d+"
    if not word or #word > 12 or not utf8.len(word) then
        return false
    end
    local first = utf8.offset(word, 4)
    return MONTHS[(first and word:sub(1, first - 1) or word):lower()] == true
end

--- Whether a spreadsheet would not leave the text as it is.
---@param text string
---@return boolean
function spreadsheet.alters(text)
    for _, pattern in ipairs(FORMULA) do
        if text:find(pattern) then
            return true
        end
    end
    if text:find "^[%d.,][%d%s.,:/eE+%-]*$" or text:find "^%d[%d%s.,:/%-]* ?[aApP]%.?[mM]?%.?$" then
        -- A short whole number stays as it is, and nobody takes an address for a number, unless its points may divide
        -- thousands.
        local plain = text:find "^[1-9]%d*$" and #text <= 10 or text == "0"
        local is_address = text:find "^%d+%.%d+%.%d+%.%d+$" and not text:find "^%d+%.%d%d%d%.%d%d%d%.%d%d%d$"
        return not plain and not is_address
    end
    local lower = text:lower()
    local money = lower:match "^%d[%d.,]*%s*(.-)$" or lower:match "^(.-)%s*%d[%d.,]*$"
    return lower == "true" or lower == "false" or core.mangled(text) ~= nil or core.mangled(text:upper()) ~= nil
        or UNITS[money] ~= nil or is_month(text)
end

--- A text as a cell.
---@param text string
---@return string
function spreadsheet.guard(text)
    return spreadsheet.alters(text) and "'" .. text or text
end

--- What is meant by a cell, and whether it had the apostrophe, so that it is meant to be text.
---@param cell string
---@return string text, boolean guarded
function spreadsheet.bare(cell)
    local text, count = cell:gsub("^'", "", 1)
    return text, count == 1
end

-- ---------------------------------------------------------------------------------------------------
-- What nobody has typed

--- Why a text is none that somebody means, in words that follow the name of a field.
---@param text string
---@return string?
function spreadsheet.fault(text)
    local why = core.mangled(text)
    return why and ("%s %s; format the column as text and enter it again, or write an apostrophe before it if it is "
        .. "meant"):format(text, why) or nil
end

-- Blanks of other widths, marks without a width, marks of direction, soft hyphens, characters of control.
local INVISIBLE <const> = {
    { 0x00, 0x1F }, { 0x7F, 0xA0 }, { 0xAD, 0xAD }, { 0x34F, 0x34F }, { 0x61C, 0x61C }, { 0x115F, 0x1160 },
    { 0x1680, 0x1680 }, { 0x17B4, 0x17B5 }, { 0x180B, 0x180F }, { 0x2000, 0x200F }, { 0x2028, 0x202F },
    { 0x205F, 0x206F }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xFE00, 0xFE0F },
    { 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 }, { 0xFFF9, 0xFFFD }, { 0xE0000, 0xE0FFF },
}

--- The first character that nobody sees, as U+200B, and its place among the characters; nil where there is none.
---@param text string  UTF-8
---@return string? name, integer? place
function spreadsheet.invisible(text)
    if not text:find "[%c\x80-\xFF]" then
        return nil
    end
    local place = 0
    for _, code in utf8.codes(text) do
        place = place + 1
        for _, range in ipairs(INVISIBLE) do
            if code >= range[1] and code <= range[2] then
                return ("U+%04X"):format(code), place
            end
        end
    end
end

--- Why a text is no password that somebody means, without a word of it. A guard says that it is no number.
local function password_fault(text, guarded)
    local name, place = spreadsheet.invisible(text)
    local edge = text:find "^ " and "begins" or text:find " $" and "ends"
    local why = not guarded and core.mangled(text, true)
    if name then
        return ("has an invisible character (%s) at place %d: remove it"):format(name, place)
    elseif edge then
        return edge .. " with a blank: remove it; a password with a blank there cannot be set from a file"
    elseif why then
        return why .. ": format the column as text and enter the password again, or write an apostrophe before it if "
            .. "it is meant"
    elseif not guarded and #text > 15 and text:find "^%d+$" and not text:sub(16):find "[^0]" then
        return "ends with zeros after 15 digits, as a spreadsheet rounds long numbers: format the column as text and "
            .. "enter the password again, or write an apostrophe before it if the zeros are meant"
    end
end

--- The password that a cell means, or nil and what is wrong with it, of which nothing is quoted. Before what a
--- spreadsheet would change an apostrophe is its guard; before anything else nobody knows.
---@param cell string
---@return string? password, string? problem
function spreadsheet.password(cell)
    local text, guarded = spreadsheet.bare(cell)
    if guarded and spreadsheet.guard(text) ~= cell or cell:find "^\xE2\x80[\x98\x99]" then
        return nil, "begins with an apostrophe, which spreadsheets put before text: remove it, or write two if the "
            .. "password begins with one"
    end
    local problem = password_fault(text, guarded)
    return not problem and text or nil, problem
end

--- An id or a name of a cell: without the guard, and without blanks and invisible characters around it.
---@param cell string
---@return string
function spreadsheet.word(cell)
    local text = spreadsheet.bare(cell:match "^%s*(.-)%s*$")
    local codes, first, last = {}, nil, 0
    for _, code in utf8.codes(text) do
        codes[#codes + 1] = code
        local char = utf8.char(code)
        if not char:find "^%s$" and not spreadsheet.invisible(char) then
            first, last = first or #codes, #codes
        end
    end
    return first and utf8.char(table.unpack(codes, first, last)) or ""
end

-- ---------------------------------------------------------------------------------------------------
-- What a spreadsheet has made of a text that is known

local function decimal(text)
    text = text:gsub("^%+", ""):gsub(",", ".")
    return text:find "^%-?%d+%.?%d*[eE]?[+%-]?%d*$" and tonumber(text) or nil
end

-- Digits of a rounded number: as it is shown in a narrow column, or as a spreadsheet keeps it.
local ROUNDED <const> = { 3, 4, 5, 6, 7, 15 }

local function is_rounded(old, new, before, after)
    local digits = before:gsub("^%+", "")
    if #digits > 15 and after == digits:sub(1, 15) .. ("0"):rep(#digits - 15) then
        return true
    end
    for _, count in ipairs(ROUNDED) do
        if not after:find "^%+" and tonumber(("%." .. count - 1 .. "e"):format(old)) == new then
            return true
        end
    end
    return false
end

--- Whether `after` is what a spreadsheet makes of `before`: the plus sign or zeros are gone, digits are rounded, two
--- numbers became a date. Words for the operator, or nil.
---@param before string
---@param after string
---@return string?
function spreadsheet.made(before, after)
    if before == after or not before:find "^[+%d]" then
        return nil
    end
    local looks = ("%s looks like %s after a spreadsheet "):format(after, before)
    local old, new = decimal(before), decimal(after)
    if before:find "^%+%d" and before:sub(2) == after then
        return looks .. "removed the plus"
    elseif old and new and old == new then
        return looks .. (before:find "^%+?0" and "removed the zeros" or "took it for a number")
    elseif old and new and old >= 1e9 and is_rounded(old, new, before, after) then
        return looks .. "rounded it"
    elseif before:find "^%d+[%-/.:]%d" and core.mangled(after, true) then
        return looks .. "took it for a date"
    end
end

return spreadsheet
