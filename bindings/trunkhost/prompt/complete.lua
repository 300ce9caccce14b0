--- Completion at the cursor of a prompt: variables and their members, accounts in quotes, fields of a trunk. It reads
--- values raw, so it opens, sends and waits for nothing.

local core <const> = require "trunkhost.core"

local KEYWORDS <const> = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while" }
--- `account "name"` at the end of a text, in every way to write it.
local OPENED <const> = "%f[%w_]account%s*%(?%s*[\"']([^\"']*)[\"']%s*%)?$"

--- The names in a table or userdata and in its metatable.
---@param value any
---@return table<string, any>
local function members(value)
    local found <const> = {}
    local function add(source)
        if type(source) == "table" then
            for name, member in next, source do
                if type(name) == "string" and name:find "^[%a_][%w_]*$" and found[name] == nil then
                    found[name] = member
                end
            end
        end
    end
    for _ = 1, 8 do -- the longest chain of classes
        add(value)
        local meta <const> = debug.getmetatable(value)
        if not meta then
            break
        end
        add(rawget(meta, "__lazy"))
        value = rawget(meta, "__index")
    end
    return found
end

--- The account of that name, if a variable holds it.
local function opened_account(name)
    for _, value in next, _G do
        local meta <const> = type(value) == "userdata" and debug.getmetatable(value)
        if meta and rawget(meta, "__index") == core.account_methods and value:name() == name then
            return value
        end
    end
end

--- The value of `trunkhost.job` or `account "vatel"`, found without a call; nil when it is not known.
local function value_of(expression)
    local name <const> = expression:match(OPENED)
    if name then
        return opened_account(name) or setmetatable({}, { __index = core.account_methods })
    end
    local path <const> = expression:match "[%a_][%w_.]*$"
    if not path or expression:sub(1, -#path - 1):find "[.:)%]\"']%s*$" then
        return nil
    end
    local value = _G
    for part in path:gmatch "[^.]+" do
        local known <const> = members(value)
        local lazy <const> = rawget(debug.getmetatable(value) or {}, "__lazy")
        if lazy and rawget(value, part) == nil and lazy[part] then
            value = value[part] -- a part of the library that is not loaded yet
        else
            value = known[part]
        end
        if value == nil then
            return nil
        end
    end
    return value
end

--- The text before the innermost open "{", and the text after it.
local function open_brace(text)
    local stack <const>, at = {}, 1
    while at <= #text do
        local char <const> = text:sub(at, at)
        if char == '"' or char == "'" then
            at = text:find(char, at + 1, true)
            if not at then
                return nil -- inside a string
            end
        elseif char == "{" or char == "(" then
            stack[#stack + 1] = at
        elseif char == "}" or char == ")" then
            stack[#stack] = nil
        end
        at = at + 1
    end
    local last <const> = stack[#stack]
    if last and text:sub(last, last) == "{" then
        return text:sub(1, last - 1), text:sub(last + 1)
    end
end

--- The fields that the endpoint takes, when the cursor is where a field name can be.
local function fields(text)
    local before <const>, inside <const> = open_brace(text)
    local partial <const> = inside and ("," .. inside):match "[,;]%s*([%a_]?[%w_]*)$"
    local expression <const>, method = (before or ""):match "^(.-):(%l+)%s*%(?[^()]*$"
    if not partial or not expression then
        return nil
    end
    local account <const> = value_of(expression)
    if type(account) ~= "userdata" or not members(account).describe then
        return nil
    end
    method = method == "impact" and "update" or method
    local description <const> = account:describe()
    local endpoint <const> = description.endpoints[method]
    local object <const> = endpoint and endpoint.body and description.objects[endpoint.body]
    return object and object.fields, partial
end

local function account_names(partial, quote)
    local is_known <const>, names <const> = pcall(function() return require("trunkhost.accounts").names() end)
    local found <const> = {}
    for _, name in ipairs(is_known and names or {}) do
        found[name] = quote
    end
    return found, partial
end

--- The names that fit, each with the text that follows it, and the part that is already typed.
---@param text string
---@return table<string, string> names, string partial
local function possible(text)
    local quote <const>, begun <const> = text:match "%f[%w_]account%s*%(?%s*([\"'])([^\"']*)$"
    if quote then
        return account_names(begun, quote)
    end
    local found <const> = {}
    local known <const>, field <const> = fields(text)
    if known then
        for name in pairs(known) do
            found[name] = " = "
        end
        return found, field
    end
    local before <const>, separator <const>, partial <const> = text:match "^(.-)([.:]?)([%a_]?[%w_]*)$"
    if separator == "" then
        for _, word in ipairs(KEYWORDS) do
            found[word] = " "
        end
        for name in pairs(members(_G)) do
            found[name] = ""
        end
        return found, partial
    end
    local value <const> = value_of(before)
    for name, member in pairs(value ~= nil and members(value) or {}) do
        if separator == "." or type(member) == "function" then
            found[name] = ""
        end
    end
    return found, partial
end

--- Their longest common prefix.
local function common_beginning(names)
    local shared = names[1]
    for _, name in ipairs(names) do
        while name:sub(1, #shared) ~= shared do
            shared = shared:sub(1, -2)
        end
    end
    return shared
end

--- The names in as many columns as fit, ordered down each column.
local function in_columns(names, columns)
    local widest, lines = 0, {}
    for _, name in ipairs(names) do
        widest = math.max(widest, #name + 2)
    end
    local rows <const> = math.ceil(#names / math.max(1, columns // widest))
    for row = 1, rows do
        local cells = {}
        for at = row, #names, rows do
            cells[#cells + 1] = ("%-" .. widest .. "s"):format(names[at])
        end
        lines[row] = table.concat(cells):gsub(" +$", "")
    end
    return table.concat(lines, "\r\n")
end

--- The text to insert at the cursor, and the text to show below the line; nil: nothing.
---@param text string  before the cursor
---@param columns integer
---@return string? insert, string? list
return function(text, columns)
    if not text:find "%S" then
        return "    "
    end
    local found <const>, partial <const> = possible(text)
    local names <const> = {}
    for name in pairs(found) do
        if name:sub(1, #partial) == partial and (partial ~= "" or not name:find "^_") then
            names[#names + 1] = name
        end
    end
    if #names == 0 then
        return nil
    elseif #names == 1 then
        return names[1]:sub(#partial + 1) .. found[names[1]]
    end
    table.sort(names)
    local rest <const> = common_beginning(names):sub(#partial + 1)
    if rest ~= "" then
        return rest
    end
    return nil, in_columns(names, columns)
end
