--- The result of a job, as the ledger keeps it: counts, why it was halted, what was settled before anything was sent,
--- and the sentences that the terminal showed.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local ledger <const> = require "trunkhost.ledger"
local records <const> = require "trunkhost.job.records"
local report <const> = require "trunkhost.job.report"

local conclusion <const> = {}

-- The most items that never began and are kept one by one; the others are only counted.
local MOST_SETTLED <const> = 1000

local function error_of(err)
    return { kind = err.kind, status = err.status, message = err.message }
end

--- Items that were settled by their plan, failures first, and the number of those that are left out.
local function settled_of(run)
    local first, rest, lost = json.array {}, {}, 0
    for _, entry in ipairs(run.all) do
        if entry.state and entry.key and not entry.row then
            local item = { account = records.account_name(entry), trunk = entry.key, label = entry.label,
                state = entry.state, reason = entry.reason, error = entry.error and error_of(entry.error) }
            local list = entry.error and first or rest
            if #list < MOST_SETTLED then
                list[#list + 1] = item
            else
                lost = lost + 1
            end
        end
    end
    for i, item in ipairs(rest) do
        if #first < MOST_SETTLED then
            first[#first + 1] = item
        else
            return first, lost + #rest - i + 1
        end
    end
    return first, lost
end

local function accounts_of(run)
    local list = json.array {}
    for _, entry in ipairs(run.all) do
        if entry.state and not entry.key then
            list[#list + 1] = { account = entry.account:name(), error = error_of(entry.error) }
        end
    end
    return list
end

--- Writes it to the ledger without waiting. A dry run has none.
---@param run trunkhost.JobRun
function conclusion.record(run)
    if run.dry_run then
        return
    end
    local settled, lost = settled_of(run)
    local words = json.array(report.words(run))
    ledger.conclude {
        total = run.total, counts = run.counts, left = report.left(run), halted = run.halted,
        words = words, resume = report.resume_command(run), seconds = core.now() - run.started,
        settled = settled, settled_besides = lost, not_listed = accounts_of(run),
    }
end

return conclusion
