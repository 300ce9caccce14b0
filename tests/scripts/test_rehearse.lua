--- trunkhost rehearse: a script that keeps the promises passes, and each way of breaking one is named.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"

local tests = {}

--- Rehearses the text of a script; promise → the scenarios in which it was not kept.
local function rehearse(text, options)
    local folder <const> = program.folder()
    program.write(folder .. "/script.lua", text)
    local result = program.run(("rehearse --json --trunks 2 %s %s/script.lua"):format(options, folder))
    program.remove(folder)
    local broken, summary = {}, nil
    for _, event in ipairs(events.lines(result.out)) do
        if event.event == "broken" then
            broken[event.promise] = broken[event.promise] or {}
            table.insert(broken[event.promise], event.scenario)
        elseif event.event == "summary" then
            summary = event
        end
    end
    return result, broken, summary
end

local function names(broken)
    local list = {}
    for name in pairs(broken) do list[#list + 1] = name end
    table.sort(list)
    return table.concat(list, " ")
end

local HEAD <const> = [[
local trunkhost <const> = require "trunkhost"
local account <const> = trunkhost.account "vatel"
]]

function tests.test_the_shipped_rotation_keeps_every_promise()
    local result = program.run "rehearse --trunks 2 --only kill rotate_passwords.lua --account bolna"
    lu.assertEquals(result.status, 0, result.out .. result.err)
    lu.assertNotStrContains(result.out, "broken")
    lu.assertStrContains(result.out, "kept    secrets")
end

function tests.test_errors_that_are_swallowed_make_a_status_that_says_nothing()
    local result, broken = rehearse(HEAD .. [[
        for trunk in account:trunks() do
            pcall(account.update, account, trunk.id, { outbound_sip_password = trunkhost.secret { length = 20 } })
        end
    ]], "--only write:refuse")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.status, { "write:refuse" })
end

function tests.test_half_a_list_is_no_end_of_the_work()
    local result, broken = rehearse(HEAD .. [[
        pcall(function()
            for trunk in account:trunks() do
                account:update(trunk.id, { remain_in_dialog = not trunk.remain_in_dialog or nil })
            end
        end)
    ]], "--trunks 3 --only list:short_list")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.status, { "list:short_list" })
    for _, api in ipairs { "bolna_trunk", "famulor" } do
        result = program.run("rehearse --trunks 3 --only list rotate_passwords.lua --account " .. api)
        lu.assertEquals(result.status, 0, result.out .. result.err)
        lu.assertStrContains(result.out, "Scenarios: 4,")
    end
end

function tests.test_a_yes_that_changes_nothing_is_looked_at()
    local result, broken = rehearse(HEAD .. [[
        for trunk in account:trunks() do
            account:update(trunk.id, { remain_in_dialog = not trunk.remain_in_dialog })
        end
    ]], "--only write:unchanged")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.status, { "write:unchanged" })
end

function tests.test_a_create_with_other_words_is_a_second_trunk_while_the_first_is_not_listed_yet()
    local result, broken = rehearse(HEAD .. [[
        for try = 1, 2 do
            for trunk in account:trunks() do
                if trunk.outbound_host == "sip.late.example" then return end
            end
            if pcall(account.create, account, { pbx = "generic", outbound_host = "sip.late.example",
                outbound_sip_username = "try" .. try }) then return end
        end
    ]], "--only late:create")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.once, { "late:create" })
    result = program.run "rehearse --trunks 2 --only late rotate_passwords.lua --account bolna"
    lu.assertEquals(result.status, 0, result.out .. result.err)
    lu.assertStrContains(result.out, "Scenarios: 1,")
end

function tests.test_a_wait_that_nobody_sits_through_leaves_work_for_the_next_run()
    local result, broken = rehearse(HEAD .. [[
        for trunk in account:trunks() do
            pcall(account.update, account, trunk.id, { remain_in_dialog = not trunk.remain_in_dialog })
        end
    ]], "--only wait:day")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.status, { "wait:day" })
    result = program.run "rehearse --trunks 2 --only wait:far rotate_passwords.lua --account bolna"
    lu.assertEquals(result.status, 0, result.out .. result.err)
end

function tests.test_a_create_without_looking_is_a_second_trunk()
    local result, broken = rehearse(HEAD .. [[
        account:create { pbx = "generic", outbound_host = "sip.example.com" }
        trunkhost.sleep(0.1) -- what it has made is on record
        for _ in account:trunks() do break end
    ]], "--only kill:2:before")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.once, { "kill:2:before" })
end

function tests.test_a_script_that_goes_on_where_it_stopped_may_create()
    local result, broken, summary = rehearse(HEAD .. [[
        for trunk in account:trunks() do
            if trunk.outbound_host == "sip.once.example" then return end
        end
        account:create { pbx = "generic", outbound_host = "sip.once.example" }
    ]], "--only kill")
    lu.assertEquals(names(broken), "", result.out .. result.err)
    lu.assertTrue(summary.changes)
    lu.assertEquals(summary.requests, 2)
    lu.assertEquals(summary.scenarios, 4)
end

function tests.test_a_password_that_is_printed_and_a_traceback_are_named()
    local result, broken = rehearse(HEAD .. [[
        for trunk in account:trunks() do
            local secret = trunkhost.secret { length = 20 }
            print(trunk.id, secret:reveal())
            account:update(trunk.id, { outbound_sip_password = secret })
        end
    ]], "--only fault:drop")
    lu.assertEquals(result.status, 1)
    lu.assertNotNil(broken.quiet)
    result, broken = rehearse(HEAD .. [[
        for trunk in account:trunks() do
            local ok, err = pcall(account.update, account, trunk.id, { outbound_host = "sip.example.com" })
            if not ok then print(err.answer.text) end
        end
    ]], "--only write:refuse")
    lu.assertEquals(result.status, 1, result.out .. result.err)
    lu.assertEquals(broken.ending, { "write:refuse" })
end

function tests.test_it_touches_nothing_but_the_fake_platforms()
    local folder <const> = program.folder()
    program.write(folder .. "/token", "real\n", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { main = { provider = "vatel",
        base_url = "http://127.0.0.1:9", token = { file = "%s/token" } } } }]]):format(folder))
    local result = program.run(("-c %s/config.lua --ledger %s/ledger.db rehearse --trunks 2 --only dry-run "
        .. "rotate_passwords.lua"):format(folder, folder))
    lu.assertEquals(result.status, 0, result.out .. result.err)
    lu.assertNil(io.open(folder .. "/ledger.db"))
    program.remove(folder)
end

function tests.test_a_script_that_knows_no_help_does_its_work_on_the_fake_platforms_alone()
    local folder <const> = program.folder()
    program.write(folder .. "/token", "real\n", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { main = { provider = "vatel",
        base_url = "http://127.0.0.1:9", token = { file = "%s/token" } } } }]]):format(folder))
    program.write(folder .. "/script.lua", ([[
        local ok = pcall(function() require("trunkhost").account("main"):list "list" end)
        local file <close> = io.open("%s/told", "a")
        file:write(tostring(ok), "\n")
    ]]):format(folder))
    local result = program.run(("rehearse --trunks 1 --only again %s/script.lua"):format(folder),
        { env = { TRUNKHOST_CONFIG = folder .. "/config.lua" } })
    lu.assertEquals(result.status, 0, result.out .. result.err)
    local told <const> = program.read(folder .. "/told")
    lu.assertStrContains(told, "true\ntrue\n")
    lu.assertNotStrContains(told, "false")
    program.remove(folder)
end

function tests.test_what_rehearses_nothing_is_no_proof()
    local result = rehearse(HEAD .. "account:list 'list'", "--only nonsense")
    lu.assertEquals(result.status, 2, result.out)
    lu.assertEquals(result.out, "")
    lu.assertStrContains(result.err, "--only nonsense")
    lu.assertEquals(rehearse(HEAD .. "account:list 'list'", "--only write").status, 2)
    lu.assertEquals(rehearse(HEAD .. "account:list 'list'", "--only again").status, 0)
end

function tests.test_a_script_that_does_not_end_is_told_in_one_line()
    local result = rehearse("require('trunkhost').sleep(3600)", "--timeout 1")
    lu.assertEquals(result.status, 2)
    lu.assertStrMatches(result.err, "trunkhost: rehearse: the script has not ended after 1 seconds [^\n]*\n")
end

function tests.test_wrong_usage_and_a_script_that_does_not_run()
    lu.assertEquals(program.run("rehearse").status, 2)
    lu.assertEquals(program.run("rehearse --trunks x a.lua").status, 2)
    lu.assertEquals(program.run("rehearse --unknown a.lua").status, 2)
    local result = rehearse("error 'broken from the start'", "")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "broken from the start")
    lu.assertStrContains(program.run("rehearse --help").out, "--only")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "rehearse", tests } })
