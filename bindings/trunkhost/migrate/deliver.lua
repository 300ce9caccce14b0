--- Handing the passwords of new trunks on (--deliver), once a trunk was read back and before its source is touched.
--- One that was not taken stays marked in the ledger, and the next run hands it on.

local core <const> = require "trunkhost.core"
local delivery_command <const> = require "trunkhost.job.delivery_command"
local ledger <const> = require "trunkhost.ledger"
local outcome <const> = require "trunkhost.change.outcome"

local migrate_deliver <const> = {}

--- The command of a run; nil when nobody is told.
---@param options table
---@return trunkhost.DeliveryCommand?
function migrate_deliver.command(options)
    return options.deliver
        and delivery_command.new(options.deliver, options.deliver_timeout, options.concurrency or 8) or nil
end

--- The passwords that earlier runs have not handed on, by trunk. What this run sets is known without the ledger.
local function left_by_others(migration)
    if not migration.undelivered then
        local left = {}
        for _, row in ipairs(ledger.undelivered(migration.to:name())) do
            left[row.trunk] = left[row.trunk] or {}
            table.insert(left[row.trunk], row.field)
        end
        migration.undelivered = left
    end
    return migration.undelivered
end

--- The password fields of a trunk at the target that were not handed on.
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

--- Whether a complete trunk, made by a migration of this source, still has a password to be handed on.
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
            .. "deliver it from where the private key is (trunkhost secrets export --account %s)"):format(field,
            tostring(move.id), why, migration.to:name()))
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

--- One password: the line that tells it, and what follows.
---@return trunkhost.HandOn
local function handed(migration, work, move, field)
    return {
        line = line_of(migration, work, move, field),
        taken = function() ledger.delivered(migration.to:name(), move.id, field) end,
        words = function(problem)
            return ("%s of %s is live and in the ledger, but was not delivered: the command %s. Repair it and run "
                .. "again: that delivers this password and sets no other"):format(field, tostring(move.id), problem)
        end,
    }
end

--- Hands on what is new. Raises `delivery` when it was not taken. With one command for the whole run the job's engine
--- does it, and says at the end how that went.
---@param migration trunkhost.Migration
---@param work trunkhost.Work
function migrate_deliver.work(migration, work)
    if not migration.delivery then
        return
    end
    ledger.sync() -- what others are told of is current on disk
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
