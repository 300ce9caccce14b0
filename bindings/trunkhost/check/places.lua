--- Finds calls in places where they are not possible: waiting, or changing trunks.

local infer <const> = require "trunkhost.check.infer"
local walk <const> = require "trunkhost.check.walk"

local places <const> = {}

--- Functions of Lua that call one of their arguments from C, which cannot wait: which argument.
local CALLS_BACK <const> = { ["table.sort"] = 2, ["string.gsub"] = 3, ["load"] = 1, ["xpcall"] = 2 }
local CANNOT_WAIT <const> = { __gc = true, __tostring = true }
local CALLS_NOW <const> = { pcall = true, xpcall = true }
local CHANGES <const> = { ["account:create"] = true, ["account:update"] = true, ["account:delete"] = true }

--- A function of the script, written in place or named.
local function function_of(node)
    local value <const> = node and infer.value(node)
    return value and value.node and value.node.tag == "Function" and value.node or nil
end

--- Calls found(node, words) for every call in a function that `concerns` selects, also in functions of the script that
--- it calls.
local function follow(fn, concerns, found, seen)
    seen = seen or {}
    if seen[fn] then
        return
    end
    seen[fn] = true
    walk.body(fn, function(node)
        if not walk.is_call(node) then
            return
        end
        local callee = infer.callee(node)
        local target = callee.std and CALLS_NOW[callee.std] and node[2] or nil
        if target then
            callee = infer.value(target)
        end
        if callee.fn and concerns(callee.fn) then
            found(node, callee.fn.name or walk.words(node) or "this call")
        elseif callee.node and callee.node.tag == "Function" then
            follow(callee.node, concerns, function(_, words)
                found(node, ("%s, which calls %s,"):format(walk.words(target or node) or "this function", words))
            end, seen)
        end
    end)
end

--- queue:put does not count: callbacks may use it, and with room in the queue it does not wait.
local function waits(fn)
    return fn.waits and fn.name ~= "queue:put"
end

local function check_waits(fn, where, tell)
    follow(fn, waits, function(node, words)
        tell(node, "%s waits, which is not possible in %s", words, where)
    end)
end

local function check_callback(node, callee, tell)
    if callee.uv then
        for i = walk.before_arguments(node) + 1, #node do
            local fn <const> = function_of(node[i])
            if fn then
                check_waits(fn, "a callback of luv (use trunkhost.await to wait for it)", tell)
            end
        end
    end
    local name = callee.std
    if not name and node.tag == "Invoke" and node[2][1] == "gsub" then
        name = "string.gsub"
    end
    local place <const> = name and CALLS_BACK[name]
    if place then
        -- The text itself is before the colon.
        local fn <const> = function_of(node[place + 1])
        if fn then
            check_waits(fn, ("a function that %s calls"):format(name), tell)
        end
    end
end

local function check_metamethods(node, tell)
    for _, pair in ipairs(node) do
        local name <const> = pair.tag == "Pair" and pair[1].tag == "String" and pair[1][1]
        local fn <const> = name and CANNOT_WAIT[name] and function_of(pair[2])
        if fn then
            check_waits(fn, name, tell)
        end
    end
end

--- Changes in `plan`: they would be sent before anybody was asked.
local function check_plan(node, tell)
    local fn <const> = node.member == "plan" and function_of(node)
    if fn then
        follow(fn, function(called) return CHANGES[called.name] end, function(call, words)
            tell(call, "%s changes a trunk in `plan`, before anybody was asked: do it in `apply`", words)
        end)
    end
end

--- Reports calls in places where they are not possible.
---@param tree trunkhost.check.Node
---@param tell trunkhost.check.Tell
function places.check(tree, tell)
    walk.each(tree, function(node)
        if walk.is_call(node) then
            check_callback(node, infer.callee(node), tell)
        elseif node.tag == "Table" then
            check_metamethods(node, tell)
        end
        if node.member then
            check_plan(node, tell)
        end
    end)
end

return places
