--- Sends an edit of a trunk: its own fields in one request, then its parts one by one. Each request is sent once; if
--- its outcome is unknown, its result is looked for.

local change <const> = require "trunkhost.change.change"
local core <const> = require "trunkhost.core"
local creates <const> = require "trunkhost.create.creates"
local ledger <const> = require "trunkhost.ledger"
local model <const> = require "trunkhost.mapping.model"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.change.outcome"
local parts <const> = require "trunkhost.edit.parts"
local surely <const> = require "trunkhost.create.surely"

local apply_steps <const> = {}

local function has(item, body)
    for name, value in pairs(body) do
        local present = item[name]
        if not core.is_secret(value) and model.some(present) ~= model.some(value) then
            return false
        end
    end
    return true
end

--- Whether the trunk shows the result of a step; for an added item, the item.
local function landed(edits, step, native)
    local item = parts.find(edits, step, native)
    if step.how == "remove" then
        return item == nil
    end
    return item and (step.how == "add" or has(item, step.shows or step.body)) and item or nil
end

local function reader(account, id)
    return function() return neutral.read(account, id) end
end

--- Sends one request, or finds its result.
local function carry_out(account, id, edits, step, count)
    local read = reader(account, id)
    local function send()
        local ok, answer, sent = pcall(account.call, account, step.endpoint, step.params, step.body,
            step.grants and { grant = step.grants })
        if not ok and core.is_error(answer) == "not_found" and step.how == "remove" then
            return true, answer.attempts -- an earlier attempt or somebody else removed it
        elseif not ok then
            error(answer, 0)
        end
        return answer, sent
    end
    local function look() return landed(edits, step, read()) end
    local open = creates.alike(account, step.endpoint, step.params, step.body)
    return creates.resolve(account, open, look) or surely(account, send, look, count,
        step.how == "add" and step or nil)
end

--- Sends the further requests for an item that was just added, such as the agent of a number.
local function finish_item(account, id, edits, step, item, count)
    if type(item) ~= "table" or item.id == nil then
        item = parts.find(edits, step, reader(account, id)())
    end
    if not item and step.after and #step.after > 0 then
        outcome.unknown(("the reply to '%s' has no id, and %s does not show %s yet"):format(step.endpoint,
            account:name(), step.key))
    end
    for _, more in ipairs(step.after or {}) do
        local params, body = neutral.resolve(more, setmetatable({ trunk = id }, {
            __index = function() return item.id end,
        }))
        carry_out(account, id, edits, { how = "change", list = step.list, key = step.key, endpoint = more.endpoint,
            params = params, body = body, shows = more.fields }, count)
    end
end

--- Sends everything.
---@param account trunkhost.Account
---@param native table  the trunk in full, read just before
---@param edit trunkhost.TrunkEdit
---@return { attempts: integer, evidence: string? }
function apply_steps.send(account, native, edit)
    local attempts, evidence = 0, nil
    local function count(sent) attempts = attempts + sent end
    if next(edit.body) then
        local applied = change.apply(account, native, edit.body, #edit.grants > 0 and edit.grants or nil)
        count(applied.attempts)
        evidence = applied.evidence
    end
    local edits = neutral.mapping(account:describe()).edits or {}
    for i, step in ipairs(edit.steps) do
        local sent = step
        if step.how == "add" then
            sent = setmetatable({ params = { id = native.id } }, { __index = step })
        end
        local ok, item = pcall(carry_out, account, native.id, edits, sent, count)
        local begun = ok or i > 1 or evidence ~= nil
        if ok and step.how == "add" then
            ok, item = pcall(finish_item, account, native.id, edits, step, item, count)
        end
        if not ok then
            if core.is_error(item) and begun then
                item.message = ("partly done, then %s (%s) failed: %s. Run again: that resumes there"):format(
                    step.endpoint, step.key, (item.message:gsub("%.$", "")))
            end
            error(item, 0)
        end
    end
    return { attempts = attempts, evidence = evidence }
end

--- Records in the ledger that added parts are there whose requests had no answer.
---@param account trunkhost.Account
---@param id any
---@param native table  the trunk in full, as it is now
function apply_steps.settle(account, id, native)
    ledger.sync()
    local edits = neutral.mapping(account:describe()).edits or {}
    for _, row in ipairs(ledger.creates { account = account:name(), unsettled = true }) do
        if row.source == tostring(id) and row.endpoint ~= "create" then
            local found
            for list in pairs(edits) do
                for _, item in ipairs(model.list(native[list])) do
                    found = found or has(item, row.key) and item or nil
                end
            end
            -- One that does not show yet may show later.
            if found then
                ledger.create_end(row.id, "landed", found.id and tostring(found.id))
            end
        end
    end
end

return apply_steps
