--- What a job is going to do: planned item by item, shown, and agreed to.

local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local options <const> = require "trunkhost.options"
local aligned <const> = require "trunkhost.table"

local planner <const> = {}

-- A longer plan is shown in full by a dry run only.
local MOST_ROWS <const> = 60
local NEW_LENGTH <const> = 32

--- Stands in a plan's changes for a password that is drawn only when it is sent.
planner.new_secret = setmetatable({}, { __tostring = function() return "new" end, __name = "new secret" })

--- The changes, with what belongs into a secret field made a secret: nothing that shows or keeps a plan may have its
--- text, also where the script has it as a plain one.
local function sealed(entry, changes)
    local fields, copy = entry.account:describe().objects.trunk.fields, {}
    for name, value in pairs(changes) do
        local plain = type(value) == "string" and value ~= "" or type(value) == "number"
        local secret = plain and fields[name] and fields[name].secret
        copy[name] = secret and core.secret { from = tostring(value) } or value
    end
    return copy
end

--- What is sent where a job has no `apply`: the changes, with a password drawn in place of each new_secret, and what
--- the platform wants to have along with a password, as it is.
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

--- Plans every entry; sets its `plan`, and `state` where it is settled already. What an earlier run left unsettled
--- comes first.
---@param entries trunkhost.Entry[]
---@param plan fun(item: table): trunkhost.Plan
---@param as_planned boolean  the changes are sent as they are, so that they can be judged now
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
        -- Where it only hands on what is set already, nothing changes.
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
    return entry.left_by and ("left unsettled by run %s; %s"):format(entry.left_by, text) or text
end

local function impact_text(impact)
    if impact.inbound and impact.outbound then
        return "both legs"
    end
    return impact.inbound and "inbound" or impact.outbound and "outbound" or ""
end

local COLUMNS <const> = {
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
    local legs, accounts, names, unsettled, unknown = { inbound = 0, outbound = 0 }, 0, {}, 0, false
    for _, entry in ipairs(todo) do
        unknown = unknown or entry.plan.impact.unknown
        unsettled = unsettled + (entry.left_by and 1 or 0)
        for leg, number in pairs(legs) do
            legs[leg] = number + (entry.plan.impact[leg] and 1 or 0)
        end
        local name = entry.account:name()
        accounts = accounts + (names[name] and 0 or 1)
        names[name] = true
    end
    local silent = not_listed(failures or {})
    local things = entries[1] and entries[1].account:name() == "" and count(#entries, "item", "items")
        or count(#entries, "trunk", "trunks")
    if #entries == 0 then
        return silent or "no trunk was chosen."
    elseif #todo == 0 then
        return ("nothing to do for %s.%s"):format(things, silent and " And " .. silent or "")
    end
    local text = ("%d of %s%s %s"):format(#todo, things, names[""] and "" or " on "
        .. count(accounts, "account", "accounts"), #todo == 1 and "changes" or "change")
    local earlier = unsettled == 0 and "" or (" %s left unsettled by an earlier run, and first."):format(
        count(unsettled, "was", "were"))
    earlier = earlier .. (silent and " And " .. silent or "")
    if unknown then
        return text .. "; legs may be re-created, which drops the calls on them." .. earlier
    elseif legs.inbound + legs.outbound == 0 then
        return text .. "; no leg is re-created." .. earlier
    end
    return ("%s; %d inbound and %s re-created, which drops the calls on them.%s"):format(text, legs.inbound,
        count(legs.outbound, "outbound leg is", "outbound legs are"), earlier)
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
        if i > MOST_ROWS and not full then
            break
        end
        local skipped, failed = entry.plan.skip, entry.plan.failed
        rows[i] = { entry.account:name(), entry.key, entry.label,
            (skipped or failed) and "" or impact_text(entry.plan.impact),
            failed and { failed.message, colour = "red" }
                or skipped and { "skipped: " .. skipped, colour = "dim" } or planner.changes_text(entry) }
    end
    if #rows > 0 then
        screen.write(aligned.render(COLUMNS, rows, screen) .. "\n")
    end
    if #entries > #rows then
        screen.write(("… and %d more; --dry-run shows them all.\n"):format(#entries - #rows))
    end
    screen.write(aligned.sentence("Plan: " .. planner.summary(entries, todo, failures), screen) .. "\n")
end

-- ---------------------------------------------------------------------------------------------------
-- Consent

--- Without a terminal nobody can be asked: that is said before anything is done.
---@param chosen trunkhost.Options
function planner.check_consent(chosen)
    if chosen.dry_run or chosen.yes then
        return
    elseif not (core.is_terminal "in" and core.is_terminal "err") then
        options.fail "there is no terminal to ask on, so nothing was changed: add --yes to go ahead, or --dry-run \z
            to see the plan"
    end
end

--- Asks, unless --yes.
---@param chosen trunkhost.Options
---@param summary string?  said before the question, where the plan was not shown
---@return boolean
function planner.agreed(chosen, summary)
    if chosen.yes then
        return true
    end
    local answer = core.prompt((summary and summary .. "\n" or "") .. "Go on? [y/N] ")
    core.write("err", "\n")
    return answer ~= nil and answer:lower():match "^%s*y[es]*%s*$" ~= nil
end

return planner
