--- How many columns a text takes on a terminal, and cutting and breaking it by columns.
---
--- Names of trunks come from a platform: anybody may have typed them. What steers a terminal is made visible
--- before the text is measured or shown.

local text_width <const> = {}

-- First and last code points of marks that take no column of their own.
local NARROW <const> = {
    0x0300, 0x036F, 0x0483, 0x0489, 0x0591, 0x05BD, 0x0610, 0x061A, 0x064B, 0x065F, 0x06D6, 0x06DC, 0x0900, 0x0902,
    0x093A, 0x093A, 0x093C, 0x093C, 0x0941, 0x0948, 0x094D, 0x094D, 0x0951, 0x0957, 0x0962, 0x0963, 0x0981, 0x0981,
    0x09BC, 0x09BC, 0x09C1, 0x09C4, 0x09CD, 0x09CD, 0x0A01, 0x0A02, 0x0A3C, 0x0A3C, 0x0A41, 0x0A51, 0x0A81, 0x0A82,
    0x0ABC, 0x0ABC, 0x0AC1, 0x0AC8, 0x0ACD, 0x0ACD, 0x0BCD, 0x0BCD, 0x0C3E, 0x0C40, 0x0C46, 0x0C56, 0x0CBC, 0x0CBC,
    0x0D41, 0x0D44, 0x0D4D, 0x0D4D, 0x0E31, 0x0E31, 0x0E34, 0x0E3A, 0x0E47, 0x0E4E, 0x1AB0, 0x1AFF, 0x1DC0, 0x1DFF,
    0x200B, 0x200D, 0x20D0, 0x20FF, 0xFE00, 0xFE0F, 0xFE20, 0xFE2F, 0xFEFF, 0xFEFF, 0xE0100, 0xE01EF,
}
-- … and of characters that take two.
local WIDE <const> = {
    0x1100, 0x115F, 0x2E80, 0x303E, 0x3041, 0x33FF, 0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xA000, 0xA4CF, 0xA960, 0xA97F,
    0xAC00, 0xD7A3, 0xF900, 0xFAFF, 0xFE30, 0xFE6F, 0xFF00, 0xFF60, 0xFFE0, 0xFFE6, 0x1F300, 0x1F64F, 0x1F680, 0x1F6FF,
    0x1F900, 0x1F9FF, 0x20000, 0x3FFFD,
}

local function within(ranges, code)
    local low, high = 1, #ranges // 2
    while low <= high do
        local middle = (low + high) // 2
        if code < ranges[2 * middle - 1] then
            high = middle - 1
        elseif code > ranges[2 * middle] then
            low = middle + 1
        else
            return true
        end
    end
    return false
end

local function columns(code)
    if code < 0x300 then
        return 1
    end
    return within(NARROW, code) and 0 or within(WIDE, code) and 2 or 1
end

--- The text with everything visible that would steer a terminal: control characters, marks that turn the
--- direction of writing, bytes that are no UTF-8.
---@param text string
---@return string
function text_width.plain(text)
    if not utf8.len(text) then
        text = text:gsub("[\x80-\xFF]", function(byte) return ("\\x%02x"):format(byte:byte()) end)
    end
    if not text:find "[%c\xC2\xE2]" then
        return text
    end
    text = text:gsub("[\n\t]", " "):gsub("%c", function(byte) return ("\\x%02x"):format(byte:byte()) end)
    text = text:gsub("\xC2([\x80-\x9F])", function(byte) return ("\\x%02x"):format(byte:byte()) end)
    return (text:gsub("\xE2\x80[\x8E\x8F\xAA-\xAE]", "?"):gsub("\xE2\x81[\xA6-\xA9]", "?"))
end

--- Columns that the text takes.
---@param text string  plain
---@return integer
function text_width.of(text)
    if not text:find "[\x80-\xFF]" then
        return #text
    end
    local width = 0
    for _, code in utf8.codes(text) do
        width = width + columns(code)
    end
    return width
end

--- The beginning of the text that fits, and where the rest begins.
local function fitting(text, width)
    local taken = 0
    for at, code in utf8.codes(text) do
        taken = taken + columns(code)
        if taken > width then
            return text:sub(1, at - 1), at
        end
    end
    return text, #text + 1
end

--- The text, cut with "…" where it is wider.
---@param text string  plain
---@param width integer
---@return string
function text_width.cut(text, width)
    if text_width.of(text) <= width then
        return text
    end
    return (fitting(text, width - 1):gsub(" +$", "")) .. "…"
end

--- Lines of at most that many columns, broken between words; a longer word is broken itself.
---@param text string  plain
---@param width integer
---@return string[]
function text_width.wrap(text, width)
    local lines, line = {}, ""
    for word in text:gmatch "%S+" do
        local joined = line == "" and word or line .. " " .. word
        if text_width.of(joined) <= width then
            line = joined
        else
            if line ~= "" then
                lines[#lines + 1] = line
            end
            while text_width.of(word) > width do
                local head, rest = fitting(word, width)
                lines[#lines + 1], word = head, word:sub(rest)
            end
            line = word
        end
    end
    if line ~= "" then
        lines[#lines + 1] = line
    end
    return lines
end

return text_width
