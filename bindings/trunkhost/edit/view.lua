--- The output of apply_trunks.lua: each changed field before and after, which legs are re-created, and what blocks a
--- row.

local addresses <const> = require "trunkhost.mapping.addresses"
local aligned <const> = require "trunkhost.table"
local canonical <const> = require "trunkhost.text.canonical"
local json <const> = require "trunkhost.json"
local json_line <const> = require "trunkhost.json_line"
local numbers <const> = require "trunkhost.mapping.numbers"
local planner <const> = require "trunkhost.job.plan"

local apply_view <const> = {}

local function gateway_text(gateway)
    return addresses.join(gateway.host, gateway.port) .. (gateway.priority and "=" .. gateway.priority or "")
end

local function scalar_text(field, value)
    if value == nil then
        return "nothing"
    elseif type(value) == "boolean" then
        return value and "yes" or "no"
    elseif field.type == "codecs" then
        return table.concat(value, ",")
    end
    return type(value) == "table" and canonical.text(value) or tostring(value)
end

--- "+12025550070: one agent → another", for each number that changes.
local function entries_text(before, after, all)
    local known, list, written = {}, {}, {}
    for _, number in ipairs(all or {}) do
        written[numbers.key(number)] = number
    end
    for _, map in ipairs { before or {}, after or {} } do
        for number in pairs(map) do
            known[number] = true
        end
    end
    for number in pairs(known) do
        local old, new = (before or {})[number] or "nothing", (after or {})[number] or "nothing"
        list[#list + 1] = old ~= new and ("%s: %s → %s"):format(written[number] or number, old, new) or nil
    end
    table.sort(list)
    return table.concat(list, ", ")
end

--- The items of a set as words.
local function words_of(field, value)
    local words = {}
    for i, item in ipairs(value or {}) do
        words[i] = field.type == "gateways" and gateway_text(item) or tostring(item)
    end
    return words
end

local function without(words, others)
    local set, rest = {}, {}
    for _, word in ipairs(others) do
        set[word] = true
    end
    for _, word in ipairs(words) do
        rest[#rest + 1] = not set[word] and word or nil
    end
    return rest
end

--- "label: Front desk → Reception", "numbers: added +4930123456, removed +4930123457"
local function change_text(change, edit)
    local field, parts = change.field, {}
    if field.form == "map" then
        return ("%s: %s"):format(field.name, entries_text(change.before, change.after, edit.planned.numbers))
    elseif field.form ~= "set" then
        return ("%s: %s → %s"):format(field.name, scalar_text(field, change.before), scalar_text(field, change.after))
    end
    local before, after = words_of(field, change.before), words_of(field, change.after)
    for _, word in ipairs(without(after, before)) do
        parts[#parts + 1] = "added " .. word
    end
    local agents = field.name == "numbers" and edit.was["numbers.agent_ref"] or {}
    for _, word in ipairs(without(before, after)) do
        local agent = agents[numbers.key(word)]
        parts[#parts + 1] = "removed " .. word .. (agent and (" and its link to agent %s"):format(agent) or "")
    end
    return ("%s: %s"):format(field.name, table.concat(parts, ", "))
end

---@param work trunkhost.ApplyWork
---@return string?
function apply_view.note(work)
    local parts = {}
    for i, change in ipairs(work.edit and work.edit.changes or {}) do
        parts[i] = change_text(change, work.edit)
    end
    return parts[1] and table.concat(parts, "; ") or work.left and "it is as the file says; verify it" or nil
end

-- ---------------------------------------------------------------------------------------------------
-- For programs

local function requests_json(edit)
    local list = json.array {}
    if next(edit.body) then
        list[1] = { endpoint = "update", body = edit.body }
    end
    for _, step in ipairs(edit.steps) do
        list[#list + 1] = { endpoint = step.endpoint, body = step.body, what = step.key }
        for _, more in ipairs(step.after or {}) do
            list[#list + 1] = { endpoint = more.endpoint, body = more.fields or more.body, what = step.key }
        end
    end
    return canonical.text(list)
end

--- Further members of an item's JSON line.
---@param work trunkhost.ApplyWork
---@param dry_run boolean?
---@return any[]
function apply_view.tells(work, dry_run)
    local parts, edit = {}, work.edit
    for i, change in ipairs(edit and edit.changes or {}) do
        parts[i] = json_line.object(table.pack("field", change.field.name, "before",
            json_line.raw(canonical.text(change.before)), "after", json_line.raw(canonical.text(change.after))))
    end
    if #parts == 0 then
        return {}
    end
    local told = { "changes", json_line.raw("[" .. table.concat(parts, ",") .. "]") }
    if dry_run and not work.failed then
        told[3], told[4] = "requests", json_line.raw(requests_json(edit))
    end
    return told
end

-- ---------------------------------------------------------------------------------------------------
-- For people

--- A line for each changed field; one for a row that is blocked.
local function rows_of(entry)
    local plan, rows = entry.plan, {}
    local account, work = entry.account:name(), plan.work
    if plan.failed then
        return { { account, entry.key, entry.label, "", { plan.failed.message, colour = "red" } } }
    elseif plan.skip then
        return { { account, entry.key, entry.label, "", { "skipped: " .. plan.skip, colour = "dim" } } }
    end
    local pending = entry.left_by and ("pending since run %s; "):format(entry.left_by) or ""
    for i, change in ipairs(work.edit.changes) do
        rows[i] = i == 1 and { account, entry.key, entry.label, planner.impact_text(plan.impact),
            pending .. change_text(change, work.edit) } or { account, "", "", "", change_text(change, work.edit) }
    end
    return rows[1] and rows or { { account, entry.key, entry.label, "", pending .. (plan.note or "") } }
end

--- Whether a row is left out of the plan: its trunk is as the file says.
local function is_there(entry)
    return entry.plan.skip ~= nil and entry.plan.work ~= nil and entry.plan.work.there == true
end

local function sentence(count, one, many)
    return count > 0 and (count == 1 and one or many):format(count) or nil
end

---@param application trunkhost.Application
---@return table view
function apply_view.new(application)
    local view <const> = {}

    function view.summary(entries, todo, failures)
        local blocked, untouched, there = 0, 0, 0
        for _, entry in ipairs(entries) do
            local work = entry.plan.work or {}
            blocked = blocked + (entry.plan.failed and 1 or 0)
            untouched = untouched + (work.skip == "not edited" and 1 or 0)
            there = there + (is_there(entry) and work.skip ~= "not edited" and 1 or 0)
        end
        local parts = { planner.summary(entries, todo, failures),
            sentence(blocked, "%d row is blocked.", "%d rows are blocked.") or false,
            sentence(untouched, "%d row was not edited.", "%d rows were not edited.") or false,
            sentence(there, "%d row already matches its trunk.", "%d rows already match their trunks.") or false,
            sentence(application.baseless, "%d row has no base: every difference from the trunk is changed.",
                "%d rows have no base: every difference from the trunk is changed.") or false,
            sentence(application.others, "%d trunk is not in the file and stays as it is.",
                "%d trunks are not in the file and stay as they are.") or false }
        local said = {}
        for _, part in ipairs(parts) do
            said[#said + 1] = part or nil
        end
        return table.concat(said, " ")
    end

    function view.show(entries, todo, screen, full, failures)
        local rows, shown, hidden = {}, 0, 0
        for _, entry in ipairs(entries) do
            if not is_there(entry) then
                shown = shown + 1
                local own = (full or shown <= planner.most_rows) and rows_of(entry) or {}
                table.move(own, 1, #own, #rows + 1, rows)
                hidden = hidden + (#own == 0 and 1 or 0)
            end
        end
        planner.write_rows(planner.columns, rows, hidden, screen)
        screen.write(aligned.sentence("Plan: " .. view.summary(entries, todo, failures), screen) .. "\n")
    end

    return view
end

return apply_view
