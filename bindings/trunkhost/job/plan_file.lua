--- A plan in a file: --plan-out writes it for review, and --plan carries out exactly that.

local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local job_items <const> = require "trunkhost.job.items"
local json <const> = require "trunkhost.json"
local json_line <const> = require "trunkhost.json_line"
local planner <const> = require "trunkhost.job.plan"
local usage <const> = require "trunkhost.text.usage"

local plan_file <const> = {}

local VERSION <const> = 1
local CHANGED <const> = "changed since the plan"

local function name_of(account, key)
    return account .. "\0" .. key
end

--- A hash of the trunk as it was planned. Any change counts, even one that does not matter for this job.
local function image(entry)
    return core.hash(canonical.text(entry.trunk))
end

local function item_line(entry)
    local impact = { inbound = entry.plan.impact.inbound == true, outbound = entry.plan.impact.outbound == true }
    return json_line.object(table.pack("event", "item", "account", entry.account:name(), "trunk", entry.key,
        "label", entry.label, "changes", json_line.raw(planner.changes_json(entry)),
        "impact", json_line.raw(canonical.text(impact)),
        "before", image(entry)))
end

--- Writes the plan to a file that only the owner can read; replaces the file.
---@param run trunkhost.JobRun
function plan_file.write(run)
    local lines = { json_line.object(table.pack("event", "plan", "version", VERSION, "run", run.id,
        "script", core.run().script, "script_hash", run.script_hash,
        "arguments", json_line.raw(canonical.text(json.array(run.options.what or {}))))) }
    for i, entry in ipairs(run.todo) do
        lines[i + 1] = item_line(entry)
    end
    core.write_private(run.options.plan_out, "plan", table.concat(lines, "\n") .. "\n")
end

local function decoded(path, text)
    local objects = {}
    for line in text:gmatch "[^\n]+" do
        local ok, object = pcall(json.decode, line)
        local event = ok and type(object) == "table" and object.event
        if event ~= (objects[1] and "item" or "plan") then
            usage.fail("--plan %s, line %d: this is not a plan; make one with --plan-out", path, #objects + 1)
        end
        objects[#objects + 1] = object
    end
    if not objects[1] then
        usage.fail("--plan %s: the file is empty; make a plan with --plan-out", path)
    end
    return objects
end

local function in_words(what)
    local words = {}
    for _, piece in ipairs(what) do
        words[#words + 1] = table.concat(piece, " ", piece[1] == "" and 2 or 1)
    end
    return #words > 0 and table.concat(words, " ") or "no arguments"
end

---@class trunkhost.SavedPlan
---@field run string                    the run that made it
---@field items table<string, table>    account and key → its line

--- Reads the plan of --plan. One of another script, or with other arguments, is a usage error.
---@param run trunkhost.JobRun
---@return trunkhost.SavedPlan
function plan_file.read(run)
    local path = run.options.plan
    local objects = decoded(path, core.read_private(path, "plan"))
    local header, saved = table.remove(objects, 1), { items = {}, order = {} }
    if header.version ~= VERSION then
        usage.fail("--plan %s: it was made by another version of trunkhost; make it again with --plan-out", path)
    elseif header.script_hash ~= run.script_hash then
        usage.fail("--plan %s: it was made by another script, or this script has changed since; make it again with \z
            --plan-out", path)
    elseif canonical.text(header.arguments) ~= canonical.text(json.array(run.options.what or {})) then
        usage.fail("--plan %s: it was made with other arguments (%s); use the same ones, or make it again", path,
            in_words(header.arguments))
    end
    saved.run = header.run
    for i, object in ipairs(objects) do
        saved.items[name_of(object.account, object.trunk)] = object
        saved.order[i] = object
    end
    return saved
end

--- Why an entry is not carried out by this plan; nil when it is.
local function objection(saved, entry)
    local object = saved.items[name_of(entry.account:name(), entry.key)]
    if not object then
        return "not in the plan"
    elseif entry.begun then
        return nil -- by the resumed run, which has changed the trunk
    elseif object.before ~= image(entry) or canonical.text(object.changes) ~= planner.changes_json(entry) then
        return CHANGED
    end
end

--- Keeps in run.todo what the plan contains and what is unchanged since; skips the other entries with a reason. Adds
--- entries for trunks that are in the plan and no longer exist.
---@param run trunkhost.JobRun
---@param saved trunkhost.SavedPlan
---@param entries trunkhost.Entry[]
---@param accounts trunkhost.Account[]
---@param failures { account: trunkhost.Account }[]  could not be listed
function plan_file.keep(run, saved, entries, accounts, failures)
    local todo, known, opened = {}, {}, {}
    for _, entry in ipairs(entries) do
        known[name_of(entry.account:name(), entry.key)] = true
    end
    for _, entry in ipairs(run.todo) do
        local reason = objection(saved, entry)
        if reason then
            entry.state, entry.reason, entry.plan.skip = "skipped", reason, reason
        else
            todo[#todo + 1] = entry
        end
    end
    for _, account in ipairs(accounts) do
        opened[account:name()] = account
    end
    local unlisted = {}
    for _, failure in ipairs(failures) do
        unlisted[failure.account:name()] = true
    end
    for _, object in ipairs(saved.order) do
        if not known[name_of(object.account, object.trunk)] and not unlisted[object.account] then
            entries[#entries + 1] = job_items.gone(opened[object.account], object.account, object.trunk,
                object.label or "", CHANGED .. ": it no longer exists")
        end
    end
    run.todo = todo
end

return plan_file
