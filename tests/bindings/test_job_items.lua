--- What a job may go through: trunks, and items of the script's own as a list, an iterator or a function; what names
--- them; and what becomes of a list that is broken.

package.path = "tests/support/?.lua;" .. package.path
local job_script <const> = require "job_script"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local script <const> = job_script.run

local tests = {}
local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

--- A job without options of its own, in the words of its own command line.
local function plain(members, arguments)
    local folder = program.folder()
    program.write(folder .. "/mine.lua", ([[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "mine", plan = function() return { changes = {} } end,
            apply = function(item) io.stderr:write("APPLIED ", tostring(item.name or item), "\n") end, %s }]])
        :format(members))
    local result = program.run(("--sandbox=limits=none %s/mine.lua %s"):format(folder, arguments))
    program.remove(folder)
    return result
end

local function written(code)
    program.write(sandbox.folder .. "/mine.lua", code)
    return sandbox.folder .. "/mine.lua"
end

-- --- where they come from --------------------------------------------------------------------------

function tests.test_items_are_a_list_an_iterator_or_a_function_that_returns_either()
    for _, items in ipairs {
        [[items = { { name = "a" }, { name = "b" } }]],
        [[items = (function() local n = 0 return function() n = n + 1 return ({ { name = "a" }, { name = "b" } })[n] end
            end)()]],
        [[items = function() return { { name = "a" }, { name = "b" } } end]],
        [[items = function() local n = 0 return function() n = n + 1 return ({ { name = "a" }, { name = "b" } })[n] end
            end]],
        [[items = ("a b"):gmatch "%a", key = function(item) return item end]],
    } do
        local more = items:find "key" and "" or ", key = function(item) return item.name end"
        local result = plain(items .. more, "--yes --json")
        lu.assertEquals(result.status, 0, items .. result.err)
        lu.assertStrContains(result.out, '{"event":"item","account":"","trunk":"a","state":"done",'
            .. '"evidence":"accepted","attempts":0}\n{"event":"item","account":"","trunk":"b",')
        lu.assertStrContains(result.out, '"total":2,"done":2,')
        lu.assertStrContains(result.err, "APPLIED a\nAPPLIED b\n")
        lu.assertStrContains(result.err, "Plan: 2 of 2 items change;")
    end
end

function tests.test_options_that_are_not_given_are_the_standard_ones()
    local items = 'items = { { name = "a" }, { name = "b" } }, key = function(item) return item.name end'
    lu.assertStrContains(plain(items, "--help").out, "Usage: trunkhost [host option...] mine ")
    lu.assertEquals(plain(items, "").status, 2) -- there is nobody to ask
    lu.assertNotStrContains(plain(items, "--dry-run").err, "APPLIED")
    lu.assertNotStrContains(plain(items, "--yes --only b").err, "APPLIED a")
end

function tests.test_an_item_may_name_its_account_and_is_then_changed_without_a_function_apply()
    start "--limits none"
    local code = [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "mine", items = { { account = "famulor", trunk = 42 }, { account = "vatel",
            trunk = "none" } }, plan = function(item) return item.account == "vatel" and { skip = "not now" }
            or { changes = { nickname = "x" } } end }]]
    local result = sandbox:run(("%s --yes --json"):format(written(code)))
    lu.assertEquals(result.status, 0, result.err)
    lu.assertStrContains(result.out, '"account":"famulor","trunk":"42","state":"done"')
    lu.assertStrContains(result.out, '"account":"vatel","trunk":"none","state":"skipped"')
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        lu.assertEquals(trunk.nickname == "x", trunk.id == 42)
    end
end

function tests.test_items_without_an_account_are_gone_on_with_by_their_names()
    local folder = program.folder()
    local path, ledger = folder .. "/mine.lua", folder .. "/ledger.db"
    program.write(folder .. "/config.lua", "return { accounts = {} }")
    program.write(path, [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "mine", items = { "a", "b", "c" }, key = function(item) return item end,
            plan = function() return { changes = {} } end,
            apply = function(item)
                if item == "b" and not os.getenv "MENDED" then trunkhost.job.failed("refused", "no") end
                io.stderr:write("APPLIED ", item, "\n")
            end }]])
    local host = ("-c %s/config.lua --ledger %s"):format(folder, ledger)
    local first = program.run(("%s %s --yes --canary 0"):format(host, path))
    lu.assertEquals(first.status, 1, first.err)
    lu.assertStrContains(first.err, "APPLIED c")
    local again = program.run(("%s %s --resume last --yes"):format(host, path), { env = { MENDED = "1" } })
    program.remove(folder)
    lu.assertNotStrContains(again.err, "APPLIED a")
    lu.assertNotStrContains(again.err, "APPLIED c")
    lu.assertStrContains(again.out, "done in run")
end

-- --- their names -----------------------------------------------------------------------------------

function tests.test_a_name_that_is_missing_taken_or_no_text_is_found_before_the_plan()
    for _, each in ipairs {
        { [[items = { {}, {} }, key = function() return nil end]], "the key of item 1 is a nil" },
        { [[items = { {} }, key = function() return 1.5 end]], "the key of item 1 is a number with a fraction" },
        { [[items = { { n = "a" }, { n = "" } }, key = function(item) return item.n end]],
            "the key of item 2 is empty" },
        { [[items = { { n = "a" }, { n = "b" }, { n = "a" } }, key = function(item) return item.n end]],
            "items 1 and 3 of famulor have the same key 'a'" },
        { [[items = function(account) return { { account = account, trunk = { id = 1 } },
            { account = account, trunk = { id = 1 } } } end]], "items 1 and 2 of famulor have the same key '1'" },
        { [[items = { {} }]], "items without an id need a function `key`" },
        { [[items = function(account) return #account:name() end]], "items must return a list or an iterator" },
    } do
        local result = script(("run { %s, plan = function() io.stderr:write 'PLANNED' return { skip = 'x' } end }")
            :format(each[1]))
        lu.assertEquals(result.status, 2, each[1])
        lu.assertStrContains(result.err, each[2])
        lu.assertNotStrContains(result.err, "PLANNED")
    end
end

function tests.test_an_integer_names_an_item_as_its_text()
    local result = script [[run { items = { { n = 42 } }, key = function(item) return item.n end,
        apply = function() end }]]
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.states, { ["42"] = "done" })
end

-- --- lists that are broken -------------------------------------------------------------------------

function tests.test_a_broken_list_fails_its_account_and_no_other()
    local result = script [[
        local methods = core.account_methods
        local call = methods.call
        function methods.call(account, ...)
            if account:name() ~= "vatel" then return call(account, ...) end
            return trunkhost.json.array { { id = 1 }, { name = "x" } }
        end
        run({}, { account = { "famulor", "vatel" } })]]
    lu.assertEquals(result.status, 1, result.err)
    lu.assertStrContains(result.out, '"account":"vatel","trunk":"","state":"failed","attempts":0,'
        .. '"error":{"kind":"malformed",')
    lu.assertStrContains(result.out, "number 2 has no id")
    lu.assertEquals({ result.summary.total, result.summary.done, result.summary.failed }, { 13, 12, 1 })
end

-- --- what a plan may not have ----------------------------------------------------------------------

function tests.test_a_change_that_cannot_be_sent_fails_in_the_plan_and_nothing_is_sent()
    start "--limits none"
    local code = [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "mine", plan = function(item)
            return { changes = item.trunk.id == 42 and { nicknam = "x" } or { nickname = "x" } } end }]]
    for _, json in ipairs { "", " --json" } do
        local result = sandbox:run(("%s --account famulor --dry-run%s"):format(written(code), json))
        lu.assertEquals(result.status, 1, result.err)
        lu.assertStrContains(result.out, json == "" and "famulor  42" or '"trunk":"42","state":"failed","attempts":0,'
            .. '"error":{"kind":"invalid",')
        lu.assertStrContains(result.out, "nicknam")
    end
    local result = sandbox:run(("%s --account famulor --only 42 --yes --json -q"):format(written(code)))
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(result.out, '"event":"summary"')
    for _, request in ipairs(sandbox:ask "log") do
        lu.assertEquals(request.method, "GET")
    end
end

function tests.test_quiet_json_has_its_summary_also_when_all_is_well()
    local result = script [[run({}, { quiet = true })]]
    lu.assertEquals(result.items, {})
    lu.assertEquals(result.summary.done, 12)
end

function tests.test_unsettled_trunks_that_are_not_chosen_are_spoken_of_in_one_line()
    start "--limits none"
    sandbox:tell("kill", { request = 5, moment = "after" })
    local rotate = "scripts/rotate_passwords.lua --account famulor --yes --json "
    lu.assertEquals(sandbox:run(rotate .. "-j 1 --canary 0").status, 137)
    local other = sandbox:run(rotate .. "--only 57")
    lu.assertEquals(other.status, 0, other.err)
    lu.assertStrMatches(other.err, ".*pending since an earlier run, but not chosen: famulor %d+.*")
    lu.assertNotStrContains(sandbox:run(rotate).err, "not chosen")
end

function tests.test_a_plan_of_accounts_that_could_not_be_listed_says_so()
    local result = script [[run({ items = function(account) account:get(999999) end, key = function() return "" end },
        { account = { "famulor" } })]]
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(result.err, "Plan: the trunks of famulor could not be listed.")
end

function tests.test_what_goes_on_with_a_run_is_named_as_it_was_typed()
    local folder = program.folder()
    local result = program.run(("--ledger '%s/my ledger.db' --sandbox=limits=none,fault=refuse@PUT=1 "
        .. "rotate_passwords.lua --account famulor --yes --json"):format(folder))
    program.remove(folder)
    lu.assertEquals(result.status, 3)
    lu.assertStrContains(result.err, ("to resume: trunkhost --ledger '%s/my ledger.db' "
        .. "--sandbox=limits=none,fault=refuse@PUT=1 rotate_passwords.lua --resume "):format(folder))
end

function tests.test_a_faulty_provider_of_ones_own_is_one_line()
    local folder = program.folder()
    os.execute("mkdir " .. program.quote(folder .. "/providers"))
    program.write(folder .. "/providers/mine.lua", "return { name = 'mine', objects = 5 }")
    program.write(folder .. "/token", "x", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { mine = { provider = "mine",
        token = { file = %q } } } }]]):format(folder .. "/token"))
    local result = program.run(("-c %s/config.lua --ledger %s/ledger.db list_trunks.lua"):format(folder, folder))
    program.remove(folder)
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "providers/mine.lua")
    lu.assertNotStrContains(result.err, "traceback")
end

function tests.test_a_list_that_cannot_be_written_ends_with_2()
    for _, form in ipairs { "", "--json", "--csv", "-q" } do
        local result = program.run("--sandbox list_trunks.lua --account famulor " .. form,
            { around = [[sh -c 'exec "$0" "$@" >/dev/full']] })
        lu.assertEquals(result.status, 2, form)
        lu.assertStrContains(result.err, "cannot write to standard output", form)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "job_items", tests } })
