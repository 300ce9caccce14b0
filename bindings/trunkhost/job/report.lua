--- The output of a job, for people, logs and other programs: an object for every item, and the table at the end.

local aligned <const> = require "trunkhost.table"
local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local json_line <const> = require "trunkhost.json_line"
local shell <const> = require "trunkhost.text.shell"

local report <const> = {}

-- The most trunks that one sentence names.
local MOST_NAMES <const> = 8

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
    local err, impact = entry.error, entry.planned and entry.plan.impact
    -- If the account itself failed, there is no trunk.
    return object("event", "item", "account", entry.account:name(), "trunk", entry.key or "", "state", entry.state,
        "planned", entry.planned,
        "impact", impact and nested("inbound", impact.inbound or false, "outbound", impact.outbound or false) or nil,
        "reason", entry.reason, "left_by", entry.planned and entry.left_by or nil,
        "evidence", entry.evidence, "attempts", entry.attempts or 0,
        "restored", err and err.restored or nil,
        "error", err and nested("kind", err.kind, "status", err.status, "message", err.message) or nil,
        table.unpack(entry.plan and entry.plan.tells and entry.plan.tells() or {})) .. "\n"
end

--- The number of items that were chosen, and neither carried out nor skipped.
---@param run trunkhost.JobRun
---@return integer
function report.left(run)
    local left = run.total
    for _, number in pairs(run.counts) do
        left = left - number
    end
    return left
end

--- The last line of the JSON output.
---@param run trunkhost.JobRun
---@return string line
function report.summary_line(run)
    local counts, left = run.counts, report.left(run)
    return object("event", "summary", "run", run.id, "total", run.total, "done", counts.done,
        "failed", counts.failed, "unknown", counts.unknown, "skipped", counts.skipped,
        "left", left > 0 and left or nil,
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
        entry.error and report.error_text(entry.error) or entry.reason and { entry.reason, colour = "dim" }
            or entry.state == "done" and entry.plan and entry.plan.told and entry.plan.told() or "",
    }
end

local function needs_person(entry)
    return entry.state == "failed" or entry.state == "unknown"
end

--- Whether there is a failure that the plan did not show.
local function failed_unsaid(run)
    for _, entry in ipairs(run.all) do
        if needs_person(entry) and not (entry.plan and entry.plan.failed) then
            return true
        end
    end
    return false
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

--- The command that resumes this run.
---@param run trunkhost.JobRun
---@return string
function report.resume_command(run)
    local this = core.run()
    return shell.resume(this.host_options, this.script ~= "-e" and this.named or this.script, run.id)
end

local function how_to_resume(run)
    return run.recorded and "to resume: " .. report.resume_command(run) or "to resume, run the same command again"
end

local function halted_text(run)
    local left = report.left(run)
    return ("Halted: %s. %d %s not tried; %s"):format(run.halted, left, left == 1 and "item was" or "items were",
        how_to_resume(run))
end

--- What was not tried because of a refused token; nil when nothing.
local function refused_text(run)
    local names, left = {}, report.left(run)
    for name in pairs(run.refused or {}) do
        names[#names + 1] = name
    end
    if run.halted or left == 0 or #names == 0 then
        return nil
    end
    table.sort(names)
    return ("The token of %s was refused: %d %s not tried. Set a valid token; %s"):format(
        table.concat(names, ", "), left, left == 1 and "item was" or "items were", how_to_resume(run))
end

local function named(entry)
    return (entry.account:name() .. " " .. entry.key):match "^ ?(.*)$"
end

--- The first names of a list, and how many more there are.
local function enumerated(names)
    if #names <= MOST_NAMES then
        return table.concat(names, ", ")
    end
    return ("%s, and %d more"):format(table.concat(names, ", ", 1, MOST_NAMES - 1), #names - MOST_NAMES + 1)
end

--- Names the unknown items, and says what to do; nil when there are none.
local function unknown_text(run)
    local names, first = {}, nil
    for _, entry in ipairs(run.all) do
        if entry.state == "unknown" then
            first = first or entry
            names[#names + 1] = named(entry)
        end
    end
    if not first then
        return nil
    end
    local settle = not run.halted and run.recorded and " To settle it: " .. report.resume_command(run) .. "." or ""
    local story = first.account:name() ~= "" and (" To see what was tried: trunkhost explain %s --account %s"):format(
        shell.quote(first.key), first.account:name()) or ""
    return ("Unknown: %s.%s%s"):format(enumerated(names), settle, story)
end

--- Names the failed items, and says how to try them again; nil when there are none, or another sentence says how to
--- resume.
local function failed_text(run)
    local names = {}
    for _, entry in ipairs(run.all) do
        if entry.state == "failed" and entry.key then
            names[#names + 1] = named(entry)
        end
    end
    if #names == 0 or run.halted or not run.recorded or run.dry_run then
        return nil
    end
    return ("Failed: %s. When the cause is fixed, to try again: %s"):format(enumerated(names),
        report.resume_command(run))
end

--- What else the operator must know, in sentences.
---@param run trunkhost.JobRun
---@return string[]
function report.words(run)
    local texts = {}
    for _, text in ipairs { unknown_text(run) or false, failed_text(run) or false, refused_text(run) or false,
        run.halted and halted_text(run) or false } do
        texts[#texts + 1] = text or nil
    end
    return texts
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
    -- If nothing was carried out, the plan has shown it all.
    if #rows > 0 and (run.finished or run.options.quiet or failed_unsaid(run)) then
        screen.write(aligned.render(COLUMNS, rows, screen) .. "\n")
    end
    if run.dry_run then
        screen.write "Dry run: nothing was changed.\n"
    else
        screen.write(counts_text(run, screen) .. "\n")
        screen.write(aligned.sentence("Run " .. run.id, screen, "dim"))
    end
    for _, text in ipairs(report.words(run)) do
        screen.write(aligned.sentence(text, screen, "yellow"))
    end
end

--- The same sentences on standard error, for the log of a JSON run.
---@param run trunkhost.JobRun
function report.log(run)
    for _, text in ipairs(report.words(run)) do
        core.log("warn", text)
    end
end

return report
