--- The options of a migration: accounts, allowed losses, and values that the source does not have.

local core <const> = require "trunkhost.core"
local csv <const> = require "trunkhost.csv"
local model <const> = require "trunkhost.mapping.model"
local secret_options <const> = require "trunkhost.job.secret_options"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"
local suggest <const> = require "trunkhost.text.suggest"
local usage <const> = require "trunkhost.text.usage"

local migrate_options <const> = {}

local SECRETS <const> = { ["inbound.secret"] = "inbound", ["outbound.secret"] = "outbound" }

local function known_names()
    local names = { ["inbound.secret"] = true, ["outbound.secret"] = true }
    for _, field in ipairs(model.fields) do
        names[field.name] = true
    end
    return names
end

local function words(text)
    local list = {}
    for word in text:gmatch "[^,%s]+" do
        if not known_names()[word] and not word:find "^extras" then
            return nil, ("--allow-loss: there is no field '%s'%s"):format(word, suggest.hint(word, known_names()))
        end
        list[#list + 1] = word
    end
    return list
end

local function given(text)
    local name, value = text:match "^([%w_.]+)=(.*)$"
    if not name then
        return nil, ("--set %s: write FIELD=VALUE, as in country=DE"):format(text)
    elseif SECRETS[name] then
        return nil, ("--set %s: a password does not belong on a command line, where others can read it; give it in "
            .. "the column %s of --supply FILE.csv, with --secrets file"):format(name, name)
    elseif not model.field(name) then
        return nil, ("--set: there is no field '%s'%s"):format(name, suggest.hint(name, known_names()))
    end
    local parsed, problem = model.parse(name, value)
    if parsed == nil then
        return nil, ("--set %s: %s %s"):format(text, name, problem)
    end
    return { name = name, value = value }
end

local function one_of(name, ...)
    local choices <const> = { ... }
    return function(text)
        for _, choice in ipairs(choices) do
            if choice == text then
                return text
            end
        end
        return nil, ("%s %s: write %s"):format(name, text, table.concat(choices, ", "))
    end
end

--- Adds them to a parser. A migration names its accounts with --from and --to, so --account is hidden.
---@param parser table
function migrate_options.add(parser)
    for _, option in ipairs(parser._options) do
        if option._aliases[1] == "--account" then
            option:hidden(true)
        end
    end
    parser:group("Source and target",
        parser:option "--from" :argname "ACCOUNT" :description "Source: the account to read trunks from.",
        parser:option "--to" :argname "ACCOUNT" :description "Target: the account to create them in.",
        parser:option "--retire" :argname "HOW" :convert(one_of("--retire", "keep", "deactivate", "delete"))
            :default "keep" :show_default(false)
            :description "What to do with a source trunk when its copy is complete and verified: keep, \z
                deactivate or delete. Default: keep.",
        parser:option "--mapping-out" :argname "FILE"
            :description "Write a CSV file: old id, new id, and what the carrier must change.",
        parser:option "--undo" :argname "RUN"
            :description "Undo this run: delete what it created, newest first; keep what has changed since.")
    local command, batch, timeout = secret_options.add_delivery(parser)
    parser:group("Missing values and losses",
        parser:option "--set" :argname "FIELD=VALUE" :count "*" :init {} :convert(given) :action "append"
            :description "Set this field on every trunk, as in country=DE. docs/mapping.md lists the fields.",
        parser:flag "--same-agents"
            :description "Keep the agents of numbers: both accounts are one account at the platform, so they have \z
                the same agents.",
        parser:option "--supply" :argname "FILE.csv"
            :description "Values for each trunk: a column trunk, and one column per field.",
        parser:option "--secrets" :argname "HOW" :convert(one_of("--secrets", "generate", "ledger", "file"))
            :description "Passwords of the new trunks: generate new ones, copy the source's from the ledger, or read \z
                them from a file: the columns inbound.secret and outbound.secret of --supply.",
        command, batch, timeout,
        parser:option "--allow-loss" :argname "FIELD,..." :count "*" :init {} :convert(words) :action "concat"
            :description "Migrate trunks although these fields are lost.",
        parser:flag "--all-or-nothing"
            :description "Create nothing while any chosen trunk is blocked.")
end

-- ---------------------------------------------------------------------------------------------------
-- The file of --supply

local function check_columns(path, header)
    local has_trunk, has_secrets = false, false
    for _, name in ipairs(header) do
        has_trunk, has_secrets = has_trunk or name == "trunk", has_secrets or SECRETS[name] ~= nil
        if name ~= "" and name ~= "trunk" and not model.field(name) and not SECRETS[name] then
            usage.fail("--supply %s: there is no field '%s'%s", path, name, suggest.hint(name, known_names()))
        end
    end
    if not has_trunk then
        usage.fail("--supply %s: the column trunk is missing; the first line must name the columns", path)
    elseif has_secrets then
        core.read_private(path, "file of --supply") -- must be the owner's alone
    end
end

local function secret_of(path, line, name, cell)
    local text, problem = spreadsheet.password(cell)
    if problem then
        usage.fail("--supply %s:%d: %s: the password %s", path, line, name, problem)
    end
    return core.secret { from = text }
end

--- The values of a line. An empty cell gives no value.
local function read_row(path, cells, line)
    local row = { set = {}, secrets = {}, trunk = spreadsheet.word(cells.trunk) }
    cells.trunk = nil
    local why = core.mangled(row.trunk)
    if row.trunk == "" then
        usage.fail("--supply %s:%d: the column trunk is empty", path, line)
    elseif why then
        usage.fail("--supply %s:%d: trunk '%s' %s; format the column as text and enter the id again", path, line,
            row.trunk, why)
    end
    for name, cell in pairs(cells) do
        if SECRETS[name] and cell ~= "" then
            row.secrets[SECRETS[name]] = secret_of(path, line, name, cell)
        elseif not SECRETS[name] and cell ~= "" then
            local value, guarded = spreadsheet.bare(cell)
            local parsed, problem = model.parse(name, value)
            problem = parsed == nil and problem
                or not guarded and type(parsed) ~= "boolean" and spreadsheet.fault(value)
            if problem then
                usage.fail("--supply %s:%d: %s %s", path, line, name, problem)
            end
            row.set[name] = value
        end
    end
    return row
end

local function read_file(path)
    local known = known_names()
    known.trunk = true
    local reader, rows = csv.open(path, { known = known, private = true }), {}
    check_columns(path, reader.header)
    for cells, line in function() return reader:row() end do
        local row = read_row(path, cells, line)
        if rows[row.trunk] then
            usage.fail("--supply %s:%d: trunk %s appears twice", path, line, row.trunk)
        end
        rows[row.trunk] = row
    end
    return rows
end

---@param path string
---@return table<string, { set: table, secrets: table }> rows  by the source's id
function migrate_options.supply(path)
    local ok, rows = pcall(read_file, path)
    if not ok and core.is_error(rows) then
        usage.fail("--supply %s", rows.message)
    elseif not ok then
        error(rows, 0)
    end
    return rows
end

--- Refuses options that contradict each other, before any request.
---@param chosen table
---@return table chosen
function migrate_options.check(chosen)
    if #chosen.account > 0 then
        usage.fail "--account: a migration names its accounts with --from and --to"
    elseif chosen.undo and (chosen.from or chosen.to) then
        usage.fail "--undo: leave out --from and --to; the run knows its accounts"
    elseif chosen.undo then
        return chosen
    elseif not (chosen.from and chosen.to) then
        usage.fail "which accounts? Name them with --from ACCOUNT and --to ACCOUNT"
    elseif chosen.from and chosen.from == chosen.to then
        usage.fail("--to %s: source and target are the same account", chosen.to)
    elseif chosen.secrets == "file" and not chosen.supply then
        usage.fail "--secrets file needs --supply FILE.csv, the file with the passwords"
    end
    secret_options.check(chosen)
    if chosen.deliver_batch and chosen.retire ~= "keep" then
        usage.fail("--deliver-batch: whether the passwords were delivered is known only at the end of the run, too \z
            late for --retire %s. Run without --retire first, then again with it", chosen.retire)
    end
    chosen.given = {}
    for _, pair in ipairs(chosen.set) do
        chosen.given[pair.name] = pair.value
    end
    chosen.rows = chosen.supply and migrate_options.supply(chosen.supply) or {}
    for id, row in pairs(chosen.secrets ~= "file" and chosen.rows or {}) do
        if next(row.secrets) then
            usage.fail("--supply %s has a password for trunk %s: add --secrets file to set it, or remove the \z
                column", chosen.supply, id)
        end
    end
    chosen.account = { chosen.from }
    return chosen
end

return migrate_options
