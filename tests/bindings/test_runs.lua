--- `trunkhost runs`: what people and programs get to see of the past.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost".json
local past <const> = require "past"
local program <const> = require "program"

local tests = {}
local world

function tests.tearDown()
    if world then world:close() end
    world = nil
end

--- The line of a run.
local function line_of(text, run)
    for line in text:gmatch "[^\n]+" do
        if line:find(run, 1, true) then return line end
    end
    error(run .. " is not in:\n" .. text)
end

function tests.test_the_newest_runs_come_first_and_say_how_they_ended()
    world = past.lived()
    local out <const> = world:out "runs"
    lu.assertEquals(past.lines(out), 4)
    local order <const> = {}
    for run in out:gmatch "\n(%S+)" do
        order[#order + 1] = run
    end
    lu.assertEquals(order, { past.NOW, past.KILLED, past.FIRST })
    lu.assertStrContains(line_of(out, past.NOW), "running")
    lu.assertStrMatches(line_of(out, past.KILLED), ".*killed .*1 half%-way.*")
    lu.assertStrContains(line_of(out, past.FIRST), "3 m 20 s  some failed  1 done, 1 failed, 1 skipped")
    lu.assertStrContains(out, [[rotate_passwords.lua --account all 'it'\''s']])
    lu.assertEquals(past.lines(world:out "runs --limit 1"), 2)
    lu.assertEquals(past.lines(world:out "runs --limit=0"), 4)
end

function tests.test_runs_as_json_are_one_object_a_line()
    world = past.lived()
    local text <const> = world:out "runs --json"
    local runs <const> = world:objects "runs --json"
    lu.assertEquals(#runs, 3)
    lu.assertEquals({ runs[1].life, runs[1].status }, { "alive", json.null })
    lu.assertEquals({ runs[2].life, runs[2].ended_at }, { "died", json.null })
    lu.assertEquals({ runs[3].run, runs[3].life, runs[3].status }, { past.FIRST, "ended", 1 })
    lu.assertEquals(runs[3].arguments[3], "it's")
    lu.assertEquals(runs[3].items.skipped, 1)
    local names <const> = {}
    for name in line_of(text, past.FIRST):gsub("%[.-%]", "[]"):gmatch '"([%w_]+)":' do
        names[#names + 1] = name
    end
    lu.assertEquals(table.concat(names, " "), "run script arguments script_hash host pid resumed_from undoes \z
        started_at ended_at life status items planned running done failed unknown skipped")
end

function tests.test_a_process_of_that_number_that_began_later_is_not_the_run()
    world = past.new()
    local id <const> = world:start_run()
    lu.assertEquals(world:objects("runs --json")[1].life, "alive")
    world:sql("UPDATE runs SET process = process || '0'")
    lu.assertEquals(world:objects("runs --json")[1].life, "died")
    -- Without the name of its process, its start is held against that of the run.
    world:sql("UPDATE runs SET process = '', started_at = '2020-01-31T23:59:59.123Z'")
    local run <const> = world:objects("runs --json")[1]
    lu.assertEquals({ run.run, run.life }, { id, "died" })
end

function tests.test_a_clock_that_jumps_changes_neither_the_last_run_nor_which_are_alive()
    world = past.new()
    local id <const> = world:start_run()
    world:sql(([[UPDATE runs SET started_at = '2020-01-31T23:59:59.123Z';
        INSERT INTO runs (id, seq, script, arguments, started_at, script_hash, host, pid, process)
            SELECT 'r0', 0, script, arguments, '2099-01-31T23:59:59.123Z', script_hash, host, pid, process FROM runs]]))
    local runs <const> = world:objects "runs --json"
    lu.assertEquals({ runs[1].run, runs[1].life, runs[2].run, runs[2].life }, { id, "alive", "r0", "alive" })
    lu.assertStrContains(world:out "runs show last", id)
end

function tests.test_a_killed_run_is_no_longer_at_work()
    world = past.new()
    local id <const>, pid <const> = world:start_run()
    lu.assertStrContains(world:out "runs", "running")
    -- Its parent, the shell of the pipe or this process, has not asked for it yet.
    os.execute("kill -KILL " .. pid)
    repeat
        local state <const> = io.open("/proc/" .. pid .. "/stat")
        local text <const> = state and state:read "a" or ") Z"
        if state then state:close() end
    until text:find "%) [ZX]"
    lu.assertStrContains(world:out "runs", "killed")
    lu.assertStrContains(world:out("runs show " .. id), "Ended     no: killed\n")
end

function tests.test_a_damaged_record_hides_no_other_run()
    world = past.lived()
    for _, conclusion in ipairs { '{"counts":null}', '{"counts":5}', '{"counts":{"done":"x"}}', '{"not_listed":5}',
        '{"not_listed":[1]}', '{"settled":[1]}', '{"words":null,"total":"x"}', '[]', '7', 'no JSON' } do
        world:sql(("UPDATE runs SET conclusion = '%s' WHERE id = '%s'"):format(conclusion, past.FIRST))
        lu.assertStrContains(world:out "runs", past.KILLED)
        lu.assertStrContains(world:out("runs show " .. past.FIRST), "famulor-prod")
        world:objects("runs show --json " .. past.FIRST)
    end
    world:sql "UPDATE items SET error = '{\"kind\":5,\"advice\":6}'; UPDATE runs SET script = ''"
    lu.assertStrContains(world:out "runs", past.KILLED)
    lu.assertStrContains(world:out("runs show " .. past.FIRST), "famulor-prod")
end

function tests.test_one_run_is_shown_with_its_items()
    world = past.lived()
    local out = world:out "runs show 20250131T1000"
    for _, text in ipairs { "Run       20250131T100000Z-aaaaaa\n",
        "Script    rotate_passwords.lua --account all 'it'\\''s'\n", "SHA-256   abcdef\n",
        "after 3 m 20 s: some failed (exit status 1)\n", "Items     1 done, 1 failed, 1 skipped\n",
        "refused (HTTP 422): too short\n", "it has no password\n" } do
        lu.assertStrContains(out, text)
    end
    out = world:out "runs show 20250131T11"
    lu.assertStrContains(out, "Ended     no: killed\n")
    lu.assertStrContains(out, "It is not known whether this create has happened (create on famulor-prod, item 42): \z
        {\"phone_number\":\"4711\",\"b\":1,\"a\":2}\n")
    lu.assertStrContains(out, "1 request outside of items")
    lu.assertStrContains(out, ("Resume it with: trunkhost --ledger %s %s --resume %s\n"):format(world.ledger,
        "/usr/share/trunkhost/scripts/rotate_passwords.lua", past.KILLED))
end

function tests.test_a_run_as_json_has_everything_that_it_did()
    world = past.lived()
    local lines <const> = world:objects("runs show --json " .. past.KILLED)
    local events <const> = {}
    for i, line in ipairs(lines) do
        events[i] = line.event
    end
    lu.assertEquals(table.concat(events, " "), "run item create attempt attempt attempt")
    lu.assertEquals({ lines[2].state, lines[2].plan.sip_password }, { "running", "new" })
    lu.assertEquals(lines[3].source, "42")
    lu.assertEquals({ lines[4].state, lines[5].state, lines[6].item }, { "sent", "sent", json.null })
    -- As it stands in the ledger, member by member.
    lu.assertStrContains(world:out("runs show --json " .. past.KILLED),
        '"natural_key":{"phone_number":"4711","b":1,"a":2},')
end

function tests.test_a_run_is_named_by_as_much_as_only_it_begins_with()
    world = past.lived()
    lu.assertStrContains(world:out "runs show last", past.NOW)
    world:complains("runs show 20250131T1", "several runs begin with 20250131T1")
    world:complains("runs show 2024", "has no run 2024. See: trunkhost runs")
    world:complains("runs show ''", "has no run")
    world:complains("runs show %", "has no run %")
end

local function many(total, odd)
    world = past.new()
    world:run("r1", 1, { status = 1, ended_at = "2025-01-31T10:03:20.000Z" })
    for i = 0, total - 1 do
        world:item(i + 1, "r1", "vatel", ("trunk%05d"):format(i), i == odd and "unknown" or "done")
    end
    world:write()
end

function tests.test_of_many_items_those_are_shown_that_need_a_person()
    many(100, 50)
    local out <const> = world:out "runs show r1"
    lu.assertStrContains(out, "trunk00050")
    lu.assertStrContains(out, "… and 99 more; --all shows them.\n")
    lu.assertNotStrContains(out, "trunk00051")
    lu.assertStrContains(world:out "runs show r1 --all", "trunk00051")
    lu.assertEquals(past.lines(world:out "runs show r1 --json"), 101)
end

function tests.test_every_item_of_a_long_run_is_shown_once()
    many(2000, 1234)
    for _, words in ipairs { "runs show r1 --all", "runs show r1 --json" } do
        local seen, count = {}, 0
        for trunk in world:out(words):gmatch "trunk%d+" do
            seen[trunk], count = true, count + 1
        end
        lu.assertEquals({ count, seen.trunk00000, seen.trunk01999 }, { 2000, true, true }, words)
    end
    lu.assertStrContains(world:out "runs", "1999 done, 1 unknown")
end

function tests.test_numbers_are_those_that_the_job_has_said()
    local script <const> = [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "label", plan = function(item)
            if item.trunk.id % 2 == 0 then return { skip = "it is even" } end
            return { changes = { nickname = "x" } }
        end }]]
    world = past.new()
    program.write(world.folder .. "/job.lua", script)
    local ran <const> = program.run(("--sandbox=limits=none --ledger %s %s/job.lua --account famulor --yes --json")
        :format(world.ledger, world.folder))
    local told <const> = json.decode(ran.out:match "([^\n]+)\n$")
    lu.assertTrue(told.done > 0 and told.skipped > 0, ran.err)
    lu.assertStrContains(world:out "runs", ("done    %d done, %d skipped"):format(told.done, told.skipped))
    lu.assertStrContains(world:out "runs show last", ("Items     %d done, %d skipped\n"):format(told.done,
        told.skipped))
    local lines <const>, counts = world:objects "runs show last --json", { done = 0, skipped = 0 }
    lu.assertEquals({ lines[1].items.done, lines[1].items.skipped }, { told.done, told.skipped })
    for i = 2, #lines do
        if lines[i].event == "item" then
            counts[lines[i].state] = counts[lines[i].state] + 1
        end
    end
    lu.assertEquals(counts, { done = told.done, skipped = told.skipped })
    lu.assertEquals(select(2, world:out("runs show last"):gsub("it is even", "")), told.skipped)
end

function tests.test_a_backup_is_made_once()
    world = past.lived()
    local copy <const> = world.folder .. "/copy.db"
    lu.assertStrMatches(world:out("runs backup " .. copy), copy .. " .*private key.*")
    local mode <const> = require("trunkhost").uv.fs_stat(copy).mode
    lu.assertEquals(("%o"):format(mode & 511), "600")
    world:complains("runs backup " .. copy, "it is there already")
    world:complains("runs backup /nowhere/copy.db",
        "cannot write the backup /nowhere/copy.db: No such file or directory")
    lu.assertStrContains(world:out(("runs --ledger %s --limit 1"):format(copy)), past.NOW)
end

-- As the copy of a long ledger does, and cron mails every word.
function tests.test_a_command_that_takes_long_says_nothing_of_a_script()
    world = past.new()
    local copy <const>, held <const> = world.folder .. "/copy.db", world.folder .. "/held"
    program.write(world.folder .. "/hold", ("PRAGMA journal_mode = DELETE;\nBEGIN EXCLUSIVE;\n.shell touch %s\n\z
        .shell sleep 2.5\n"):format(held))
    local holder <const> = assert(io.popen(("sqlite3 %s <%s/hold"):format(world.ledger, world.folder)))
    while not io.open(held) do
        os.execute "sleep 0.02"
    end
    local result <const> = world:look("runs backup " .. copy)
    holder:close()
    lu.assertEquals({ result.status, result.err }, { 0, "" })
    lu.assertStrContains(result.out, copy)
end

function tests.test_texts_that_nobody_can_read_are_shown_and_break_nothing()
    world = past.new()
    world:run("r1", 1, { status = 0, ended_at = "no time", conclusion = "{", arguments = "no json" })
    world:item(1, "r1", "vatel", "\27[2J", "failed", { error = "no json\n", plan = "[1," })
    world:item(2, "r1", "vatel", "43", "failed", { error = "X'" .. "ff41" .. "'", plan = '[1,\n2]' })
    world.statements[3] = world.statements[3]:gsub("X'ff41'", "CAST(X'ff41' AS TEXT)")
    world:write()
    lu.assertStrContains(world:out "runs", "rotate_passwords.lua")
    local out <const> = world:out "runs show r1"
    lu.assertNotStrContains(out, "\27")
    lu.assertStrContains(out, "no json")
    local items <const> = world:objects "runs show r1 --json"
    lu.assertEquals({ items[1].arguments, items[2].error, items[2].plan, items[3].error, items[3].plan[2] },
        { "no json", "no json\n", "[1,", "\u{FFFD}A", 2 })
end

function tests.test_an_older_ledger_can_be_read()
    world = past.new()
    -- What a ledger without conclusions has of a run.
    world:run("r1", 1, { status = 0, ended_at = "2025-01-31T10:00:00.500Z", script_hash = "", host = "" })
    world:item(1, "r1", "vatel", "42", "done")
    world:write()
    lu.assertStrContains(world:out "runs", "0.5 s  done    1 done  rotate_passwords.lua")
    lu.assertNotStrContains(world:out "runs show r1", "Where")
end

function tests.test_a_ledger_can_be_read_while_another_program_writes()
    world = past.new()
    local id <const> = world:start_run()
    world:sql "BEGIN IMMEDIATE; INSERT INTO meta VALUES ('x', 'y'); COMMIT"
    lu.assertStrContains(world:out "runs", id)
    local writer <const> = assert(io.popen(("sqlite3 -bail %s"):format(world.ledger), "w"))
    writer:write "BEGIN IMMEDIATE; UPDATE runs SET script = 'other';\n"
    writer:flush()
    lu.assertStrContains(world:out "runs", id)
    writer:write "COMMIT;\n"
    writer:close()
end

function tests.test_wrong_use_is_one_line_and_status_2()
    world = past.new()
    world:complains("runs sohw", "there is no command sohw")
    world:complains("runs --limit many", "--limit many: must be an integer")
    world:complains("runs --limit", "option '--limit' requires an argument")
    world:complains("runs --limit 1 --limit 2", "--limit is given twice")
    world:complains("runs show", "missing argument 'RUN'")
    world:complains("runs show a b", "too many arguments")
    world:complains("runs backup", "missing argument 'FILE'")
    world:complains("runs --jsno", "unknown option '--jsno' (did you mean '--json'?); see trunkhost runs --help")
end

function tests.test_a_ledger_that_is_not_there_is_said_and_not_made()
    world = past.new()
    world.ledger = world.folder .. "/none.db"
    world:complains("runs", "it is not there. Make one with: trunkhost secrets init")
    world:complains("runs show last", "it is not there")
    world:complains("runs backup " .. world.folder .. "/copy.db", "it is not there")
    lu.assertNil(io.open(world.ledger))
    -- Whatever runs on the sandbox keeps its ledger for itself.
    world:complains("--sandbox runs", "it is not there")
end

function tests.test_an_empty_ledger_says_so()
    world = past.new()
    local result <const> = world:look "runs"
    lu.assertEquals({ result.status, result.out }, { 0, "" })
    lu.assertStrContains(result.err, world.ledger .. " has no runs yet")
    lu.assertEquals(world:look("runs --json").out, "")
    world:complains("runs show last", "has no runs yet")
end

function tests.test_help_is_on_standard_output()
    world = past.new()
    lu.assertStrContains(world:out "runs --help", "runs show RUN")
    lu.assertStrContains(world:out "runs show -h", "`last`")
    lu.assertStrContains(world:out "runs backup --help", "there must be no such file")
end

function tests.test_a_failing_output_is_said()
    world = past.lived()
    for _, words in ipairs { "runs", "runs --json", "runs show last", "runs show last --json", "runs backup "
        .. world.folder .. "/copy.db" } do
        local result <const> = world:look(words, { around = "sh -c 'exec \"$@\" >/dev/full' sh" })
        lu.assertEquals(result.status, 2, words)
        lu.assertStrContains(result.err, "cannot write to standard output: No space left on device")
        lu.assertEquals(world:look(words:gsub("copy", "other"), { around = "sh -c 'exec \"$@\" >&-' sh" }).status, 0)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "runs", tests } })
