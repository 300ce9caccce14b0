--- Waits for the callback of a function, such as those of luv.

local core <const> = require "trunkhost.core"

local KINDS <const> = {
    ENOENT = "not_found", EEXIST = "conflict", ETIMEDOUT = "timeout", ECANCELED = "cancelled",
    ECONNREFUSED = "network", ECONNRESET = "network", ECONNABORTED = "network", EPIPE = "network",
    EHOSTUNREACH = "network", ENETUNREACH = "network", ENETDOWN = "network", ENOTCONN = "network",
    EINVAL = "invalid",
}

local function kind_of(code)
    return KINDS[code] or code:find "^EAI_" and "network" or "refused"
end

--- Raises an error of luv: "ENOENT: no such file or directory: x" has the code ENOENT.
local function raise(message)
    local code <const> = message:match "^(E[%u%d_]+)" or ""
    core.error(kind_of(code), message, { code = code ~= "" and code or nil })
end

local await <const> = {}

await.raise = raise

--- Calls fn(…, callback) and waits until that calls its callback: `await(uv.fs_stat, "file")`. luv's callbacks have an
--- error first: it is raised as an error object (`kind` not_found, conflict, timeout, network, invalid or refused,
--- `code` as "ENOENT"); without one, the values behind it are returned. Of a callback whose first value is neither a
--- string nor nil, all are returned. When the task is cancelled, the callback may still come and does nothing.
---@param fn function
---@return any ...
function await.call(fn, ...)
    local waiter <const> = core.waiter("a call with a callback", true)
    local arguments <const> = table.pack(...)
    arguments[arguments.n + 1] = function(...)
        waiter:wake(...)
    end
    local begun <const>, why <const> = fn(table.unpack(arguments, 1, arguments.n + 1))
    if begun == nil and type(why) == "string" then
        raise(why) -- refused at once: there will be no callback
    end
    local values <const> = table.pack(waiter:wait())
    if type(values[1]) == "string" then
        raise(values[1])
    end
    return table.unpack(values, values[1] == nil and 2 or 1, values.n)
end

return await
