--- Migrates trunks to another account: reads them, plans the requests, finds what blocks them, and sends them.
--- scripts/migrate_trunks.lua runs this on the job engine.

local accounts <const> = require "trunkhost.accounts"
local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local ledger <const> = require "trunkhost.ledger"
local migrate_conflicts <const> = require "trunkhost.migrate.conflicts"
local migrate_deliver <const> = require "trunkhost.migrate.deliver"
local migrate_options <const> = require "trunkhost.migrate.options"
local migrate_reasons <const> = require "trunkhost.migrate.reasons"
local migrate_steps <const> = require "trunkhost.migrate.steps"
local migrate_target <const> = require "trunkhost.migrate.target"
local migrate_view <const> = require "trunkhost.migrate.view"
local migrate_retire <const> = require "trunkhost.migrate.retire"
local migrate_run <const> = require "trunkhost.migrate.run"
local neutral <const> = require "trunkhost.neutral"
local sync <const> = require "trunkhost.sync"
local tasks <const> = require "trunkhost.tasks"

local migrate <const> = { add_options = migrate_options.add, check_options = migrate_options.check }

---@class trunkhost.Work  the state of a source trunk
---@field item trunkhost.Item
---@field source string                its id
---@field trunk trunkhost.Neutral?
---@field result trunkhost.MapResult?
---@field in_service boolean?         the source is out of service, and its copy is not
---@field moves trunkhost.Move[]
---@field reasons string[]             why it is blocked
---@field failed table?                an error object
---@field sealed string?               why the ledger cannot open a password that it has
---@field applied { attempts: integer, hand_on: trunkhost.HandOn[]? }?  as apply has returned it

---@class trunkhost.Migration
---@field options table
---@field from trunkhost.Account
---@field to trunkhost.Account
---@field works table<table, trunkhost.Work>
---@field list trunkhost.Work[]        in the order of the source
---@field undelivered table<string, string[]>?  passwords that earlier runs did not deliver
---@field turns table<string, trunkhost.Semaphore>  for trunks that look the same until they have their parts
local Migration <const> = {}
Migration.__index = Migration

---@param options table  as check_options has returned them
---@return trunkhost.Migration
function migrate.new(options)
    local self = setmetatable({ options = options, works = {}, list = {}, turns = {} }, Migration)
    self.from, self.to = accounts.account(options.from), accounts.account(options.to)
    self.view, self.delivery = migrate_view.new(self), migrate_deliver.command(options)
    for _, account in ipairs { self.from, self.to } do
        neutral.mapping(account:describe())
    end
    migrate_retire.check(self)
    return self
end

local function error_object(kind, message, members)
    local _, err = pcall(core.error, kind, message)
    for name, value in pairs(members or {}) do
        err[name] = value
    end
    return err
end

--- Calls fn. An error object becomes the work's failure; any other error is a fault and is raised.
local function guarded(work, fn, ...)
    local ok, err = pcall(fn, ...)
    if not ok and not core.is_error(err) then
        error(err, 0)
    elseif not ok then
        work.failed = err
    end
    return ok
end

-- ---------------------------------------------------------------------------------------------------
-- Planning

local function same_keys(list, more)
    local merged = {}
    for _, from in ipairs { list, more } do
        for name, value in pairs(from) do
            merged[name] = value
        end
    end
    return merged
end

--- The source's passwords that the ledger can open, by leg.
local function from_ledger(self, work)
    local secrets = {}
    for _, secret in ipairs(self.from:describe().secrets or {}) do
        local found, why, kind = ledger.open_secret(self.from:name(), work.source, secret.field, "current")
        work.sealed = work.sealed or kind ~= "not_found" and why or nil
        for _, leg in ipairs(found and secret.legs or {}) do
            secrets[leg] = found
        end
    end
    return secrets
end

--- The given passwords of a trunk; nil when new ones are generated, or without --secrets.
local function secrets_of(self, work)
    if self.options.secrets == "file" then
        local row = self.options.rows[work.source]
        return row and row.secrets or {}
    elseif self.options.secrets == "ledger" then
        return from_ledger(self, work)
    end
end

local function map_options(self, work, secrets)
    local row = self.options.rows[work.source]
    local set = same_keys(self.options.given, row and row.set or {})
    set.active = set.active or work.in_service and "yes" or nil
    return {
        set = set, allow_loss = self.options.allow_loss, secrets = secrets, inactive_first = true,
        same_account = self.options.same_agents,
    }
end

--- Whether every known migration of a source trunk to this account was interrupted, and the source was out of service
--- from the start. Then its copy may be in service only because the platform creates trunks so.
local function was_never_to_be_in_service(self, work)
    local moved = false
    for _, item in ipairs(ledger.items { account = self.from:name(), trunk = work.source }) do
        local plan <const> = type(item.plan) == "table" and item.plan or {}
        local _, to = migrate_run.accounts(ledger.run(item.run))
        if plan.create and (to == nil or to == self.to:name()) then
            if item.state == "done" or plan.source_active ~= false then
                return false
            end
            moved = true
        end
    end
    return moved
end

--- Whether a copy of this trunk takes calls.
local function has_copy_in_service(self, work)
    local landed, description = self.target:made_for(work.source), self.to:describe()
    for _, row in ipairs(next(landed) and self.target.rows or {}) do
        if landed[tostring(row.id)] and neutral.of(description, row).active ~= false then
            return not was_never_to_be_in_service(self, work)
        end
    end
    return false
end

--- In a plan one secret that is never sent stands for all that are generated later.
local function plan_secrets(self, work)
    work.given_secrets = secrets_of(self, work)
    if self.options.secrets == "generate" then
        self.stand_in = self.stand_in or core.secret { length = 32 }
        return { inbound = self.stand_in, outbound = self.stand_in }
    end
    return work.given_secrets
end

local function names_of(candidates)
    local ids = {}
    for i, candidate in ipairs(candidates) do
        ids[i] = tostring(candidate.id)
    end
    return table.concat(ids, ", ")
end

--- The unanswered creates of a source trunk that may have been for this mapped trunk: if the source becomes several
--- trunks, the body tells.
local function those_for(mapped, trunks, rows)
    local all, list = {}, {}
    for _, each in ipairs(trunks) do
        all[migrate_target.key_of(each.body)] = true
    end
    local own = migrate_target.key_of(mapped.body)
    for _, row in ipairs(rows) do
        local key = canonical.text(row.key)
        if #trunks == 1 or key == own or not all[key] then
            list[#list + 1] = row
        end
    end
    return list
end

--- Finds what the target has of one mapped trunk: nothing, all of it, or a part from an earlier run.
local function find_move(self, work, mapped)
    local landed, rows = self.target:made_for(work.source)
    local unsettled = those_for(mapped, work.result.trunks, rows)
    local move = { mapped = mapped, unsettled = unsettled, key = migrate_target.key_of(mapped.body) }
    local found, own = self.target:candidates(mapped, work.source), {}
    for _, candidate in ipairs(found) do
        if landed[tostring(candidate.id)] then
            own[#own + 1] = candidate
        end
    end
    if #found == 0 and #work.result.trunks == 1 then
        own = self.target:changed(mapped, landed)
    end
    found = #own > 0 and own or found
    local name = self.to:name()
    if #found == 0 then
        return move
    elseif #found > 1 then
        work.failed = error_object(#unsettled > 0 and "unknown_outcome" or "conflict",
            ("%s has several trunks that may be this one: %s. Check them, delete those that should not exist, and run "
                .. "again"):format(name, names_of(found)), { ambiguous = #unsettled > 0 })
        return move
    end
    local there = found[1]
    local ours = #own > 0 or #unsettled > 0
    -- A run may have ended between finding its trunk and giving it a known password.
    local known = #own == 0 or self.target:knows_passwords(there.id, mapped)
    move.id, move.complete = there.id, #there.differences == 0 and #unsettled == 0 and known
    local different = #there.differences > 0 and #own > 0 and migrate_steps.not_to_be_added(self.target, move, there)
        or ""
    if different ~= "" then
        local made = landed[tostring(there.id)]
        work.failed = error_object("conflict", ("its copy %s on %s, made by run %s, differs from what would be created "
            .. "now: %s. Change it there, use the values of that run again, or undo the run: --undo %s"):format(
            tostring(there.id), name, made.run, different, made.run))
    elseif #there.differences > 0 and not ours then
        work.failed = error_object("conflict", ("%s already has such a trunk, %s, which no migration of this one "
            .. "created and which differs in: %s. Change or delete it, and run again"):format(name, tostring(there.id),
            migrate_steps.differences(there.differences)))
    end
    return move
end

--- Reads a source trunk, maps it and looks for it at the target.
local function plan_work(self, work)
    local native = neutral.read(self.from, work.item.trunk.id)
    work.trunk = neutral.of(self.from:describe(), native)
    -- If the source was retired since, its copy stays in service.
    work.in_service = work.trunk.active == false and has_copy_in_service(self, work)
    work.result = neutral.map(work.trunk, self.to:describe(), map_options(self, work, plan_secrets(self, work)))
    for _, finding in ipairs(work.in_service and work.result.findings or {}) do
        if finding.field == "active" then
            finding.rule = "the source is out of service; its copy takes calls and stays in service"
        end
    end
    migrate_reasons.find(self, work)
    -- Also for a blocked trunk: its copy may exist already.
    for i, mapped in ipairs(work.result.trunks) do
        work.moves[i] = find_move(self, work, mapped)
    end
end

local function conclude(self)
    local blocked = 0
    for _, work in ipairs(self.list) do
        if #work.reasons > 0 and not work.failed and not migrate_conflicts.is_complete(work) then
            local begun = migrate_view.targets(work)
            work.failed = error_object("invalid", (begun == "" and "not created: " or ("%s is not complete: "):format(
                begun)) .. table.concat(work.reasons, "; "))
        end
        blocked = blocked + (work.failed and 1 or 0)
    end
    for _, work in ipairs(self.options.all_or_nothing and blocked > 0 and self.list or {}) do
        work.skip = not work.failed and ("not created, because of --all-or-nothing: %d of %d trunks are blocked")
            :format(blocked, #self.list) or nil
    end
end

--- Warns of lines of --supply that name no trunk: with a typing mistake a trunk would miss its values.
local function warn_of_strangers(self)
    local known, strangers = {}, {}
    for _, work in ipairs(self.list) do
        known[work.source] = true
    end
    for id in pairs(self.options.rows) do
        strangers[#strangers + 1] = not known[id] and id or nil
    end
    -- Trunks that exist but were not chosen are no strangers.
    for _, trunk in ipairs(#strangers > 0 and self.from:list "list" or {}) do
        known[tostring(trunk.id)] = true
    end
    table.sort(strangers)
    for _, id in ipairs(strangers) do
        if not known[id] then
            core.log("warn", ("--supply %s: %s has no trunk %s"):format(self.options.supply, self.from:name(), id))
        end
    end
end

--- Reads what the target has; false when that cannot be read, which is the failure of every trunk.
local function open_target(self)
    local ok, target = pcall(migrate_target.open, self.to, self.from:name())
    if not ok and (not core.is_error(target) or target.kind == "cancelled" and core.stopping()) then
        error(target, 0)
    end
    self.target, self.undelivered = ok and target or nil, nil
    for _, work in ipairs(ok and {} or self.list) do
        work.failed = error_object(target.kind, ("what %s has cannot be read: %s"):format(self.to:name(),
            target.message), { status = target.status, code = target.code, cause = target })
    end
    return ok
end

--- Reads, maps and compares everything before the first of them is created.
---@param items trunkhost.Item[]
function Migration:prepare(items)
    if not self.options.dry_run then
        ledger.lock(self.to:name())
    end
    for i, item in ipairs(items) do
        local work = { item = item, source = tostring(item.trunk.id), moves = {}, reasons = {} }
        self.works[item], self.list[i] = work, work
    end
    warn_of_strangers(self)
    if not open_target(self) then
        return
    end
    migrate_conflicts.one_account(self)
    tasks.map(self.list, function(work) guarded(work, plan_work, self, work) end,
        { concurrency = self.options.concurrency, results = false })
    migrate_conflicts.rivals(self)
    migrate_conflicts.claims(self)
    self.turns = migrate_conflicts.line_up(self)
    conclude(self)
end

--- The plan for a trunk, for the job engine.
---@param item trunkhost.Item
---@return trunkhost.Plan
function Migration:plan(item)
    local work = self.works[item]
    local plan = {
        -- `anew`: undelivered passwords of the source do not concern this run.
        impact = {}, work = work, anew = true, told = function() return migrate_view.targets(work) end,
        tells = function() return migrate_view.tells(work, self.options.dry_run) end,
    }
    if work.failed then
        plan.failed = work.failed
    elseif work.skip then
        plan.skip = work.skip
    elseif migrate_conflicts.is_complete(work) and not migrate_retire.is_due(self, work)
        and not migrate_deliver.is_due(self, work) then
        plan.skip = ("it already exists as %s"):format(migrate_view.targets(work))
    else
        -- --undo needs to know whether the source was in service; a report, what was changed and lost.
        plan.changes = { create = migrate_view.creates(work), source_active = work.trunk.active,
            findings = migrate_view.findings(work) }
    end
    return plan
end

-- ---------------------------------------------------------------------------------------------------
-- Carrying out

local function new_secrets()
    return { inbound = core.secret { length = 32 }, outbound = core.secret { length = 32 } }
end

--- Creates what is missing.
---@param item trunkhost.Item
---@return { attempts: integer, hand_on: trunkhost.HandOn[]? }
function Migration:apply(item)
    local work, attempts, taken = self.works[item], 0, {}
    local secrets = self.options.secrets == "generate" and new_secrets() or work.given_secrets
    local result = neutral.map(work.trunk, self.to:describe(), map_options(self, work, secrets))
    for i, move in ipairs(work.moves) do
        if not move.complete then
            local turn <const> = self.turns[move.key] or sync.semaphore(1)
            local ok, err = turn:with(pcall, migrate_steps.make, self.target, move, work.source, result.trunks[i],
                taken)
            if not ok then
                if core.is_error(err) and move.id then
                    local again = (err.retryable or err.ambiguous) and "Run again" or "Fix that and run again"
                    err.message = ("%s on %s is not complete yet: %s. %s: that resumes there"):format(
                        tostring(move.id), self.to:name(), (err.message:gsub("%.$", "")), again)
                end
                error(err, 0)
            end
            attempts = attempts + move.attempts
        end
        taken[tostring(move.id)] = true
    end
    work.applied = { attempts = attempts }
    return work.applied
end

--- Reads the copy back, compares, and only then retires the source.
---@param item trunkhost.Item
---@return string evidence
function Migration:verify(item)
    local work = self.works[item]
    for _, move in ipairs(work.moves) do
        migrate_steps.prove(self.target, move)
        move.complete = true
    end
    migrate_deliver.work(self, work)
    migrate_retire.source(self, work)
    return "accepted"
end

--- Writes the file of --mapping-out.
function Migration:write_mapping()
    if self.options.mapping_out and not self.options.dry_run then
        require("trunkhost.migrate.carrier").write(self, self.options.mapping_out)
    end
end

--- The job that undoes a run, for --undo.
---@param options table
---@return trunkhost.JobSpec
function migrate.undo(options)
    return require("trunkhost.migrate.undo").job(options)
end

return migrate
