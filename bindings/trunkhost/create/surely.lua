--- Sends a request that must not be done twice. If its outcome is unknown, looks for its result.

local core <const> = require "trunkhost.core"
local creates <const> = require "trunkhost.create.creates"

-- Pauses before each look. Most platforms show a result at once, some a moment later; what shows later than this is
-- found by the next run.
local PAUSES <const> = { 0, 0.5, 1, 2 }

local function has_id(answer)
    local id = type(answer) == "table" and answer.id
    return math.type(id) == "integer" or type(id) == "string" and id ~= ""
end

--- Sends once. look() returns the result if it is there; if it never is, the doubt is raised.
---@param account trunkhost.Account
---@param send fun(): any, integer?    returns the answer and how many requests it took
---@param look fun(): any
---@param count fun(sent: integer)     called with the number of requests sent
---@param part? { endpoint: string, body: table? }  what is added: a reply without its id proves nothing
---@return any answer, boolean found   found: by look()
return function(account, send, look, count, part)
    local ok, answer, sent = pcall(send)
    if ok and (not part or has_id(answer)) then
        count(sent or 1)
        return answer, false
    elseif ok then
        count(sent or 1)
        local _, doubt = pcall(core.error, "unknown_outcome", ("the reply to '%s' has no id"):format(part.endpoint))
        doubt.ambiguous, doubt.attempts = true, 1
        answer = doubt
    elseif not core.is_error(answer) then
        error(answer, 0)
    end
    if not ok then
        count(answer.attempts)
    end
    -- If nothing was sent, there is nothing new to find.
    for _, pause in ipairs(answer.ambiguous and answer.attempts > 0 and PAUSES or {}) do
        core.sleep(pause)
        local looked, there = pcall(look)
        if looked and there then
            return there, true
        elseif not looked and (not core.is_error(there) or there.kind == "unknown_outcome"
            or there.kind == "cancelled") then
            error(there, 0)
        end
    end
    if ok then
        creates.reopen(account, part.endpoint, part.body)
    end
    if answer.kind == "unknown_outcome" and answer.attempts > 0 then
        answer.message = ("%s. It is not listed yet, and not sent again before it is looked for: run again after %s"
            ):format((answer.message:gsub("%.$", "")), creates.time(account:describe().eventual))
    end
    error(answer, 0)
end
