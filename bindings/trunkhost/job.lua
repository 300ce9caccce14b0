--- The engine of bulk changes: every job gets the same plan, confirmation, canary, limits, report and exit status.
---
---     trunkhost.job.run {
---         name = "disable_carrier", options = parser:parse(),
---         plan = function(item) return { changes = { is_active = false } } end,
---     }

local change <const> = require "trunkhost.change.change"
local conclusion <const> = require "trunkhost.job.conclusion"
local core <const> = require "trunkhost.core"
local job_items <const> = require "trunkhost.job.items"
local job_secrets <const> = require "trunkhost.job.secrets"
local outcome <const> = require "trunkhost.change.outcome"
local plan_file <const> = require "trunkhost.job.plan_file"
local planner <const> = require "trunkhost.job.plan"
local records <const> = require "trunkhost.job.records"
local report <const> = require "trunkhost.job.report"
local select_items <const> = require "trunkhost.job.select"
local aligned <const> = require "trunkhost.table"
local waves <const> = require "trunkhost.job.waves"

local job <const> = {
    --- In a plan's changes: a password that is generated when it is sent.
    new_secret = planner.new_secret,
    --- In apply and verify: the item has failed. failed(kind, message).
    failed = outcome.failed,
    --- In apply and verify: the outcome of the item is unknown. unknown(message).
    unknown = outcome.unknown,
    --- The trunks that the options choose: trunks(options) → entries { account =, trunk =, key =, label = }, failures
    --- { account =, error = } of accounts that could not be listed.
    trunks = select_items.entries,
    --- The trunk in full, as it is now: before(account, trunk).
    before = change.before,
    --- Changes a trunk and checks that the change took effect: apply(account, before, fields) → trunkhost.Applied.
    apply = change.apply,
    --- Why a password of a trunk is not due: recent(account, id, field, seconds) → "rotated 12 days ago", or nil when
    --- it is older or not in the ledger.
    recent = job_secrets.recent,
    --- Waits for the carrier's answer, if there will be one: verify(account, applied, seconds) → evidence.
    verify = change.verify,
}

local MEMBERS <const> = {
    name = "string", options = "table", plan = "function", check = "function", apply = "function",
    verify = "function", items = "table or function", key = "function", account = "function", trunk = "function",
    undo = "function or boolean", view = "table",
}

local function check_spec(spec)
    if type(spec) ~= "table" then
        error("job.run: it needs a table", 3)
    end
    for name, value in pairs(spec) do
        if not (MEMBERS[name] or ""):find(type(value), 1, true) then
            error(MEMBERS[name] and ("job.run: %s must be a %s"):format(name, MEMBERS[name])
                or ("job.run: there is no member '%s'"):format(tostring(name)), 3)
        end
    end
    for _, name in ipairs { "name", "plan" } do
        if spec[name] == nil then
            error(("job.run: %s is missing"):format(name), 3)
        end
    end
end

--- What a job does that has no function of its own for it: sends the planned changes to the trunk of the item, and
--- verifies what `job.apply` has sent.
local function fill_in(own, source)
    own.entry_of, own.as_planned = {}, not source.apply
    own.apply = source.apply or function(item, plan)
        local entry = own.entry_of[item]
        if entry.account == job_items.no_account then
            error("job: the items have no account, so the job needs a function `apply`", 0)
        end
        local before <const> = change.before(entry.account, entry.trunk)
        return change.apply(entry.account, before, planner.drawn(plan.changes, entry.account, before))
    end
    own.verify = source.verify or function(item, _, applied)
        return applied.before and applied.fields and change.verify(own.entry_of[item].account, applied)
    end
end

---@class trunkhost.JobRun
---@field spec trunkhost.JobSpec
---@field options trunkhost.Options
---@field dry_run boolean
---@field started number
---@field id string
---@field script_hash string               of the script's text
---@field progress boolean                 whether to show a progress line
---@field all trunkhost.Entry[]            the entries of the report, in order
---@field todo trunkhost.Entry[]           the entries to carry out
---@field accounts trunkhost.Account[]     the accounts of these
---@field total integer
---@field counts table<string, integer>
---@field halted string?                   why nothing new is started
---@field undo trunkhost.JobUndo?          the run that it undoes
---@field output_fault table?             why standard output cannot be written
---@field fault any                        the task in which the script failed
local Run <const> = {}
Run.__index = Run

--- Counts an entry that has its final state, and prints its JSON line.
function Run:ended(entry)
    local counts = self.counts
    counts[entry.state] = counts[entry.state] + 1
    local quiet = self.options.quiet and entry.state ~= "failed" and entry.state ~= "unknown"
    if self.options.json and not quiet then
        self:say(report.item_line(entry))
    end
end

--- Writes to standard output. If that fails, items in progress finish, and no new one starts.
function Run:say(text)
    local ok, err = pcall(core.write, "out", text)
    if not ok and not core.is_error(err) then
        error(err, 0)
    elseif not ok then
        self.output_fault = self.output_fault or err
    end
end

local function new_run(spec)
    local given = spec.options
        or require("trunkhost.options").parser { name = spec.name, undo = spec.undo and true }:parse()
    local chosen = setmetatable({}, { __index = given })
    chosen.dry_run = given.dry_run or core.run().dry_run
    if chosen.dry_run then
        core.set_dry_run()
    end
    local own = setmetatable({}, { __index = spec })
    if not (spec.apply and spec.verify) then
        fill_in(own, spec)
    end
    local this = core.run()
    local run = setmetatable({
        spec = own, id = this.id, script_hash = this.script_hash, options = chosen, dry_run = chosen.dry_run,
        started = core.now(), progress = not chosen.quiet,
        all = {}, todo = {}, accounts = {}, total = 0, counts = { done = 0, failed = 0, unknown = 0, skipped = 0 },
    }, Run)
    run.undo = chosen.undoes and require("trunkhost.job.undo").prepare(run)
    return run
end

--- An account that could not be listed counts as one failed item.
local function add_failures(run, failures)
    for _, failure in ipairs(failures) do
        if failure.error.code == "long_wait" then
            run.waits_for = run.waits_for or ("account %s: %s"):format(failure.account:name(), failure.error.message)
        end
        local entry = { account = failure.account, state = "failed", error = failure.error }
        run.all[#run.all + 1] = entry
        run:ended(entry)
    end
end

local function check_items(run, entries, failures)
    if not run.spec.check then
        return
    end
    local items, failed = {}, {}
    for i, entry in ipairs(entries) do
        items[i] = entry.item
    end
    for _, failure in ipairs(failures) do
        failed[failure.account:name()] = failure.error
    end
    run.spec.check(items, failed)
end

local function accounts_of(entries)
    local list, seen = {}, {}
    for _, entry in ipairs(entries) do
        local is_one = entry.account ~= job_items.no_account
        if is_one and not seen[entry.account:name()] then
            seen[entry.account:name()], list[#list + 1] = true, entry.account
        end
    end
    return list
end

--- Lists and plans. Leaves out what the resumed run has done, and what the saved plan does not contain.
local function gather(run, accounts, closed, saved)
    local entries, failures = select_items.entries(run.options, run.spec, accounts, closed)
    run.failures = failures
    if not run.dry_run then
        records.lock_more(accounts, accounts_of(entries))
    end
    for _, entry in ipairs(run.spec.entry_of and entries or {}) do
        run.spec.entry_of[entry.item] = entry
    end
    check_items(run, entries, failures)
    records.mark_unsettled(#accounts > 0 and accounts or accounts_of(entries), entries, failures)
    if run.options.resumed then
        require("trunkhost.job.resume").mark(run.options.resumed, entries)
    end
    if run.undo then
        entries = run.undo:choose(run, entries, accounts, failures)
    end
    job_secrets.attach(run, entries)
    run.todo = planner.make(entries, run.spec.plan, run.spec.as_planned == true)
    if saved then
        plan_file.keep(run, saved, entries, accounts, failures)
    end
    run.total = #entries + #failures
    add_failures(run, failures)
    table.move(entries, 1, #entries, #run.all + 1, run.all)
    run.accounts = accounts_of(run.todo)
    return entries
end

local function conclude(run)
    core.deadline() -- only the report is left
    if run.halted then
        core.set_exit_status(3)
    elseif run.counts.failed + run.counts.unknown > 0 then
        core.set_exit_status(1)
    end
    conclusion.record(run)
    if run.options.json then
        run:say(report.summary_line(run))
        report.log(run)
    else
        report.show(run, aligned.screen "out")
    end
    if run.fault then
        run.fault:await()
    elseif run.output_fault and not run.halted then
        error(run.output_fault, 0)
    end
    local result = { halted = run.halted ~= nil, total = run.total, left = report.left(run) }
    for state, number in pairs(run.counts) do
        result[state] = number
    end
    return result
end

--- Shows the plan; a dry run also prints the JSON line of each item.
local function announce(run, entries)
    if run.options.plan_out then
        plan_file.write(run)
    end
    if not run.options.quiet then
        local view = run.spec.view or planner
        view.show(entries, run.todo, aligned.screen(run.options.json and "err" or "out"), run.dry_run, run.failures)
    end
    for _, entry in ipairs(entries) do
        entry.planned = run.dry_run and not entry.state or nil
        entry.state = entry.planned and "skipped" or entry.state
        if entry.state then
            run:ended(entry)
        end
    end
end

--- Asks for confirmation and carries the plan out. If a second signal cancels that, it still reports what is known.
local function go_on(run, entries)
    local asked, view = core.now(), run.spec.view or planner
    if not planner.agreed(run.options, run.options.quiet and view.summary(entries, run.todo, run.failures) or nil) then
        run.halted = "it was not confirmed"
        return
    end
    run.started = run.started + core.now() - asked -- waiting for the answer does not count
    local ended = false
    local _ <close> = setmetatable({}, { __close = function()
        if not ended and core.stopping() then
            waves.cancelled(run)
            job_secrets.cancelled(run)
            conclude(run)
        end
    end })
    waves.run(run)
    job_secrets.finish(run)
    ended = true
end

--- What later runs need to know of this one.
local function purpose_of(chosen)
    local function text(value) return type(value) == "string" and value or nil end
    return { deliver = chosen.deliver ~= nil, rollback = chosen.rollback == true, from = text(chosen.from),
        to = text(chosen.to), undo = (chosen.undo or chosen.undoes) ~= nil }
end

--- Opens and locks the accounts, lists and plans.
local function prepare(run, spec)
    local accounts, closed = {}, {}
    if not (run.undo and run.undo.nowhere) then
        accounts, closed = select_items.accounts_for(run.options, spec)
    end
    planner.check_consent(run.options)
    local saved = run.options.plan and plan_file.read(run)
    if not run.dry_run then
        local chosen <const> = run.options
        records.lock(accounts, chosen.resumed and chosen.resumed[1], chosen.undoes, purpose_of(chosen))
    end
    return gather(run, accounts, closed, saved)
end

--- The same within the deadline; nil when the deadline comes first.
local function prepare_in_time(run, spec)
    local deadline = run.options.deadline
    if not deadline then
        return prepare(run, spec)
    end
    core.deadline(deadline.at - core.now(), deadline.text)
    local ok, result = xpcall(prepare, core.trace, run, spec)
    if ok then
        return result
    elseif core.is_error(result) ~= "cancelled" or core.now() < deadline.at then
        core.deadline()
        error(result, 0)
    end
    run.halted = ("the deadline (%s) has passed"):format(deadline.text)
end

--- Runs a job from its options to its exit status.
---@param spec trunkhost.JobSpec
---@return { total: integer, done: integer, failed: integer, unknown: integer, skipped: integer, left: integer,
---          halted: boolean }
function job.run(spec)
    check_spec(spec)
    local run = new_run(spec)
    local entries = prepare_in_time(run, spec)
    if not entries then
        return conclude(run)
    end
    announce(run, entries)
    if not run.dry_run then
        records.keep_failed(entries)
        if #run.todo > 0 then
            go_on(run, entries)
        end
    end
    run.halted = run.halted or run.waits_for
    return conclude(run)
end

return job
