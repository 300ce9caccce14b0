---@meta trunkhost.duration

--- Spans of time as people write and read them: `require "trunkhost.duration"`.

---@class trunkhost.Duration
local duration = {}

--- The seconds of "45s", "10m", "1h30m", "2d", "2w", "3mo"; `m` is minutes, a month (`mo`) 30 days. Fits `:convert` of an option.
---@param text string
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong then.
function duration.parse(text) end

--- The seconds until an instant: a span, or the next time that the clock here shows "06:00".
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong then.
---@return number? passed  The seconds since the time of day was last there, when that is less than 12 hours ago.
function duration.until_instant(text, now) end

--- Where now lies in a window by the clock here, "02:00-05:00" or, across midnight, "22:00-05:00". A time that comes
--- twice because summer time ends counts from its first to its last; one that is skipped is an hour later.
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return { left?: number, starts?: number }? window  The seconds until its end when now is inside, else until its start.
---@return string? problem  What is wrong with the text.
function duration.window(text, now) end

--- A span as people read it: "0.4 s", "12 s", "2 m 05 s", "1 h 02 m", "3 d 04 h".
---@param seconds number
---@return string
function duration.format(seconds) end

return duration
