--- Finds unknown names: undefined globals, and members that a value does not have.

local infer <const> = require "trunkhost.check.infer"
local suggest <const> = require "trunkhost.text.suggest"
local types <const> = require "trunkhost.check.types"
local walk <const> = require "trunkhost.check.walk"

local names <const> = {}

local STANDARD <const> = { "string", "table", "math", "os", "io", "coroutine", "utf8", "debug", "package" }

local globals <const> = { arg = true }
for name in pairs(_G) do
    globals[name] = true
end

local function in_scope(node)
    local known, scope = {}, node.names
    for name in pairs(globals) do
        known[name] = true
    end
    while scope do
        for name in next, scope do
            known[name] = true
        end
        scope = getmetatable(scope) and getmetatable(scope).parent
    end
    known[node[1]] = nil
    return known
end

--- Whether a name's variable is declared only later.
local function is_made_later(node, tell)
    local variable <const> = node.names[node[1]]
    local later <const> = variable and variable.line > node.line -- and not `local x = x`
    if later then
        tell(node, "'%s' is used here, but `local %s` comes later, in line %d: move it up", node[1], node[1],
            variable.line)
    end
    return later
end

--- Names without a variable.
---@param found trunkhost.check.Node[]
---@param tell trunkhost.check.Tell
function names.check_globals(found, tell)
    local made = {}
    for _, node in ipairs(found) do
        if node.is_set and not globals[node[1]] then
            if not made[node[1]] and not is_made_later(node, tell) then
                local near <const> = suggest.nearest(node[1], in_scope(node))
                tell(node, "'%s' becomes a global, which all tasks share: write `local %s`%s", node[1], node[1],
                    near and (" (or did you mean '%s'?)"):format(near) or "")
            end
            made[node[1]] = true
        end
    end
    for _, node in ipairs(found) do
        local name <const> = node[1]
        if not globals[name] and not made[name] and not is_made_later(node, tell) then
            local member <const> = types.fields(types.reference().classes["trunkhost.Library"])[name]
            tell(node, "there is no '%s' here%s", name, member and (" (did you mean 'trunkhost.%s'?)"):format(name)
                or suggest.hint(name, in_scope(node)))
        end
    end
end

local standard <const> = {}
for _, name in ipairs(STANDARD) do
    standard[name] = _G[name]
end

--- The name of the base in a message.
local function words_of(node, class)
    local words <const> = walk.words(node)
    if words and #words < 40 and not words:find ":" then
        return words
    end
    return class and "a value of the kind " .. class.name:gsub("^trunkhost%.", "") or "this"
end

--- Names of members that the script sets anywhere: it may have added them to Lua's libraries, or to an open table.
local function added(tree)
    local names_of <const> = {}
    walk.each(tree, function(node)
        local name <const> = node.tag == "Index" and node.is_set and node[2] or node.tag == "Pair" and node[1]
        if name and name.tag == "String" then
            names_of[name[1]] = true
        end
    end)
    return names_of
end

--- A member that is one letter away from a known one.
local function nearly(name, known)
    local near <const> = #name >= 5 and suggest.nearest(name, known)
    return near and math.abs(#near - #name) <= 1 and near or nil
end

local function check_class(node, base, name, own, tell)
    local class <const> = types.only_class(base.type)
    if not class or (not types.reference().classes[class.name] and class.open) then
        return
    end
    local field <const>, open <const> = types.field(class, name)
    local known = types.fields(class)
    if base.options and not field and not base.options[name] then
        for option in pairs(base.options) do
            known[option] = true
        end
        tell(node, "no option of this script gives '%s'%s", name, suggest.hint(name, known))
    elseif not field and not open then
        tell(node, "%s has no '%s'%s", words_of(node[1], class), name, suggest.hint(name, known, true))
    elseif not field and class.index == "any" and not own[name] and not base.options and nearly(name, known) then
        tell(node, "%s has no '%s' (did you mean '%s'?)", words_of(node[1], class), name, nearly(name, known))
    elseif field and node.is_set and class.name == "trunkhost.Library" then
        tell(node, "%s is part of the library and must not be set", walk.words(node) or name)
    end
end

local function check_member(node, own, say)
    -- In a chain of calls over several lines each name has its own line.
    local function tell(place, ...)
        say(place[2].line and place[2].line > place.line and place[2] or place, ...)
    end
    local name <const>, base <const> = node[2].tag == "String" and node[2][1], infer.value(node[1])
    if base.fn then
        local words <const> = words_of(node[1])
        tell(node, "%s is a function and has no members%s", words, walk.words(node[1]) and not walk.is_call(node[1])
            and (": call it, as in %s(…)"):format(words) or "")
        return
    elseif not name then
        return
    end
    local library <const> = base.std and standard[base.std] or (base.type == "string" and string)
    if library and library[name] == nil and not own[name] and not node.is_set then
        tell(node, "%s has no '%s'%s", base.std or "a text", name, suggest.hint(name, library))
    elseif base.type then
        check_class(node, base, name, own, tell)
    end
end

--- Members that values of the library and of Lua do not have.
---@param tree trunkhost.check.Node
---@param tell trunkhost.check.Tell
function names.check_members(tree, tell)
    local own <const> = added(tree)
    walk.each(tree, function(node)
        if node.tag == "Index" or node.tag == "Invoke" then
            check_member(node, own, tell)
        end
    end)
end

return names
