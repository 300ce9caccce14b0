--- The program as its user meets it: options, exit statuses, errors on one line, signals.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"

local tests = {}

local function e(code, options)
    return program.run("-e " .. program.quote(code), options)
end

local function lines(text)
    return select(2, text:gsub("\n", ""))
end

function tests.test_version_and_help()
    lu.assertStrMatches(program.run("-V").out, "trunkhost %d+%.%d+%.%d+\n")
    local help = program.run "--help"
    lu.assertEquals(help.status, 0)
    for _, word in ipairs { "--config", "--ledger", "--sandbox", "--dry-run", "--log-level", "secrets",
        "rotate_passwords.lua" } do
        lu.assertStrContains(help.out, word)
    end
end

function tests.test_wrong_usage_is_one_line_and_status_2()
    for _, arguments in ipairs { "", "--frobnicate", "--log-level loud x.lua", "--log-format xml x.lua", "-c",
        "nosuchscript.lua", "-e 'x = = 1'", "--sandbox=nonsense=1 -e 'x=1'" } do
        local result = program.run(arguments)
        lu.assertEquals(result.status, 2, arguments)
        lu.assertEquals(result.out, "", arguments)
        lu.assertEquals(lines(result.err), 1, arguments .. ": " .. result.err)
        lu.assertStrMatches(result.err, "trunkhost: .*\n")
    end
end

function tests.test_an_uncaught_error_ends_the_run_with_its_traceback_and_status_2()
    local result = e "local function deep() error 'boom' end deep()"
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "trunkhost: -e:1: boom")
    lu.assertStrContains(result.err, "stack traceback:")
    lu.assertStrContains(result.err, "'deep'")
end

function tests.test_an_error_in_a_task_that_nobody_awaits_is_not_lost()
    local result = e "local t = require 'trunkhost' t.spawn(function() error 'lost?' end) t.sleep(30) print 'went on'"
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "lost?")
    lu.assertEquals(result.out, "")
end

function tests.test_an_error_in_a_task_whose_handle_is_kept_ends_the_run_at_the_end()
    local result = e [[local t = require "trunkhost"
        H = t.spawn(function() error "kept" end) t.sleep(0.01) print "went on"]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "kept")
    lu.assertEquals(result.out, "went on\n")
end

function tests.test_one_traceback_shows_the_line_that_failed_and_the_line_that_spawned_it()
    local folder = program.folder()
    program.write(folder .. "/s.lua", [[
local trunkhost = require "trunkhost"
local function d() error "deep" end
local function c() d() end
local function b() c() end
local function a() b() end
local task = trunkhost.spawn(function()
    trunkhost.sleep(0)
    a()
end)
task:await()
]])
    local result = program.run(folder .. "/s.lua")
    program.remove(folder)
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "s.lua:2: ")
    lu.assertStrContains(result.err, "spawned at " .. folder .. "/s.lua:6")
    lu.assertStrContains(result.err, "s.lua:10: in main chunk")
end

function tests.test_tasks_that_wait_for_each_other_are_named()
    local result = e [[local t = require "trunkhost" local a, b
        a = t.spawn(function() b:await() end) b = t.spawn(function() a:await() end) a:await()]]
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "every task waits for another one")
end

function tests.test_os_exit_ends_every_task_with_that_status()
    local result = e [[local t = require "trunkhost"
        local guard <close> = setmetatable({}, { __close = function() print "closed" end })
        t.spawn(function() t.sleep(3600) end)
        os.exit(7)]]
    lu.assertEquals(result.status, 7)
    lu.assertEquals(result.out, "closed\n")
end

function tests.test_arguments_reach_the_script()
    lu.assertEquals(program.run("-e 'print(arg[0], arg[1], arg[2], ...)' one 'two words'").out,
        "-e\tone\ttwo words\tone\ttwo words\n")
    lu.assertEquals(program.run("-e 'print(...)' -- -n -- x").out, "-n\t--\tx\n")
end

-- The script signals its own process: no race with its start.
local SIGNALLED <const> = [[local t = require "trunkhost"
    local begun = 0
    t.map({ 1, 2, 3, 4, 5, 6 }, function(i)
        begun = begun + 1
        if begun == 2 then io.popen("kill -%s $PPID"):close() end
        t.sleep(0.05)
        print("ended", i)
        if begun == 2 and %s then io.popen("kill -INT $PPID"):close() t.sleep(60) print "too long" end
    end, { concurrency = 2 })
    print "not reached"]]

function tests.test_the_first_signal_finishes_what_was_begun_and_the_run_ends_with_3()
    for _, signal in ipairs { "INT", "TERM" } do
        local result = e(SIGNALLED:format(signal, "false"))
        lu.assertEquals(result.status, 3, result.err)
        lu.assertEquals(result.out, "ended\t1\nended\t2\n")
        lu.assertStrContains(result.err, "Work in progress has 60 s to finish")
        lu.assertNotStrContains(result.err, "traceback")
    end
end

function tests.test_the_second_signal_cancels()
    local result = e(SIGNALLED:format("TERM", "true"))
    lu.assertEquals(result.status, 3, result.err)
    lu.assertNotStrContains(result.out, "too long")
    lu.assertStrContains(result.err, "cancelling")
end

function tests.test_a_signal_ends_a_script_that_only_sleeps()
    local result = e [[local t = require "trunkhost"
        t.spawn(function() io.popen("kill -INT $PPID"):close() end)
        t.sleep(3600) print "not reached"]]
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.out, "")
end

function tests.test_sigusr1_tells_what_every_task_waits_for()
    local result = program.ok(e [[local t = require "trunkhost"
        t.spawn(function() t.sleep(0) io.popen("kill -USR1 $PPID"):close() end)
        t.sleep(0.05)]])
    lu.assertStrContains(result.err, "task 0 (script) waits for sleep: 0.05 s")
end

function tests.test_log_lines_carry_fields_and_no_secret()
    local text = e [[local t = require "trunkhost"
        t.log.warn("careful\nnow", { b = 2, a = "x", password = t.secret { from = "hunter2hunter2" } })]].err
    lu.assertStrMatches(text, "%d%d:%d%d:%d%d warn  careful now a=x b=2 password=\"%[secret%]\"\n")
    local json = program.run([[--log-format json -e 'require "trunkhost".log.error("no \"luck\"", { n = 1 })']]).err
    lu.assertStrMatches(json, '{"time":"[^"]+","level":"error","message":"no \\"luck\\"","n":1}\n')
    lu.assertEquals(program.run([[--log-level error -e 'require "trunkhost".log.warn "quiet"']]).err, "")
end

function tests.test_no_secret_in_the_ways_a_value_becomes_text()
    local result = e [[local t = require "trunkhost"
        local s = t.secret { from = "hunter2hunter2" }
        print(s, tostring(s), ("%s"):format(s))
        print(pcall(function() return "x" .. s end))
        print(pcall(t.json.encode, { s }))
        print(pcall(error, s))
        error(s)]]
    lu.assertNotStrContains(result.out .. result.err, "hunter2")
    lu.assertStrContains(result.out, "[secret]")
end

function tests.test_a_reader_that_goes_away_does_not_stop_a_change_in_the_middle()
    local script = [[local core = require "trunkhost.core"
        for i = 1, 20000 do core.write("out", "line " .. i .. "\n") end
        core.write("err", "went on to the end\n")]]
    local folder = program.folder()
    local _, _, status = os.execute(("bash -c %s"):format(program.quote(("%s -e %s 2>%s/err | head -n 1 >%s/out; "
        .. "exit ${PIPESTATUS[0]}"):format(program.executable, program.quote(script), folder, folder))))
    local err, out = program.read(folder .. "/err"), program.read(folder .. "/out")
    program.remove(folder)
    lu.assertEquals(status, 0)
    lu.assertEquals(out, "line 1\n")
    lu.assertEquals(err, "went on to the end\n")
end

function tests.test_closed_standard_descriptors_are_nobodys_files()
    for _, closed in ipairs { "0<&-", "1>&-", "2>&-" } do
        local result = program.run("--sandbox=limits=none -e "
            .. program.quote [[for _ in require "trunkhost".account "famulor":trunks() do end os.exit(7)]],
            { around = ("sh -c 'exec \"$@\" %s' sh"):format(closed) })
        lu.assertEquals(result.status, 7, closed .. result.err)
    end
end

function tests.test_a_task_that_is_spawned_while_the_run_ends_does_not_live_on()
    local result = e [[local t = require "trunkhost"
        local guard <close> = setmetatable({}, { __close = function()
            t.spawn(function() t.sleep(3600) print "lived on" end) end })
        os.exit(7)]]
    lu.assertEquals(result.status, 7)
    lu.assertEquals(result.out, "")
end

function tests.test_os_exit_works_before_the_library_is_loaded()
    lu.assertEquals(e("os.exit(7)").status, 7)
end

function tests.test_finalizers_at_the_end_find_nothing_to_work_with_and_harm_nothing()
    local result = program.ok(e [[local t = require "trunkhost"
        X = setmetatable({}, { __gc = function()
            print((pcall(t.sleep, 1)), (pcall(t.spawn, print)), (pcall(coroutine.wrap(t.sleep), 0))) end })]])
    lu.assertEquals(result.out, "false\tfalse\tfalse\n")
end

function tests.test_check_reports_a_syntax_error_and_does_not_run()
    lu.assertEquals(program.run("--check -e 'print(1)'").out, "")
    lu.assertEquals(program.run("--check -e 'print(1'").status, 2)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "program", tests } })
