--- What people, logs and other programs get to see of a job: the progress line, an object for every item, the
--- table at the end.

local aligned <const> = require "trunkhost.table"
local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local json <const> = require "trunkhost.json"
local json_line <const> = require "trunkhost.json_line"

local report <const> = {}

local COLOURS <const> = { done = "green", failed = "red", unknown = "yellow", skipped = "dim" }

local function object(...)
    return json_line.object(table.pack(...))
end

local function nested(...)
    return json_line.raw(object(...))
end

--- The object of an item, as the contract has it.
---@param entry trunkhost.Entry
---@return string line
function report.item_line(entry)
    local err, impact, trunk = entry.error, entry.planned and entry.plan.impact, entry.key
    if trunk == nil then
        trunk = json.null -- the account itself has failed
    end
    return object("event", "item", "account", entry.account:name(), "trunk", trunk, "state", entry.state,
        "planned", entry.planned,
        "impact", impact and nested("inbound", impact.inbound or false, "outbound", impact.outbound or false) or nil,
        "reason", entry.reason, "evidence", entry.evidence, "attempts", entry.attempts,
        "error", err and nested("kind", err.kind, "status", err.status, "message", err.message) or nil) .. "\n"
end

--- The last line of the JSON output.
---@param run trunkhost.JobRun
---@return string line
function report.summary_line(run)
    local counts = run.counts
    return object("event", "summary", "run", core.run().id, "total", run.total, "done", counts.done,
        "failed", counts.failed, "unknown", counts.unknown, "skipped", counts.skipped,
        "seconds", math.floor((core.now() - run.started) * 1000 + 0.5) / 1000, "halted", run.halted ~= nil) .. "\n"
end

-- ---------------------------------------------------------------------------------------------------
-- For people

local COLUMNS <const> = {
    { title = "ACCOUNT", group = true },
    { title = "TRUNK" },
    { title = "LABEL", max = 28, min = 10, drop = 1 },
    { title = "STATE" },
    { title = "EVIDENCE" },
    { title = "TRIES", right = true },
    { title = "NOTE", note = true },
}

--- "refused (HTTP 422): …"
---@param err table
---@return string
function report.error_text(err)
    return ("%s%s: %s"):format(err.kind, err.status and (" (HTTP %d)"):format(err.status) or "", err.message)
end

local function row(entry)
    return {
        entry.account:name(), entry.key or "–", entry.label or "",
        { entry.state, colour = COLOURS[entry.state] },
        entry.evidence or "", entry.attempts and tostring(entry.attempts) or "",
        entry.error and report.error_text(entry.error) or entry.reason and { entry.reason, colour = "dim" } or "",
    }
end

local function needs_person(entry)
    return entry.state == "failed" or entry.state == "unknown"
end

--- "46 done, 1 failed, 0 unknown, 14 skipped of 61 in 12 s"
local function counts_text(run, screen)
    local parts = {}
    for i, state in ipairs { "done", "failed", "unknown", "skipped" } do
        local number = run.counts[state]
        parts[i] = aligned.paint(("%d %s"):format(number, state), number > 0 and COLOURS[state] or nil,
            screen.colours)
    end
    return ("%s of %d in %s"):format(table.concat(parts, ", "), run.total, duration.format(core.now() - run.started))
end

local function halted_text(run)
    local left = run.total
    for _, number in pairs(run.counts) do
        left = left - number
    end
    return ("Halted: %s. %d %s not tried; run the same command again to go on."):format(run.halted, left,
        left == 1 and "item was" or "items were")
end

--- The table, the counts, and why the job was halted.
---@param run trunkhost.JobRun
---@param screen trunkhost.Screen
function report.show(run, screen)
    local rows, attention = {}, run.halted ~= nil
    for _, entry in ipairs(run.all) do
        attention = attention or needs_person(entry)
        if entry.state and not entry.planned and (not run.options.quiet or needs_person(entry)) then
            rows[#rows + 1] = row(entry)
        end
    end
    if run.options.quiet and not attention then
        return
    end
    -- Where nothing was carried out, the plan has said it all.
    if #rows > 0 and (run.finished or run.counts.failed > 0) then
        screen.write(aligned.render(COLUMNS, rows, screen) .. "\n")
    end
    if run.dry_run then
        screen.write "Dry run: nothing was changed.\n"
    else
        screen.write(counts_text(run, screen) .. "\n")
        screen.write(aligned.sentence("Run " .. core.run().id, screen, "dim"))
    end
    if run.halted then
        screen.write(aligned.sentence(halted_text(run), screen, "yellow"))
    end
end

--- One line to standard error that a JSON run was halted, for whoever reads the log.
---@param run trunkhost.JobRun
function report.log_halt(run)
    core.log("warn", halted_text(run))
end

-- ---------------------------------------------------------------------------------------------------
-- Progress

local function waiting_text(run)
    for _, account in ipairs(run.accounts) do
        local pace = account:pace()
        if pace.queued > 0 and pace.waiting_for ~= "" and pace.waiting_for ~= "concurrency" then
            return ("  waiting for %s (%s)"):format(pace.waiting_for, account:name())
        end
    end
    return ""
end

--- Seconds that the slowest account will still need; nil while one has not shown its pace.
local function time_left(run, elapsed)
    local longest = 0
    for _, part in pairs(run.parts) do
        if part.finished < part.total then
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
function report.progress_text(run)
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
        parts[#parts + 1] = "finishing what is under way"
    end
    return table.concat(parts, "  ") .. waiting_text(run)
end

return report
