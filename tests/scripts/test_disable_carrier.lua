--- The job script that docs/writing-scripts.md teaches with: what the engine gives to one that has not a line for it.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local SCRIPT <const> = "scripts/disable_carrier.lua"

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none --trunks 24")

local function run(arguments)
    return events.read(sandbox:run(("%s --json %s"):format(SCRIPT, arguments)))
end

--- Trunks of the carrier that are on; everything else as text.
local function world()
    local on, rest = 0, {}
    for _, trunk in ipairs(sandbox:ask "state".bolna.trunks) do
        if trunk.provider == "zadarma" then
            on = on + (trunk.is_active ~= false and 1 or 0)
        else
            rest[trunk.id] = trunk
        end
    end
    return on, rest
end

function tests.test_it_is_shorter_than_forty_lines_and_the_document_shows_it_as_it_is()
    local text = program.read(SCRIPT)
    lu.assertTrue(select(2, text:gsub("\n", "")) < 40)
    lu.assertStrContains(program.read "docs/writing-scripts.md", text)
end

function tests.test_it_disables_the_trunks_of_that_carrier_and_touches_no_other()
    start()
    local on, rest = world()
    lu.assertTrue(on >= 3)
    local result = run "--account bolna --carrier Zadarma --yes"
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.summary.done, on)
    local left, others = world()
    lu.assertEquals({ left, others }, { 0, rest })
    for _, request in ipairs(sandbox:writes()) do
        lu.assertEquals(request.body, '{"is_active":false}')
    end
    lu.assertEquals(sandbox:ask "violations", {})
    -- Nothing is left to do.
    lu.assertEquals(run "--account bolna --carrier zadarma --yes".summary.skipped, 24)
end

function tests.test_a_dry_run_shows_the_plan_and_sends_nothing()
    start()
    local on = world()
    local result = run "--account bolna --carrier zadarma --dry-run"
    lu.assertEquals(result.status, 0)
    lu.assertStrContains(result.err, "is_active: true → false")
    lu.assertStrContains(result.err, ("Plan: %d of 24 trunks on 1 account change; no leg is re-created."):format(on))
    lu.assertEquals(#sandbox:writes(), 0)
end

function tests.test_without_a_terminal_and_without_yes_nothing_is_written()
    start()
    lu.assertEquals(run "--account bolna --carrier zadarma".status, 2)
    lu.assertEquals(#sandbox:writes(), 0)
end

function tests.test_a_canary_that_fails_stops_it()
    start "--fault refuse@PATCH=1"
    local result = run "--account bolna --carrier zadarma --yes"
    lu.assertEquals(result.status, 3)
    lu.assertEquals(#sandbox:writes(), 1)
    lu.assertTrue(result.summary.halted)
end

function tests.test_killed_it_is_gone_on_with()
    start()
    local on, rest = world()
    sandbox:tell("kill", { request = 6, moment = "after" })
    lu.assertEquals(run "--account bolna --carrier zadarma --yes -j 1".status, 137)
    local left = world()
    lu.assertTrue(left > 0 and left < on)
    local result = run "--resume last --yes"
    lu.assertEquals(result.status, 0, result.err)
    local now, others = world()
    lu.assertEquals({ now, others }, { 0, rest })
    -- The one that was under way may have been sent again, no other.
    lu.assertTrue(#sandbox:writes() <= on + 1)
end

function tests.test_without_a_carrier_it_says_what_is_missing()
    start()
    local result = run "--account bolna --yes"
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "'--carrier'")
    lu.assertEquals(#sandbox:ask "log", 0)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "disable_carrier", tests } })
