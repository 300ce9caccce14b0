--- Plans in files: what is written there, that nothing else is carried out, and that nothing is that has changed.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local json <const> = trunkhost.json
local ROTATE <const> = "scripts/rotate_passwords.lua --account famulor "

local tests = {}
local plan
local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--trunks 6 --limits none")

function tests.setUp()
    start()
    plan = sandbox.folder .. "/plan"
end

local function writes()
    local found = sandbox:writes()
    for i, request in ipairs(found) do found[i] = request.path:match "[^/]+$" end
    table.sort(found)
    return found
end

local function run(arguments)
    return events.read(sandbox:run(arguments))
end

local function lines_of(text)
    local found = {}
    for line in text:gmatch "[^\n]+" do found[#found + 1] = line end
    return found
end

local function change(id, field)
    local account = program.quote(([[require("trunkhost").account "famulor":update(%s, { nickname = %q })]])
        :format(id, field))
    lu.assertEquals(sandbox:run("-e " .. account).status, 0)
end

function tests.test_a_dry_run_writes_the_plan_for_its_owner_alone_without_a_secret_and_sends_nothing()
    local result = run(ROTATE .. "--dry-run --plan-out " .. plan)
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(#writes(), 0)
    lu.assertEquals(program.shell("stat -c %a " .. plan), "600\n")
    local lines = lines_of(program.read(plan))
    local header = json.decode(lines[1])
    lu.assertEquals(header.event, "plan")
    lu.assertEquals(header.arguments, { { "--account", "famulor" } })
    lu.assertStrMatches(header.script_hash, ("%x"):rep(64))
    lu.assertEquals(#lines, 7)
    local item = json.decode(lines[2])
    lu.assertEquals(item.account, "famulor")
    lu.assertEquals(item.trunk, "42")
    lu.assertEquals(item.changes, { sip_password = "[new secret]" })
    lu.assertEquals(item.impact, { inbound = true, outbound = true })
    lu.assertStrMatches(item.before, ("%x"):rep(64))
end

function tests.test_a_plan_is_applied_as_it_is_and_what_has_changed_since_or_is_gone_is_skipped()
    run(ROTATE .. "--dry-run --plan-out " .. plan)
    change(43, "Renamed")
    program.ok(sandbox:run [[-e 'require("trunkhost").account "famulor":delete(45)']])
    local before = #writes()
    local result = run(ROTATE .. "--yes --json -j 3 --canary 0 --plan " .. plan)
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.items["43"].state, "skipped")
    lu.assertEquals(result.items["43"].reason, "changed since the plan")
    lu.assertEquals(result.items["45"].state, "skipped")
    lu.assertStrContains(result.items["45"].reason, "changed since the plan")
    for _, id in ipairs { "42", "46", "48", "49" } do lu.assertEquals(result.items[id].state, "done") end
    lu.assertEquals(#writes(), before + 4)
    -- Once applied, everything in it is different.
    local again = run(ROTATE .. "--yes --json --plan " .. plan)
    for _, item in pairs(again.items) do lu.assertEquals(item.state, "skipped") end
end

function tests.test_a_trunk_that_is_not_in_the_plan_is_never_touched()
    run(ROTATE .. "--dry-run --plan-out " .. plan)
    local lines = lines_of(program.read(plan))
    table.remove(lines, 3)
    program.write(plan, table.concat(lines, "\n"), "600")
    local result = run(ROTATE .. "--yes --json --plan " .. plan)
    lu.assertEquals(result.status, 0)
    lu.assertEquals(result.items["43"].reason, "not in the plan")
    lu.assertEquals(writes(), { "42", "45", "46", "48", "49" })
end

function tests.test_another_script_or_other_arguments_are_refused_and_nothing_is_sent()
    local script = sandbox.folder .. "/rotate.lua"
    local text = program.read "scripts/rotate_passwords.lua"
    program.write(script, text)
    run(script .. " --account famulor --only 42,43 --legs inbound --dry-run --plan-out " .. plan)
    local before = #sandbox:ask "log"
    for arguments, words in pairs {
        ["--account famulor --only 42,43"] = "was made with other arguments (--account famulor --only 42,43 "
            .. "--legs inbound)",
        ["--account famulor --only 42,43,45 --legs inbound"] = "other arguments",
    } do
        local result = run(script .. " --yes --plan " .. plan .. " " .. arguments)
        lu.assertEquals(result.status, 2)
        lu.assertStrContains(result.err, words)
    end
    program.write(script, text .. "\n-- changed\n")
    local result = run(script .. " --yes --account famulor --only 42,43 --legs inbound --plan " .. plan)
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "made by another script, or this script has changed since")
    lu.assertEquals(#sandbox:ask "log", before)
end

function tests.test_arguments_that_say_how_it_goes_may_differ_and_may_be_written_otherwise()
    run(ROTATE .. "--only=42,43 --legs inbound -n -j2 --plan-out=" .. plan)
    local result = run("scripts/rotate_passwords.lua --account=famulor --only 42,43 --legs=inbound -qyj4 --canary 0 "
        .. "--max-failures 1 --plan " .. plan)
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(writes(), { "42", "43" })
end

function tests.test_a_file_that_is_no_plan_or_that_others_can_read_is_refused_in_one_line()
    run(ROTATE .. "--dry-run --plan-out " .. plan)
    local good = program.read(plan)
    for text, words in pairs {
        [""] = "is empty",
        ["trunk,field\n"] = "line 1: this is not a plan",
        [good .. "{\n"] = "line 8: this is not a plan",
        [good:gsub('"version":1', '"version":9')] = "another version of trunkhost",
    } do
        program.write(plan, text, "600")
        local result = run(ROTATE .. "--yes --plan " .. plan)
        lu.assertEquals(result.status, 2)
        lu.assertStrContains(result.err, words)
        lu.assertEquals(#lines_of(result.err), 1)
    end
    program.write(plan, good, "644")
    lu.assertStrContains(run(ROTATE .. "--yes --plan " .. plan).err, "can be read by others")
    lu.assertStrContains(run(ROTATE .. "--yes --plan " .. plan .. "x").err, "cannot read the plan")
    local nowhere = run(ROTATE .. "--dry-run --plan-out /nowhere/plan")
    lu.assertEquals(nowhere.status, 2)
    lu.assertStrContains(nowhere.err, "cannot write the plan /nowhere/plan")
    lu.assertEquals(#writes(), 0)
end

function tests.test_a_script_that_plans_something_else_now_changes_nothing_of_it()
    local script = sandbox.folder .. "/rename.lua"
    program.write(script, [[
        local trunkhost = require "trunkhost"
        local parser = trunkhost.options { name = "rename" }
        local options = parser:parse()
        trunkhost.job.run { name = "rename", options = options,
            plan = function() return { changes = { nickname = os.getenv "NICKNAME" } } end }]])
    local function named(name, arguments)
        return sandbox:run(script .. " --account famulor --json " .. arguments, { env = { NICKNAME = name } })
    end
    lu.assertEquals(named("one", "-n --plan-out " .. plan).status, 0)
    local other = named("two", "-y --plan " .. plan)
    lu.assertEquals(other.status, 0, other.err)
    lu.assertEquals(#writes(), 0)
    lu.assertStrContains(other.out, '"skipped":6')
    lu.assertEquals(named("one", "-y --plan " .. plan).status, 0)
    lu.assertEquals(#writes(), 6)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "job_plan_file", tests } })
