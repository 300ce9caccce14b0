--- Telephone numbers as platforms keep them: what is international, what is an extension, what is the same number.

local core <const> = require "trunkhost.core"

local numbers <const> = {}

local function bare(value)
    return (value:gsub("[%s()%-./]", ""))
end

--- The number with a plus sign; nil when it is none that means the same everywhere. Without a plus sign only what
--- begins like a country code counts, and only for a number (no extension).
---@param value string
---@return string?
function numbers.e164(value)
    local text = bare(value)
    local digits = text:match "^%+(%d+)$" or text:match "^00([1-9]%d+)$" or text:match "^([1-9]%d+)$"
    if digits and digits:find "^[1-9]" and #digits >= 7 and #digits <= 15 then
        return "+" .. digits
    end
end

-- 00 and fifteen digits: no number that is dialled has more.
local MOST_DIGITS <const> = 17

--- Why the text is no number and no extension, in words that follow it; nil when it is one.
---@param value string
---@return string?
function numbers.fault(value)
    local why = core.mangled(value, true)
    local text = bare(value)
    if why then
        return why .. ", and no number; format the column as text and enter it again, as +4930123456"
    elseif value:find "^%s*%-" then
        return "is a negative number, as a spreadsheet makes of a sum, and no extension"
    elseif text:find "^%+?0*$" then
        return "is no number as +4930123456, and no extension"
    elseif text:find "^%+" and not numbers.e164(text) then
        return "is no number: a plus sign stands before a country code and 7 to 15 digits in all, as +4930123456"
    elseif text:find "^%d+$" and #text > MOST_DIGITS then
        return "has more digits than any number"
    elseif not text:find "^%+?[%w_*#]+$" then
        return "is no number as +4930123456, and no extension"
    end
end

--- What a platform that keeps numbers verbatim means by this one.
---@param value string
---@return "e164"|"extension"
function numbers.kind(value)
    return numbers.e164(value) and "e164" or "extension"
end

--- The same text for the same number, with and without +, 00 and separators.
---@param value string
---@return string
function numbers.key(value)
    local text = bare(value)
    return text:match "^%+(.*)$" or text:match "^00([1-9]%d%d%d%d%d%d+)$" or text
end

--- Whether carrier and platform find the number by this key without being told: it is the number, with or without +.
---@param number string
---@param routing_key string
---@return boolean
function numbers.is_own_key(number, routing_key)
    return numbers.key(number) == numbers.key(routing_key)
end

return numbers
