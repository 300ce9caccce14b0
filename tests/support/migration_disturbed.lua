--- What must hold of a migration that was disturbed, and of the run after it that nothing disturbs: held against the
--- target's own memory.

local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local consent <const> = require "migration_consent"
local shapes <const> = require "migration_shapes"
local truth <const> = require "migration_truth"

local disturbed <const> = {}

-- Runs that may be needed before the settle time of the target is over.
local LAST_RUNS <const> = 40

--- Every pair stands for a way into and a way out of one API: together they pass all five.
disturbed.ring = {
    { "famulor", "vatel" }, { "vatel", "bolna" }, { "bolna", "bolna_trunk" }, { "bolna_trunk", "autocalls" },
    { "autocalls", "famulor" },
}

--- Every way from one API to another.
disturbed.ways = {}
for _, from in ipairs(disturbed.ring) do
    for _, to in ipairs(disturbed.ring) do
        if from ~= to then
            table.insert(disturbed.ways, { from[1], to[1] })
        end
    end
end

---@class DisturbedPlan
---@field arguments string
---@field items table<string, table>  of the dry run, by source id
---@field creates integer             trunks that the target gets

--- Both sandboxes at their start, the source with its trunks, and what is planned for them. The same every time.
---@param pair MigrationPair
---@param only? table<string, boolean>  names of shapes
---@return DisturbedPlan
function disturbed.prepare(pair, only)
    pair.source:reset { fault = "" }
    pair.target:reset { fault = "" }
    pair.names = shapes.make(pair.source, pair.from, only)
    local arguments = consent.arguments(pair)
    local plan = pair.plan
    if not plan then
        plan = { items = pair:run(arguments .. " --dry-run").items, creates = 0 }
        for _, item in pairs(plan.items) do
            lu.assertEquals(item.state, "skipped", pair:place())
            plan.creates = plan.creates + #item.create
        end
        pair.plan = plan
    end
    plan.arguments = arguments
    return plan
end

local function targets_of(item)
    return type(item.target) == "table" and item.target or { item.target }
end

local function check_whole(pair, id, item, trunks, moment)
    local creates, targets = pair.plan.items[id].create, targets_of(item)
    local place = ("%s: %s"):format(moment, pair.names[id])
    lu.assertEquals(#targets, #creates, place)
    for i, create in ipairs(creates) do
        local there = trunks[targets[i]]
        lu.assertNotNil(there, ("%s: %s is not there"):format(place, tostring(targets[i])))
        truth.check_trunk(pair.to, create, there, place)
    end
end

local LISTS <const> = {
    famulor = {}, autocalls = {}, vatel = { assignments = { "agent_id", "number", "alternate_number" } },
    bolna = { phone_numbers = { "phone_number" } },
    bolna_trunk = { gateways = { "host", "port" }, ip_acls = { "cidr" }, numbers = { "e164" } },
}

local function check_parts_once(pair, trunk, moment)
    for list, keys in pairs(LISTS[pair.to]) do
        local seen = {}
        for _, part in ipairs(trunk[list]) do
            local key = {}
            for i, name in ipairs(keys) do
                key[i] = part[name] or ""
            end
            local text = canonical.text(key)
            lu.assertNil(seen[text], ("%s: %s %s of %s is there twice"):format(moment, list, text,
                tostring(trunk.id)))
            seen[text] = not part.deleted and not part.is_deleted or nil
        end
    end
end

--- Nothing is there twice, what is called done is there as it was planned, and what is not says why.
---@param pair MigrationPair
---@param result MigratedPair
---@param moment string
function disturbed.check(pair, result, moment)
    local trunks, count = pair:trunks "target"
    lu.assertTrue(count <= pair.plan.creates, ("%s: %d trunks at the target"):format(moment, count))
    for _, trunk in pairs(trunks) do
        check_parts_once(pair, trunk, moment)
    end
    for id, item in pairs(result.items) do
        if item.state == "done" then
            check_whole(pair, id, item, trunks, moment)
        else
            lu.assertTrue(item.error ~= nil or item.reason ~= nil, ("%s: %s is %s"):format(moment, pair.names[id],
                item.state))
        end
    end
end

local function check_passwords(pair, trunks, moment)
    local kept = pair.source:current_secrets().new or {}
    for secret, secret_state in pairs((kept[""] or {}).all or {}) do
        lu.assertEquals(secret_state, "rejected", ("%s: %s belongs to no trunk"):format(moment, secret))
    end
    for id, trunk in pairs(trunks) do
        for name, value in pairs(trunk) do
            if name:find "password$" and type(value) == "string" then
                lu.assertEquals((kept[id] or {})[name], value, ("%s: %s of %s in the ledger"):format(moment, name, id))
            end
        end
    end
end

--- The run that nothing disturbs: every trunk is there once and in full, its password is known, and a further run
--- has nothing to do.
---@param pair MigrationPair
---@param moment string
---@return MigratedPair
function disturbed.finish(pair, moment)
    local arguments = pair.plan.arguments
    local result
    moment = moment .. ", the next run"
    for _ = 1, LAST_RUNS do
        result = pair:run(arguments)
        if result.status ~= 1 or result.summary.unknown == 0 then break end
        disturbed.check(pair, result, moment)
    end
    lu.assertEquals(result.status, 0, moment .. ": " .. pair:complaints(result))
    local trunks, count = pair:trunks "target"
    lu.assertEquals(count, pair.plan.creates, moment)
    local seen = {}
    for id, item in pairs(result.items) do
        check_whole(pair, id, item, trunks, moment)
        for _, target in ipairs(targets_of(item)) do
            lu.assertNil(seen[target], ("%s: %s is named twice"):format(moment, target))
            seen[target] = true
        end
    end
    check_passwords(pair, trunks, moment)
    local latest = truth.latest(pair.target)
    local again = pair:run(arguments)
    lu.assertEquals({ again.status, again.summary.skipped }, { 0, again.summary.total },
        moment .. ": " .. pair:complaints(again))
    lu.assertEquals(truth.sent(pair.target, latest), {}, moment)
    return result
end

return disturbed
