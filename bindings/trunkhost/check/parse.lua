--- The syntax tree of a script, from luacheck's parser (Debian: lua-check), which may not be installed.

local parse <const> = {}

--- Where else the library may be: Debian installs it only for Lua 5.1.
local PLACES <const> = "/usr/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua"

--- Loads only its modules from there: all others are for another version of Lua.
local function search(name)
    local path = name:find "^luacheck%." and package.searchpath(name, PLACES)
    if path then
        return assert(loadfile(path, "t")), path
    end
    return nil
end

local parser, decoder

local function load_library()
    table.insert(package.searchers, search)
    local ok = pcall(function()
        parser, decoder = require "luacheck.parser", require "luacheck.decoder"
    end)
    table.remove(package.searchers)
    return ok
end

---@class trunkhost.check.Node  a node of the tree, or a list of them
---@field tag string?
---@field line integer
---@field offset integer    of its first character in the text
---@field column integer

--- The tree, or nil without a parser. The syntax of the text must be correct.
---@param text string
---@return trunkhost.check.Node?
function parse.tree(text)
    if not parser and not load_library() then
        return nil
    end
    local offsets = {}
    local ok, tree = pcall(parser.parse, decoder.decode(text), offsets, {})
    if not ok then
        return nil -- newer than the parser: its author has said nothing about it
    end
    local function place(node)
        if node.line and node.offset then
            node.column = node.offset - offsets[node.line] + 1
        end
        for _, child in ipairs(node) do
            if type(child) == "table" then
                place(child)
            end
        end
    end
    place(tree)
    return tree
end

return parse
