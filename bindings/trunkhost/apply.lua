--- Applies an edited file to trunks: finds what its rows change, plans the requests, and sends them.
--- scripts/apply_trunks.lua runs this on the job engine.

local apply_change <const> = require "trunkhost.edit.change"
local apply_options <const> = require "trunkhost.edit.options"
local apply_steps <const> = require "trunkhost.edit.steps"
local apply_undo <const> = require "trunkhost.edit.undo"
local apply_view <const> = require "trunkhost.edit.view"
local core <const> = require "trunkhost.core"
local creates <const> = require "trunkhost.create.creates"
local fields <const> = require "trunkhost.neutral.fields"
local ledger <const> = require "trunkhost.ledger"
local match <const> = require "trunkhost.job.match"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.change.outcome"
local tasks <const> = require "trunkhost.tasks"
local three_way <const> = require "trunkhost.neutral.three_way"

local apply <const> = { add_options = apply_options.add, check_options = apply_options.check, undo = apply_undo.item }

---@class trunkhost.ApplyWork  the state of a row of the file
---@field item table
---@field row trunkhost.Row
---@field edit trunkhost.TrunkEdit?
---@field impact { inbound: boolean, outbound: boolean }?
---@field failed table?     an error object
---@field skip string?
---@field there boolean?    the trunk is as the row says
---@field left boolean?     it is pending since an earlier run

---@class trunkhost.Application
---@field options table
---@field works table<table, trunkhost.ApplyWork>
---@field others integer    trunks of the accounts that the file does not name
---@field baseless integer  rows without a base
local Application <const> = {}
Application.__index = Application

---@param options table  as check_options has returned them
---@return trunkhost.Application
function apply.new(options)
    local self = setmetatable({ options = options, works = {}, others = 0, baseless = 0 }, Application)
    self.view = apply_view.new(self)
    return self
end

--- The rows of an account, each with its trunk as the list shows it; with --undo, all trunks.
---@param account trunkhost.Account
---@return table[]
function Application:items(account)
    neutral.mapping(account:describe())
    local by_id, named, items = {}, {}, {}
    for _, trunk in ipairs(account:list "list") do
        by_id[match.id(tostring(trunk.id))] = trunk
        items[#items + 1] = self.options.undoes and { account = account, trunk = trunk } or nil
    end
    for _, row in ipairs(self.options.rows) do
        if row.account == account:name() then
            local id <const> = match.id(row.trunk)
            named[id] = true
            row.trunk = by_id[id] and tostring(by_id[id].id) or row.trunk
            items[#items + 1] = { account = account, row = row, gone = by_id[id] == nil,
                trunk = by_id[id] or { id = row.trunk } }
        end
    end
    for id in pairs(by_id) do
        self.others = self.others + (named[id] and 0 or 1)
    end
    return items
end

-- ---------------------------------------------------------------------------------------------------
-- Planning

local function failure(kind, message)
    local _, err = pcall(core.error, kind, message)
    return err
end

--- The trunk as it is now, what the file changes in it, and the requests for that.
local function plan_row(self, account, id, row)
    local native = neutral.read(account, id)
    local present = neutral.of(account:describe(), native)
    local changes, conflicts = three_way.merge(row, fields.of(present), self.options.force_conflicts)
    return native, changes, conflicts,
        #conflicts == 0 and apply_change.work_out(account, native, present, changes, self.options) or nil
end

local function conflict_text(names)
    local list = table.concat(names, ",")
    return ("changed both in the file and on the platform since the export: %s. Export again, or let the file win with "
        .. "--force-conflicts %s"):format(table.concat(names, ", "), list)
end

local function plan_work(self, work)
    local item, row = work.item, work.row
    local native, changes, conflicts, edit = plan_row(self, item.account, item.trunk.id, row)
    work.edit = edit
    if #conflicts > 0 then
        work.failed = failure("conflict", "not changed: " .. conflict_text(conflicts))
    elseif #edit.reasons > 0 then
        work.failed = failure("invalid", "not changed: " .. table.concat(edit.reasons, "; "))
    elseif not next(edit.body) and #edit.steps == 0 then
        work.there = #changes == 0
        work.skip = work.there and "it is as the file says" or "the change makes no difference on the platform"
    else
        work.impact = item.account:impact(native, edit.body)
    end
end

--- Trunks that are pending since an earlier run: they are checked even if they are as the file says.
local function pending(items)
    local file, left, seen = io.open(core.run().ledger, "r"), {}, {}
    if not file then
        return left -- a dry run does not create the ledger
    end
    file:close()
    for _, item in ipairs(items) do
        local name = item.account:name()
        for _, each in ipairs(seen[name] and {} or ledger.unfinished(name)) do
            left[name .. "\0" .. each.trunk] = true
        end
        seen[name] = true
    end
    return left
end

local function skip_all(self, list)
    local blocked = 0
    for _, work in ipairs(list) do
        blocked = blocked + (work.failed and 1 or 0)
    end
    for _, work in ipairs(self.options.all_or_nothing and blocked > 0 and list or {}) do
        work.skip = not work.failed and ("not changed, because of --all-or-nothing: %d of %d rows are blocked")
            :format(blocked, #list) or nil
    end
end

--- Reads the edited trunks, compares, and works out every request before the first is sent.
---@param items table[]
function Application:prepare(items)
    local list, to_read, left = {}, {}, pending(items)
    for i, item in ipairs(items) do
        local row = item.row
        local work = { item = item, row = row, left = left[item.account:name() .. "\0" .. row.trunk] }
        self.works[item], list[i] = work, work
        self.baseless = self.baseless + (row.base and 0 or 1)
        if item.gone then
            work.failed = failure("not_found", ("the trunk no longer exists (line %d), and this script creates none; "
                .. "migrate_trunks.lua does"):format(row.line))
        elseif not three_way.is_edited(row) and not work.left then
            work.skip, work.there = "not edited", true
        else
            to_read[#to_read + 1] = work
        end
    end
    tasks.map(to_read, function(work)
        local ok, err = pcall(plan_work, self, work)
        if not ok and not core.is_error(err) then
            error(err, 0)
        elseif not ok then
            work.failed = err
        end
    end, { concurrency = self.options.concurrency, results = false })
    skip_all(self, list)
end

--- The plan for a row, for the job engine.
---@param item table
---@return trunkhost.Plan
function Application:plan(item)
    local work = self.works[item]
    local plan = { impact = work.impact or {}, work = work, note = apply_view.note(work),
        tells = function() return apply_view.tells(work, self.options.dry_run) end }
    if work.failed then
        plan.failed = work.failed
    elseif work.skip and not (work.left and work.edit) then
        plan.skip = work.skip
    else
        plan.changes = apply_undo.record(work.edit) -- for --undo
    end
    return plan
end

-- ---------------------------------------------------------------------------------------------------
-- Carrying out

--- Sends what was planned, if the plan still fits the trunk.
---@param item table
---@return trunkhost.Applied|{ attempts: integer }
function Application:apply(item)
    local work = self.works[item]
    local native, _, conflicts, edit = plan_row(self, item.account, item.trunk.id, work.row)
    if #conflicts > 0 or #edit.reasons > 0
        or apply_change.signature(edit) ~= apply_change.signature(work.edit) then
        outcome.failed("conflict", "the trunk was changed after it was planned, so nothing was sent: run again")
    end
    return apply_steps.send(item.account, native, edit)
end

--- Reads the trunk back and compares it.
---@param item table
---@return string evidence
function Application:verify(item, _, applied)
    local work = self.works[item]
    local native = neutral.read(item.account, item.trunk.id)
    local found, differing = fields.of(neutral.of(item.account:describe(), native)), {}
    for _, change in ipairs(work.edit.changes) do
        local name = change.field.name
        if not fields.alike(change.field, work.edit.planned[name], found[name]) then
            differing[#differing + 1] = name
        end
    end
    if #differing > 0 then
        creates.differs(item.account, native, "read back, it is not what was sent: " .. table.concat(differing, ", "))
    end
    apply_steps.settle(item.account, item.trunk.id, native)
    return applied.evidence or "accepted"
end

return apply
