--- --deadline and --window: when a job may run.

local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local usage <const> = require "trunkhost.text.usage"

local time_options <const> = {}

local HALTED <const> = 3

---@class trunkhost.Deadline
---@field at number       on the clock of `trunkhost.now`
---@field text string     as it was given
---@field wall integer?   if given as a time of day: the same as `os.time()`, in case the clock is set meanwhile
---@field passed number?  seconds since that time of day, if it is closer than the next one

--- A converter for an option that takes a duration.
---@param name string  of the option
---@return fun(text: string): number?, string?
function time_options.span(name)
    return function(text)
        local seconds, problem = duration.parse(text)
        return seconds, problem and name .. ": " .. problem
    end
end

--- Reads --deadline.
---@param text string
---@return trunkhost.Deadline?, string? problem
function time_options.deadline(text)
    local now <const> = os.time()
    local seconds, problem, passed = duration.until_instant(text, now)
    if not seconds then
        return nil, "--deadline: " .. problem
    end
    return { at = core.now() + seconds, text = text, passed = passed, wall = text:find ":" and now + seconds or nil }
end

--- Reads --window.
---@param text string
---@return { text: string, starts: number?, ends: trunkhost.Deadline? }?, string? problem
function time_options.window(text)
    local now <const> = os.time()
    local found, problem = duration.window(text, now)
    if not found then
        return nil, "--window: " .. problem
    end
    return { text = text, starts = found.starts, ends = found.left and { at = core.now() + found.left,
        wall = now + found.left, text = "the end of the window " .. text } }
end

--- Whether a deadline has passed, by the monotonic clock or by the time of day, whichever is first.
---@param deadline trunkhost.Deadline
---@return boolean
function time_options.is_over(deadline)
    return core.now() >= deadline.at or deadline.wall ~= nil and os.time() >= deadline.wall
end

--- Asks about a deadline that has just passed: the next one is tomorrow, so the job would run by day.
local function ask(deadline, fail)
    local ago, left = duration.format(deadline.passed), duration.format(deadline.at - core.now())
    if not (core.is_terminal "in" and core.is_terminal "err") then
        fail("--deadline %s was %s ago, so nothing was changed: the next one is in %s. If the job may run only at "
            .. "certain hours, write --window, as in --window 02:00-%s; if it may run long, write --deadline 20h",
            deadline.text, ago, left, deadline.text)
    end
    if not usage.confirm(("--deadline %s was %s ago; the next one is in %s. Run until then?"):format(deadline.text, ago,
        left)) then
        os.exit(HALTED)
    end
end

--- Ends the run if it may not begin now; else the end of the window becomes a deadline. A dry run may begin at any
--- time.
---@param chosen trunkhost.Options
---@param fail fun(format: string, ...)  ends the run with a usage error
---@param name string  of the script
function time_options.check(chosen, fail, name)
    local deadline, window = chosen.deadline, chosen.window
    if chosen.dry_run then
        return
    elseif window and not window.ends then
        core.write("err", ("trunkhost: %s: outside the window %s, which begins in %s: nothing was sent\n"):format(
            name, window.text, duration.format(window.starts)))
        os.exit(HALTED)
    elseif deadline and deadline.passed then
        ask(deadline, fail)
    end
    if window and (not deadline or window.ends.at < deadline.at) then
        chosen.deadline = window.ends
    end
end

return time_options
