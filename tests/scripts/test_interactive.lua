--- `trunkhost -i`: what somebody sees who types at the prompt, and what a pipe gets.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local screen <const> = require "screen"

local tests = {}

local terminal, sandbox, folder

function tests.tearDown()
    if terminal then terminal:stop() end
    if sandbox then sandbox:stop() end
    if folder then program.remove(folder) end
    terminal, sandbox, folder = nil, nil, nil
end

local function start(arguments, options)
    terminal = screen.start(arguments, options)
    terminal:ends_with ">"
end

local function occurrences(text)
    return select(2, terminal:text():gsub(text, ""))
end

-- --- editing ---------------------------------------------------------------------------------------

function tests.test_a_line_can_be_edited_and_earlier_ones_come_back()
    start "--sandbox -i"
    terminal:type "1 + 3"
    terminal:press("Left", "Left", "Left", "Left", "BSpace")
    terminal:type "40 "
    terminal:press("C-e", "BSpace")
    terminal:enter "2"
    terminal:shows "\nsandbox> 40  + 2\n42\nsandbox>"
    terminal:enter '"second"'
    terminal:ends_with '"second"\nsandbox>'
    terminal:press("Up", "Up")
    terminal:ends_with "sandbox> 40  + 2"
    terminal:press("Down")
    terminal:ends_with 'sandbox> "second"'
    terminal:press("Home", "C-k")
    terminal:type "ä = 1"
    terminal:press("Home", "DC") -- one key takes one character, however many bytes it has
    terminal:type "a"
    terminal:press "Enter"
    terminal:enter "a"
    terminal:ends_with "sandbox> a = 1\nsandbox> a\n1\nsandbox>"
end

function tests.test_what_is_not_complete_goes_on_in_the_next_line_and_a_paste_is_read_as_lines()
    start "--sandbox -i"
    terminal:enter "for i = 1, 2 do"
    terminal:ends_with "\n.......>"
    terminal:enter "print(i * 11)"
    terminal:enter "end"
    terminal:ends_with "\n11\n22\nsandbox>"
    terminal:paste "local answer <const> = 42\nlocal function twice(x)\n    return 2 * x\nend\ntwice(answer)\n"
    terminal:ends_with "\n84\nsandbox>"
end

function tests.test_a_line_that_is_wider_than_the_terminal_stays_whole_when_that_changes()
    start("--sandbox -i", { columns = 60 })
    local line <const> = '#"' .. ("0123456789"):rep(9) .. '"'
    terminal:type(line)
    terminal:ends_with '9"'
    terminal:resize(40)
    terminal:ends_with(("sandbox> " .. line):gsub(("."):rep(40), "%0\n"))
    terminal:press "Enter"
    terminal:ends_with "\n90\nsandbox>"
end

function tests.test_tab_completes_names_methods_accounts_and_fields()
    start "--sandbox -i"
    terminal:type "trunkhost.sem"
    terminal:press "Tab"
    terminal:ends_with "> trunkhost.semaphore"
    terminal:press "C-u"
    terminal:type 'line = account "vat'
    terminal:press "Tab"
    terminal:ends_with '> line = account "vatel"'
    terminal:press "Enter"
    terminal:type "line:t"
    terminal:press "Tab"
    terminal:ends_with "> line:trunks"
    terminal:press "C-u"
    terminal:type 'line:update("x", { outbound_sip_us'
    terminal:press "Tab"
    terminal:ends_with '> line:update("x", { outbound_sip_username ='
    terminal:press "C-u"
    terminal:type "line:"
    terminal:press "Tab"
    terminal:shows "\ncall "
    terminal:ends_with "\nsandbox> line:"
end

-- --- calls -----------------------------------------------------------------------------------------

function tests.test_a_call_may_wait_and_its_value_is_shown_and_kept()
    start "--sandbox=trunks=3 -i"
    terminal:enter '#account "famulor":list "list"'
    terminal:ends_with "\n3\nsandbox>"
    terminal:enter "_ + 1"
    terminal:ends_with "\n4\nsandbox>"
    terminal:enter 'account "famulor":get(42).id, trunkhost.sleep(0)'
    terminal:ends_with "\n42\nsandbox>"
    terminal:enter "={ b = 1, a = trunkhost.secret() }"
    terminal:ends_with "\n{ a = [secret], b = 1 }\nsandbox>"
end

function tests.test_an_error_is_told_and_the_prompt_is_there_again()
    start "--sandbox -i"
    terminal:enter 'account "famulor":get(1)'
    terminal:shows "\nfamulor, trunk 1: not_found (HTTP 404): "
    terminal:enter "x = = 1"
    terminal:ends_with "\nstdin:1: unexpected symbol near '='\nsandbox>"
    terminal:enter 'error "boom"'
    terminal:ends_with "\nstdin:1: boom\nsandbox>" -- no traceback where it would say the same
    terminal:enter "function f() error { code = 7 } end"
    terminal:enter "f()"
    terminal:shows "\nan error that is { code = 7 }\nstack traceback:"
    terminal:shows "in function 'f'"
    terminal:ends_with "\nsandbox>"
end

function tests.test_ctrl_c_at_the_prompt_clears_the_line_and_nothing_else()
    start "--sandbox -i"
    terminal:enter "kept = 1"
    terminal:type "os.exit(1"
    terminal:ends_with "> os.exit(1" -- a terminal forgets what nobody has read when Ctrl-C is pressed
    terminal:press "C-c"
    terminal:ends_with "> os.exit(1^C\nsandbox>"
    terminal:enter "if true then"
    terminal:ends_with ".......>"
    terminal:press "C-c"
    terminal:ends_with "\nsandbox>"
    terminal:enter "kept"
    terminal:ends_with "\n1\nsandbox>"
end

function tests.test_ctrl_c_in_a_call_breaks_off_its_request_and_the_ledger_has_the_password()
    sandbox = sandbox_process.start "--limits none --latency 60000"
    start(("-c %s --ledger %s -i"):format(sandbox:config { apis = { "vatel" } }, sandbox:ledger_path()))
    terminal:enter 'line = account "vatel"'
    terminal:enter 'line:update("018f6f6e-7d4b-7c3a-9c1e-000000000001", { outbound_sip_password = trunkhost.secret() })'
    for _ = 1, 3000 do -- on its way: the sandbox has seen it, and answers in a minute
        if #sandbox:ask "log" > 0 then break end
        require("trunkhost").sleep(0.01)
    end
    terminal:press "C-c"
    terminal:ends_with "\ninterrupted\nlive>"
    terminal:enter "1 + 1"
    terminal:ends_with "\n2\nlive>"
    terminal:press "C-d"
    lu.assertEquals(terminal:status(), 0)
    local export <const> = sandbox:run "secrets export --account vatel --json"
    lu.assertStrContains(export.out, '"field":"outbound_sip_password","state":"candidate"')
end

function tests.test_ctrl_c_ends_what_waits_for_nothing_that_can_come()
    start "--sandbox -i"
    terminal:enter "print 'waiting' trunkhost.sleep(3600)"
    terminal:ends_with "\nwaiting"
    terminal:press "C-c"
    terminal:ends_with "\ninterrupted\nsandbox>"
    terminal:enter "trunkhost.queue():get()"
    terminal:shows "every task waits for another one"
    terminal:ends_with "\nsandbox>"
end

function tests.test_ctrl_c_ends_code_that_never_waits()
    start "--sandbox --log-level error -i"
    terminal:enter "print 'busy' while true do pcall(function() while true do end end) end"
    terminal:ends_with "\nbusy"
    terminal:press "C-c"
    terminal:ends_with "\ninterrupted\nsandbox>"
    terminal:enter "1 + 1"
    terminal:ends_with "\n2\nsandbox>"
end

-- --- beside the prompt -----------------------------------------------------------------------------

function tests.test_what_tasks_write_does_not_garble_the_line_that_is_typed()
    start("--sandbox -i", { columns = 60 })
    terminal:enter "go = trunkhost.queue()"
    terminal:enter 'do trunkhost.spawn(function() for item in go do print(item) trunkhost.log.warn "said" end end) end'
    local line <const> = "go:put '" .. ("y"):rep(80) .. "'"
    terminal:enter "do trunkhost.spawn(function() trunkhost.sleep(0.2) go:put 'tick' go:put 'tock' end) end"
    terminal:type(line)
    terminal:press("C-a", "Right", "Right")
    terminal:shows "\ntock\n"
    terminal:ends_with(("sandbox> " .. line):gsub(("."):rep(60), "%0\n"))
    local said <const> = "\n%d%d:%d%d:%d%d warn  said\n"
    lu.assertEquals(occurrences("\ntick" .. said .. "tock" .. said .. "sandbox> go:put"), 1)
    terminal:press("C-e", "Enter")
    terminal:shows(("y"):rep(60) .. "\n" .. ("y"):rep(20) .. "\n")
end

function tests.test_the_error_of_a_task_that_nobody_awaits_is_told_and_ends_nothing()
    start "--sandbox -i"
    terminal:enter "do trunkhost.spawn(function() error 'all alone' end) end"
    terminal:shows "trunkhost: stdin:1: all alone\nstack traceback:"
    terminal:enter "1 + 1"
    terminal:shows "\n2\nsandbox>"
end

-- --- the end ---------------------------------------------------------------------------------------

function tests.test_ctrl_d_ends_with_0_and_says_first_that_tasks_still_run()
    start "--sandbox -i"
    terminal:enter "trunkhost.spawn(trunkhost.sleep, 3600)"
    terminal:press "C-d"
    terminal:ends_with "\n1 task still runs; Ctrl-D again cancels it and ends.\nsandbox>"
    terminal:enter "1"
    terminal:ends_with "\n1\nsandbox>"
    terminal:press "C-d"
    terminal:shows "Ctrl-D again"
    terminal:press "C-d"
    lu.assertEquals(terminal:status(), 0)
end

function tests.test_os_exit_decides_the_status_and_sigterm_halts()
    start "--sandbox -i"
    terminal:enter "os.exit(7)"
    lu.assertEquals(terminal:status(), 7)
    terminal:stop()
    start "--sandbox -i"
    terminal:kill "TERM"
    lu.assertEquals(terminal:status(), 3)
end

function tests.test_the_terminal_is_as_before_at_the_end_and_while_the_process_is_stopped()
    terminal = screen.start("--norc", { command = "bash", env = { PS1 = "shell> ", TRUNKHOST = program.executable } })
    terminal:ends_with "shell>"
    terminal:enter "stty -g >~/before"
    terminal:enter "\"$TRUNKHOST\" --sandbox -i"
    terminal:ends_with "\nsandbox>"
    terminal:type "1 +"
    terminal:ends_with "\nsandbox> 1 +"
    terminal:press "C-z"
    terminal:ends_with "\nshell>"
    terminal:enter "stty -g >~/stopped; fg"
    terminal:ends_with "\nsandbox> 1 +"
    terminal:enter " 1"
    terminal:ends_with "\n2\nsandbox>"
    terminal:press "C-d"
    terminal:ends_with "\nshell>"
    terminal:enter "stty -g >~/after; cmp ~/after ~/stopped && cmp ~/after ~/before; echo $?, and done"
    terminal:shows ", and done"
    terminal:shows "\n0, and done"
end

-- --- what it is connected to -----------------------------------------------------------------------

function tests.test_the_prompt_says_what_a_line_would_change()
    folder = program.folder()
    program.write(folder .. "/config.lua", [[return { accounts = {
        ["main-line"] = { provider = "vatel", token = { env = "NONE" }, base_url = "http://127.0.0.1:9" } } }]])
    start(("-c %s/config.lua -i"):format(folder))
    terminal:shows "LIVE: what you type here changes real trunks.\nAccounts: main-line (vatel, http://127.0.0.1:9)\n"
    terminal:ends_with "\nlive>"
    terminal:stop()
    start(("-c %s/config.lua -n -i"):format(folder))
    terminal:shows "Dry run: nothing but GET is sent.\n"
    terminal:ends_with "\ndry-run>"
    terminal:stop()
    start(("-c %s/config.lua --sandbox -n -i"):format(folder))
    terminal:shows "Accounts: main-line (vatel)\n"
    terminal:ends_with "\nsandbox dry-run>"
    terminal:enter [[account "main-line":delete "018f6f6e-7d4b-7c3a-9c1e-000000000001"]]
    terminal:shows "dry run"
end

function tests.test_after_a_script_its_globals_are_there_also_when_it_has_failed()
    folder = program.folder()
    program.write(folder .. "/script.lua",
        'word = ... print("ran", arg[0] ~= nil) if word == "fail" then error "no" end')
    start(("--sandbox -i %s/script.lua hello"):format(folder))
    terminal:shows "\nran     true\n"
    terminal:enter "word"
    terminal:ends_with '\n"hello"\nsandbox>'
    terminal:stop()
    start(("--sandbox -i %s/script.lua fail"):format(folder))
    terminal:shows "script.lua:1: no"
    terminal:enter "word"
    terminal:ends_with '\n"fail"\nsandbox>'
    terminal:stop()
    start [[--sandbox -i -e "x = 5"]]
    terminal:enter "x"
    terminal:ends_with "\n5\nsandbox>"
end

-- --- history ---------------------------------------------------------------------------------------

function tests.test_history_is_kept_for_its_owner_only_and_without_secrets()
    folder = program.folder()
    local env <const> = { XDG_STATE_HOME = folder .. "/new/state" }
    start("--sandbox -i", { env = env })
    for _, line in ipairs { "first = 1", " blank = 1", [[s = trunkhost.secret { from = "hunter2hunter2" }]],
        [[f = { sip_password = "hunter2" }]], "if first then", "second = 2", "end" } do
        terminal:enter(line)
    end
    terminal:enter "second"
    terminal:ends_with "\n2\nsandbox>"
    terminal:press "C-d"
    lu.assertEquals(terminal:status(), 0)
    terminal:stop()
    lu.assertEquals(program.read(folder .. "/new/state/trunkhost/history"),
        "first = 1\nif first then second = 2 end\nsecond\n")
    lu.assertTrue(os.execute(("test $(stat -c %%a %s/new/state/trunkhost/history) = 600"):format(folder)))
    start("--sandbox -i", { env = env })
    terminal:press("Up", "Up")
    terminal:ends_with "> if first then second = 2 end"
end

function tests.test_a_history_that_cannot_be_written_stops_nobody()
    start("--sandbox -i", { env = { XDG_STATE_HOME = "/proc/nowhere" } })
    terminal:enter "1 + 1"
    terminal:ends_with "\n2\nsandbox>"
    terminal:press "Up"
    terminal:ends_with "\nsandbox> 1 + 1"
end

-- --- its page --------------------------------------------------------------------------------------

--- What the page shows is what somebody sees who types it.
function tests.test_the_transcript_of_the_page_is_an_honest_one()
    local shown <const> = program.read "docs/interactive.md":match "```text\n%$ trunkhost ([^`]*)\n```"
    local arguments <const>, transcript <const> = shown:match "^([^\n]*)\n(.*)$"
    start(arguments, { columns = 120 })
    local seen = ""
    for line in transcript:gmatch "[^\n]+" do
        local typed <const> = line:match "^[%w.]+> (.*)$"
        if typed then
            terminal:ends_with(seen .. line:match "^[%w.]+>")
            terminal:enter(typed)
        end
        seen = seen .. line .. "\n"
    end
    terminal:ends_with(seen .. "sandbox>")
end

-- --- without a terminal ----------------------------------------------------------------------------

local function piped(text, arguments)
    folder = folder or program.folder()
    program.write(folder .. "/lines", text)
    return program.run((arguments or "--sandbox") .. " -i", { stdin = folder .. "/lines" })
end

function tests.test_a_pipe_is_read_without_prompts_until_its_end()
    local result <const> = piped "1 + 1\nlocal x <const> = 20\nfor i = 1, 2 do\nx = x + i\nend\n=x"
    lu.assertEquals(result, { status = 0, out = "2\n23\n", err = "" })
    local command <const> = "(echo 'trunkhost.sleep(0)'; echo '1,nil') | env HOME=/nowhere %s --sandbox -i"
    lu.assertEquals(program.shell(command:format(program.quote(program.executable))), "1\nnil\n")
end

function tests.test_the_first_error_of_a_pipe_ends_it_with_2()
    for text, told in pairs { ['error "boom"'] = "trunkhost: stdin:1: boom\n",
        ["x = = 1"] = "trunkhost: stdin:1: unexpected symbol near '='\n",
        ['account "nobody"'] = "trunkhost: invalid: there is no account 'nobody'; there are: autocalls, bolna, "
            .. "bolna_trunk, famulor, vatel\n" } do
        local result <const> = piped("1\n" .. text .. "\nprint 'never'\n")
        lu.assertEquals(result.err, told)
        lu.assertEquals({ result.status, result.out }, { 2, "1\n" })
    end
    local cut <const> = piped "1\nfor i = 1, 2 do\n"
    lu.assertEquals({ cut.status, cut.out, cut.err }, { 2, "1\n", "trunkhost: stdin:1: 'end' expected near <eof>\n" })
end

function tests.test_a_configuration_that_is_not_usable_ends_it_at_once()
    folder = program.folder()
    program.write(folder .. "/config.lua", "return {}")
    terminal = screen.start(("-c %s/config.lua -i"):format(folder), { columns = 120 })
    terminal:shows "is not usable: accounts must be a table"
    lu.assertEquals(terminal:status(), 2)
    lu.assertNil(terminal:text():find "LIVE")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "interactive", tests } })
