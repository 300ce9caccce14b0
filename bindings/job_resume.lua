--- Going on with an earlier run: its own arguments again, without what it is known to have done.

local arguments <const> = require "trunkhost.arguments"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local options <const> = require "trunkhost.options"
local records <const> = require "trunkhost.job_records"

local resume <const> = {}

-- May be said anew: they change nothing of what is done.
local OWN <const> = {
    ["--resume"] = true, ["--yes"] = true, ["--json"] = true, ["--quiet"] = true, ["--concurrency"] = true,
}

local function find(id)
    local record, problem = require("trunkhost.ledger").run(id)
    if not record then
        options.fail("--resume %s: %s", id, problem or "there is no such run in the ledger " .. core.run().ledger)
    end
    return record
end

--- The run that began it all, and every one that went on with it.
local function chain_of(record)
    local chain = { record }
    while record.resumed_from do
        record = find(record.resumed_from)
        chain[#chain + 1] = record
    end
    return chain, record
end

local function without(pieces, others)
    local said = { ["--plan-out"] = true }
    for _, piece in ipairs(others) do
        said[piece.name] = true
    end
    return arguments.choose(pieces, said, false)
end

--- The words that a script is to be run with: those of the run that is named with --resume, and what may be said
--- anew. Nil where nothing is to be resumed.
---@param parser table
---@param words string[]
---@return string[]? words, string[]? runs  ids of the runs that are gone on with, the latest first
function resume.words(parser, words)
    local own = arguments.split(parser, words)
    local named = arguments.choose(own, { ["--resume"] = true }, true)[1]
    if not named or not named.values[1] then
        return nil
    end
    local id, foreign = named.values[1], arguments.choose(own, OWN, false)[1]
    if foreign then
        options.fail("--resume repeats the arguments of run %s; only -y, --json, -q and -j may be added, not '%s'", id,
            foreign.words[1])
    end
    local chain, first = chain_of(find(id))
    if first.script_hash ~= core.run().script_hash then
        options.fail("--resume %s: that run was made by another script (%s), or this one was changed since; run it \z
            without --resume: what is unsettled comes first all the same", id, first.script)
    end
    local runs = {}
    for i, record in ipairs(chain) do
        runs[i] = record.id
    end
    local given = type(first.arguments) == "string" and json.decode(first.arguments) or first.arguments
    local pieces = without(arguments.split(parser, given), own)
    table.move(own, 1, #own, #pieces + 1, pieces)
    return arguments.join(pieces), runs
end

--- Marks what the runs are known to have done, and what they had begun.
---@param runs string[]
---@param entries trunkhost.Entry[]
function resume.mark(runs, entries)
    local ledger, by_name = require "trunkhost.ledger", {}
    for _, run in ipairs(runs) do
        for _, item in ipairs(ledger.items_of(run)) do
            local name = item.account .. "\0" .. item.trunk
            local known = by_name[name] or {}
            by_name[name] = known
            known.begun = known.begun or item.state ~= "planned" and item.state ~= "skipped"
            known.done_by = known.done_by or item.state == "done" and run or nil
        end
    end
    for _, entry in ipairs(entries) do
        local known = by_name[records.account_name(entry) .. "\0" .. entry.key]
        if known then
            entry.begun, entry.done_by = known.begun, known.done_by
        end
    end
end

return resume
