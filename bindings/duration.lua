--- Spans of time as people write and read them: "90s", "1h30m", "06:00"; "2 m 05 s".

local duration <const> = {}

local UNITS <const> = { s = 1, m = 60, h = 3600, d = 86400 }

--- Seconds of "45s", "10m", "1h30m", "2d"; nil and what is wrong for anything else.
---@param text string
---@return number? seconds, string? problem
function duration.parse(text)
    local seconds, rest = 0, text:lower()
    while rest ~= "" do
        local number, unit, after = rest:match "^(%d+%.?%d*)([smhd])(.*)$"
        if not number then
            return nil, ("'%s' is not a duration: write 45s, 10m, 1h30m or 2d"):format(text)
        end
        seconds, rest = seconds + tonumber(number) * UNITS[unit], after
    end
    if text == "" or seconds <= 0 then
        return nil, ("'%s' is not a duration above 0"):format(text)
    end
    return seconds
end

--- Seconds until an instant: a duration, or the next time that the clock shows HH:MM here.
---@param text string
---@param now? integer  as os.time()
---@return number? seconds, string? problem
function duration.until_instant(text, now)
    local hours, minutes = text:match "^(%d%d?):(%d%d)$"
    if not hours then
        local seconds = duration.parse(text)
        if not seconds then
            return nil, ("'%s' is neither a duration (45m, 1h30m) nor a time of day (06:00)"):format(text)
        end
        return seconds
    end
    if tonumber(hours) > 23 or tonumber(minutes) > 59 then
        return nil, ("'%s' is not a time of day"):format(text)
    end
    now = now or os.time()
    local day = os.date("*t", now)
    local function instant(days)
        return os.time { year = day.year, month = day.month, day = day.day + days,
            hour = tonumber(hours), min = tonumber(minutes), sec = 0 }
    end
    local at = instant(0)
    return (at > now and at or instant(1)) - now
end

--- "0.4 s", "12 s", "2 m 05 s", "1 h 02 m", "3 d 04 h".
---@param seconds number
---@return string
function duration.format(seconds)
    if seconds < 9.95 then
        return ("%.1f s"):format(seconds)
    end
    local whole = math.floor(seconds + 0.5)
    if whole < 60 then
        return ("%d s"):format(whole)
    elseif whole < 3600 then
        return ("%d m %02d s"):format(whole // 60, whole % 60)
    elseif whole < 86400 then
        return ("%d h %02d m"):format(whole // 3600, whole % 3600 // 60)
    end
    return ("%d d %02d h"):format(whole // 86400, whole % 86400 // 3600)
end

return duration
