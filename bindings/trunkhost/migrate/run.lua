--- The source and target of a migration in the ledger: two platforms may use the same id for different trunks.

local json <const> = require "trunkhost.json"
local ledger <const> = require "trunkhost.ledger"

local migrate_run <const> = {}

--- The word after an option.
---@param words string[]
---@param name string
---@return string?
function migrate_run.word_after(words, name)
    for i, word in ipairs(words) do
        if word == name then
            return words[i + 1]
        elseif word:sub(1, #name + 1) == name .. "=" then
            return word:sub(#name + 2)
        end
    end
end

--- The arguments of a run, or of the first run that it resumes.
---@param run table  as ledger.run returns it
---@return string[]
function migrate_run.words(run)
    while run.resumed_from do
        run = ledger.run(run.resumed_from)
    end
    return type(run.arguments) == "string" and json.decode(run.arguments) or run.arguments
end

--- The source and target of a migration; nothing for any other run.
---@param run table
---@return string? from, string? to
function migrate_run.accounts(run)
    local words = migrate_run.words(run)
    local from, to = migrate_run.word_after(words, "--from"), migrate_run.word_after(words, "--to")
    if from and to then
        return from, to
    end
end

return migrate_run
