--- The configuration: a Lua file that returns a table, checked in full before it is used.

local core <const> = require "trunkhost.core"
local suggest <const> = require "trunkhost.text.suggest"

local config <const> = {}

local CONFIGURATION <const> = { code = "configuration" }

local function fail(format, ...)
    core.error("invalid", format:format(...), CONFIGURATION)
end

--- Whether something with this name exists, even a broken link. If a folder of the path cannot be searched, it counts
--- as existing, and reading it reports the problem.
local function is_there(path)
    local found <const>, _, code <const> = require "luv".fs_lstat(path)
    return found ~= nil or code ~= "ENOENT" and code ~= "ENOTDIR"
end

--- Refuses a file that cannot be read, and a folder, which can be opened but not read.
local function check_readable(path)
    local file <const>, problem <const> = io.open(path, "r")
    if not file then
        fail("cannot read the configuration: %s", problem)
    end
    file:close()
    local found <const> = require "luv".fs_stat(path)
    if found and found.type == "directory" then
        fail("cannot read the configuration: %s is a folder", path)
    end
end

--- The first configuration that exists, even if it cannot be read: using the next one would be a surprise.
---@return string? path
local function find()
    local named = core.config_file() or os.getenv "TRUNKHOST_CONFIG"
    if named and named ~= "" then
        return named
    end
    local home = os.getenv "HOME"
    local user = os.getenv "XDG_CONFIG_HOME" or (home and home .. "/.config")
    local places = { "/etc/trunkhost/config.lua" }
    if user and user ~= "" then
        table.insert(places, 1, user .. "/trunkhost/config.lua")
    end
    for _, path in ipairs(places) do
        if is_there(path) then
            return path
        end
    end
end

--- Runs the file. It sees only `env`, the read-only environment.
local function run(path)
    local env = setmetatable({}, {
        __index = function(_, name) return os.getenv(name) end,
        __newindex = function() error("env is read-only", 2) end,
        __metatable = false,
    })
    local chunk, problem = loadfile(path, "t", { env = env })
    if not chunk then
        fail("cannot read the configuration: %s", problem)
    end
    local ok, result = pcall(chunk)
    if not ok then
        fail("the configuration %s failed: %s", path, tostring(result))
    end
    if type(result) ~= "table" then
        fail("the configuration %s must return a table, not %s", path, type(result))
    end
    return result
end

-- One checker for each member; it returns what is wrong, or nil.
local function text(value)
    if type(value) ~= "string" or value == "" then return "must be a text" end
end

local function seconds(value)
    if type(value) ~= "number" or not (value > 0 and value <= 3600) then
        return "must be seconds, above 0 and at most 3600"
    end
end

local function token(value)
    if type(value) ~= "table" then
        return "must say where the token is: { env = \"NAME\" }, { file = \"…\" } or { command = { … } }; "
            .. "do not write a token into this file"
    end
    local kind, source
    for name, given in pairs(value) do
        if name ~= "timeout" then
            if kind then return "must have exactly one of env, file, command" end
            kind, source = name, given
        end
    end
    if value.timeout ~= nil and (kind ~= "command" or seconds(value.timeout)) then
        return "timeout " .. (kind == "command" and seconds(value.timeout) or "belongs to a command")
    end
    if kind == "env" or kind == "file" then
        return text(source) and kind .. " must be a text"
    elseif kind == "command" then
        if type(source) ~= "table" or #source == 0 then return "command must be a list of words" end
        for _, word in ipairs(source) do
            if type(word) ~= "string" then return "command must be a list of words" end
        end
        return nil
    end
    return "must have exactly one of env, file, command"
end

local function rate(value)
    if type(value) ~= "table" then return "must be a list such as { { 100, per = 60 } }" end
    if #value > 8 then return "has more than 8 windows" end
    for i, window in ipairs(value) do
        if type(window) ~= "table" or math.type(window[1]) ~= "integer" or window[1] < 1
            or type(window.per) ~= "number" or window.per <= 0 then
            return ("window %d must be { requests, per = seconds }, both above 0"):format(i)
        end
    end
end

local function concurrency(value)
    if math.type(value) ~= "integer" or value < 1 or value > 1024 then
        return "must be an integer from 1 to 1024"
    end
end

local function max_wait(value)
    if type(value) ~= "number" or not (value > 0 and value <= 86400) then
        return "must be seconds, above 0 and at most 86400"
    end
end

local function eventual(value)
    if type(value) ~= "number" or not (value >= 0 and value <= 86400) then
        return "must be seconds, from 0 to 86400"
    end
end

local function http(value)
    if value ~= "1.1" and value ~= "2" then return 'must be "1.1" or "2"' end
end

local ACCOUNT <const> = {
    provider = text, token = token, base_url = text, rate = rate, concurrency = concurrency,
    ca_file = text, timeout = seconds, http = http, max_wait = max_wait, eventual = eventual,
}

local function check_names(where, value, known)
    for name in pairs(value) do
        if not known[name] then
            return ("%s has an unknown member '%s'%s"):format(where, tostring(name),
                suggest.hint(tostring(name), known))
        end
    end
end

local function check(path, value)
    local faults = {}
    local function add(fault)
        if fault then faults[#faults + 1] = fault end
    end
    add(check_names("the configuration", value, { accounts = true }))
    if type(value.accounts) ~= "table" then
        add("accounts must be a table")
    else
        local names = {}
        for name in pairs(value.accounts) do names[#names + 1] = name end
        table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
        for _, name in ipairs(names) do
            local account = value.accounts[name]
            local where = ("account %s"):format(tostring(name))
            if type(name) ~= "string" or not name:match "^[%w._-]+$" or name == "all" then
                add(where .. ": a name is made of letters, digits, '.', '_' and '-', and is not 'all'")
            elseif type(account) ~= "table" then
                add(where .. " must be a table")
            else
                add(check_names(where, account, ACCOUNT))
                if account.provider == nil then add(where .. " has no provider") end
                if account.token == nil then add(where .. " has no token") end
                local members = {}
                for member in pairs(ACCOUNT) do members[#members + 1] = member end
                table.sort(members)
                for _, member in ipairs(members) do
                    local fault = account[member] ~= nil and ACCOUNT[member](account[member])
                    if fault then add(("%s: %s %s"):format(where, member, fault)) end
                end
            end
        end
    end
    if #faults > 0 then
        fail("the configuration %s is not usable: %s", path, table.concat(faults, "; "))
    end
end

--- The checkers that accounts and clients of other APIs share: `config.faults.rate(value)`.
---@type table<string, fun(value: any): string?>
config.faults = { rate = rate, concurrency = concurrency, timeout = seconds, http = http, ca_file = text }

---@class trunkhost.Config
---@field path string?  nil: there is no file
---@field accounts table<string, table>

local loaded

--- The configuration, read and checked once.
---@return trunkhost.Config
function config.get()
    if loaded then
        return loaded
    end
    local path <const> = find()
    if not path then
        loaded = { accounts = {} }
        return loaded
    end
    check_readable(path)
    local value = run(path)
    check(path, value)
    loaded = { path = path, accounts = value.accounts }
    return loaded
end

--- The advice about a config.lua in the current folder, as `trunkhost init` writes it, which is not read automatically;
--- nil when there is none, or another configuration is read.
---@return string?
function config.beside()
    local file <const> = not config.get().path and io.open "config.lua"
    return file and file:close() and "config.lua in this folder is not read automatically: write -c config.lua "
        .. "before the command or script, or export TRUNKHOST_CONFIG=$PWD/config.lua" or nil
end

return config
