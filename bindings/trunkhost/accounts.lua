--- Accounts: their names, how one is opened, and the methods that are written in Lua.

local config <const> = require "trunkhost.account.config"
local core <const> = require "trunkhost.core"
local pages <const> = require "trunkhost.call.pages"
local suggest <const> = require "trunkhost.text.suggest"

local accounts <const> = {}

local BUILT_IN <const> = { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }
local opened <const>, opening <const> = {}, {}
-- Default settle time in seconds. Most platforms show a new trunk at once; none is known to need longer.
local EVENTUAL <const> = 300

local function fail(format, ...)
    core.error("invalid", format:format(...), { code = "configuration" })
end

--- The description of a provider: built in, or a file of that name in `providers/` beside the configuration. A file
--- never replaces a built-in provider.
local function describe(name)
    for _, known in ipairs(BUILT_IN) do
        if known == name then
            return require("trunkhost.providers." .. name)
        end
    end
    local settings = config.get()
    local folder = settings.path and settings.path:match "^(.*/)" or ""
    local path = settings.path and ("%sproviders/%s.lua"):format(folder, name)
    if not name:match "^[a-z][a-z0-9_]*$" then
        fail("'%s' is not a provider's name (a-z, 0-9 and _)", name)
    end
    local file = path and io.open(path, "r")
    if not file then
        fail("there is no provider '%s'%s; built in are %s%s", name, suggest.hint(name, BUILT_IN),
            table.concat(BUILT_IN, ", "), path and "; there is no file " .. path or "")
    end
    file:close()
    local chunk, problem = loadfile(path, "t")
    if not chunk then
        fail("cannot read the provider: %s", problem)
    end
    local ok, description = pcall(chunk)
    if not ok then
        fail("the provider %s failed: %s", path, tostring(description))
    end
    if type(description) ~= "table" then
        fail("the provider %s must return a table", path)
    end
    if description.name ~= name then
        fail("the provider %s calls itself '%s'; file and name must agree", path, tostring(description.name))
    end
    local is_sound, fault = pcall(core.check_provider, description)
    if not is_sound then
        fail("the provider %s: %s", path, core.is_error(fault) and fault.message or tostring(fault))
    end
    return description
end

--- All accounts: those of the configuration; without one, an account for each provider whose token variable is set; in
--- the sandbox without a configuration all five.
local function known()
    local settings = config.get()
    if settings.path then
        return settings.accounts
    end
    local found = {}
    local sandbox = core.run().sandbox
    for _, name in ipairs(BUILT_IN) do
        local variable = describe(name).token_env
        if sandbox or (variable and (os.getenv(variable) or "") ~= "") then
            found[name] = { provider = name, token = { env = variable } }
        end
    end
    return found
end

--- Names of all accounts, sorted.
---@return string[]
function accounts.names()
    local names = {}
    for name in pairs(known()) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

local function read_token(name, source)
    local ok, token
    if source.env then
        ok, token = pcall(core.token_from_env, source.env)
    elseif source.file then
        ok, token = pcall(core.token_from_file, source.file)
    else
        ok, token = pcall(core.token_from_command, source.command, source.timeout)
    end
    if not ok then
        if core.is_error(token) == "cancelled" then
            error(token, 0)
        end
        local message = type(token) == "table" and token.message or tostring(token)
        core.error("invalid", "cannot read the token: " .. message, { account = name, code = "configuration" })
    end
    return token
end

--- Where a token comes from, for messages.
local function source_of(source)
    return source.env or source.file or ("the output of the command %s"):format(source.command[1])
end

--- The limits of the sandbox ("none", "20/2", "100/60+20/10") as an account's rate.
local function sandbox_rate(limits)
    if not limits then
        return nil
    end
    local rate = {}
    for requests, seconds in limits:gmatch "(%d+)/([%d.]+)" do
        rate[#rate + 1] = { math.tointeger(requests), per = tonumber(seconds) }
    end
    return rate
end

local function entry(name)
    local all = known()
    local found = all[name]
    if found then
        return found
    end
    local names = accounts.names()
    if #names == 0 then
        fail("there is no account '%s': no configuration was found and no token variable is set (%s). "
            .. "See docs/getting-started.md, or try --sandbox", tostring(name),
            "FAMULOR_TOKEN, AUTOCALLS_TOKEN, VATEL_TOKEN, BOLNA_TOKEN")
    end
    fail("there is no account '%s'%s; there are: %s", tostring(name), suggest.hint(tostring(name), names),
        table.concat(names, ", "))
end

--- The description with the settle time of the account.
local function with_eventual(description, seconds)
    local copy <const> = {}
    for name, value in pairs(description) do
        copy[name] = value
    end
    copy.eventual = seconds or description.eventual or EVENTUAL
    return copy
end

local function open(name, settings)
    local options = {
        name = name,
        description = with_eventual(describe(settings.provider), settings.eventual),
        base_url = settings.base_url,
        rate = settings.rate,
        concurrency = settings.concurrency,
        ca_file = settings.ca_file,
        timeout = settings.timeout,
        http = settings.http,
        max_wait = settings.max_wait,
    }
    if core.run().sandbox then
        local fake = core.sandbox(settings.provider)
        if not fake then
            fail("account %s: the sandbox has no API like '%s'", name, settings.provider)
        end
        options.base_url, options.ca_file, options.http = fake.base_url, nil, nil
        options.token = core.secret { from = fake.token }
        options.rate = sandbox_rate(fake.limits) or options.rate
    else
        options.token = read_token(name, settings.token)
        options.token_source = source_of(settings.token)
    end
    opened[name] = opened[name] or core.open_account(options) -- another task may have opened it
    return opened[name]
end

--- Opens an account with a token command once, however many tasks wait for it.
local function open_together(name, settings)
    while not opened[name] do
        local task <const> = opening[name] or core.spawn(open, name, settings)
        opening[name] = task
        local ok, err = pcall(task.await, task)
        opening[name] = opening[name] ~= task and opening[name] or nil
        -- If it was cancelled with the task that started it, start it again.
        if not ok and (core.is_error(err) ~= "cancelled" or core.stopping()) then
            error(err, 0)
        end
    end
    return opened[name]
end

--- Opens an account (once): trunkhost.account "famulor-prod". Waits for a token command.
---@param name string
---@return trunkhost.Account
function accounts.account(name)
    if opened[name] then
        return opened[name]
    end
    if type(name) ~= "string" then
        error("account: the name must be a text, got " .. type(name), 2)
    end
    local settings = entry(name)
    local waits <const> = settings.token.command and not core.run().sandbox and coroutine.isyieldable()
    return (waits and open_together or open)(name, settings)
end

--- Stands for an account that could not be opened, in messages about it.
---@param name string
---@return trunkhost.Account
function accounts.closed(name)
    local description <const> = describe(entry(name).provider)
    return {
        name = function() return name end,
        describe = function() return description end,
        impact = function() return { inbound = false, outbound = false } end,
        pace = function() return { queued = 0, waiting_for = "" } end,
    }
end

--- Opens accounts at the same time. Leaves out those whose token command fails or times out; raises any other error,
--- and when none is left.
---@param names string[]
---@return trunkhost.Account[] list, { account: trunkhost.Account, error: table }[] failures
function accounts.open_all(names)
    local list, failures, tasks = {}, {}, {}
    for i, name in ipairs(names) do
        tasks[i] = entry(name).token.command and core.spawn(accounts.account, name) or nil
    end
    for i, name in ipairs(names) do
        local ok, result
        if tasks[i] then
            ok, result = pcall(tasks[i].await, tasks[i])
        else
            ok, result = true, accounts.account(name)
        end
        if ok then
            list[#list + 1] = result
        elseif core.is_error(result) == "cancelled" or not core.is_error(result) or #names == 1 then
            error(result, 0)
        else
            failures[#failures + 1] = { account = accounts.closed(name), error = result }
        end
    end
    if #list == 0 and #failures > 0 then
        error(failures[1].error, 0)
    end
    return list, failures
end

--- The normal form of an address: host in lower case without a dot at its end, no default port, one name for this
--- machine, no slash at the end.
local function plain_address(address)
    local url <const> = core.url(address, "base_url")
    local host <const> = url.loopback and "localhost" or url.host:gsub("%.$", "")
    return ("%s://%s%s%s"):format(url.scheme, host, url.port and ":" .. url.port or "", url.path:gsub("/+$", ""))
end

--- The address of an account's requests, in normal form: with the same address, the same id is the same trunk.
---@param name string
---@return string
function accounts.address(name)
    local settings = entry(name)
    local fake = core.run().sandbox and core.sandbox(settings.provider)
    local address = fake and fake.base_url or settings.base_url or describe(settings.provider).base_url
    return plain_address(address)
end

--- Where the trunks of an account are: its address and the path of its list. The two APIs of one platform are two
--- places, because each has its own trunks.
---@param account trunkhost.Account
---@return string
function accounts.place(account)
    local settings, description = entry(account:name()), account:describe()
    return plain_address(settings.base_url or description.base_url) .. description.endpoints.list[2]
end

--- Whether two accounts have the same token; in the sandbox, which reads no token, whether the source is the same.
---@param a trunkhost.Account
---@param b trunkhost.Account
---@return boolean
function accounts.share_token(a, b)
    if not core.run().sandbox then
        return core.same_token(a, b)
    end
    local first, second = entry(a:name()).token, entry(b:name()).token
    return first.env == second.env and first.file == second.file
        and table.concat(first.command or {}, "\0") == table.concat(second.command or {}, "\0")
end

-- ---------------------------------------------------------------------------------------------------
-- Methods

---@class trunkhost.Account
local methods <const> = core.account_methods

local send <const> = methods.call

--- account:call. A POST goes through `core.create`, which lies above accounts: no create is sent twice.
function methods:call(endpoint, ...)
    local called = self:describe().endpoints[endpoint]
    if called and called[1] == "POST" and not core.run().dry_run then
        return core.create(send, self, endpoint, ...)
    end
    return send(self, endpoint, ...)
end

--- One trunk, in full.
---@param id integer|string
---@return table trunk, integer attempts
function methods:get(id)
    return self:call("get", id)
end

--- Creates a trunk. The request is never sent twice: a lost reply raises `unknown_outcome`.
---@param fields table
---@param options? { grant: string[] }
---@return table trunk, integer attempts
function methods:create(fields, options)
    return self:call("create", nil, fields, options)
end

--- All items of a list endpoint, page by page if the platform has pages. An incomplete list is an error.
---@param endpoint string
---@param params? any
---@param options? { query: table }
---@return table[]
function methods:list(endpoint, params, options)
    local endpoints = self:describe().endpoints
    local found = pages.all(self, endpoint, params, options, endpoints[endpoint] and endpoints[endpoint].pages)
    local is_guard = endpoints.delete and endpoints.delete.guard == endpoint
    return (endpoint == "list" or is_guard) and pages.check_trunks(self, endpoint, found) or found
end

--- Iterates over all trunks, with the platform's own field names: for trunk in account:trunks() do … end
---@param options? { query: table }
---@return fun(): table?
function methods:trunks(options)
    local list = self:list("list", nil, options)
    local i = 0
    return function()
        i = i + 1
        return list[i]
    end
end

local function same_id(a, b)
    return tostring(a) == tostring(b)
end

--- Deletes a trunk. If the same request could release something that is not a trunk, the id must be in the list of
--- trunks.
---@param id integer|string
---@return any reply, integer attempts
function methods:delete(id, options)
    local endpoint = self:describe().endpoints.delete
    if endpoint and endpoint.guard then
        local found = false
        for _, item in ipairs(self:list(endpoint.guard)) do
            found = found or same_id(item.id, id)
        end
        if not found then
            core.error("not_found", "not deleted: the platform lists no trunk with this id, and the request could "
                .. "release something else", { account = self:name(), trunk = tostring(id) })
        end
    end
    local reply, sent = self:call("delete", id, nil, options)
    pages.known(self)[tostring(id)] = nil
    return reply, sent
end

--- Asks the platform whether it accepts the token.
---@return table reply
function methods:check()
    return (self:call "check")
end

return accounts
