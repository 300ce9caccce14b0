--- Tasks: how they wait, fail, are cancelled and are seen through a script's own coroutines.

local lu <const> = require "luaunit"
local trunkhost <const> = require "trunkhost"
local core <const> = require "trunkhost.core"

local tests = {}

function tests.test_a_task_returns_all_its_results()
    local task = trunkhost.spawn(function(a, b) return a + b, "two", nil end, 40, 2)
    lu.assertEquals(table.pack(task:await()), { 42, "two", nil, n = 3 })
    lu.assertTrue(task:done())
    lu.assertEquals(table.pack(task:await()), { 42, "two", nil, n = 3 })
end

function tests.test_waiting_tasks_take_turns()
    local order = {}
    local function count(name)
        for i = 1, 3 do
            order[#order + 1] = name .. i
            trunkhost.sleep(0)
        end
    end
    local a, b = trunkhost.spawn(count, "a"), trunkhost.spawn(count, "b")
    a:await()
    b:await()
    lu.assertEquals(table.concat(order, " "), "a1 b1 a2 b2 a3 b3")
end

function tests.test_sleepers_wake_in_the_order_of_their_times()
    local order = {}
    local tasks = {}
    for i, seconds in ipairs { 0.03, 0.01, 0.02 } do
        tasks[i] = trunkhost.spawn(function()
            trunkhost.sleep(seconds)
            order[#order + 1] = seconds
        end)
    end
    for _, task in ipairs(tasks) do task:await() end
    lu.assertEquals(order, { 0.01, 0.02, 0.03 })
end

function tests.test_a_timer_that_is_due_before_the_poll_wakes_its_task_at_once()
    -- libuv runs due timers before it polls: without care the loop then sleeps until the next event, here an hour.
    local long = trunkhost.spawn(function() trunkhost.sleep(3600) end)
    trunkhost.spawn(function()
        trunkhost.sleep(0.001)
        long:cancel()
    end)
    trunkhost.spawn(function()
        local begin = trunkhost.now()
        while trunkhost.now() < begin + 0.02 do end -- the timer becomes due meanwhile
    end)
    lu.assertFalse((pcall(long.await, long)))
end

function tests.test_an_error_reaches_whoever_awaits_and_keeps_its_value()
    local value = { "mine" }
    local task = trunkhost.spawn(function()
        trunkhost.sleep(0)
        error(value)
    end)
    local ok, got = pcall(task.await, task)
    lu.assertFalse(ok)
    lu.assertIs(got, value)
end

function tests.test_an_error_can_be_awaited_late()
    local task = trunkhost.spawn(function() error "late" end)
    trunkhost.sleep(0.01)
    local ok, got = pcall(task.await, task)
    lu.assertFalse(ok)
    lu.assertStrContains(got, "late")
end

function tests.test_cancel_runs_to_be_closed_variables_and_stops_the_rest()
    local closed, went_on = false, false
    local task = trunkhost.spawn(function()
        local guard <close> = setmetatable({}, { __close = function() closed = true end })
        assert(guard)
        trunkhost.sleep(3600)
        went_on = true
    end)
    trunkhost.sleep(0)
    lu.assertTrue(task:cancel())
    local ok, err = pcall(task.await, task)
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "cancelled")
    lu.assertTrue(closed)
    lu.assertFalse(went_on)
end

function tests.test_pcall_does_not_keep_a_cancelled_task_alive()
    local caught = false
    local task = trunkhost.spawn(function()
        pcall(trunkhost.sleep, 3600)
        caught = true
    end)
    trunkhost.sleep(0)
    task:cancel()
    pcall(task.await, task)
    lu.assertFalse(caught)
end

function tests.test_cancelling_a_task_cancels_what_it_spawned()
    local child
    local parent = trunkhost.spawn(function()
        child = trunkhost.spawn(function() trunkhost.sleep(3600) end)
        child:await()
    end)
    trunkhost.sleep(0)
    trunkhost.sleep(0)
    parent:cancel()
    local ok, err = pcall(child.await, child)
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "cancelled")
end

function tests.test_a_wait_passes_through_a_coroutine_of_the_script()
    -- L6: a plain coroutine.wrap would take the host's yield for its own.
    local function numbers()
        for i = 1, 3 do
            trunkhost.sleep(0)
            coroutine.yield(i)
        end
    end
    local got = {}
    for i in coroutine.wrap(numbers) do got[#got + 1] = i end
    lu.assertEquals(got, { 1, 2, 3 })
    local co = coroutine.create(numbers)
    lu.assertEquals({ coroutine.resume(co) }, { true, 1 })
    lu.assertEquals(coroutine.status(co), "suspended")
    lu.assertEquals({ coroutine.resume(co) }, { true, 2 })
end

function tests.test_a_wait_passes_through_nested_coroutines()
    local inner = function()
        trunkhost.sleep(0)
        coroutine.yield "inner"
        trunkhost.sleep(0)
        return "end"
    end
    local outer = coroutine.wrap(function()
        local step = coroutine.wrap(inner)
        coroutine.yield(step())
        coroutine.yield(step())
    end)
    lu.assertEquals(outer(), "inner")
    lu.assertEquals(outer(), "end")
end

function tests.test_cancel_closes_variables_inside_a_script_coroutine_too()
    local closed = {}
    local function guard(name)
        return setmetatable({}, { __close = function() closed[#closed + 1] = name end })
    end
    local task = trunkhost.spawn(function()
        local outer <close> = guard "outer"
        assert(outer)
        coroutine.wrap(function()
            local inner <close> = guard "inner"
            assert(inner)
            trunkhost.sleep(3600)
        end)()
    end)
    trunkhost.sleep(0)
    task:cancel()
    pcall(task.await, task)
    lu.assertEquals(closed, { "inner", "outer" })
end

function tests.test_errors_pass_through_wrap_and_resume()
    local co = coroutine.create(function()
        trunkhost.sleep(0)
        error("inside", 0)
    end)
    lu.assertEquals({ coroutine.resume(co) }, { false, "inside" })
    lu.assertEquals({ coroutine.resume(co) }, { false, "cannot resume dead coroutine" })
    lu.assertErrorMsgContains("inside", coroutine.wrap(function()
        trunkhost.sleep(0)
        error "inside"
    end))
end

function tests.test_a_coroutine_that_waits_elsewhere_cannot_be_resumed_or_closed()
    local co = coroutine.create(function() trunkhost.sleep(0.02) end)
    local task = trunkhost.spawn(function() return coroutine.resume(co) end)
    trunkhost.sleep(0)
    local ok, why = coroutine.resume(co)
    lu.assertFalse(ok)
    lu.assertStrContains(why, "waits inside another one")
    lu.assertErrorMsgContains("waits inside another one", coroutine.close, co)
    local own
    local sleeper = trunkhost.spawn(function() own = coroutine.running() trunkhost.sleep(0.01) return "slept" end)
    trunkhost.sleep(0)
    lu.assertFalse((coroutine.resume(own)))
    lu.assertErrorMsgContains("that is a task", coroutine.close, own)
    lu.assertEquals(sleeper:await(), "slept")
    lu.assertTrue((task:await()))
end

function tests.test_places_that_cannot_wait_say_so()
    -- L5
    local function wait() trunkhost.sleep(0) end
    lu.assertErrorMsgContains("cannot sleep inside 'table.sort'", table.sort, { 2, 1 }, function(a, b)
        wait()
        return a < b
    end)
    lu.assertErrorMsgContains("cannot sleep inside 'string.gsub'", string.gsub, "x", "x", wait)
    lu.assertErrorMsgContains("cannot sleep inside", tostring, setmetatable({}, { __tostring = wait }))
    lu.assertErrorMsgContains("cannot sleep inside", table.sort, { 2, 1 }, coroutine.wrap(function() wait() end))
    package.preload["a_module_that_waits"] = wait
    lu.assertErrorMsgContains("cannot sleep inside 'require'", require, "a_module_that_waits")
end

function tests.test_places_that_can_wait_do()
    local sum = 0
    local meta = { __add = function(_, n) trunkhost.sleep(0) return n end,
        __index = function(_, k) trunkhost.sleep(0) return k end }
    local t = setmetatable({}, meta)
    sum = sum + (t + 1) + t[2]
    for i in function(_, i) trunkhost.sleep(0) if i < 2 then return i + 1 end end, nil, 0 do sum = sum + i end
    lu.assertEquals(select(2, pcall(function() trunkhost.sleep(0) return sum end)), 6)
end

function tests.test_yield_outside_of_a_coroutine_is_an_error_that_helps()
    lu.assertErrorMsgContains("trunkhost.sleep(0)", coroutine.yield)
end

function tests.test_map_keeps_the_order_and_bounds_the_concurrency()
    local running, most = 0, 0
    local results = trunkhost.map({ 5, 4, 3, 2, 1 }, function(n, place)
        running = running + 1
        most = math.max(most, running)
        trunkhost.sleep(n / 1000)
        running = running - 1
        return n * 10 + place
    end, { concurrency = 2 })
    lu.assertEquals(results, { 51, 42, 33, 24, 15 })
    lu.assertEquals(most, 2)
end

function tests.test_map_leaves_nothing_out_without_a_word()
    local function nothing() end
    lu.assertErrorMsgContains("a table of names and values", trunkhost.map, { bolna = 1 }, nothing)
    lu.assertErrorMsgContains("item 2 of 3 is nil", trunkhost.map, { 1, nil, 3 }, nothing)
    lu.assertErrorMsgContains("no option 'concurency'", trunkhost.map, { 1 }, nothing, { concurency = 4 })
    lu.assertErrorMsgContains("options must be a table", trunkhost.map, { 1 }, nothing, 4)
    lu.assertErrorMsgContains("needs a function", trunkhost.map, { 1 })
    lu.assertEquals(trunkhost.map({}, nothing), {})
    lu.assertEquals(trunkhost.map({ 1 }, setmetatable({}, { __call = function(_, item) return -item end })), { -1 })
end

function tests.test_map_takes_an_iterator()
    local n = 0
    local results = trunkhost.map(function()
        n = n + 1
        if n <= 100 then return n end
    end, function(i) trunkhost.sleep(0) return -i end, { concurrency = 7 })
    lu.assertEquals(#results, 100)
    lu.assertEquals(results[100], -100)
end

function tests.test_the_first_error_in_map_cancels_the_rest()
    local finished = 0
    local ok, err = pcall(trunkhost.map, { 1, 2, 3, 4, 5, 6 }, function(i)
        if i == 2 then error("item two", 0) end
        trunkhost.sleep(5)
        finished = finished + 1
    end, { concurrency = 3 })
    lu.assertFalse(ok)
    lu.assertEquals(err, "item two")
    lu.assertEquals(finished, 0)
end

function tests.test_timeout_says_what_is_wrong_with_what_it_is_given()
    lu.assertErrorMsgContains("needs the seconds first", trunkhost.timeout, print, 3)
    lu.assertErrorMsgContains("got -1", trunkhost.timeout, -1, print)
end

function tests.test_timeout_cancels_and_raises()
    local went_on = false
    local ok, err = pcall(trunkhost.timeout, 0.01, function()
        trunkhost.sleep(3600)
        went_on = true
    end)
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "timeout")
    lu.assertFalse(went_on)
    lu.assertEquals(trunkhost.timeout(5, function(x) return x end, 7), 7)
end

function tests.test_a_join_returns_at_the_first_failure()
    local slow = trunkhost.spawn(function() trunkhost.sleep(3600) end)
    local bad = trunkhost.spawn(function() error "bad" end)
    lu.assertEquals({ core.join { slow, bad } }, { "failed", 2 })
    slow:cancel()
end

function tests.test_a_task_cannot_await_itself()
    local task
    task = trunkhost.spawn(function() task:await() end)
    lu.assertErrorMsgContains("cannot await itself", task.await, task)
end

function tests.test_a_thousand_tasks_leave_nothing_behind()
    collectgarbage()
    local before = collectgarbage "count"
    for _ = 1, 20 do
        local tasks = {}
        for i = 1, 1000 do tasks[i] = trunkhost.spawn(function() trunkhost.sleep(0) return i end) end
        for i = 1, 1000 do lu.assertEquals(tasks[i]:await(), i) end
    end
    collectgarbage() -- the handles have finalizers: the second round frees them
    collectgarbage()
    -- Tables that have held a thousand keep their size, which depends on what else is in them; of 20,000 tasks nothing.
    lu.assertTrue(collectgarbage "count" < before + 400)
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "tasks", tests } })
