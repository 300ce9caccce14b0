--- Spans of time as people write and read them: "90s", "1h30m", "06:00", "02:00-05:00"; "2 m 05 s".

local duration <const> = {}

local HOUR <const>, DAY <const> = 3600, 86400
local UNITS <const> = { s = 1, m = 60, h = HOUR, d = DAY, w = 7 * DAY, mo = 30 * DAY }

--- Seconds of "45s", "10m", "1h30m", "2d", "2w", "3mo" (a month is 30 days); nil and what is wrong for anything else.
---@param text string
---@return number? seconds, string? problem
function duration.parse(text)
    local seconds, rest = 0, text:lower()
    while rest ~= "" do
        local number, unit, after = rest:match "^(%d+%.?%d*)(mo)(.*)$"
        if not number then
            number, unit, after = rest:match "^(%d+%.?%d*)([smhdw])(.*)$"
        end
        if not number then
            return nil, ("'%s' is not a duration: write 45s, 10m, 1h30m or 2d; also 2w, 3mo"):format(text)
        end
        seconds, rest = seconds + tonumber(number) * UNITS[unit], after
    end
    if text == "" or seconds <= 0 then
        return nil, ("'%s' is not a duration above 0"):format(text)
    end
    return seconds
end

--- Hours and minutes of "06:00"; nil when it is none, and what is wrong when it only looks like one.
local function time_of_day(text)
    local hours, minutes = text:match "^(%d%d?):(%d%d)$"
    if not hours then
        return nil
    elseif tonumber(hours) > 23 or tonumber(minutes) > 59 then
        return nil, ("'%s' is not a time of day"):format(text)
    end
    return { hour = tonumber(hours), min = tonumber(minutes) }
end

local function minutes(time)
    return time.hour * 60 + time.min
end

--- When the clock here shows a time of day, `days` after the day of `now`. A time that the clock skips when summer
--- time begins is the moment at which it goes on; of one that comes twice it is the second with `last`, else the first.
local function instant(time, now, days, last)
    local day = os.date("*t", now)
    local function at(isdst)
        return os.time { year = day.year, month = day.month, day = day.day + days, hour = time.hour, min = time.min,
            sec = 0, isdst = isdst }
    end
    local function shown(when)
        return minutes(os.date("*t", when))
    end
    local function shows(when)
        return shown(when) == minutes(time)
    end
    local summer <const>, winter <const> = at(true), at(false)
    local first <const>, second <const> = math.min(summer, winter), math.max(summer, winter)
    if shows(first) and shows(second) then
        return last and second or first
    end
    if shows(first) or shows(second) then
        return shows(first) and first or second
    end
    local goes_on = second
    while goes_on > first and shown(goes_on - 60) > minutes(time) do
        goes_on = goes_on - 60
    end
    return goes_on
end

--- Seconds until an instant: a duration, or the next time that the clock shows HH:MM here.
---@param text string
---@param now? integer  as os.time()
---@return number? seconds, string? problem, number? passed  how long ago HH:MM was, when that is nearer than the next
function duration.until_instant(text, now)
    local time, problem = time_of_day(text)
    if problem then
        return nil, problem
    elseif not time then
        local seconds = duration.parse(text)
        if not seconds then
            return nil, ("'%s' is neither a duration (45m, 1h30m) nor a time of day (06:00)"):format(text)
        end
        return seconds
    end
    now = now or os.time()
    local passed
    for days = -1, 2 do
        for _, last in ipairs { false, true } do
            local at <const> = instant(time, now, days, last)
            if at > now then
                return at - now, nil, passed and passed < at - now and passed or nil
            end
            passed = now - at
        end
    end
end

--- Where now lies in a window of time, "02:00-05:00" or, across midnight, "22:00-05:00": inside while the clock here
--- shows a time in it, whatever summer time does.
---@param text string
---@param now? integer  as os.time()
---@return { left: number?, starts: number? }? window  seconds until it ends when now is inside; else until it begins
---@return string? problem
function duration.window(text, now)
    local from, to = text:match "^(%d%d?:%d%d)%-(%d%d?:%d%d)$"
    if not from then
        return nil, ("'%s' is not a window: write FROM-TO, as in 02:00-05:00"):format(text)
    end
    now = now or os.time()
    local starts, problem = duration.until_instant(from, now)
    local left, other = duration.until_instant(to, now)
    if not starts or not left then
        return nil, problem or other
    end
    local first <const>, last <const> = minutes(time_of_day(from)), minutes(time_of_day(to))
    if first == last then
        return nil, ("'%s' begins and ends at the same time"):format(text)
    end
    local shown = minutes(os.date("*t", now))
    local inside = shown >= first and shown < last
    if first > last then
        inside = shown >= first or shown < last
    end
    return inside and { left = left } or { starts = starts }
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
