--- luv on the host's loop: what callbacks may do, how waiting for one ends, what is left open at the end of a run; and
--- commands, which stand on it.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local uv <const> = trunkhost.uv
local await <const> = trunkhost.await

local tests = {}

local function e(code)
    return program.run("-e " .. program.quote('local trunkhost = require "trunkhost" local uv = trunkhost.uv ' .. code),
        { around = "timeout 60" })
end

local function settle()
    for _ = 1, 10 do trunkhost.sleep(0) end
end

-- ---------------------------------------------------------------------------------------------------
-- luv

function tests.test_luv_is_the_same_under_both_names()
    lu.assertIs(require "luv", uv)
end

function tests.test_a_script_that_does_not_ask_for_it_does_not_load_it()
    lu.assertEquals(program.run [[-e 'require "trunkhost" print(package.loaded["trunkhost.uv"])']].out, "nil\n")
end

function tests.test_callbacks_run_while_tasks_wait()
    local queue, timer = trunkhost.queue(), uv.new_timer()
    local n = 0
    timer:start(1, 1, function()
        n = n + 1
        queue:put(n)
        if n == 3 then
            timer:close()
            queue:close()
        end
    end)
    local got = {}
    for item in queue do got[#got + 1] = item end
    lu.assertEquals(got, { 1, 2, 3 })
end

function tests.test_a_callback_can_start_and_cancel_tasks()
    local done = trunkhost.queue()
    local victim = trunkhost.spawn(function() trunkhost.sleep(3600) end)
    local timer = uv.new_timer()
    timer:start(1, 0, function()
        timer:close()
        victim:cancel()
        trunkhost.spawn(function()
            trunkhost.sleep(0)
            done:put "spawned"
        end)
    end)
    lu.assertFalse((pcall(victim.await, victim)))
    lu.assertEquals(done:get(), "spawned")
end

function tests.test_a_callback_cannot_wait_and_is_told_what_to_do()
    local result = e [[uv.new_timer():start(1, 0, function() trunkhost.sleep(1) end) trunkhost.sleep(30) print "on"]]
    lu.assertEquals(result.status, 2)
    lu.assertEquals(result.out, "")
    lu.assertStrContains(result.err, "cannot sleep inside a callback of trunkhost.uv")
    lu.assertStrContains(result.err, "trunkhost.spawn")
end

function tests.test_an_error_in_a_callback_ends_the_run_with_its_traceback()
    local result = e [[local function deep() error { code = 7 } end
        local guard <close> = setmetatable({}, { __close = function() print "closed" end })
        uv.new_timer():start(1, 0, function() deep() end)
        trunkhost.sleep(3600) print "on"]]
    lu.assertEquals(result.status, 2)
    lu.assertEquals(result.out, "closed\n")
    lu.assertStrContains(result.err, "'deep'")
    result = e [[uv.fs_stat("/", function() error "in a request" end) trunkhost.sleep(3600)]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "-e:1: in a request")
end

function tests.test_os_exit_in_a_callback_ends_the_run_with_that_status()
    local result = e [[uv.new_timer():start(1, 0, function() os.exit(7) end) trunkhost.sleep(3600)]]
    lu.assertEquals(result.status, 7)
    lu.assertEquals(result.err, "")
end

function tests.test_what_would_take_the_loop_from_the_host_is_refused()
    for _, name in ipairs { "run", "stop", "loop_close", "loop_configure", "sleep" } do
        lu.assertErrorMsgContains("trunkhost.uv has no " .. name, uv[name])
    end
end

function tests.test_walk_shows_the_handles_of_the_script_and_none_of_the_host()
    local timer, seen = uv.new_timer(), {}
    uv.walk(function(handle) seen[#seen + 1] = handle end)
    lu.assertEquals(seen, { timer })
    timer:close()
    settle()
    uv.walk(function() error "one is left" end)
end

function tests.test_handles_that_are_left_open_neither_keep_the_run_alive_nor_leak()
    local result = e [[
        uv.new_timer():start(0, 3600000, function() end)
        local server = uv.new_tcp()
        server:bind("127.0.0.1", 0)
        server:listen(8, function() end)
        local client = uv.new_tcp()
        client:connect("127.0.0.1", server:getsockname().port, function(err)
            assert(not err, err)
            client:read_start(function() end)
            client:write(("x"):rep(1 << 24), function() print "too late" end)
        end)
        uv.new_pipe(false) uv.new_signal():start("sigusr2", function() end) uv.new_idle() uv.new_async(function() end)
        uv.spawn("sleep", { args = { "60" } }, function() print "too late" end)
        trunkhost.sleep(0.02)
        uv.fs_stat("/", function() print "too late" end)
        print "end"]]
    lu.assertEquals(result.status, 0)
    lu.assertEquals(result.out, "end\n")
    -- On a busy machine the long text takes so long that the watchdog names it.
    lu.assertEquals((result.err:gsub("[^\n]* warn  the script [^\n]*\n", "")), "")
end

function tests.test_a_call_that_never_ends_does_not_hold_up_the_end()
    local folder = program.folder()
    os.execute("mkfifo " .. folder .. "/fifo")
    local result = e(([[uv.fs_open(%q, "r", 0, function() end) trunkhost.sleep(0.02) io.write "end"]])
        :format(folder .. "/fifo"))
    program.remove(folder)
    lu.assertEquals(result.status, 0)
    lu.assertEquals(result.out, "end")
    lu.assertStrContains(result.err, "1 calls that the script has started do not end")
end

function tests.test_tasks_that_wait_for_a_callback_that_cannot_come_are_named()
    local result = e [[trunkhost.await(function() end)]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "a call with a callback")
    result = e [[local queue = trunkhost.queue() local timer = uv.new_timer()
        timer:start(5, 0, function() timer:close() end) queue:get()]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "an item of a queue")
end

-- ---------------------------------------------------------------------------------------------------
-- await

function tests.test_await_returns_what_the_callback_gets()
    lu.assertEquals(await(uv.fs_stat, "/").type, "directory")
    lu.assertEquals(table.pack(await(function(a, callback) callback(nil, a, nil) end, 1)), { 1, nil, n = 2 })
    lu.assertEquals(table.pack(await(function(callback) callback(3, "x") end)), { 3, "x", n = 2 })
    lu.assertEquals(table.pack(await(function(callback) callback() end)), { n = 0 })
    local timer <const> = uv.new_timer()
    await(timer.start, timer, 1, 0)
    timer:close()
end

function tests.test_await_raises_the_error_of_the_callback_as_an_object()
    local ok, err = pcall(await, uv.fs_open, "/there/is/no/such/file", "r", 0)
    lu.assertFalse(ok)
    lu.assertEquals({ err.kind, err.code }, { "not_found", "ENOENT" })
    lu.assertStrContains(tostring(err), "/there/is/no/such/file")
    local tcp = uv.new_tcp()
    tcp:bind("127.0.0.1", 0)
    local port = tcp:getsockname().port -- nobody listens there
    local client = uv.new_tcp()
    ok, err = pcall(await, client.connect, client, "127.0.0.1", port)
    tcp:close()
    client:close()
    lu.assertFalse(ok)
    lu.assertEquals({ err.kind, err.code }, { "network", "ECONNREFUSED" })
end

function tests.test_await_raises_when_the_call_is_refused_at_once()
    local tcp = uv.new_tcp()
    tcp:close()
    settle()
    local ok, err = pcall(await, function() return nil, "EBADF: bad file descriptor", "EBADF" end)
    lu.assertFalse(ok)
    lu.assertEquals({ err.kind, err.code }, { "refused", "EBADF" })
end

function tests.test_files_can_be_read_and_written_while_other_tasks_go_on()
    local folder = program.folder()
    local name, turns = folder .. "/file", 0
    local other = trunkhost.spawn(function()
        while true do
            turns = turns + 1
            trunkhost.sleep(0)
        end
    end)
    local file = await(uv.fs_open, name, "w", tonumber("600", 8))
    lu.assertEquals(await(uv.fs_write, file, "written\n", 0), 8)
    await(uv.fs_close, file)
    other:cancel()
    lu.assertEquals(program.read(name), "written\n")
    lu.assertTrue(turns > 0)
    program.remove(folder)
end

function tests.test_a_callback_that_comes_after_the_cancellation_does_nothing()
    local callback
    local task = trunkhost.spawn(function() await(function(fn) callback = fn end) end)
    settle()
    task:cancel()
    callback "ENOENT: late"
    lu.assertEquals(select(2, pcall(task.await, task)).kind, "cancelled")
    callback()
    local stat = trunkhost.spawn(await, uv.fs_stat, "/")
    settle()
    stat:cancel()
    lu.assertEquals(await(uv.fs_stat, "/").type, "directory")
end

-- ---------------------------------------------------------------------------------------------------
-- process.run

local run <const> = trunkhost.process.run

function tests.test_a_command_tells_its_status_and_what_it_printed()
    local big = ("x"):rep(300000)
    local result = run { "sh", "-c", "cat; echo problem >&2; exit 3", stdin = big }
    lu.assertEquals({ result.status, result.signal, result.err }, { 3, 0, "problem\n" })
    lu.assertTrue(result.out == big)
    lu.assertEquals(run { "sh", "-c", "kill -9 $$" }.signal, 9)
    lu.assertEquals(run { "cat" }.out, "")
end

function tests.test_words_are_not_for_a_shell()
    lu.assertEquals(run { "printf", "%s|", "a b", "$HOME", 7 }.out, "a b|$HOME|7|")
end

function tests.test_environment_and_folder_can_be_given()
    local result = run { "/bin/sh", "-c", "echo $A; pwd; echo $HOME", env = { A = "x y" }, cwd = "/usr" }
    lu.assertEquals(result.out, "x y\n/usr\n\n")
end

function tests.test_a_command_that_cannot_be_run_is_said()
    local ok, err = pcall(run, { "there-is-no-such-command" })
    lu.assertFalse(ok)
    lu.assertEquals({ err.kind, err.code }, { "not_found", "ENOENT" })
    lu.assertStrContains(tostring(err), "there-is-no-such-command")
    lu.assertErrorMsgContains("empty", run, {})
    lu.assertErrorMsgContains("no option 'directory'", run, { "true", directory = "/" })
    lu.assertErrorMsgContains("list of processes", run, { "echo", trunkhost.secret {} })
end

function tests.test_commands_run_side_by_side()
    -- Each waits for what another one does: one after the other they would never end.
    local folder = program.folder()
    os.execute("mkfifo " .. folder .. "/fifo")
    trunkhost.nursery(function(nursery)
        nursery:spawn(run, { "sh", "-c", "read x <" .. folder .. "/fifo", timeout = 60 })
        nursery:spawn(run, { "sh", "-c", "echo x >" .. folder .. "/fifo", timeout = 60 })
    end)
    program.remove(folder)
end

local function gone(folder)
    local pid = program.read(folder .. "/pid"):match "%d+"
    for _ = 1, 1000 do
        local status = io.open("/proc/" .. pid .. "/stat")
        local state = status and status:read("a"):match "%) (%a)"
        if status then status:close() end
        if not state or state == "Z" then return true end
        trunkhost.sleep(0.01)
    end
    return false
end

function tests.test_a_timeout_and_a_cancellation_end_the_command_and_what_it_has_started()
    local folder = program.folder()
    local command = ("sleep 3600 & echo $! >%s/pid; echo; wait"):format(folder)
    local ok, err = pcall(run, { "sh", "-c", command, timeout = 0.2 })
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "timeout")
    lu.assertTrue(gone(folder))
    os.remove(folder .. "/pid")
    local task = trunkhost.spawn(run, { "sh", "-c", command })
    repeat trunkhost.sleep(0.01) until uv.fs_stat(folder .. "/pid") and uv.fs_stat(folder .. "/pid").size > 0
    task:cancel()
    pcall(task.await, task)
    lu.assertTrue(gone(folder))
    program.remove(folder)
    settle()
    uv.walk(function() error "a handle is left" end)
end

function tests.test_a_run_that_is_stopped_lets_a_command_end_and_starts_no_other()
    local result = e [[trunkhost.spawn(function() io.popen("kill -INT $PPID"):close() end)
        print(trunkhost.process.run { "sh", "-c", "sleep 0.1; echo ended" }.out)
        print(pcall(trunkhost.process.run, { "echo", "another" }))
        print(pcall(trunkhost.await, uv.fs_stat, "/"))]]
    lu.assertEquals(result.status, 3)
    lu.assertStrContains(result.out, "ended\n")
    lu.assertStrContains(result.out, "false\tcancelled: the run is stopping: cannot start the command echo any more")
    lu.assertStrContains(result.out, "cannot start a call with a callback any more")
end

function tests.test_a_command_gets_no_descriptor_of_ours()
    local file <close> = assert(io.open("/dev/null"))
    assert(file)
    local look <const> = "n=3; while [ $n -lt 200 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n+1)); done; true"
    lu.assertEquals(run { "sh", "-c", look }.out, "")
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "uv", tests } })
