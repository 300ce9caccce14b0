--- Migrations, and what comes after them, killed at every request in turn, just before and just after it is carried
--- out, and run again: nothing is there twice, and everything is there.
---
---     WAY=vatel,bolna,move trunkhost tests/scripts/test_migrate_kill.lua    one sweep, in this process

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local disturbed <const> = require "migration_disturbed"
local pairs_of <const> = require "migration_pair"
local program <const> = require "program"
local truth <const> = require "migration_truth"
local workers <const> = require "workers"

local WORKERS <const> = 4
local MOMENTS <const> = { "before", "after" }

--- What each API has of parts: numbers, gateways, addresses, a switch.
local RICH <const> = {
    famulor = { "digest", "line 1", "line 2" },
    autocalls = { "digest", "line 1", "line 2" },
    vatel = { "several numbers", "line 1", "line 2" },
    bolna = { "digest", "three gateways", "inactive" },
    bolna_trunk = { "several numbers", "scattered addresses", "inactive" },
}

local function set_of(list)
    local set = {}
    for _, name in ipairs(list) do
        set[name] = true
    end
    return set
end

--- Kills what `act` does at one request of a side after the other; returns how many there were.
---@param act fun(place: string): MigratedPair  prepares, tells the sandbox by `arm`, and runs
local function sweep(pair, side, moment, act)
    local n = 0
    while true do
        n = n + 1
        local place = ("%s, killed %s request %d at the %s"):format(pair:place(), moment, n, side)
        local result = act(place, function() pair[side]:tell("kill", { request = n, moment = moment }) end)
        if result.status ~= 137 then
            lu.assertEquals(result.status, 0, place .. ": " .. pair:complaints(result))
            pair[side]:tell "kill"
            return n - 1
        end
        pair.source:ask "counts" -- what was in the kernel is served before this
        pair.target:ask "counts"
    end
end

local acts = {}

--- Killed while trunks are made, at the target; the source is only read.
function acts.move(pair, moment)
    return sweep(pair, "target", moment, function(place, arm)
        local plan = disturbed.prepare(pair, set_of(RICH[pair.from]))
        arm()
        local result = pair:run(plan.arguments)
        if result.status == 137 then
            disturbed.check(pair, result, place)
            disturbed.finish(pair, place)
        end
        return result
    end)
end

--- Killed while the source is read.
function acts.read(pair, moment)
    return sweep(pair, "source", moment, function(place, arm)
        local plan = disturbed.prepare(pair, set_of(RICH[pair.from]))
        arm()
        local result = pair:run(plan.arguments)
        if result.status == 137 then
            lu.assertEquals(select(2, pair:trunks "target"), 0, place)
            disturbed.finish(pair, place)
        end
        return result
    end)
end

local function moved(pair)
    local plan = disturbed.prepare(pair, set_of(RICH[pair.from]))
    local before = truth.picture(pair.target, pair.to)
    local result = pair:run(plan.arguments)
    lu.assertEquals(result.status, 0, pair:complaints(result))
    return plan, result.summary.run, before
end

--- Killed while a run is taken back: the same command goes on, and in the end nothing of the run is left.
function acts.undo(pair, moment)
    return sweep(pair, "target", moment, function(place, arm)
        local _, run, before = moved(pair)
        arm()
        local undone = pair:undo(run)
        if undone.status == 137 then
            local again = pair:undo(run)
            lu.assertEquals(again.status, 0, place .. ": " .. pair:complaints(again))
        end
        lu.assertEquals(truth.picture(pair.target, pair.to), before, place)
        return undone
    end)
end

local function retire(how, check)
    return function(pair, moment)
        return sweep(pair, "source", moment, function(place, arm)
            local plan = moved(pair)
            arm()
            local latest = truth.latest(pair.target)
            local result = pair:run(plan.arguments .. " --retire " .. how)
            if result.status == 137 then
                local again = pair:run(plan.arguments .. " --retire " .. how)
                lu.assertEquals(again.status, 0, place .. ": " .. pair:complaints(again))
            end
            check(pair, place)
            lu.assertEquals(select(2, pair:trunks "target"), plan.creates, place)
            lu.assertEquals(truth.sent(pair.target, latest), {}, place)
            return result
        end)
    end
end

acts.delete = retire("delete", function(pair, place)
    lu.assertEquals(select(2, pair:trunks "source"), 0, place)
end)

acts.deactivate = retire("deactivate", function(pair, place)
    for id, trunk in pairs(pair:trunks "source") do
        lu.assertFalse(trunk.is_active, ("%s: %s"):format(place, id))
    end
end)

--- Killed by the command that takes the passwords, at each of its runs: every password is handed on in the end, and
--- each is the live one.
function acts.deliver(pair, moment)
    local folder = pair.source.folder
    local script = ([[
        cd %s; echo >> runs; kill_at=$(cat kill_at)
        [ "$KILL" = before ] && [ $(wc -l < runs) = $kill_at ] && kill -9 $PPID && exit 1
        cat >> delivered
        [ "$KILL" = after ] && [ $(wc -l < runs) = $kill_at ] && kill -9 $PPID
        exit 0]]):format(folder)
    program.write(folder .. "/take", script)
    -- One after the other, so that each has its number.
    local command = ("-j 1 --deliver %s"):format(program.quote(("KILL=%s exec sh %s/take"):format(moment, folder)))
    local n = 0
    while true do
        n = n + 1
        local place = ("%s, killed %s delivery %d"):format(pair:place(), moment, n)
        local plan = disturbed.prepare(pair, set_of(RICH[pair.from]))
        os.execute(("rm -f %s/runs %s/delivered"):format(folder, folder))
        program.write(folder .. "/kill_at", tostring(n))
        local result = pair:run(plan.arguments .. " " .. command)
        if result.status ~= 137 then
            lu.assertEquals(result.status, 0, place .. ": " .. pair:complaints(result))
            return n - 1
        end
        program.write(folder .. "/kill_at", "0")
        local again = pair:run(plan.arguments .. " " .. command)
        lu.assertEquals(again.status, 0, place .. ": " .. pair:complaints(again))
        local taken = {}
        for _, told in ipairs(events.lines(program.read(folder .. "/delivered"))) do
            taken[told.trunk .. " " .. told.field] = told.secret
        end
        for id, trunk in pairs(pair:trunks "target") do
            for name, value in pairs(trunk) do
                if name:find "password$" and type(value) == "string" then
                    lu.assertEquals(taken[id .. " " .. name], value, ("%s: %s of %s"):format(place, name, id))
                end
            end
        end
        disturbed.finish(pair, place)
    end
end

--- What is swept: every pair for making; and for what comes after, one that has each.
local function sweeps()
    local list = {}
    for _, way in ipairs(disturbed.ways) do
        list[#list + 1] = { way[1], way[2], "move" }
    end
    table.move({ { "famulor", "vatel", "undo" }, { "vatel", "famulor", "undo" }, { "bolna", "bolna_trunk", "undo" },
        { "bolna", "bolna_trunk", "deactivate" }, { "bolna_trunk", "bolna", "deactivate" },
        { "famulor", "autocalls", "delete" }, { "vatel", "bolna", "delete" },
        { "famulor", "vatel", "deliver" }, { "vatel", "bolna", "read" } }, 1, 9, #list + 1, list)
    return list
end

local function all(part, count)
    local sandboxes <close> = pairs_of.sandboxes()
    local place, lines = 0, {}
    for _, each in ipairs(sweeps()) do
        for _, moment in ipairs(MOMENTS) do
            place = place + 1
            local chosen = part and place % count == part % count
                or os.getenv "WAY" == ("%s,%s,%s"):format(each[1], each[2], each[3])
            if chosen then
                local pair = pairs_of.open(sandboxes.source, sandboxes.target, each[1], each[2])
                lines[#lines + 1] = ("%s %s %s %s %d"):format(each[3], each[1], each[2], moment,
                    acts[each[3]](pair, moment))
            end
        end
    end
    return table.concat(lines, "\n")
end

local tests = {}

function tests.test_whatever_a_migration_was_doing_when_it_was_killed_is_finished_by_the_next_run()
    local seen, failed = 0, {}
    for _, worker in ipairs(workers.run("tests/scripts/test_migrate_kill.lua", WORKERS)) do
        failed[#failed + 1] = worker.failed and worker.out or nil
        for what, number in worker.out:gmatch "([%l_]+ [%l_]+ [%l_]+ %l+) (%d+)\n" do
            seen = seen + 1
            lu.assertTrue(tonumber(number) >= 3, what .. " was killed at too few points")
        end
    end
    lu.assertEquals(#failed, 0, table.concat(failed, "\n"))
    lu.assertEquals(seen, #sweeps() * #MOMENTS)
end

local part <const>, count <const> = workers.part()
if part or os.getenv "WAY" then
    workers.work("--trunks 0", function() return all(part, count) end)
else
    os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_kill", tests } })
end
