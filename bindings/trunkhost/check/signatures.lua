--- Finds the parameter types of functions in a script that are passed to the library.

local infer <const> = require "trunkhost.check.infer"
local reference <const> = require "trunkhost.reference.reference"
local types <const> = require "trunkhost.check.types"
local walk <const> = require "trunkhost.check.walk"

local signatures <const> = {}

local ITEM <const> = "trunkhost.Item"

--- The items of a job without `items` are trunks.
local function with_item(signature)
    local first <const> = signature.params[1]
    if not first or first.type ~= "any" then
        return signature
    end
    local params <const> = table.move(signature.params, 1, #signature.params, 1, {})
    params[1] = { name = first.name, type = ITEM, optional = first.optional, doc = first.doc }
    return setmetatable({ params = params }, { __index = signature })
end

local function has(node, name)
    for _, pair in ipairs(node) do
        if pair.tag == "Pair" and pair[1].tag == "String" and pair[1][1] == name then
            return true
        end
    end
    return false
end

local function give(node, text, is_about_trunks)
    local variable <const> = node.tag == "Id" and node.variable or nil
    if variable and variable.sets == 0 and variable.init then
        local member <const> = node.member
        node = variable.init
        node.member = node.member or member
        node.is_shared = variable.uses > 1 or nil -- others may call it with more
    end
    for _, member in ipairs((types.members(text))) do
        local signature <const> = reference.signature(member)
        local class <const> = types.class(member)
        if signature and node.tag == "Function" then
            node.signature = node.signature or (is_about_trunks and with_item(signature) or signature)
        elseif class and node.tag == "Table" then
            local trunks <const> = class.name == "trunkhost.JobSpec" and not has(node, "items")
            for _, pair in ipairs(node) do
                local field <const> = pair.tag == "Pair" and pair[1].tag == "String" and types.field(class, pair[1][1])
                if field then
                    pair[2].member = class.name == "trunkhost.JobSpec" and field.name or nil
                    give(pair[2], field.type, trunks)
                end
            end
        end
    end
end

--- Sets the `signature` of each function that is passed to the library. Goes from the outside to the inside, because an
--- inner function may depend on the parameters of an outer one.
---@param tree trunkhost.check.Node
function signatures.collect(tree)
    walk.each(tree, function(node)
        local callee <const> = walk.is_call(node) and infer.callee(node) or {}
        local before <const> = walk.before_arguments(node)
        for i, parameter in ipairs(callee.fn and callee.fn.params or {}) do
            if node[before + i] then
                give(node[before + i], parameter.type)
            end
        end
    end)
end

return signatures
