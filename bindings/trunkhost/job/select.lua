--- Which trunks a run works on: the accounts that were named, their items, and the filters over them.

local accounts <const> = require "trunkhost.accounts"
local config <const> = require "trunkhost.account.config"
local core <const> = require "trunkhost.core"
local job_items <const> = require "trunkhost.job.items"
local match <const> = require "trunkhost.job.match"
local one_account <const> = require "trunkhost.account.one_account"
local options <const> = require "trunkhost.options"

local select_items <const> = {}

--- The accounts that the options name, opened: a missing token, a wrong name, or two names of one account end the run
--- before anything is sent.
---@param chosen trunkhost.Options
---@return trunkhost.Account[] list, { account: trunkhost.Account, error: table }[] failures  of token commands
function select_items.accounts(chosen)
    local names, seen, list = chosen.account or {}, {}, {}
    local known = accounts.names()
    if #names == 0 then
        if #known == 0 then
            options.fail("there is no account: %s; or try it on the sandbox: trunkhost --sandbox ...", config.beside()
                or "write a configuration or set a platform's token variable (see docs/getting-started.md)")
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
                list[#list + 1] = each
            end
        end
    end
    local opened, failures = accounts.open_all(list)
    local twins = one_account.find(opened)
    if twins then
        options.fail("%s", twins)
    end
    return opened, failures
end

-- ---------------------------------------------------------------------------------------------------
-- Gathering

--- An error that is not the script's, and not that the run was stopped.
local function is_failure(err)
    return core.is_error(err) and not (err.kind == "cancelled" and core.stopping())
end

--- Calls items(account) for every account at the same time. An account that cannot be listed does not stop the
--- others.
---@param opened trunkhost.Account[]
---@param items fun(account: trunkhost.Account): table[]|fun(): table?
---@return table<trunkhost.Account, table[]> lists, { account: trunkhost.Account, error: table }[] failures
function select_items.gather(opened, items)
    local tasks, lists, failures = {}, {}, {}
    for i, account in ipairs(opened) do
        tasks[i] = core.spawn(job_items.collect, items, account)
    end
    for i, account in ipairs(opened) do
        local ok, result = pcall(tasks[i].await, tasks[i])
        if ok then
            lists[account] = result
        elseif is_failure(result) then
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

--- The ids of --only and the rows of --only-from: id → what names it.
local function wanted_of(chosen)
    local wanted, any = {}, false
    local function add(id, each)
        id = match.id(id)
        wanted[id], any = wanted[id] or {}, true
        table.insert(wanted[id], each)
    end
    for _, id in ipairs(chosen.only or {}) do
        add(id, { trunk = id })
    end
    for _, each in ipairs(chosen.only_from or {}) do
        add(each.trunk, { trunk = each.trunk, account = each.account, path = each.path, line = each.line })
    end
    return any and wanted or nil
end

--- Whether an item is named. Nil: nothing is, so that every one is meant.
local function is_named(wanted, account, id)
    local so = wanted == nil
    for _, each in ipairs(wanted and wanted[match.id(id)] or {}) do
        if not each.account or each.account == account then
            each.found, so = true, true
        end
    end
    return so
end

local function check_ids(wanted, failures)
    if #failures > 0 then
        return -- an account that could not be listed may have them
    end
    local missing, rows = {}, {}
    for _, list in pairs(wanted or {}) do
        for _, each in ipairs(list) do
            if not each.found then
                table.insert(each.path and rows or missing, each)
            end
        end
    end
    table.sort(missing, function(a, b) return a.trunk < b.trunk end)
    table.sort(rows, function(a, b) return a.path == b.path and a.line < b.line or a.path < b.path end)
    for i, each in ipairs(missing) do
        missing[i] = each.trunk
    end
    if #missing > 0 then
        options.fail("--only: no chosen account has a trunk %s", table.concat(missing, ", "))
    elseif #rows > 0 then
        local first = rows[1]
        options.fail("--only-from %s, line %d: %s trunk %s%s", first.path, first.line,
            first.account and "the account " .. first.account .. " has no" or "no chosen account has a", first.trunk,
            #rows > 1 and ("; %d more are missing, too"):format(#rows - 1) or "")
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
---@field over boolean?         its end was told
---@field evidence string?
---@field attempts integer?
---@field error table?
---@field reason string?        why it is skipped
---@field left_by string?       the run that has left it unsettled
---@field begun boolean?        by a run that is gone on with
---@field done_by string?       that one, if it is known to have done it
---@field listed boolean?       its trunk is as the platform has listed it
---@field given_plan trunkhost.Plan?  takes the place of what `plan` would say
---@field undoes integer?       the row of the item in the ledger that it takes back
---@field before string?        fields as they were just before the change, as JSON
---@field after string?         and as they were read back
---@field row integer?          its number in the ledger

local function entry_of(source, account, item, place)
    local trunk = job_items.trunk_of(source, item)
    local owner = job_items.account_of(source, item, account)
    local label = trunk[owner:describe().label or "label"]
    return {
        item = item, account = owner, trunk = trunk, listed = not source.items and not source.trunk,
        key = job_items.key_of(source, item, trunk, place),
        label = type(label) == "string" and label or "",
    }
end

--- The accounts that a job works on, as far as that is known before its items are.
---@param chosen trunkhost.Options
---@param source trunkhost.Source
---@return trunkhost.Account[] list, { account: trunkhost.Account, error: table }[] failures  of token commands
function select_items.accounts_for(chosen, source)
    if not job_items.are_by_account(source.items) and #(chosen.account or {}) == 0 then
        return {}, {}
    end
    return select_items.accounts(chosen)
end

--- The lists to go through, in order: { account?, items, own: the script's }.
local function lists_of(opened, items)
    if job_items.are_by_account(items) then
        local by_account, failures = select_items.gather(opened, items or job_items.trunks)
        local lists = {}
        for i, account in ipairs(opened) do
            lists[i] = { account = account, items = by_account[account] }
        end
        return lists, failures
    end
    local only = #opened == 1 and opened[1] or nil
    local task = core.spawn(job_items.collect, items)
    local ok, result = pcall(task.await, task)
    if ok then
        return { { account = only, items = result } }, {}
    elseif not is_failure(result) then
        task:await()
    end
    return {}, { { account = only or job_items.no_account, error = result } }
end

--- A trunk that two of the accounts have ends the run before anything is changed.
local function check_place(places, source, entry)
    local is_trunk = entry.listed or source.trunk or type(entry.item) == "table" and entry.item.trunk
    if is_trunk and entry.account ~= job_items.no_account and entry.trunk.id ~= nil then
        local twins = places:note(entry.account, entry.trunk)
        if twins then
            options.fail("%s", twins)
        end
    end
end

local function names_of(opened)
    local names = {}
    for _, account in ipairs(opened) do
        names[account:name()] = true
    end
    return names
end

--- Nothing is chosen: a person hears why, and with --fail-if-none so does cron.
local function none_chosen(chosen, source, rules, lists)
    local function trunks()
        for _, list in ipairs(lists) do
            for place, item in ipairs(list.items) do
                local entry <const> = entry_of(source, list.account, item, place)
                coroutine.yield(entry.account, entry.trunk)
            end
        end
    end
    if #rules > 0 then
        core.log("warn", match.explain(rules, coroutine.wrap(trunks)))
    end
    if chosen.fail_if_none then
        core.set_exit_status(1)
    end
end

--- The items that the options choose, in the order of accounts and of their lists; each trunk once.
---@param chosen trunkhost.Options
---@param source? trunkhost.Source
---@param opened? trunkhost.Account[]  the accounts of these options
---@param closed? { account: trunkhost.Account, error: table }[]  those that could not be opened
---@return trunkhost.Entry[] entries, { account: trunkhost.Account, error: table }[] failures
function select_items.entries(chosen, source, opened, closed)
    source = source or {}
    if not opened then
        opened, closed = select_items.accounts_for(chosen, source)
    end
    local rules <const>, wanted <const> = match.rules(chosen.match or {}), wanted_of(chosen)
    if #opened > 0 or #(closed or {}) == 0 then
        match.check_fields(opened, rules)
    end
    local lists, failures = lists_of(opened, source.items)
    table.move(closed or {}, 1, closed and #closed or 0, #failures + 1, failures)
    local entries, seen, among, places = {}, {}, names_of(opened), one_account.watch(opened)
    for _, list in ipairs(lists) do
        for place, item in ipairs(list.items) do
            local entry = entry_of(source, list.account, item, place)
            local owner = entry.account:name()
            local name = owner .. "\0" .. entry.key
            check_place(places, source, entry)
            if seen[name] and (source.items or source.key) then
                job_items.complain_of_twins(entry.account, entry.key, seen[name], place)
            end
            local is_chosen = is_named(wanted, owner, entry.key)
            local is_here = owner == "" or #opened == 0 or among[owner]
            if not seen[name] and is_chosen and is_here and match.admits(entry.account, entry.trunk, rules) then
                entries[#entries + 1] = entry
            end
            seen[name] = place
        end
    end
    check_ids(wanted, failures)
    if #entries == 0 then
        none_chosen(chosen, source, rules, lists)
    end
    return entries, failures
end

return select_items
