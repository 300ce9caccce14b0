--- Checks what the functions return that a script passes to the library.

local infer <const> = require "trunkhost.check.infer"
local types <const> = require "trunkhost.check.types"
local values <const> = require "trunkhost.check.values"
local walk <const> = require "trunkhost.check.walk"

local returns <const> = {}

local NEVER_RETURNS <const> = { error = true, ["os.exit"] = true }
local FAILS <const> = { ["job.failed"] = true, ["job.unknown"] = true }

local may_end

local function may_end_if(node)
    for i = 2, #node, 2 do
        if may_end(node[i]) then
            return true
        end
    end
    return #node % 2 == 0 or may_end(node[#node]) -- a last block without a condition is that of `else`
end

local function has_break(block)
    local found = false
    walk.each(block, function(node)
        found = found or node.tag == "Break" or node.tag == "Goto"
        return node.tag == "Function"
    end)
    return found
end

--- Whether the code after a block can be reached. If that is uncertain, the answer is no.
function may_end(block)
    local last <const> = block[#block]
    local tag <const> = last and last.tag
    if tag == "Return" or tag == "Goto" or tag == "Break" then
        return false
    elseif tag == "If" then
        return may_end_if(last)
    elseif tag == "Do" then
        return may_end(last)
    elseif tag == "While" and last[1].tag == "True" then
        return has_break(last[2])
    elseif tag == "Repeat" then
        return has_break(last[1])
    elseif last and walk.is_call(last) then
        local callee <const> = infer.callee(last)
        local name <const> = callee.std or callee.fn and callee.fn.name or ""
        -- A function of the script may always raise.
        return not NEVER_RETURNS[name] and not FAILS[name:match "[^.]*%.[^.]*$"] and not callee.node
    end
    return true
end

local function check_end(fn, returned, tell)
    local _, optional = types.members(returned.type)
    if fn.member == "plan" and not returned.optional and not optional and may_end(fn[2]) then
        tell(fn, "`plan` can end without a `return`: return { skip = \"why\" } if there is nothing to do")
    end
end

---@param tree trunkhost.check.Node
---@param tell trunkhost.check.Tell
function returns.check(tree, tell)
    walk.each(tree, function(fn)
        local returned <const> = fn.tag == "Function" and fn.signature and fn.signature.returns[1]
        if returned then
            check_end(fn, returned, tell)
            walk.body(fn, function(node)
                if node.tag == "Return" and node[1] then
                    local what <const> = ("what `%s` returns"):format(fn.member or "the function")
                    values.check(node[1], returned.type, what, tell)
                end
            end)
        end
    end)
end

return returns
