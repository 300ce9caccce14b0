--- The progress line of a job: counts, speed, time left, and what it waits for.

local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"

local progress <const> = {}

local function waiting_text(run)
    if run.soak_ends then
        return ("  waiting %s before the next wave"):format(duration.format(math.max(0, run.soak_ends - core.now())))
    end
    for _, account in ipairs(run.accounts) do
        local pace = account:pace()
        if pace.queued > 0 and pace.waiting_for ~= "" and pace.waiting_for ~= "concurrency" then
            return ("  waiting for %s (%s)"):format(pace.waiting_for, account:name())
        end
    end
    return ""
end

--- Seconds until the slowest account finishes; nil while an account has no finished item.
local function time_left(run, elapsed)
    local longest = 0
    for name, part in pairs(run.parts) do
        if part.finished < part.total and not run.refused[name] then
            if part.finished == 0 then
                return nil
            end
            longest = math.max(longest, (part.total - part.finished) * elapsed / part.finished)
        end
    end
    return longest
end

--- "23/46  22 done  1 failed  1.6/s  14 s left  waiting for rate window (famulor)"
---@param run trunkhost.JobRun
---@return string
function progress.text(run)
    local finished, counts = run.finished, run.counts
    local parts = { ("%d/%d"):format(finished, #run.todo) }
    for _, state in ipairs { "done", "failed", "unknown" } do
        local number = counts[state] - (run.before[state] or 0)
        if number > 0 or state == "done" then
            parts[#parts + 1] = ("%d %s"):format(number, state)
        end
    end
    local elapsed = core.now() - run.applying
    if finished > 0 and elapsed > 0.5 then
        local left = time_left(run, elapsed)
        parts[#parts + 1] = ("%.1f/s"):format(finished / elapsed)
        parts[#parts + 1] = left and left > 0 and duration.format(left) .. " left" or nil
    end
    if run.halted or core.stopping() then
        parts[#parts + 1] = "finishing items in progress"
    end
    return table.concat(parts, "  ") .. waiting_text(run)
end

return progress
