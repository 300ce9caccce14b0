--- Which options a script declares, read from the calls on its parser.

local options <const> = {}

local ADDS <const> = { option = true, flag = true, argument = true }

--- The member that parse() returns an option in, as argparse names it.
local function target_of(names, is_argument)
    local first, long
    for word in names:gmatch "%S+" do
        first = first or word
        long = long or word:match "^%-%-(.+)$"
    end
    local name <const> = is_argument and first or long or first and first:gsub("^%-", "")
    return name and (name:gsub("%-", "_"))
end

local function is_link(node)
    return node.tag == "Invoke" or node.tag == "Call"
end

--- Follows `parser:option "-x" "--xy" :count(1) :target "y"` from its end to its beginning. Returns what it declares,
--- and whether that cannot be seen.
local function declared(node, variable)
    local target, more = nil, ""
    while is_link(node) do
        local method <const> = node.tag == "Invoke" and node[2][1]
        local word <const> = node[method and 3 or 2]
        if not method then
            more = ("%s %s"):format(word and word.tag == "String" and word[1] or "", more)
        elseif method == "target" then
            target = word and word.tag == "String" and word[1] or false
        elseif ADDS[method] and node[1].tag == "Id" and node[1].variable == variable then
            if not word or word.tag ~= "String" then
                return nil, true
            end
            return target or target_of(word[1] .. " " .. more, method == "argument"), target == false
        end
        node = node[1]
    end
    return nil, false
end

--- Notes what each parser declares. A parser that is passed to a function may get more options.
---@param tree trunkhost.check.Node
function options.collect(tree)
    local function look(node, outer)
        if node.tag == "Id" and node.variable and not node.is_set then
            local used <const> = node.variable
            used.handed_on = used.handed_on or not (outer and (outer.tag == "Invoke" or outer.tag == "Index")
                and outer[1] == node)
        end
        if is_link(node) then
            local root = node
            while is_link(root) do
                root = root[1]
            end
            if root.tag == "Id" and root.variable then
                local variable <const> = root.variable
                local name <const>, unclear <const> = declared(node, variable)
                variable.declares = variable.declares or {}
                variable.unclear = variable.unclear or unclear
                if name then
                    variable.declares[name] = true
                end
            end
        end
        for _, child in ipairs(node) do
            if type(child) == "table" then
                look(child, node.tag and node or outer)
            end
        end
    end
    look(tree)
end

--- What parse() returns besides the standard options; nil if that is unknown.
---@param parser trunkhost.check.Node  the expression that parse is called on
---@return table<string, boolean>?
function options.of(parser)
    if parser.tag == "Call" then
        return {} -- trunkhost.options { … }:parse()
    end
    local variable <const> = parser.tag == "Id" and parser.variable
    if not variable or variable.handed_on or variable.unclear or variable.sets > 0 then
        return nil
    end
    return variable.declares or {}
end

return options
