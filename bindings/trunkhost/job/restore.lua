--- Restores the old password (--restore-on-failure) when the carrier refuses the new one. It is sent, verified and
--- recorded like any other change.

local change <const> = require "trunkhost.change.change"
local core <const> = require "trunkhost.core"
local ledger <const> = require "trunkhost.ledger"
local outcome <const> = require "trunkhost.change.outcome"
local planner <const> = require "trunkhost.job.plan"
local registration <const> = require "trunkhost.change.registration"

local restore <const> = {}

-- ---------------------------------------------------------------------------------------------------
-- The old passwords

local function refused_word(description)
    local known = description.evidence.registration
    return known and known.refused
end

--- The live password of a field, or nil and why it is not known.
local function look_up(entry, field)
    local current, newest
    for _, row in ipairs(ledger.secrets { account = entry.account, trunk = entry.key }) do
        if row.field == field then
            current = row.state == "current" and row or current
            newest = row.state == "candidate" and row or newest
        end
    end
    if newest and (not current or newest.id > current.id) then
        return nil, "since an earlier run it is unknown which password is live"
    elseif not current then
        return nil, "the ledger does not know the old one"
    elseif current.evidence == refused_word(entry.account:describe()) then
        return nil, "the carrier refused the old one as well"
    end
    local secret, why = ledger.open_secret(entry.account, entry.key, field, "current")
    return secret, why and "the old one cannot be decrypted here: " .. why
end

--- Before a change, field → { secret =, why = } of every password that it may replace: only then they are certain.
local function remember(entry, plan)
    local old = {}
    for field, value in pairs(plan.changes or {}) do
        if value == planner.new_secret or core.is_secret(value) then
            local given = plan.previous and plan.previous[field]
            if given then
                old[field] = { secret = given }
            else
                local secret, why = look_up(entry, field)
                old[field] = { secret = secret, why = why }
            end
        end
    end
    return old
end

-- ---------------------------------------------------------------------------------------------------
-- Restoring

--- The passwords that the carrier refused, as entries of the description's secrets.
local function refused_secrets(description, applied, found)
    local list = {}
    for _, secret in ipairs(description.secrets or {}) do
        if core.is_secret(applied.fields[secret.field])
            and registration.verdict(description, found, secret.legs) == refused_word(description) then
            list[#list + 1] = secret
        end
    end
    return list
end

local function fail(err, what, attempts, restored)
    outcome.failed(err.kind, ("%s; %s"):format(err.refusal, what),
        { attempts = attempts, code = err.code, restored = restored })
end

local function not_restored(err, why)
    fail(err, ("the old password was not restored: %s. The new one is live at the platform: set it at the carrier "
        .. "(trunkhost secrets export)"):format(why), err.attempts, false)
end

--- The fields to send: the old passwords, and the fields that the platform requires with them. Raises when one is
--- unknown.
local function fields_of(err, before, secrets, old)
    local fields = {}
    for _, secret in ipairs(secrets) do
        local known = old[secret.field]
        if not known or not known.secret then
            not_restored(err, known and known.why or "the plan did not name it")
        end
        fields[secret.field] = known.secret
        for _, name in ipairs(secret.with or {}) do
            fields[name] = before[name]
        end
    end
    return fields
end

local function send(entry, err, before, fields, attempts)
    local ok, again = pcall(change.apply, entry.account, before, fields)
    if ok then
        return again
    elseif not core.is_error(again) then
        error(again, 0)
    elseif again.ambiguous or again.kind == "unknown_outcome" then
        outcome.unknown(("%s; the old password was sent, but it is unknown whether it is live again (%s). The "
            .. "ledger keeps both: check the trunk, or run again"):format(err.refusal, again.message),
            { attempts = attempts + again.attempts, restored = false })
    end
    err.attempts = attempts + again.attempts
    not_restored(err, "the platform answered: " .. again.message)
end

--- Records the new passwords as rejected, unless the ledger has dropped them.
local function reject(entry, secrets, receipt, word)
    ledger.sync()
    local there = {}
    for _, row in ipairs(ledger.secrets { account = entry.account, trunk = entry.key }) do
        there[row.id] = true
    end
    for _, secret in ipairs(secrets) do
        local row = receipt[secret.field]
        if row and there[row] then
            ledger.settle(row, "rejected", word)
        end
    end
end

--- The carrier's answer to the old password, in words; whether it accepted it; and whether there was one.
local function verify(entry, again, seconds)
    local ok, answer = pcall(change.verify, entry.account, again, seconds)
    if ok then
        return "the old password was restored, and the carrier accepts it", answer == "registered", true
    elseif not core.is_error(answer) then
        error(answer, 0)
    elseif answer.refusal then
        return "the old password was restored, but the carrier refuses it as well", false, true
    end
    return ("the old password was restored, but it is not known yet whether the carrier accepts it (%s)")
        :format(answer.message), false, false
end

--- Restores the passwords of an item and raises the result: the item has failed in any case.
local function put_back(run, entry, applied, old, err)
    local account, attempts = entry.account, applied.attempts or 0
    local secrets = refused_secrets(account:describe(), applied, err.registrations)
    err.attempts = attempts
    local ok, before = pcall(change.before, account, entry.trunk)
    if not ok then
        not_restored(err, "the trunk could not be read: " .. tostring(before))
    end
    local again = send(entry, err, before, fields_of(err, before, secrets, old), attempts)
    local words, accepted, answered = verify(entry, again, run.options.settle_time)
    if answered then
        reject(entry, secrets, applied.receipt, err.code)
    end
    for _, secret in ipairs(accepted and secrets or {}) do
        ledger.delivered(account, entry.key, secret.field) -- the carrier that accepts it has it
    end
    fail(err, words, attempts + again.attempts, true)
end

--- Prepares a run with --restore-on-failure, before its items are planned.
---@param run trunkhost.JobRun
---@param entries trunkhost.Entry[]
function restore.attach(run, entries)
    local spec = run.spec
    if not run.options.restore_on_failure or not spec.verify then
        return
    end
    local apply, check, entry_of = spec.apply, spec.verify, {}
    local old <const> = setmetatable({}, { __mode = "k" })
    for _, entry in ipairs(entries) do
        entry_of[entry.item] = entry
    end
    function spec.apply(item, plan)
        old[plan] = remember(entry_of[item], plan)
        return apply(item, plan)
    end
    function spec.verify(item, plan, applied)
        local ok, answer = pcall(check, item, plan, applied)
        if ok then
            return answer
        elseif core.is_error(answer) and answer.registrations and type(applied.fields) == "table" then
            put_back(run, entry_of[item], applied, old[plan], answer)
        end
        error(answer, 0)
    end
end

return restore
