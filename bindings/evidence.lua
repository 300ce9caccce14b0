--- What proves that a change took effect: the strongest that the provider's description offers.

local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local outcome <const> = require "trunkhost.outcome"
local trunk_secrets <const> = require "trunkhost.trunk_secrets"

local evidence <const> = {}

local present <const> = trunk_secrets.present

local POLL_FIRST <const>, POLL_LONGEST <const> = 0.5, 5
-- A status is the last known one: the one of before the change may be shown for a moment after it. One that has
-- not moved in this many seconds is taken as it is.
local STALE <const> = 5
-- So long before a run that is stopping would be cut off.
local END_BEFORE <const> = 2

--- Fields with the infrastructure ids that must change when these legs are re-created.
local function infrastructure(description, before, legs)
    local fields = {}
    for leg, field in pairs(description.evidence.infrastructure or {}) do
        if legs[leg] and present(before[field]) then
            fields[#fields + 1] = field
        end
    end
    return fields
end

local function all_changed(fields, before, after)
    for _, field in ipairs(fields) do
        if not present(after[field]) or after[field] == before[field] then
            return false
        end
    end
    return #fields > 0
end

--- A function that tells from a later look at the trunk whether a write has landed since `before` was read;
--- nil where the platform shows nothing of the kind. `before` must have been read just before the write:
--- otherwise somebody else's change would count.
---@param description table
---@param before table
---@param legs { inbound: boolean, outbound: boolean }  which the write re-creates
---@return (fun(after: table): boolean)?
function evidence.witness(description, before, legs)
    local fields = infrastructure(description, before, legs)
    if #fields > 0 then
        return function(after) return all_changed(fields, before, after) end
    end
    local updated = description.evidence.updated
    if updated and present(before[updated]) then
        return function(after) return present(after[updated]) and after[updated] ~= before[updated] end
    end
end

--- What a look at the trunk proves: "reprovisioned", "updated_at", or "accepted": only the platform's word.
---@param description table
---@param before table
---@param after any
---@param legs { inbound: boolean, outbound: boolean }
---@return string
function evidence.of(description, before, after, legs)
    if type(after) ~= "table" then
        return "accepted"
    end
    local updated = description.evidence.updated
    if all_changed(infrastructure(description, before, legs), before, after) then
        return "reprovisioned"
    elseif updated and present(after[updated]) and after[updated] ~= before[updated] then
        return "updated_at"
    end
    return "accepted"
end

--- Whether a stronger proof than this one may show in a later look.
---@param description table
---@param before table
---@param legs { inbound: boolean, outbound: boolean }
---@param proof string
---@return boolean
function evidence.may_grow(description, before, legs, proof)
    if proof == "reprovisioned" then
        return false
    end
    return #infrastructure(description, before, legs) > 0
        or proof == "accepted" and evidence.witness(description, before, legs) ~= nil
end

-- ---------------------------------------------------------------------------------------------------
-- Registration: the carrier's answer to new credentials

--- The legs whose registration says something about this trunk: leg → name of its status.
local function registering(description, before, legs)
    local registration = description.evidence.registration or {}
    local found = {}
    for _, leg in ipairs { "inbound", "outbound" } do
        local field = legs[leg] and registration[leg]
        if field then
            local condition = registration.when and registration.when[leg]
            local says
            if condition then
                says = trunk_secrets.holds(before, condition)
            else
                says = present(before[field]) and before[field] ~= registration.idle
            end
            found[leg] = says and field or nil
        end
    end
    return found
end

local function contains(list, value)
    for _, item in ipairs(list) do
        if item == value then return true end
    end
    return false
end

--- leg → its status, for those that have settled since the change.
local function settled(registration, watched, before, now, moved, waited)
    local result, complete = {}, true
    for leg, field in pairs(watched) do
        local status = now[field]
        local final = contains(registration.settled, status)
        moved[leg] = moved[leg] or not final or status ~= before[field]
        if final and (moved[leg] or waited >= STALE) then
            result[leg] = status
        else
            complete = false
        end
    end
    return result, complete
end

--- Waits until the registrations of these legs have settled after a change of their credentials. Nil when
--- registration says nothing about them; else leg → status, where a leg that has not settled is missing.
---@param account trunkhost.Account
---@param before table
---@param after table  the trunk after the change, as the platform answered
---@param legs table<string, boolean>
---@param seconds number  the longest wait
---@return table<string, string>? statuses, table<string, string>? watched  leg → name of its status
function evidence.registration(account, before, after, legs, seconds)
    local description = account:describe()
    local registration = description.evidence.registration
    local watched = registering(description, before, legs)
    if not next(watched) then
        return nil
    end
    local start, pause, moved, now = core.now(), POLL_FIRST, {}, after
    while true do
        local waited = core.now() - start
        local _, left = core.stopping()
        seconds = math.min(seconds, waited + math.max(0, left - END_BEFORE)) -- a run that stops is cut off then
        local statuses, complete = settled(registration, watched, before, now, moved, waited)
        if complete or waited >= seconds then
            return statuses, watched
        end
        core.sleep(math.max(0, math.min(pause, seconds - waited)))
        pause = math.min(pause * 2, POLL_LONGEST)
        local ok, answer = pcall(account.get, account, before.id)
        if ok then
            now = answer
        elseif not (core.is_error(answer) and answer.retryable) then
            error(answer, 0)
        end
    end
end

--- Whether what the ledger holds for a secret proves it, as far as this platform can. Where a leg registers, only
--- that it has done so does.
---@param description table
---@param trunk table
---@param secret table  an entry of the description's `secrets`
---@param proof string?
---@return boolean
function evidence.proves(description, trunk, secret, proof)
    local legs = {}
    for _, leg in ipairs(secret.legs) do
        legs[leg] = true
    end
    if next(registering(description, trunk, legs)) then
        return proof == description.evidence.registration.proven
    end
    return proof ~= nil and proof ~= ""
end

--- What registration says of a secret that serves these legs: nil, or the worst that was heard.
---@param description table
---@param statuses table<string, string>
---@param legs string[]
---@return string?
function evidence.status(description, statuses, legs)
    local worst
    for _, leg in ipairs(legs) do
        local status = statuses[leg]
        if not worst or status and status ~= description.evidence.registration.proven then
            worst = status or worst
        end
    end
    return worst
end

--- Judges what `registration` found. Returns when all legs are proven; raises `refused` when the carrier says
--- no to one, and an unknown outcome for anything else.
---@param description table
---@param statuses table<string, string>
---@param watched table<string, string>
---@param seconds number
function evidence.judge(description, statuses, watched, seconds)
    local registration = description.evidence.registration
    local open
    for _, leg in ipairs { "inbound", "outbound" } do
        local status = statuses[leg]
        if status == registration.refused then
            local refusal = ("the carrier refuses the new password: registration of the %s leg is '%s'"):format(leg,
                status)
            outcome.failed("refused", refusal .. ". The platform uses it already: set the same one at the carrier "
                .. "(trunkhost secrets export), or put the old one back",
                { code = status, refusal = refusal, statuses = statuses })
        elseif watched[leg] and status ~= registration.proven then
            open = open or { leg = leg, status = status }
        end
    end
    if open and open.status then
        outcome.unknown(("the platform has taken the change, but registration of the %s leg is '%s', which proves "
            .. "nothing about the new credentials: look at the carrier"):format(open.leg, open.status))
    elseif open then
        outcome.unknown(("the platform has taken the change, but registration of the %s leg has not settled in %s: "
            .. "look at it again later, or allow more time"):format(open.leg, duration.format(seconds)))
    end
end

return evidence
