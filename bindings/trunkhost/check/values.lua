--- Checks the values that a script passes to the library: their number, their types, the members of tables.

local infer <const> = require "trunkhost.check.infer"
local suggest <const> = require "trunkhost.text.suggest"
local types <const> = require "trunkhost.check.types"
local walk <const> = require "trunkhost.check.walk"

local values <const> = {}

---@alias trunkhost.check.Tell fun(node: trunkhost.check.Node, format: string, ...: any)

local WORDS <const> = { string = "a text", number = "a number", boolean = "true or false", ["function"] = "a function",
    table = "a table" }

local TYPES <const> = { string = "a text", number = "a number", integer = "an integer", boolean = "true or false",
    table = "a table", ["true"] = "true", ["false"] = "false" }

local function shown(text)
    return (text:gsub("trunkhost%.", ""))
end

--- One member of a type in words.
local function word_of(member)
    local item <const> = member:match "^(.*)%[%]$"
    if item then
        return "a list"
    elseif member:find "^fun%(" or member:find "^async +fun%(" then
        return "a function"
    elseif member:find "^table<" or member:find "^{" then
        return "a table"
    end
    local class <const> = types.reference().classes[member]
    local object = false
    for _, field in pairs(class and types.fields(class) or {}) do
        object = object or field.method
    end
    return TYPES[member] or class and ("%s of the kind %s"):format(object and "a value" or "a table", shown(member))
        or shown(member)
end

--- A type in words: "an integer or a text".
local function in_words(text)
    local list, seen = {}, {}
    for _, member in ipairs((types.members(text))) do
        local word <const> = word_of(member)
        if not seen[word] then
            seen[word] = true
            list[#list + 1] = word
        end
    end
    return table.concat(list, " or ")
end

local function words_of(kind)
    return WORDS[kind] or ("a value of the kind %s"):format(shown(kind))
end

local function is_nil(node)
    return node.tag == "Nil" or walk.is_call(node) and infer.value(node).type == "nil"
end

-- ---------------------------------------------------------------------------------------------------
-- Tables

--- The one class and the one list that a table can be.
local function forms(text)
    local class, list, classes = nil, nil, 0
    for _, member in ipairs((types.members(text))) do
        local item <const> = member:match "^(.*)%[%]$"
        if item then
            list = item
        elseif types.class(member) then
            class, classes = types.class(member), classes + 1
        elseif member == "any" or member == "table" then
            return nil
        end
    end
    return classes == 1 and class or nil, list
end

--- Whether a member is one letter away from a known one that is missing.
local function looks_mistyped(name, known, given)
    local near <const> = #name >= 5 and suggest.nearest(name, known)
    return near and not given[near] and math.abs(#near - #name) <= 1 and near or nil
end

local function check_members(node, class, what, tell)
    local given, dynamic = {}, false
    for _, pair in ipairs(node) do
        if pair.tag == "Pair" and pair[1].tag == "String" then
            given[pair[1][1]] = pair
        elseif pair.tag == "Pair" then
            dynamic = true
        end
    end
    local known <const> = types.fields(class)
    for name, pair in pairs(given) do
        local field <const> = known[name]
        if field and not (field.optional and is_nil(pair[2])) then
            values.check(pair[2], field.type, ("%s: %s"):format(what, name), tell)
        elseif not field and class.exact then
            tell(pair, "%s has no member '%s'%s", what, name, suggest.hint(name, known, true))
        elseif not field and class.open and class.index and not next(known) then
            values.check(pair[2], class.index, ("%s: %s"):format(what, name), tell)
        elseif not field and not pair.is_read and looks_mistyped(name, known, given) then
            tell(pair, "%s has no member '%s' (did you mean '%s'?)", what, name, looks_mistyped(name, known, given))
        end
    end
    for name, field in pairs(class.exact and not dynamic and known or {}) do
        local _, optional = types.members(field.type)
        if not given[name] and not field.optional and not optional then
            tell(node, "%s: %s is missing", what, name)
        end
    end
end

local function check_table(node, text, what, tell)
    local class <const>, list <const> = forms(text)
    if class then
        check_members(node, class, what, tell)
    end
    for _, item in ipairs(node) do
        if list and item.tag ~= "Pair" then
            values.check(item, list, what, tell)
        elseif text:find "trunkhost%.Fields" and item.tag == "Pair" and item[2].tag == "Nil" then
            tell(item, "%s: nil leaves a field out; to send null, use trunkhost.null", what)
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Values

local function check_nil(node, text, what, tell)
    local members <const>, optional <const> = types.members(text)
    if optional or types.accepts(text, "nil") then
        return
    elseif node.tag == "Nil" then
        tell(node, "%s must be %s, not nil", what, in_words(text))
    else
        local name <const> = walk.words(node) or "this function"
        tell(node, "%s must be %s, and %s(…) returns nothing%s", what, in_words(text), name,
            members[1]:find "fun%(" and (": it is called here at once; hand over the function"):format(name) or "")
    end
end

local function literal_of(node)
    if node.tag == "String" then
        return "string", node[1]
    elseif node.tag == "Number" then
        return "number", tonumber(node[1])
    elseif node.tag == "True" or node.tag == "False" then
        return "boolean", node.tag == "True"
    end
end

--- The kind of an expression, for types.accepts; nil if it is uncertain.
local function kind_of(node)
    local value <const> = infer.value(node)
    if value.node then
        return value.node.tag == "Function" and "function" or "table"
    elseif value.fn then
        return "function"
    end
    local members <const>, optional <const> = types.members(value.type or "any")
    if #members ~= 1 or optional then
        return nil
    end
    local kind <const> = members[1] == "integer" and "number" or members[1]
    return (WORDS[kind] or types.reference().classes[kind]) and kind or nil
end

--- Checks an expression against the type of its parameter.
---@param node trunkhost.check.Node
---@param text string   the type
---@param what string   what it is handed to, for messages
---@param tell trunkhost.check.Tell
function values.check(node, text, what, tell)
    if is_nil(node) then
        check_nil(node, text, what, tell)
        return
    end
    local kind, value = literal_of(node)
    local choices <const> = kind == "string" and types.choices(text)
    kind = kind or kind_of(node)
    if not kind then
        return
    elseif choices and not types.accepts(text, kind, value) then
        table.sort(choices)
        tell(node, "%s cannot be '%s'%s; there are: %s", what, value, suggest.hint(value, choices),
            table.concat(choices, ", "))
    elseif not types.accepts(text, kind, value) then
        tell(node, "%s must be %s, not %s", what, in_words(text), words_of(kind))
    elseif node.tag == "Table" then
        check_table(node, text, what, tell)
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Calls

--- How many values a function must be given and may be given.
local function bounds(fn)
    local least = 0
    for i, parameter in ipairs(fn.params) do
        local _, optional = types.members(parameter.type)
        if not parameter.optional and not optional then
            least = i
        end
    end
    return least, fn.vararg and math.huge or #fn.params
end

local function names_of(fn, from)
    local names = {}
    for i = from, #fn.params do
        local parameter <const> = fn.params[i]
        names[#names + 1] = parameter.optional and parameter.name .. "?" or parameter.name
    end
    return table.concat(names, ", ")
end

local function check_number(node, fn, given, open, tell)
    for _, other in ipairs(fn.overloads or {}) do
        local least <const>, most <const> = bounds(other)
        if given >= least and given <= most then
            return
        end
    end
    local least <const>, most <const> = bounds(fn)
    if given > most then
        tell(node, "%s takes %s, and %d %s given", fn.name, most == 0 and "nothing" or names_of(fn, 1), given,
            given == 1 and "is" or "are")
    elseif given < least and not open then
        tell(node, "%s needs %s", fn.name, names_of(fn, given + 1))
    end
end

--- Checks a call of a function of the library.
---@param node trunkhost.check.Node
---@param callee trunkhost.check.Value
---@param tell trunkhost.check.Tell
function values.check_call(node, callee, tell)
    local fn <const> = callee.fn.name and callee.fn
        or setmetatable({ name = walk.words(node) or "the function" }, { __index = callee.fn })
    local before = walk.before_arguments(node)
    if callee.method and node.tag == "Call" then
        -- The account itself may be the first value: pcall style.
        local class <const> = node[1].tag == "Index" and infer.value(node[1][1]).type
        if class and (not node[2] or infer.value(node[2]).type ~= class) then
            tell(node, "write %s with a colon: %s:%s(…)", fn.name, walk.words(node[1][1]) or "it", node[1][2][1])
            return
        end
        before = before + 1
    elseif not callee.method and node.tag == "Invoke" then
        tell(node, "write %s with a dot", fn.name)
        return
    end
    local last <const> = node[#node]
    local open <const> = #node > before and (walk.is_call(last) or last.tag == "Dots")
    check_number(node, fn, #node - before, open, tell)
    for i = before + 1, #node do
        local parameter <const> = fn.params[i - before]
        local left_out <const> = parameter and parameter.optional and is_nil(node[i])
        if parameter and not left_out and #(fn.overloads or {}) == 0 then
            values.check(node[i], parameter.type, ("%s: %s"):format(fn.name, parameter.name), tell)
        end
    end
end

return values
