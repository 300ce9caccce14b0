--- Finds the variable of each name in a script.

local scope <const> = {}

---@class trunkhost.check.Variable
---@field name string
---@field kind "local"|"parameter"|"loop"
---@field init trunkhost.check.Node?   what it is set to where it is made
---@field index integer                which of the values of that
---@field owner trunkhost.check.Node?  the function of a parameter, the Forin of a loop variable
---@field sets integer                 how often it is set afterwards
---@field uses integer                 how often it is named, set or not
---@field line integer                 where it is made

local Resolver <const> = {}
Resolver.__index = Resolver

function Resolver:open()
    self.names = setmetatable({}, { __index = self.names, parent = self.names })
end

function Resolver:close()
    self.names = getmetatable(self.names).parent
end

function Resolver:declare(node, kind, init, index, owner)
    local variable = { name = node[1], kind = kind, init = init, index = index, owner = owner, sets = 0, uses = 0,
        line = node.line }
    node.variable, self.names[node[1]] = variable, variable
    node.is_set = true
end

function Resolver:name(node)
    node.variable = self.names[node[1]]
    if node.variable then
        node.variable.uses = node.variable.uses + 1
    elseif not self.names._ENV and node[1] ~= "_ENV" then -- where a script has globals of its own, all can be there
        node.names = self.names -- for suggestions
        self.globals[#self.globals + 1] = node
    end
end

function Resolver:list(nodes)
    for _, node in ipairs(nodes) do
        self:node(node)
    end
end

function Resolver:block(block)
    self:open()
    self:list(block)
    self:close()
end

local visit <const> = {}

function visit.Id(self, node)
    self:name(node)
end

function visit.Function(self, node)
    self:open()
    for i, argument in ipairs(node[1]) do
        if argument.tag == "Id" then
            self:declare(argument, "parameter", nil, i, node)
        end
    end
    self:list(node[2])
    self:close()
end

function visit.Local(self, node)
    local values = node[2] or {}
    self:list(values)
    for i, name in ipairs(node[1]) do
        local last = #values > 0 and i >= #values
        self:declare(name, "local", values[last and #values or i], last and i - #values + 1 or 1)
    end
end

function visit.Localrec(self, node)
    self:declare(node[1][1], "local", node[2][1], 1)
    self:list(node[2])
end

function visit.Set(self, node)
    self:list(node[2])
    for _, target in ipairs(node[1]) do
        self:node(target)
        if target.variable then
            target.variable.sets = target.variable.sets + 1
        end
        target.is_set = true
    end
end

function visit.Forin(self, node)
    self:list(node[2])
    self:open()
    for i, name in ipairs(node[1]) do
        self:declare(name, "loop", nil, i, node)
    end
    self:list(node[3])
    self:close()
end

function visit.Fornum(self, node)
    for i = 2, #node - 1 do
        self:node(node[i])
    end
    self:open()
    self:declare(node[1], "loop", nil, 1, node)
    self:list(node[#node])
    self:close()
end

-- The condition sees the block's variables.
function visit.Repeat(self, node)
    self:open()
    self:list(node[1])
    self:node(node[2])
    self:close()
end

function visit.Do(self, node)
    self:block(node)
end

--- The name of a method or a member is a String, and any other child is a node or a block.
function Resolver:node(node)
    local how = visit[node.tag]
    if how then
        how(self, node)
    elseif not node.tag then
        self:block(node)
    else
        for _, child in ipairs(node) do
            if type(child) == "table" then
                self:node(child)
            end
        end
    end
end

--- Sets the `variable` of each name in the tree, and returns the names without one.
---@param tree trunkhost.check.Node
---@return trunkhost.check.Node[] globals
function scope.resolve(tree)
    local self = setmetatable({ names = {}, globals = {} }, Resolver)
    self:block(tree)
    return self.globals
end

return scope
