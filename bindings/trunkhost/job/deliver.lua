--- Delivers verified passwords (--deliver) to a PBX, a carrier, a vault. The ledger remembers which ones are
--- undelivered; the next run with --deliver delivers them again instead of setting new ones.

local core <const> = require "trunkhost.core"
local delivery_command <const> = require "trunkhost.job.delivery_command"
local ledger <const> = require "trunkhost.ledger"
local outcome <const> = require "trunkhost.change.outcome"
local registration <const> = require "trunkhost.change.registration"

local deliver <const> = {}

---@class trunkhost.Delivery
---@field command trunkhost.DeliveryCommand
---@field batch boolean
---@field late table<table, table[]>     item → secrets that an earlier run did not deliver
---@field applied table<table, table>    plan → what its apply returned
---@field held table[]                   { entry =, fields = } that wait for the one child of the run
---@field next_held integer
---@field is_held table<table, boolean>  entry → whether it still waits
---@field ended function                 reports an entry
local Delivery <const> = {}
Delivery.__index = Delivery

-- ---------------------------------------------------------------------------------------------------
-- What earlier runs did not deliver

--- Whether a run had --deliver.
local function was_to_deliver(id, known)
    if known[id] == nil then
        local run = ledger.run(id)
        known[id] = run ~= nil and (run.purpose or {}).deliver == true
    end
    return known[id]
end

--- trunk → its current secrets that should have been delivered and were not. Leaves out one that a newer candidate
--- may have replaced.
local function undelivered(account, known)
    local newest, found = {}, {}
    for _, row in ipairs(ledger.secrets { account = account, unsettled = true }) do
        newest[row.trunk .. "\0" .. row.field] = row.id
    end
    for _, row in ipairs(ledger.secrets { account = account, undelivered = true }) do
        local doubt = (newest[row.trunk .. "\0" .. row.field] or 0) > row.id
        if row.run and not doubt and was_to_deliver(row.run, known) then
            found[row.trunk] = found[row.trunk] or {}
            table.insert(found[row.trunk], row)
        end
    end
    return found
end

local function proven(entry, row)
    local description = entry.account:describe()
    for _, secret in ipairs(description.secrets or {}) do
        if secret.field == row.field then
            return registration.proves(description, entry.trunk, secret, row.evidence)
        end
    end
    return false
end

--- Finds the items whose current password is to be delivered, and nothing else done.
local function find_late(self, entries)
    local by_account, known = {}, {}
    for _, entry in ipairs(entries) do
        local name = entry.account:name()
        by_account[name] = by_account[name] or undelivered(name, known)
        for _, row in ipairs(by_account[name][entry.key] or {}) do
            if proven(entry, row) then
                local rows = self.late[entry.item] or {}
                rows[#rows + 1], self.late[entry.item] = row, rows
                entry.done_by = nil -- not all of it
            end
        end
    end
end

local function note_of(rows)
    local fields = {}
    for i, row in ipairs(rows) do
        fields[i] = row.field
    end
    return ("%s: delivered again, not changed"):format(table.concat(fields, ", "))
end

local function key_path()
    return (core.run().ledger:gsub("%.db$", "")) .. ".key"
end

local function open_late(entry, rows)
    local fields = {}
    for _, row in ipairs(rows) do
        local secret, why = ledger.open_secret(entry.account, entry.key, row.field, "current")
        if not secret then
            outcome.failed("delivery", ("%s is live since run %s and was not delivered, and it cannot be decrypted \z
                here (%s). Deliver it from the machine that has the private key (trunkhost secrets export --account \z
                %s), or set a new one with --rotate-undelivered"):format(row.field, row.run, why,
                entry.account:name()))
        end
        fields[row.field] = secret
    end
    return { fields = fields, evidence = rows[1].evidence }
end

--- Wraps the job's functions: an undelivered password is delivered, instead of what they would do.
local function wrap(self, spec, entries, anew)
    local plan, apply, verify, entry_of = spec.plan, spec.apply, spec.verify, {}
    for _, entry in ipairs(entries) do
        entry_of[entry.item] = entry
    end
    function spec.plan(item)
        local made, rows = plan(item), self.late[item]
        if not rows or anew or type(made) ~= "table" or made.anew then
            return made
        end
        return { changes = {}, impact = {}, late = rows, note = note_of(rows) }
    end
    function spec.apply(item, made)
        local applied
        if made.late then
            applied = open_late(entry_of[item], made.late)
        else
            applied = apply(item, made)
        end
        self.applied[made] = applied
        return applied
    end
    spec.verify = verify and function(item, made, applied)
        return not made.late and verify(item, made, applied) or nil
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Delivering

local function username_of(entry, field)
    local name = field:match "^(.*)password$"
    local value = name and entry.trunk[name .. "username"]
    return type(value) == "string" and value or nil
end

local function line_of(run, entry, field, secret)
    return { event = "secret", account = entry.account:name(), provider = entry.account:describe().name,
        trunk = entry.key, label = entry.label, field = field, username = username_of(entry, field), secret = secret,
        evidence = entry.evidence, run = run.id }
end

local function how_to_repeat(entry)
    local file = io.open(key_path(), "r")
    if file then
        file:close()
        return "Repair the command and run this again: it delivers this password and does not set a new one"
    end
    return ("The private key is not on this machine: deliver the password from the machine that has it (trunkhost \z
        secrets export --account %s), or set a new one with --rotate-undelivered"):format(entry.account:name())
end

local function message_of(entry, fields, problem)
    return ("%s is live at the platform and current in the ledger, but was not delivered: the command %s. %s"):format(
        table.concat(fields, " and "), problem, how_to_repeat(entry))
end

local function secrets_of(applied)
    local names = {}
    for field, value in pairs(applied and applied.fields or {}) do
        if core.is_secret(value) then
            names[#names + 1] = field
        end
    end
    table.sort(names)
    return names
end

local function mark_delivered(entry, fields)
    for _, field in ipairs(fields) do
        ledger.delivered(entry.account, entry.key, field)
    end
end

---@class trunkhost.HandOn  a password of another trunk than the item's, which the item delivers in the batch
---@field line table
---@field taken fun()                        marks it as delivered
---@field words fun(problem: string): string  the message if it was not

local function hold_others(self, entry, list)
    for _, each in ipairs(list) do
        self.command:add(each.line)
    end
    self.held[#self.held + 1] = { entry = entry, others = list }
    self.is_held[entry] = true
end

--- Delivers the verified passwords of an item. Raises `delivery` when that fails.
---@param run trunkhost.JobRun
---@param entry trunkhost.Entry
function deliver.item(run, entry)
    local self = run.delivery
    local applied = self and self.applied[entry.plan]
    local others = self and self.batch and applied and applied.hand_on
    if others and #others > 0 then
        ledger.sync()
        hold_others(self, entry, others)
        return
    end
    local fields = secrets_of(applied)
    if #fields == 0 then
        return
    end
    ledger.sync() -- current on disk before anyone gets it, so that the next run can repeat the delivery
    if self.batch then
        for _, field in ipairs(fields) do
            self.command:add(line_of(run, entry, field, applied.fields[field]))
        end
        self.held[#self.held + 1] = { entry = entry, fields = fields }
        self.is_held[entry] = true
        return
    end
    local taken, refused, problem = {}, {}, nil
    for _, field in ipairs(fields) do
        local trouble = self.command:run(line_of(run, entry, field, applied.fields[field]))
        table.insert(trouble and refused or taken, field)
        problem = problem or trouble
    end
    mark_delivered(entry, taken)
    if problem then
        outcome.failed("delivery", message_of(entry, refused, problem))
    end
end

--- The results of batched items are held back until the one child of the run has ended.
local function hold(self, run)
    local ended = run.ended
    function run.ended(this, entry)
        if self.is_held[entry] then
            this.counts[entry.state] = this.counts[entry.state] + 1
        else
            ended(this, entry)
        end
    end
    self.ended = ended
end

--- Records that an item failed that was recorded as done.
local function record_failure(entry)
    local records = require "trunkhost.job.records"
    records.begin(entry)
    records.finish(entry)
end

--- Reports the items that waited for the one child.
local function tell_held(self, run, problem, may_wait)
    while self.next_held <= #self.held do
        local each = self.held[self.next_held]
        local entry = each.entry
        self.next_held, self.is_held[entry] = self.next_held + 1, nil
        run.counts[entry.state] = run.counts[entry.state] - 1
        if problem then
            local _, err = pcall(core.error, "delivery", each.others and each.others[1].words(problem)
                or message_of(entry, each.fields, problem))
            entry.state, entry.error = "failed", err
        elseif each.others then
            for _, other in ipairs(each.others) do
                other.taken()
            end
        else
            mark_delivered(entry, each.fields)
        end
        self.ended(run, entry)
        if problem and may_wait then
            pcall(record_failure, entry)
        end
    end
end

--- After the last item: waits for the one child of the run.
---@param run trunkhost.JobRun
function deliver.finish(run)
    local self = run.delivery
    if #self.held == 0 then
        return
    end
    core.admit(true)
    if run.progress then
        core.progress("waiting for the delivery command", true)
    end
    local problem = self.command:finish()
    if run.progress then
        core.progress("", true)
    end
    tell_held(self, run, problem, true)
    core.admit(false)
end

--- The run was cancelled, and the child with it.
---@param run trunkhost.JobRun
function deliver.cancelled(run)
    tell_held(run.delivery, run, "was stopped with the run", false)
end

--- Prepares a run with --deliver, before its items are planned.
---@param run trunkhost.JobRun
---@param entries trunkhost.Entry[]
function deliver.attach(run, entries)
    local chosen = run.options
    if not chosen.deliver then
        return
    end
    local self = setmetatable({
        command = delivery_command.new(chosen.deliver, chosen.deliver_timeout or 60, chosen.concurrency or 8),
        batch = chosen.deliver_batch == true, late = {}, applied = setmetatable({}, { __mode = "k" }), held = {},
        next_held = 1, is_held = {},
    }, Delivery)
    find_late(self, entries)
    wrap(self, run.spec, entries, chosen.rotate_undelivered)
    if self.batch then
        hold(self, run)
    end
    run.delivery = self
end

return deliver
