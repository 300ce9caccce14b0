--- What a script says to trunkhost.http, held against what there is to say. A mistake in a script is an error at the
--- line that makes it.

local config <const> = require "trunkhost.account.config"
local core <const> = require "trunkhost.core"
local suggest <const> = require "trunkhost.text.suggest"

local options <const> = {}

--- Raises at the first line that is not the library's own.
---@param format string
local function mistake(format, ...)
    local level = 2
    while true do
        local info <const> = debug.getinfo(level, "S")
        if not info or not info.source:find "^=%[trunkhost%." then
            break
        end
        level = level + 1
    end
    error(format:format(...), level)
end
options.mistake = mistake

local REPEATED <const> = { rate_limited = true, unavailable = true, network = true, timeout = true }

-- One checker per member; each returns what is wrong, or nil.

local function text(value)
    if type(value) ~= "string" or value == "" then return "must be a text" end
end

local function any_text(value)
    if type(value) ~= "string" then return "must be a text" end
end

local function a_table(value)
    if type(value) ~= "table" then return "must be a table" end
end

local function flag(value)
    if type(value) ~= "boolean" then return "must be true or false" end
end

local function anything() end

local function bytes(value)
    if math.type(value) ~= "integer" or value < 1 then return "must be a number of bytes, above 0" end
end

local function headers(value)
    if type(value) ~= "table" then return "must be a table of name = text or secret" end
    for name, each in pairs(value) do
        if type(name) ~= "string" or not name:find "^[A-Za-z0-9!#$%%&'*+.^_`|~-]+$" then
            return ("has a name that no header can have: '%s'"):format((tostring(name):gsub("%c", "?")))
        elseif type(each) ~= "string" and not math.type(each) and not core.is_secret(each) and each ~= false then
            return ("must be a table of name = text or secret, but %s is a %s"):format(name, type(each))
        elseif type(each) == "string" and each:find "[%z\1-\8\10-\31\127]" then
            return ("has a line break or another control character in %s"):format(name)
        elseif name:lower() == "content-length" or name:lower() == "transfer-encoding" then
            return ("must not contain %s, which is worked out from the body"):format(name)
        end
    end
end

local function source(value)
    if core.is_secret(value) then return end
    if type(value) == "table" then
        local kind, from = next(value)
        if kind == "timeout" then kind, from = next(value, kind) end
        local rest = kind ~= nil and next(value, kind)
        local one <const> = kind ~= nil and (rest == nil or rest == "timeout" and next(value, rest) == nil)
        if value.timeout ~= nil and (kind ~= "command" or config.faults.timeout(value.timeout)) then
            return "timeout belongs to a command, in seconds up to 3600"
        end
        if one and (kind == "env" or kind == "file") and text(from) == nil then return end
        if one and kind == "command" and type(from) == "table" and #from > 0 then return end
    end
    return 'must say where the secret is: { env = "NAME" }, { file = "…" }, { command = { … } } or a trunkhost.secret'
end

local function address(value)
    if text(value) and source(value) then
        return 'must be a text, or where a secret one is: { env = "NAME" }, …'
    end
end

local function auth(value)
    if type(value) ~= "table" then return "must be a table" end
    local kind <const>, what <const> = next(value)
    if next(value, kind) ~= nil or kind ~= "bearer" and kind ~= "basic" then
        return "must be { bearer = secret } or { basic = { user, secret } }"
    elseif kind == "bearer" then
        return source(what)
    elseif type(what) ~= "table" or text(what[1]) or source(what[2]) then
        return 'must be { basic = { "user", secret } }, the secret as for a token'
    end
end

local function retry(value)
    if value == false then return end
    if type(value) ~= "table" then return "must be false or a table such as { times = 3, on = { \"network\" } }" end
    for name in pairs(value) do
        if name ~= "times" and name ~= "on" then
            return ("has no member '%s'; there are times and on"):format(tostring(name))
        end
    end
    if value.times ~= nil and (math.type(value.times) ~= "integer" or value.times < 1 or value.times > 1000) then
        return "times must be an integer from 1 to 1000"
    elseif value.on ~= nil and type(value.on) ~= "table" then
        return "on must be a list of kinds"
    end
    for _, kind in ipairs(value.on or {}) do
        if not REPEATED[kind] then
            return ("on cannot contain '%s'; there are network, rate_limited, timeout and unavailable")
                :format(tostring(kind))
        end
    end
end

local function expect(value)
    if value == "any" or math.type(value) == "integer" then return end
    if type(value) ~= "table" then return 'must be a status, a list of them, or "any"' end
    for _, status in ipairs(value) do
        if math.type(status) ~= "integer" then return 'must be a status, a list of them, or "any"' end
    end
end

local function decode(value)
    if value ~= "json" and value ~= false then return 'must be "json" or false' end
end

local function method(value)
    if type(value) ~= "string" or not value:find "^%a+$" then return "must be a method such as \"GET\"" end
end

local function key(value)
    if value ~= true and text(value) then return "must be true or a text" end
end

local CLIENT <const> = {
    base_url = address, headers = headers, token = source, auth = auth, query = a_table, rate = config.faults.rate,
    concurrency = config.faults.concurrency, timeout = config.faults.timeout, retry = retry,
    http = config.faults.http, ca_file = config.faults.ca_file, max_bytes = bytes, allow_plain_http = flag,
}

local CALL <const> = {
    query = a_table, json = anything, body = any_text, form = a_table, from = text, to = text, headers = headers,
    timeout = config.faults.timeout, max_bytes = bytes, expect = expect, decode = decode, repeatable = flag,
    idempotency_key = key, retry = retry,
}

local function with(known, more)
    local all <const> = {}
    for name, checker in pairs(known) do all[name] = checker end
    for name, checker in pairs(more) do all[name] = checker end
    return all
end

--- What each function takes, by its name.
local KNOWN <const> = {
    client = CLIENT,
    call = CALL,
    ["client:request"] = with(CALL, { method = method, path = anything }),
    request = with(CALL, { method = method, url = address, resend = flag }),
}
KNOWN.request.expect = nil

--- Checks the options of "client", "call", "client:request" or "request".
---@param which string
---@param value any
function options.check(which, value)
    local known <const> = KNOWN[which]
    local what <const> = which == "call" and "http" or "http." .. which
    if type(value) ~= "table" then
        mistake("%s: needs a table of options, not a %s", what, type(value))
    end
    for name, each in pairs(value) do
        local checker <const> = known[name]
        if not checker then
            mistake("%s: no option '%s'%s", what, tostring(name), suggest.hint(tostring(name), known))
        end
        local fault <const> = checker(each)
        if fault then
            mistake("%s: %s %s", what, name, fault)
        end
    end
    local bodies <const> = {}
    for _, name in ipairs { "json", "body", "form", "from" } do
        if which ~= "client" and value[name] ~= nil then bodies[#bodies + 1] = name end
    end
    if #bodies > 1 then
        mistake("%s: only one of %s can be the body", what, table.concat(bodies, " and "))
    end
end

--- The secret that `{ env = … }`, `{ file = … }`, `{ command = … }` or a secret itself stands for.
---@param from any
---@return any secret
function options.secret(from)
    if core.is_secret(from) then
        return from
    elseif from.env then
        return core.token_from_env(from.env)
    elseif from.file then
        return core.token_from_file(from.file)
    end
    return core.token_from_command(from.command, from.timeout)
end

--- Transfers at most (nil: the engine's own number), and the kinds that are not repeated.
---@param policy false|{ times: integer?, on: string[]? }|nil
---@return integer? times, string[]? once
function options.retry(policy)
    if policy == nil then
        return nil, nil
    elseif policy == false then
        return 1, nil
    end
    local once = nil
    if policy.on then
        local wanted <const> = {}
        for _, kind in ipairs(policy.on) do wanted[kind] = true end
        once = {}
        for kind in pairs(REPEATED) do
            if not wanted[kind] then once[#once + 1] = kind end
        end
    end
    return policy.times, once
end

return options
