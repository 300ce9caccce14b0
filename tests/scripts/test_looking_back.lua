--- What `runs`, `runs show` and `explain` have to say at three in the morning: of runs that were killed, cancelled,
--- locked out, or that failed before anything was sent.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost".json
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local ROTATE <const> = "rotate_passwords.lua --account famulor --yes --json "

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none --trunks 6")

local function script(text)
    local path = sandbox.folder .. "/job.lua"
    program.write(path, text)
    return path
end

--- The line of a table that begins with these words.
local function line_of(text, words)
    for line in text:gmatch "[^\n]+" do
        if line:gsub("%s+", " "):find(words, 1, true) == 1 then return line end
    end
    error(words .. " is not in:\n" .. text)
end

--- Killed at the first write that reaches the platform.
local function kill()
    for request = 2, 12 do
        sandbox:reset()
        sandbox:tell("kill", { request = request, moment = "after" })
        lu.assertEquals(sandbox:run(ROTATE .. "-j 1 --canary 0").status, 137)
        local log = sandbox:ask "log"
        if log[#log].method == "PUT" then
            return log[#log].path:match "[^/]+$"
        end
    end
    error "there was no write"
end

function tests.test_a_killed_run_says_what_may_have_happened_and_what_was_only_begun()
    start()
    local id = kill()
    local shown = sandbox:run "runs show last".out
    lu.assertStrContains(line_of(shown, "famulor " .. id .. " half-way"),
        "the run ended in the middle of it: it may have happened")
    lu.assertNotStrContains(shown, "running")
    local begun = 0
    for other in shown:gmatch "famulor +(%d+) +half%-way[^\n]*begun, but nothing was sent to a platform" do
        begun = begun + 1
        lu.assertStrContains(sandbox:run("explain " .. other).out, "half-way  begun, but nothing was sent to a platf")
    end
    lu.assertEquals(begun, 1)
    lu.assertStrContains(sandbox:run("explain " .. id).out, "half-way   the run ended in the middle of it")
    lu.assertStrContains(line_of(sandbox:run "runs".out, "20"), "killed  2 half-way")
    -- What it names resumes it.
    local resume = shown:match "It was killed%. Resume it with: trunkhost ([^\n]+)"
    local again = program.run(resume .. " -y --json")
    lu.assertEquals(again.status, 0, again.err)
    lu.assertStrContains(again.out, '"total":6,"done":6')
end

function tests.test_last_is_not_a_run_that_was_locked_out()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "label", undo = true,
            plan = function() return { changes = { nickname = "x" } } end,
            verify = function() os.execute(os.getenv "AGAIN" or "true") end }]]
    local again = ("%s -c %s --ledger %s %s --account famulor --yes"):format(program.quote(os.getenv "TRUNKHOST"),
        sandbox:config(), sandbox:ledger_path(), path)
    local first = sandbox:run(path .. " --account famulor --yes --json", { env = { AGAIN = again } })
    lu.assertEquals(first.status, 0, first.err)
    local id = first.out:match '"run":"([^"]+)"'
    lu.assertStrContains(line_of(sandbox:run "runs".out, "20"), "locked out")
    lu.assertStrContains(sandbox:run "runs show last".out, "Run       " .. id)
    local resumed = sandbox:run(path .. " --resume last --yes --json")
    lu.assertStrContains(resumed.out, '"done":0,"failed":0,"unknown":0,"skipped":6', resumed.err)
    lu.assertStrContains(resumed.out, "done in run " .. id)
end

function tests.test_what_fails_in_its_plan_is_on_record_and_is_nothing_to_take_back()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "label", undo = true, plan = function(item)
            return { changes = item.trunk.id == 42 and { nickname = ("x"):rep(1000) } or { nickname = "x" } }
        end }]]
    local job = path .. " --account famulor --yes --json"
    lu.assertEquals(sandbox:run(path .. " --account famulor --dry-run --json").status, 1)
    lu.assertEquals(sandbox:run "runs".status, 2) -- that has left no ledger
    local first = sandbox:run(job)
    lu.assertEquals(first.status, 1, first.err)
    lu.assertStrContains(first.err, "Failed: famulor 42. When the cause is fixed, to try again: trunkhost ")
    lu.assertStrContains(line_of(sandbox:run "runs".out, "20"), "some failed  5 done, 1 failed")
    local shown = sandbox:run "runs show last".out
    lu.assertStrContains(line_of(shown, "famulor 42 failed"), "invalid: ")
    lu.assertStrContains(shown, "Failed: famulor 42. When the cause is fixed")
    local story = sandbox:run "explain 42".out
    lu.assertStrContains(story, "item ended  failed  invalid: ")
    lu.assertNotStrContains(story, "item begun")
    local undone = sandbox:run(path .. " --undo last --yes --json")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertStrContains(undone.out, '"total":5,"done":5')
end

function tests.test_why_a_run_did_nothing_or_not_all_is_shown_later()
    start "--trunks 6 --fault refuse@PUT=1"
    lu.assertEquals(sandbox:run("rotate_passwords.lua --account famulor --yes", { token = "wrong" }).status, 1)
    local shown = sandbox:run "runs show last".out
    lu.assertStrContains(shown, "Items     1 account not listed\n")
    lu.assertStrContains(shown, "The trunks of famulor could not be listed: auth (HTTP 401): ")
    local halted = sandbox:run(ROTATE)
    lu.assertEquals(halted.status, 3)
    shown = sandbox:run "runs show last".out
    lu.assertStrContains(shown, "Items     1 failed, 5 not tried\n")
    lu.assertStrContains(shown, "Halted: the canary, ")
    lu.assertStrContains(shown, "--resume " .. json.decode(halted.out:match "([^\n]+)\n$").run)
end

function tests.test_what_a_second_signal_has_cut_off_is_half_way_and_what_was_only_begun_is_not()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "label", plan = function() return { changes = { nickname = "x" } } end,
            verify = function(item)
                local stop = item.trunk.id == 43 and ("kill -TERM %d"):format(trunkhost.uv.os_getpid())
                if stop then
                    os.execute(stop)
                    trunkhost.sleep(0)
                    os.execute(stop)
                    trunkhost.sleep(60)
                end
            end }]]
    local cut = sandbox:run(path .. " --account famulor --yes --json -j 1")
    lu.assertEquals(cut.status, 3, cut.err)
    lu.assertStrContains(cut.out, '"trunk":"43","state":"unknown"')
    lu.assertStrContains(cut.out, '"done":1,"failed":0,"unknown":1,"skipped":0,"left":4')
    local shown = sandbox:run "runs show last".out
    lu.assertStrContains(shown, "Items     1 done, 1 half-way, 4 not tried\n")
    lu.assertStrContains(line_of(shown, "famulor 43 half-way"), "it may have happened")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "looking_back", tests } })
