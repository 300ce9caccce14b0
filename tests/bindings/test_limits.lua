--- Scripts that run away: code that is busy or stands in a call is named, can be stopped, and memory has a limit.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local uv <const> = trunkhost.uv
local tests = {}

-- What a script does before it becomes busy, so that nobody has to guess when it is.
local PRELUDE <const> = [[
local trunkhost = require "trunkhost"
local function tell(...)
    for _, signal in ipairs { ... } do trunkhost.uv.kill(trunkhost.uv.os_getpid(), signal) end
end
local function guard(name)
    return setmetatable({}, { __close = function() print(name .. " closed") end })
end
]]

--- Runs code after the prelude; `react(err, pid)` is told what it has written to standard error so far.
local function watch(code, react)
    local out, err, ended = {}, {}, trunkhost.queue()
    local stdout <const>, stderr <const> = uv.new_pipe(), uv.new_pipe()
    local status, handle
    handle = uv.spawn(program.executable, {
        args = { "-e", PRELUDE .. code }, stdio = { nil, stdout, stderr }, env = { "HOME=/nonexistent", "TZ=UTC",
            "PATH=" .. os.getenv "PATH", "ASAN_OPTIONS=" .. (os.getenv "ASAN_OPTIONS" or "") },
    }, function(code_, signal)
        status = signal ~= 0 and 128 + signal or code_
        handle:close()
        ended:put(true)
    end)
    local pid <const> = handle:get_pid()
    local function collect(pipe, into, each)
        pipe:read_start(function(_, text)
            if not text then
                pipe:close()
                ended:put(true)
                return
            end
            into[#into + 1] = text
            if each then each(table.concat(into), pid) end
        end)
    end
    collect(stdout, out)
    collect(stderr, err, react)
    trunkhost.timeout(60, function()
        for _ = 1, 3 do ended:get() end
    end)
    return { status = status, out = table.concat(out), err = table.concat(err) }
end

local function count(text, pattern)
    return select(2, text:gsub(pattern, ""))
end

-- ---------------------------------------------------------------------------------------------------
-- Busy code

function tests.test_code_that_is_busy_is_named_by_line_function_and_task_and_ends_at_the_first_signal()
    local result = watch [[
local function spin() while true do end end
trunkhost.spawn(function()
    tell "sigint"
    spin()
end):await()]]
    lu.assertEquals(result.status, 3, result.err)
    lu.assertStrContains(result.err, "the script has been busy for ")
    lu.assertStrContains(result.err, "at -e:8 in 'spin' (task 1, spawned at -e:9)")
    lu.assertEquals(count(result.err, "has been busy"), 1)
    lu.assertEquals(count(result.err, "starting nothing new"), 1) -- not once by each who has seen the signal
end

function tests.test_a_line_of_the_library_is_not_what_is_named()
    local result = watch [[
trunkhost.spawn(function()
    tell "sigterm"
    while true do trunkhost.semaphore(1):with(function() end) end
end):await()]]
    lu.assertStrContains(result.err, "busy for ")
    lu.assertStrContains(result.err, "at -e:10")
    lu.assertEquals(result.status, 3)
end

function tests.test_a_signal_asks_at_once_where_it_is()
    local result = watch [[
tell "sigusr1"
tell "sigint"
while true do end]]
    lu.assertEquals(result.status, 3, result.err)
    lu.assertNotNil(result.err:find "the script is busy at %-e:10", result.err)
end

function tests.test_work_that_may_finish_is_cancelled_by_the_second_signal()
    local result = watch([[
trunkhost.map({ 1 }, function()
    local mine <close> = guard "item"
    tell "sigterm"
    while true do end
end)]], function(err, pid)
        -- It is still busy a second later, and not interrupted.
        if count(err, "busy for") == 1 and count(err, "again: cancelling") == 0 then
            uv.kill(pid, "sigterm")
        end
    end)
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals(result.out, "item closed\n")
    lu.assertStrContains(result.err, "SIGTERM again: cancelling")
end

-- ---------------------------------------------------------------------------------------------------
-- Code that does not want to end

local STUBBORN <const> = {
    pcall = [[while true do pcall(function() while true do end end) end]],
    coroutine = [[
        local inner <close> = guard "inner"
        coroutine.wrap(function()
            local nested <close> = guard "nested"
            while true do pcall(function() while true do end end) end
        end)()]],
    sort = [[
        pcall(table.sort, { 3, 2, 1 }, function()
            while true do pcall(function() while true do end end) end
        end)
        while true do end]],
    closing = [[
        local never <close> = setmetatable({}, { __close = function() while true do end end })
        error "ends here"]],
    callback = [[
        trunkhost.uv.new_timer():start(0, 0, function()
            while true do pcall(function() while true do end end) end
        end)
        trunkhost.sleep(3600)]],
}

for name, code in pairs(STUBBORN) do
    tests["test_nothing_keeps_a_cancellation_" .. name] = function()
        local result = watch("local outer <close> = guard 'outer'\ntell('sigint', 'sigint')\n" .. code)
        lu.assertEquals(result.status, 3, name .. ": " .. result.err)
        lu.assertStrContains(result.out, "outer closed")
        if name == "coroutine" then
            lu.assertEquals(result.out, "nested closed\ninner closed\nouter closed\n")
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Calls that do not return

function tests.test_a_call_that_blocks_is_named_while_it_does_and_when_it_returns()
    local result = watch [[
os.execute "sleep 2"
print "goes on"]]
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.out, "goes on\n")
    lu.assertNotNil(result.err:find "has been blocked for [12]%.%d s in execute at %-e:8, a call that", result.err)
    lu.assertNotNil(result.err:find "was blocked for [12]%.%d s in os%.execute at %-e:8", result.err)
end

function tests.test_a_call_that_cannot_be_interrupted_is_left_by_a_third_signal()
    local sent = 2
    local result = watch([[
local subject, pattern = ("a"):rep(40), ("a*"):rep(40) .. "b"
tell("sigint", "sigint")
subject:find(pattern)]], function(err, pid)
        if sent == 2 and err:find "once more ends the process" then
            sent = 3
            uv.kill(pid, "sigint")
        end
    end)
    lu.assertEquals(sent, 3)
    lu.assertEquals(result.status, 3, result.err)
    lu.assertStrContains(result.err, "in find at -e:10")
end

-- ---------------------------------------------------------------------------------------------------
-- Memory

local function limited(size, code, more)
    return program.run(("--max-memory %s %s -e %s"):format(size, more or "", program.quote(code)))
end

function tests.test_a_script_that_takes_too_much_memory_ends_with_a_line_that_names_limit_and_place()
    local result = limited("8M", "local kept = {}\nwhile true do\n  kept[#kept + 1] = ('x'):rep(1000) .. #kept\nend")
    lu.assertEquals(result.status, 2)
    -- On a busy machine a warning comes before it: the script keeps everything else waiting.
    lu.assertEquals(result.err:match "[^\n]*\n$", "trunkhost: not enough memory: the script needs more than the 8 MiB "
        .. "that --max-memory allows, at -e:3\n")
end

function tests.test_garbage_does_not_count()
    local result = limited("8M", [[
        local n = 0
        for i = 1, 200 do n = n + #(("x"):rep(500000) .. i) end
        print(n > 0)]])
    lu.assertEquals({ result.status, result.out }, { 0, "true\n" }, result.err)
end

function tests.test_what_pcall_has_caught_is_over_and_the_limit_still_holds()
    local result = limited("8M", [[
        local function fill() local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end
        for _ = 1, 3 do print(pcall(fill)) end
        fill()]])
    lu.assertEquals(result.out, ("false\tnot enough memory\n"):rep(3))
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "at -e:1")
end

function tests.test_variables_are_closed_and_what_was_begun_is_recorded_when_memory_runs_out()
    local folder <const> = program.folder()
    local result = limited("16M", [[
        local trunkhost = require "trunkhost"
        local kept, mine = {}, setmetatable({}, { __close = function() print "closed" end })
        trunkhost.job.run { name = "greedy",
            options = { account = { "famulor" }, yes = true, canary = 1, concurrency = 4, quiet = true },
            plan = function() return { changes = { nickname = "x" } } end,
            apply = function(item)
                local held <close> = mine
                item.account:update(item.trunk.id, { nickname = "x", sip_password = trunkhost.secret {} })
                if #kept > 0 then
                    while true do kept[#kept + 1] = ("x"):rep(1000) .. #kept end
                end
                kept[1] = "the canary"
            end }]], "--sandbox=limits=none --ledger " .. folder .. "/ledger.db")
    lu.assertEquals(result.status, 2, result.err)
    lu.assertStrContains(result.err, "not enough memory: the script needs more than the 16 MiB")
    lu.assertNotNil(result.out:find "closed\nclosed\n")
    local shown = program.run("--ledger " .. folder .. "/ledger.db runs show last --json")
    local items = { done = 0, unknown = 0, planned = 0, running = 0 }
    for state in shown.out:gmatch '"trunk":"[^"]*","state":"(%l+)"' do
        items[state] = items[state] + 1
    end
    lu.assertEquals({ items.done, items.running }, { 1, 0 }, shown.out)
    lu.assertTrue(items.unknown >= 1, shown.out)
    local secrets = program.run("--ledger " .. folder .. "/ledger.db secrets list --json")
    lu.assertEquals(count(secrets.out, '"field"'), 1 + items.unknown)
    program.remove(folder)
end

function tests.test_a_limit_that_is_no_size_is_a_usage_error()
    for _, size in ipairs { "many", "12X", "100" } do
        local result = program.run("--max-memory " .. size .. " -e 'print(1)'")
        lu.assertEquals({ result.status, result.out }, { 2, "" })
        lu.assertStrContains(result.err, "--max-memory " .. size)
    end
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "limits", tests } })
