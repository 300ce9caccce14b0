--- Infers what an expression of a script is, without running it. If that is unknown, the result is an empty value, and
--- nothing is reported about it.

local parse_options <const> = require "trunkhost.check.options"
local reference <const> = require "trunkhost.reference.reference"
local types <const> = require "trunkhost.check.types"
local walk <const> = require "trunkhost.check.walk"

local infer <const> = {}

---@class trunkhost.check.Value
---@field type string?                          as the annotations write it
---@field fn trunkhost.reference.Function?      a function of the library
---@field method boolean?                       it is called with a colon
---@field std string?                           of Lua itself: "table.sort"
---@field node trunkhost.check.Node?            a function or a table in the script
---@field uv boolean?                           comes from luv
---@field options table<string, boolean>?       what parse() of this parser returns besides the standard options

local NOTHING <const> = {}
local NIL <const> = { type = "nil" }
local DEPTH <const> = 40 -- of definitions that lead to each other

local value_of

local function of_type(text)
    return text and { type = text, fn = reference.signature(text) } or NOTHING
end

--- A union without its nil.
local function without_nil(text)
    local members <const> = types.members(text)
    return table.concat(members, "|")
end

local function literal(node)
    local tag <const> = node.tag
    return tag == "String" and "string" or tag == "Number" and (math.type(tonumber(node[1])) or "number")
        or (tag == "True" or tag == "False") and "boolean" or nil
end

--- A member of a value.
---@param base trunkhost.check.Value
---@param name string
---@return trunkhost.check.Value
function infer.member(base, name)
    if base.std then
        return { std = base.std .. "." .. name }
    elseif base.uv then
        return { uv = true }
    elseif base.options and base.options[name] then
        return NOTHING
    elseif base.type == "string" then
        return { std = "string." .. name, method = true }
    end
    local class <const> = types.only_class(base.type)
    local field <const> = class and types.field(class, name)
    if not field then
        return class and class.index and of_type(class.index) or NOTHING
    elseif field.fn then
        return { type = field.type, fn = field.fn, method = field.method }
    elseif field.name == "uv" and class.name == "trunkhost.Library" then
        return { uv = true }
    end
    return of_type(field.type)
end

--- The type of one result of a known function.
local function result(fn, index)
    local returned <const> = fn.returns[index]
    if #fn.returns == 0 and #(fn.overloads or {}) == 0 then
        return NIL
    elseif not returned or (fn.generics and next(fn.generics)) or #(fn.overloads or {}) > 0 then
        return NOTHING
    end
    return of_type(returned.type)
end

--- require "NAME" of the library.
local function module_of(node)
    local name <const> = node[2] and node[2].tag == "String" and node[2][1]
    if name == "luv" or name == "trunkhost.uv" then
        return { uv = true }
    end
    return of_type(name and types.reference().modules[name])
end

--- The result of a function of the script that has at most one `return` with a value.
local function of_body(fn, index, depth)
    local returns <const> = {}
    walk.body(fn, function(node)
        if node.tag == "Return" and node[1] then
            returns[#returns + 1] = node
        end
    end)
    if #returns == 0 then
        return NIL
    elseif #returns == 1 and index == 1 then
        return value_of(returns[1][1], 1, depth)
    end
    return NOTHING
end

local function call(node, index, depth)
    local callee <const> = value_of(node[1], 1, depth)
    if callee.std == "require" then
        return module_of(node)
    elseif callee.uv then
        return { uv = true }
    elseif callee.fn then
        return result(callee.fn, index)
    elseif callee.node and callee.node.tag == "Function" then
        return of_body(callee.node, index, depth)
    end
    return NOTHING
end

local function invoke(node, index, depth)
    local base <const> = value_of(node[1], 1, depth)
    local method <const> = infer.member(base, node[2][1])
    if base.uv then
        return { uv = true }
    elseif not method.fn then
        return NOTHING
    end
    local value <const> = result(method.fn, index)
    if method.fn.name == "parser:parse" and index == 1 then
        return { type = value.type, options = parse_options.of(node[1]) }
    end
    return value
end

--- The loop variables of `for … in`.
local function of_loop(variable, depth)
    local loop <const> = variable.owner
    if loop.tag == "Fornum" then
        return { type = "number" }
    end
    local first <const> = loop[2][1]
    if #loop[2] ~= 1 or not first then
        return NOTHING
    end
    local callee <const> = first.tag == "Call" and value_of(first[1], 1, depth) or NOTHING
    if callee.std == "ipairs" and first[2] then
        local list <const> = value_of(first[2], 1, depth).type
        local item <const> = list and without_nil(list):match "^(.*)%[%]$"
        return variable.index == 1 and { type = "integer" } or of_type(item)
    end
    local iterator <const> = value_of(first, 1, depth)
    local returned <const> = iterator.fn and iterator.fn.returns[variable.index]
    return returned and of_type(without_nil(returned.type)) or NOTHING
end

--- A parameter; its type follows from where the function is passed to.
local function of_parameter(variable)
    local signature <const> = variable.owner.signature
    local index <const> = variable.index
    local parameter <const> = signature and signature.params[index]
    return parameter and of_type(parameter.type) or NOTHING
end

local function of_variable(variable, depth)
    if variable.sets > 0 then
        return NOTHING
    elseif variable.kind == "loop" then
        return of_loop(variable, depth)
    elseif variable.kind == "parameter" then
        return of_parameter(variable)
    elseif variable.init then
        return value_of(variable.init, variable.index, depth)
    end
    return NOTHING
end

local of <const> = {}

function of.Id(node, _, depth)
    if node.variable then
        return of_variable(node.variable, depth)
    end
    return { std = node[1] }
end

function of.Index(node, _, depth)
    local name <const> = node[2]
    return name.tag == "String" and infer.member(value_of(node[1], 1, depth), name[1]) or NOTHING
end

of.Call, of.Invoke = call, invoke

function of.Function(node)
    return { type = "function", node = node }
end

function of.Table(node)
    return { type = "table", node = node }
end

function of.Paren(node, index, depth)
    return index == 1 and value_of(node[1], 1, depth) or NOTHING
end

function of.Op(node)
    local operator <const> = node[1]
    if operator == "concat" then
        return { type = "string" }
    elseif operator == "eq" or operator == "ne" or operator == "lt" or operator == "le" or operator == "gt"
        or operator == "ge" or operator == "not" then
        return { type = "boolean" }
    end
    return NOTHING
end

function value_of(node, index, depth)
    if depth > DEPTH then
        return NOTHING
    end
    local how <const>, kind <const> = of[node.tag], literal(node)
    if kind then
        return index == 1 and { type = kind } or NOTHING
    end
    return how and how(node, index, depth + 1) or NOTHING
end

--- Infers an expression; index: which of its values.
---@param node trunkhost.check.Node
---@param index? integer
---@return trunkhost.check.Value
function infer.value(node, index)
    return value_of(node, index or 1, 0)
end

--- The most values that an iterator gives per iteration of `for … in`; nil if that is unknown.
---@param expression trunkhost.check.Node  the expression after `in`
---@return integer?
function infer.turns(expression)
    local callee <const> = expression.tag == "Call" and infer.value(expression[1]) or NOTHING
    if callee.std == "ipairs" or callee.std == "pairs" then
        return 2
    end
    local iterator <const> = infer.value(expression).fn
    local last <const> = iterator and iterator.returns[#iterator.returns]
    return last and last.name ~= "..." and not last.type:find("...", 1, true) and #iterator.returns or nil
end

--- The function that is called.
---@param node trunkhost.check.Node  a Call or an Invoke
---@return trunkhost.check.Value
function infer.callee(node)
    if node.tag == "Invoke" then
        return infer.member(infer.value(node[1]), node[2][1])
    end
    return infer.value(node[1])
end

return infer
