--- Values as text for people, in Lua syntax: on one line if it fits, else indented.
---
--- Tables are read raw and nothing is called, so that inspecting never waits, sends or changes anything. Text from a
--- platform or a file cannot control the terminal.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local text_width <const> = require "trunkhost.text.width"

local INDENT <const> = "    "
local DEFAULTS <const> = { depth = 6, width = 80, items = 100, text = 1000, values = 10000 }

local KEYWORDS <const> = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
    .. "until while"):gmatch "%a+" do
    KEYWORDS[word] = true
end

-- ---------------------------------------------------------------------------------------------------
-- Texts

local SHORT <const> = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }

local function escape_byte(byte)
    return SHORT[byte] or ("\\x%02X"):format(byte:byte())
end

local function escape_point(character)
    return ("\\u{%X}"):format(utf8.codepoint(character))
end

--- Escapes what controls a terminal in valid UTF-8: control characters, direction marks and invisible characters.
local function escape_valid(text)
    text = text:gsub('[%c"\\]', escape_byte)
    if text:find "[\xC2\xE2\xEF]" then
        text = text:gsub("\xC2[\x80-\x9F]", escape_point)
        text = text:gsub("\xE2\x80[\x8B-\x8F\xA8-\xAE]", escape_point)
        text = text:gsub("\xE2\x81[\xA0-\xAF]", escape_point):gsub("\xEF\xBB\xBF", escape_point)
    end
    return text
end

local function quote(text, limit)
    local size <const> = #text
    if size > limit then
        local stop = math.floor(limit)
        while stop > 0 and text:find("^[\x80-\xBF]", stop + 1) do
            stop = stop - 1 -- not in the middle of a character
        end
        text = text:sub(1, stop)
    end
    local parts, at = { '"' }, 1
    while at <= #text do
        local length, bad = utf8.len(text, at)
        parts[#parts + 1] = escape_valid(text:sub(at, length and #text or bad - 1))
        if length then
            break
        end
        parts[#parts + 1] = escape_byte(text:sub(bad, bad))
        at = bad + 1
    end
    parts[#parts + 1] = size > limit and ('"… (%d bytes)'):format(size) or '"'
    return table.concat(parts)
end

local function number(value)
    if math.type(value) == "integer" then
        return value == math.mininteger and "math.mininteger" or tostring(value)
    elseif value ~= value then
        return "nan"
    elseif value == math.huge or value == -math.huge then
        return value > 0 and "math.huge" or "-math.huge"
    end
    for digits = 14, 17 do -- the fewest digits that give the same number
        local text <const> = ("%%.%dg"):format(digits):format(value)
        if tonumber(text) == value then
            return text:find "[.en]" and text or text .. ".0"
        end
    end
end

local function function_text(value)
    local info <const> = debug.getinfo(value, "S")
    if info.what == "C" then
        return "<function>"
    end
    return ("<function %s:%d>"):format(text_width.plain(info.short_src), info.linedefined)
end

--- How the value describes itself: by __tostring, __name or its type.
local function own_text(value, meta)
    if meta and rawget(meta, "__tostring") then
        local is_told <const>, text <const> = pcall(tostring, value)
        if is_told and type(text) == "string" then
            return ("<%s>"):format(text_width.plain(text))
        end
    end
    local name <const> = meta and rawget(meta, "__name")
    return ("<%s>"):format(type(name) == "string" and text_width.plain(name) or type(value))
end

-- ---------------------------------------------------------------------------------------------------
-- From a value to a text, or a node of texts and nodes

---@class Node
---@field prefix string   before the bracket
---@field [integer] string|Node
---@field keys table<integer, string>  "name = " before an item
---@field width integer   as one line

---@class Look  the state of one call
---@field limits table
---@field inside table<table, boolean>  the enclosing tables
---@field left integer     values that may still be shown

local describe

local RANK <const> = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
    local first <const>, second <const> = RANK[type(a)] or 4, RANK[type(b)] or 4
    if first ~= second then
        return first < second
    end
    if first <= 2 then
        return a < b
    end
    return tostring(a) < tostring(b)
end

local function key_text(look, key)
    if type(key) == "string" and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then
        return key .. " = "
    elseif type(key) == "table" then
        return "[<table>] = "
    end
    return ("[%s] = "):format(describe(look, key, 0))
end

local function width_of(item)
    return type(item) == "string" and text_width.of(item) or item.width
end

local function add(node, key, item)
    node[#node + 1] = item
    node.keys[#node] = key
    node.width = node.width + #key + width_of(item) + 2
end

--- The length of its sequence, and the other keys, sorted.
local function keys_of(value, kind)
    local length, others = rawlen(value), {}
    for i = 1, length do
        if rawget(value, i) == nil then
            length = i - 1
            break
        end
    end
    for key in next, value do
        local is_item <const> = math.type(key) == "integer" and key >= 1 and key <= length
        if not is_item and not (kind and key == "traceback") then -- an error's traceback is not shown
            others[#others + 1] = key
        end
    end
    table.sort(others, before)
    return length, others
end

local function describe_table(look, value, depth)
    local meta <const> = debug.getmetatable(value)
    local kind <const> = core.is_error(value)
    if meta and not kind and rawget(meta, "__tostring") then
        return own_text(value, meta)
    elseif next(value) == nil then
        return json.is_array(value) and "json.array {}" or "{}"
    elseif look.inside[value] then
        return "<cycle>"
    elseif depth >= look.limits.depth or look.left <= 0 then
        return "{ … }"
    end
    local prefix = kind and "error " or ""
    if meta and not kind and not json.is_array(value) and type(rawget(meta, "__name")) == "string" then
        prefix = text_width.plain(rawget(meta, "__name")) .. " "
    end
    local node <const> = { prefix = prefix, keys = {}, width = #prefix + 2 }
    local length <const>, others <const> = keys_of(value, kind)
    local shown <const> = math.min(length + #others, look.limits.items)
    look.inside[value] = true
    for i = 1, shown do
        local key <const> = i <= length and i or others[i - length]
        add(node, i <= length and "" or key_text(look, key), describe(look, rawget(value, key), depth + 1))
    end
    look.inside[value] = nil
    if shown < length + #others then
        add(node, "", ("… %d more"):format(length + #others - shown))
    end
    return node
end

--- A text, or a node for a table that is not empty.
function describe(look, value, depth)
    local kind <const> = type(value)
    look.left = look.left - 1
    if kind == "string" then
        return quote(value, look.limits.text)
    elseif kind == "number" then
        return number(value)
    elseif kind == "table" then
        return describe_table(look, value, depth)
    elseif kind == "function" then
        return function_text(value)
    elseif value == json.null then
        return "null"
    elseif kind == "userdata" then
        return core.is_secret(value) and "[secret]" or own_text(value, debug.getmetatable(value))
    elseif kind == "thread" then
        return ("<coroutine, %s>"):format(coroutine.status(value))
    end
    return tostring(value)
end

-- ---------------------------------------------------------------------------------------------------
-- From a node to lines

local function one_line(node)
    local parts <const> = {}
    for i, item in ipairs(node) do
        parts[i] = node.keys[i] .. (type(item) == "string" and item or one_line(item))
    end
    return ("%s{ %s }"):format(node.prefix, table.concat(parts, ", "))
end

--- Appends the item; `taken` columns of its first line are in use.
local function write(out, item, indent, taken, width)
    if type(item) == "string" then
        out[#out + 1] = item
    elseif taken + item.width <= width then
        out[#out + 1] = one_line(item)
    else
        local deeper <const> = indent .. INDENT
        out[#out + 1] = item.prefix .. "{\n"
        for i, inner in ipairs(item) do
            out[#out + 1] = deeper .. item.keys[i]
            write(out, inner, deeper, #deeper + #item.keys[i] + 1, width)
            out[#out + 1] = ",\n"
        end
        out[#out + 1] = indent .. "}"
    end
end

local function check(options)
    local limits <const> = {}
    for name, value in pairs(DEFAULTS) do
        limits[name] = value
    end
    -- inspect(account:get(42)) also passes the second result, which is not a table.
    for name, value in pairs(type(options) == "table" and options or {}) do
        if not DEFAULTS[name] then
            error(("inspect: there is no option '%s'; there are depth, items, text, values and width")
                :format(tostring(name)), 3)
        elseif type(value) ~= "number" or value < 0 or value ~= value then
            error(("inspect: %s must be a number of at least 0, got %s"):format(name, tostring(value)), 3)
        end
        limits[name] = value
    end
    return limits
end

--- The value as text for people: tables with sorted keys, on one line if it fits, else indented. Secrets are
--- `[secret]`, terminal controls are escaped. Never waits, and calls only `__tostring`.
---@param value any
---@param options? trunkhost.InspectOptions
---@return string
return function(value, options)
    local limits <const> = check(options)
    local look <const> = { limits = limits, inside = {}, left = limits.values }
    local out <const> = {}
    write(out, describe(look, value, 0), "", 0, limits.width)
    return table.concat(out)
end
