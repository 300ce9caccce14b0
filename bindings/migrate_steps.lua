--- Making one trunk at the target: created, its parts added one by one, read back. What may have happened is looked
--- for, and only what is surely not there is sent again.

local canonical <const> = require "trunkhost.canonical"
local change <const> = require "trunkhost.change"
local json <const> = require "trunkhost.json"
local ledger <const> = require "trunkhost.ledger"
local migrate_target <const> = require "trunkhost.migrate_target"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.outcome"
local surely <const> = require "trunkhost.surely"

local steps <const> = {}
local patiently <const>, key_of <const> = migrate_target.patiently, migrate_target.key_of

--- Says in the ledger what became of the creates that had no answer.
local function settle(rows, id)
    for i, row in ipairs(rows) do
        -- Of several, only one can have made the trunk: the latest was sent when the others had not.
        local landed = id ~= nil and i == #rows
        ledger.create_end(row.id, landed and "landed" or "absent", landed and id or nil)
    end
end

--- The creates of this body that had no answer.
local function unsettled_of(target, source, mapped)
    local rows, key = {}, key_of(mapped.body)
    for _, row in ipairs(select(2, target:made_for(source))) do
        rows[#rows + 1] = canonical.text(row.key) == key and row or nil
    end
    return rows
end

--- After a create that nobody answered: the one trunk that it may have made, nil when there is none.
local function look_up(target, mapped, source, taken)
    target:list()
    target:recall()
    local found = {}
    for _, candidate in ipairs(target:candidates(mapped, source)) do
        if not taken[tostring(candidate.id)] then
            found[#found + 1] = candidate
        end
    end
    if #found > 1 then
        local ids = {}
        for i, candidate in ipairs(found) do
            ids[i] = tostring(candidate.id)
        end
        outcome.unknown(("it is not known which trunk the create has made: %s may all be it. Look at them, remove what "
            .. "should not be there, and run again"):format(table.concat(ids, ", ")))
    end
    return found[1] and found[1].native
end

--- The passwords again, to a trunk of which nobody knows whether it has them, or whose password is in the ledger
--- without its id.
local function set_passwords(target, id, mapped, count)
    local fields, before = {}, target:read(id)
    for _, secret in ipairs(target.description.secrets or {}) do
        if mapped.body[secret.field] then
            fields[secret.field] = mapped.body[secret.field]
            for _, name in ipairs(secret.with or {}) do
                fields[name] = before[name]
            end
        end
    end
    if next(fields) then
        count(change.apply(target.account, before, fields).attempts)
    end
end

--- What later steps see of the trunk after one that changed fields of its own.
local function with(native, fields)
    local copy = {}
    for _, from in ipairs { native, fields } do
        for name, value in pairs(from) do
            copy[name] = value
        end
    end
    return copy
end

local function add_parts(target, id, native, mapped, count)
    local ids = { trunk = id }
    local function look(step)
        target.full[tostring(id)] = nil
        native = target:read(id)
        return neutral.find(native, step)
    end
    for _, step in ipairs(mapped.after) do
        local part = neutral.find(native, step)
        if not part then
            local params, body = neutral.resolve(step, ids)
            part = surely(function() return target.account:call(step.endpoint, params, body) end,
                function() return look(step) end, count)
            if type(part) ~= "table" or step.as and part.id == nil then
                part = look(step)
            end
        end
        if step.as and type(part) == "table" then
            ids[step.as] = part.id
        elseif not step.adds and not step.part then
            native = with(native, step.fields or step.body)
        end
    end
    target.full[tostring(id)] = nil
end

---@class trunkhost.Move  one trunk that is to be there
---@field mapped trunkhost.Mapped
---@field id any            it is there already, perhaps not in full
---@field unsettled table[] creates of earlier runs that had no answer
---@field key string        the body of its create, as text without passwords
---@field complete boolean?
---@field attempts integer
---@field sent table<string, userdata>?  its passwords, by field of the body

--- Creates it, or completes what an earlier run has made of it. Sets move.id as soon as it is known.
---@param target trunkhost.MigrationTarget
---@param move trunkhost.Move
---@param source string             id of the source trunk
---@param mapped trunkhost.Mapped   with its secrets
---@param taken table<string, boolean>  ids that are other parts of the same source trunk
function steps.make(target, move, source, mapped, taken)
    move.attempts, move.sent = 0, {}
    local function count(sent) move.attempts = move.attempts + sent end
    local native, kept
    if move.id then
        settle(move.unsettled, move.id)
        native = target:read(move.id)
        kept = target:knows_passwords(move.id, mapped)
        if not kept then
            set_passwords(target, move.id, mapped, count)
        end
    else
        settle(move.unsettled, nil)
        local found
        native, found = surely(
            function() return target.account:create(mapped.body, { grant = mapped.grant }) end,
            function()
                local there = look_up(target, mapped, source, taken)
                settle(unsettled_of(target, source, mapped), there and there.id)
                return there
            end, count)
        move.id = native.id
        if found then
            set_passwords(target, move.id, mapped, count)
        end
    end
    -- Where the ledger had them already, these were not sent.
    if not kept then
        for _, secret in ipairs(mapped.secrets) do
            move.sent[secret.field] = mapped.body[secret.field]
        end
    end
    -- The answer to a create may lack the lists that the steps look at: then they are empty.
    add_parts(target, move.id, native, mapped, count)
end

--- Less than what was planned is what a run leaves that was stopped in the middle; anything else is somebody's work.
---@param difference { field: string, planned: any, found: any }
---@return boolean
function steps.is_less(difference)
    local planned, found = difference.planned, difference.found
    if found == nil then
        return true
    elseif type(planned) ~= "table" or type(found) ~= "table" then
        return difference.field == "active" and found == false
    end
    local there = {}
    for _, item in ipairs(planned) do
        there[json.encode(item)] = true
    end
    for _, item in ipairs(found) do
        if not there[json.encode(item)] then
            return false
        end
    end
    return #planned > 0
end

--- The fields in which a trunk is not what it is at one moment between create and the last step.
local function at_odds(target, mapped, steps_done, native)
    local between = neutral.of(target.description, neutral.outcome { body = mapped.body, makes = mapped.makes,
        after = table.move(mapped.after, 1, steps_done, 1, {}) })
    local fields = {}
    for _, difference in ipairs(neutral.compare(target.description, between, native)) do
        fields[difference.field] = true
    end
    return fields
end

--- Where a trunk that an earlier run has made differs in what no later step brings; "" when it is only not complete.
---@param target trunkhost.MigrationTarget
---@param move trunkhost.Move
---@param there { native: table, differences: { field: string, planned: any, found: any }[] }
---@return string
function steps.not_to_be_added(target, move, there)
    local open, list = {}, {}
    for _, difference in ipairs(there.differences) do
        open[difference.field] = not (type(difference.found) == "table" and steps.is_less(difference)) or nil
    end
    for done = 0, #move.mapped.after - 1 do
        if next(open) then
            local odd = at_odds(target, move.mapped, done, there.native)
            for field in pairs(open) do
                open[field] = odd[field]
            end
        end
    end
    for _, difference in ipairs(there.differences) do
        list[#list + 1] = open[difference.field] and difference or nil
    end
    return steps.differences(list)
end

--- Reads it back; raises what is not as it was planned.
---@param target trunkhost.MigrationTarget
---@param move trunkhost.Move
function steps.prove(target, move)
    local native = patiently(neutral.read, target.account, move.id)
    local differences = neutral.compare(target.description, move.mapped.planned, native)
    if #differences > 0 then
        outcome.failed("conflict", ("%s of %s, read back, is not as it was planned: %s. Look at it there and put it "
            .. "right, or take the run back with --undo"):format(tostring(move.id), target.account:name(),
            steps.differences(differences)))
    end
end

--- "codecs, gateways"
---@param differences { field: string }[]
---@return string
function steps.differences(differences)
    local names = {}
    for i, difference in ipairs(differences) do
        names[i] = difference.field
    end
    return table.concat(names, ", ")
end

return steps
