--- A platform that speaks Bolna's API and answers writes as a test says: what was made is listed only when the test
--- lets it show.

local events <const> = require "events"
local trunkhost <const> = require "trunkhost"
local http_server <const> = require "http_server"
local program <const> = require "program"

local json <const> = trunkhost.json

---@class EventualPlatform
---@field trunks table[]        in the order in which they were made; `hidden` until they show
---@field posts table<string, integer>  path → how many have come
---@field on_post fun(path: string, made: table): HttpServerReply?  nil: the ordinary answer
---@field on_list fun(): HttpServerReply?  called before each list; nil: the ordinary answer
local EventualPlatform <const> = {}
EventualPlatform.__index = EventualPlatform

local function reply(status, value)
    return { status = status, headers = { "Content-Type: application/json" }, body = json.encode(value) }
end

local function shown(list)
    local found = json.array {}
    for _, item in ipairs(list) do
        if not item.hidden then
            local copy = {}
            for name, value in pairs(item) do
                copy[name] = value
            end
            copy.auth_password, copy.numbers = nil, nil
            copy.phone_numbers = item.numbers and shown(item.numbers) or item.phone_numbers
            found[#found + 1] = copy
        end
    end
    return found
end

local function find(self, id)
    for place, trunk in ipairs(self.trunks) do
        if trunk.id == id and not trunk.hidden then
            return trunk, place
        end
    end
end

local function make(self, list, body)
    body.phone_numbers = nil
    self.made = self.made + 1
    body.id = "t" .. self.made
    body.is_active = true
    body.created_at, body.updated_at = "2026-01-01T00:00:00", "2026-01-01T00:00:00"
    list[#list + 1] = body
    return body
end

local function post(self, path, body)
    self.posts[path] = (self.posts[path] or 0) + 1
    local parent = path:match "^/sip%-trunks/trunks/([^/]+)/numbers$"
    local made
    if parent then
        made = make(self, find(self, parent).numbers, body)
    else
        for _, list in ipairs { "gateways", "ip_identifiers" } do
            body[list] = body[list] or json.array {}
        end
        body.numbers = {}
        made = make(self, self.trunks, body)
    end
    local own = self.on_post and self.on_post(path, made)
    return own or reply(201, shown({ made })[1] or { id = made.id })
end

local function handle(self, request)
    local method, side, path = request.method, request.target:match "^/(%l+)(/[^?]*)"
    if side == "old" then
        self = self.old
    end
    local id, rest = path:match "^/sip%-trunks/trunks/([^/]+)(.*)$"
    if method == "POST" then
        return post(self, path, json.decode(request.body))
    elseif not id then
        return self.on_list and self.on_list() or reply(200, shown(self.trunks))
    end
    local trunk, place = find(self, id)
    if not trunk then
        return reply(404, { message = "Not found" })
    elseif rest == "/numbers" then
        return reply(200, shown(trunk.numbers))
    elseif method == "DELETE" then
        table.remove(self.trunks, place)
    elseif method == "PATCH" then
        for name, value in pairs(json.decode(request.body)) do
            trunk[name] = value
        end
        self.clock = (self.clock or 0) + 1
        trunk.updated_at = ("2026-01-01T00:00:%02d"):format(self.clock)
    end
    return reply(200, shown({ trunk })[1])
end

function EventualPlatform:stop()
    self.server:stop()
    program.remove(self.folder)
end
EventualPlatform.__close = EventualPlatform.stop

--- The trunks that are there, whether they show or not.
function EventualPlatform:show()
    for _, trunk in ipairs(self.trunks) do
        trunk.hidden = nil
        for _, number in ipairs(trunk.numbers) do
            number.hidden = nil
        end
    end
end

--- Lets the accounts have another settle time from now on.
function EventualPlatform:configure(eventual)
    local source <const> = [[
        local function account(path) return { provider = "bolna", base_url = %q .. path, rate = {},
            token = { file = %q }, eventual = %s } end
        return { accounts = { old = account "/old", new = account "/new" } }]]
    program.write(self.folder .. "/token", "sandbox\n", "600")
    program.write(self.folder .. "/config.lua", source:format(self.server.url, self.folder .. "/token",
        tostring(eventual)))
end

--- A trunk of the account `old` with these numbers.
---@param name string
---@param ... string
function EventualPlatform:add_old(name, ...)
    local numbers = {}
    for i, number in ipairs { ... } do
        numbers[i] = { id = ("%s-%d"):format(name, i), phone_number = number, is_active = true }
    end
    table.insert(self.old.trunks, { id = "old-" .. name, name = name, provider = "custom", auth_type = "userpass",
        auth_username = "carrier-" .. name, transport = "transport-udp", inbound_enabled = true, is_active = true,
        gateways = json.array { { id = "g", gateway_address = "sip.example.com", port = 5060, priority = 1 } },
        ip_identifiers = json.array {}, numbers = numbers, created_at = "2026-01-01T00:00:00",
        updated_at = "2026-01-01T00:00:00" })
end

--- Runs the program with the accounts `old` and `new`, and a ledger of its own, while this one serves them.
---@param ... string  arguments
---@return JobResult
function EventualPlatform:run(...)
    local words = { program.executable, "-c", self.folder .. "/config.lua", "--ledger",
        self.folder .. "/ledger.db", ... }
    words.env = program.environment(self.folder)
    return events.read(trunkhost.process.run(words))
end

---@return EventualPlatform
local function start()
    local self = setmetatable({ trunks = {}, posts = {}, made = 0, folder = program.folder(),
        old = { trunks = {}, made = 0, posts = {} } }, EventualPlatform)
    self.server = http_server.start(function(request) return handle(self, request) end)
    self:configure(nil)
    return self
end

return { start = start }
