--- Telephone numbers on platforms: which are international, which are extensions, which are the same.

local core <const> = require "trunkhost.core"

local numbers <const> = {}

local function bare(value)
    return (value:gsub("[%s()%-./]", ""))
end

--- The number with a plus sign; nil when it is not international. Without a plus sign it must begin like a country code
--- and have the length of a number.
---@param value string
---@return string?
function numbers.e164(value)
    local text = bare(value)
    local digits = text:match "^%+(%d+)$" or text:match "^00([1-9]%d+)$" or text:match "^([1-9]%d+)$"
    if digits and digits:find "^[1-9]" and #digits >= 7 and #digits <= 15 then
        return "+" .. digits
    end
end

-- 00 and 15 digits: the longest number that can be dialled.
local MOST_DIGITS <const> = 17

--- Why the text is no number and no extension, as words that follow the text; nil when it is one.
---@param value string
---@return string?
function numbers.fault(value)
    local why = core.mangled(value, true)
    local text = bare(value)
    if why then
        return why .. ", and no number; format the column as text and enter it again, such as +4930123456"
    elseif value:find "^%s*%-" then
        return "is negative, as if a spreadsheet had calculated it, and no number or extension"
    elseif text:find "^%+?0*$" then
        return "is not a number such as +4930123456, and no extension"
    elseif text:find "^%+" and not numbers.e164(text) then
        return "is not a number: after the plus sign come a country code and 7 to 15 digits in all, as in +4930123456"
    elseif text:find "^%d+$" and #text > MOST_DIGITS then
        return "has more digits than any number"
    elseif not text:find "^%+?[%w_*#]+$" then
        return "is not a number such as +4930123456, and no extension"
    end
end

--- How to read a number of a platform that keeps numbers verbatim.
---@param value string
---@return "e164"|"extension"
function numbers.kind(value)
    return numbers.e164(value) and "e164" or "extension"
end

--- A text that is equal for the same number with and without +, 00 and separators.
---@param value string
---@return string
function numbers.key(value)
    local text = bare(value)
    return text:match "^%+(.*)$" or text:match "^00([1-9]%d%d%d%d%d%d+)$" or text
end

--- Whether a routing key is the number itself, with or without +, and so needs no setting.
---@param number string
---@param routing_key string
---@return boolean
function numbers.is_own_key(number, routing_key)
    return numbers.key(number) == numbers.key(routing_key)
end

return numbers
