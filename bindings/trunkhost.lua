--- The library that scripts see: `local trunkhost = require "trunkhost"`. What each member takes and gives is written
--- down in meta/trunkhost.lua.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local tasks <const> = require "trunkhost.tasks"

local trunkhost <const> = {
    --- Starts a function as a task of its own: spawn(fn, …) → task.
    spawn = core.spawn,
    --- Lets this task wait: sleep(seconds).
    sleep = core.sleep,
    --- Seconds on a clock that never goes back: now() → number.
    now = core.now,
    --- A new random secret: secret { length = 32, alphabet = "…" } → secret; secret { from = text } wraps one.
    secret = core.secret,
    json = json,
    null = json.null,
    map = tasks.map,
    nursery = tasks.nursery,
    timeout = tasks.timeout,
    --- What this run is: run() → { id, dry_run, sandbox, stopping, script, ledger }.
    run = core.run,
}

trunkhost.log = {}
for _, level in ipairs { "debug", "info", "warn", "error" } do
    trunkhost.log[level] = function(message, fields)
        core.log(level, message, fields)
    end
end

--- The kind of an error object ("refused", "auth", …), nil for anything else.
---@param value any
---@return string?
function trunkhost.is_error(value)
    return core.is_error(value)
end

--- Parts that a script may not need are loaded when it first asks for them.
local lazy <const> = {
    account = function() return require("trunkhost.accounts").account end,
    accounts = function() return require("trunkhost.accounts").names end,
    options = function() return require("trunkhost.options").parser end,
    job = function() return require "trunkhost.job" end,
    semaphore = function() return require("trunkhost.sync").semaphore end,
    queue = function() return require("trunkhost.sync").queue end,
    retry = function() return require "trunkhost.retry" end,
    http = function() return require "trunkhost.http" end,
    await = function() return require("trunkhost.await").call end,
    process = function() return require "trunkhost.process" end,
    uv = function() return require "trunkhost.uv" end,
    inspect = function() return require "trunkhost.inspect" end,
}

return setmetatable(trunkhost, {
    __lazy = lazy, -- for whoever shows what there is
    __index = function(self, name)
        local load = lazy[name]
        if not load then
            error(("trunkhost has no '%s'"):format(tostring(name)), 2)
        end
        local value = load()
        rawset(self, name, value)
        return value
    end,
})
