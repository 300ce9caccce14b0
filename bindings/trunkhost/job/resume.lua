--- --resume and --undo: repeats the arguments of an earlier run. --resume leaves out what that run has done; --undo
--- works on nothing else.

local arguments <const> = require "trunkhost.text.arguments"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local records <const> = require "trunkhost.job.records"
local usage <const> = require "trunkhost.text.usage"

local resume <const> = {}

-- May be given again with --resume: they do not change what is done.
local OWN <const> = {
    ["--resume"] = true, ["--yes"] = true, ["--json"] = true, ["--quiet"] = true, ["--concurrency"] = true,
    ["--deadline"] = true, ["--window"] = true,
}

-- Giving one of these replaces both.
local TIMES <const> = { ["--deadline"] = true, ["--window"] = true }

-- With --undo these choose among the changes of the run. The run's own are left out: it may have changed the very
-- fields that they match.
local CHOICE <const> = { ["--account"] = true, ["--only"] = true, ["--only-from"] = true,
    ["--match"] = true }

-- Concern new passwords, which --undo does not set.
local DELIVERY <const> = {
    ["--deliver"] = true, ["--deliver-batch"] = true, ["--deliver-timeout"] = true, ["--rotate-undelivered"] = true,
    ["--restore-on-failure"] = true,
}

local function find(option, id)
    local record, problem = require("trunkhost.ledger").run(id)
    if not record then
        usage.fail("%s %s: %s", option, id, problem or "there is no such run in the ledger " .. core.run().ledger)
    end
    return record
end

--- The run and those that it resumes, latest first; and the first run.
local function chain_of(option, record)
    local chain = { record }
    while record.resumed_from do
        record = find(option, record.resumed_from)
        chain[#chain + 1] = record
    end
    return chain, record
end

local function given_to(parser, record)
    local words = type(record.arguments) == "string" and json.decode(record.arguments) or record.arguments
    return arguments.split(parser, words)
end

local function without(pieces, others)
    local said = { ["--plan-out"] = true }
    for _, piece in ipairs(others) do
        said[piece.name] = true
        if TIMES[piece.name] then
            for name in pairs(TIMES) do said[name] = true end
        end
    end
    return arguments.choose(pieces, said, false)
end

-- ---------------------------------------------------------------------------------------------------
-- Undo

--- Whether an argument only repeats one of the run: people type its command line again, with --undo at the end.
local function is_repeated(piece, pieces)
    for _, other in ipairs(pieces) do
        if other.name == piece.name and table.concat(other.values, "\0") == table.concat(piece.values, "\0") then
            return true
        end
    end
    return false
end

--- Refuses another script. A changed one is allowed: a fault in it may have been fixed.
local function check_script(id, first)
    local this = core.run()
    if first.script_hash == this.script_hash then
        return
    elseif first.script ~= this.script or this.script == "-e" then
        usage.fail("--undo %s: that run was made by another script (%s)", id, first.script)
    end
    core.log("warn", ("the script has changed since run %s: check the plan carefully"):format(first.id))
end

--- The run that a run undoes, if it undoes one or resumes such a run; else the run itself.
local function undone_by(record)
    local _, first = chain_of("--undo", record)
    while first.undoes do
        record = find("--undo", first.undoes)
        _, first = chain_of("--undo", record)
    end
    return record, first
end

--- The arguments of a run that undoes another one: those that say what that run did. `own` are the ones typed now.
local function undo_words(parser, own, id)
    local record, first = undone_by(find("--undo", id))
    check_script(id, first)
    if record.life == "alive" then
        usage.fail("--undo %s: that run is still running (process %s): stop it, or wait until it ends", id,
            tostring(record.pid))
    end
    local theirs, added = given_to(parser, first), {}
    for _, piece in ipairs(own) do
        if arguments.how[piece.name] or CHOICE[piece.name] then
            added[#added + 1] = piece
        elseif piece.name ~= "--undo" and not is_repeated(piece, theirs) then
            usage.fail("--undo repeats the arguments of run %s; you can add --account, --only, --match and options \z
                of pace and output, not '%s'", record.id, piece.words[1])
        end
    end
    local kept = {}
    for _, piece in ipairs(without(theirs, added)) do
        local name = piece.name
        if not arguments.how[name] and not DELIVERY[name] and (name == "--account" or not CHOICE[name]) then
            kept[#kept + 1] = piece
        end
    end
    table.move(added, 1, #added, #kept + 1, kept)
    kept[#kept + 1] = { name = "--undo", values = { record.id }, words = { "--undo", record.id } }
    return arguments.join(kept), record.id
end

-- ---------------------------------------------------------------------------------------------------
-- Resume

local function resume_words(parser, own, id)
    local foreign = arguments.choose(own, OWN, false)[1]
    if foreign then
        usage.fail("--resume repeats the arguments of run %s; you can add only -y, --json, -q, -j, --deadline and \z
            --window, not '%s'", id, foreign.words[1])
    end
    local chain, first = chain_of("--resume", find("--resume", id))
    if first.script_hash ~= core.run().script_hash then
        usage.fail("--resume %s: that run was made by another script (%s), or this script has changed since; run it \z
            without --resume: pending trunks come first then, too", id, first.script)
    end
    local runs = {}
    for i, record in ipairs(chain) do
        runs[i] = record.id
    end
    local pieces = without(given_to(parser, first), own)
    if first.undoes then
        local added = arguments.choose(own, { ["--resume"] = true }, false)
        table.move(added, 1, #added, #pieces + 1, pieces)
        local words, undoes = undo_words(parser, pieces, first.undoes)
        return words, runs, undoes
    end
    table.move(own, 1, #own, #pieces + 1, pieces)
    return arguments.join(pieces), runs
end

--- The arguments to run a script with: those of the run that --resume or --undo names, and what was added. Nil
--- without these options.
---@param parser table
---@param words string[]
---@return string[]? words, string[]? runs, string? undoes  runs: ids of the resumed runs, latest first
function resume.words(parser, words)
    local own = arguments.split(parser, words)
    local function named(name)
        local all = arguments.choose(own, { [name] = true }, true)
        if #all > 1 then
            usage.fail("%s is given %d times: name one run", name, #all)
        elseif all[1] and not all[1].values[1] then
            usage.fail("%s needs a run: its id, the start of the id, or last; see: trunkhost runs", name)
        end
        return all[1] and all[1].values[1]
    end
    local is_standard = arguments.option(parser, "--undo") == parser.standard_undo
    local resumed, undone = named "--resume", is_standard and named "--undo"
    if arguments.choose(own, { ["--help"] = true }, true)[1] then
        return nil
    elseif resumed and undone then
        usage.fail "--undo and --resume exclude each other. To resume a run that was itself an --undo, use --resume \z
            alone"
    elseif resumed then
        return resume_words(parser, own, resumed)
    elseif undone then
        local again, undoes = undo_words(parser, own, undone)
        return again, nil, undoes
    end
end

--- Marks the entries that the runs have done, and those that they had begun.
---@param runs string[]
---@param entries trunkhost.Entry[]
function resume.mark(runs, entries)
    local ledger, by_name = require "trunkhost.ledger", {}
    for _, run in ipairs(runs) do
        for _, item in ipairs(ledger.items { run = run }) do
            local name = item.account .. "\0" .. item.trunk
            local known = by_name[name] or {}
            by_name[name] = known
            -- An item whose plan failed has no plan on record.
            known.begun = known.begun or item.plan and item.state ~= "planned" and item.state ~= "skipped"
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
