--- What proves that a change took effect: the strongest that the provider's description offers.

local alike <const> = require "trunkhost.change.alike"
local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local outcome <const> = require "trunkhost.change.outcome"
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

--- What a look at the trunk proves: "reprovisioned", "updated_at", or "accepted": only the platform's word. `before`
--- must have been read just before the write: otherwise somebody else's change would count.
---@param description table
---@param before table
---@param after any
---@param legs { inbound: boolean, outbound: boolean }  which the write re-creates
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

--- The fields that show that a write took effect, at this trunk: infrastructure ids of the legs that it re-creates,
--- and the time of the last change.
local function witnesses(description, before, legs)
    local fields, updated = infrastructure(description, before, legs), description.evidence.updated
    if updated and present(before[updated]) then
        fields[#fields + 1] = updated
    end
    return fields
end

--- The fields that come back and were to become something else: those that show it, and those that are as they were.
local function readable(description, before, fields, after)
    local shown, stale = {}, {}
    for name, sent in pairs(fields) do
        local field = description.objects.trunk.fields[name]
        local changes = field and field.read and not field.secret and not core.is_secret(sent)
            and not alike.covers(sent, before[name])
        if changes and alike.covers(sent, after[name]) then
            shown[#shown + 1] = name
        elseif changes and canonical.text(after[name]) == canonical.text(before[name]) then
            stale[#stale + 1] = name
        end
    end
    table.sort(stale)
    return shown, stale
end

local function has_secret(fields)
    for _, value in pairs(fields) do
        if core.is_secret(value) then
            return true
        end
    end
    return false
end

--- Whether a look at the trunk can show that such a write took effect.
---@param description table
---@param before table
---@param fields table  what was sent
---@param legs { inbound: boolean, outbound: boolean }
---@return boolean
function evidence.can_show(description, before, fields, legs)
    local shown, stale = readable(description, before, fields, before)
    return #shown + #stale > 0 or #witnesses(description, before, legs) > 0
end

--- What stands against a write that the platform has said yes to, in words: fields that are still as they were, or
--- that nothing has changed which changes with every such write. Nil: nothing does. Where the write makes new
--- infrastructure ids only these count, and a time of change that the write's own reply did not show does not: somebody
--- else may have moved it.
---@param description table
---@param before table
---@param fields table  what was sent
---@param after table   the trunk afterwards
---@param legs { inbound: boolean, outbound: boolean }
---@param is_late boolean?  `after` was read later, and the write's own reply showed nothing
---@return string?
function evidence.against(description, before, fields, after, legs, is_late)
    local shown, stale = readable(description, before, fields, after)
    if #stale > 0 then
        return ("it still shows the old value of %s"):format(table.concat(stale, ", "))
    end
    local names = witnesses(description, before, legs)
    local is_shown = #shown > 0 and not has_secret(fields) -- the values themselves are the proof
    local proof = evidence.of(description, before, after, legs)
    local is_own = proof == "updated_at" and not is_late and #infrastructure(description, before, legs) == 0
    if #names == 0 or is_shown or proof == "reprovisioned" or is_own then
        return nil
    elseif proof == "updated_at" then
        return ("it shows nothing of it but a later %s, which somebody else may have moved"):format(
            description.evidence.updated)
    elseif #names == 1 then
        return ("it shows the same %s as before, which changes with every such write"):format(names[1])
    end
    return ("it shows the same %s and %s as before, and such a write changes them"):format(
        table.concat(names, ", ", 1, #names - 1), names[#names])
end

--- Whether a stronger proof than this one may show in a later look.
---@param description table
---@param before table
---@param legs { inbound: boolean, outbound: boolean }
---@param proof string
---@return boolean
function evidence.may_grow(description, before, legs, proof)
    return proof ~= "reprovisioned" and #infrastructure(description, before, legs) > 0
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
