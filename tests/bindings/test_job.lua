--- The job engine with scripts of every kind of behaviour: limits, canary, faults, stops, and what is said of them.

package.path = "tests/support/?.lua;" .. package.path
local job_script <const> = require "job_script"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local script <const> = job_script.run

local tests = {}
local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

local function keys(object)
    local names = {}
    for name in pairs(object) do names[#names + 1] = name end
    table.sort(names)
    return table.concat(names, ",")
end

-- --- results ---------------------------------------------------------------------------------------

function tests.test_json_lines_have_the_members_of_the_contract()
    local result = script [[run { apply = function(item)
        if item.trunk.id == 43 then job.failed("refused", "no", { attempts = 2 }) end
        return { evidence = "accepted", attempts = 1 } end }]]
    lu.assertEquals(keys(result.items[1]), "account,attempts,event,evidence,state,trunk")
    lu.assertEquals(result.items[1], { event = "item", account = "famulor", trunk = "42", state = "done",
        evidence = "accepted", attempts = 1 })
    lu.assertEquals(result.items[2], { event = "item", account = "famulor", trunk = "43", state = "failed",
        attempts = 2, error = { kind = "refused", message = "no" } })
    lu.assertEquals(keys(result.summary), "done,event,failed,halted,run,seconds,skipped,total,unknown")
    lu.assertEquals(result.summary.total, 12)
    lu.assertEquals(result.status, 1)
    lu.assertStrMatches(result.out, '{"event":"item","account":"famulor","trunk":"42","state":"done",.*')
end

function tests.test_states_follow_from_what_apply_and_verify_raise()
    local result = script [[
        local ends = {
            [42] = function() job.unknown "who knows" end,
            [43] = function() job.failed("conflict", "taken") end,
            [45] = function(item) item.account:get(999999) end,
            [46] = function(item) item.account:update(item.trunk.id, { nosuch = 1 }) end,
        }
        local looks = {
            [48] = function() core.error("timeout", "nobody answers") end,
            [49] = function() core.error("refused", "seen and refused") end,
            [50] = function() return "registered" end,
        }
        run {
            apply = function(item)
                if ends[item.trunk.id] then ends[item.trunk.id](item) end
                return { attempts = 1 }
            end,
            verify = function(item) if looks[item.trunk.id] then return looks[item.trunk.id]() end end,
        }]]
    lu.assertEquals(result.states, { ["42"] = "unknown", ["43"] = "failed", ["45"] = "failed", ["46"] = "failed",
        ["48"] = "unknown", ["49"] = "failed", ["50"] = "done", ["52"] = "done", ["53"] = "done", ["55"] = "done",
        ["56"] = "done", ["57"] = "done" })
    lu.assertEquals(result.items[3].error.kind, "not_found")
    lu.assertEquals(result.items[3].error.status, 404)
    lu.assertEquals(result.items[4].error.kind, "invalid")
    lu.assertEquals(result.items[4].attempts, 0)
    lu.assertEquals(result.items[7].evidence, "registered")
    lu.assertEquals(result.status, 1)
end

function tests.test_a_skip_with_a_reason_is_no_failure()
    local result = script [[run { plan = function() return { skip = "no need" } end }]]
    lu.assertEquals(result.status, 0)
    lu.assertEquals(result.summary.skipped, 12)
    lu.assertEquals(result.items[1].reason, "no need")
    lu.assertEquals(result.tried, 0)
end

function tests.test_items_may_have_a_form_of_their_own()
    local result = script [[run {
        items = function() local n = 0 return function() n = n + 1 return n <= 3 and { name = "n" .. n } or nil end end,
        key = function(item) return item.name end,
        plan = function(item) return item.name == "n2" and { skip = "even" } or { changes = {}, impact = {} } end,
        apply = function(item) tried[#tried + 1] = item.name end,
    }]]
    lu.assertEquals(result.states, { n1 = "done", n2 = "skipped", n3 = "done" })
end

function tests.test_without_apply_the_planned_changes_are_sent_and_proven()
    start "--trunks 4 --limits none"
    local result = program.ok(sandbox:run("-e " .. program.quote [[
        local trunkhost = require "trunkhost"
        local parser = trunkhost.options { name = "disable" }
        trunkhost.job.run { name = "disable", options = parser:parse(), plan = function(item)
            if item.trunk.provider ~= "zadarma" then return { skip = "another carrier" } end
            return { changes = { is_active = false } }
        end }]] .. " --account bolna --yes --json"))
    lu.assertStrContains(result.out, '"state":"done","evidence":"updated_at","attempts":1}')
    for _, trunk in ipairs(sandbox:ask "state".bolna.trunks) do
        lu.assertEquals(trunk.is_active, trunk.provider ~= "zadarma" and trunk.is_active)
    end
end

-- --- stopping --------------------------------------------------------------------------------------

function tests.test_the_canary_goes_first_and_its_failure_halts_the_run()
    local result = script([[run({ apply = function(item) tried[#tried + 1] = 1 job.failed("refused", "no") end },
        { canary = 2, concurrency = 16 })]], "trunks=30")
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.tried, 2)
    lu.assertEquals(result.summary.failed, 2)
    lu.assertTrue(result.summary.halted)
    lu.assertStrContains(result.err, "the canary, trunk 42 on famulor, failed")
    lu.assertStrContains(result.err, "28 items were not tried")
end

function tests.test_a_canary_is_verified_before_the_rest_begins()
    local result = program.ok(script [[local verified = 0
        run({ apply = function() if #tried > 0 and verified == 0 then error "too early" end tried[#tried + 1] = 1 end,
            verify = function() trunkhost.sleep(0.02) verified = verified + 1 end }, { canary = 1, concurrency = 8 })]])
    lu.assertEquals(result.tried, 12)
end

function tests.test_max_failures_is_counted_exactly_also_with_concurrency()
    start "--trunks 60 --limits none --fault refuse@PUT=1"
    local result = sandbox:run("scripts/rotate_passwords.lua --account famulor --yes --json --canary 0 "
        .. "--max-failures 3 -j 16")
    local writes = 0
    for _, request in ipairs(sandbox:ask "log") do
        if request.method == "PUT" then
            lu.assertEquals(request.status, 422)
            writes = writes + 1
        end
    end
    lu.assertEquals(result.status, 3)
    lu.assertTrue(writes >= 3 and writes <= 3 + 15, writes .. " writes")
    lu.assertStrContains(result.out, ('"done":0,"failed":%d,"unknown":0'):format(writes))
end

function tests.test_max_failures_one_at_a_time_stops_at_that_number_and_may_be_a_share()
    local fails = [[{ apply = function() tried[#tried + 1] = 1 job.unknown "?" end }]]
    lu.assertEquals(script("run(" .. fails .. ", { max_failures = { count = 3 } })").tried, 3)
    lu.assertEquals(script("run(" .. fails .. ", { max_failures = { percent = 10 } })", "trunks=40").tried, 4)
    -- Reached with the last item, it has halted nothing.
    local last = script("run(" .. fails .. ", { max_failures = { count = 12 } })")
    lu.assertEquals(last.status, 1)
    lu.assertFalse(last.summary.halted)
end

function tests.test_nothing_is_begun_after_the_deadline()
    local result = script [[run({ apply = function() tried[#tried + 1] = 1 D.at = 0 end },
        { deadline = (function() D = { at = core.now() + 3600, text = "1h" } return D end)() })]]
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.tried, 1)
    lu.assertEquals(result.summary.done, 1)
    lu.assertStrContains(result.err, "the deadline (1h) has passed")
end

function tests.test_the_first_signal_lets_what_has_begun_end_and_begins_nothing_new()
    local result = script([[
        local pid = io.open "/proc/self/stat":read "n"
        run({ apply = function(item)
            tried[#tried + 1] = 1
            if #tried == 4 then os.execute("kill -TERM " .. pid) end
            trunkhost.sleep(0.05)
            item.account:get(item.trunk.id)
            return { attempts = 1 }
        end }, { concurrency = 4 })]], "trunks=40")
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.tried, 4)
    lu.assertEquals(result.summary.done, 4)
    lu.assertTrue(result.summary.halted)
    lu.assertStrContains(result.err, "36 items were not tried")
end

-- --- faults of the script --------------------------------------------------------------------------

function tests.test_a_fault_in_the_script_ends_the_run_with_its_traceback_and_is_no_failed_trunk()
    local result = script [[
        local function careless(item) return item.trunk.nosuch.field end
        run({ apply = function(item)
            tried[#tried + 1] = 1
            if item.trunk.id == 45 then careless(item) end
            trunkhost.sleep(0.02)
            return { attempts = 1 }
        end }, { concurrency = 4 })]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "attempt to index a nil value (field 'nosuch')")
    lu.assertStrContains(result.err, "'careless'")
    -- Nobody knows how far it has come.
    lu.assertEquals(result.states["45"], "unknown")
    lu.assertStrContains(result.out, "the script failed while the item was in progress")
    lu.assertEquals({ result.summary.failed, result.summary.unknown }, { 0, 1 })
    -- What was under way has ended, and is told of.
    lu.assertEquals(result.summary.done, 3)
end

function tests.test_an_item_without_a_name_is_a_fault_of_the_script()
    local result = script [[run {
        key = function(item) return item.trunk.id == 43 and "" or tostring(item.trunk.id) end }]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "the key of item 2 is empty")
    lu.assertEquals(result.tried, nil)
    lu.assertEquals(result.out, "")
end

function tests.test_a_wrong_specification_is_refused_by_name()
    for code, words in pairs {
        ["job.run { options = {}, plan = print }"] = "name is missing",
        ["job.run { name = 'x', options = {}, plan = print, aply = print }"] = "no member 'aply'",
        ["job.run { name = 'x', options = {}, plan = 1 }"] = "plan must be a function",
        ["run { plan = function() return {} end }"] = "plan must return a table",
        ["run { apply = function() return 1 end }"] = "apply must return",
    } do
        local result = script(code)
        lu.assertEquals(result.status, 2, code)
        lu.assertStrContains(result.err, words)
    end
end

function tests.test_in_a_dry_run_not_even_the_scripts_own_code_can_write()
    local result = script [[run({ plan = function(item)
        local ok, err = pcall(item.account.update, item.account, item.trunk.id, { nickname = "sneaky" })
        return { skip = tostring(err) } end }, { dry_run = true, yes = false })]]
    lu.assertEquals(result.status, 0)
    lu.assertStrContains(result.items[1].reason, "dry run: 'update' was not sent")
end

function tests.test_a_dry_run_sends_nothing_but_get_whatever_the_script_tries()
    start "--limits none"
    local result = program.ok(sandbox:run("-n -e " .. program.quote(job_script.PRELUDE .. ([[
        local refused = 0
        local function try(item)
            local account, id = item.account, item.trunk.id
            local base = "http://127.0.0.1:%d/famulor/api/user/sip-trunks/" .. id
            for _, attempt in ipairs {
                function() account:update(id, { nickname = "sneaky" }) end,
                function() account:delete(id) end,
                function() account:create { nickname = "another" } end,
                function() job.apply(account, item.trunk, { sip_password = trunkhost.secret {} }) end,
                function() trunkhost.http.request { method = "PUT", url = base, json = { nickname = "sneaky" },
                    headers = { Authorization = "Bearer sandbox" } } end,
                function() trunkhost.http.request { method = "POST", url = base, body = "{}" } end,
                function() trunkhost.spawn(account.update, account, id, { nickname = "sneaky" }):await() end,
            } do
                refused = refused + (pcall(attempt) and 0 or 1)
            end
        end
        run({ check = function(items) for _, item in ipairs(items) do try(item) end end,
            plan = function(item) try(item) return { changes = { nickname = "y" } } end,
            apply = function(item) try(item) tried[1] = true end })
        io.stderr:write("REFUSED ", refused, "\n")]]):format(sandbox.port))))
    lu.assertStrContains(result.err, "REFUSED " .. 12 * 2 * 7)
    lu.assertStrContains(result.err, "TRIED 0")
    for _, request in ipairs(sandbox:ask "log") do lu.assertEquals(request.method, "GET") end
end

-- --- plans -----------------------------------------------------------------------------------------

function tests.test_the_plan_shows_old_and_new_values_but_no_secret()
    local result = job_script.shown([[run({ plan = function(item)
        return { changes = { nickname = "Neu", outbound_proxy = true, sip_password = trunkhost.secret {},
            sip_username = trunkhost.null } } end }, { dry_run = true, json = false, only = { "42" } })]])
    lu.assertStrContains(result.out, "both legs   nickname: Front desk → Neu, outbound_proxy: false → true, "
        .. "sip_password, sip_username: myuser → null")
    lu.assertStrContains(result.out, "Plan: 1 of 1 trunk on 1 account changes; 1 inbound and 1 outbound leg is "
        .. "re-created, which drops the calls on them.")
    lu.assertStrContains(result.out, "Dry run: nothing was changed.")
end

function tests.test_a_name_cannot_steer_the_terminal()
    local result = job_script.shown([[run({ items = function(account)
        return { { account = account, trunk = { id = 1, nickname = "a\27[2Jb\nc\u{202E}d" } } } end },
        { json = false })]])
    lu.assertStrContains(result.out, "a\\x1b[2Jb c?d")
    lu.assertNotStrContains(result.out, "\27")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "job", tests } })
