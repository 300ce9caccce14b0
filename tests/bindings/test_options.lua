--- Options of scripts: read once, complained about in one line.

package.path = "tests/support/?.lua;" .. package.path
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local program <const> = require "program"

local tests = {}

local SCRIPT <const> = [[
local trunkhost = require "trunkhost"
local parser = trunkhost.options { description = "Does something.", epilog = "Examples:\n  as here", job = JOB }
parser:group("Its own", parser:option "--size" :description "How big.")
parser:argument "rest" :args "*"
local options = parser:parse()
options.deadline = options.deadline and options.deadline.text
print(trunkhost.json.encode(options), trunkhost.run().dry_run)
]]

local function run(arguments, host, job)
    local folder = program.folder()
    program.write(folder .. "/tool.lua", (SCRIPT:gsub("JOB", tostring(job))))
    local result = program.run(("%s %s/tool.lua %s"):format(host or "", folder, arguments))
    program.remove(folder)
    return result
end

local function parse(arguments, host)
    local result = program.ok(run(arguments, host))
    local text, dry = result.out:match "^(.*)\t(%w+)\n$"
    return json.decode(text), dry == "true"
end

function tests.test_standard_options_have_their_values_and_defaults()
    local plain = parse ""
    lu.assertEquals(plain.concurrency, 8)
    lu.assertEquals(plain.canary, 1)
    lu.assertEquals(#plain.account + #plain.only + #plain.match, 0)
    lu.assertNil(plain.yes or plain.dry_run or plain.json or plain.quiet or plain.max_failures or plain.deadline)
    local full = parse("--account a --account b,c --only 1,2 --only 3 --match a=b*c --match 'd==?' -nyq --json "
        .. "-j 3 --canary 0 --max-failures 2.5% --deadline 1h30m --size 5 x y")
    lu.assertEquals(full.account, { "a", "b", "c" })
    lu.assertEquals(full.only, { "1", "2", "3" })
    lu.assertEquals(full.match, { { field = "a", glob = "b*c" }, { field = "d", glob = "=?" } })
    lu.assertEquals(parse "--match 'a!=b|c'".match, { { field = "a", glob = "b|c", negate = true } })
    lu.assertTrue(full.dry_run and full.yes and full.quiet and full.json)
    lu.assertEquals(full.concurrency, 3)
    lu.assertEquals(full.canary, 0)
    lu.assertEquals(full.max_failures, { percent = 2.5 })
    lu.assertEquals(full.deadline, "1h30m")
    lu.assertEquals(full.size, "5")
    lu.assertEquals(full.rest, { "x", "y" })
    lu.assertEquals(parse "--max-failures 3".max_failures, { count = 3 })
end

function tests.test_a_dry_run_of_either_kind_is_one_for_the_whole_program()
    lu.assertTrue(select(2, parse "-n"))
    local options, dry = parse("", "--dry-run")
    lu.assertTrue(options.dry_run and dry)
    lu.assertFalse(select(2, parse ""))
end

function tests.test_a_mistake_is_one_line_with_the_scripts_name_and_status_2()
    for arguments, words in pairs {
        ["--acount x"] = "unknown option '--acount' (did you mean '--account'?)",
        ["--cannary 1"] = "did you mean '--canary'?",
        ["--account"] = "requires an argument",
        ["--yes=1"] = "does not take arguments",
        ["--only ,"] = "is an empty list",
        ["--match sip_address"] = "write FIELD=GLOB",
        ["-j 0"] = "--concurrency 0: must be an integer of at least 1",
        ["-j 1e3"] = "--concurrency 1e3",
        ["--canary -1"] = "unknown option",
        ["--max-failures 0"] = "at least 1",
        ["--max-failures 101%"] = "--max-failures 101%",
        ["--deadline 90"] = "neither a duration",
        ["--deadline 24:00"] = "not a time of day",
        ["--window 02:00"] = "--window: '02:00' is not a window: write FROM-TO",
        ["--window 02:00-25:00"] = "not a time of day",
        ["--window 05:00-05:00"] = "begins and ends at the same time",
    } do
        local result = run(arguments)
        lu.assertEquals(result.status, 2, arguments)
        lu.assertEquals(result.out, "")
        lu.assertStrMatches(result.err, "trunkhost: tool%.lua: [^\n]+\n")
        lu.assertStrContains(result.err, words)
    end
end

local function time_of_day(seconds)
    return os.date("!%H:%M", os.time() + seconds)
end

function tests.test_a_deadline_that_has_just_passed_is_refused_without_a_terminal_but_for_a_dry_run()
    local late = "--deadline " .. time_of_day(-120)
    local refused = run(late .. " --yes")
    lu.assertEquals(refused.status, 2)
    lu.assertStrContains(refused.err, "the next one is in 23 h 5")
    lu.assertStrContains(refused.err, "write --window")
    lu.assertEquals(run(late .. " --dry-run").status, 0)
    lu.assertEquals(run("--deadline " .. time_of_day(-11 * 3600)).status, 2)
    lu.assertEquals(run("--deadline " .. time_of_day(11 * 3600)).status, 0)
    lu.assertEquals(run("--deadline " .. time_of_day(-13 * 3600)).status, 0)
end

function tests.test_outside_of_its_window_a_job_ends_at_once_with_3_and_inside_the_end_is_the_deadline()
    local outside = ("--window %s-%s "):format(time_of_day(7200), time_of_day(10800))
    local result = run(outside .. "--yes --quiet")
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.out, "")
    lu.assertStrMatches(result.err, "trunkhost: tool%.lua: outside the window [%d:-]+, which begins in [12] h "
        .. "[%d]+ m: nothing was sent\n")
    lu.assertEquals(run(outside .. "-n").status, 0)
    local inside = ("--window %s-%s "):format(time_of_day(-3600), time_of_day(3600))
    lu.assertStrContains(parse(inside).deadline, "the end of the window ")
    lu.assertEquals(parse(inside .. "--deadline 5m").deadline, "5m")
    lu.assertStrContains(parse(inside .. "--deadline 5h").deadline, "the end of the window ")
end

local CONVERTS <const> = [[
local parser = require("trunkhost").options { job = false }
parser:option "-s --seconds" :convert(math.tointeger)
parser:option "--half" :convert(tonumber)
parser:option "--colour" :convert { red = 1, blue = 2 }
parser:option "--pair" :args(2) :convert { tonumber, function(text) return text == "y" or nil end }
parser:option "--own" :convert(function() return nil, "not on a Monday" end)
parser:argument "file" :args "?" :convert(function(text) return text ~= "bad" and text or nil end)
local o = parser:parse()
print(o.seconds, o.half, o.colour, o.pair and o.pair[1], o.file)
]]

function tests.test_a_value_that_the_scripts_own_convert_refuses_is_told_with_its_option()
    local folder <const> = program.folder()
    program.write(folder .. "/tool.lua", CONVERTS)
    local result = program.run(folder .. "/tool.lua -s 3 --half 2.5 --colour red --pair 4 y good")
    lu.assertEquals(result.out, "3\t2.5\t1\t4\tgood\n", result.err)
    for arguments, words in pairs {
        ["-s x"] = "--seconds: 'x' is not a whole number", ["--half y"] = "--half: 'y' is not a number",
        ["--colour rad"] = "--colour: there is no 'rad' (did you mean 'red'?)",
        ["--colour green"] = "--colour: there is no 'green' (there are: blue, red)",
        ["--pair 1 n"] = "--pair does not take 'n'", ["--own x"] = "not on a Monday",
        ["bad"] = "file does not take 'bad'",
    } do
        result = program.run(folder .. "/tool.lua " .. arguments)
        lu.assertEquals(result.status, 2)
        lu.assertStrContains(result.err, "tool.lua: " .. words .. "; see --help")
    end
    program.remove(folder)
end

function tests.test_help_is_grouped_within_80_columns_and_names_every_option()
    local help = run "--help"
    lu.assertEquals(help.status, 0)
    for _, word in ipairs { "Usage: trunkhost", "tool.lua", "Does something.", "--account NAME", "--only ID",
        "--match FIELD=GLOB", "-n, --dry-run", "-y, --yes", "-j, --concurrency N", "--canary N",
        "--max-failures N|P%", "--deadline TIME", "--window FROM-TO", "--fail-if-none",
        "--json", "-q, --quiet", "-h, --help", "--size", "Examples:" } do
        lu.assertStrContains(help.out, word)
    end
    for line in help.out:gmatch "[^\n]+" do
        lu.assertTrue(#line <= 80, line)
    end
    local which, own, how = help.out:find("Which trunks:", 1, true), help.out:find("Its own:", 1, true),
        help.out:find("Pace and limits:", 1, true)
    lu.assertTrue(which < own and own < how)
end

function tests.test_no_letter_is_like_another()
    local result <const> = run "-x"
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "unknown option '-x'; see ")
end

function tests.test_a_script_that_is_no_job_has_no_options_of_one()
    local help = run("--help", nil, false).out
    lu.assertStrContains(help, "--match")
    lu.assertStrContains(help, "--json")
    lu.assertNotStrContains(help, "--canary")
    lu.assertNotStrContains(help, "--dry-run")
    lu.assertEquals(run("--canary 1", nil, false).status, 2)
end

function tests.test_the_help_of_the_own_scripts_fits_80_columns()
    for _, name in ipairs { "rotate_passwords", "list_trunks" } do
        local help = program.run(("scripts/%s.lua -h"):format(name))
        lu.assertEquals(help.status, 0)
        lu.assertStrContains(help.out, "Examples:")
        for line in help.out:gmatch "[^\n]+" do
            lu.assertTrue(#line <= 80, line)
        end
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "options", tests } })
