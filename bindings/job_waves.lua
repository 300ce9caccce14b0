--- Carrying a plan out: a canary first, then the rest, several at a time for each account, until all is done or
--- something says stop.

local core <const> = require "trunkhost.core"
local report <const> = require "trunkhost.job_report"

local waves <const> = {}

local REDRAW <const> = 0.25

-- A change that was accepted but could not be looked at afterwards is not a failed one.
local NOT_SEEN <const> = {
    auth = true, rate_limited = true, unavailable = true, network = true, tls = true, timeout = true, malformed = true,
    cancelled = true,
}

local function failures(run)
    return run.counts.failed + run.counts.unknown
end

local function limit(run)
    local most = run.options.max_failures
    if not most then
        return math.huge
    end
    return most.count or math.max(1, math.ceil(run.total * most.percent / 100))
end

--- Why nothing new may be started; nil when it may.
local function obstacle(run)
    local deadline = run.options.deadline
    if run.fault then
        return "the script has a fault"
    elseif core.stopping() then
        return "it was stopped by a signal"
    elseif failures(run) >= limit(run) then
        return ("%d failed or unknown, which is the limit of --max-failures"):format(failures(run))
    elseif deadline and core.now() >= deadline.at then
        return ("the deadline (%s) has come"):format(deadline.text)
    end
end

--- The next entry of a queue, or nil when there is none or nothing new may be started.
local function take(run, queue)
    local entry = queue[queue.next]
    if not entry or run.halted then
        return nil
    end
    run.halted = obstacle(run)
    if run.halted then
        return nil
    end
    queue.next = queue.next + 1
    return entry
end

local function carry_out(run, entry)
    local spec = run.spec
    entry.stage = "apply"
    local applied = spec.apply(entry.item, entry.plan)
    if applied ~= nil and type(applied) ~= "table" then
        error("job: apply must return nothing or a table { evidence =, attempts = }", 0)
    end
    applied = applied or {}
    entry.attempts = applied.attempts
    entry.stage = "verify"
    local proof = spec.verify and spec.verify(entry.item, entry.plan, applied)
    entry.evidence = proof or applied.evidence or "accepted"
    entry.state = "done"
end

local function judge(entry, err)
    local unseen = entry.stage == "verify" and NOT_SEEN[err.kind]
    entry.state = (err.ambiguous or err.kind == "unknown_outcome" or unseen) and "unknown" or "failed"
    entry.error = err
    if entry.stage == "apply" and err.attempts > 0 then
        entry.attempts = err.attempts
    end
end

local function work(run, queue)
    core.admit(true)
    while true do
        local entry = take(run, queue)
        if not entry then
            return
        end
        -- A task of its own: a fault in the script's functions keeps its traceback.
        local task = core.spawn(carry_out, run, entry)
        local ok, err = pcall(task.await, task)
        if not ok and not core.is_error(err) then
            entry.state = nil
            run.fault = run.fault or task
        else
            if not ok then
                judge(entry, err)
            end
            local part = run.parts[entry.account:name()]
            run.finished, part.finished = run.finished + 1, part.finished + 1
            run:ended(entry)
            if run.progress then
                core.progress(report.progress_text(run))
            end
        end
    end
end

--- A queue for each account: a slow account holds no other up.
local function queues_of(entries, first, last)
    local queues, by_account = {}, {}
    for i = first, last do
        local name = entries[i].account:name()
        local queue = by_account[name]
        if not queue then
            queue = { next = 1 }
            by_account[name], queues[#queues + 1] = queue, queue
        end
        queue[#queue + 1] = entries[i]
    end
    return queues
end

local function wave(run, first, last)
    local workers = {}
    for _, queue in ipairs(queues_of(run.todo, first, last)) do
        for _ = 1, math.min(run.options.concurrency or 8, #queue) do
            workers[#workers + 1] = core.spawn(work, run, queue)
        end
    end
    for _, worker in ipairs(workers) do
        worker:await()
    end
end

local function check_canary(run, last)
    for i = 1, last do
        local entry = run.todo[i]
        if entry.state ~= "done" and not run.halted then
            run.halted = ("the canary, trunk %s on %s, %s"):format(entry.key, entry.account:name(),
                entry.state == "failed" and "failed" or "ended as unknown")
        end
    end
end

--- Carries run.todo out. Sets run.halted to the reason when items are left.
---@param run trunkhost.JobRun
function waves.run(run)
    core.admit(true) -- what has been begun may end although a stop is asked for
    run.finished, run.applying, run.before, run.parts = 0, core.now(), {}, {}
    for _, entry in ipairs(run.todo) do
        local name = entry.account:name()
        local part = run.parts[name] or { total = 0, finished = 0 }
        part.total, run.parts[name] = part.total + 1, part
    end
    for state, number in pairs(run.counts) do
        run.before[state] = number
    end
    local ticker = run.progress and core.spawn(function()
        while true do
            core.progress(report.progress_text(run))
            core.sleep(REDRAW)
        end
    end)
    local canaries = math.min(run.options.canary or 1, #run.todo)
    wave(run, 1, canaries)
    if canaries < #run.todo then
        check_canary(run, canaries)
        if not run.halted then
            wave(run, canaries + 1, #run.todo)
        end
    end
    if ticker then
        ticker:cancel()
    end
    core.progress("", true)
    core.admit(false)
end

return waves
