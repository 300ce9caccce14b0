--- Walks through the tree of a script.

local walk <const> = {}

--- Calls visit(node) for every node below, parents first. If visit returns true, the node's children are left out.
---@param tree trunkhost.check.Node
---@param visit fun(node: trunkhost.check.Node): boolean?
function walk.each(tree, visit)
    if tree.tag and visit(tree) then
        return
    end
    for _, child in ipairs(tree) do
        if type(child) == "table" then
            walk.each(child, visit)
        end
    end
end

--- The same for the body of a function, without inner functions: what the function itself does when it is called.
---@param fn trunkhost.check.Node
---@param visit fun(node: trunkhost.check.Node)
function walk.body(fn, visit)
    walk.each(fn[2], function(node)
        if node.tag == "Function" then
            return true
        end
        visit(node)
    end)
end

--- Marks members of tables that are read by name somewhere: their names are intended.
---@param tree trunkhost.check.Node
function walk.mark_read(tree)
    local read = {}
    walk.each(tree, function(node)
        if node.tag == "Index" and node[2].tag == "String" and not node.is_set then
            read[node[2][1]] = true
        end
    end)
    walk.each(tree, function(node)
        node.is_read = node.tag == "Pair" and node[1].tag == "String" and read[node[1][1]] or nil
    end)
end

function walk.is_call(node)
    return node.tag == "Call" or node.tag == "Invoke"
end

--- The place before the first argument of a call.
function walk.before_arguments(node)
    return node.tag == "Invoke" and 2 or 1
end

--- A short expression in source form: "trunkhost.http", "account:get".
---@param node trunkhost.check.Node
---@return string?
function walk.words(node)
    if node.tag == "Id" then
        return node[1]
    elseif (node.tag == "Index" or node.tag == "Invoke") and node[2].tag == "String" then
        local base <const> = walk.words(node[1])
        return base and base .. (node.tag == "Invoke" and ":" or ".") .. node[2][1]
    elseif node.tag == "Call" then
        return walk.words(node[1])
    end
end

return walk
