--- A job in the ledger: who may write, what earlier runs left half-way, what each item is doing and how it ended.

local core <const> = require "trunkhost.core"
local json_line <const> = require "trunkhost.json_line"
local ledger <const> = require "trunkhost.ledger"
local planner <const> = require "trunkhost.job_plan"

local records <const> = {}

--- Makes this run the only one that changes these accounts, until it ends. Raises where another one does.
---@param accounts trunkhost.Account[]
---@param resumed string?  the run that it goes on with
function records.lock(accounts, resumed)
    ledger.begin(resumed)
    local names = {}
    for i, account in ipairs(accounts) do
        names[i] = account:name()
    end
    table.sort(names)
    for _, name in ipairs(names) do
        ledger.lock(name)
    end
end

--- Marks the trunks of which an earlier run has not settled what became of them.
---@param accounts trunkhost.Account[]
---@param entries trunkhost.Entry[]
function records.mark_unsettled(accounts, entries)
    local left, file = {}, io.open(core.run().ledger, "r")
    if not file then
        return -- a dry run does not make one
    end
    file:close()
    for _, account in ipairs(accounts) do
        for _, row in ipairs(ledger.unfinished(account:name())) do
            left[account:name() .. "\0" .. row.trunk] = row.run or "(an earlier one)"
        end
    end
    for _, entry in ipairs(entries) do
        entry.left_by = left[entry.account:name() .. "\0" .. entry.key]
    end
end

--- Puts on disk that an item has begun and what is planned; this task may be another than the one that carries it
--- out. Nothing of it may be sent before.
---@param entry trunkhost.Entry
function records.begin(entry)
    entry.row = ledger.item_begin(entry.account:name(), entry.key, planner.changes_json(entry))
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
            err and json_line.object(table.pack("kind", err.kind, "status", err.status, "message", err.message)))
    end
end

--- It had begun, but nothing of it was carried out.
---@param entry trunkhost.Entry
function records.put_back(entry)
    ledger.item(entry.row)
    ledger.item_end "planned"
end

return records
