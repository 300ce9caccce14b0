--- The output of a migration: a line for each trunk, a summary by field, findings as JSON.

local aligned <const> = require "trunkhost.table"
local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local conflicts <const> = require "trunkhost.migrate.conflicts"
local json <const> = require "trunkhost.json"
local json_line <const> = require "trunkhost.json_line"
local model <const> = require "trunkhost.mapping.model"
local neutral <const> = require "trunkhost.neutral"
local planner <const> = require "trunkhost.job.plan"

local migrate_view <const> = {}

-- ---------------------------------------------------------------------------------------------------
-- For programs

--- A body as it would be sent, with words for secrets and for ids that are not known yet.
local function shown(value)
    if core.is_secret(value) then
        return "[secret]"
    elseif neutral.refers(value) then
        return tostring(value)
    elseif type(value) ~= "table" then
        return value
    end
    local copy = json.is_array(value) and json.array {} or {}
    for name, item in pairs(value) do
        copy[name] = shown(item)
    end
    return copy
end

--- The requests for each trunk to create, and the trunk afterwards.
---@param work trunkhost.Work
---@return table[]
function migrate_view.creates(work)
    local list = json.array {}
    for i, move in ipairs(work.moves) do
        local body, after = shown(move.mapped.body), json.array {}
        for _, secret in ipairs(move.mapped.secrets) do
            body[secret.field] = "[secret]"
        end
        for j, step in ipairs(move.mapped.after) do
            after[j] = { endpoint = step.endpoint, body = shown(step.body) }
        end
        local planned = model.copy(move.mapped.planned)
        planned.refs = nil
        list[i] = { target = move.id and tostring(move.id), body = body, after = after, planned = planned }
    end
    return list
end

local function findings_json(work)
    local parts = {}
    for _, finding in ipairs(work.result and work.result.findings or {}) do
        if finding.verdict ~= "exact" then
            local function value(item)
                return item ~= nil and json_line.raw(canonical.text(item)) or nil
            end
            parts[#parts + 1] = json_line.object(table.pack("field", finding.field, "verdict", finding.verdict,
                "before", value(finding.before), "after", value(finding.after), "rule", finding.rule,
                "blocks", finding.blocks, "allowed", finding.allowed))
        end
    end
    return "[" .. table.concat(parts, ",") .. "]"
end

--- The findings for the ledger.
---@param work trunkhost.Work
---@return table[]
function migrate_view.findings(work)
    return json.decode(findings_json(work))
end

--- The ids at the target, in words.
---@param work trunkhost.Work
---@return string
function migrate_view.targets(work)
    local ids = {}
    for _, move in ipairs(work.moves) do
        ids[#ids + 1] = move.id and tostring(move.id) or nil
    end
    return table.concat(ids, ", ")
end

local function target_json(work)
    local ids = json.array {}
    for _, move in ipairs(work.moves) do
        ids[#ids + 1] = move.id and tostring(move.id) or nil
    end
    return #ids > 1 and ids or ids[1]
end

--- Further members of an item's JSON line.
---@param work trunkhost.Work
---@param dry_run boolean?
---@return any[]
function migrate_view.tells(work, dry_run)
    local creates = dry_run and #work.moves > 0 and not conflicts.is_complete(work)
        and json_line.raw(canonical.text(migrate_view.creates(work))) or nil
    local told = { "target", target_json(work), "findings", json_line.raw(findings_json(work)) }
    if told[2] == nil then
        told = { "findings", told[4] }
    end
    if creates then
        told[#told + 1], told[#told + 2] = "create", creates
    end
    return told
end

-- ---------------------------------------------------------------------------------------------------
-- For people

local COLUMNS <const> = {
    { title = "TRUNK" },
    { title = "LABEL", max = 28, min = 10, drop = 1 },
    { title = "EXACT", right = true },
    { title = "CHANGED", right = true },
    { title = "LOST", right = true },
    { title = "MISSING", right = true },
    { title = "NOTE", note = true },
}

local FIELDS <const> = {
    { title = "FIELD" },
    { title = "EXACT", right = true },
    { title = "CHANGED", right = true },
    { title = "LOST", right = true },
    { title = "MISSING", right = true },
    { title = "BLOCKS", right = true },
    { title = "FOR EXAMPLE", note = true },
}

local function number(count)
    return count and count > 0 and tostring(count) or "–"
end

--- A secret can never be read, so it counts as exact unless it is missing.
local function verdict_of(finding)
    return finding.verdict == "secret" and (finding.blocks and "missing" or "exact") or finding.verdict
end

local function count_of(findings)
    local counts = {}
    for _, finding in ipairs(findings) do
        local verdict = verdict_of(finding)
        counts[verdict] = (counts[verdict] or 0) + 1
    end
    return counts
end

local function names(findings, test)
    local list = {}
    for _, finding in ipairs(findings) do
        if test(finding) then
            list[#list + 1] = finding.field
        end
    end
    return #list > 0 and table.concat(list, ", ") or nil
end

local function note_of(work, plan)
    if plan.failed then
        return { plan.failed.message, colour = "red" }
    elseif plan.skip then
        return { "skipped: " .. plan.skip, colour = "dim" }
    end
    local findings, parts = work.result.findings, {}
    local targets, complete = migrate_view.targets(work), true
    for _, move in ipairs(work.moves) do
        complete = complete and move.complete
    end
    if targets ~= "" then
        parts[1] = (complete and "it already exists as %s; finish it" or "to be completed: %s"):format(targets)
    elseif #work.moves > 1 then
        parts[1] = ("%d trunks"):format(#work.moves)
    end
    for _, each in ipairs { "changed", "lost" } do
        local fields = names(findings, function(finding) return finding.verdict == each end)
        parts[#parts + 1] = fields and each .. ": " .. fields or nil
    end
    return table.concat(parts, "; ")
end

local function rows_of(entries, full)
    local rows = {}
    for i, entry in ipairs(entries) do
        if i > planner.most_rows and not full then
            break
        end
        local work = entry.plan.work
        local counts = work and work.result and count_of(work.result.findings) or {}
        rows[i] = { entry.key, entry.label, number(counts.exact), number(counts.changed), number(counts.lost),
            number(counts.missing), work and note_of(work, entry.plan) or "skipped: " .. (entry.plan.skip or "") }
    end
    return rows
end

--- A row for each field that does not stay exact; fields that block most trunks first.
local function by_field(entries)
    local fields, order = {}, {}
    for _, entry in ipairs(entries) do
        local work = entry.plan.work
        for _, finding in ipairs(work and work.result and work.result.findings or {}) do
            local field = fields[finding.field]
            if not field then
                field = { name = finding.field, place = #order + 1, blocks = 0, counts = {} }
                fields[finding.field], order[#order + 1] = field, field
            end
            local verdict = verdict_of(finding)
            field.counts[verdict] = (field.counts[verdict] or 0) + 1
            local blocks = finding.blocks and not finding.allowed
            field.blocks = field.blocks + (blocks and 1 or 0)
            if verdict ~= "exact" and not field.rule or blocks and not field.blocked then
                field.rule, field.blocked = finding.rule, blocks
            end
        end
    end
    table.sort(order, function(a, b)
        return a.blocks > b.blocks or a.blocks == b.blocks and a.place < b.place
    end)
    local rows = {}
    for _, field in ipairs(order) do
        if field.rule then
            local counts = field.counts
            rows[#rows + 1] = { field.name, number(counts.exact), number(counts.changed), number(counts.lost),
                number(counts.missing), { number(field.blocks), colour = field.blocks > 0 and "red" or nil },
                { field.rule, colour = "dim" } }
        end
    end
    return rows
end

---@class trunkhost.MigrationView
---@field show fun(entries: table[], todo: table[], screen: trunkhost.Screen, full: boolean)
---@field summary fun(entries: table[], todo: table[]): string

---@param migration trunkhost.Migration
---@return trunkhost.MigrationView
function migrate_view.new(migration)
    local view <const> = {}

    function view.summary(entries, todo)
        local blocked, there = 0, 0
        for _, entry in ipairs(entries) do
            blocked = blocked + (entry.plan.failed and 1 or 0)
            there = there + (entry.plan.skip and 1 or 0)
        end
        return ("migrate %d of %d %s from %s to %s; %d blocked, %d skipped."):format(#todo, #entries,
            #entries == 1 and "trunk" or "trunks", migration.from:name(), migration.to:name(), blocked, there)
    end

    function view.show(entries, todo, screen, full)
        local rows = rows_of(entries, full)
        planner.write_rows(COLUMNS, rows, #entries - #rows, screen)
        local fields = by_field(entries)
        if #fields > 0 then
            screen.write("By field, those that block trunks first:\n")
            screen.write(aligned.render(FIELDS, fields, screen) .. "\n")
        end
        screen.write(aligned.sentence("Plan: " .. view.summary(entries, todo), screen) .. "\n")
    end

    return view
end

return migrate_view
