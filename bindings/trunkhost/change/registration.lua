--- Registration: the carrier's answer to new credentials. A platform shows the last status that it knows. A status that
--- has not changed since before the write says nothing about the new password; a registration that was lost and came
--- back proves it.

local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local outcome <const> = require "trunkhost.change.outcome"
local trunk_secrets <const> = require "trunkhost.trunk_secrets"

local registration <const> = {}

local present <const> = trunk_secrets.present

local LEGS <const> = { "inbound", "outbound" }
local POLL_FIRST <const>, POLL_LONGEST <const> = 0.5, 5
-- A registration that is under way before a write belongs to an earlier one: so long is waited for its end.
local REST <const> = 5
-- Seconds before a stopping run would be cut off.
local END_BEFORE <const> = 2

local function contains(list, value)
    for _, item in ipairs(list) do
        if item == value then return true end
    end
    return false
end

--- Whether a status is one that a registration is in before its end.
local function is_under_way(known, status)
    return present(status) and status ~= known.idle and not contains(known.settled, status)
end

--- The legs whose registration says something about this trunk: leg → name of its status. Nil: none.
---@param description table
---@param before table
---@param legs table<string, boolean>
---@return table<string, string>?
function registration.watched(description, before, legs)
    local known = description.evidence.registration or {}
    local found = {}
    for _, leg in ipairs(LEGS) do
        local field = legs[leg] and known[leg]
        if field then
            local condition = known.when and known.when[leg]
            local says
            if condition then
                says = trunk_secrets.holds(before, condition)
            else
                says = present(before[field]) and before[field] ~= known.idle
            end
            found[leg] = says and field or nil
        end
    end
    return next(found) and found or nil
end

--- The trunk again every now and then, until is_over(trunk) or so many seconds have passed.
local function poll(account, trunk, seconds, is_over)
    local start, pause = core.now(), POLL_FIRST
    while not is_over(trunk) do
        local waited = core.now() - start
        local _, left = core.stopping()
        seconds = math.min(seconds, waited + math.max(0, left - END_BEFORE)) -- a run that stops is cut off then
        if waited >= seconds then
            break
        end
        core.sleep(math.max(0, math.min(pause, seconds - waited)))
        pause = math.min(pause * 2, POLL_LONGEST)
        local ok, answer = pcall(account.get, account, trunk.id)
        if ok then
            trunk = answer
        elseif not (core.is_error(answer) and answer.retryable) then
            error(answer, 0)
        end
    end
    return trunk
end

--- The trunk when no registration of these legs is under way, or still one after a few seconds.
---@param account trunkhost.Account
---@param trunk table
---@param legs table<string, boolean>
---@return table
function registration.at_rest(account, trunk, legs)
    local description <const> = account:describe()
    local known, watched = description.evidence.registration, registration.watched(description, trunk, legs)
    if not watched then
        return trunk
    end
    return poll(account, trunk, REST, function(now)
        for _, field in pairs(watched) do
            if is_under_way(known, now[field]) then
                return false
            end
        end
        return true
    end)
end

---@class trunkhost.Registrations
---@field watched table<string, string>   leg → name of its status
---@field before table<string, string?>   leg → status before the write
---@field shown table<string, string?>    leg → status that was seen last
---@field settled table<string, string?>   leg → status that the write has led to, where it has settled

--- Waits until the registrations of these legs have moved and settled after a change of their credentials. Nil when
--- registration says nothing about them.
---@param account trunkhost.Account
---@param before table
---@param after table  the trunk after the change, as the platform answered
---@param legs table<string, boolean>
---@param seconds number  the longest wait
---@return trunkhost.Registrations?
function registration.wait(account, before, after, legs, seconds)
    local description <const> = account:describe()
    local known, watched = description.evidence.registration, registration.watched(description, before, legs)
    if not watched then
        return nil
    end
    local moved, found = {}, { watched = watched, before = {}, shown = {}, settled = {} }
    local rest <const> = {} -- leg → the status that it must leave
    for leg, field in pairs(watched) do
        found.before[leg] = present(before[field]) and before[field] or nil
        rest[leg] = not is_under_way(known, before[field]) and found.before[leg] or nil
    end
    poll(account, after, seconds, function(now)
        local complete = true
        for leg, field in pairs(watched) do
            local status, final = now[field], contains(known.settled, now[field])
            if present(status) then -- a reply may leave it out: that is no move
                -- What was under way before the write ends with a status that says nothing about it.
                rest[leg] = rest[leg] or not is_under_way(known, status) and status or nil
                moved[leg] = moved[leg] or rest[leg] ~= nil and status ~= rest[leg]
                found.shown[leg] = status
            end
            found.settled[leg] = final and moved[leg] and status or nil
            complete = complete and found.settled[leg] ~= nil
        end
        return complete
    end)
    return found
end

--- Whether the carrier accepts or refuses a secret of these legs; nil when registration shows neither.
---@param description table
---@param found trunkhost.Registrations
---@param legs string[]
---@return string?
function registration.verdict(description, found, legs)
    local known, accepted = description.evidence.registration, nil
    for _, leg in ipairs(legs) do
        local status = found.settled[leg]
        if status == known.refused then
            return status
        elseif found.watched[leg] then
            accepted = accepted ~= false and status == known.proven
        end
    end
    return accepted and known.proven or nil
end

--- Whether the evidence in the ledger verifies a secret, as far as this platform can. If a leg registers, only a
--- registration does.
---@param description table
---@param trunk table
---@param secret table  an entry of the description's `secrets`
---@param proof string?
---@return boolean
function registration.proves(description, trunk, secret, proof)
    local legs = {}
    for _, leg in ipairs(secret.legs) do
        legs[leg] = true
    end
    if registration.watched(description, trunk, legs) then
        return proof == description.evidence.registration.proven
    end
    return proof ~= nil and proof ~= ""
end

local ADVICE <const> = "The ledger keeps the new password as a candidate beside the old one. Check at the carrier "
    .. "which one the trunk registers with (trunkhost secrets export), allow more time, or run again to set a new one"

--- Why the registration of a leg proves nothing; nil when it proves the password.
local function doubt(found, leg, known, seconds)
    local status, shown = found.settled[leg], found.shown[leg]
    if status == known.proven then
        return nil
    elseif status then
        return ("is '%s', which proves nothing about the new password"):format(status)
    elseif contains(known.settled, shown) and found.before[leg] ~= shown then
        return ("is '%s', which may be the end of what was under way before the change (it was '%s') and proves \z
            nothing about the new password"):format(shown, tostring(found.before[leg] or "not shown"))
    elseif contains(known.settled, shown) then
        return ("has stayed '%s' for %s, as it was before the change, which proves nothing about the new password")
            :format(shown, duration.format(seconds))
    end
    return ("has not settled in %s (it is '%s')"):format(duration.format(seconds), tostring(shown or "not shown"))
end

--- Judges what `wait` found. Returns when all legs are proven; raises `refused` when the carrier says no to one, and
--- an unknown outcome for anything else.
---@param description table
---@param found trunkhost.Registrations
---@param seconds number
function registration.judge(description, found, seconds)
    local known <const> = description.evidence.registration
    for _, leg in ipairs(LEGS) do
        if found.settled[leg] == known.refused then
            local refusal = ("the carrier refuses the new password: registration of the %s leg is '%s'"):format(leg,
                known.refused)
            outcome.failed("refused", refusal .. ". The platform already uses it: set the same one at the carrier "
                .. "(trunkhost secrets export), or restore the old one",
                { code = known.refused, refusal = refusal, registrations = found })
        end
    end
    for _, leg in ipairs(LEGS) do
        local text = found.watched[leg] and doubt(found, leg, known, seconds)
        if text then
            outcome.unknown(("%s confirmed the change, but registration of the %s leg %s. %s"):format(description.title,
                leg, text, ADVICE))
        end
    end
end

return registration
