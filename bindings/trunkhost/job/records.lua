--- A job in the ledger: who may write, what earlier runs left half-way, what each item is doing and how it ended.

local core <const> = require "trunkhost.core"
local image <const> = require "trunkhost.job.image"
local json_line <const> = require "trunkhost.json_line"
local ledger <const> = require "trunkhost.ledger"
local planner <const> = require "trunkhost.job.plan"
local tasks <const> = require "trunkhost.tasks"

local records <const> = {}

--- In the ledger each item has an account; no real one can be called so.
records.no_account = "(none)"
-- More trunks are not named in one line.
local MOST_NAMES <const> = 8
-- These share a commit.
local AT_ONCE <const> = 64

--- Makes this run the only one that changes these accounts, until it ends. Raises where another one does.
---@param accounts trunkhost.Account[]
---@param resumed string?  the run that it goes on with
---@param undoes string?   the run that it takes back
function records.lock(accounts, resumed, undoes)
    ledger.begin(resumed, undoes)
    local names = {}
    for i, account in ipairs(accounts) do
        names[i] = account:name()
    end
    table.sort(names)
    for _, name in ipairs(names) do
        ledger.lock(name)
    end
end

--- The same for accounts that only the items have named.
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

local function warn_of_others(rows, silent)
    local names = {}
    for _, row in ipairs(rows) do
        if not silent[row.account] then
            names[#names + 1] = row.account .. " " .. row.trunk
        end
    end
    if #names == 0 then
        return
    end
    local shown = table.concat(names, ", ", 1, math.min(#names, MOST_NAMES))
    core.log("warn", ("not chosen, but left unsettled by an earlier run: %s%s. Run without --only and --match to \z
        settle that; what was tried: trunkhost explain %s --account %s"):format(shown,
        #names > MOST_NAMES and (" and %d more"):format(#names - MOST_NAMES) or "", rows[1].trunk, rows[1].account))
end

--- Marks the trunks of which an earlier run has not settled what became of them, and says which of these were not
--- chosen.
---@param accounts trunkhost.Account[]
---@param entries trunkhost.Entry[]
---@param failures { account: trunkhost.Account }[]  what they have was not seen
function records.mark_unsettled(accounts, entries, failures)
    local left, file = {}, io.open(core.run().ledger, "r")
    if not file then
        return -- a dry run does not make one
    end
    file:close()
    local rows, silent, others = {}, {}, {}
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
        silent[failure.account:name()] = true
    end
    for _, row in ipairs(rows) do
        local name = row.account .. "\0" .. row.trunk
        if left[name] then
            others[#others + 1], left[name] = row, nil
        end
    end
    warn_of_others(others, silent)
end

--- The name that the ledger has for the account of an item.
---@param entry trunkhost.Entry
---@return string
function records.account_name(entry)
    local name = entry.account:name()
    return name == "" and records.no_account or name
end

--- Puts on disk that an item has begun and what is planned; this task may be another than the one that carries it
--- out. Nothing of it may be sent before.
---@param entry trunkhost.Entry
function records.begin(entry)
    entry.row = ledger.item_begin(records.account_name(entry), entry.key, planner.changes_json(entry),
        image.planned(entry), entry.undoes, entry.label)
end

--- From here on the task works on this item: what it sends is recorded in it.
---@param entry trunkhost.Entry
function records.adopt(entry)
    ledger.item(entry.row)
end

--- How it ended, in the task that works on it. Nobody waits for it: what is not on disk then is done again.
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

--- Puts on disk what has failed in its plan, so that whoever looks back finds it: without a plan, of which nothing was
--- ever to be sent.
---@param entries trunkhost.Entry[]
function records.keep_failed(entries)
    local failed = {}
    for _, entry in ipairs(entries) do
        if entry.key and not entry.row and (entry.state == "failed" or entry.state == "unknown") then
            failed[#failed + 1] = entry
        end
    end
    tasks.map(failed, function(entry)
        -- Where the ledger cannot be written, the first item that is begun says so, or the end of the run.
        local ok, row = pcall(ledger.item_begin, records.account_name(entry), entry.key, nil, nil, nil, entry.label)
        if ok then
            entry.row = row
            records.finish(entry)
        elseif not core.is_error(row) then
            error(row, 0)
        end
    end, { concurrency = AT_ONCE, results = false })
end

--- It had begun, but nothing of it was carried out.
---@param entry trunkhost.Entry
function records.put_back(entry)
    ledger.item(entry.row)
    ledger.item_end "planned"
end

return records
