--- Every API to every other one and to another account of the same, with trunks of every shape: the target is what
--- was announced, the findings are the losses, what is stopped creates nothing, and it can all be taken back.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local consent <const> = require "migration_consent"
local json <const> = require "trunkhost.json"
local pairs_of <const> = require "migration_pair"
local program <const> = require "program"
local shapes <const> = require "migration_shapes"
local truth <const> = require "migration_truth"
local workers <const> = require "workers"

local WORKERS <const> = 2
local MARKS <const> = { exact = "=", changed = "~", lost = "✗", secret = "S" }
--- At a platform every gateway has a port; a file may leave it out.
local NEVER <const> = { ["BL→BL gateways ~"] = true }
local STAYING <const> = 3 -- trunks that are at the target before

local function targets_of(item)
    return type(item.target) == "table" and item.target or { item.target }
end

--- A migration of everything, after its dry run: what was said, what was sent, what is there.
local function move(pair, arguments, place)
    local before, latest = truth.picture(pair.target, pair.to), truth.latest(pair.target)
    local plan = pair:run(arguments .. " --dry-run")
    lu.assertEquals(truth.picture(pair.target, pair.to), before, place .. ": the dry run has changed something")
    local result = pair:run(arguments)
    local source, target = pair:trunks "source", pair:trunks "target"
    local moved, created = 0, 0
    for id, item in pairs(result.items) do
        local spot, planned = ("%s: %s"):format(place, pair.names[id]), plan.items[id]
        lu.assertEquals(canonical.text(item.findings or {}), canonical.text(planned.findings or {}), spot)
        if item.state == "done" then
            lu.assertEquals(planned.state, "skipped", spot)
            local natives = {}
            for i, new in ipairs(targets_of(item)) do
                natives[i] = target[new]
                lu.assertNotNil(natives[i], spot .. " is not there")
                truth.check_trunk(pair.to, planned.create[i], natives[i], spot)
            end
            lu.assertEquals(#natives, #planned.create, spot)
            truth.check_findings(pair, item.findings, source[id], natives, spot)
            moved, created = moved + 1, created + #natives
        else
            lu.assertEquals({ item.state, planned.state }, { "failed", "failed" }, spot)
            lu.assertStrContains(item.error.message, "not created: ")
            lu.assertEquals(item.error.message, planned.error.message, spot)
            lu.assertNil(item.target, spot)
        end
    end
    lu.assertEquals(truth.sent(pair.target, latest),
        truth.announced(plan.items, function(id) return result.items[id].state == "done" end), place)
    lu.assertEquals(truth.sent(pair.source, 0), pair.made, place .. ": the source was written to")
    lu.assertEquals(select(2, pair:trunks "target"), STAYING + created, place)
    lu.assertEquals(result.status, moved == result.summary.total and 0 or 1, place .. ": " .. pair:complaints(result))
    return result, moved, created
end

local function check_undone(pair, result, before, created, place)
    local undone = pair:undo(result.summary.run)
    lu.assertEquals(undone.status, 0, place .. ": undo: " .. pair:complaints(undone))
    lu.assertEquals(undone.summary.done, created, place)
    lu.assertEquals(truth.picture(pair.target, pair.to), before, place .. ": after undo")
end

--- Notes which verdicts there were, as "FA→VA label ✗".
local function note_verdicts(pair, result, seen)
    for _, item in pairs(result.items) do
        for _, finding in ipairs(item.findings) do
            local mark = finding.verdict == "missing" and (finding.blocks and "R" or "r") or MARKS[finding.verdict]
            seen[("%s %s %s"):format(consent.way(pair.from, pair.to), finding.field, mark)] = true
        end
    end
end

local function check_pair(sandboxes, from, to, seen)
    local source, target = sandboxes.source, sandboxes.target
    source:reset()
    target:reset { trunks = STAYING }
    local pair = pairs_of.open(source, target, from, to)
    pair.names = shapes.make(source, from)
    pair.made = truth.sent(source, 0)
    local place, before = pair:place(), truth.picture(target, to)

    -- Only what loses nothing and lacks nothing moves without a word.
    local strict, _, strictly_created = move(pair, "--secrets generate", place .. ", nothing allowed")
    note_verdicts(pair, strict, seen)
    check_undone(pair, strict, before, strictly_created, place .. ", nothing allowed")

    local arguments = consent.arguments(pair)
    local result, moved, created = move(pair, arguments, place)
    for id, item in pairs(result.items) do
        lu.assertEquals(item.state, "done", ("%s: %s: %s"):format(place, pair.names[id],
            item.error and item.error.message))
    end
    lu.assertTrue(moved >= 12, place)

    local latest = truth.latest(target)
    local again = pair:run(arguments)
    lu.assertEquals({ again.status, again.summary.skipped }, { 0, moved },
        place .. ", again: " .. pair:complaints(again))
    lu.assertEquals(truth.sent(target, latest), {}, place .. ", again")
    check_undone(pair, result, before, created, place)
    pair:check_violations()
    return moved
end

local function traced(why)
    return debug.traceback(type(why) == "table" and why.msg or tostring(why))
end

local function every_pair(part, count)
    local sandboxes <close> = pairs_of.sandboxes()
    local place, lines, seen, failed = 0, {}, {}, false
    for _, from in ipairs(pairs_of.apis) do
        for _, to in ipairs(pairs_of.apis) do
            place = place + 1
            if place % count == part % count then
                local ok, moved = xpcall(check_pair, traced, sandboxes, from, to, seen)
                lines[#lines + 1] = ("%s %s %s"):format(from, to, moved)
                failed = failed or not ok
            end
        end
    end
    lu.assertFalse(failed, table.concat(lines, "\n"))
    for verdict in pairs(seen) do
        lines[#lines + 1] = "verdict " .. verdict
    end
    return table.concat(lines, "\n")
end

--- The verdicts that docs/mapping.md lists, as note_verdicts writes them.
local function documented()
    local found, directions = {}, nil
    for line in program.read("docs/mapping.md"):match("<!%-%- table: verdicts %-%->(.-)<!%-%-"):gmatch "[^\n]+" do
        local cells = {}
        for cell in line:gmatch "|([^|]*)" do
            cells[#cells + 1] = cell:match "^%s*(.-)%s*$"
        end
        local field = cells[1]:match "^`(.*)`$"
        directions = directions or cells
        for i = 2, field and #cells or 1 do
            for mark in cells[i]:gmatch "%S+" do
                found[("%s %s %s"):format(directions[i], field, mark)] = true
            end
        end
    end
    return found
end

local tests = {}

function tests.test_between_all_apis_trunks_of_every_shape_become_what_was_announced_and_go_again()
    local pairs_seen, seen, expected = 0, {}, documented()
    for _, worker in ipairs(workers.run("tests/scripts/test_migrate_matrix.lua", WORKERS)) do
        lu.assertFalse(worker.failed, worker.out)
        for _ in worker.out:gmatch "[%l_]+ [%l_]+ %d+\n" do
            pairs_seen = pairs_seen + 1
        end
        for verdict in worker.out:gmatch "verdict ([^\n]+)" do
            seen[verdict] = true
            lu.assertTrue(expected[verdict], verdict .. " is not in docs/mapping.md")
        end
    end
    lu.assertEquals(pairs_seen, 25)
    for verdict in pairs(expected) do
        -- The findings of a dry run leave out what is as it was.
        lu.assertTrue(seen[verdict] or NEVER[verdict] or verdict:find "=$" ~= nil, verdict .. " does not occur")
    end
end

local READABLE <const> = { "nickname", "phone_number", "sip_username", "sip_address", "sip_calling_format",
    "inbound_authorization_type", "allowed_inbound_ips", "country_code", "outbound_proxy", "sip_trunk_type" }

--- Nothing is nothing, however a platform writes it.
local function readable(trunk)
    local fields = {}
    for _, name in ipairs(READABLE) do
        local value = trunk[name]
        fields[name] = (value == nil or value == json.null) and "" or value
    end
    return canonical.text(fields)
end

function tests.test_famulor_to_autocalls_and_back_keeps_every_readable_field_of_every_shape()
    local sandboxes <close> = pairs_of.sandboxes()
    local here, there = sandboxes.source, sandboxes.target
    local out = pairs_of.open(here, there, "famulor", "autocalls")
    out.names = shapes.make(here, "famulor")
    local start = out:trunks "source"
    local gone = out:run "--secrets generate"
    lu.assertEquals(gone.status, 0, gone.err)
    here:reset()
    local back = pairs_of.open(there, here, "autocalls", "famulor")
    local returned = back:run "--secrets generate"
    lu.assertEquals(returned.status, 0, returned.err)
    local finish, count = back:trunks "target"
    for id, trunk in pairs(start) do
        local copy = finish[returned.items[gone.items[id].target].target]
        lu.assertEquals(readable(copy), readable(trunk), out.names[id])
        count = count - 1
    end
    lu.assertEquals(count, 0)
end

local part <const>, count <const> = workers.part()
if part then
    workers.work("--trunks 0", function() return every_pair(part, count) end)
else
    os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_matrix", tests } })
end
