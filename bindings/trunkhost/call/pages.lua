--- Reads complete lists. A platform returns a list in one reply or page by page. An incomplete list must never pass as
--- complete: a rotation would miss trunks, and a migration would create second copies. So everything that a reply says
--- about the whole list is checked, and a list that changes while it is read is read again.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"

local pages <const> = {}

local MAX_PAGES <const> = 100000
local READINGS <const> = 3

---@class Reading  one pass over a list
---@field items any[]
---@field seen table<any, boolean>
---@field distinct integer           number of different items
---@field repeated any               the first key that was on two pages
---@field total integer?             according to the platform
---@field named string               the member that says so

--- A contradiction in what was read. `shift`: the list may have changed meanwhile, so it is read again.
---@class Fault
---@field text string
---@field shift boolean?
---@field lazy boolean?  only its last page was empty

local function key_of(item)
    local id = type(item) == "table" and item.id
    if math.type(id) == "integer" or type(id) == "string" then
        return id
    end
    local ok, text = pcall(json.encode, item)
    return ok and text or item
end

--- Adds a page; returns how many of its items are new.
local function add(reading, list, number)
    local fresh = 0
    for i = 1, #list do
        local item = list[i]
        local key = key_of(item)
        if not reading.seen[key] then
            reading.seen[key] = number
            reading.distinct, fresh = reading.distinct + 1, fresh + 1
        elseif type(item) == "table" and item.id == key and (reading.seen[key] ~= number or reading.total) then
            reading.repeated = reading.repeated or key
        end
        reading.items[#reading.items + 1] = item
    end
    return fresh
end

--- Why there must be more items, or nil; the second result: whether there may be more.
local function more_of(reading, list, facts, number)
    if facts.total and facts.total > reading.distinct then
        return ("there are %d (%s)"):format(facts.total, facts.total_name)
    elseif facts.count and facts.count > reading.distinct then
        return ("there are %d (%s)"):format(facts.count, facts.count_name)
    elseif facts.pages and facts.pages > number then
        return ("there are %d pages (%s)"):format(facts.pages, facts.pages_name)
    elseif facts.more then
        return ("there are more (%s)"):format(facts.more_name)
    end
    local is_open = facts.more == nil and not facts.total and not facts.pages
    if is_open and facts.size and #list > 0 and #list >= facts.size then
        return nil, true
    end
end

--- The contradiction between a page and the pages before it, or nil.
local function contradiction(reading, facts)
    if reading.total and facts.total and facts.total ~= reading.total then
        return { shift = true, text = ("the platform first said that there are %d (%s), then %d"):format(
            reading.total, facts.total_name, facts.total) }
    elseif facts.total and reading.distinct > facts.total then
        return { shift = true, text = ("the platform says that there are %d (%s), and sent %d"):format(facts.total,
            facts.total_name, reading.distinct) }
    end
    reading.total = facts.total or reading.total
end

local function query_of(options, paging, number)
    local query = {}
    for name, value in pairs(options and options.query or {}) do
        query[name] = value
    end
    if number > 1 or paging.size then
        query[paging.number] = number
    end
    if paging.size then
        query[paging.size] = paging.per_page
    end
    return { query = query }
end

--- The end of a list: nothing says that there are more items.
local function conclude(reading, was_promised, fresh, number)
    if reading.repeated then
        return reading, { shift = true, text = ("%s came twice"):format(tostring(reading.repeated)) }
    elseif number > 1 and fresh == 0 and was_promised then
        return reading, { shift = true, lazy = true, text = ("page %d is empty, and the page before it said that "
            .. "there are more"):format(number) }
    end
    return reading
end

--- Reads the list once.
---@return Reading, Fault?
local function read(account, endpoint, params, options, paging)
    local reading = { items = {}, seen = {}, distinct = 0 }
    local promised
    for number = 1, MAX_PAGES do
        local list, _, _, facts = account:call(endpoint, params, nil, paging and query_of(options, paging, number)
            or options)
        facts = facts or {}
        reading.total = number == 1 and facts.total or reading.total
        if number == 1 and not paging and next(facts) == nil then
            reading.items = list
            return reading
        end
        local fresh = add(reading, list, number)
        local fault = contradiction(reading, facts)
        if fault then
            return reading, fault
        end
        local more, may_be = more_of(reading, list, facts, number)
        if not more and not may_be then
            return conclude(reading, promised, fresh, number)
        elseif not paging then
            return reading, { text = more and ("the platform says that %s, and sent %d"):format(more,
                reading.distinct) or ("the platform sent %d, as many as fit in one page (%s), and does not say whether "
                .. "there are more"):format(#list, facts.size_name) }
        elseif fresh == 0 and not more then
            return conclude(reading, promised, fresh, number)
        elseif fresh == 0 then
            return reading, { text = ("the platform says that %s, but page %d brought nothing new after %d"):format(
                more, number, reading.distinct) }
        end
        promised = more
    end
    return reading, { text = ("it did not end after %d pages"):format(MAX_PAGES) }
end

local function refuse(account, endpoint, text)
    core.error("malformed", ("'%s': the list is incomplete: %s. Nothing was done with it; run again later, and ask "
        .. "the platform if this continues"):format(endpoint, text),
        { account = account:name(), code = "list" })
end

local function are_alike(first, second)
    if #first ~= #second then
        return false
    end
    for i = 1, #first do
        if key_of(first[i]) ~= key_of(second[i]) then
            return false
        end
    end
    return true
end

--- All items of a list, or an error.
---@param account trunkhost.Account
---@param endpoint string
---@param params any
---@param options? { query: table }
---@param paging? { number: string, size: string?, per_page: integer? }  of the provider's description; nil: the
---        platform sends the list in one reply
---@return table[]
function pages.all(account, endpoint, params, options, paging)
    local before, fault
    for _ = 1, READINGS do
        local reading
        reading, fault = read(account, endpoint, params, options, paging)
        if not fault then
            return reading.items
        elseif not fault.shift then
            refuse(account, endpoint, fault.text)
        end
        -- Some platforms announce one page more than they have. Two equal readings are no coincidence.
        if fault.lazy and before and are_alike(before, reading.items) then
            return reading.items
        end
        before = fault.lazy and reading.items
    end
    refuse(account, endpoint, ("it did not settle in %d readings: %s"):format(READINGS, fault.text))
end

-- Of a longer list the ids are not kept.
local KEPT <const> = 10000
local ids_of <const> = setmetatable({}, { __mode = "k" })

--- The ids that the last complete list of trunks had, as far as they are kept, and those that were made since:
--- id as text → true.
---@param account trunkhost.Account
---@return table<string, boolean>
function pages.known(account)
    ids_of[account] = ids_of[account] or {}
    return ids_of[account]
end

--- Refuses a list of trunks with an item that is not a trunk: other trunks may be missing, too.
---@param account trunkhost.Account
---@param endpoint string
---@param list any[]
---@return any[] list
function pages.check_trunks(account, endpoint, list)
    local function fail(place, what)
        core.error("malformed", ("'%s': the list of trunks of %s is broken: number %d %s. Nothing was done with this "
            .. "list; run again later, and ask the platform if this continues"):format(endpoint, account:name(), place,
            what), { account = account:name(), code = "list" })
    end
    local ids = {}
    for place = 1, #list do
        local trunk = list[place]
        if type(trunk) ~= "table" or json.is_array(trunk) then
            fail(place, "is no object")
        end
        local id = trunk.id
        if math.type(id) ~= "integer" and (type(id) ~= "string" or id == "") then
            fail(place, "has no id")
        end
        if #list <= KEPT then
            ids[tostring(id)] = true
        end
    end
    ids_of[account] = ids
    return list
end

return pages
