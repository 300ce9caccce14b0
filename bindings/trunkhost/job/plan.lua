--- The plan of a job: made item by item, shown, and confirmed.

local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local aligned <const> = require "trunkhost.table"
local usage <const> = require "trunkhost.text.usage"

local planner <const> = {}

--- The rows of a plan that are shown; only a dry run shows more.
planner.most_rows = 60
local NEW_LENGTH <const> = 32

--- Stands in a plan's changes for a password that is generated when it is sent.
planner.new_secret = setmetatable({}, { __tostring = function() return "new" end, __name = "new secret" })

--- The changes, with every value of a secret field made a secret, even if the script gave it as plain text: nothing
--- that shows or stores a plan may see it.
local function sealed(entry, changes)
    local fields, copy = entry.account:describe().objects.trunk.fields, {}
    for name, value in pairs(changes) do
        local plain = type(value) == "string" and value ~= "" or type(value) == "number"
        local secret = plain and fields[name] and fields[name].secret
        copy[name] = secret and core.secret { from = tostring(value) } or value
    end
    return copy
end

--- What is sent if a job has no `apply`: the changes, with a new password for each new_secret, and the unchanged
--- fields that the platform requires with a password.
---@param changes table<string, any>
---@param account trunkhost.Account
---@param trunk table  as it is now
---@return table<string, any>
function planner.drawn(changes, account, trunk)
    local copy = {}
    for name, value in pairs(changes) do
        copy[name] = value == planner.new_secret and core.secret { length = NEW_LENGTH } or value
    end
    for _, secret in ipairs(account:describe().secrets or {}) do
        for _, name in ipairs(copy[secret.field] ~= nil and secret.with or {}) do
            if copy[name] == nil then
                copy[name] = trunk[name]
            end
        end
    end
    return copy
end

--- Why the planned changes cannot be sent as they are; nil when they can.
local function objection(entry, changes)
    local ok, err = pcall(core.validate, entry.account, "update",
        planner.drawn(changes, entry.account, entry.trunk))
    if ok then
        return nil
    elseif not core.is_error(err) then
        error(err, 0)
    end
    return err
end

--- Plans every entry; sets its `plan`, and its `state` if the plan settles it. Entries that are pending since an
--- earlier run come first.
---@param entries trunkhost.Entry[]
---@param plan fun(item: table): trunkhost.Plan
---@param as_planned boolean  the changes are sent as they are, so they can be checked now
---@return trunkhost.Entry[] todo
function planner.make(entries, plan, as_planned)
    local todo, first = {}, {}
    for _, entry in ipairs(entries) do
        local made = entry.done_by and { skip = "done in run " .. entry.done_by }
            or entry.given_plan or plan(entry.item)
        if type(made) ~= "table" or not (made.changes or made.skip or made.failed) then
            error("job: plan must return a table with `changes`, or with `skip`, the reason for doing nothing", 0)
        end
        entry.plan = made
        if made.changes then
            made.changes = sealed(entry, made.changes)
        end
        -- A plan that only delivers has no changes.
        if as_planned and made.changes and next(made.changes) and not made.skip and not made.failed then
            made.failed = objection(entry, made.changes)
        end
        if made.failed then
            entry.state, entry.error = made.failed.ambiguous and "unknown" or "failed", made.failed
        elseif made.skip then
            entry.state, entry.reason = "skipped", made.skip
        else
            made.impact = made.impact or entry.account:impact(entry.trunk, made.changes)
            table.insert(entry.left_by and first or todo, entry)
        end
    end
    return table.move(todo, 1, #todo, #first + 1, first)
end

local function is_secret(value)
    return value == planner.new_secret or core.is_secret(value)
end

--- The planned changes as JSON, the same text for the same changes.
---@param entry trunkhost.Entry
---@return string
function planner.changes_json(entry)
    return canonical.text(entry.plan.changes, function(value) return is_secret(value) and "[new secret]" or nil end)
end

-- ---------------------------------------------------------------------------------------------------
-- In words

local function count(number, one, many)
    return ("%d %s"):format(number, number == 1 and one or many)
end

local function value_text(value)
    if value == nil then
        return "nothing"
    elseif type(value) == "table" then
        return json.encode(value)
    end
    return value == json.null and "null" or tostring(value)
end

--- "sip_password, is_active: true → false"
---@param entry trunkhost.Entry
---@return string
function planner.changes_text(entry)
    local names, parts = {}, {}
    for name in pairs(entry.plan.changes) do
        names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
        local value = entry.plan.changes[name]
        if is_secret(value) then
            parts[i] = name
        else
            parts[i] = ("%s: %s → %s"):format(name, value_text(entry.trunk[name]), value_text(value))
        end
    end
    local text = entry.plan.note or table.concat(parts, ", ")
    return entry.left_by and ("pending since run %s; %s"):format(entry.left_by, text) or text
end

--- The legs that are re-created, in words.
---@param impact { inbound: boolean?, outbound: boolean? }
---@return string
function planner.impact_text(impact)
    if impact.inbound and impact.outbound then
        return "both legs"
    end
    return impact.inbound and "inbound" or impact.outbound and "outbound" or ""
end

planner.columns = {
    { title = "ACCOUNT", group = true },
    { title = "TRUNK" },
    { title = "LABEL", max = 28, min = 10, drop = 1 },
    { title = "RE-CREATED" },
    { title = "CHANGES", note = true },
}

--- "the trunks of famulor, vatel could not be listed."; nil when all could.
local function not_listed(failures)
    local names = {}
    for i, failure in ipairs(failures) do
        names[i] = failure.account:name()
    end
    return #names > 0 and ("the trunks of %s could not be listed."):format(table.concat(names, ", ")) or nil
end

--- "46 of 60 trunks on 5 accounts change; 40 inbound and 44 outbound legs are re-created, which drops their calls."
---@param entries trunkhost.Entry[]
---@param todo trunkhost.Entry[]
---@param failures? { account: trunkhost.Account }[]  accounts that could not be listed
---@return string
function planner.summary(entries, todo, failures)
    local legs, accounts, names, pending, unknown = { inbound = 0, outbound = 0 }, 0, {}, 0, false
    for _, entry in ipairs(todo) do
        unknown = unknown or entry.plan.impact.unknown
        pending = pending + (entry.left_by and 1 or 0)
        for leg, number in pairs(legs) do
            legs[leg] = number + (entry.plan.impact[leg] and 1 or 0)
        end
        local name = entry.account:name()
        accounts = accounts + (names[name] and 0 or 1)
        names[name] = true
    end
    local unlisted = not_listed(failures or {})
    local things = entries[1] and entries[1].account:name() == "" and count(#entries, "item", "items")
        or count(#entries, "trunk", "trunks")
    if #entries == 0 then
        return unlisted or "no trunk was chosen."
    elseif #todo == 0 then
        return ("nothing to do for %s.%s"):format(things, unlisted and " Also, " .. unlisted or "")
    end
    local text = ("%d of %s%s %s"):format(#todo, things, names[""] and "" or " on "
        .. count(accounts, "account", "accounts"), #todo == 1 and "changes" or "change")
    local earlier = pending == 0 and "" or (" %s pending since an earlier run and %s first."):format(
        count(pending, "trunk is", "trunks are"), pending == 1 and "comes" or "come")
    earlier = earlier .. (unlisted and " Also, " .. unlisted or "")
    if unknown then
        return text .. "; legs may be re-created, which drops the calls on them." .. earlier
    elseif legs.inbound + legs.outbound == 0 then
        return text .. "; no leg is re-created." .. earlier
    end
    return ("%s; %d inbound and %s re-created, which drops the calls on them.%s"):format(text, legs.inbound,
        count(legs.outbound, "outbound leg is", "outbound legs are"), earlier)
end

--- Writes the table of a plan.
---@param columns table[]
---@param rows table[]
---@param hidden integer  how many trunks are left out
---@param screen trunkhost.Screen
function planner.write_rows(columns, rows, hidden, screen)
    if #rows > 0 then
        screen.write(aligned.render(columns, rows, screen) .. "\n")
    end
    if hidden > 0 then
        screen.write(("… and %d more; --dry-run shows them all.\n"):format(hidden))
    end
end

--- Shows the plan as a table.
---@param entries trunkhost.Entry[]
---@param todo trunkhost.Entry[]
---@param screen trunkhost.Screen
---@param full boolean  all rows, however many
---@param failures? { account: trunkhost.Account }[]  accounts that could not be listed
function planner.show(entries, todo, screen, full, failures)
    local rows = {}
    for i, entry in ipairs(entries) do
        if i > planner.most_rows and not full then
            break
        end
        local skipped, failed = entry.plan.skip, entry.plan.failed
        rows[i] = { entry.account:name(), entry.key, entry.label,
            (skipped or failed) and "" or planner.impact_text(entry.plan.impact),
            failed and { failed.message, colour = "red" }
                or skipped and { "skipped: " .. skipped, colour = "dim" } or planner.changes_text(entry) }
    end
    planner.write_rows(planner.columns, rows, #entries - #rows, screen)
    screen.write(aligned.sentence("Plan: " .. planner.summary(entries, todo, failures), screen) .. "\n")
end

-- ---------------------------------------------------------------------------------------------------
-- Consent

--- Refuses to start without a terminal to ask on, unless --yes or --dry-run is given.
---@param chosen trunkhost.Options
function planner.check_consent(chosen)
    if chosen.dry_run or chosen.yes then
        return
    elseif not (core.is_terminal "in" and core.is_terminal "err") then
        usage.fail "cannot ask for confirmation without a terminal, so nothing was changed: add --yes to run \z
            without asking, or --dry-run to see the plan"
    end
end

--- Asks, unless --yes.
---@param chosen trunkhost.Options
---@param summary string?  shown before the question if the plan was not
---@return boolean
function planner.agreed(chosen, summary)
    if chosen.yes then
        return true
    end
    return usage.confirm((summary and summary .. "\n" or "") .. "Continue?")
end

return planner
