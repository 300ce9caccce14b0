--- Undoes what a file changed in a trunk: restores the old values, if nobody has changed the same fields since. It
--- compares the same three states as for a file, with the run's own values in place of the export.

local base <const> = require "trunkhost.neutral.base"
local apply_change <const> = require "trunkhost.edit.change"
local apply_steps <const> = require "trunkhost.edit.steps"
local creates <const> = require "trunkhost.create.creates"
local fields <const> = require "trunkhost.neutral.fields"
local json <const> = require "trunkhost.json"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.change.outcome"
local three_way <const> = require "trunkhost.neutral.three_way"

local apply_undo <const> = {}

local function value_of(found)
    if found == json.null then
        return nil
    end
    return found
end

local function kept(before, after)
    return { before = before == nil and json.null or before, after = after == nil and json.null or after }
end

--- The changes, as the ledger keeps them: field → before and after. Also those that the file does not show: the names
--- and agents of removed numbers.
---@param edit trunkhost.TrunkEdit
---@return table<string, { before: any, after: any }>
function apply_undo.record(edit)
    local found = {}
    for _, change in ipairs(edit.changes) do
        found[change.field.name] = kept(change.before, change.after)
    end
    for _, field in ipairs(found.numbers and fields.list or {}) do
        local before, after = edit.was[field.name], edit.planned[field.name]
        if field.form == "map" and before and not fields.alike(field, before, after) then
            found[field.name] = kept(before, after)
        end
    end
    return found
end

--- The row that restores the old values of a trunk that has the new ones.
local function row_of(record)
    local row = { names = {}, values = {}, base = {}, emptied = {} }
    for name, change in pairs(record.changes) do
        row.names[#row.names + 1] = name
        row.values[name] = value_of(change.before)
        row.base[name] = base.hashes(fields.get(name), value_of(change.after))
    end
    -- Numbers come before their names and agents, as in a file.
    table.sort(row.names)
    return row
end

--- The values were there before, so they need no --grant or --allow-loss.
local function consent_to(row)
    local names, set = {}, {}
    for i, name in ipairs(row.names) do
        names[i], set[name] = fields.get(name).model, true
    end
    return { allow_loss = names, grant = set }
end

local function read(item)
    local native = neutral.read(item.account, item.trunk.id)
    return native, neutral.of(item.account:describe(), native)
end

local function prove(item, edit)
    local native, present = read(item)
    local found, differing = fields.of(present), {}
    for _, change in ipairs(edit.changes) do
        if not fields.alike(change.field, edit.planned[change.field.name], found[change.field.name]) then
            differing[#differing + 1] = change.field.name
        end
    end
    if #differing > 0 then
        creates.differs(item.account, native,
            "read back, it is not as it was before: " .. table.concat(differing, ", "))
    end
    apply_steps.settle(item.account, item.trunk.id, native)
end

--- Undoes what a run changed in one trunk.
---@param item { account: trunkhost.Account, trunk: table }
---@param record trunkhost.UndoRecord
---@return { attempts: integer, evidence: string }
function apply_undo.item(item, record)
    local row = row_of(record)
    local native, present = read(item)
    local changes, conflicts = three_way.merge(row, fields.of(present))
    if #conflicts > 0 then
        outcome.failed("conflict", ("not undone: changed since run %s: %s. Undo it by hand"):format(
            record.run, table.concat(conflicts, ", ")), { attempts = 0 })
    end
    local edit = apply_change.work_out(item.account, native, present, changes, consent_to(row))
    if #edit.reasons > 0 then
        outcome.failed("invalid", "not undone: " .. table.concat(edit.reasons, "; "), { attempts = 0 })
    elseif not next(edit.body) and #edit.steps == 0 then
        return { attempts = 0, evidence = "accepted" } -- it is as it was
    end
    local applied = apply_steps.send(item.account, native, edit)
    prove(item, edit)
    return { attempts = applied.attempts, evidence = applied.evidence or "accepted" }
end

return apply_undo
