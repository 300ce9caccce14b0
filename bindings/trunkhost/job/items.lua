--- The items of a job: the trunks of its accounts, or the script's own items, which need no account.

local accounts <const> = require "trunkhost.accounts"
local json <const> = require "trunkhost.json"

local job_items <const> = {}

local NOWHERE <const> = { objects = { trunk = { fields = {} } }, evidence = {} }

--- Stands for the account of an item that has none.
---@type trunkhost.Account
job_items.no_account = {
    name = function() return "" end,
    describe = function() return NOWHERE end,
    impact = function() return { inbound = false, outbound = false } end,
    pace = function() return { queued = 0, waiting_for = "" } end,
}

--- Whether items(account) is called for each account. A list, or a function without parameters, gives the items of
--- the whole run.
---@param items any  as the job has it
---@return boolean
function job_items.are_by_account(items)
    if items == nil then
        return true
    elseif type(items) ~= "function" then
        return false
    end
    local about = debug.getinfo(items, "u")
    -- Iterators made in C accept any arguments: io.lines, string.gmatch, coroutine.wrap.
    return about.nparams > 0 or about.isvararg and debug.getinfo(items, "S").what ~= "C"
end

local function is_list(value)
    return type(value) == "table" and (json.is_array(value) or #value > 0 or next(value) == nil)
end

local function drain(list, iterator)
    for item in iterator do
        list[#list + 1] = item
    end
    return list
end

--- The items of an account, or of the whole run if account is nil.
---@param items any
---@param account trunkhost.Account?
---@return any[]
function job_items.collect(items, account)
    if type(items) == "table" then
        return items
    end
    local found = items(account)
    if type(found) == "function" then
        return drain({}, found)
    elseif is_list(found) then
        return found
    elseif not account then
        return found == nil and {} or drain({ found }, items) -- the function is the iterator
    end
    error(("job: items must return a list or an iterator, not a %s"):format(type(found)), 0)
end

--- All trunks of an account.
---@param account trunkhost.Account
---@return fun(): trunkhost.Item?
function job_items.trunks(account)
    local next_trunk = account:trunks()
    return function()
        local trunk = next_trunk()
        return trunk and { account = account, trunk = trunk }
    end
end

local function member(item, name)
    if type(item) == "table" and item ~= json.null then
        return item[name]
    end
end

--- The trunk that an item stands for, as far as the item says.
---@param source trunkhost.Source
---@param item any
---@return table
function job_items.trunk_of(source, item)
    local trunk = member(item, "trunk")
    if source.trunk then
        trunk = source.trunk(item)
    end
    if type(trunk) == "string" or math.type(trunk) == "integer" then
        return { id = trunk }
    end
    return type(trunk) == "table" and trunk or type(item) == "table" and item or {}
end

--- The account of an item: its own (an account or a name), else the account whose list it is from, else none.
---@param source trunkhost.Source
---@param item any
---@param account trunkhost.Account?
---@return trunkhost.Account
function job_items.account_of(source, item, account)
    local own = member(item, "account")
    if source.account then
        own = source.account(item)
    end
    if type(own) == "string" and own ~= "" then
        return accounts.account(own)
    end
    return own ~= nil and own ~= "" and own or account or job_items.no_account
end

--- The key of an item. An item without a key could not be resumed, so that is an error of the script.
---@param source trunkhost.Source
---@param item any
---@param trunk table
---@param place integer  in its list
---@return string
function job_items.key_of(source, item, trunk, place)
    local key
    if source.key then
        key = source.key(item)
    else
        key = trunk.id
    end
    if math.type(key) == "integer" then
        return tostring(key)
    elseif type(key) ~= "string" then
        error(("job: the key of item %d is a %s: it must be a text or an integer%s"):format(place,
            math.type(key) == "float" and "number with a fraction" or type(key),
            source.key and "" or "; items without an id need a function `key`"), 0)
    elseif key == "" then
        error(("job: the key of item %d is empty"):format(place), 0)
    end
    return key
end

--- An entry for an item that no longer exists and is skipped.
---@param account trunkhost.Account?  nil if it was not opened
---@param name string
---@param key string
---@param label string
---@param reason string
---@return trunkhost.Entry
function job_items.gone(account, name, key, label, reason)
    account = account or { name = function() return name end }
    return { account = account, key = key, label = label, trunk = {}, state = "skipped", reason = reason,
        plan = { skip = reason } }
end

--- Raises an error about two items with the same key: the ledger could not tell them apart.
---@param account trunkhost.Account
---@param key string
---@param first integer   their places
---@param second integer
function job_items.complain_of_twins(account, key, first, second)
    local name = account:name()
    error(("job: items %d and %d%s have the same key '%s': each item needs one of its own"):format(first, second,
        name == "" and "" or " of " .. name, key), 0)
end

return job_items
