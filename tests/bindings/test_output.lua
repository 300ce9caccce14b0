--- What a script prints when nobody takes it: a full disk is an error, in one line; a reader that has gone ends a
--- script, but never a change.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"


local tests = {}

--- Runs a shell line, in which $T is the program. Returns its output and what is on standard error.
local function shell(line)
    local folder <const> = program.folder()
    program.write(folder .. "/line", ("T=%s\n%s\n"):format(program.quote(program.executable), line))
    os.execute(("bash %s/line >%s/out 2>%s/err </dev/null"):format(folder, folder, folder))
    local out, err = program.read(folder .. "/out"), program.read(folder .. "/err")
    program.remove(folder)
    return out, err
end

local FULL <const> = "cannot write to standard output: No space left on device\n"

function tests.test_a_full_disk_is_an_error_in_one_line()
    for _, command in ipairs {
        "$T -e 'print(1)'",
        "$T -e 'io.write(1)'",
        [[$T -e 'io.stdout:write(("x"):rep(100000))']],
        "$T -e 'while true do print(1) end'",
        "$T -e 'while true do io.write(1) end'",
        "$T --sandbox list_trunks.lua --account famulor",
        "$T --sandbox list_trunks.lua --account famulor --json",
        "$T --sandbox list_trunks.lua --account famulor --csv",
        "$T --sandbox rotate_passwords.lua --account famulor --dry-run",
        "$T --sandbox rotate_passwords.lua --account famulor --dry-run -q --json",
        "$T --help",
        "$T --version",
    } do
        local out, err = shell(command .. " > /dev/full; echo $?")
        lu.assertEquals(out, "2\n", command .. ": " .. err)
        lu.assertEquals(select(2, err:gsub("\n", "")), 1, command .. ": " .. err)
        lu.assertStrContains(err, FULL)
    end
end

function tests.test_a_script_that_prints_for_ever_ends_with_its_reader()
    for _, write in ipairs { "print(1)", "io.write(1, '\\n')", "io.stdout:write '1\\n'" } do
        local out, err = shell(("(timeout 60 $T -e %s; echo $? >&2) | head -1"):format(
            program.quote("while true do " .. write .. " end")))
        lu.assertEquals(out, "1\n")
        lu.assertEquals(err, "trunkhost: invalid: cannot write to standard output: its reader has closed it\n2\n",
            write)
    end
end

function tests.test_an_output_that_another_program_has_made_one_that_does_not_wait_is_waited_for()
    local _, err = shell [[
{ $T -e 'local pipe = require "trunkhost".uv.new_pipe(false) pipe:open(1)
    local function is_waiting() return not io.open "/proc/self/fdinfo/1":read "a":match "flags:%s+%d*[4567]%d%d%d\n" end
    io.stderr:write(tostring(is_waiting()), "\n")'
$T -e 'io.stderr:write(io.open "/proc/self/fdinfo/1":read "a":match "flags:%s+(%d+)")'; } | cat]]
    lu.assertEquals(err:match "^%a+", "false") -- as libuv makes it
    lu.assertNil(err:match "\n%d*[4567]%d%d%d$", err)
    lu.assertNotNil(err:match "\n%d+$", err)
end

function tests.test_other_files_say_what_went_wrong_as_ever()
    local out = shell [[
$T -e 'local f = io.open("/dev/full", "w") f:setvbuf "no" print((f:write "x")) print(select(2, f:write "x"))
io.output(f) print(select(2, io.write "x")) io.output(io.stdout) print(io.write "" == io.stdout)'
]]
    lu.assertEquals(out, "nil\nNo space left on device\t28\nNo space left on device\t28\ntrue\n")
end

function tests.test_a_change_goes_on_when_nobody_reads_what_it_prints()
    local server <close> = sandbox_process.start "--limits none --trunks 6"
    local path = server.folder .. "/job.lua"
    program.write(path, [[
        local trunkhost = require "trunkhost"
        local job = trunkhost.job
        job.run { name = "x", plan = function() return { changes = { nickname = "printed" } } end,
            apply = function(item)
                print(("x"):rep(100000))
                return job.apply(item.account, job.before(item.account, item.trunk), { nickname = "printed" })
            end }]])
    local command = ("$T -c %s --ledger %s %s --account famulor --yes -q"):format(server:config(),
        server:ledger_path(), path)
    local out = shell(("(%s; echo $? >&2) 2>&1 >/dev/full | tail -2; (%s; echo $? >&2) 2>&1 >&- | cat"):format(command,
        command))
    lu.assertStrContains(out, "the change continues without it\n2\n")
    for _, trunk in ipairs(server:ask "state".famulor.trunks) do
        lu.assertEquals(trunk.nickname, "printed")
    end
    local _, err = shell(("(%s; echo $? >&2) | head -c 1 >/dev/null"):format(command))
    lu.assertEquals(err, "0\n")
end

function tests.test_a_job_whose_lines_cannot_be_written_ends_what_is_under_way_and_can_be_gone_on_with()
    local server <close> = sandbox_process.start "--limits none --trunks 12"
    local command = ("$T -c %s --ledger %s rotate_passwords.lua --account famulor --yes --json -j 2"):format(
        server:config(), server:ledger_path())
    local out, err = shell(command .. " > /dev/full; echo $?")
    lu.assertEquals(out, "3\n", err)
    lu.assertStrContains(err, "Halted: cannot write to standard output: No space left on device. 11 items were not")
    lu.assertNotStrContains(err, "traceback")
    lu.assertStrContains(err, "to resume: ")
    local again = server:run "rotate_passwords.lua --resume last --yes --json"
    lu.assertEquals(again.status, 0, again.err)
    lu.assertStrContains(again.out, '"skipped":1')
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "output", tests } })
