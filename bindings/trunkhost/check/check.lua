--- Checks a script without running it: `trunkhost --check SCRIPT`.

local habits <const> = require "trunkhost.check.habits"
local infer <const> = require "trunkhost.check.infer"
local names <const> = require "trunkhost.check.names"
local options <const> = require "trunkhost.check.options"
local parse <const> = require "trunkhost.check.parse"
local places <const> = require "trunkhost.check.places"
local returns <const> = require "trunkhost.check.returns"
local scope <const> = require "trunkhost.check.scope"
local signatures <const> = require "trunkhost.check.signatures"
local values <const> = require "trunkhost.check.values"
local walk <const> = require "trunkhost.check.walk"

local check <const> = {}

---@class trunkhost.check.Finding
---@field line integer
---@field column integer?
---@field message string

local function check_calls(tree, tell)
    walk.each(tree, function(node)
        local callee <const> = walk.is_call(node) and infer.callee(node)
        if callee and callee.fn then
            values.check_call(node, callee, tell)
        end
    end)
end

local function in_order(a, b)
    if a.line ~= b.line then
        return a.line < b.line
    end
    return (a.column or 0) < (b.column or 0)
end

--- Looks for mistakes in the text of a script.
---@param text string
---@param name string   of its chunk, as load takes it
---@return trunkhost.check.Finding[] findings  in the order of the text
---@return boolean whole  false: only the syntax could be looked at, because luacheck is not installed
function check.text(text, name)
    text = text:gsub("^#[^\n]*", "") -- the "#!" line of an executable file is not Lua
    local chunk <const>, problem <const> = load(text, name, "t")
    if not chunk then
        local line <const>, message <const> = problem:match ":(%d+): (.*)$"
        return { { line = math.tointeger(tonumber(line)) or 1, message = message or problem } }, true
    end
    local tree <const> = parse.tree(text)
    if not tree then
        return {}, false
    end
    local findings, seen = {}, {}
    local function tell(node, format, ...)
        local message <const> = format:format(...)
        local key <const> = ("%d:%d:%s"):format(node.line, node.column, message)
        if not seen[key] then
            seen[key] = true
            findings[#findings + 1] = { line = node.line, column = node.column, message = message }
        end
    end
    local globals <const> = scope.resolve(tree)
    options.collect(tree)
    signatures.collect(tree)
    walk.mark_read(tree)
    names.check_globals(globals, tell)
    names.check_members(tree, tell)
    check_calls(tree, tell)
    returns.check(tree, tell)
    places.check(tree, tell)
    habits.check(tree, tell)
    table.sort(findings, in_order)
    return findings, true
end

return check
