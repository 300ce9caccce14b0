--- Calls a function again after an error that may be temporary.

local core <const> = require "trunkhost.core"

local KINDS <const> = {}
for kind in ("invalid refused auth not_found conflict rate_limited unavailable network tls timeout malformed delivery")
    :gmatch "%S+" do
    KINDS[kind] = true
end

local OPTIONS <const> = { times = true, on = true, pause = true, longest = true, jitter = true }

local function check(options)
    for name in pairs(options) do
        if not OPTIONS[name] then
            error(("retry: no option '%s'; there are times, on, pause, longest and jitter"):format(tostring(name)), 3)
        end
    end
    local times <const> = options.times or 3
    if math.type(times) ~= "integer" or times < 1 then
        error("retry: times must be an integer of at least 1", 3)
    end
    for _, name in ipairs { "pause", "longest" } do
        local value <const> = options[name]
        if value ~= nil and (type(value) ~= "number" or value < 0) then
            error(("retry: %s must be a number of seconds"):format(name), 3)
        end
    end
end

--- Whether an error may be followed by another call.
local function decider(on)
    if type(on) == "function" then
        return on
    elseif on == nil then
        return function(err) return core.is_error(err) ~= nil and err.retryable and not err.ambiguous end
    elseif type(on) ~= "table" then
        error("retry: on must be a list of kinds or a function, got " .. type(on), 3)
    end
    local wanted <const> = {}
    for _, kind in ipairs(on) do
        if kind == "unknown_outcome" or kind == "cancelled" then
            error(("retry: '%s' must not be retried: %s"):format(kind, kind == "cancelled"
                and "somebody wants it to end" or "the first call may have happened; look for its result instead"), 3)
        elseif not KINDS[kind] then
            error(("retry: there is no kind of error '%s'"):format(tostring(kind)), 3)
        end
        wanted[kind] = true
    end
    return function(err) return wanted[core.is_error(err) or ""] end
end

--- `retry { times = 5, on = { "network" } }(fn, …)` calls fn(…) until it returns, and returns its results. After the
--- last call, or an error of another kind, it raises the error as it is.
---@param options trunkhost.RetryOptions
---@return fun(fn: fun(...): ..., ...): ...
return function(options)
    if type(options) ~= "table" then
        error("retry: needs a table of options, as in retry { times = 5 }(fn)", 2)
    end
    check(options)
    local times <const>, longest <const> = options.times or 3, options.longest or 30
    local again <const> = decider(options.on)
    return function(fn, ...)
        local pause = math.min(options.pause or 0.5, longest)
        for call = 1, times do
            local results <const> = table.pack(xpcall(fn, core.trace, ...))
            if results[1] then
                return table.unpack(results, 2, results.n)
            end
            local err <const> = results[2]
            if call == times or core.is_error(err) == "cancelled" or not again(err, call) then
                error(err, 0)
            end
            local seconds = pause
            if options.jitter ~= false then
                seconds = seconds * (1 - math.random() / 2)
            end
            core.sleep(seconds)
            pause = math.min(pause * 2, longest)
        end
    end
end
