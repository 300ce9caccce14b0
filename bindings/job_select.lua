--- Which trunks a run works on: the accounts that were named, their items, and the filters over them.

local accounts <const> = require "trunkhost.accounts"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local options <const> = require "trunkhost.options"
local suggest <const> = require "trunkhost.suggest"

local select_items <const> = {}

---@class trunkhost.Item  one trunk of one account; a job may use items of its own form
---@field account trunkhost.Account
---@field trunk table

--- The accounts that the options name, opened: a missing token or a wrong name ends the run before anything is
--- sent.
---@param chosen trunkhost.Options
---@return trunkhost.Account[]
function select_items.accounts(chosen)
    local names, seen, list = chosen.account or {}, {}, {}
    local known = accounts.names()
    if #names == 0 then
        if #known == 0 then
            options.fail "there is no account: write a configuration or set a platform's token variable (see \z
                docs/getting-started.md), or try it on the sandbox: trunkhost --sandbox ..."
        elseif #known > 1 then
            options.fail("which account? Name one with --account NAME, or all; there are: %s",
                table.concat(known, ", "))
        end
        names = known
    end
    for _, name in ipairs(names) do
        for _, each in ipairs(name == "all" and known or { name }) do
            if not seen[each] then
                seen[each] = true
                list[#list + 1] = accounts.account(each)
            end
        end
    end
    return list
end

-- ---------------------------------------------------------------------------------------------------
-- Gathering

local function collect(account, items)
    local list, found = {}, items(account)
    if type(found) == "function" then
        for item in found do
            list[#list + 1] = item
        end
        return list
    end
    return found
end

--- Calls items(account) for every account at the same time. An account that cannot be listed does not stop the
--- others.
---@param opened trunkhost.Account[]
---@param items fun(account: trunkhost.Account): table[]|fun(): table?
---@return table<trunkhost.Account, table[]> lists, { account: trunkhost.Account, error: table }[] failures
function select_items.gather(opened, items)
    local tasks, lists, failures = {}, {}, {}
    for i, account in ipairs(opened) do
        tasks[i] = core.spawn(collect, account, items)
    end
    for i, account in ipairs(opened) do
        local ok, result = pcall(tasks[i].await, tasks[i])
        if ok then
            lists[account] = result
        elseif core.is_error(result) and not (result.kind == "cancelled" and core.stopping()) then
            lists[account] = {}
            failures[#failures + 1] = { account = account, error = result }
        else
            tasks[i]:await() -- a fault of the script: raised with its own traceback
        end
    end
    return lists, failures
end

-- ---------------------------------------------------------------------------------------------------
-- Filters

local function glob_pattern(glob)
    local parts = {}
    for char in glob:gmatch(utf8.charpattern) do
        if char == "*" then
            parts[#parts + 1] = ".*"
        elseif char == "?" then
            parts[#parts + 1] = utf8.charpattern
        else
            parts[#parts + 1] = (char:gsub("%p", "%%%0"))
        end
    end
    return "^" .. table.concat(parts) .. "$"
end

--- Whether a text matches a glob, in which * is any text and ? one character.
---@param text string
---@param glob string
---@return boolean
function select_items.glob(text, glob)
    return text:find(glob_pattern(glob)) ~= nil
end

local function matches(value, pattern)
    if type(value) == "table" then
        for _, item in ipairs(value) do
            if type(item) ~= "table" and matches(item, pattern) then
                return true
            end
        end
        return false
    end
    local text = (value == nil or value == json.null) and "" or tostring(value)
    return text:find(pattern) ~= nil
end

local function listed_fields(description)
    local names = { id = true }
    for name, field in pairs(description.objects.trunk.fields) do
        names[name] = field.read == true or nil
    end
    return names
end

--- The name of the field that --match means at this platform, nil when it lists no such field.
local function resolve(description, name)
    if listed_fields(description)[name] then
        return name
    end
    return name == "label" and description.label or nil
end

--- A typing mistake in --match would silently choose nothing.
local function check_fields(opened, rules)
    for _, rule in ipairs(rules) do
        local known, found = { label = true }, false
        for _, account in ipairs(opened) do
            local description = account:describe()
            found = found or resolve(description, rule.field) ~= nil
            for name in pairs(listed_fields(description)) do
                known[name] = true
            end
        end
        if not found then
            options.fail("--match %s: %s has no such field in its list of trunks%s", rule.field,
                #opened == 1 and opened[1]:name() or "no chosen account", suggest.hint(rule.field, known))
        end
    end
end

local function check_ids(only, found, failures)
    local missing = {}
    for _, id in ipairs(only) do
        if not found[id] then
            missing[#missing + 1] = id
        end
    end
    -- An account that could not be listed may have them.
    if #missing > 0 and #failures == 0 then
        options.fail("--only: no chosen account has a trunk %s", table.concat(missing, ", "))
    end
end

local function admits(account, trunk, rules)
    for _, rule in ipairs(rules) do
        local field = resolve(account:describe(), rule.field)
        if not field or not matches(trunk[field], rule.pattern) then
            return false
        end
    end
    return true
end

---@class trunkhost.Source  how a job names its items; each has a default that fits trunks
---@field items? fun(account: trunkhost.Account): table[]|fun(): table?
---@field key? fun(item: table): string
---@field account? fun(item: table): trunkhost.Account
---@field trunk? fun(item: table): table  the fields that --match looks at

--- All trunks of an account.
---@param account trunkhost.Account
---@return fun(): trunkhost.Item?
function select_items.trunks(account)
    local next_trunk = account:trunks()
    return function()
        local trunk = next_trunk()
        return trunk and { account = account, trunk = trunk }
    end
end

---@class trunkhost.Entry  an item with what the job knows of it
---@field item table
---@field account trunkhost.Account
---@field key string
---@field trunk table
---@field label string
---@field plan trunkhost.Plan?
---@field state string?         "done" | "failed" | "unknown" | "skipped", once that is certain
---@field stage string?         how far it has come: "begin" | "apply" | "verify" | "deliver"
---@field evidence string?
---@field attempts integer?
---@field error table?
---@field reason string?        why it is skipped
---@field left_by string?       the run that has left it unsettled
---@field begun boolean?        by a run that is gone on with
---@field done_by string?       that one, if it is known to have done it
---@field row integer?          its number in the ledger

local function entry_of(source, account, item)
    local trunk = source.trunk and source.trunk(item) or item.trunk or item
    local owner = source.account and source.account(item) or account
    local label = trunk[owner:describe().label or ""]
    return {
        item = item, account = owner, trunk = trunk,
        key = source.key and source.key(item) or tostring(trunk.id),
        label = type(label) == "string" and label or "",
    }
end

--- The items that the options choose, in the order of accounts and of their lists; each trunk once.
---@param chosen trunkhost.Options
---@param source? trunkhost.Source
---@param opened? trunkhost.Account[]  the accounts of these options
---@return trunkhost.Entry[] entries, { account: trunkhost.Account, error: table }[] failures
function select_items.entries(chosen, source, opened)
    source, opened = source or {}, opened or select_items.accounts(chosen)
    local rules, only, wanted, found = {}, chosen.only or {}, {}, {}
    for i, rule in ipairs(chosen.match or {}) do
        rules[i] = { field = rule.field, pattern = glob_pattern(rule.glob) }
    end
    check_fields(opened, rules)
    for _, id in ipairs(only) do
        wanted[id] = true
    end
    local lists, failures = select_items.gather(opened, source.items or select_items.trunks)
    local entries, seen = {}, {}
    for _, account in ipairs(opened) do
        for _, item in ipairs(lists[account]) do
            local entry = entry_of(source, account, item)
            local name = entry.account:name() .. "\0" .. entry.key
            found[entry.key] = true
            if not seen[name] and (#only == 0 or wanted[entry.key]) and admits(entry.account, entry.trunk, rules) then
                seen[name] = true
                entries[#entries + 1] = entry
            end
        end
    end
    check_ids(only, found, failures)
    return entries, failures
end

return select_items
