--- Never sends a POST again while the result of the first may still appear. A POST without a complete reply stays
--- unsettled in the ledger; before another one with the same content is sent, its result is looked for. Only a list
--- that was begun later than the platform's settle time (`eventual`) after the request ended proves that there is none.

local alike <const> = require "trunkhost.change.alike"
local canonical <const> = require "trunkhost.text.canonical"
local change <const> = require "trunkhost.change.change"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local reply_judge <const> = require "trunkhost.create.reply"
local ledger <const> = require "trunkhost.ledger"
local neutral <const> = require "trunkhost.neutral"
local outcome <const> = require "trunkhost.change.outcome"

local creates <const> = {}

-- After this many seconds a request of a dead process has ended, including its wait for its turn.
local LONGEST <const> = 7200

--- A body without its passwords, as the ledger keeps it.
---@param description table
---@param endpoint string
---@param fields table?
---@return table
function creates.key(description, endpoint, fields)
    local known, kept = description.endpoints[endpoint], {}
    local object = known and description.objects[known.body] or { fields = {} }
    for name, value in pairs(fields or {}) do
        local field = object.fields[name]
        if not core.is_secret(value) and not (field and field.secret) then
            kept[name] = value
        end
    end
    return kept
end

--- A text that is equal for the same content from a script or from the ledger; nil for anything but JSON.
local function text_of(key)
    local ok, written = pcall(json.encode, key)
    -- An empty list of a script may be a plain table, and 42.0 the same as 42.
    return ok and canonical.text(json.decode(written)):gsub("{}", "[]") or nil
end

--- The time of day in that many seconds, rounded up.
---@param seconds number
---@return string
function creates.time(seconds)
    return os.date("%H:%M:%S", os.time() + math.ceil(math.max(0, seconds)) + 1) --[[@as string]]
end

--- The creates of an account that had no complete answer, as far as `wanted` says; not those that are under way in
--- this run. `settled`: a list that is begun now proves whether it has happened. `again`: when one will, as text.
---@param account trunkhost.Account
---@param wanted fun(row: table): boolean
---@return table[]
function creates.unsettled(account, wanted)
    local run <const> = core.run()
    local found, stamped = {}, false
    local function read()
        found = {}
        for _, row in ipairs(ledger.creates { account = account:name(), unsettled = true }) do
            local own = row.state == "intended" and row.run == run.id
            -- A time that is on record to the millisecond may be rounded to one that is not quite there yet.
            row.age = row.age > -1 and math.max(row.age, 0) or row.age
            found[#found + 1] = wanted(row) and not own and row or nil
        end
    end
    ledger.sync()
    read()
    for _, row in ipairs(found) do
        local record = row.state == "intended" and ledger.run(row.run)
        row.ended = row.state == "unknown" and row.age >= 0
        if record and record.life ~= "alive" then
            row.ended = row.age > LONGEST
        end
        -- It has ended by now, but nobody knows when, or the clock was put back since: from now on it counts.
        if not row.ended and not run.dry_run and not (record and record.life == "alive") then
            ledger.create_end(row.id, "unknown")
            stamped = true
        end
    end
    if stamped then
        ledger.sync()
        read()
    end
    local eventual <const> = account:describe().eventual
    for _, row in ipairs(found) do
        row.settled = (row.state == "unknown" or row.age > LONGEST) and row.age >= eventual
        row.again = creates.time(eventual - math.max(0, row.age))
    end
    return found
end

--- The unsettled creates with the same content.
---@param account trunkhost.Account
---@param endpoint string
---@param params any   of its path; the id among them is that of the trunk that gets a part
---@param fields table?
---@return table[]
function creates.alike(account, endpoint, params, fields)
    local id = params
    if type(params) == "table" then
        id = params.id
    end
    local parent = id == nil and "" or tostring(math.type(id) == "float" and math.tointeger(id) or id)
    local text <const> = text_of(creates.key(account:describe(), endpoint, fields))
    local function same(row)
        return text and row.endpoint == endpoint and (row.parent or "") == parent and text_of(row.key or {}) == text
    end
    for _, row in ipairs(ledger.creates { account = account:name(), unsettled = true }) do
        if same(row) then
            return creates.unsettled(account, same)
        end
    end
    return {}
end

--- Makes a create unsettled again: it was confirmed, but neither the reply nor the trunk shows its result.
---@param account trunkhost.Account
---@param endpoint string
---@param fields table?
function creates.reopen(account, endpoint, fields)
    local text <const> = text_of(creates.key(account:describe(), endpoint, fields))
    ledger.sync()
    for _, row in ipairs(ledger.creates { account = account:name() }) do
        if row.run == core.run().id and row.endpoint == endpoint and row.state == "landed" and not row.trunk
            and text_of(row.key or {}) == text then
            ledger.create_end(row.id, "unknown")
        end
    end
end

local function ids_of(found)
    local ids = {}
    for i, item in ipairs(found) do
        ids[i] = tostring(item.id)
    end
    return table.concat(ids, ", ")
end

--- Raises an unknown outcome, with the time to run again.
---@param account trunkhost.Account
---@param row table
---@param why string?
---@param err table?  what kept us from looking
function creates.doubt(account, row, why, err)
    outcome.unknown(("not sent again: '%s' at %s had no complete answer in run %s, so it may have happened, and "
        .. "%s. Run again after %s: it is looked for first"):format(row.endpoint, account:name(), row.run,
        why or "the platform does not list it yet", row.again), { attempts = 0, code = err and err.code, cause = err })
end

--- Records the outcome of creates. Of several, only the latest can have happened: it was sent when the results of the
--- others were known to be absent.
---@param rows table[]
---@param id any   nil: none of them happened
function creates.conclude(rows, id)
    for i, row in ipairs(rows) do
        local landed = id ~= nil and i == #rows
        ledger.create_end(row.id, landed and "landed" or "absent", landed and id or nil)
    end
end

--- Resolves these creates: returns their result, or nil when it is proven that there is none. Raises while that is
--- unknown.
---@param account trunkhost.Account
---@param rows table[]      as `unsettled` has returned them just before
---@param look fun(): any   begins a complete list; returns what is there of it
---@return any
function creates.resolve(account, rows, look)
    if #rows == 0 then
        return nil
    end
    local ok, there = pcall(look)
    if not ok and (not core.is_error(there) or there.kind == "unknown_outcome") then
        error(there, 0)
    elseif not ok then
        creates.doubt(account, rows[#rows],
            ("it cannot be looked for (%s)"):format((there.message:gsub("%.$", ""))), there)
    end
    if there then
        creates.conclude(rows, type(there) == "table" and there.id or nil)
        return there
    end
    for _, row in ipairs(rows) do
        if not row.settled then
            creates.doubt(account, row)
        end
    end
    creates.conclude(rows)
end

-- ---------------------------------------------------------------------------------------------------
-- Looking for the result of a create, if the caller does not say how

--- The fields of a body that replies contain.
local function readable(description, endpoint, body)
    local fields <const>, kept = description.objects[description.endpoints[endpoint].body].fields, {}
    for name, value in pairs(body) do
        kept[name] = fields[name] and fields[name].read and value or nil
    end
    return kept
end

--- The trunks that may be the result of a body and are not known to be the result of another create; and how many of
--- them match it exactly.
local function trunks_like(account, body)
    local description <const>, taken = account:describe(), {}
    local list <const> = account:list "list"
    for _, row in ipairs(ledger.creates { account = account:name() }) do
        if row.endpoint == "create" and row.state == "landed" and row.trunk then
            taken[row.trunk] = true
        end
    end
    local planned = description.mapping and neutral.of(description, neutral.outcome { body = body, after = {} })
    local key, found, exact = readable(description, "create", body), {}, {}
    local function judge(row)
        if planned then
            local twin = neutral.twin(description, { planned = planned, after = {}, secrets = {} }, row)
            return twin, twin and #neutral.compare(description, planned, neutral.read(account, row.id)) == 0
        elseif alike.may_be(key, row) then
            local native = account:get(row.id) -- a list may leave fields out
            return alike.may_be(key, native), alike.is(key, native)
        end
    end
    for _, row in ipairs(list) do
        local likely, certain = false, false
        if not taken[tostring(row.id)] then
            likely, certain = judge(row)
        end
        found[#found + 1] = likely and row or nil
        exact[#exact + 1] = certain and row or nil
    end
    if not planned and #exact == 1 then
        found = exact -- the others only resemble it
    end
    return found, #exact
end

--- The part of a trunk, read in full with its lists, that matches what was sent; else nil, and the name of a list with
--- a possible match.
local function choose_part(native, key)
    local likely = {}
    for name, list in pairs(native) do
        for _, item in ipairs(json.is_array(list) and list or {}) do
            if type(item) == "table" and item.deleted ~= true and item.is_deleted ~= true then
                if alike.is(key, item) then
                    return item
                end
                likely[#likely + 1] = alike.may_be(key, item) and alike.shows(key, item) and name or nil
            end
        end
    end
    return nil, likely[1]
end

--- Makes the parts unsettled again that this run has added to a trunk and that the trunk, read in full with its lists,
--- does not show: it may show them later.
---@param account trunkhost.Account
---@param native table
---@return string? again  when to run again; nil: it shows all of them
local function reopen_hidden(account, native)
    local parent <const>, run <const> = tostring(native.id), core.run().id
    local hidden = false
    ledger.sync()
    for _, row in ipairs(ledger.creates { account = account:name() }) do
        if row.run == run and row.state == "landed" and row.parent == parent then
            local item <const>, where <const> = choose_part(native, row.key or {})
            if not item and not where then
                ledger.create_end(row.id, "unknown")
                hidden = true
            end
        end
    end
    return hidden and creates.time(account:describe().eventual) or nil
end

--- A trunk was read back and is not as it should be: raises an unknown outcome where it does not show a part that this
--- run has added, else a conflict.
---@param account trunkhost.Account
---@param native table
---@param conflict string  what is wrong
function creates.differs(account, native, conflict)
    local again <const> = reopen_hidden(account, native)
    if again then
        outcome.unknown(("%s. %s said yes to a part that it does not show yet. The part is not sent again before it is "
            .. "looked for: run again after %s"):format((conflict:gsub("%.$", "")), account:describe().title, again))
    end
    outcome.failed("conflict", conflict)
end

--- The part of a trunk that has these fields; nil when there is none, or no list to look at.
local function part_like(account, endpoint, params, body)
    local endpoints <const> = account:describe().endpoints
    local id = params
    if type(params) == "table" then
        id = params.id
    end
    if id == nil or not endpoints[endpoint].body then
        return nil
    end
    local key <const> = readable(account:describe(), endpoint, body)
    local native, path = account:get(id), endpoints[endpoint][2]
    for name, other in pairs(endpoints) do
        if other[1] == "GET" and other[2] == path and other.returns == "list" then
            native[name] = account:list(name, params)
        end
    end
    for name, list in pairs(native) do
        local part = json.is_array(list) and neutral.find(native, { adds = name, key = key })
        if part and next(key) then
            return part
        end
    end
    local part, where = choose_part(native, key)
    if where then
        outcome.unknown(("not sent again: the result of an earlier '%s' may already be in '%s' of %s. Check it, "
            .. "delete what should not exist, and run again"):format(endpoint, where, tostring(id)),
            { attempts = 0 })
    end
    return part
end

--- Sets the passwords of this body again, on a trunk that may not have them.
---@param account trunkhost.Account
---@param before table
---@param body table
---@return integer attempts
function creates.set_passwords(account, before, body)
    local fields = {}
    for _, secret in ipairs(account:describe().secrets or {}) do
        if body[secret.field] then
            fields[secret.field] = body[secret.field]
            for _, name in ipairs(secret.with or {}) do
                fields[name] = before[name]
            end
        end
    end
    if not next(fields) then
        return 0
    end
    local applied <const> = change.apply(account, before, fields)
    change.settle(applied) -- both the create and this carried them
    return applied.attempts
end

local function adopt(account, rows, fields)
    local found = creates.resolve(account, rows, function()
        local list, exact = trunks_like(account, creates.key(account:describe(), "create", fields))
        if #list > 1 or #list > exact then
            outcome.unknown(("not sent again: it is unknown which trunk of %s an earlier create made: it may be any "
                .. "of %s. Check them, delete what should not exist, and run again"):format(account:name(),
                ids_of(list)), { attempts = 0 })
        end
        return list[1]
    end)
    if found then
        local sent = creates.set_passwords(account, account:get(found.id), fields)
        return account:get(found.id), sent
    end
end

--- A POST of account:call. If one with the same content is unsettled, its result is looked for first and returned.
---@param send function  the plain account:call
---@param account trunkhost.Account
---@param endpoint string
---@param params any
---@param fields table?
---@param options table?
function creates.call(send, account, endpoint, params, fields, options)
    local rows = creates.alike(account, endpoint, params, fields)
    local found, sent
    if #rows > 0 and endpoint == "create" then
        found, sent = adopt(account, rows, fields)
    elseif #rows > 0 then
        found, sent = creates.resolve(account, rows, function()
            return part_like(account, endpoint, params, creates.key(account:describe(), endpoint, fields))
        end), 0
    end
    if found then
        return found, sent
    end
    local judged <const> = setmetatable({ judge = reply_judge(account, endpoint, fields) }, { __index = options })
    return send(account, endpoint, params, fields, judged)
end

return creates
