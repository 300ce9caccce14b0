--- Every example can be copied: each command line of trunkhost in a help text or in a document is read by the parser of
--- the script or command that it names.
---
--- A shell splits the line, as a reader's would. The program in its path is a stand-in that only parses; every other
--- program is missing there, and that is not looked at.

package.path = "tests/docs/?.lua;tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local markdown <const> = require "markdown"
local program <const> = require "program"

local HELP_WIDTH <const> = 80

-- Reads the host's options up to the script, and gives the rest to the script's parser. A command is run as it is, in
-- an empty home: what it finds wrong with its words it says before anything else.
local STAND_IN <const> = [[
#!/bin/bash
host=()
while [ $# -gt 0 ]; do
    case $1 in
    -c | --config | --ledger) shift ;;
    --log-level | --log-format | --max-memory) host+=("$1" "$2"); shift ;;
    --config=* | --ledger=*) ;;
    --check | -i | -e) exit 0 ;;
    -*) host+=("$1") ;;
    *) break ;;
    esac
    shift
done
case ${1-} in
sandbox) set -- "$@" --help ;;
*.lua)
    [ -f "$SCRIPTS/$1" ] || exit 0
    script=$SCRIPTS/$1
    shift
    set -- "$PARSE_ONLY" "$script" "$@"
    ;;
esac
said=$("$PROGRAM" "${host[@]}" "$@" 2>&1 >/dev/null </dev/null)
case $?$said in
2*--help* | 2*unknown*) echo "$said" >>"$HOME/wrong" ;;
esac
]]

local function absolute(path)
    return program.shell("/usr/bin/realpath " .. program.quote(path)):match "[^\n]+"
end

local function lines_of(command)
    local pipe <const> = assert(io.popen(command))
    local list = {}
    for line in pipe:lines() do list[#list + 1] = line end
    pipe:close()
    return list
end

--- The part of a line that calls trunkhost; nil when none does, or when a part of it was left out.
local function call_of(line)
    local text <const> = line:gsub("^%s*%$ ", ""):gsub("^ +", ""):gsub("[%w./-]*/trunkhost ", "trunkhost ")
    local at <const> = text:find "%f[%w]trunkhost [%-%l]"
    if not at or text:find "…" or text:find "%[option" or text:find "^#" then
        return nil
    end
    local call = text:sub(at):gsub("%S   +.*", function(rest) return rest:sub(1, 1) end) -- a remark beside it
    -- Inside of a quotation that began before it, as in a line of a unit.
    local _, quotes <const> = call:gsub("'", "")
    call = quotes % 2 == 1 and call:gsub("'$", "") or call
    -- A line of prose that only names the program, as in «trunkhost is …».
    local word <const> = call:match "^trunkhost (%S+)"
    return (word:find "^%-" or word:find "%.lua$" or call:find "^trunkhost %l+$" or call:find "^trunkhost %l+ [%l%-]")
        and call or nil
end

local COMMANDS <const> = { sandbox = true, secrets = true, runs = true, explain = true, doctor = true, rehearse = true,
    report = true, init = true }

local function is_ours(call)
    local first <const> = call:gsub("%-%-?%S+%s+", ""):match "^trunkhost (%S+)"
    return first and (first:find "%.lua$" or COMMANDS[first]) ~= nil
end

--- Types a call. Returns what its parser says against it, nil when it takes it.
local function complaint(folder, call)
    local env <const> = { "HOME=" .. folder .. "/home", "PATH=" .. folder .. "/bin", "LC_ALL=C.UTF-8",
        "PROGRAM=" .. absolute(program.executable), "SCRIPTS=" .. absolute "scripts",
        "PARSE_ONLY=" .. absolute "tests/support/parse_only.lua" }
    for _, name in ipairs { "ASAN_OPTIONS", "UBSAN_OPTIONS" } do
        local value <const> = os.getenv(name)
        if value then env[#env + 1] = name .. "=" .. value end
    end
    for i, word in ipairs(env) do env[i] = program.quote(word) end
    program.write(folder .. "/line", "command_not_found_handle() { return 0; }\n" .. call .. "\n")
    os.execute(("cd %s/home && rm -f wrong; /bin/bash -n %s/line 2>wrong && rm wrong"):format(folder, folder))
    os.execute(("cd %s/home && test ! -e wrong && env -i %s /bin/bash %s/line >/dev/null 2>&1 </dev/null")
        :format(folder, table.concat(env, " "), folder))
    local file <const> = io.open(folder .. "/home/wrong")
    local said <const> = file and file:read "a"
    if file then file:close() end
    return said
end

local function with_folder(fn)
    local folder <const> = program.folder()
    os.execute(("mkdir %s/bin %s/home"):format(folder, folder))
    program.write(folder .. "/bin/trunkhost", STAND_IN, "755")
    local ok <const>, problem <const> = pcall(fn, folder)
    program.remove(folder)
    if not ok then error(problem, 0) end
end

--- Checks calls: { where, call }.
local function check(calls)
    local wrong = {}
    with_folder(function(folder)
        for _, each in ipairs(calls) do
            local said <const> = complaint(folder, each.call)
            if said then
                wrong[#wrong + 1] = ("%s: %s\n    %s"):format(each.where, each.call, said)
            end
        end
    end)
    lu.assertEquals(table.concat(wrong, "\n"), "")
end

local tests = {}

--- The examples of a help text: lines that begin with two blanks and the program, with the lines that they go on in.
local function examples_of(help, where)
    local calls, kept = {}, nil
    for line in help:gmatch "[^\n]+" do
        if kept or line:find "^  trunkhost " then
            kept = kept and kept .. line:gsub("^ +", "") or line
            if kept:find "\\$" then
                kept = kept:gsub("\\$", " ")
            else
                local call <const> = call_of(kept)
                calls[#calls + 1] = call and { where = where, call = call } or nil
                kept = nil
            end
        end
    end
    return calls
end

local function scripts_with_help(each)
    for _, script in ipairs(lines_of "ls scripts/*.lua") do
        local result <const> = program.run(script .. " --help")
        lu.assertEquals(result.status, 0, script)
        each(script, result.out)
    end
end

function tests.test_every_example_of_a_help_is_taken_by_the_parser_of_its_script()
    local calls = {}
    scripts_with_help(function(script, help)
        local examples <const> = examples_of(help, script .. " --help")
        lu.assertTrue(#examples > 0, script .. " --help shows no example")
        table.move(examples, 1, #examples, #calls + 1, calls)
    end)
    check(calls)
end

function tests.test_no_line_of_a_help_is_too_wide_or_a_backslash_alone()
    scripts_with_help(function(script, help)
        for line in help:gmatch "[^\n]+" do
            lu.assertTrue(utf8.len(line) <= HELP_WIDTH, ("%s --help: this line is too wide: %s"):format(script, line))
            lu.assertNil(line:match "^%s*\\$", script .. " --help: a backslash stands alone")
        end
    end)
end

function tests.test_an_example_is_shown_as_it_was_written()
    local long <const> = "  trunkhost mine.lua --first one --second two --third three --fourth four --fifth five"
    local result <const> = program.run(("-e %s -- --help"):format(program.quote(
        ('require("trunkhost").options { epilog = "Examples:\\n%s" }:parse()'):format(long))))
    lu.assertStrContains(result.out, "\n" .. long .. "\n")
end

function tests.test_a_wrong_example_is_found()
    with_folder(function(folder)
        lu.assertNil(complaint(folder, "trunkhost rotate_passwords.lua --account a --only 42,43 | jq .x"))
        lu.assertNotNil(complaint(folder, "trunkhost rotate_passwords.lua --acount a"))
        lu.assertNotNil(complaint(folder, "trunkhost rotate_passwords.lua --deadline soon"))
        lu.assertNotNil(complaint(folder, "trunkhost runs --no-such"))
        lu.assertNotNil(complaint(folder, "trunkhost doctor --no-such"))
    end)
end

for _, path in ipairs(lines_of "ls README.md docs/*.md") do
    tests["test_every_command_line_is_taken_in_" .. path:match "([%w_-]+)%.md$":gsub("-", "_")] = function()
        local calls = {}
        markdown.commands(markdown.read(path), function(text, line)
            local call <const> = call_of(text)
            if call and is_ours(call) then
                calls[#calls + 1] = { where = ("%s:%d"):format(path, line), call = call }
            end
        end)
        check(calls)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "examples", tests } })
