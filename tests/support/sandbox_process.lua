--- A sandbox as a process of its own, and what it knows: its own memory, not the client's word.

local events <const> = require "events"
local trunkhost <const> = require "trunkhost"
local program <const> = require "program"

local sandbox_process <const> = {}
sandbox_process.__index = sandbox_process

local BASES <const> = {
    famulor = "/famulor/api",
    autocalls = "/autocalls/api",
    vatel = "/vatel/v1",
    bolna = "/bolna",
    bolna_trunk = "/bolna_trunk",
}

local function open(self, arguments)
    -- The shell tells its process id and becomes the sandbox.
    self.pipe = assert(io.popen(("echo $$; exec %s sandbox --quiet %s"):format(program.quote(program.executable),
        arguments or ""), "r"))
    self.pid = self.pipe:read "l"
    local port <const> = (self.pipe:read "l" or ""):match "^listening on 127%.0%.0%.1:(%d+)$"
    assert(port, "the sandbox did not start")
    self.port, self.folder = math.tointeger(port), program.folder()
    return self
end

--- Starts one; arguments as `--trunks 20 --fault lost_reply=0.1`.
---@param arguments? string
function sandbox_process.start(arguments)
    return open(setmetatable({}, sandbox_process), arguments)
end

--- One that starts before each of these tests, and stops after it.
---@param tests table
---@param arguments? string
function sandbox_process.for_each(tests, arguments)
    local self <const>, start <const> = sandbox_process.on_demand(tests, arguments)
    function tests.setUp() start() end
    return self
end

--- One that a test starts by calling `start` with further arguments, each time anew; it stops after the test.
---@param tests table
---@param arguments? string
---@return table self, fun(more?: string) start
function sandbox_process.on_demand(tests, arguments)
    local self <const> = setmetatable({}, sandbox_process)
    function tests.tearDown()
        if self.pid then self:stop() end
    end
    local function start(more)
        tests.tearDown()
        open(self, ("%s %s"):format(arguments or "", more or ""))
    end
    return self, start
end

function sandbox_process:stop()
    os.execute("kill " .. self.pid)
    self.pipe:close()
    program.remove(self.folder)
    for name in pairs(self) do self[name] = nil end
end

sandbox_process.__close = sandbox_process.stop

--- Base URL that stands for the real one of an API.
---@param api string
function sandbox_process:url(api)
    return ("http://127.0.0.1:%d%s"):format(self.port, BASES[api])
end

--- A configuration with an account for each API (named after it), written to a file.
---@param options? { rate: string, token: string, apis: string[], eventual: number }  rate: Lua text; default: no
--- windows; eventual: default 0, for the sandbox shows at once what it has made
---@return string path
function sandbox_process:config(options)
    options = options or {}
    local lines = { "return { accounts = {" }
    for _, api in ipairs(options.apis or { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }) do
        lines[#lines + 1] = ("  [%q] = { provider = %q, base_url = %q, token = { file = %q }, rate = %s, "
            .. "eventual = %s },"):format(api, api, self:url(api), self.folder .. "/token", options.rate or "{}",
                options.eventual or 0)
    end
    lines[#lines + 1] = "} }"
    program.write(self.folder .. "/token", (options.token or "sandbox") .. "\n", "600")
    program.write(self.folder .. "/config.lua", table.concat(lines, "\n"))
    return self.folder .. "/config.lua"
end

--- Its ledger: `ledger.db`, or what was set as `self.ledger`, in its folder.
function sandbox_process:ledger_path()
    return self.folder .. "/" .. (self.ledger or "ledger.db")
end

--- Tells it something: "reset", "faults" or "kill".
---@param what string
---@param settings? table
function sandbox_process:tell(what, settings)
    local reply = trunkhost.http.request { method = "POST", url = ("http://127.0.0.1:%d/_sandbox/%s"):format(self.port,
        what), json = settings, resend = false }
    assert(reply.status == 200, reply.body)
end

--- Back to the start, or to another one, without a ledger.
---@param settings? table  as POST /_sandbox/reset takes them
function sandbox_process:reset(settings)
    self:tell("reset", settings)
    self.checked = nil -- see rotation.check_nothing_lost
    os.execute(("rm -rf %s/ledger*"):format(program.quote(self.folder)))
end

--- Runs the program against it: its accounts, a ledger in its folder.
---@param arguments string
---@param options? table  as for config and program.run
function sandbox_process:run(arguments, options)
    return program.run(("-c %s --ledger %s %s"):format(self:config(options), self:ledger_path(), arguments), options)
end

--- Current secrets of the ledger: account → trunk → field → secret.
function sandbox_process:current_secrets()
    local found = {}
    local export = program.run(("--ledger %s secrets export --account all --json"):format(self:ledger_path()))
    for _, row in ipairs(events.lines(export.out)) do
        found[row.account] = found[row.account] or {}
        local trunk = found[row.account][row.trunk] or {}
        found[row.account][row.trunk] = trunk
        trunk.all = trunk.all or {}
        trunk.all[row.secret] = row.state
        if row.state == "current" then trunk[row.field] = row.secret end
    end
    return found
end

---@param what "state"|"log"|"violations"|"counts"
function sandbox_process:ask(what)
    return trunkhost.http.request { url = ("http://127.0.0.1:%d/_sandbox/%s"):format(self.port, what) }.json
end

--- What its ledger answers to a query, as sqlite3 prints it.
---@param sql string
---@return string
function sandbox_process:query(sql)
    return program.shell(("sqlite3 %s %s"):format(self:ledger_path(), program.quote(sql)))
end

--- Requests other than GET since it has started.
---@return table[]
function sandbox_process:writes()
    local found = {}
    for _, request in ipairs(self:ask "log") do
        found[#found + 1] = request.method ~= "GET" and request or nil
    end
    return found
end

return sandbox_process
