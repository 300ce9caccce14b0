--- What `trunkhost doctor` looks at. Each check tells what it found as { check =, account =, state =, message = };
--- state is "ok", "warning" (a run works, but somebody should know) or "wrong" (a run would fail or be in danger).

local accounts <const> = require "trunkhost.accounts"
local config <const> = require "trunkhost.account.config"
local core <const> = require "trunkhost.core"
local instant <const> = require "trunkhost.text.instant"
local one_account <const> = require "trunkhost.account.one_account"
local tasks <const> = require "trunkhost.tasks"

local doctor <const> = {}

-- Seconds: a platform that asks for a longer wait is busy, which is told.
local PATIENCE <const> = 10

local ENOUGH_DISK <const> = 64 * 1024 * 1024
local ENOUGH_FILES <const> = 256 -- one socket for each request under way, and what a process needs itself
local SKEW <const> = 60 -- seconds that clocks may differ without meaning anything
local BORN <const> = 1750000000 -- this program is younger: a clock before it is wrong

---@alias trunkhost.Tell fun(check: string, account: string?, state: "ok"|"warning"|"wrong", message: string, ...: any)

local function words_of(err)
    return core.is_error(err) and err.message or tostring(err)
end

-- ---------------------------------------------------------------------------------------------------
-- This machine

local function program(tell)
    local built = core.versions()
    tell("program", nil, "ok", "trunkhost %s, %s, libcurl %s (%s%s), libuv %s, SQLite %s, libsodium %s",
        built.trunkhost, built.lua, built.libcurl, built.tls, built.http2 and ", HTTP/2" or "", built.libuv,
        built.sqlite, built.libsodium)
end

local function machine(tell)
    local limits, now = core.limits(), os.time()
    if now < BORN then
        tell("clock", nil, "wrong", "this machine believes that it is %s: certificates and the ledger's times need the "
            .. "right time", os.date("!%Y-%m-%d", now))
    else
        tell("clock", nil, "ok", "%s UTC", os.date("!%Y-%m-%d %H:%M", now))
    end
    if limits.open_files and limits.open_files < ENOUGH_FILES then
        tell("files", nil, "warning", "only %d files may be open at the same time (ulimit -n): with a large "
            .. "--concurrency connections will fail", limits.open_files)
    end
    if limits.locked_memory and limits.locked_memory < 64 * 1024 then
        tell("memory", nil, "warning", "only %d KiB of memory may be locked (ulimit -l): passwords in memory might be "
            .. "written to the swap space", limits.locked_memory // 1024)
    end
end

--- What stands between this machine and the platforms.
local function network(tell)
    local shown <const>, name <const>, problem <const> = core.proxy()
    if problem then
        tell("proxy", nil, "wrong", "%s", words_of(problem))
    elseif shown then
        tell("proxy", nil, "warning", "%s is set: requests go through %s", name, shown)
    end
    local ok, file, variable = pcall(core.authorities)
    if not ok then
        tell("certificates", nil, "wrong", "%s", words_of(file))
    elseif file then
        tell("certificates", nil, "ok", "those of the authorities in %s%s are trusted", file,
            variable and (", which %s names,"):format(variable) or "")
    end
end

-- ---------------------------------------------------------------------------------------------------
-- The ledger

local function exists(path)
    return (require("luv").fs_stat(path))
end

--- The nearest folder above the path that is there.
local function folder_of(path)
    repeat
        path = path:match "^(.*)/[^/]*$" or "."
        path = path == "" and "/" or path
    until exists(path) or path == "/" or path == "."
    return path
end

local function room(tell, path)
    local uv <const>, folder <const> = require "luv", folder_of(path)
    local disk = uv.fs_statfs(folder)
    if not uv.fs_access(folder, "W") then
        tell("ledger", nil, "wrong", "%s cannot be written by this user: nothing can be sent; name another place with "
            .. "--ledger FILE", folder)
    elseif disk and disk.bavail * disk.bsize < ENOUGH_DISK then
        tell("ledger", nil, "wrong", "only %d MiB are free at %s: make room before a run, which stops when the disk is "
            .. "full", disk.bavail * disk.bsize // (1024 * 1024), folder)
    else
        return true
    end
    return false
end

local function keys(tell, path)
    local key = path:gsub("%.db$", "") .. ".key"
    local found = exists(key)
    if not found then
        tell("keys", nil, "ok", "the private key is not on this machine: passwords are kept, and cannot be read here")
    elseif found.mode & 63 ~= 0 then
        tell("keys", nil, "wrong", "others can read the private key: chmod 600 %s", key)
    else
        tell("keys", nil, "ok", "passwords can be read on this machine, by %s; keep a copy of that file elsewhere", key)
    end
end

--- Whether the ledger can be used; opening it looks for damage too.
local function ledger(tell)
    local path = core.run().ledger
    if not exists(path) then
        if room(tell, path) then
            tell("ledger", nil, "ok", "there is none yet; the first run makes %s", path)
        end
        return false
    end
    local ok, last = pcall(require("trunkhost.ledger").run, "last")
    if not ok then
        tell("ledger", nil, "wrong", "%s", words_of(last))
        return false
    end
    local began = last and instant.seconds(last.started_at)
    if began and began > os.time() + SKEW then
        tell("clock", nil, "warning", "the last run in the ledger began at %s, which is in the future: the clock is "
            .. "wrong, or was then", instant.utc(last.started_at))
    end
    if room(tell, path) then
        tell("ledger", nil, "ok", "%s is sound", path)
    end
    keys(tell, path)
    return true
end

-- ---------------------------------------------------------------------------------------------------
-- Accounts

local function unsettled(tell, name)
    local left = require("trunkhost.ledger").unfinished(name)
    if #left > 0 then
        tell("unsettled", name, "warning", "%d %s left half-way by an earlier run, %s; the next run settles %s first",
            #left, #left == 1 and "trunk was" or "trunks were", left[1].trunk .. (#left > 1 and ", …" or ""),
            #left == 1 and "it" or "them")
    end
end

--- Opening an account reads its token, and holds its description against what such a one must have.
local function open(tell, name, task)
    local ok, account = pcall(task.await, task)
    if ok then
        return account
    elseif core.is_error(account) == "cancelled" then
        error(account, 0)
    end
    tell("account", name, "wrong", "%s", words_of(account))
end

--- How the platform answers: whether it takes the token, and in words.
local function ask(account)
    local began = core.now()
    local ok, err = pcall(account.check, account)
    if ok then
        return { "ok", ("%s takes the token (%.0f ms)"):format(account:describe().name, (core.now() - began) * 1000) }
    end
    return { "wrong", (core.is_error(err) == "auth" and "the platform refuses the token: " or "") .. words_of(err) }
end

--- Two names of one account: a run over both is refused. Where the tokens differ, the lists of trunks tell.
local function twins(tell, opened, offline)
    local text = one_account.find(opened)
    if text then
        tell("twins", nil, "wrong", "%s", text)
        return
    end
    local places = one_account.watch(opened)
    for _, account in ipairs(offline and {} or opened) do
        if places:concerns(account) then
            local ok, list = pcall(account.list, account, "list")
            for _, trunk in ipairs(ok and list or {}) do
                text = text or places:note(account, trunk)
            end
            if not ok then
                tell("trunks", account:name(), "wrong", "%s", words_of(list))
            end
        end
    end
    if text then
        tell("twins", nil, "wrong", "%s", text)
    end
end

--- Every account, asked at the same time, told in order.
local function ask_all(tell, names, offline)
    local opened, opening = {}, {}
    for i, name in ipairs(names) do
        opening[i] = core.spawn(accounts.account, name)
    end
    for i, name in ipairs(names) do
        local account = open(tell, name, opening[i])
        opened[#opened + 1] = account
        if account and offline then
            tell("account", name, "ok", "has a token; the platform was not asked")
        end
    end
    for i, answer in ipairs(offline and {} or tasks.map(opened, ask)) do
        tell("account", opened[i]:name(), answer[1], "%s", answer[2])
    end
    twins(tell, opened, offline)
end

--- The accounts that were asked for; false when what there are cannot be known.
local function chosen(tell, options)
    local ok, settings = pcall(config.get)
    if not ok then
        tell("configuration", nil, "wrong", "%s", words_of(settings))
        return nil
    end
    local names = accounts.names()
    local plural <const> = #names == 1 and "account" or "accounts"
    if settings.path then
        tell("configuration", nil, #names > 0 and "ok" or "warning", "%s, with %d %s", settings.path, #names, plural)
    elseif #names > 0 then
        tell("configuration", nil, "ok", "there is no file; %d %s by %s", #names, plural,
            core.run().sandbox and "the sandbox" or "token variables that are set")
    else
        tell("configuration", nil, "wrong", "there is neither a file nor a token variable, so there is no account; %s",
            config.beside() or "`trunkhost init` writes a file to begin with")
    end
    return #options.account > 0 and options.account or names
end

--- Looks at everything.
---@param options { account: string[], offline: boolean? }
---@param each fun(finding: { check: string, account: string?, state: string, message: string })
function doctor.run(options, each)
    local function tell(check, account, state, format, ...)
        each { check = check, account = account, state = state, message = format:format(...) }
    end
    core.patience(PATIENCE)
    program(tell)
    machine(tell)
    network(tell)
    local has_ledger = ledger(tell)
    local names = chosen(tell, options) or {}
    ask_all(tell, names, options.offline)
    for _, name in ipairs(has_ledger and names or {}) do
        unsettled(tell, name)
    end
end

return doctor
