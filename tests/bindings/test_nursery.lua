--- Nurseries and what is built on them: tasks that do not outlive their scope, errors that end the siblings,
--- cancellation that reaches what is in flight, and maps over more items than fit into memory.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local tests = {}

local function guard(fn)
    return setmetatable({}, { __close = fn })
end

local function hang() trunkhost.sleep(3600) end

function tests.test_a_nursery_returns_its_results_after_its_children_have_ended()
    local ended = {}
    local results = table.pack(trunkhost.nursery(function(nursery)
        for i = 1, 3 do
            nursery:spawn(function(n)
                trunkhost.sleep(n / 1000)
                ended[#ended + 1] = n
            end, i)
        end
        return "first", nil, 3
    end))
    lu.assertEquals(results, { "first", nil, 3, n = 3 })
    lu.assertEquals(ended, { 1, 2, 3 })
end

function tests.test_a_child_can_be_awaited_and_can_start_a_sibling()
    local order = {}
    local sum = trunkhost.nursery(function(nursery)
        local task = nursery:spawn(function(a, b)
            nursery:spawn(function()
                trunkhost.sleep(0.005)
                order[#order + 1] = "sibling"
            end)
            return a + b
        end, 40, 2)
        return task:await()
    end)
    lu.assertEquals(sum, 42)
    lu.assertEquals(order, { "sibling" })
end

function tests.test_the_first_error_cancels_the_siblings_and_the_body_and_is_raised()
    local value, closed, went_on = { "mine" }, 0, false
    local function sibling()
        local mine <close> = guard(function() closed = closed + 1 end)
        assert(mine)
        hang()
    end
    local ok, err = pcall(trunkhost.nursery, function(nursery)
        nursery:spawn(sibling)
        nursery:spawn(sibling)
        nursery:spawn(function()
            trunkhost.sleep(0)
            error(value)
        end)
        pcall(hang) -- does not keep it
        went_on = true
    end)
    lu.assertFalse(ok)
    lu.assertIs(err, value)
    lu.assertEquals(closed, 2)
    lu.assertFalse(went_on)
end

function tests.test_an_error_in_the_body_cancels_the_children_and_is_raised()
    local closed = false
    local ok, err = pcall(trunkhost.nursery, function(nursery)
        nursery:spawn(function()
            local mine <close> = guard(function() closed = true end)
            assert(mine)
            hang()
        end)
        trunkhost.sleep(0)
        trunkhost.sleep(0)
        error("body", 0)
    end)
    lu.assertFalse(ok)
    lu.assertEquals(err, "body")
    lu.assertTrue(closed)
end

function tests.test_the_end_of_a_scope_waits_for_its_children()
    local ended = 0
    do
        local nursery <close> = trunkhost.nursery()
        for i = 1, 5 do
            nursery:spawn(function()
                trunkhost.sleep(i / 1000)
                ended = ended + 1
            end)
        end
        lu.assertEquals(nursery:live(), 5)
    end
    lu.assertEquals(ended, 5)
end

function tests.test_a_scope_that_is_left_by_return_or_break_waits_too()
    local ended = 0
    local function child()
        trunkhost.sleep(0.001)
        ended = ended + 1
    end
    local function leave()
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(child)
        return "result"
    end
    lu.assertEquals(leave(), "result")
    lu.assertEquals(ended, 1)
    for i = 1, 5 do
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(child)
        if i == 2 then break end
    end
    lu.assertEquals(ended, 3)
end

function tests.test_a_scope_that_ends_with_an_error_cancels_its_children_and_waits_for_their_end()
    local order = {}
    local ok, err = pcall(function()
        local mine <close> = guard(function() order[#order + 1] = "scope" end)
        assert(mine)
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(function()
            local own <close> = guard(function() order[#order + 1] = "child" end)
            assert(own)
            hang()
        end)
        trunkhost.sleep(0)
        trunkhost.sleep(0)
        error("scope", 0)
    end)
    lu.assertFalse(ok)
    lu.assertEquals(err, "scope")
    lu.assertEquals(order, { "child", "scope" })
end

function tests.test_the_error_of_a_child_ends_the_wait_that_the_scope_is_in()
    local went_on, sibling = false, nil
    local ok, err = pcall(function()
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(function()
            trunkhost.sleep(0.001)
            error("child", 0)
        end)
        sibling = nursery:spawn(hang)
        coroutine.wrap(hang)() -- also inside a coroutine of the script
        went_on = true
    end)
    lu.assertFalse(ok)
    lu.assertStrMatches(err, ".*child")
    lu.assertFalse(went_on)
    lu.assertTrue(sibling:done())
end

function tests.test_the_error_of_a_child_is_raised_at_the_end_of_a_scope_that_does_not_wait()
    local reached = false
    local ok, err = pcall(function()
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(function() error("child", 0) end)
        reached = true
    end)
    lu.assertFalse(ok)
    lu.assertEquals(err, "child")
    lu.assertTrue(reached)
end

function tests.test_a_caught_error_of_a_child_comes_back_at_the_end_of_the_scope()
    local again
    local ok, err = pcall(function()
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(function() error("child", 0) end)
        lu.assertFalse((pcall(hang)))
        again = select(2, pcall(nursery.spawn, nursery, hang))
    end)
    lu.assertFalse(ok)
    lu.assertEquals(err, "child")
    lu.assertEquals(again.kind, "cancelled")
end

function tests.test_a_loop_around_pcall_does_not_keep_the_error_of_a_child_nor_a_cancellation()
    local turns = 0
    local function stubborn()
        while turns < 1000 do
            pcall(hang)
            turns = turns + 1
        end
    end
    local task = trunkhost.spawn(stubborn)
    trunkhost.sleep(0)
    task:cancel()
    lu.assertEquals(select(2, pcall(task.await, task)).kind, "cancelled")
    lu.assertEquals(turns, 0)
    local ok, err = pcall(trunkhost.nursery, function(nursery)
        nursery:spawn(stubborn)
        trunkhost.sleep(0)
        error("body", 0)
    end)
    lu.assertEquals({ ok, err, turns }, { false, "body", 0 })
    ok, err = pcall(function()
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(function() error("child", 0) end)
        pcall(hang)
        hang() -- raises it again
    end)
    lu.assertEquals({ ok, err }, { false, "child" })
end

function tests.test_the_error_of_an_outer_nursery_ends_the_tasks_of_an_inner_one_before_it_is_raised()
    for _, waits in ipairs { true, false } do
        local order = {}
        local ok, err = pcall(function()
            local outer <close> = trunkhost.nursery()
            outer:spawn(function()
                trunkhost.sleep(0.001)
                error("outer", 0)
            end)
            local mine <close> = guard(function() order[#order + 1] = "scope" end)
            assert(mine)
            do
                local inner <close> = trunkhost.nursery()
                inner:spawn(function()
                    local own <close> = guard(function() order[#order + 1] = "inner child" end)
                    assert(own)
                    hang()
                end)
                trunkhost.sleep(0)
                if waits then hang() end
            end
            order[#order + 1] = "went on"
        end)
        lu.assertEquals({ ok, err }, { false, "outer" })
        lu.assertEquals(order, { "inner child", "scope" })
    end
end

function tests.test_cancelling_the_task_of_a_nursery_ends_its_children_before_it()
    local order = {}
    local function closing(name)
        return guard(function() order[#order + 1] = name end)
    end
    local task = trunkhost.spawn(function()
        local outer <close> = closing "outer"
        assert(outer)
        trunkhost.nursery(function(nursery)
            for i = 1, 2 do
                nursery:spawn(function()
                    local mine <close> = closing("child " .. i)
                    assert(mine)
                    trunkhost.nursery(function(inner)
                        inner:spawn(function()
                            local deep <close> = closing("grandchild " .. i)
                            assert(deep)
                            hang()
                        end)
                    end)
                end)
            end
        end)
    end)
    trunkhost.sleep(0.01)
    task:cancel()
    lu.assertEquals(select(2, pcall(task.await, task)).kind, "cancelled")
    lu.assertEquals(#order, 5)
    lu.assertEquals(order[5], "outer")
    local place = {}
    for i, name in ipairs(order) do place[name] = i end
    for i = 1, 2 do lu.assertTrue(place["grandchild " .. i] < place["child " .. i]) end
end

function tests.test_an_error_that_nobody_catches_ends_the_children_before_the_variables_that_they_use()
    local order = {}
    local task = trunkhost.spawn(function()
        local file <close> = guard(function() order[#order + 1] = "file" end)
        assert(file)
        local nursery <close> = trunkhost.nursery()
        nursery:spawn(function()
            local user <close> = guard(function() order[#order + 1] = "user of the file" end)
            assert(user)
            hang()
        end)
        trunkhost.sleep(0)
        trunkhost.sleep(0)
        error("scope", 0)
    end)
    lu.assertEquals(select(2, pcall(task.await, task)), "scope")
    lu.assertEquals(order, { "user of the file", "file" })
end

function tests.test_a_nursery_whose_variable_does_not_close_ends_with_its_task()
    local child
    local task = trunkhost.spawn(function()
        local nursery = trunkhost.nursery()
        child = nursery:spawn(hang)
        trunkhost.sleep(0)
    end)
    task:await()
    lu.assertEquals(select(2, pcall(child.await, child)).kind, "cancelled")
end

function tests.test_an_ended_nursery_starts_nothing()
    local kept
    trunkhost.nursery(function(nursery) kept = nursery end)
    lu.assertErrorMsgContains("has ended", kept.spawn, kept, hang)
end

function tests.test_a_child_that_is_cancelled_by_itself_is_no_error()
    lu.assertEquals(trunkhost.nursery(function(nursery)
        nursery:spawn(hang):cancel()
        return "fine"
    end), "fine")
end

function tests.test_a_nursery_can_cancel_its_children_and_go_on()
    do
        local nursery <close> = trunkhost.nursery()
        for _ = 1, 10 do nursery:spawn(hang) end
        trunkhost.sleep(0)
        nursery:cancel()
        nursery:wait()
        lu.assertEquals(nursery:live(), 0)
        lu.assertEquals(nursery:spawn(function() return 7 end):await(), 7)
    end
end

function tests.test_one_traceback_shows_the_line_that_failed_the_line_that_spawned_it_and_the_nursery()
    local folder = program.folder()
    program.write(folder .. "/s.lua", [[
local trunkhost = require "trunkhost"
local function deep() error "deep" end
local function third() deep() end
local function second() third() end
local function middle() second() end
trunkhost.nursery(function(nursery)
    nursery:spawn(function()
        trunkhost.sleep(0)
        middle()
    end)
    trunkhost.sleep(3600)
end)
]])
    local result = program.run(folder .. "/s.lua")
    program.remove(folder)
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "s.lua:2: deep")
    lu.assertStrContains(result.err, "'middle'")
    lu.assertStrContains(result.err, "spawned at " .. folder .. "/s.lua:7")
    lu.assertStrContains(result.err, "s.lua:6: in main chunk")
    lu.assertEquals(select(2, result.err:gsub("stack traceback:", "")), 1, "it is one traceback")
    lu.assertEquals(select(2, result.err:gsub("s%.lua:2: deep", "")), 1, "the error is told once")
end

function tests.test_a_timeout_ends_when_what_it_ran_has_ended()
    local order = {}
    local ok, err = pcall(trunkhost.timeout, 0.001, function()
        local mine <close> = guard(function() order[#order + 1] = "closed" end)
        assert(mine)
        hang()
    end)
    order[#order + 1] = "raised"
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "timeout")
    lu.assertEquals(order, { "closed", "raised" })
end

function tests.test_an_iterator_that_waits_serves_one_task_of_map_at_a_time()
    local pages = coroutine.wrap(function()
        for page = 1, 10 do
            trunkhost.sleep(0.001)
            for i = 1, 3 do coroutine.yield(page * 10 + i) end
        end
    end)
    local results = trunkhost.map(pages, function(item)
        trunkhost.sleep(0)
        return item
    end, { concurrency = 8 })
    lu.assertEquals(#results, 30)
    lu.assertEquals({ results[1], results[4], results[30] }, { 11, 21, 103 })
end

function tests.test_a_failing_iterator_ends_map()
    lu.assertErrorMsgContains("no more pages", trunkhost.map, function()
        trunkhost.sleep(0)
        error "no more pages"
    end, hang, { concurrency = 4 })
end

function tests.test_the_error_of_map_comes_after_its_tasks_have_ended()
    local running = 0
    lu.assertFalse((pcall(trunkhost.map, { 1, 2, 3, 4 }, function(i)
        running = running + 1
        local mine <close> = guard(function() running = running - 1 end)
        assert(mine)
        trunkhost.sleep(0)
        if i == 3 then error "three" end
        hang()
    end)))
    lu.assertEquals(running, 0)
end

-- A process of its own: its memory is no other test's.
local MILLION <const> = [[
local trunkhost = require "trunkhost"
local n, running, most, sum = 0, 0, 0, 0
local count = trunkhost.map(function()
    if n < 1000000 then n = n + 1 return n end
end, function(i)
    running = running + 1
    most = math.max(most, running)
    if i % 10 == 0 then trunkhost.sleep(0) end
    running = running - 1
    sum = sum + i
end, { concurrency = 64, results = false })
local status = io.open("/proc/self/status"):read "a"
print(count, most, sum, collectgarbage "count" < 8 * 1024, tonumber(status:match "VmHWM:%s*(%d+)"))
]]

function tests.test_map_over_an_iterator_of_one_million_items_at_concurrency_64_stays_under_64_MiB()
    local result = program.ok(program.run("-e " .. program.quote(MILLION)))
    local count, most, sum, small, peak = result.out:match "^(%d+)\t(%d+)\t(%d+)\t(%a+)\t(%d+)\n$"
    lu.assertEquals({ count, most, sum, small }, { "1000000", "64", "500000500000", "true" })
    if not (os.getenv "ASAN_OPTIONS" and peak + 0 > 64 * 1024) then -- sanitizers keep what was freed
        lu.assertTrue(peak + 0 < 64 * 1024, peak)
    end
end

-- Requests whose replies take a minute: what ends soon has not waited for them.
local IN_FLIGHT <const> = [[
local trunkhost = require "trunkhost"
local account = trunkhost.account "famulor"
local function descriptors()
    local n, pipe = 0, io.popen "ls /proc/$PPID/fd"
    for _ in pipe:lines() do n = n + 1 end
    pipe:close()
    return n
end
local before = descriptors()
local closed, most = 0, 0
local task = trunkhost.spawn(function()
    trunkhost.nursery(function(nursery)
        for i = 1, 1000 do
            nursery:spawn(function()
                local mine <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
                account:get(tostring(i))
            end)
        end
    end)
end)
repeat
    trunkhost.sleep(0.01)
    local pace = account:pace()
    most = math.max(most, pace.in_flight)
until pace.in_flight + pace.queued == 1000
task:cancel()
local ok, err = pcall(task.await, task)
local pace = account:pace()
print(ok, err.kind, closed, pace.in_flight, pace.queued, most)
trunkhost.sleep(0.01) -- connections close in the next turn
print(descriptors() - before <= 1)
]]

function tests.test_a_cancelled_nursery_of_1000_in_flight_requests_ends_with_no_leaked_handle()
    local folder = program.folder()
    local sandbox_process <const> = require "sandbox_process"
    local sandbox <close> = sandbox_process.start "--trunks 5 --latency 60000 --limits none"
    program.write(folder .. "/token", "sandbox\n", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { famulor = { provider = "famulor", base_url = %q,
        token = { file = %q }, rate = {}, concurrency = 1000 } } }]]):format(sandbox:url "famulor",
        folder .. "/token"))
    local result = program.run(("--config %s -e %s"):format(folder .. "/config.lua", program.quote(IN_FLIGHT)),
        { around = "timeout 50" })
    program.remove(folder)
    lu.assertEquals(result.status, 0, result.err)
    local most = result.out:match "^false\tcancelled\t1000\t0\t0\t(%d+)\ntrue\n$"
    lu.assertNotNil(most, result.out .. result.err)
    lu.assertEquals(most, "1000")
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "nursery", tests } })
