--- Carries a plan out: a canary first, then wave after wave, several items at a time for each account, until all is
--- done or the run is halted.

local core <const> = require "trunkhost.core"
local image <const> = require "trunkhost.job.image"
local job_secrets <const> = require "trunkhost.job.secrets"
local progress <const> = require "trunkhost.job.progress"
local records <const> = require "trunkhost.job.records"
local time_options <const> = require "trunkhost.job.time_options"

local waves <const> = {}

local REDRAW <const> = 0.25

-- A change that was accepted, but could not be read back for one of these reasons, is unknown, not failed.
local NOT_SEEN <const> = {
    auth = true, rate_limited = true, unavailable = true, network = true, tls = true, timeout = true, malformed = true,
    cancelled = true,
}

-- ---------------------------------------------------------------------------------------------------
-- Reasons to halt

local function failures(run)
    return run.counts.failed + run.counts.unknown
end

local function limit(run)
    local most = run.options.max_failures
    if not most then
        return math.huge
    end
    return most.count or math.max(1, math.ceil(#run.todo * most.percent / 100))
end

--- Why no new item may start; nil when it may.
local function obstacle(run)
    local deadline = run.options.deadline
    if run.fault then
        return "the script has a fault"
    elseif run.output_fault then
        return run.output_fault.message
    elseif run.ledger_fault then
        return "the ledger cannot be written (" .. run.ledger_fault .. ")"
    elseif deadline and time_options.is_over(deadline) then
        return ("the deadline (%s) has passed"):format(deadline.text)
    elseif core.stopping() then
        return "it was stopped by a signal"
    elseif failures(run) >= limit(run) then
        return ("%d failed or unknown, the limit of --max-failures"):format(failures(run))
    end
end

local function given_up(run, entry)
    return run.refused[entry.account:name()] ~= nil
end

--- Whether the next entry of a queue may be started.
local function may_start(run, entry)
    if run.halted or given_up(run, entry) then
        return false
    end
    run.halted = obstacle(run)
    return not run.halted
end

-- ---------------------------------------------------------------------------------------------------
-- One item

local function carry_out(run, entry)
    local spec = run.spec
    entry.stage = "apply"
    local applied = spec.apply(entry.item, entry.plan)
    if applied ~= nil and type(applied) ~= "table" then
        error("job: apply must return nothing or a table { evidence =, attempts = }", 0)
    end
    applied = applied or {}
    entry.attempts = applied.attempts
    entry.before, entry.after = image.around(entry, applied, spec.undo and not entry.undoes)
    entry.stage = "verify"
    local proof = spec.verify and spec.verify(entry.item, entry.plan, applied)
    entry.evidence = proof or applied.evidence or "accepted"
    entry.stage = "deliver"
    job_secrets.proven(run, entry)
    entry.state = "done"
end

--- Whether nothing was sent for the item: its request was returned while it waited for its turn.
local function not_tried(entry, err)
    return entry.stage == "apply" and not core.acted()
        and (err.code == "long_wait" or err.kind == "cancelled" and core.stopping())
end

--- The platform asks for a wait that is too long: gives up this account; others continue.
local function note_long_wait(run, entry, err)
    if err.code == "long_wait" then
        local name = entry.account:name()
        run.refused[name] = run.refused[name] or err
        run.waits_for = run.waits_for or ("account %s: %s"):format(err.account or name,
            (err.cause or err).message)
    end
end

local function judge(run, entry, err)
    local unseen = entry.stage == "verify" and NOT_SEEN[err.kind]
    entry.state = (err.ambiguous or err.kind == "unknown_outcome" or unseen) and "unknown" or "failed"
    entry.error = err
    if (entry.stage == "apply" or err.restored ~= nil) and err.attempts > 0 then
        entry.attempts = err.attempts
    end
    if entry.stage == "begin" or err.code == "ledger" then
        run.ledger_fault = run.ledger_fault or err.message
    elseif err.kind == "auth" and entry.stage ~= "deliver" then
        -- The token is wrong for the next trunk, too.
        local name = entry.account:name()
        run.refused[name] = run.refused[name] or err
    end
end

-- ---------------------------------------------------------------------------------------------------
-- A queue: the entries of one account in a batch. Beginning an item waits for the disk, so a few are begun ahead
-- while others are carried out.

---@class trunkhost.JobQueue
---@field [integer] trunkhost.Entry
---@field next integer            the first entry that is not begun
---@field ahead table[]           { entry =, task = } of entries that are begun and not taken
---@field depth integer           the most of these

local function begin_ahead(queue)
    while #queue.ahead < queue.depth and queue[queue.next] do
        local entry = queue[queue.next]
        queue.next = queue.next + 1
        entry.stage = "begin"
        queue.ahead[#queue.ahead + 1] = { entry = entry, task = core.spawn(records.begin, entry) }
    end
end

--- The next begun entry; begins another in its place. Nil when there is none, or no new item may start.
local function take(run, queue)
    begin_ahead(queue)
    local first = queue.ahead[1]
    if not first or not may_start(run, first.entry) then
        return nil
    end
    table.remove(queue.ahead, 1)
    begin_ahead(queue)
    return first
end

--- Records that entries that were begun and not taken did nothing.
local function put_back(queue)
    for _, each in ipairs(queue.ahead) do
        if pcall(each.task.await, each.task) then
            records.put_back(each.entry)
        end
        each.entry.stage = nil
    end
end

--- The error of an item during which the script itself failed: its outcome is unknown.
local function fault_of(err)
    local _, unknown = pcall(core.error, "unknown_outcome", "the script failed while the item was in progress: "
        .. tostring(err))
    unknown.ambiguous = true
    return unknown
end

local function ended(run, entry)
    entry.over = true
    records.finish(entry)
    local part = run.parts[entry.account:name()]
    run.finished, part.finished = run.finished + 1, part.finished + 1
    run:ended(entry)
    if run.progress then
        core.progress(progress.text(run))
    end
end

local function work(run, queue)
    core.admit(true)
    while true do
        local begun, task = take(run, queue), nil
        if not begun then
            return
        end
        local entry = begun.entry
        local ok, err = pcall(begun.task.await, begun.task)
        if ok then
            records.adopt(entry)
            -- In its own task, so that a fault in the script's functions keeps its traceback.
            task = core.spawn(carry_out, run, entry)
            ok, err = pcall(task.await, task)
        end
        if not ok and not core.is_error(err) and not task then
            entry.state = nil
            run.fault = run.fault or begun.task
        else
            if not ok and not core.is_error(err) then
                run.fault, err = run.fault or task, fault_of(err)
            end
            if not ok then
                note_long_wait(run, entry, err)
            end
            if not ok and not_tried(entry, err) then
                entry.stage = nil
                records.put_back(entry)
                if err.code ~= "long_wait" then
                    run.halted = run.halted or obstacle(run) or err.message
                end
            else
                if not ok then
                    judge(run, entry, err)
                end
                ended(run, entry)
            end
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Many

--- The next entries in order, at most `size`.
local function next_batch(run, size)
    local batch = {}
    while #batch < size and run.next <= #run.todo do
        local entry = run.todo[run.next]
        run.next = run.next + 1
        if not given_up(run, entry) then
            batch[#batch + 1] = entry
        end
    end
    return batch
end

local function are_left(run)
    for i = run.next, #run.todo do
        if not given_up(run, run.todo[i]) then
            return true
        end
    end
    return false
end

--- A queue for each account, so that a slow account does not delay the others.
local function queues_of(batch)
    local queues, by_account = {}, {}
    for _, entry in ipairs(batch) do
        local name = entry.account:name()
        local queue = by_account[name]
        if not queue then
            queue = { next = 1, ahead = {} }
            by_account[name], queues[#queues + 1] = queue, queue
        end
        queue[#queue + 1] = entry
    end
    return queues
end

local function carry_out_batch(run, batch)
    local workers, queues = {}, queues_of(batch)
    for _, queue in ipairs(queues) do
        local width = math.min(run.options.concurrency or 8, #queue)
        queue.depth = width // 4 + 1
        for _ = 1, width do
            workers[#workers + 1] = core.spawn(work, run, queue)
        end
    end
    for _, worker in ipairs(workers) do
        worker:await()
    end
    for _, queue in ipairs(queues) do
        put_back(queue)
    end
end

--- The first entry of a batch that is not done, except those of accounts that are given up.
local function not_done(run, batch)
    for _, entry in ipairs(batch) do
        if entry.state ~= "done" and not given_up(run, entry) then
            return entry
        end
    end
end

local function named(entry)
    local account = entry.account:name()
    local what = account == "" and "item " .. entry.key or ("trunk %s on %s"):format(entry.key, account)
    return ("%s, %s"):format(what, entry.state == "failed" and "failed" or "is unknown")
end

local function send_canary(run, size)
    while size > 0 and not run.halted and are_left(run) do
        local batch = next_batch(run, size)
        carry_out_batch(run, batch)
        for _, entry in ipairs(batch) do
            size = size - (entry.state == "done" and 1 or 0)
        end
        local bad = not run.halted and not_done(run, batch)
        if bad and are_left(run) then
            run.halted = "the canary, " .. named(bad)
        end
        size = bad and 0 or size
    end
end

--- Waits for --soak, unless the run must halt.
local function soak(run)
    local ends = core.now() + (run.options.soak or 0)
    while core.now() < ends and not obstacle(run) do
        run.soak_ends = ends
        if run.progress then
            core.progress(progress.text(run))
        end
        core.sleep(math.min(REDRAW, math.max(0, ends - core.now())))
    end
    run.soak_ends = nil
    run.halted = run.halted or obstacle(run)
end

local function send_wave(run)
    local batch = next_batch(run, run.options.wave or math.huge)
    carry_out_batch(run, batch)
    -- Without --max-failures, all of a wave must be done.
    local bad = run.options.wave and not run.options.max_failures and not run.halted and not_done(run, batch)
    if bad and are_left(run) then
        run.halted = named(bad) .. " in this wave, and --max-failures allows none"
    end
end

local function prepare(run)
    run.next, run.finished, run.applying, run.before, run.parts, run.refused = 1, 0, core.now(), {}, {}, {}
    for _, entry in ipairs(run.todo) do
        local name = entry.account:name()
        local part = run.parts[name] or { total = 0, finished = 0 }
        part.total, run.parts[name] = part.total + 1, part
    end
    for state, number in pairs(run.counts) do
        run.before[state] = number
    end
end

--- Carries run.todo out. If items are left, sets run.halted to the reason.
---@param run trunkhost.JobRun
function waves.run(run)
    local this = core.run()
    run.recorded = not (this.sandbox and this.ledger:find "^/tmp/trunkhost%-sandbox%-") -- which is removed at the end
    core.admit(true) -- items in progress may finish after a signal
    prepare(run)
    local ticker = run.progress and core.spawn(function()
        while true do
            core.progress(progress.text(run))
            core.sleep(REDRAW)
        end
    end)
    send_canary(run, run.options.canary or 1)
    local rested = run.next == 1 -- no canary, so nothing to wait for
    while not run.halted and are_left(run) do
        if not rested then
            soak(run)
        end
        rested = false
        if not run.halted then
            send_wave(run)
        end
    end
    if ticker then
        ticker:cancel()
    end
    run.halted = run.halted or run.waits_for
    core.progress("", true)
    core.admit(false)
end

--- The run was cancelled: the outcome of items in progress is unknown.
---@param run trunkhost.JobRun
function waves.cancelled(run)
    local cut, seconds = core.why_cut()
    run.halted = cut ~= "drain" and "it was cancelled by a second signal"
        or ("%s, and items in progress did not finish within %g s"):format(run.halted or obstacle(run)
            or "it was told to stop", seconds)
    for _, entry in ipairs(run.todo) do
        if entry.state and entry.stage and not entry.over then
            -- It had ended, but its worker could not report that.
            records.adopt(entry)
            ended(run, entry)
        elseif entry.stage and entry.stage ~= "begin" and not entry.state then
            local _, err = pcall(core.error, "cancelled", "cancelled while it was in progress")
            entry.state, entry.error = "unknown", err
            run:ended(entry)
        elseif entry.stage == "begin" and entry.row then
            records.put_back(entry)
        end
    end
    core.progress("", true)
end

return waves
