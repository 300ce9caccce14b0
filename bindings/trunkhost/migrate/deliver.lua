--- Delivers the passwords of new trunks (--deliver), after a trunk was read back and before its source is retired. The
--- ledger remembers undelivered ones, and the next run delivers them.

local core <const> = require "trunkhost.core"
local delivery_command <const> = require "trunkhost.job.delivery_command"
local ledger <const> = require "trunkhost.ledger"
local outcome <const> = require "trunkhost.change.outcome"

local migrate_deliver <const> = {}

--- The command of a run; nil without --deliver.
---@param options table
---@return trunkhost.DeliveryCommand?
function migrate_deliver.command(options)
    return options.deliver
        and delivery_command.new(options.deliver, options.deliver_timeout, options.concurrency or 8) or nil
end

--- The passwords that earlier runs did not deliver, by trunk.
local function left_by_others(migration)
    if not migration.undelivered then
        local left = {}
        for _, row in ipairs(ledger.secrets { account = migration.to:name(), undelivered = true }) do
            left[row.trunk] = left[row.trunk] or {}
            table.insert(left[row.trunk], row.field)
        end
        migration.undelivered = left
    end
    return migration.undelivered
end

--- The password fields of a trunk at the target that were not delivered.
local function fields_of(migration, move)
    local fields, has = {}, {}
    for _, field in ipairs(left_by_others(migration)[tostring(move.id)] or {}) do
        fields[#fields + 1], has[field] = field, true
    end
    for field in pairs(move.sent or {}) do
        fields[#fields + 1] = not has[field] and field or nil
    end
    table.sort(fields)
    return fields
end

--- Whether a copy of this source still has a password to deliver.
---@param migration trunkhost.Migration
---@param work trunkhost.Work
---@return boolean
function migrate_deliver.is_due(migration, work)
    if not migration.delivery then
        return false
    end
    local landed = migration.target:made_for(work.source)
    for _, move in ipairs(work.moves) do
        if landed[tostring(move.id)] and #fields_of(migration, move) > 0 then
            return true
        end
    end
    return false
end

local function secret_of(migration, move, field)
    local held = move.sent and move.sent[field]
    if held then
        return held
    end
    local secret, why = ledger.open_secret(migration.to:name(), move.id, field, "current")
    if not secret then
        outcome.failed("delivery", ("%s of %s is live and was not delivered, and it cannot be opened here (%s): "
            .. "deliver it from the machine that has the private key (trunkhost secrets export --account %s)"):format(
            field, tostring(move.id), why, migration.to:name()))
    end
    return secret
end

local function line_of(migration, work, move, field)
    local name = field:match "^(.*)password$"
    local username = name and move.mapped.body[name .. "username"]
    return { event = "secret", account = migration.to:name(), provider = migration.to:describe().name,
        trunk = tostring(move.id), label = work.trunk.label or "", field = field, username = username,
        secret = secret_of(migration, move, field), evidence = "accepted", run = core.run().id }
end

--- The delivery of one password.
---@return trunkhost.HandOn
local function handed(migration, work, move, field)
    return {
        line = line_of(migration, work, move, field),
        taken = function() ledger.delivered(migration.to:name(), move.id, field) end,
        words = function(problem)
            return ("%s of %s is live and in the ledger, but was not delivered: the command %s. Repair the command and "
                .. "run again: that delivers this password and does not set a new one"):format(field,
                tostring(move.id), problem)
        end,
    }
end

--- Delivers the undelivered passwords of a trunk. Raises `delivery` when that fails. With --deliver-batch the job
--- engine delivers, and reports the result at the end.
---@param migration trunkhost.Migration
---@param work trunkhost.Work
function migrate_deliver.work(migration, work)
    if not migration.delivery then
        return
    end
    ledger.sync() -- current on disk before anyone gets it
    local list = {}
    for _, move in ipairs(work.moves) do
        for _, field in ipairs(fields_of(migration, move)) do
            list[#list + 1] = handed(migration, work, move, field)
        end
    end
    if migration.options.deliver_batch then
        work.applied.hand_on = list
        return
    end
    for _, each in ipairs(list) do
        local problem = migration.delivery:run(each.line)
        if problem then
            outcome.failed("delivery", each.words(problem))
        end
        each.taken()
    end
end

return migrate_deliver
