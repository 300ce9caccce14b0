--- What platforms hold, made comparable: without what each run makes anew, as ids, times and passwords.

local canonical <const> = require "trunkhost.text.canonical"
local json <const> = require "trunkhost.json"

local state <const> = {}

-- What the platforms set by themselves.
local THEIRS <const> = { id = true, revision = true, health = true, active_calls = true, inbound_trunk_id = true,
    outbound_trunk_id = true, sip_trunk_id = true, trunk_id = true }

local function is_secret(name)
    return type(name) == "string" and (name:find "password" or name:find "passphrase" or name:find "secret") ~= nil
end

local function is_theirs(name)
    return THEIRS[name] or type(name) == "string" and (name:find "_at$" or name:find "registration_status$") ~= nil
end

--- Calls each(password) for every one in it.
local function each_secret(value, each)
    for name, item in pairs(value) do
        if type(item) == "table" then
            each_secret(item, each)
        elseif is_secret(name) and type(item) == "string" and item ~= "" then
            each(item)
        end
    end
end

--- The passwords that are live, as keys.
---@param held table  what the platforms hold
---@return table<string, boolean>
function state.secrets(held)
    local live = {}
    each_secret(held, function(secret) live[secret] = true end)
    return live
end

local function settled(value, old)
    if type(value) ~= "table" or value == json.null then
        return value
    end
    local copy = {}
    for name, item in pairs(value) do
        if is_secret(name) and type(item) == "string" then
            copy[name] = old[item] and "as before" or "a new one"
        elseif not is_theirs(name) then
            copy[name] = settled(item, old)
        end
    end
    return json.is_array(value) and json.array(copy) or copy
end

--- What is left when ids, times and passwords are taken away: per platform a sorted list of texts.
---@param held table
---@param start table<string, boolean>  the passwords at the start
---@return table<string, { trunks: string[], others: string[] }>
function state.signature(held, start)
    local found = {}
    for api, store in pairs(held) do
        local lists = { trunks = {}, others = {} }
        for kind, list in pairs { trunks = store.trunks, others = store.numbers } do
            for i, record in ipairs(list) do
                lists[kind][i] = canonical.text(settled(record, start))
            end
            table.sort(lists[kind])
        end
        found[api] = lists
    end
    return found
end

--- Texts of one sorted list that the other has not.
local function only_in(a, b)
    local count, missing = {}, 0
    for _, text in ipairs(b) do
        count[text] = (count[text] or 0) + 1
    end
    for _, text in ipairs(a) do
        if (count[text] or 0) > 0 then
            count[text] = count[text] - 1
        else
            missing = missing + 1
        end
    end
    return missing
end

local function count(number, thing)
    return ("%d %s%s"):format(number, thing, number == 1 and "" or "s")
end

--- How the platforms differ from what they should be, in words; nil when they do not.
---@param is table      a signature
---@param should table  another
---@return string?
function state.difference(is, should)
    local words = {}
    for api, lists in pairs(should) do
        local others = only_in(is[api].others, lists.others)
        local trunks = only_in(is[api].trunks, lists.trunks)
        local by = #is[api].trunks - #lists.trunks
        if by ~= 0 then
            words[#words + 1] = ("%s has %s %s than it should"):format(api, count(math.abs(by), "trunk"),
                by > 0 and "more" or "fewer")
        elseif trunks + others > 0 then
            words[#words + 1] = ("%s of %s not as it should be"):format(trunks > 0 and count(trunks, "trunk")
                or count(others, "number"), api)
        end
    end
    table.sort(words)
    return #words > 0 and table.concat(words, "; ") or nil
end

--- On which platform there is more than there should be; nil where nothing is.
---@param is table
---@param should table
---@return string?
function state.surplus(is, should)
    for api, lists in pairs(should) do
        local trunks <const>, others <const> = #is[api].trunks - #lists.trunks, #is[api].others - #lists.others
        if trunks > 0 or others > 0 then
            return ("%s has %s too many"):format(api, trunks > 0 and count(trunks, "trunk") or count(others, "number"))
        end
    end
end

return state
