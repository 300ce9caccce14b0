--- Creates one trunk at the target, adds its parts one by one, and reads it back. Each request is sent once. If its
--- outcome is unknown, its result is looked for; only a run that has proof of its absence sends it again.

local canonical <const> = require "trunkhost.text.canonical"
local creates <const> = require "trunkhost.create.creates"
local json <const> = require "trunkhost.json"
local ledger <const> = require "trunkhost.ledger"
local migrate_run <const> = require "trunkhost.migrate.run"
local migrate_target <const> = require "trunkhost.migrate.target"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.change.outcome"
local surely <const> = require "trunkhost.create.surely"

local steps <const> = {}
local key_of <const> = migrate_target.key_of

--- The unanswered creates with this body. Raises when one of them is of another source trunk, because nothing could
--- tell whose copy it created.
local function unsettled_of(target, source, mapped)
    local key = key_of(mapped.body)
    local rows = creates.unsettled(target.account, function(row)
        return row.endpoint == "create" and canonical.text(row.key) == key
    end)
    for _, row in ipairs(rows) do
        local from = migrate_run.accounts(ledger.run(row.run))
        if row.source ~= source or from and target.from and from ~= target.from then
            creates.doubt(target.account, row, ("it would have created the same for trunk %s, which comes first")
                :format(row.source or "?"))
        end
    end
    return rows
end

--- After an unanswered create: the one trunk that it may have created, nil when there is none.
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
        outcome.unknown(("it is unknown which trunk the create made: it may be any of %s. Check them, delete those "
            .. "that should not exist, and run again"):format(table.concat(ids, ", ")))
    end
    return found[1] and found[1].native
end

local function set_passwords(target, id, mapped, count)
    count(creates.set_passwords(target.account, target:read(id), mapped.body))
end

--- The trunk for later steps, after one that changed its own fields.
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
            local function look_again() return look(step) end
            local open = creates.alike(target.account, step.endpoint, params, body)
            part = creates.resolve(target.account, open, look_again)
                or surely(target.account, function()
                    return target.account:call(step.endpoint, params, body)
                end, look_again, count, step.adds and { endpoint = step.endpoint, body = body })
            if type(part) ~= "table" or step.as and part.id == nil then
                part = look(step)
            end
            if step.as and not part then
                outcome.unknown(("the reply to '%s' has no id, and %s does not show its result yet"):format(
                    step.endpoint, target.account:name()))
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

---@class trunkhost.Move  one trunk at the target
---@field mapped trunkhost.Mapped
---@field id any            if it exists already, perhaps without all its parts
---@field unsettled table[] unanswered creates of earlier runs
---@field key string        the body of its create, as text without passwords
---@field complete boolean?
---@field attempts integer
---@field sent table<string, userdata>?  its passwords, by field of the body

--- Creates it, or completes what an earlier run created. Sets move.id as soon as it is known.
---@param target trunkhost.MigrationTarget
---@param move trunkhost.Move
---@param source string             id of the source trunk
---@param mapped trunkhost.Mapped   with its secrets
---@param taken table<string, boolean>  ids of other copies of the same source trunk
function steps.make(target, move, source, mapped, taken)
    move.attempts, move.sent = 0, {}
    local function count(sent) move.attempts = move.attempts + sent end
    local native, kept
    local function look() return look_up(target, mapped, source, taken) end
    if move.id then
        creates.conclude(move.unsettled, move.id)
        native = target:read(move.id)
        kept = target:knows_passwords(move.id, mapped)
        if not kept then
            set_passwords(target, move.id, mapped, count)
        end
    else
        native = creates.resolve(target.account, unsettled_of(target, source, mapped), look)
        local found = native ~= nil
        if not found then
            native, found = surely(target.account, function()
                return target.account:create(mapped.body, { grant = mapped.grant })
            end, look, count)
            if found then
                creates.conclude(unsettled_of(target, source, mapped), native.id)
            end
        end
        move.id = type(native) == "table" and native.id or nil
        if move.id == nil then
            outcome.unknown("the reply to the create has no id. Run again: the trunk is looked for first")
        end
        if found then
            set_passwords(target, move.id, mapped, count)
        end
    end
    -- If the ledger had them already, they were not sent.
    if not kept then
        for _, secret in ipairs(mapped.secrets) do
            move.sent[secret.field] = mapped.body[secret.field]
        end
    end
    -- The reply to a create may lack the lists that the steps check: then they are empty.
    add_parts(target, move.id, native, mapped, count)
end

--- Whether a difference is only something missing, as an interrupted run leaves it; anything else is somebody's
--- change.
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

--- The fields in which a trunk differs from its state after a number of steps.
local function at_odds(target, mapped, steps_done, native)
    local between = neutral.of(target.description, neutral.outcome { body = mapped.body, makes = mapped.makes,
        after = table.move(mapped.after, 1, steps_done, 1, {}) })
    local fields = {}
    for _, difference in ipairs(neutral.compare(target.description, between, native)) do
        fields[difference.field] = true
    end
    return fields
end

--- The differences of an earlier run's trunk that no later step would remove; "" when it is only incomplete.
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

--- Reads it back; raises if it is not as planned.
---@param target trunkhost.MigrationTarget
---@param move trunkhost.Move
function steps.prove(target, move)
    local native = neutral.read(target.account, move.id)
    local differences = neutral.compare(target.description, move.mapped.planned, native)
    if #differences > 0 then
        creates.differs(target.account, native, ("%s on %s, read back, is not as planned: %s. Fix it there, or undo "
            .. "the run with --undo"):format(tostring(move.id), target.account:name(), steps.differences(differences)))
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
