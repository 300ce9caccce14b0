--- Finds mistakes that are valid Lua and that the types do not show.

local infer <const> = require "trunkhost.check.infer"
local suggest <const> = require "trunkhost.text.suggest"
local types <const> = require "trunkhost.check.types"
local walk <const> = require "trunkhost.check.walk"

local habits <const> = {}

local SHOWS <const> = { print = true, ["io.write"] = true, error = true, assert = true }
local NEVER_REPEATED <const> = { unknown_outcome = true, cancelled = true }

local function kinds()
    return types.reference().aliases["trunkhost.ErrorKind"].values
end

local function contains(list, wanted)
    for _, each in ipairs(list) do
        if each == wanted then
            return true
        end
    end
    return false
end

--- `err.kind == "unkown_outcome"` is never true.
local function check_comparison(node, tell)
    for i = 2, 3 do
        local text <const>, other <const> = node[i], node[5 - i]
        if text.tag == "String" then
            local choices <const> = types.choices(infer.value(other).type or "any")
            if choices and not contains(choices, text[1]) then
                tell(text, "this is never '%s'%s", text[1], suggest.hint(text[1], choices))
            elseif not choices and other.tag == "Index" and other[2][1] == "kind" then
                local near <const> = suggest.nearest(text[1], kinds())
                if near and near ~= text[1] then
                    tell(text, "there is no error kind '%s' (did you mean '%s'?)", text[1], near)
                end
            end
        end
    end
end

--- A secret's text is printed or logged.
local function check_shown(node, callee, tell)
    local name <const> = callee.std or callee.fn and callee.fn.name or ""
    if not SHOWS[name] and not name:find "^log%." then
        return
    end
    for i = walk.before_arguments(node) + 1, #node do
        walk.each(node[i], function(inner)
            if inner.tag == "Function" or inner.tag == "Op" and inner[1] ~= "concat" then
                return true -- how long it is, or whether it is the same, may be shown
            elseif inner.tag == "Invoke" and inner[2][1] == "reveal" and not infer.value(inner[1]).node then
                tell(inner, "a secret is shown here: reveal() returns an ordinary text")
            end
        end)
    end
end

--- An operator that fails on a value of the library.
local function check_operands(node, tell)
    if node[1] == "len" and infer.value(node[2]).fn then
        tell(node, "# counts the items of a list, but this is an iterator function")
    end
    for i = 2, node[1] == "concat" and 3 or 1 do
        if infer.value(node[i]).type == "trunkhost.Secret" then
            tell(node[i], "a secret cannot be joined to text; if you need its text, use secret:reveal()")
        end
    end
end

--- `for i, trunk in account:trunks()`: ipairs gives an index first, most other iterators do not.
local function check_variables(node, tell)
    local turns <const> = #node[2] == 1 and infer.turns(node[2][1])
    for i = turns and turns + 1 or math.huge, #node[1] do
        if node[1][i][1] ~= "_" then
            tell(node[1][i], "'%s' is always nil: %s gives %s per iteration", node[1][i][1],
                walk.words(node[2][1]) or "this iterator", turns == 1 and "one value" or turns .. " values")
        end
    end
end

--- A function of the script has more parameters than it ever gets values.
local function check_parameters(node, tell)
    local signature <const> = node.signature
    if not signature or signature.vararg or node.is_shared then
        return
    end
    for i = #signature.params + 1, #node[1] do
        local parameter <const> = node[1][i]
        if parameter.tag == "Id" and parameter[1]:sub(1, 1) ~= "_" then
            tell(parameter, "'%s' is always nil: %s is called with %s", parameter[1],
                node.member and ("`%s`"):format(node.member) or "this function",
                #signature.params == 0 and "nothing" or #signature.params == 1 and "one value"
                or #signature.params .. " values")
        end
    end
end

--- `require "trunkhost.neutrl"`
local function check_require(node, callee, tell)
    local name <const> = callee.std == "require" and node[2] and node[2].tag == "String" and node[2][1]
    if not name or package.preload[name] then
        return
    end
    local known <const> = types.reference().modules
    if name:find "^trunkhost%." then
        tell(node[2], "there is no module '%s'%s", name, suggest.hint(name, known))
    elseif #name > 5 and suggest.nearest(name, { "trunkhost" }) and not package.searchpath(name, package.path) then
        tell(node[2], "there is no module '%s' (did you mean 'trunkhost'?)", name)
    end
end

--- `trunkhost.log("…")`: a table of functions is not a function.
local function check_called(node, tell)
    local class <const> = node.tag == "Call" and types.only_class(infer.value(node[1]).type)
    if class and types.reference().classes[class.name] and not class.open and not class.operators.call then
        tell(node, "%s cannot be called%s", walk.words(node[1]) or "this", suggest.hint("", types.fields(class), true))
    end
end

--- `name.upper()`
local function check_text(node, callee, tell)
    if callee.method and callee.std and node.tag == "Call" and not node[2] then
        tell(node, "write it with a colon: %s:%s(…)", walk.words(node[1][1]) or "text", node[1][2][1])
    end
end

--- A call that may have happened must not be repeated.
local function check_retry(node, callee, tell)
    local options <const> = callee.fn and callee.fn.name == "trunkhost.retry" and node[2]
    for _, pair in ipairs(options and options.tag == "Table" and options or {}) do
        if pair.tag == "Pair" and pair[1][1] == "on" and pair[2].tag == "Table" then
            for _, kind in ipairs(pair[2]) do
                if NEVER_REPEATED[kind[1]] then
                    tell(kind, "trunkhost.retry never repeats after '%s': %s", kind[1], kind[1] == "cancelled"
                        and "somebody wants it to end" or "the call may have happened, so its result must be looked up")
                end
            end
        end
    end
end

--- `for … in ipairs(account:trunks())`: an iterator is not a list.
local function check_iterator(node, callee, tell)
    if (callee.std == "ipairs" or callee.std == "pairs") and node[2] and infer.value(node[2]).fn then
        tell(node, "%s needs a table, but this is a function: write `for … in %s do`", callee.std,
            walk.words(node[2]) and walk.words(node[2]) .. (walk.is_call(node[2]) and "(…)" or "") or "it")
    end
end

--- `pcall(account:get(id))` calls the method before pcall.
local function check_pcall(node, callee, tell)
    local first <const> = (callee.std == "pcall" or callee.std == "xpcall") and node[2]
    local inner <const> = first and walk.is_call(first) and infer.callee(first)
    if inner and inner.fn and not infer.value(first).fn then
        tell(node, "%s gets the result of %s, which is called before it: write %s(function() return … end)", callee.std,
            inner.fn.name, callee.std)
    end
end

---@param tree trunkhost.check.Node
---@param tell trunkhost.check.Tell
function habits.check(tree, tell)
    walk.each(tree, function(node)
        if node.tag == "Op" and (node[1] == "eq" or node[1] == "ne") then
            check_comparison(node, tell)
        elseif node.tag == "Op" then
            check_operands(node, tell)
        elseif node.tag == "Forin" then
            check_variables(node, tell)
        elseif node.tag == "Function" then
            check_parameters(node, tell)
        elseif walk.is_call(node) then
            local callee <const> = infer.callee(node)
            check_shown(node, callee, tell)
            check_retry(node, callee, tell)
            check_iterator(node, callee, tell)
            check_pcall(node, callee, tell)
            check_require(node, callee, tell)
            check_text(node, callee, tell)
            check_called(node, tell)
        end
    end)
end

return habits
