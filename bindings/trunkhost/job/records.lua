--- A job in the ledger: locks, pending items of earlier runs, and the progress and result of each item.

local core <const> = require "trunkhost.core"
local image <const> = require "trunkhost.job.image"
local json_line <const> = require "trunkhost.json_line"
local ledger <const> = require "trunkhost.ledger"
local planner <const> = require "trunkhost.job.plan"
local tasks <const> = require "trunkhost.tasks"

local records <const> = {}

--- The account of an item without one, in the ledger. No real account can have this name.
records.no_account = "(none)"
-- The most trunks that one message names.
local MOST_NAMES <const> = 8
-- Items whose records share a commit.
local AT_ONCE <const> = 64

--- Locks these accounts until the run ends. Raises when another run holds one of them.
---@param accounts trunkhost.Account[]
---@param resumed string?  the run that it resumes
---@param undoes string?   the run that it undoes
---@param purpose table     what later runs need to know of this one
function records.lock(accounts, resumed, undoes, purpose)
    ledger.begin(resumed, undoes, purpose)
    local names = {}
    for i, account in ipairs(accounts) do
        names[i] = account:name()
    end
    table.sort(names)
    for _, name in ipairs(names) do
        ledger.lock(name)
    end
end

--- The same for accounts that only the items name.
---@param locked trunkhost.Account[]
---@param accounts trunkhost.Account[]
function records.lock_more(locked, accounts)
    local has, names = {}, {}
    for _, account in ipairs(locked) do
        has[account:name()] = true
    end
    for _, account in ipairs(accounts) do
        if not has[account:name()] then
            names[#names + 1] = account:name()
        end
    end
    table.sort(names)
    for _, name in ipairs(names) do
        ledger.lock(name)
    end
end

local function warn_of_others(rows, unlisted)
    local names = {}
    for _, row in ipairs(rows) do
        if not unlisted[row.account] then
            names[#names + 1] = row.account .. " " .. row.trunk
        end
    end
    if #names == 0 then
        return
    end
    local shown = table.concat(names, ", ", 1, math.min(#names, MOST_NAMES))
    core.log("warn", ("pending since an earlier run, but not chosen: %s%s. Run without --only and --match to settle \z
        them. To see what was tried: trunkhost explain %s --account %s"):format(shown,
        #names > MOST_NAMES and (" and %d more"):format(#names - MOST_NAMES) or "", rows[1].trunk, rows[1].account))
end

--- Marks the trunks that are pending since an earlier run, and warns of those that are not chosen.
---@param accounts trunkhost.Account[]
---@param entries trunkhost.Entry[]
---@param failures { account: trunkhost.Account }[]  could not be listed
function records.mark_unsettled(accounts, entries, failures)
    local left, file = {}, io.open(core.run().ledger, "r")
    if not file then
        return -- a dry run does not create the ledger
    end
    file:close()
    local rows, unlisted, others = {}, {}, {}
    for _, account in ipairs(accounts) do
        for _, row in ipairs(ledger.unfinished(account:name())) do
            left[account:name() .. "\0" .. row.trunk] = row.run or "(an earlier one)"
            rows[#rows + 1] = { account = account:name(), trunk = row.trunk }
        end
    end
    for _, entry in ipairs(entries) do
        local name = entry.account:name() .. "\0" .. entry.key
        entry.left_by, left[name] = left[name], nil
    end
    for _, failure in ipairs(failures) do
        unlisted[failure.account:name()] = true
    end
    for _, row in ipairs(rows) do
        local name = row.account .. "\0" .. row.trunk
        if left[name] then
            others[#others + 1], left[name] = row, nil
        end
    end
    warn_of_others(others, unlisted)
end

--- The account of an item, as the ledger names it.
---@param entry trunkhost.Entry
---@return string
function records.account_name(entry)
    local name = entry.account:name()
    return name == "" and records.no_account or name
end

--- Records on disk that an item begins, and its plan. Nothing may be sent for it before. The calling task need not be
--- the one that carries the item out.
---@param entry trunkhost.Entry
function records.begin(entry)
    entry.row = ledger.item_begin(records.account_name(entry), entry.key, planner.changes_json(entry),
        image.planned(entry), entry.undoes, entry.label)
end

--- Makes this the item of the current task: what the task sends is recorded in it.
---@param entry trunkhost.Entry
function records.adopt(entry)
    ledger.item(entry.row)
end

--- Records the result of the current task's item without waiting: if it does not reach the disk, the item is done
--- again.
---@param entry trunkhost.Entry
function records.finish(entry)
    local err = entry.error
    if entry.row then
        ledger.item_end(entry.state, entry.evidence, entry.attempts or 0,
            err and json_line.object(table.pack("kind", err.kind, "status", err.status, "message", err.message)),
            entry.before, entry.after)
        entry.before, entry.after = nil, nil -- there may be very many entries
    end
end

--- Records items whose plan failed, so that `trunkhost runs` shows them: without a plan, because nothing was to be
--- sent.
---@param entries trunkhost.Entry[]
function records.keep_failed(entries)
    local failed = {}
    for _, entry in ipairs(entries) do
        if entry.key and not entry.row and (entry.state == "failed" or entry.state == "unknown") then
            failed[#failed + 1] = entry
        end
    end
    tasks.map(failed, function(entry)
        -- If the ledger cannot be written, the first item that begins says so, or the end of the run.
        local ok, row = pcall(ledger.item_begin, records.account_name(entry), entry.key, nil, nil, nil, entry.label)
        if ok then
            entry.row = row
            records.finish(entry)
        elseif not core.is_error(row) then
            error(row, 0)
        end
    end, { concurrency = AT_ONCE, results = false })
end

--- Records that an item had begun, but nothing was sent for it.
---@param entry trunkhost.Entry
function records.put_back(entry)
    ledger.item(entry.row)
    ledger.item_end "planned"
end

return records
