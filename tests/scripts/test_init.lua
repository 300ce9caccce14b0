--- trunkhost init: what it writes works at once, and nothing that is there is overwritten.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local program <const> = require "program"

local tests = {}

local NAMES <const> = { "config.lua", "first_job.lua", ".luarc.json", ".gitignore" }

local folder <const> = program.folder_for_each(tests)

local function init(words, around)
    return program.run("init " .. words, { around = around })
end

function tests.test_the_first_job_shows_a_plan_on_the_sandbox_at_once()
    local place <const> = folder .. "/my trunks/first"
    local result <const> = program.ok(init(program.quote(place)))
    for _, name in ipairs(NAMES) do
        lu.assertTrue(program.exists(place .. "/" .. name), name)
        lu.assertStrContains(result.out, place .. "/" .. name)
    end
    local config <const>, job <const> = program.quote(place .. "/config.lua"), program.quote(place .. "/first_job.lua")
    -- As it is printed.
    lu.assertStrContains(result.out, ("trunkhost --sandbox -c %s %s --dry-run"):format(config, job))
    local planned <const> = program.run(("--sandbox -c %s %s --dry-run"):format(config, job))
    lu.assertEquals(planned.status, 0, planned.err)
    lu.assertStrContains(planned.out, "nickname: Front desk → [trunkhost] Front desk")
    lu.assertStrContains(planned.out, "Dry run: nothing was changed.")
end

function tests.test_a_configuration_in_this_folder_that_is_not_read_is_named()
    lu.assertEquals(init(folder).status, 0)
    for _, arguments in ipairs { "doctor", "first_job.lua" } do
        local result = program.run(arguments, { around = "env -C " .. folder })
        lu.assertStrContains(result.out .. result.err, "config.lua in this folder is not read automatically", arguments)
        result = program.run("-c config.lua " .. arguments, { around = "env -C " .. folder })
        lu.assertNotStrContains(result.out .. result.err, "is not read automatically", arguments)
    end
end

function tests.test_the_first_job_does_what_it_plans_on_every_platform()
    lu.assertEquals(init(folder).status, 0)
    local job <const> = program.quote(folder .. "/first_job.lua")
    local result <const> = program.run("--sandbox=limits=none " .. job .. " --account all --yes")
    lu.assertEquals(result.status, 0, result.out .. result.err)
    lu.assertStrMatches(result.out, ".*%d%d done, 0 failed, 0 unknown, .*")
    local checked <const> = program.run("--check " .. job)
    lu.assertEquals({ checked.status, checked.out, checked.err }, { 0, "", "" })
end

function tests.test_the_configuration_is_valid_and_says_all_that_an_account_may_have()
    lu.assertEquals(init(folder).status, 0)
    local path <const> = folder .. "/config.lua"
    local result <const> = program.run("-c " .. program.quote(path)
        .. " -e 'print(table.concat(require(\"trunkhost\").accounts(), \" \"))'")
    lu.assertEquals({ result.status, result.out }, { 0, "famulor\n" }, result.err)
    local text <const> = program.read(path)
    local classes <const> = require("trunkhost.reference.reference").load().classes
    for member in pairs(classes["trunkhost.AccountConfig"].fields) do
        lu.assertStrMatches(text, ".*\n *-?-? ?" .. member .. " = .*")
    end
    for source in pairs(classes["trunkhost.TokenSource"].fields) do
        lu.assertStrMatches(text, ".*token = {[^\n]* " .. source .. " = .*")
    end
    -- What is a comment is valid as well.
    local whole <const> = text:gsub("\n( *)%-%- ([^\n]* = [^\n]*)", "\n%1%2"):gsub("\n( *)%-%- },", "\n%1},")
        :gsub("token = { file[^\n]*", "", 1):gsub("token = { command[^\n]*", "", 1)
    program.write(path, whole)
    local again <const> = program.run("-c " .. program.quote(path)
        .. " -e 'print(table.concat(require(\"trunkhost\").accounts(), \" \"))'")
    lu.assertEquals({ again.status, again.out }, { 0, "famulor vatel-berlin\n" }, again.err .. whole)
end

function tests.test_editors_are_led_to_the_annotations()
    lu.assertEquals(init(folder).status, 0)
    local settings <const> = json.decode(program.read(folder .. "/.luarc.json"))
    lu.assertEquals(settings["runtime.version"], "Lua 5.4")
    local library <const> = settings["workspace.library"][1]
    lu.assertStrMatches(library, "/.*")
    lu.assertStrContains(program.read(library .. "/trunkhost.lua"), "---@meta trunkhost")
    lu.assertStrContains(program.read(library .. "/job.lua"), "trunkhost.JobSpec")
end

function tests.test_the_folder_may_be_this_one()
    local result <const> = program.run("init", { around = ("sh -c 'cd %s && exec \"$@\"' sh"):format(folder) })
    lu.assertEquals(result.status, 0, result.err)
    lu.assertStrContains(result.out, "wrote  config.lua")
    lu.assertTrue(program.exists(folder .. "/.gitignore"))
end

function tests.test_what_is_there_is_left_as_it_is()
    program.write(folder .. "/config.lua", "mine")
    os.execute(("ln -s nowhere %s/.gitignore"):format(folder))
    local result <const> = program.ok(init(folder))
    lu.assertStrMatches(result.out, ".*left   %S+/config.lua +it was there already.*")
    lu.assertStrMatches(result.out, ".*left   %S+/.gitignore +it was there already.*")
    lu.assertStrMatches(result.out, ".*wrote  %S+/first_job.lua +a job.*")
    lu.assertEquals(program.read(folder .. "/config.lua"), "mine")
    lu.assertFalse(program.exists(folder .. "/nowhere"))
    local job <const> = program.read(folder .. "/first_job.lua")
    program.write(folder .. "/first_job.lua", job .. "-- changed\n")
    lu.assertEquals(init(folder).status, 0)
    lu.assertEquals(program.read(folder .. "/first_job.lua"), job .. "-- changed\n")
end

function tests.test_what_cannot_be_written_ends_with_one_line()
    local function refused(words, message)
        local result <const> = init(words)
        lu.assertEquals(result.status, 2, words)
        lu.assertEquals(result.out, "", words)
        lu.assertEquals(result.err, ("trunkhost: init: %s\n"):format(message))
    end
    program.write(folder .. "/file", "")
    refused(folder .. "/file", folder .. "/file is a file; name a folder")
    refused(folder .. "/file/below", folder .. "/file is a file; name a folder")
    refused("/proc/nothing", "cannot make the folder: ENOENT: no such file or directory: /proc/nothing")
    refused("''", "the name of the folder is empty")
    refused("a b", "too many arguments (options begin with -); see trunkhost init --help")
    refused("--forse", "unknown option '--forse'; see trunkhost init --help")
    lu.assertStrContains(init("--help").out, "init [option...] [DIR]")
end

function tests.test_a_folder_that_cannot_be_written_leaves_nothing_half_done()
    local limited <const> = init(folder, "bash -c 'ulimit -f 1; trap \"\" XFSZ; exec \"$@\"' bash")
    lu.assertEquals(limited.status, 2)
    lu.assertStrContains(limited.err, "cannot write")
    for _, name in ipairs(NAMES) do
        lu.assertFalse(program.exists(folder .. "/" .. name), name)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "init", tests } })
