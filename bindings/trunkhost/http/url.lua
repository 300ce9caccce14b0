--- Addresses of requests: a client's base and what is asked for below it, put together so that no path leads to
--- another host, and a form of each that people may see.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"

local url <const> = {}

---@class trunkhost.HttpAddress
---@field url string    where the request goes
---@field shown string  what errors and logs say instead: without query, and without what is secret

---@class trunkhost.HttpBase
---@field origin string  "https://pbx.example.com:8443"
---@field path string    "/api/v1", or ""
---@field shown string   as origin and path, or without the path where that is secret
---@field secret boolean
---@field plain boolean  http://

local function refuse(format, ...)
    core.error("invalid", format:format(...))
end

--- Percent-encodes everything but letters, digits and -._~ so that it can be a part of a path or a query.
---@param text string|number
---@return string
function url.escape(text)
    return (tostring(text):gsub("[^A-Za-z0-9%-._~]", function(char)
        return ("%%%02X"):format(char:byte())
    end))
end

--- The text of a value in a query or a form; nil when it can have none. Secrets are added to the list.
local function text_of(value, secrets)
    if core.is_secret(value) then
        secrets[#secrets + 1] = value
        return core.text_of(value)
    elseif math.type(value) == "float" and math.tointeger(value) then
        return tostring(math.tointeger(value))
    elseif type(value) == "string" or type(value) == "boolean" or math.type(value) then
        return tostring(value)
    end
end

--- `{ page = 2, tag = { "a", "b" } }` → "page=2&tag=a&tag=b", in the order of the names.
---@param values table<string, any>
---@param secrets any[]  what was secret in it is appended
---@param what string    "query" or "form", for the error
---@return string
function url.encode(values, secrets, what)
    local names, parts = {}, {}
    for name in pairs(values) do
        if type(name) ~= "string" then
            refuse("http: %s must be a table of name = value", what)
        end
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        local value <const> = values[name]
        local list <const> = type(value) == "table" and not core.is_secret(value) and value or { value }
        for i = 1, #list do
            local text <const> = list[i] ~= json.null and text_of(list[i], secrets)
            if not text then
                refuse("http: %s.%s must be a text, a number, a boolean, a secret or a list of these", what, name)
            end
            parts[#parts + 1] = url.escape(name) .. "=" .. url.escape(text)
        end
    end
    return table.concat(parts, "&")
end

---@class trunkhost.UrlParts
---@field scheme string  "https" or "http"
---@field origin string  "https://pbx.example.com:8443"
---@field path string    as it was written; "/" when there is none
---@field query? string
---@field fragment? string

--- An address in its parts. An error quotes nothing of it.
---@param text string
---@param what string  how an error calls it
---@return trunkhost.UrlParts
function url.read(text, what)
    local parts <const> = core.url(text, "http: " .. what)
    if parts.user then
        refuse("http: %s contains a user name or password; use `auth` or `headers`, which no error shows", what)
    end
    return parts
end

--- What follows the origin.
---@param parts trunkhost.UrlParts
---@return string
function url.rest(parts)
    return parts.path .. (parts.query and "?" .. parts.query or "")
end

--- What a URL cannot contain; nothing of it is quoted, because it may be secret.
local function check_characters(text, where)
    local char <const> = text:match "[^A-Za-z0-9%-._~!$&'()*+,;=:@/?%%%[%]]"
    if char then
        local hint <const> = char == "#" and "a fragment is never sent" or "escape it with trunkhost.http.escape, or "
            .. "give the path as a list: { \"users\", name }"
        refuse("http: %s contains %s: %s", where, char:byte() > 32 and char:byte() < 127 and ("'%s'"):format(char)
            or ("the byte 0x%02X"):format(char:byte()), hint)
    elseif text:gsub("%%%x%x", ""):find "%%" then
        refuse("http: %s contains a '%%' that is not followed by two hexadecimal digits", where)
    end
end

local function check_dots(path, where)
    for segment in path:match "^[^?]*":gmatch "[^/]+" do
        local plain <const> = segment:gsub("%%2[eE]", ".")
        if plain == "." or plain == ".." then
            refuse("http: %s contains '%s', which would leave the base", where, plain)
        end
    end
end

--- What a client needs of its `base_url`.
---@param parts trunkhost.UrlParts
---@param secret boolean  whether its path is
---@return trunkhost.HttpBase
function url.base(parts, secret)
    if parts.query or parts.fragment then
        refuse("http: base_url contains a query or a fragment; give `query` to each request")
    end
    check_characters(parts.path, "base_url")
    check_dots(parts.path, "base_url")
    local path <const> = parts.path:gsub("/+$", "")
    return { origin = parts.origin, path = path, secret = secret, plain = parts.scheme == "http",
        shown = parts.origin .. (secret and path ~= "" and "/…" or path) }
end

local function segments(list)
    local parts = {}
    for i, segment in ipairs(list) do
        local text <const> = text_of(segment, {})
        if core.is_secret(segment) or type(segment) == "boolean" or not text or text == "" then
            refuse("http: part %d of the path must be a text or a number, and not empty", i)
        elseif text == "." or text == ".." then
            refuse("http: part %d of the path is '%s', which would leave the base", i, text)
        end
        parts[i] = url.escape(text)
    end
    return "/" .. table.concat(parts, "/")
end

--- The rest of an absolute URL at the base's server.
local function same_origin(base, path)
    local parts <const> = url.read(path, "the address")
    if parts.origin ~= base.origin then
        refuse("http: %s is another server than %s, and gets nothing from this client; make another client for it",
            parts.origin, base.origin)
    end
    return url.rest(parts) .. (parts.fragment and "#" .. parts.fragment or "")
end

local function with_query(path, query)
    if query == "" then
        return path
    end
    return path .. (path:find "?" and "&" or "?") .. query
end

--- A path below the base: a text that is escaped already, or a list of parts that are not. An absolute URL is taken
--- when it leads to the base's server, as the `next` of a list does.
---@param base trunkhost.HttpBase
---@param path string|any[]|nil
---@param query string
---@return trunkhost.HttpAddress
function url.join(base, path, query)
    local prefix, shown = base.path, base.shown
    if type(path) == "table" then
        path = segments(path)
    elseif path == nil or path == "" then
        path = ""
    elseif type(path) ~= "string" then
        refuse("http: the path must be a text or a list, not a %s", type(path))
    elseif path:find "^%a[%w+.-]*://" then
        path = same_origin(base, path)
        prefix, shown = "", base.origin
        check_characters(path, "the address")
    elseif path:find "^//" then
        refuse "http: the path begins with //, which would name another host"
    elseif path:find "^%?" then
        check_characters(path, "the path")
    else
        path = path:find "^/" and path or "/" .. path
        check_characters(path, "the path")
    end
    check_dots(path, "the path")
    local whole <const> = with_query(path, query)
    local visible <const> = base.secret and prefix == "" and "/…" or whole:match "^[^?]*"
    return { url = base.origin .. prefix .. (prefix .. whole == "" and "/" or whole),
        shown = shown .. visible .. (whole:find "?" and "?…" or "") }
end

--- An address of its own, which the host checks before it is used.
---@param parts trunkhost.UrlParts
---@param secret boolean  whether all of it but the host is
---@param query string
---@return trunkhost.HttpAddress
function url.absolute(parts, secret, query)
    local rest <const> = url.rest(parts)
    local visible <const> = secret and rest ~= "/" and "/…" or parts.path
    return { url = parts.origin .. with_query(rest, query),
        shown = parts.origin .. visible .. ((query ~= "" or parts.query) and "?…" or "") }
end

return url
