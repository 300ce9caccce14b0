--- Points in time as the ledger writes them, and as people read them: in UTC and by this machine's clock.

local instant <const> = {}

--- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days_until(year, month, day)
    local y <const> = month <= 2 and year - 1 or year
    local era <const> = y // 400
    local year_of_era <const> = y - era * 400
    local day_of_year <const> = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
end

local function seconds_of(year, month, day, hour, minute, second)
    local days <const> = days_until(tonumber(year), tonumber(month), tonumber(day))
    return days * 86400 + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
end

--- Seconds since 1970 of "2026-11-20T06:34:58.123Z"; nil for anything else.
---@param text string?
---@return number?
function instant.seconds(text)
    local year, month, day, hour, minute, second = (text or ""):match
        "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d%.?%d*)Z$"
    return year and seconds_of(year, month, day, hour, minute, second)
end

---@class trunkhost.Instant
---@field seconds integer   since 1970, by its own clock where it names no zone
---@field fraction string   digits of the second
---@field has_zone boolean

--- An instant as platforms write it: with a T or a blank, with or without a fraction and a zone; nil for anything else.
---@param text string
---@return trunkhost.Instant?
function instant.read(text)
    local year, month, day, hour, minute, second, rest = text:match
        "^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$"
    if not year then
        return nil
    end
    local fraction <const> = rest:match "^[.,](%d+)" or ""
    local zone <const> = rest:sub(fraction == "" and 1 or #fraction + 2):gsub("^ +", "")
    local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)$"
    local is_utc <const> = zone:upper() == "Z" or zone == "UTC"
    if not sign and not is_utc and zone ~= "" then
        return nil
    end
    local offset <const> = sign and (sign == "-" and -1 or 1) * (tonumber(hours) * 3600 + tonumber(minutes) * 60) or 0
    return { seconds = seconds_of(year, month, day, hour, minute, second) - offset, fraction = fraction,
        has_zone = zone ~= "" }
end

--- Whether the second instant is certainly later, as far as both are written: one may show less of the same instant.
---@param first trunkhost.Instant
---@param second trunkhost.Instant
---@return boolean
function instant.is_later(first, second)
    if first.has_zone ~= second.has_zone then
        return false
    elseif first.seconds ~= second.seconds then
        return second.seconds > first.seconds
    end
    local digits <const> = math.min(#first.fraction, #second.fraction)
    return second.fraction:sub(1, digits) > first.fraction:sub(1, digits)
end

--- Seconds between two of them; nil when one is not there.
---@param from string?
---@param to string?
---@return number?
function instant.between(from, to)
    local first <const>, last <const> = instant.seconds(from), instant.seconds(to)
    return first and last and math.max(0, last - first)
end

--- "2026-11-20 06:34:58", which is UTC; the text itself when it is no instant.
---@param text string
---@return string
function instant.stamp(text)
    local at <const> = instant.seconds(text)
    return at and os.date("!%Y-%m-%d %H:%M:%S", math.floor(at)) or text
end

--- "2026-11-20 06:34:58 UTC"; the text itself when it is no instant.
---@param text string
---@return string
function instant.utc(text)
    return instant.seconds(text) and instant.stamp(text) .. " UTC" or text
end

--- "2026-11-20 07:34:58 CET"; nil where this machine's clock shows UTC.
---@param text string
---@return string?
function instant.here(text)
    local at <const> = instant.seconds(text)
    if not at or os.date("%H%M%d", math.floor(at)) == os.date("!%H%M%d", math.floor(at)) then
        return nil
    end
    return os.date("%Y-%m-%d %H:%M:%S %Z", math.floor(at))
end

return instant
