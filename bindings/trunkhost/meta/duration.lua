---@meta trunkhost.duration

--- Spans of time as people write and read them: `require "trunkhost.duration"`.

---@class trunkhost.Duration
local duration = {}

--- The seconds of "45s", "10m", "1h30m", "2d", "2w", "3mo"; `m` is minutes, a month (`mo`) 30 days. Fits
--- `:convert` of an option.
---@param text string
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong then.
function duration.parse(text) end

--- The seconds until an instant: a span, or the next time that the clock here shows "06:00".
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong then.
---@return number? passed  The seconds since the time of day was last there, when that is nearer than the next.
function duration.until_instant(text, now) end

--- Where now lies in a window of time, "02:00-05:00" or, across midnight, "22:00-05:00": inside while the clock here
--- shows a time in it.
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return { left?: number, starts?: number }? window  The seconds until its end when inside, else until its start.
---@return string? problem  What is wrong with the text.
function duration.window(text, now) end

--- A span as people read it: "0.4 s", "12 s", "2 m 05 s", "1 h 02 m", "3 d 04 h".
---@param seconds number
---@return string
function duration.format(seconds) end

return duration
