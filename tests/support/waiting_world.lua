--- A platform that keeps the program waiting, and the ways to stop a program that waits.

local http_server <const> = require "http_server"
local json <const> = require "trunkhost.json"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local waiting_world <const> = {}

local PROVIDER <const> = [[return {
    name = "lines", title = "Lines", base_url = "http://127.0.0.1:1", auth = "bearer", id = "integer",
    limits = { { 1000, per = 1 }, source = "a test" },
    objects = { trunk = { fields = {
        id = { type = "integer", read = true }, label = { type = "string", read = true },
        revision = { type = "integer", read = true }, registration = { type = "string", read = true },
        passphrase = { type = "string", min = 10, max = 64, update = true, secret = true },
    } } },
    endpoints = {
        list = { "GET", "/lines", reply = "lines", returns = "list" }, get = { "GET", "/lines/{id}", reply = "line" },
        update = { "PATCH", "/lines/{id}", body = "trunk", mode = "update", reply = "line", repeatable = true },
        check = { "GET", "/whoami" },
    },
    errors = { message = { "problem" }, retry_after = "retry_after" },
    evidence = { %s },
    secrets = { { field = "passphrase", legs = { "inbound" } } },
    label = "label",
}]]

local function find_line(lines, request)
    return lines[math.tointeger(tonumber(request.target:match "/lines/(%d+)"))]
end

--- A platform with so many lines. handler(request, lines, number of writes) answers in place of it, or returns nil.
local function platform(count, handler)
    local lines, writes = json.array {}, 0
    for i = 1, count do
        lines[i] = { id = i, label = "line " .. i, revision = 1, registration = "registered" }
    end
    return http_server.start(function(request)
        writes = writes + (request.method == "PATCH" and 1 or 0)
        local own <const> = handler and handler(request, lines, writes)
        if own then
            return own
        end
        local line <const> = find_line(lines, request)
        if request.method == "PATCH" then
            line.revision = line.revision + 1
        end
        return { headers = { "Content-Type: application/json" }, body = json.encode(line and { line = line }
            or { lines = lines }) }
    end)
end

--- Runs `trunkhost before words` against such a platform and returns what became of it, with its JSON lines read.
--- The program must end by itself within `longest` seconds.
---@param chosen { words: string, before?: string, count?: integer, account?: string, evidence?: string,
---          handler?: function, longest?: number, config?: string, again?: string, before_again?: function,
---          around?: string, after?: function }  around: a command that runs it
---          again: words of a second run afterwards, whose result is the member `again`
function waiting_world.run(chosen)
    local server <close> = platform(chosen.count or 12, chosen.handler)
    local folder <const> = program.folder()
    os.execute("mkdir " .. folder .. "/providers")
    program.write(folder .. "/providers/lines.lua", PROVIDER:format(chosen.evidence or "updated = \"revision\""))
    program.write(folder .. "/token", "a-token\n", "600")
    local function placed(text)
        return (text:gsub("FOLDER", folder):gsub("URL", server.url))
    end
    program.write(folder .. "/config.lua", placed(chosen.config or ([[return { accounts = { office = {
        provider = "lines", base_url = "URL", token = { file = "FOLDER/token" }, rate = {}, %s } } }]]):format(
        chosen.account or "")))
    local function command(words)
        return ("echo $$ >%s/pid; exec %s %s -c %s/config.lua --ledger %s/ledger.db %s %s"):format(folder,
            placed(chosen.around or ""), program.executable, folder, folder, chosen.before or "", placed(words))
    end
    local env <const> = { HOME = folder, PATH = os.getenv "PATH", TZ = "UTC", LC_ALL = "C.UTF-8",
        ASAN_OPTIONS = os.getenv "ASAN_OPTIONS", UBSAN_OPTIONS = os.getenv "UBSAN_OPTIONS",
        LSAN_OPTIONS = os.getenv "LSAN_OPTIONS" }
    waiting_world.folder = folder
    local ended <const> = trunkhost.process.run { "/bin/sh", "-c", command(chosen.words), env = env,
        timeout = chosen.longest or 40 }
    if chosen.after then
        chosen.after()
    end
    if chosen.again then
        chosen.before_again()
        ended.again = trunkhost.process.run { "/bin/sh", "-c", command(chosen.again), timeout = 40, env = env }
    end
    ended.writes, ended.states, ended.items = 0, {}, 0
    for _, request in ipairs(server.requests) do
        ended.writes = ended.writes + (request.method == "PATCH" and 1 or 0)
    end
    for line in ended.out:gmatch "[^\n]+" do
        local object <const> = line:match "^{" and json.decode(line) or {}
        if object.event == "summary" then
            ended.summary = object
        elseif object.event == "item" then
            ended.items = ended.items + 1
            ended.states[object.trunk] = object.state
        end
    end
    program.remove(folder)
    return ended
end

--- Sends the running program a signal.
---@param name string
function waiting_world.signal(name)
    os.execute(("kill -%s $(cat %s/pid)"):format(name, waiting_world.folder))
end

--- The instant in so many seconds, as HTTP writes it.
---@param seconds number
---@return string
function waiting_world.http_date(seconds)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds) --[[@as string]]
end

return waiting_world
