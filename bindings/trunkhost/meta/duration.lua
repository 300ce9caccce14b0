---@meta trunkhost.duration

--- Durations as people write and read them: `require "trunkhost.duration"`.

---@class trunkhost.Duration
local duration = {}

--- The seconds of "45s", "10m", "1h30m", "2d", "2w", "3mo"; `m` is minutes, a month (`mo`) 30 days. Fits
--- `:convert` of an option.
---@param text string
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong.
function duration.parse(text) end

--- The seconds until a time: a duration, or a local time of day such as "06:00".
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong.
---@return number? passed  The seconds since that time of day, if the last one is nearer than the next.
function duration.until_instant(text, now) end

--- Whether now is in a window of local time, "02:00-05:00" or, across midnight, "22:00-05:00".
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return { left?: number, starts?: number }? window  The seconds until its end if inside, else until its start.
---@return string? problem  What is wrong with the text.
function duration.window(text, now) end

--- A duration as people read it: "0.4 s", "12 s", "2 m 05 s", "1 h 02 m", "3 d 04 h".
---@param seconds number
---@return string
function duration.format(seconds) end

return duration
