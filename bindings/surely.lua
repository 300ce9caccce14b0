--- Sending what must not be done twice: where an answer leaves doubt, a look comes before it is sent again.

local core <const> = require "trunkhost.core"

local ROUNDS <const> = 5
local PAUSE_FIRST <const>, PAUSE_LONGEST <const> = 0.5, 8

--- Sends until it is certain. look() returns what is there of it; it is asked twice before anything is sent again,
--- because a request that was cut off may still be on its way.
---@param send fun(): any, integer?    returns the answer and how many requests it took
---@param look fun(): any
---@param count fun(sent: integer)     is told of every request that was sent
---@return any answer, boolean found   found: by looking
return function(send, look, count)
    local pause, doubt = PAUSE_FIRST, nil
    for _ = 1, ROUNDS do
        local ok, answer, sent = pcall(send)
        if ok then
            count(sent or 1)
            return answer, false
        elseif not core.is_error(answer) then
            error(answer, 0)
        end
        count(answer.attempts)
        if not answer.ambiguous and not answer.retryable then
            error(answer, 0)
        end
        doubt = answer
        for _ = 1, 2 do
            local there = look()
            if there then
                return there, true
            end
            core.sleep(pause)
        end
        pause = math.min(pause * 2, PAUSE_LONGEST)
    end
    error(doubt, 0)
end
