--- Chooses the trunks of a run: the named accounts, their items, and the filters.

local accounts <const> = require "trunkhost.accounts"
local config <const> = require "trunkhost.account.config"
local core <const> = require "trunkhost.core"
local job_items <const> = require "trunkhost.job.items"
local match <const> = require "trunkhost.job.match"
local one_account <const> = require "trunkhost.account.one_account"
local usage <const> = require "trunkhost.text.usage"

local select_items <const> = {}

--- Opens the accounts that the options name. A missing token, a wrong name, or two names of one account end the run
--- before anything is sent.
---@param chosen trunkhost.Options
---@return trunkhost.Account[] list, { account: trunkhost.Account, error: table }[] failures  of token commands
function select_items.accounts(chosen)
    local names, seen, list = chosen.account or {}, {}, {}
    local known = accounts.names()
    if #names == 0 then
        if #known == 0 then
            usage.fail("there is no account: %s; or try the sandbox: trunkhost --sandbox ...", config.beside()
                or "write a configuration or set a platform's token variable (see docs/getting-started.md)")
        elseif #known > 1 then
            usage.fail("there are several accounts: name one with --account NAME, or use --account all: %s",
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
        usage.fail("%s", twins)
    end
    return opened, failures
end

-- ---------------------------------------------------------------------------------------------------
-- Gathering

--- Whether an error is neither a fault of the script nor the stop of the run.
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
            tasks[i]:await() -- a fault of the script, raised with its own traceback
        end
    end
    return lists, failures
end

-- ---------------------------------------------------------------------------------------------------
-- Filters

--- The ids of --only and the rows of --only-from: id → where it was named.
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

--- Whether an item is named. If `wanted` is nil, every item is.
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
        usage.fail("--only: no chosen account has a trunk %s", table.concat(missing, ", "))
    elseif #rows > 0 then
        local first = rows[1]
        usage.fail("--only-from %s, line %d: %s trunk %s%s", first.path, first.line,
            first.account and "the account " .. first.account .. " has no" or "no chosen account has a", first.trunk,
            #rows > 1 and ("; %d more rows match no trunk"):format(#rows - 1) or "")
    end
end

---@class trunkhost.Entry  an item and what the job knows about it
---@field item table
---@field account trunkhost.Account
---@field key string
---@field trunk table
---@field label string
---@field plan trunkhost.Plan?
---@field state string?         "done" | "failed" | "unknown" | "skipped", once it is final
---@field stage string?         how far it is: "begin" | "apply" | "verify" | "deliver"
---@field over boolean?         its result was reported
---@field evidence string?
---@field attempts integer?
---@field error table?
---@field reason string?        why it is skipped
---@field left_by string?       the run since which it is pending
---@field begun boolean?        the resumed run had begun it
---@field done_by string?       the resumed run, if it has done it
---@field listed boolean?       its trunk is as the platform listed it
---@field given_plan trunkhost.Plan?  used instead of what `plan` would return
---@field undoes integer?       the row in the ledger of the item that it undoes
---@field before string?        fields just before the change, as JSON
---@field after string?         fields after it
---@field row integer?          its row in the ledger

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

--- The accounts of a job, as far as they are known before its items are listed.
---@param chosen trunkhost.Options
---@param source trunkhost.Source
---@return trunkhost.Account[] list, { account: trunkhost.Account, error: table }[] failures  of token commands
function select_items.accounts_for(chosen, source)
    if not job_items.are_by_account(source.items) and #(chosen.account or {}) == 0 then
        return {}, {}
    end
    return select_items.accounts(chosen)
end

--- The lists of items, in order: { account =, items = }.
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

--- Ends the run if two of the accounts have the same trunk, before anything is changed.
local function check_place(places, source, entry)
    local is_trunk = entry.listed or source.trunk or type(entry.item) == "table" and entry.item.trunk
    if is_trunk and entry.account ~= job_items.no_account and entry.trunk.id ~= nil then
        local twins = places:note(entry.account, entry.trunk)
        if twins then
            usage.fail("%s", twins)
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

--- No item was chosen: says why, and sets the exit status if --fail-if-none asks for it.
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
---@param closed? { account: trunkhost.Account, error: table }[]  accounts that could not be opened
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
