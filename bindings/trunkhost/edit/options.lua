--- The options of apply_trunks.lua, and the messages about mistakes in its file.

local accounts <const> = require "trunkhost.accounts"
local core <const> = require "trunkhost.core"
local fields <const> = require "trunkhost.neutral.fields"
local reader <const> = require "trunkhost.neutral.read"
local suggest <const> = require "trunkhost.text.suggest"
local usage <const> = require "trunkhost.text.usage"

local apply_options <const> = {}

-- The most mistakes that are shown at once.
local MOST_MISTAKES <const> = 100

--- Names of fields, separated by commas, after an option.
local function names_after(option)
    local known = {}
    for _, field in ipairs(fields.list) do
        known[field.name] = true
    end
    return function(text)
        local list = {}
        for word in text:gmatch "[^,%s]+" do
            if not fields.get(word) and word ~= "extras" then
                return nil, ("%s: there is no field '%s'%s"):format(option, word, suggest.hint(word, known))
            end
            list[#list + 1] = word
        end
        return list
    end
end

--- Adds them to a parser.
---@param parser table
function apply_options.add(parser)
    for _, option in ipairs(parser._options) do
        if option._aliases[1] == "--account" then
            option:description "Only rows of this account; repeat for more. Default: all accounts in the file."
        end
    end
    parser:argument "file" :argname "FILE"
        :description "The edited file of export_trunks.lua: JSON lines or CSV."
    local function named(option)
        return parser:option(option) :argname "FIELD,..." :count "*" :init {} :convert(names_after(option))
            :action "concat"
    end
    parser:group("Permissions",
        named "--grant" :description "Allow dangerous changes of these fields: emptying a list, widening an allow \z
            list, switching authentication off, removing a user name, or a value that looks damaged by a spreadsheet.",
        named "--force-conflicts" :description "Let the file win in these fields, although they were changed on the \z
            platform since the export.",
        named "--allow-loss" :description "Apply these fields although the platform cannot store them exactly.",
        parser:flag "--all-or-nothing" :description "Change nothing while any chosen row is blocked.")
end

local function set_of(list)
    local set = {}
    for _, name in ipairs(list) do
        set[name] = true
    end
    return set
end

local function provider_of()
    local known = {}
    return function(name)
        if not known[name] then
            local ok, account = pcall(accounts.account, name)
            if not ok and not core.is_error(account) then
                error(account, 0)
            end
            known[name] = ok and { name = account:describe().name } or { problem = account.message }
        end
        return known[name]
    end
end

local function complain(path, mistakes)
    for i, mistake in ipairs(mistakes) do
        if i > MOST_MISTAKES then
            core.write("err", ("… and %d more\n"):format(#mistakes - MOST_MISTAKES))
            break
        end
        core.write("err", ("%s:%d: %s\n"):format(path, mistake.line, mistake.text))
    end
    usage.fail("%s has %d %s, so nothing was sent", path, #mistakes, #mistakes == 1 and "mistake" or "mistakes")
end

--- The chosen accounts: those of the file, or those of --account.
local function accounts_of(chosen, rows)
    local names, seen = {}, {}
    for _, row in ipairs(rows) do
        if not seen[row.account] then
            seen[row.account], names[#names + 1] = true, row.account
        end
    end
    if #chosen.account == 0 or set_of(chosen.account).all then
        return names
    end
    for _, name in ipairs(chosen.account) do
        if not seen[name] then
            usage.fail("--account %s: %s has no rows for it%s", name, chosen.file, suggest.hint(name, names))
        end
    end
    return chosen.account
end

--- Reads the file before any request. A mistake in it ends the run.
---@param chosen table
---@return table chosen
function apply_options.check(chosen)
    if chosen.undoes then
        chosen.rows = {} -- the ledger knows what was changed; the file may say something else by now
        return chosen
    end
    local only = #chosen.account == 1 and chosen.account[1] ~= "all" and chosen.account[1] or nil
    local known = accounts.names()
    local ok, rows, mistakes = pcall(reader.read, chosen.file, only or #known == 1 and known[1] or nil, provider_of())
    if not ok and core.is_error(rows) then
        usage.fail("%s", rows.message)
    elseif not ok then
        error(rows, 0)
    elseif #mistakes > 0 then
        complain(chosen.file, mistakes)
    elseif #rows == 0 then
        usage.fail("%s contains no trunks", chosen.file)
    end
    chosen.rows, chosen.account = rows, accounts_of(chosen, rows)
    chosen.grant, chosen.force_conflicts = set_of(chosen.grant), set_of(chosen.force_conflicts)
    return chosen
end

return apply_options
