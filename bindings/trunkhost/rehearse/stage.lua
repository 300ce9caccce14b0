--- The stage of a rehearsal: fake platforms that can be put back to their start, disturbed, and asked what they hold;
--- and the script on them, as a program of its own, so that it can be killed.

local shell <const> = require "trunkhost.text.shell"
local accounts <const> = require "trunkhost.accounts"
local config <const> = require "trunkhost.account.config"
local core <const> = require "trunkhost.core"
local http <const> = require("trunkhost").http
local json <const> = require "trunkhost.json"
local process <const> = require "trunkhost.process"
local uv <const> = require "trunkhost.uv"

local Stage <const> = {}
Stage.__index = Stage

local stage <const> = {}

---@class trunkhost.rehearse.Run
---@field status integer?  nil: it was ended by a signal
---@field signal integer?
---@field late boolean?     it was ended because it took too long
---@field text string      what it printed, on both streams
---@field words string     its command, for people

local function write(path, text)
    local file <const> = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    assert(uv.fs_chmod(path, tonumber("600", 8)))
end

--- The accounts of the configuration, or one for each platform, all on the fake ones.
--- eventual: seconds after which they count on a new trunk being listed
local function write_config(folder, eventual)
    local settings <const> = config.get()
    local lines <const> = { "return { accounts = {" }
    for _, name in ipairs(accounts.names()) do
        local provider <const> = settings.path and settings.accounts[name].provider or name
        local fake <const> = core.sandbox(provider)
        if not fake then
            core.error("invalid", ("account %s: the sandbox has no API like '%s', so nothing can be rehearsed on it")
                :format(name, provider), { code = "configuration" })
        end
        lines[#lines + 1] = ("    [%q] = { provider = %q, base_url = %q, token = { file = %q }, rate = {}, "
            .. "eventual = %d },"):format(name, provider, fake.base_url, folder .. "/token", eventual)
        write(folder .. "/token", fake.token .. "\n")
    end
    lines[#lines + 1] = "} }\n"
    write(folder .. "/config.lua", table.concat(lines, "\n"))
end

--- The providers of the configuration's own folder.
local function link_providers(folder)
    local path <const> = config.get().path
    local own <const> = path and uv.fs_realpath((path:match "^(.*/)" or "./") .. "providers")
    if own then
        assert(uv.fs_symlink(own, folder .. "/providers"))
    end
end

--- Sets it up in a folder of its own.
---@param words string[]        the script and its options
---@param settings { trunks: integer, seed: integer, timeout: number }
function stage.open(words, settings)
    local folder <const> = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/trunkhost-rehearsal-XXXXXX"))
    local self <const> = setmetatable({ folder = folder, words = words, settings = settings }, Stage)
    self.admin = core.url(core.sandbox("famulor").base_url, "the sandbox").origin .. "/_sandbox/"
    link_providers(folder)
    return self
end

local function remove(path)
    local entry = uv.fs_lstat(path)
    if entry and entry.type == "directory" then
        local list <const> = uv.fs_scandir(path)
        for name in function() return list and uv.fs_scandir_next(list) end do
            remove(path .. "/" .. name)
        end
        uv.fs_rmdir(path)
    elseif entry then
        uv.fs_unlink(path)
    end
end

function Stage:close()
    remove(self.folder)
end

Stage.__close = Stage.close

--- Asks the platforms for what they hold, or tells them something.
---@param what string
---@return any
function Stage:ask(what)
    local reply <const> = http.request { url = self.admin .. what }
    return reply.json or json.decode(reply.body)
end

---@param what string
---@param settings table?
function Stage:tell(what, settings)
    local reply <const> = http.request { method = "POST", url = self.admin .. what, json = settings }
    assert(reply.status == 200, reply.body)
end

--- Back to the start, without a ledger.
---@param eventual integer?  seconds after which the accounts count on a new trunk being listed; default 0
function Stage:reset(eventual)
    write_config(self.folder, eventual or 0)
    self:tell("reset", { trunks = self.settings.trunks, seed = self.settings.seed, limits = "none", fault = "",
        latency = 0 })
    remove(self.folder .. "/state")
    assert(uv.fs_mkdir(self.folder .. "/state", tonumber("700", 8)))
end

local function command_of(self, host)
    local command <const> = { uv.exepath(), "-c", self.folder .. "/config.lua", "--ledger",
        self.folder .. "/state/ledger.db" }
    table.move(host, 1, #host, #command + 1, command)
    return command
end

--- What the script says to --help. It may do its work instead: so this, too, is on the fake platforms, and dry.
---@return string?
function Stage:help()
    self:reset()
    local command <const> = command_of(self, { "-n", self.words[1], "--help" })
    command.timeout = math.min(20, self.settings.timeout)
    local ok <const>, result <const> = pcall(process.run, command)
    return ok and result.status == 0 and result.out or nil
end

--- Runs the script.
---@param ... string  options of the program, before the script
---@return trunkhost.rehearse.Run
function Stage:run(...)
    local command <const> = command_of(self, { ... })
    table.move(self.words, 1, #self.words, #command + 1, command)
    command.timeout = self.settings.timeout
    local ok <const>, result <const> = pcall(process.run, command)
    local shown <const> = {}
    for i = 1, #command do
        shown[i] = shell.quote(command[i])
    end
    if not ok then
        return { text = tostring(result), late = core.is_error(result) == "timeout", words = table.concat(shown, " ") }
    end
    local signal <const> = result.signal ~= 0 and result.signal or nil
    return { status = not signal and result.status or nil, signal = signal, text = result.out .. result.err,
        words = table.concat(shown, " ") }
end

--- Every password that the ledger has, also those that are not proven.
---@return table<string, boolean>
function Stage:known_secrets()
    local command <const> = command_of(self, { "secrets", "export", "--account", "all", "--json" })
    local known <const> = {}
    for line in process.run(command).out:gmatch "[^\n]+" do
        known[json.decode(line).secret] = true
    end
    return known
end

return stage
