--- Changing a trunk until it is certain: an ambiguous answer is settled by looking, and where that shows nothing,
--- by sending the very same again.

local core <const> = require "trunkhost.core"
local evidence <const> = require "trunkhost.evidence"
local outcome <const> = require "trunkhost.outcome"

local change <const> = {}

local ROUNDS <const> = 5
local PAUSE_FIRST <const>, PAUSE_LONGEST <const> = 0.5, 8
local SETTLE <const> = 60

local function secrets_of(fields)
    local found = {}
    for field, value in pairs(fields) do
        if core.is_secret(value) then
            found[field] = value
        end
    end
    return found
end

--- Records in the ledger what is known of the secrets that were sent.
local function settle(account, id, fields, proof)
    for field, secret in pairs(secrets_of(fields)) do
        account:settle(id, field, secret, "current", proof)
    end
end

local function look(account, id)
    local ok, trunk = pcall(account.get, account, id)
    if ok and type(trunk) == "table" then
        return trunk
    end
end

--- The platform has said yes: what does that prove?
local function accepted(account, before, fields, legs, answer, attempts)
    local description = account:describe()
    local proof = evidence.of(description, before, answer, legs)
    if evidence.may_grow(description, before, legs, proof) then
        local later = look(account, before.id)
        if later then
            answer, proof = later, evidence.of(description, before, later, legs)
        end
    end
    settle(account, before.id, fields, proof)
    return { trunk = answer, before = before, fields = fields, evidence = proof, attempts = attempts }
end

local function give_up(account, fields, err, attempts)
    local message = ("it is not known whether the change has happened (%s)"):format(err.message)
    if next(secrets_of(fields)) then
        message = message .. ". The ledger keeps the new password as a candidate beside the old one: run again to "
            .. "set another one, or see 'trunkhost secrets export --account " .. account:name() .. "'"
    else
        message = message .. ". Look at the trunk, or run again"
    end
    outcome.unknown(message, { attempts = attempts, status = err.status })
end

--- The trunk in full, as it is now: what every change starts from.
---@param account trunkhost.Account
---@param trunk table  as the list showed it
---@return table
function change.before(account, trunk)
    local pause = PAUSE_FIRST
    for round = 1, ROUNDS do
        local ok, now = pcall(account.get, account, trunk.id)
        if ok then
            return now
        elseif not core.is_error(now) then
            error(now, 0)
        elseif not now.retryable or round == ROUNDS then
            now.attempts = 0 -- of writes there were none
            error(now, 0)
        end
        core.sleep(pause)
        pause = math.min(pause * 2, PAUSE_LONGEST)
    end
end

--- Sends the fields and returns once it is certain that they have been taken. Raises what the platform refused,
--- or an unknown outcome.
---@param account trunkhost.Account
---@param before table   the trunk, in full, read just before
---@param fields table   what is to change, and nothing else
---@param grant string[]?  dangerous fields among them that are meant
---@return trunkhost.Applied
function change.apply(account, before, fields, grant)
    local legs = account:impact(before, fields)
    local witness = evidence.witness(account:describe(), before, legs)
    -- With a witness, the client must not repeat by itself: a look comes before a second sending.
    local options = (witness or grant) and { resend = not witness, grant = grant } or nil
    local attempts, pause, doubt = 0, PAUSE_FIRST, nil
    for round = 1, ROUNDS do
        local ok, answer, sent = pcall(account.update, account, before.id, fields, options)
        if ok then
            return accepted(account, before, fields, legs, answer, attempts + sent)
        elseif not core.is_error(answer) then
            error(answer, 0)
        end
        attempts = attempts + answer.attempts
        doubt = doubt or answer.ambiguous and answer
        if not doubt then
            answer.attempts = attempts
            error(answer, 0)
        end
        local now = witness and look(account, before.id)
        if now and witness(now) then
            return accepted(account, before, fields, legs, now, attempts)
        elseif not answer.ambiguous and not answer.retryable then
            return give_up(account, fields, answer, attempts)
        end
        if round < ROUNDS then
            core.sleep(pause)
            pause = math.min(pause * 2, PAUSE_LONGEST)
        end
    end
    return give_up(account, fields, doubt, attempts)
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

--- Waits for the carrier's answer to new credentials where the platform shows it. Returns the evidence; raises
--- when the carrier refuses them or the answer does not come.
---@param account trunkhost.Account
---@param applied trunkhost.Applied
---@param seconds? number  the longest wait, default 60
---@return string evidence
function change.verify(account, applied, seconds)
    local description = account:describe()
    local legs = legs_of(description, applied.fields)
    seconds = seconds or SETTLE
    local after = type(applied.trunk) == "table" and applied.trunk or applied.before
    local statuses, watched = evidence.registration(account, applied.before, after, legs, seconds)
    if not statuses then
        return applied.evidence
    end
    for _, secret in ipairs(description.secrets) do
        local sent = applied.fields[secret.field]
        local proof = core.is_secret(sent) and evidence.status(description, statuses, secret.legs)
        if proof then
            account:settle(applied.before.id, secret.field, sent, "current", proof)
        end
    end
    evidence.judge(description, statuses, watched, seconds)
    return "registered"
end

return change
