--- Waves, soaking, a refused token and cancelling: what is begun when, and what is said of the rest.

package.path = "tests/support/?.lua;" .. package.path
local job_script <const> = require "job_script"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local script <const> = job_script.run

local tests = {}
local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

local ROTATE <const> = "scripts/rotate_passwords.lua --yes --json "

function tests.test_each_wave_is_verified_before_the_next_begins()
    local result = program.ok(script [[
        local begun, verified, widest = 0, 0, 0
        run({ apply = function()
                begun = begun + 1
                -- Of the canary, and of whole waves after it, nothing is open when another wave begins.
                if begun > 1 and verified < 1 + (begun - 2) // 4 * 4 then error "too early" end
                widest = math.max(widest, begun - verified)
            end,
            verify = function() trunkhost.sleep(0.01) verified = verified + 1 end,
        }, { canary = 1, wave = 4, concurrency = 8 })
        io.stderr:write("WIDEST ", widest, "\n")]])
    lu.assertEquals(result.summary.done, 12)
    lu.assertEquals(result.err:match "WIDEST (%d+)", "4")
end

local FAIL_AT_6 <const> = [[apply = function() tried[#tried + 1] = 1
    if #tried == 6 then job.failed("refused", "no") end end]]

function tests.test_a_failure_in_a_wave_ends_the_run_before_the_next_unless_a_number_is_allowed()
    local strict = script("run({" .. FAIL_AT_6 .. "}, { canary = 1, wave = 4, concurrency = 8 })")
    lu.assertEquals(strict.status, 3)
    lu.assertEquals(strict.tried, 9)
    lu.assertStrContains(strict.err, "failed in this wave")
    local tolerant = script("run({" .. FAIL_AT_6 .. "}, { canary = 1, wave = 4, max_failures = { count = 2 } })")
    lu.assertEquals(tolerant.status, 1)
    lu.assertEquals(tolerant.tried, 12)
end

function tests.test_soaking_lies_between_waves_and_after_the_canary_and_a_deadline_ends_it()
    local result = program.ok(script [[
        local ended, pauses = nil, 0
        run({ apply = function()
            if ended and core.now() - ended >= 0.04 then pauses = pauses + 1 end
            tried[#tried + 1] = 1
            ended = core.now()
        end }, { canary = 2, wave = 5, soak = 0.04 })
        io.stderr:write("PAUSES ", pauses, "\n")]])
    lu.assertEquals(result.err:match "PAUSES (%d+)", "2")
    local late = script [[run({}, { canary = 1, soak = 3600, deadline = { at = core.now() + 0.3, text = "soon" } })]]
    lu.assertEquals(late.status, 3)
    lu.assertEquals(late.tried, 1)
    lu.assertStrContains(late.err, "the deadline (soon) has passed")
end

function tests.test_a_signal_ends_the_soaking()
    local result = script [[
        local pid = io.open "/proc/self/stat":read "n"
        run({ apply = function() tried[#tried + 1] = 1 os.execute("kill -TERM " .. pid) end },
            { canary = 1, soak = 3600 })]]
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.tried, 1)
    lu.assertStrContains(result.err, "stopped by a signal")
end

-- --- a refused token -------------------------------------------------------------------------------

function tests.test_a_token_that_may_not_write_ends_its_account_at_the_first_trunk()
    start "--limits none"
    local result = sandbox:run(ROTATE .. "--account famulor", { token = "sandbox-readonly" })
    lu.assertEquals(result.status, 1)
    lu.assertEquals(#sandbox:writes(), 1)
    lu.assertStrContains(result.out, '"account":"famulor","trunk":"42","state":"failed","attempts":1,'
        .. '"error":{"kind":"auth","status":403,')
    lu.assertStrContains(result.out, '"total":12,"done":0,"failed":1,"unknown":0,"skipped":0,"left":11,')
    lu.assertStrContains(result.err, "The token of famulor was refused: 11 items were not tried.")
    lu.assertStrContains(result.err, ("to resume: trunkhost -c %s/config.lua --ledger %s %s --resume "):format(
        sandbox.folder, sandbox:ledger_path(), ROTATE:match "^%S+"))
    lu.assertStrContains(result.out, '"halted":false')
end

function tests.test_a_refused_token_does_not_stop_the_other_accounts_which_have_a_canary_of_their_own()
    local result = script([[
        run({ apply = function(item)
            tried[#tried + 1] = 1
            if item.account:name() == "autocalls" then core.error("auth", "no such token") end
        end }, { account = { "autocalls", "famulor" }, canary = 1, concurrency = 4, max_failures = { count = 2 } })]])
    lu.assertEquals(result.status, 1, result.err)
    lu.assertEquals(result.tried, 13)
    lu.assertEquals(result.summary.done, 12)
    lu.assertEquals({ result.summary.failed, result.summary.left }, { 1, 11 })
    lu.assertEquals(result.summary.total, 24)
end

-- --- limits ----------------------------------------------------------------------------------------

function tests.test_max_failures_with_every_write_refused_stops_in_time_and_the_platform_counted_the_same()
    start "--trunks 80 --limits none --latency 5 --fault refuse@PUT=1"
    local result = sandbox:run(ROTATE .. "--account famulor --canary 0 --max-failures 3 -j 16")
    lu.assertEquals(result.status, 3)
    local refused = sandbox:writes()
    lu.assertTrue(#refused >= 3 and #refused <= 3 + 15, #refused)
    lu.assertStrContains(result.out, ('"total":80,"done":0,"failed":%d,"unknown":0,"skipped":0'):format(#refused))
    lu.assertStrContains(result.err, ("%d items were not tried"):format(80 - #refused))
    for _, request in ipairs(refused) do lu.assertFalse(request.applied) end
end

function tests.test_a_share_of_failures_is_one_of_what_is_to_be_done()
    -- 10 of 40 have something to be done.
    local result = script([[local n = 0
        run({ plan = function() n = n + 1 return n % 4 == 0 and { changes = {}, impact = {} } or { skip = "no" } end,
            apply = function() tried[#tried + 1] = 1 job.unknown "?" end }, { max_failures = { percent = 30 } })]],
        "trunks=40")
    lu.assertEquals(result.tried, 3)
    lu.assertEquals(result.status, 3)
end

-- --- cancelling ------------------------------------------------------------------------------------

function tests.test_the_second_signal_cancels_and_the_summary_says_what_is_unknown_and_how_to_go_on()
    start "--limits none"
    local result = sandbox:run("-e " .. program.quote(job_script.PRELUDE .. [[
        local pid = io.open "/proc/self/stat":read "n"
        run({ apply = function(item)
            tried[#tried + 1] = 1
            if #tried < 4 then return end
            if #tried == 4 then
                repeat trunkhost.sleep(0.01) until #tried == 5 -- by the other worker
                os.execute("kill -TERM " .. pid)
                repeat trunkhost.sleep(0.01) until core.stopping()
                os.execute("kill -TERM " .. pid)
            end
            trunkhost.sleep(3600)
        end }, { concurrency = 2 })]]))
    lu.assertEquals(result.status, 3)
    lu.assertStrContains(result.out, '"trunk":"46","state":"unknown","attempts":0,"error":{"kind":"cancelled"')
    lu.assertStrContains(result.out, '"total":12,"done":3,"failed":0,"unknown":2,"skipped":0')
    lu.assertStrContains(result.err, "cancelled by a second signal")
    lu.assertStrContains(result.err, "7 items were not tried")
    lu.assertStrContains(result.err, "Unknown: famulor 46, famulor 48")
    lu.assertStrMatches(result.err, ".*to resume: trunkhost [^\n]* %-%-resume [%w-]+\n.*")
end

function tests.test_a_signal_at_the_last_item_leaves_nothing_and_cuts_nothing_short()
    -- Where the signals come, and whether something is cut short by them.
    local places = {
        { "signal(1)", "" }, { "", "signal(1)" }, { "signal(1) trunkhost.sleep(0.01)", "" },
        { "signal(2)", "", true }, { "", "signal(2)", true }, { "", "signal(2) trunkhost.sleep(60)", true, "unknown" },
    }
    for _, place in ipairs(places) do
        local result = job_script.run((([[
            local pid = io.open "/proc/self/stat":read "n"
            local function signal(times)
                os.execute("kill -TERM " .. pid)
                repeat trunkhost.sleep(0.01) until core.stopping()
                if times == 2 then os.execute("kill -TERM " .. pid) end
            end
            run({ apply = function(item)
                tried[#tried + 1] = 1
                if #tried == 2 then APPLY end
            end, verify = function() if #tried == 2 then VERIFY end return "accepted" end },
            { only = { "42", "43" } })]]):gsub("APPLY", place[1]):gsub("VERIFY", place[2])))
        local summary, where = result.summary, table.concat({ place[1], place[2] }, "; ") .. result.err
        lu.assertEquals(summary.halted, place[3] or false, where)
        lu.assertEquals(result.status, summary.halted and 3 or 0, where)
        lu.assertNil(summary.left, where)
        lu.assertEquals(result.states["43"] or "none", place[4] or result.states["43"], where)
        lu.assertEquals(summary.done + summary.unknown, 2, where)
    end
end

function tests.test_what_was_done_when_the_second_signal_came_is_on_record_as_done()
    start "--limits none"
    local result = sandbox:run("-e " .. program.quote(job_script.PRELUDE .. [[
        local pid = io.open "/proc/self/stat":read "n"
        run({ verify = function(item)
            if #tried == 2 then
                os.execute("kill -TERM " .. pid)
                repeat trunkhost.sleep(0.01) until core.stopping()
                os.execute("kill -TERM " .. pid)
            end
            return "accepted"
        end })]]))
    lu.assertEquals(result.status, 3)
    lu.assertStrContains(result.out, '"trunk":"43","state":"done","evidence":"accepted"')
    lu.assertStrContains(result.out, '"total":12,"done":2,"failed":0,"unknown":0,"skipped":0,"left":10')
    lu.assertStrContains(sandbox:run "runs show last".out, "Items     2 done")
end

-- --- being watched ---------------------------------------------------------------------------------

local function on_terminal(command)
    return program.shell("TERM=xterm script -qec " .. program.quote(command) .. " /dev/null </dev/null 2>&1")
end

function tests.test_the_progress_line_counts_names_the_rate_and_what_it_waits_for()
    start "--trunks 8 --limits 6/1"
    local text = on_terminal(("%s -c %s --ledger %s/ledger.db %s --account famulor"):format(os.getenv "TRUNKHOST",
        sandbox:config { rate = "{ { 6, per = 1 } }" }, sandbox.folder, ROTATE:gsub("%-%-json", "")))
    lu.assertStrMatches(text, ".*\r\27%[K%d+/8  %d+ done  [%d.]+/s  [^\r]* left.*")
    lu.assertStrContains(text, "waiting for ")
    lu.assertStrContains(text, "8 done\27[0m, 0 failed")
end

function tests.test_the_progress_line_shows_the_pause_between_waves()
    start "--trunks 3 --limits none"
    local text = on_terminal(("%s -c %s --ledger %s/ledger.db %s --account famulor --soak 0.6s"):format(
        os.getenv "TRUNKHOST", sandbox:config(), sandbox.folder, ROTATE:gsub("%-%-json", "")))
    lu.assertStrMatches(text, ".*1/3  1 done [^\r]*  waiting 0%.%d s before the next wave.*")
end

function tests.test_without_a_terminal_there_is_no_control_character_and_no_line_in_the_first_minute()
    start "--trunks 12 --limits none --latency 20"
    local result = sandbox:run("scripts/rotate_passwords.lua --yes --account famulor")
    lu.assertEquals(result.err, "")
    lu.assertNil(result.out:find "[%c]" and result.out:gsub("\n", ""):find "%c")
end

function tests.test_quiet_is_silent_also_in_waves()
    start "--trunks 6 --limits none"
    local result = sandbox:run("scripts/rotate_passwords.lua --yes --quiet --account famulor --wave 2 --soak 0.01s")
    lu.assertEquals(result.out .. result.err, "")
    lu.assertEquals(result.status, 0)
    lu.assertEquals(#sandbox:writes(), 6)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "job_waves", tests } })
