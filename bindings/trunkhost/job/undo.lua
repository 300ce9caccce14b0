--- Undoes a run: newest change first, only what nobody has changed since, and nothing twice. The items go through the
--- same engine as any others; this module chooses them and plans what to do with each.

local change <const> = require "trunkhost.change.change"
local core <const> = require "trunkhost.core"
local image <const> = require "trunkhost.job.image"
local job_items <const> = require "trunkhost.job.items"
local ledger <const> = require "trunkhost.ledger"
local match <const> = require "trunkhost.job.match"
local outcome <const> = require "trunkhost.change.outcome"
local planner <const> = require "trunkhost.job.plan"
local records <const> = require "trunkhost.job.records"
local tasks <const> = require "trunkhost.tasks"
local usage <const> = require "trunkhost.text.usage"

local undo <const> = {}

-- The most trunks that one message names.
local MOST_NAMES <const> = 8

---@class trunkhost.JobUndo
---@field id string                   the run that is undone
---@field run table                   its record in the ledger
---@field how boolean|function        the job's `undo`
---@field created table<string, table[]>  key → what its item created
---@field changed string[]            what has changed since, in words
local Undo <const> = {}
Undo.__index = Undo

-- ---------------------------------------------------------------------------------------------------
-- The plan for one item

local function failed(kind, format, ...)
    local _, err = pcall(core.error, kind, format:format(...))
    err.ambiguous = kind == "unknown_outcome"
    return { failed = err }
end

--- Whether the trunk shows the planned change, or its known result: then it can be undone although the run did not
--- record it as done.
local function shows_as_planned(row, before, trunk)
    if row.state == "failed" or type(row.plan) ~= "table" then
        return false
    elseif row.after then
        local after, secrets = image.fields(row.after)
        return #secrets == 0 and image.shows(after, trunk)
    end
    for name in pairs(row.plan) do
        if before[name] == nil then
            return false
        end
    end
    return image.shows(row.plan, trunk)
end

--- The plan for an item that the run did not end as done, and whose change does not show: a person must check it.
local function plan_unsure(self, row, before, secrets, trunk)
    if #secrets == 0 and image.shows(before, trunk) then
        return { skip = ("run %s left it %s; it is as it was before"):format(self.id,
            row.state == "running" and "pending" or row.state) }
    elseif row.state == "failed" then
        return failed("conflict", "not undone: it failed in run %s, and is not as it was before. Check it, and undo "
            .. "the change by hand", self.id)
    end
    return failed("unknown_outcome", "not undone: run %s left it %s, so its outcome is not known. Check it, and undo "
        .. "the change by hand", self.id, row.state == "running" and "pending" or "unknown")
end

--- Why the old values cannot be restored; nil when they can.
local function not_restorable(row, before, secrets, id)
    local after, missing = image.fields(row.after), {}
    if #secrets > 0 then
        return ("%s: --undo cannot restore a password. Set a new one, or run 'rotate_passwords.lua --rollback --run "
            .. "%s' to restore the previous one"):format(table.concat(secrets, ", "), id)
    end
    for name in pairs(next(after) and after or type(row.plan) == "table" and row.plan or {}) do
        if before[name] == nil then
            missing[#missing + 1] = name
        end
    end
    table.sort(missing)
    if #missing > 0 or next(before) == nil then
        return ("the ledger does not know what %s was before"):format(
            #missing > 0 and table.concat(missing, ", ") or "it")
    end
end

function Undo:record(entry, row)
    return {
        key = entry.key, account = entry.account ~= job_items.no_account and entry.account or nil, run = self.id,
        changes = row.plan, before = (image.fields(row.before)), after = (image.fields(row.after)),
        evidence = row.evidence, created = self.created[entry.key] or {},
    }
end

--- The old values that the trunk does not have now.
local function to_restore(before, trunk)
    local fields = {}
    for name, value in pairs(before) do
        if trunk[name] == nil or not image.same(trunk[name], value) then
            fields[name] = value
        end
    end
    return fields
end

--- The plan for an entry. `trunk` is the trunk as it is now.
function Undo:plan(entry, row, trunk)
    local before = image.fields(row.before)
    if self.how == true and row.state ~= "done" and shows_as_planned(row, before, trunk) then
        row.state = "done"
        if not row.after then
            row.after = row.plan
            row.after.id = row.before.id
        end
    end
    local after, secrets = image.fields(row.after or row.before)
    local cut_off = row.undone == "running" or row.undone == "unknown"
    if row.undone == "done" then
        return { skip = "undone by run " .. row.undone_by }
    elseif row.state ~= "done" then
        return plan_unsure(self, row, before, secrets, trunk)
    elseif row.followed_by then
        return { skip = "changed since by run " .. row.followed_by, changed = "by run " .. row.followed_by }
    end
    local is_back = #secrets == 0 and image.shows(before, trunk)
    local difference = image.difference(after, trunk)
    if is_back and not cut_off then
        return { skip = ("it is as it was before run %s"):format(self.id) }
    elseif difference and not is_back and not (cut_off and self.how ~= true) then
        return { skip = "changed since: " .. difference, changed = difference }
    end
    local reason = self.how == true and not is_back and not_restorable(row, before, secrets, self.id)
    if reason then
        return failed("invalid", "not undone: %s", reason)
    end
    local plan = { changes = to_restore(before, trunk), undo = { entry = entry, row = row, cut_off = cut_off } }
    if next(plan.changes) == nil then
        plan.impact = { unknown = self.how ~= true and not is_back }
        plan.note = is_back and "already undone" or "undo"
    end
    return plan
end

-- ---------------------------------------------------------------------------------------------------
-- Carrying it out

--- Reads the trunk again, just before it is changed: nil when the ledger names no trunk; else the trunk, whether it is
--- undone already, and what of it can be sent.
local function read_again(self, row, entry, cut_off)
    local before, after = image.fields(row.before), image.fields(row.after)
    local _, secrets = image.fields(row.after)
    local id = (row.after or row.before or {}).id
    if id == nil or entry.account == job_items.no_account then
        return nil, false
    end
    local now = change.before(entry.account, { id = id })
    local shown = image.sendable(entry.account:describe(), now)
    if #secrets == 0 and image.shows(before, shown) then
        return now, true, shown
    end
    local difference = image.difference(after, shown)
    if difference and not (cut_off and self.how ~= true) then
        outcome.failed("conflict", ("not undone: it was changed meanwhile: %s"):format(difference),
            { attempts = 0 })
    end
    return now, false, shown
end

local function carry_out(self, item, plan)
    local entry, row = plan.undo.entry, plan.undo.row
    local now, is_back, shown = read_again(self, row, entry, plan.undo.cut_off)
    if is_back then
        return { attempts = 0, evidence = "accepted" } -- an earlier attempt has done it
    elseif self.how == true then
        return change.apply(entry.account, now, to_restore(image.fields(row.before), shown))
    end
    return self.how(item, self:record(entry, row))
end

local function verify(_, plan, applied)
    if type(applied.before) == "table" and type(applied.fields) == "table" then
        return change.verify(plan.undo.entry.account, applied)
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Which items

local function name_of(account, key)
    return account .. "\0" .. key
end

--- The chosen accounts that have something to undo.
local function accounts_of(rows, chosen)
    local wanted, seen, names = {}, {}, {}
    for _, name in ipairs(chosen) do
        wanted[name] = true
    end
    for _, row in ipairs(rows) do
        local name = row.account
        if not seen[name] and name ~= records.no_account and (#chosen == 0 or wanted.all or wanted[name]) then
            seen[name], names[#names + 1] = true, name
        end
    end
    table.sort(names)
    return names
end

--- Prepares a run with --undo; nil for any other.
---@param run trunkhost.JobRun
---@return trunkhost.JobUndo?
function undo.prepare(run)
    local spec, id = run.spec, run.options.undoes
    if not id then
        return nil
    elseif not spec.undo then
        usage.fail("--undo: the job %s cannot be undone: it has no `undo`. If it has set passwords: \z
            'rotate_passwords.lua --rollback --run %s' restores the previous ones", spec.name, id)
    end
    local self = setmetatable({ id = id, run = ledger.run(id), how = spec.undo, created = {}, changed = {} }, Undo)
    if job_items.are_by_account(spec.items) then
        run.options.account = accounts_of(ledger.undo_items(id), run.options.account or {})
        self.nowhere = #run.options.account == 0
    end
    -- The job's own check, view and delivery concern its own changes.
    spec.check, spec.view, spec.as_planned = false, self:view(), spec.undo == true
    run.options.deliver, run.options.restore_on_failure = false, false
    function spec.apply(item, plan)
        return carry_out(self, item, plan)
    end
    spec.verify = verify
    return self
end

--- The view of the plan; its first line names the run.
function Undo:view()
    local line = ("Undoing run %s (%s)"):format(self.id, (self.run.script:match "[^/]+$"))
    return {
        summary = function(...) return line .. ": " .. planner.summary(...) end,
        show = function(entries, todo, screen, ...)
            screen.write(line .. "\n\n")
            planner.show(entries, todo, screen, ...)
        end,
    }
end

--- Finds what the run created, by item.
local function find_created(self, accounts)
    for _, account in ipairs(accounts) do
        for _, row in ipairs(ledger.creates { account = account }) do
            if row.run == self.id and row.state == "landed" and row.source and row.trunk then
                local list = self.created[row.source] or {}
                self.created[row.source] = list
                list[#list + 1] = { account = account:name(), trunk = row.trunk }
            end
        end
    end
end

--- Reads the trunks of items that the script listed itself: its fields need not be the platform's.
local function look_up(entries, rows, concurrency)
    local wanted, trunks, gone = {}, {}, {}
    for entry, row in pairs(rows) do
        local id = (row.after or row.before or {}).id
        if not entry.listed and id ~= nil and entry.account ~= job_items.no_account then
            wanted[#wanted + 1] = { entry = entry, id = id }
        end
    end
    tasks.map(wanted, function(each)
        local ok, now = pcall(change.before, each.entry.account, { id = each.id })
        if not ok and core.is_error(now) ~= "not_found" then
            error(now, 0)
        end
        trunks[each.entry], gone[each.entry] = ok and now or nil, not ok
    end, { concurrency = concurrency, results = false })
    for _, entry in ipairs(entries) do
        trunks[entry] = trunks[entry] or entry.listed and entry.trunk or {}
    end
    return trunks, gone
end

--- Whether nothing was ever sent for an item. An item whose plan failed has no plan on record.
local function is_nothing(row)
    local is_invalid = type(row.error) == "table" and row.error.kind == "invalid"
    return row.plan == nil or row.state == "failed" and row.attempts == 0 and is_invalid
end

local function check_only(self, only, rows)
    local known = {}
    for _, row in ipairs(rows) do
        known[match.id(row.trunk)] = true
    end
    for _, id in ipairs(only) do
        if not known[match.id(id)] then
            usage.fail("--only: run %s changed no trunk %s", self.id, id)
        end
    end
end

--- The entries that the run worked on, newest first, each with its plan; also those that no longer exist.
---@param run trunkhost.JobRun
---@param entries trunkhost.Entry[]
---@param accounts trunkhost.Account[]
---@param failures { account: trunkhost.Account }[]  could not be listed
---@return trunkhost.Entry[]
function Undo:choose(run, entries, accounts, failures)
    local by_name, rows, chosen, opened = {}, ledger.undo_items(self.id), {}, {}
    check_only(self, run.options.only or {}, rows)
    find_created(self, accounts)
    for _, entry in ipairs(entries) do
        by_name[name_of(records.account_name(entry), entry.key)] = entry
    end
    for _, account in ipairs(accounts) do
        opened[account:name()] = account
    end
    for _, failure in ipairs(failures) do
        opened[failure.account:name()] = nil
    end
    local row_of, filtered = {}, #(run.options.match or {}) > 0 or #(run.options.only or {}) > 0
        or #(run.options.only_from or {}) > 0
    for _, row in ipairs(rows) do
        local entry = by_name[name_of(row.account, row.trunk)]
        local nobody = row.account == records.no_account or not run.spec.items and opened[row.account] == nil
        if entry and not is_nothing(row) then
            chosen[#chosen + 1], row_of[entry] = entry, row
        elseif not entry and not nobody and not filtered and row.undone ~= "done" and not is_nothing(row) then
            local lost = job_items.gone(opened[row.account], row.account, row.trunk, "", "it was deleted after run "
                .. self.id)
            lost.given_plan, chosen[#chosen + 1] = lost.plan, lost
            self.changed[#self.changed + 1] = ("%s %s (deleted)"):format(row.account, row.trunk)
        end
    end
    local trunks, gone = look_up(chosen, row_of, run.options.concurrency or 8)
    for _, entry in ipairs(chosen) do
        local row = row_of[entry]
        if row then
            local description = entry.account:describe()
            for _, name in ipairs { "before", "after", "plan" } do
                row[name] = image.sendable(description, row[name])
            end
            entry.undoes = row.id
            entry.given_plan = gone[entry] and row.undone ~= "done" and { skip = "it was deleted after run " .. self.id,
                changed = "deleted" } or self:plan(entry, row, image.sendable(description, trunks[entry]))
            if entry.given_plan.changed and not entry.done_by then
                self.changed[#self.changed + 1] = ("%s %s (%s)"):format(row.account, entry.key,
                    entry.given_plan.changed)
            end
        end
    end
    self:warn(#chosen)
    return chosen
end

--- Says what is not undone, also with --quiet.
function Undo:warn(number)
    local names, before = self.changed, self.run.resumed_from and ledger.run(self.run.resumed_from)
    if #names > 0 then
        core.log("warn", ("not undone, because changed since run %s: %s%s"):format(self.id,
            table.concat(names, ", ", 1, math.min(#names, MOST_NAMES)),
            #names > MOST_NAMES and (" and %d more"):format(#names - MOST_NAMES) or ""))
    end
    if before and before.items.done > 0 then
        core.log("warn", ("run %s resumed run %s; to undo that one: --undo %s"):format(self.id, before.id, before.id))
    end
    if number == 0 then
        core.log("info", ("run %s changed nothing that can be undone"):format(self.id))
    end
end

return undo
