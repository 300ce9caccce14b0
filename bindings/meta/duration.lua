---@meta trunkhost.duration

--- Spans of time as people write and read them: `require "trunkhost.duration"`.

---@class trunkhost.Duration
local duration = {}

--- The seconds of "45s", "10m", "1h30m", "2d". Fits `:convert` of an option.
---@param text string
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong then.
function duration.parse(text) end

--- The seconds until an instant: a span, or the next time that the clock here shows "06:00".
---@param text string
---@param now? integer  As `os.time()`. Default: now.
---@return number? seconds  Nil for anything else.
---@return string? problem  What is wrong then.
function duration.until_instant(text, now) end

--- A span as people read it: "0.4 s", "12 s", "2 m 05 s", "1 h 02 m", "3 d 04 h".
---@param seconds number
---@return string
function duration.format(seconds) end

return duration
