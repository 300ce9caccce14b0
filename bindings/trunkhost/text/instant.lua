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

--- Seconds since 1970 of "2026-11-20T06:34:58.123Z"; nil for anything else.
---@param text string?
---@return number?
function instant.seconds(text)
    local year, month, day, hour, minute, second = (text or ""):match
        "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d%.?%d*)Z$"
    if not year then
        return nil
    end
    local days <const> = days_until(tonumber(year), tonumber(month), tonumber(day))
    return days * 86400 + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
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
