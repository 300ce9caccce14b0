--- Changes a trunk and checks the result. The client repeats a repeatable change until the platform confirms it with
--- the trunk that was asked for. What stays ambiguous remains unknown, whatever the trunk shows: somebody else may have
--- changed it.

local core <const> = require "trunkhost.core"
local evidence <const> = require "trunkhost.change.evidence"
local ledger <const> = require "trunkhost.ledger"
local outcome <const> = require "trunkhost.change.outcome"
local registration <const> = require "trunkhost.change.registration"

local change <const> = {}

-- A platform may show a change a moment later, so the trunk is read several times, with these pauses.
local LOOK_PAUSES <const> = { 0, 0.5, 1.5 }
local SETTLE <const> = 60

local function has_secret(fields)
    for _, value in pairs(fields) do
        if core.is_secret(value) then return true end
    end
    return false
end

--- The legs whose secrets were sent.
local function legs_of(description, fields)
    local legs = {}
    for _, secret in ipairs(description.secrets or {}) do
        if fields[secret.field] ~= nil then
            for _, leg in ipairs(secret.legs) do
                legs[leg] = true
            end
        end
    end
    return legs
end

--- Records in the ledger that the secrets that were sent are in use, unless that is on record.
---@param applied trunkhost.Applied
function change.settle(applied)
    for field, row in pairs(applied.receipt) do
        ledger.settle(row, "current", applied.evidence)
        applied.receipt[field] = nil
    end
end

local function look(account, id)
    local ok, trunk = pcall(account.get, account, id)
    if ok and type(trunk) == "table" then
        return trunk
    end
end

--- What to do about a change whose outcome is unknown.
local function advice(account, fields)
    if has_secret(fields) then
        return "The ledger keeps the new password as a candidate beside the old one: run again to set a new one, or "
            .. "see 'trunkhost secrets export --account " .. account:name() .. "'"
    end
    return "Check the trunk, or run again"
end

--- Checks what the platform's confirmation proves.
local function accepted(account, before, fields, legs, answer, attempts, receipt)
    local description = account:describe()
    local shown = type(answer) == "table" and answer or nil
    local doubt = shown and evidence.against(description, before, fields, shown, legs)
        or not shown and evidence.can_show(description, before, fields, legs) and "its reply shows nothing of it"
    local proof, is_late = evidence.of(description, before, shown, legs), shown ~= nil and doubt ~= nil
    for _, pause in ipairs(LOOK_PAUSES) do
        if not doubt and (pause > 0 or not evidence.may_grow(description, before, legs, proof)) then
            break
        end
        core.sleep(pause)
        local now = look(account, before.id)
        if now then
            doubt = evidence.against(description, before, fields, now, legs, is_late)
            shown, proof = now, evidence.of(description, before, now, legs)
        end
    end
    if doubt then
        outcome.unknown(("%s confirmed the change, but %s: it is unknown whether it took effect. %s"):format(
            description.title, doubt, advice(account, fields)), { attempts = attempts })
    end
    local applied = { trunk = shown or answer, before = before, fields = fields, evidence = proof, attempts = attempts,
        receipt = receipt or {} }
    -- Where the carrier's answer shows, only that makes a password the current one: `verify` waits for it.
    if not registration.watched(description, before, legs_of(description, fields)) then
        change.settle(applied)
    end
    return applied
end

local function give_up(account, fields, err)
    outcome.unknown(("it is unknown whether the change took effect (%s). %s"):format((err.message:gsub("%.$", "")),
        advice(account, fields)), { attempts = err.attempts, status = err.status, code = err.code, cause = err })
end

--- The trunk in full, as it is now: every change starts from it.
---@param account trunkhost.Account
---@param trunk table  as the list showed it
---@return table
function change.before(account, trunk)
    local ok, now = pcall(account.get, account, trunk.id)
    if ok then
        return now
    elseif core.is_error(now) then
        now.attempts = 0 -- of writes there were none
    end
    error(now, 0)
end

--- Sends the fields and returns when the platform has confirmed them. Raises a refusal, or an unknown outcome.
---@param account trunkhost.Account
---@param before table   the trunk, in full, read just before
---@param fields table   only the fields to change
---@param grant string[]?  the dangerous fields among them that are intended
---@return trunkhost.Applied
function change.apply(account, before, fields, grant)
    before = registration.at_rest(account, before, legs_of(account:describe(), fields))
    local legs = account:impact(before, fields)
    local ok, answer, sent, receipt = pcall(account.update, account, before.id, fields,
        { grant = grant, settle = false })
    if ok then
        return accepted(account, before, fields, legs, answer, sent, receipt)
    elseif core.is_error(answer) and answer.ambiguous then
        return give_up(account, fields, answer)
    end
    error(answer, 0)
end

local function is_watched(found, legs)
    for _, leg in ipairs(legs) do
        if found.watched[leg] then return true end
    end
    return false
end

--- Waits for the carrier's answer to new credentials, if the platform shows it. Returns the evidence; raises when the
--- carrier refuses them or does not answer.
---@param account trunkhost.Account
---@param applied trunkhost.Applied
---@param seconds? number  the longest wait, default 60
---@return string evidence
function change.verify(account, applied, seconds)
    local description = account:describe()
    local legs = legs_of(description, applied.fields)
    seconds = seconds or SETTLE
    local after = type(applied.trunk) == "table" and applied.trunk or applied.before
    local found = registration.wait(account, applied.before, after, legs, seconds)
    if not found then
        return applied.evidence
    end
    for _, secret in ipairs(description.secrets) do
        local row, proof = applied.receipt[secret.field], nil
        if is_watched(found, secret.legs) then
            proof = registration.verdict(description, found, secret.legs)
        elseif next(found.settled) then
            proof = applied.evidence -- it came with the password that registration tells of
        end
        if row and proof then
            ledger.settle(row, "current", proof)
        end
    end
    registration.judge(description, found, seconds)
    return "registered"
end

return change
