--- Undoes a migration: deletes what the run created, newest first, if nobody has changed it since.

local accounts <const> = require "trunkhost.accounts"
local aligned <const> = require "trunkhost.table"
local core <const> = require "trunkhost.core"
local creates <const> = require "trunkhost.create.creates"
local ledger <const> = require "trunkhost.ledger"
local migrate_run <const> = require "trunkhost.migrate.run"
local migrate_target <const> = require "trunkhost.migrate.target"
local migrate_steps <const> = require "trunkhost.migrate.steps"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.change.outcome"
local usage <const> = require "trunkhost.text.usage"

local undo <const> = {}

--- The migration that a run undoes, found by the trunks that it worked on.
local function undone_by(run)
    for _, item in ipairs(ledger.items { run = run.id }) do
        for _, row in ipairs(ledger.creates { account = item.account }) do
            if row.trunk == item.trunk and row.endpoint == "create" and row.run then
                return row.run
            end
        end
    end
end

--- The source and target of a run: from its own arguments, or those of the run that it resumes. A run that itself
--- undoes a migration stands for that migration, so that the same command resumes an interrupted undo.
local function accounts_of(id)
    local run, problem = ledger.run(id)
    if not run then
        usage.fail("--undo %s: %s", id, problem or "there is no such run in the ledger")
    end
    local from, to = migrate_run.accounts(run)
    if from and to then
        return run.id, from, to
    elseif (run.purpose or {}).undo then
        local undone = undone_by(run)
        if undone then
            return accounts_of(undone)
        end
        usage.fail("--undo %s: run %s was to undo a migration, and has done nothing. Name the migration; see: \z
            trunkhost runs", id, run.id)
    end
    usage.fail("--undo %s: run %s is not a migration, but %s. See: trunkhost runs", id, run.id,
        run.script and run.script:match "[^/]+$" or "something else")
end

--- How a trunk differs from what the run created; nil when it does not.
local function changed(description, plans, native)
    local names
    for _, planned in ipairs(plans) do
        local more = {}
        for _, difference in ipairs(neutral.compare(description, planned, native)) do
            if not migrate_steps.is_less(difference) then
                more[#more + 1] = difference
            end
        end
        if #more == 0 then
            return nil
        end
        names = names or migrate_steps.differences(more)
    end
    return names or "the ledger does not know what was planned"
end

---@class trunkhost.Undo
---@field made table[]  { id, source } newest first
---@field plans table<string, table[]>  source id → what was planned for it
---@field idle table<string, boolean>  source ids that were out of service before the run

local function read_run(id, to)
    local made, plans, idle = {}, {}, {}
    for _, row in ipairs(ledger.creates { account = to }) do
        if row.run == id and row.endpoint == "create" and row.state == "landed" and row.trunk then
            table.insert(made, 1, { id = row.trunk, source = row.source })
        end
    end
    for _, item in ipairs(ledger.items { run = id }) do
        local planned = type(item.plan) == "table" and item.plan or {}
        plans[item.trunk], idle[item.trunk] = {}, planned.source_active == false
        for i, create in ipairs(planned.create or {}) do
            plans[item.trunk][i] = create.planned
        end
    end
    return made, plans, idle
end

--- Trunks that unanswered creates of the run made after all, as entries of `made`; and the creates whose outcome is
--- still unknown. A create is neither if its absence is proven.
---@param target trunkhost.Account
---@param from string
---@param id string  the run
---@param plans table<string, table[]>
local function look_for(target, from, id, plans)
    local found, open = {}, {}
    local rows = ledger.creates { account = target:name(), unsettled = true }
    for i = #rows, 1, -1 do
        if rows[i].run ~= id or rows[i].endpoint ~= "create" then
            table.remove(rows, i)
        end
    end
    rows = #rows > 0 and creates.unsettled(target, function(row)
        return row.run == id and row.endpoint == "create"
    end) or rows
    local place = #rows > 0 and migrate_target.open(target, from)
    for _, row in ipairs(rows) do
        local there = {}
        for _, planned in ipairs(plans[row.source or ""] or {}) do
            -- It may have been interrupted at any step: gateways may be missing.
            local mapped = { planned = planned, after = { { adds = "gateways" } }, secrets = {} }
            for _, candidate in ipairs(place:candidates(mapped, row.source)) do
                there[tostring(candidate.id)] = true
            end
        end
        local first = next(there)
        if first and next(there, first) == nil then
            found[#found + 1] = { id = first, source = row.source }
            if not core.run().dry_run then
                creates.conclude({ row }, first)
            end
        elseif first or not row.settled then
            open[#open + 1] = row
        elseif not core.run().dry_run then
            creates.conclude { row }
        end
    end
    return found, open
end

--- Warns of trunks that the run only completed: undoing the run that created them needs another command.
local function warn_of_others(id, from, to, there)
    local worked_on, runs, order = {}, {}, {}
    for _, item in ipairs(ledger.items { run = id }) do
        worked_on[item.trunk] = item.state ~= "skipped"
    end
    for _, row in ipairs(ledger.creates { account = to }) do
        local is_made = row.endpoint == "create" and row.state == "landed" and there[row.trunk or ""]
        if is_made and worked_on[row.source] and row.run and row.run ~= id
            and migrate_run.accounts(ledger.run(row.run)) == from then
            order[#order + 1] = not runs[row.run] and row.run or nil
            runs[row.run] = runs[row.run] or {}
            table.insert(runs[row.run], row.trunk)
        end
    end
    for _, run in ipairs(order) do
        core.log("warn", ("run %s only completed %s on %s, which run %s created; to undo that: --undo %s"
            ):format(id, table.concat(runs[run], ", "), to, run, run))
    end
end

local function listed(account)
    local by_id = {}
    for _, trunk in ipairs(account:list "list") do
        by_id[tostring(trunk.id)] = trunk
    end
    return by_id
end

local COLUMNS <const> = { { title = "TRUNK" }, { title = "LABEL", max = 28, min = 10, drop = 1 },
    { title = "NOTE", note = true } }

--- The view of the plan.
local function view_of(to)
    local view <const> = {}

    function view.summary(entries, todo)
        return ("%d of the %d %s that the run created will be deleted on %s, which drops the calls on %s."):format(
            #todo, #entries, #entries == 1 and "trunk" or "trunks", to, #todo == 1 and "it" or "them")
    end

    function view.show(entries, todo, screen)
        local rows = {}
        for i, entry in ipairs(entries) do
            local failed = entry.plan.failed
            rows[i] = { entry.key, entry.label, failed and { failed.message, colour = "red" } or entry.plan.skip
                or entry.plan.note }
        end
        if #rows > 0 then
            screen.write(aligned.render(COLUMNS, rows, screen) .. "\n")
        end
        screen.write(aligned.sentence("Plan: " .. view.summary(entries, todo), screen) .. "\n")
    end

    return view
end

--- The job that undoes a run.
---@param chosen table  as check_options has returned them
---@return trunkhost.JobSpec
function undo.job(chosen)
    local run, from, to = accounts_of(chosen.undo)
    local source, target = accounts.account(from), accounts.account(to)
    local description = target:describe()
    local made, plans, idle = read_run(run, to)
    chosen.account = { to }
    chosen.concurrency = 1 -- newest first, one after the other
    local sources

    local function items()
        local there, list = listed(target), {}
        sources = listed(source)
        warn_of_others(run, from, to, there)
        local appeared, open = look_for(target, from, run, plans)
        for _, each in ipairs(appeared) do
            table.insert(made, 1, each)
            there[each.id] = there[each.id] or { id = each.id }
        end
        for _, row in ipairs(open) do
            list[#list + 1] = { account = target, trunk = { id = ("create %d"):format(row.id) }, open = row }
        end
        for _, each in ipairs(made) do
            if there[each.id] then
                list[#list + 1] = { account = target, trunk = there[each.id], source = each.source }
            end
        end
        return list
    end

    local function objection(item)
        local native = neutral.read(target, item.trunk.id)
        local names = changed(description, plans[item.source] or {}, native)
        local origin = sources[item.source or ""]
        if names then
            return ("it was changed since the run created it: %s. If nobody needs it, delete it by hand"):format(names)
        elseif not origin then
            return ("its source, trunk %s of %s, no longer exists, so this is the only one left"):format(
                item.source or "?", from)
        elseif origin.is_active == false and native.is_active ~= false and not idle[item.source] then
            return ("its source, trunk %s of %s, is out of service: activate it first"):format(item.source, from)
        end
    end

    local function failed(message)
        local _, err = pcall(core.error, "conflict", "not deleted: " .. message)
        return { failed = err }
    end

    local function in_doubt(row)
        local _, err = pcall(outcome.unknown, ("the create for trunk %s of %s had no complete reply, and %s does not \z
            show for certain whether a trunk was created. Repeat the --undo after %s"):format(row.source or "?", from,
            to, row.again))
        return err
    end

    return {
        name = "undo_migration",
        options = chosen,
        items = items,
        view = view_of(to),
        plan = function(item)
            if item.open then
                return { failed = in_doubt(item.open) }
            end
            local why = objection(item)
            return why and failed(why) or { changes = {}, impact = {},
                note = ("delete; trunk %s of %s stays"):format(item.source, from) }
        end,
        apply = function(item)
            local why = objection(item)
            if why then
                outcome.failed("conflict", "not deleted: " .. why)
            end
            local ok, err = pcall(target.delete, target, item.trunk.id)
            if not ok and not (core.is_error(err) and (err.ambiguous or err.kind == "not_found")) then
                error(err, 0)
            end
            return { attempts = ok and 1 or err.attempts }
        end,
        verify = function(item)
            if migrate_target.is_there(target, item.trunk.id) then
                outcome.unknown "it still exists after it was deleted: check it, or run again"
            end
            return "accepted"
        end,
    }
end

return undo
