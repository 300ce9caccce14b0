--- Parses the types of annotations: unions, functions and tables.

local types <const> = {}

local item_end

local function skip(text, at)
    return text:find("[^ ]", at) or #text + 1
end

--- The position after the union that begins at `at`; nil if there is none.
local function union_end(text, at)
    local stop = item_end(text, at)
    while stop do
        local bar <const> = skip(text, stop)
        if text:sub(bar, bar) ~= "|" then
            return stop
        end
        stop = item_end(text, skip(text, bar + 1))
    end
end

--- The position after the bracket that closes the one at `at`.
local function bracket_end(text, at)
    local depth, i = 0, at
    while i <= #text do
        local char <const> = text:sub(i, i)
        if char == '"' then
            i = text:find('"', i + 1, true) or #text
        elseif char:find "[({%[<]" then
            depth = depth + 1
        elseif char:find "[)}%]>]" then
            depth = depth - 1
            if depth == 0 then
                return i + 1
            end
        end
        i = i + 1
    end
end

--- The position after the return types of a function, which begin at the colon at `at`.
local function returns_end(text, at)
    local stop = at
    repeat
        local from <const> = skip(text, stop + 1)
        stop = union_end(text, from)
    until not stop or text:sub(stop, stop) ~= ","
    return stop
end

--- The position after the item without its suffixes.
local function primary_end(text, at)
    local first <const> = text:sub(at, at)
    if first == "(" or first == "{" or first == "[" then
        return bracket_end(text, at)
    elseif first == '"' then
        local quote <const> = text:find('"', at + 1, true)
        return quote and quote + 1
    end
    local behind <const> = text:match("^async +fun()", at) or text:match("^fun()", at)
    if behind and text:sub(behind, behind) == "(" then
        local stop <const> = bracket_end(text, behind)
        return stop and text:sub(stop, stop) == ":" and returns_end(text, stop) or stop
    end
    local stop = text:match("^%.%.%.[%w_.]*()", at) or text:match("^%-?%d[%d.]*()", at)
        or text:match("^[%a_][%w_.*-]*()", at)
    if stop and text:sub(stop, stop) == "<" then
        stop = bracket_end(text, stop)
    end
    return stop
end

function item_end(text, at)
    local stop = primary_end(text, at)
    while stop do
        if text:sub(stop, stop + 1) == "[]" then
            stop = stop + 2
        elseif text:sub(stop, stop) == "?" then
            stop = stop + 1
        else
            return stop
        end
    end
end

--- The type that a text begins with, and what follows it without the blanks between.
---@param text string
---@return string? type, string rest
function types.cut(text)
    local from <const> = skip(text, 1)
    local stop <const> = union_end(text, from)
    if not stop then
        return nil, text
    end
    return text:sub(from, stop - 1), text:sub(skip(text, stop))
end

--- The members of a union; "T?" gives "T" and "nil". Each is there once.
---@param text string
---@return string[]
function types.split(text)
    local list, seen = {}, {}
    local function add(item)
        local inner <const> = item:match "^%((.*)%)$"
        if inner and bracket_end(item, 1) == #item + 1 then
            for _, each in ipairs(types.split(inner)) do
                add(each)
            end
        elseif not seen[item] then
            seen[item], list[#list + 1] = true, item
        end
    end
    local at = skip(text, 1)
    while at <= #text do
        local stop <const> = item_end(text, at)
        if not stop then
            error(("'%s' is not a type"):format(text), 2)
        end
        local item <const> = text:sub(at, stop - 1)
        local certain <const> = item:match "^(.-)%?+$"
        local is_function <const> = certain and (certain:find "^fun%(" or certain:find "^async +fun%(")
        -- A question mark after a function belongs to its return type.
        add(certain and not is_function and certain or item)
        if certain and not is_function then
            add "nil"
        end
        local bar <const> = skip(text, stop)
        if bar <= #text and text:sub(bar, bar) ~= "|" then
            error(("'%s' is not a type"):format(text), 2)
        end
        at = skip(text, bar + 1)
    end
    return list
end

--- Splits a text at commas outside brackets.
local function parts(text)
    local list, from, i = {}, 1, 1
    while i <= #text do
        local char <const> = text:sub(i, i)
        if char == '"' then
            i = text:find('"', i + 1, true) or #text
        elseif char:find "[({%[<]" then
            i = (bracket_end(text, i) or #text + 1) - 1
        elseif char == "," then
            list[#list + 1] = text:sub(from, i - 1)
            from = i + 1
        end
        i = i + 1
    end
    list[#list + 1] = text:sub(from)
    for place, part in ipairs(list) do
        list[place] = part:match "^%s*(.-)%s*$"
    end
    return list[#list] == "" and table.move(list, 1, #list - 1, 1, {}) or list
end

--- The function type "fun(…): …" in the form of the reference; nil for any other type.
---@param text string
---@return trunkhost.reference.Function?
function types.signature(text)
    local async <const> = text:match "^async +()"
    local open <const> = text:match("^fun()%(", async or 1)
    if not open or item_end(text, 1) ~= #text + 1 then
        return nil
    end
    local close <const> = bracket_end(text, open)
    local fn <const> = { params = {}, returns = {}, overloads = {}, vararg = false, waits = async ~= nil, doc = "" }
    for _, part in ipairs(parts(text:sub(open + 1, close - 2))) do
        local name <const>, optional <const>, kind <const> = part:match "^([%w_.]+)(%??)%s*:?%s*(.*)$"
        if name == "..." then
            fn.vararg = true
        else
            fn.params[#fn.params + 1] = { name = name, type = kind ~= "" and kind or "any", optional = optional == "?",
                doc = "" }
        end
    end
    if text:sub(close, close) == ":" then
        for i, part in ipairs(parts(text:sub(close + 1))) do
            fn.returns[i] = { type = part, doc = "" }
        end
    end
    return fn
end

--- The members of a table type "{ a: integer, b?: string }" as a class without a name; nil for any other type.
--- `table<string, T>` and `{ [string]: T }` are open ones.
---@param text string
---@return trunkhost.reference.Class?
function types.shape(text)
    local class <const> = { name = text, doc = "", open = false, exact = false, fields = {}, order = {} }
    if text:find "^table<" and bracket_end(text, 6) == #text + 1 then
        class.open, class.index = true, parts(text:sub(7, -2))[2]
        return class
    elseif text:sub(1, 1) ~= "{" or bracket_end(text, 1) ~= #text + 1 then
        return nil
    end
    for _, part in ipairs(parts(text:sub(2, -2))) do
        local name <const>, optional <const>, kind <const> = part:match "^([%a_][%w_]*)(%??)%s*:%s*(.*)$"
        if name then
            class.fields[name] = { name = name, doc = "", type = kind, optional = optional == "?", method = false,
                fn = types.signature(kind) }
            class.order[#class.order + 1] = name
        else
            class.open, class.index = true, part:match "^%b[]%s*:%s*(.*)$"
        end
    end
    return class
end

return types
