--- How many columns a text takes on a terminal, and cutting and breaking it by columns.
---
--- Names of trunks come from a platform: anybody may have typed them. What steers a terminal is made visible
--- before the text is measured or shown.

local core <const> = require "trunkhost.core"

local text_width <const> = {}

--- The text with everything visible that would steer a terminal: control characters, marks that turn the
--- direction of writing, bytes that are not UTF-8.
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

--- A line for standard output: on a terminal everything that would steer it is made visible, elsewhere the line
--- itself.
---@param line string  without its end
---@return string
function text_width.shown(line)
    if not core.is_terminal "out" then
        return line
    end
    return text_width.plain((line:gsub("[\t\r\n]", function(char) return ("\\x%02x"):format(char:byte()) end)))
end

--- Columns that the text takes.
---@param text string  plain
---@return integer
text_width.of = core.text_columns

--- The beginning of the text that fits, and where the rest begins.
local function fitting(text, width)
    local bytes = core.text_fit(text, math.max(width, 0))
    return text:sub(1, bytes), bytes + 1
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
    width = math.max(width, 2) -- the widest character
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
