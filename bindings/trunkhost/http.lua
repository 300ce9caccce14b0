--- trunkhost.http: the PBX, a webhook, any third API, with the engine and the care that accounts have. What scripts say
--- to it and get from it is written down in meta/http.lua.

local core <const> = require "trunkhost.core"
local http_options <const> = require "trunkhost.http.options"
local suggest <const> = require "trunkhost.text.suggest"
local url <const> = require "trunkhost.http.url"

---@class trunkhost.Http
local http <const> = {}

http.escape = url.escape

-- ---------------------------------------------------------------------------------------------------
-- Replies

local repeated <const> = setmetatable({}, { __mode = "k" })

local function all(headers, name)
    name = name:lower()
    local list <const> = repeated[headers] and repeated[headers][name]
    if list then
        return table.move(list, 1, #list, 1, {})
    end
    return { rawget(headers, name) }
end

local headers_meta <const> = {
    __index = function(headers, name)
        if name == "all" then
            return all
        end
        return type(name) == "string" and rawget(headers, name:lower()) or nil
    end,
}

local function finish(reply, request)
    local headers <const> = reply.headers
    if next(reply.repeated) then
        repeated[headers] = reply.repeated
    end
    if headers.all then -- the method must be found under this name; the header is by headers:all "all"
        repeated[headers] = repeated[headers] or reply.repeated
        repeated[headers].all = repeated[headers].all or { headers.all }
        headers.all = nil
    end
    reply.repeated = nil
    reply.headers = setmetatable(headers, headers_meta)
    reply.file = reply.bytes and request.to
    return reply
end

-- ---------------------------------------------------------------------------------------------------
-- Requests

--- Adds headers to a table of lower-case name → { name, value }.
local function add_headers(into, more)
    for name, value in pairs(more or {}) do
        into[name:lower()] = { name, value }
    end
end

local function header_list(by_name)
    local names, list = {}, {}
    for name, pair in pairs(by_name) do
        if pair[2] ~= false then names[#names + 1] = name end
    end
    table.sort(names)
    for i, name in ipairs(names) do
        list[i * 2 - 1] = by_name[name][1]
        list[i * 2] = math.type(by_name[name][2]) and tostring(by_name[name][2]) or by_name[name][2]
    end
    return list
end

--- Everything but the address: from the options of a call to what core.http_send takes.
---@param method string
---@param call table
---@param secrets any[]
---@param defaults? table  of the client
local function prepare(method, call, secrets, defaults)
    local headers <const> = {}
    if defaults then
        for name, pair in pairs(defaults.headers) do headers[name] = pair end
    end
    local body = call.body
    if call.json ~= nil then
        add_headers(headers, { ["Content-Type"] = "application/json" })
    elseif call.form then
        add_headers(headers, { ["Content-Type"] = "application/x-www-form-urlencoded" })
        body = url.encode(call.form, secrets, "form")
    end
    add_headers(headers, call.headers)
    if call.idempotency_key then
        local key <const> = call.idempotency_key
        add_headers(headers, { ["Idempotency-Key"] = key == true and core.text_of(core.secret { length = 32 }) or key })
    end
    local times, once = http_options.retry(call.retry)
    if call.retry == nil and defaults then
        times, once = defaults.times, defaults.once
    end
    if call.to and method == "HEAD" then
        http_options.mistake "http: a HEAD request has no body for `to`"
    end
    return {
        method = method, headers = header_list(headers), json = call.json, body = body, from = call.from, to = call.to,
        timeout = call.timeout, stalls = not call.timeout and (call.to or call.from) ~= nil,
        max_bytes = call.max_bytes or defaults and defaults.max_bytes,
        repeatable = call.repeatable or headers["idempotency-key"] ~= nil, times = times, once = once,
        secrets = secrets,
    }
end

--- An address that may be a secret, in its parts, and whether it is one.
local function open_address(value, secrets, what)
    if type(value) == "string" then
        return url.read(value, what), false
    end
    local parts <const> = url.read(core.text_of(http_options.secret(value)), what)
    -- Errors name the host, and hide every part of a secret: so the host is none.
    local rest <const> = url.rest(parts)
    if rest ~= "/" then
        secrets[#secrets + 1] = core.secret { from = rest }
    end
    return parts, true
end

local REQUEST_DECODES <const> = { json = true, [false] = false }

--- One request to any address. Every status is a result and no error. GET, HEAD and OPTIONS are repeated when the
--- line or the server fails; a write is not, unless it is repeatable: its loss raises `unknown_outcome`. Redirects are
--- not followed.
---@param request trunkhost.HttpRequest
---@return trunkhost.HttpReply
function http.request(request)
    http_options.check("request", request)
    if request.url == nil then
        http_options.mistake "http.request: needs a url"
    end
    local secrets <const> = {}
    local parts <const>, is_secret <const> = open_address(request.url, secrets, "the URL")
    local address <const> = url.absolute(parts, is_secret, request.query and url.encode(request.query, secrets, "query")
        or "")
    local prepared <const> = prepare((request.method or "GET"):upper(), request, secrets)
    prepared.url, prepared.shown = address.url, address.shown
    prepared.repeatable = prepared.repeatable or request.resend
    if request.resend == false then
        prepared.once = { "network", "timeout", "unavailable" }
    end
    prepared.expect, prepared.lenient, prepared.decode = true, true, REQUEST_DECODES[request.decode]
    return finish(core.http_send(nil, prepared), prepared)
end

-- ---------------------------------------------------------------------------------------------------
-- Clients

---@class trunkhost.HttpClient
local client <const> = {}

--- What a client is made of; out of the script's sight.
local states <const> = setmetatable({}, { __mode = "k" })

local function state_of(self)
    return states[self] or http_options.mistake "http: call it with a colon, as in client:get(\"path\")"
end

local function expected(value)
    if value == nil or value == "any" then
        return value == "any"
    end
    local set <const> = {}
    for _, status in ipairs(type(value) == "table" and value or { value }) do set[status] = true end
    return set
end

local function send(self, method, path, call)
    local state <const> = state_of(self)
    local secrets <const> = table.move(state.secrets, 1, #state.secrets, 1, {})
    local query = state.query
    if call.query then
        local merged <const> = {}
        for name, value in pairs(query or {}) do merged[name] = value end
        for name, value in pairs(call.query) do merged[name] = value end
        query = merged
    end
    local address <const> = url.join(state.base, path, query and url.encode(query, secrets, "query") or "")
    local prepared <const> = prepare(method, call, secrets, state)
    prepared.url, prepared.shown = address.url, address.shown
    prepared.expect, prepared.decode = expected(call.expect), REQUEST_DECODES[call.decode]
    return finish(core.http_send(state.handle, prepared), prepared)
end

--- A request of any method. A status other than 2xx, or that is in `expect`, raises an error object.
---@param request trunkhost.HttpClientRequest
---@return trunkhost.HttpReply
function client:request(request)
    http_options.check("client:request", request)
    return send(self, (request.method or "GET"):upper(), request.path, request)
end

for _, name in ipairs { "get", "head", "post", "put", "patch", "delete" } do
    local method <const> = name:upper()
    client[name] = function(self, path, call)
        call = call or {}
        http_options.check("call", call)
        return send(self, method, path, call)
    end
end

--- How it stands with its limits: as account:pace().
---@return trunkhost.Pace
function client:pace()
    return state_of(self).handle:pace()
end

--- Lets go of its connections. What is under way ends; a request afterwards is an error.
function client:close()
    state_of(self).handle:close()
end

setmetatable(client, {
    __index = function(_, name)
        http_options.mistake("an HTTP client has no '%s'%s", tostring(name), suggest.hint(tostring(name), client))
    end,
})

local client_meta <const> = {
    __index = client,
    __tostring = function(self) return ("trunkhost.http.client: %s"):format(states[self].base.shown) end,
    __close = client.close,
    __name = "trunkhost.http.client",
}

--- The Authorization header, and what no message may quote.
local function authorization(given, secrets)
    local auth <const> = given.auth or given.token and { bearer = given.token }
    if not auth then
        return nil
    end
    local secret <const> = http_options.secret(auth.bearer or auth.basic[2])
    secrets[#secrets + 1] = secret
    if auth.bearer then
        return core.http_bearer(secret)
    end
    return core.http_basic(auth.basic[1], secret)
end

--- A client of one API. It can be kept in a to-be-closed variable; otherwise it is closed when nobody has it any more.
---@param options trunkhost.HttpClientOptions
---@return trunkhost.HttpClient
function http.client(options)
    http_options.check("client", options)
    if options.base_url == nil then
        http_options.mistake "http.client: needs a base_url"
    elseif options.auth and options.token then
        http_options.mistake "http.client: only one of auth and token"
    end
    local secrets <const>, headers <const> = {}, {}
    local parts <const>, is_secret <const> = open_address(options.base_url, secrets, "base_url")
    local base <const> = url.base(parts, is_secret)
    add_headers(headers, { Authorization = authorization(options, secrets) })
    add_headers(headers, options.headers)
    for _, pair in pairs(headers) do
        if core.is_secret(pair[2]) then secrets[#secrets + 1] = pair[2] end
    end
    local times <const>, once <const> = http_options.retry(options.retry)
    local self <const> = setmetatable({}, client_meta)
    states[self] = {
        base = base, headers = headers, secrets = secrets, times = times, once = once,
        max_bytes = options.max_bytes,
        query = options.query,
        handle = core.http_client {
            base_url = base.origin .. base.path, rate = options.rate, concurrency = options.concurrency,
            ca_file = options.ca_file, timeout = options.timeout, http = options.http,
            plain = base.plain and options.allow_plain_http or false,
        },
    }
    return self
end

return http
