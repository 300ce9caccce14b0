--- What tasks share: semaphores and queues that are fair and lose nothing to a cancellation; and retry.

local lu <const> = require "luaunit"
local trunkhost <const> = require "trunkhost"
local core <const> = require "trunkhost.core"

local tests = {}

--- Lets every other task go on until it waits for something that does not come by itself.
local function settle()
    for _ = 1, 10 do trunkhost.sleep(0) end
end

-- ---------------------------------------------------------------------------------------------------
-- Semaphores

function tests.test_a_semaphore_bounds_how_many_are_inside()
    local semaphore = trunkhost.semaphore(3)
    local inside, most, done = 0, 0, 0
    trunkhost.nursery(function(nursery)
        for _ = 1, 20 do
            nursery:spawn(function()
                local permit <close> = semaphore:acquire()
                assert(permit)
                inside = inside + 1
                most = math.max(most, inside)
                trunkhost.sleep(0)
                inside, done = inside - 1, done + 1
            end)
        end
    end)
    lu.assertEquals({ most, done, inside }, { 3, 20, 0 })
end

function tests.test_permits_are_given_in_the_order_of_asking()
    local semaphore, order = trunkhost.semaphore(1), {}
    trunkhost.nursery(function(nursery)
        local held = semaphore:acquire()
        for i = 1, 5 do
            nursery:spawn(function()
                semaphore:with(function() order[#order + 1] = i end)
            end)
        end
        settle()
        held:release()
        semaphore:with(function() order[#order + 1] = "late" end)
    end)
    lu.assertEquals(order, { 1, 2, 3, 4, 5, "late" })
end

function tests.test_with_returns_the_results_and_gives_the_permit_back_after_an_error()
    local semaphore = trunkhost.semaphore(1)
    lu.assertEquals({ semaphore:with(function(a, b) return b, a end, 1, 2) }, { 2, 1 })
    lu.assertErrorMsgContains("inside", semaphore.with, semaphore, function() error "inside" end)
    lu.assertTrue(semaphore:with(function() return true end))
end

function tests.test_a_cancelled_holder_gives_its_permit_to_the_next()
    local semaphore = trunkhost.semaphore(1)
    local holder = trunkhost.spawn(function()
        local permit <close> = semaphore:acquire()
        assert(permit)
        trunkhost.sleep(3600)
    end)
    settle()
    local next_one = trunkhost.spawn(function() return semaphore:with(function() return "mine" end) end)
    settle()
    holder:cancel()
    lu.assertEquals(next_one:await(), "mine")
end

function tests.test_a_task_that_is_cancelled_while_it_waits_or_just_after_it_was_served_loses_no_permit()
    for _, served in ipairs { false, true } do
        local semaphore = trunkhost.semaphore(1)
        local permit = semaphore:acquire()
        local waiting = trunkhost.spawn(function() semaphore:acquire() end)
        local behind = trunkhost.spawn(function() return semaphore:acquire() end)
        settle()
        if served then permit:release() end
        waiting:cancel() -- served, but it has not gone on
        settle()
        if not served then permit:release() end
        behind:await():release()
        semaphore:acquire():release()
        lu.assertErrorMsgContains("than taken", semaphore.release, semaphore)
    end
end

function tests.test_a_permit_can_be_given_back_twice_and_a_semaphore_cannot()
    local semaphore = trunkhost.semaphore(2)
    local permit = semaphore:acquire()
    permit:release()
    permit:release()
    lu.assertErrorMsgContains("more permits were released than taken", semaphore.release, semaphore)
    lu.assertErrorMsgContains("at least 1", trunkhost.semaphore, 0)
end

-- ---------------------------------------------------------------------------------------------------
-- Queues

function tests.test_a_queue_hands_on_every_item_in_order_and_ends_after_close()
    local queue, got = trunkhost.queue(2), {}
    trunkhost.nursery(function(nursery)
        nursery:spawn(function()
            for i = 1, 10 do queue:put(i) end
            queue:close()
        end)
        for item in queue do got[#got + 1] = item end
    end)
    lu.assertEquals(got, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
    lu.assertNil(queue:get())
end

function tests.test_a_full_queue_makes_its_producers_wait()
    local queue, put = trunkhost.queue(3), 0
    local producer = trunkhost.spawn(function()
        for i = 1, 10 do
            queue:put(i)
            put = put + 1
        end
    end)
    settle()
    lu.assertEquals({ put, #queue }, { 3, 3 })
    queue:get()
    settle()
    lu.assertEquals({ put, #queue }, { 4, 3 })
    producer:cancel()
end

function tests.test_getters_and_putters_are_served_in_the_order_of_asking()
    local queue, got = trunkhost.queue(1), {}
    trunkhost.nursery(function(nursery)
        for i = 1, 3 do
            nursery:spawn(function() got[i] = queue:get() end)
        end
        settle()
        for _, item in ipairs { "a", "b", "c" } do queue:put(item) end
    end)
    lu.assertEquals(got, { "a", "b", "c" })
    trunkhost.nursery(function(nursery)
        for i = 1, 4 do
            nursery:spawn(function() queue:put(i) end)
        end
        settle()
        for i = 1, 4 do lu.assertEquals(queue:get(), i) end
    end)
end

function tests.test_an_item_given_to_a_task_that_is_cancelled_goes_to_the_next()
    local queue = trunkhost.queue(4)
    local first = trunkhost.spawn(function() return queue:get() end)
    local second = trunkhost.spawn(function() return queue:get() end)
    settle()
    queue:put "item" -- for the first, which has not gone on yet
    first:cancel()
    lu.assertEquals(second:await(), "item")
    local third = trunkhost.spawn(function() return queue:get() end)
    settle()
    queue:put "kept"
    third:cancel()
    settle()
    lu.assertEquals(queue:get(), "kept")
end

function tests.test_a_cancelled_putter_puts_nothing()
    local queue = trunkhost.queue(1)
    queue:put "there"
    local putter = trunkhost.spawn(function() queue:put "never" end)
    settle()
    putter:cancel()
    settle()
    lu.assertEquals(queue:get(), "there")
    lu.assertEquals(#queue, 0)
end

function tests.test_close_ends_getters_and_is_an_error_for_putters()
    local queue = trunkhost.queue(1)
    local getter = trunkhost.spawn(function() return queue:get() == nil end)
    settle()
    queue:close()
    lu.assertTrue(getter:await())
    lu.assertErrorMsgContains("closed", queue.put, queue, 1)
    local full = trunkhost.queue(1)
    full:put(1)
    local putter = trunkhost.spawn(full.put, full, 2)
    settle()
    full:close()
    lu.assertErrorMsgContains("closed while this waited", putter.await, putter)
    lu.assertEquals(full:get(), 1)
    lu.assertNil(full:get())
    lu.assertErrorMsgContains("nil cannot be put", trunkhost.queue().put, trunkhost.queue(), nil)
end

function tests.test_map_takes_a_queue()
    local queue = trunkhost.queue(2)
    local results = trunkhost.nursery(function(nursery)
        nursery:spawn(function()
            for i = 1, 50 do queue:put(i) end
            queue:close()
        end)
        return trunkhost.map(queue, function(i)
            trunkhost.sleep(0)
            return i * 2
        end, { concurrency = 5 })
    end)
    lu.assertEquals(#results, 50)
    lu.assertEquals(results[50], 100)
end

function tests.test_a_long_lived_queue_does_not_grow()
    local queue, semaphore = trunkhost.queue(2), trunkhost.semaphore(1)
    local function rounds(n)
        trunkhost.nursery(function(nursery)
            nursery:spawn(function()
                for i = 1, n do queue:put(i) end
            end)
            for i = 1, n do
                lu.assertEquals(queue:get(), i)
                local permit <close> = semaphore:acquire()
                assert(permit)
            end
        end)
        collectgarbage()
        collectgarbage()
        return collectgarbage "count"
    end
    local before = rounds(100)
    lu.assertTrue(rounds(20000) < before + 50)
end

-- ---------------------------------------------------------------------------------------------------
-- Waiters, which the above is made of

function tests.test_a_wake_up_before_the_wait_is_not_lost_and_a_late_one_does_nothing()
    local waiter = core.waiter "a test"
    lu.assertTrue(waiter:wake(1, nil, 3))
    lu.assertEquals(table.pack(waiter:wait()), { 1, nil, 3, n = 3 })
    lu.assertFalse(waiter:wake())
    lu.assertErrorMsgContains("one wait", waiter.wait, waiter)
    local other = core.waiter "another"
    local task = trunkhost.spawn(function() other:wait() end)
    settle()
    task:cancel()
    lu.assertFalse(other:wake "late")
end

-- ---------------------------------------------------------------------------------------------------
-- Retry

local function failing(kind, times)
    local calls = 0
    return function(...)
        calls = calls + 1
        if calls <= times then core.error(kind, "call " .. calls) end
        return calls, ...
    end, function() return calls end
end

function tests.test_retry_calls_again_until_it_succeeds()
    local fn = failing("network", 2)
    lu.assertEquals(table.pack(trunkhost.retry { times = 3, on = { "network" }, pause = 0 } (fn, "x", nil)),
        { 3, "x", nil, n = 3 })
end

function tests.test_the_last_error_is_raised_as_it_is()
    local fn, calls = failing("timeout", 99)
    local ok, err = pcall(trunkhost.retry { times = 4, on = { "timeout" }, pause = 0 }, fn)
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "timeout")
    lu.assertStrContains(tostring(err), "call 4")
    lu.assertEquals(calls(), 4)
end

function tests.test_other_errors_are_not_retried()
    for _, on in ipairs { false, { "network" } } do
        local fn, calls = failing("refused", 99)
        lu.assertFalse((pcall(trunkhost.retry { on = on or nil, pause = 0 }, fn)))
        lu.assertEquals(calls(), 1)
    end
    local calls = 0
    lu.assertErrorMsgContains("a bug", trunkhost.retry { pause = 0 }, function()
        calls = calls + 1
        error "a bug"
    end)
    lu.assertEquals(calls, 1)
end

function tests.test_a_function_can_decide()
    local seen = {}
    local calls = 0
    lu.assertErrorMsgContains("3", trunkhost.retry { times = 9, pause = 0, on = function(err, call)
        seen[#seen + 1] = call
        return not err:find "3"
    end }, function()
        calls = calls + 1
        error(tostring(calls), 0)
    end)
    lu.assertEquals(seen, { 1, 2, 3 })
end

function tests.test_what_may_have_happened_is_never_retried_blindly()
    lu.assertErrorMsgContains("may have happened", trunkhost.retry, { on = { "unknown_outcome" } })
    lu.assertErrorMsgContains("no kind of error 'netwrok'", trunkhost.retry, { on = { "netwrok" } })
    lu.assertErrorMsgContains("no option 'time'", trunkhost.retry, { time = 3 })
    local fn, calls = failing("unknown_outcome", 9)
    lu.assertFalse((pcall(trunkhost.retry { pause = 0 }, fn)))
    lu.assertEquals(calls(), 1)
end

function tests.test_a_cancelled_error_is_never_retried_and_a_cancelled_task_stops_retrying()
    local fn, calls = failing("cancelled", 9)
    lu.assertFalse((pcall(trunkhost.retry { pause = 0, on = function() return true end }, fn)))
    lu.assertEquals(calls(), 1)
    local again, count = failing("network", 9)
    local task = trunkhost.spawn(trunkhost.retry { pause = 3600, on = { "network" } }, again)
    settle()
    task:cancel()
    lu.assertEquals(select(2, pcall(task.await, task)).kind, "cancelled")
    lu.assertEquals(count(), 1)
end

function tests.test_pauses_double_up_to_the_longest()
    local pauses, sleep <const> = {}, core.sleep
    core.sleep = function(seconds) pauses[#pauses + 1] = seconds end
    local fn = failing("network", 99)
    pcall(trunkhost.retry { times = 6, on = { "network" }, pause = 1, longest = 5, jitter = false }, fn)
    local plain = pauses
    pauses = {}
    pcall(trunkhost.retry { times = 200, on = { "network" }, pause = 4, longest = 4 }, fn)
    core.sleep = sleep
    lu.assertEquals(plain, { 1, 2, 4, 5, 5 })
    local least, most = math.huge, 0
    for _, seconds in ipairs(pauses) do
        least, most = math.min(least, seconds), math.max(most, seconds)
    end
    lu.assertTrue(least >= 2 and most <= 4 and most - least > 0.5)
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "sync", tests } })
