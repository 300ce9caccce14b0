--- `trunkhost doctor`: what it finds, and that it changes nothing.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

program.haste = 10

local tests = {}

local function doctor_run(arguments, options)
    local result = program.run(arguments .. " doctor --json", options)
    local found = {}
    for _, finding in ipairs(events.lines(result.out)) do
        found[finding.account and finding.check .. " " .. finding.account or finding.check] = finding
    end
    return result, found
end

local function with_folder(fn)
    local folder <const> = program.folder()
    local ok, err = pcall(fn, folder)
    program.remove(folder)
    assert(ok, err)
end

local ONE <const> = [[
return { accounts = { main = { provider = "vatel", token = { file = "%s" }, base_url = "%s" } } }
]]

function tests.test_in_the_sandbox_nothing_is_wrong()
    local result, found = doctor_run "--sandbox"
    lu.assertEquals(result.status, 0, result.err)
    for _, name in ipairs { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" } do
        lu.assertEquals(found["account " .. name].state, "ok")
    end
end

function tests.test_without_any_account_it_says_how_to_begin()
    local result, found = doctor_run ""
    lu.assertEquals(result.status, 1)
    lu.assertEquals(found.configuration.state, "wrong")
    lu.assertStrContains(found.configuration.message, "trunkhost init")
end

function tests.test_a_refused_token_is_told_apart_from_a_platform_out_of_reach()
    local sandbox <close> = sandbox_process.start()
    local result, found = doctor_run("-c " .. sandbox:config { token = "another" })
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(found["account famulor"].message, "refuses the token")
    lu.assertNotStrContains(result.out, "another")
    with_folder(function(folder)
        program.write(folder .. "/token", "abc\n", "600")
        program.write(folder .. "/config.lua", ONE:format(folder .. "/token", "http://127.0.0.1:9"))
        result, found = doctor_run("-c " .. folder .. "/config.lua")
        lu.assertEquals(result.status, 1)
        lu.assertEquals(found["account main"].state, "wrong")
        lu.assertStrContains(found["account main"].message, "nothing was sent")
        lu.assertNotStrContains(result.out, "abc")
        result = program.run("-c " .. folder .. "/config.lua doctor --offline")
        lu.assertEquals(result.status, 0, result.out)
    end)
end

function tests.test_a_token_that_others_can_read_and_a_broken_configuration_are_wrong()
    with_folder(function(folder)
        program.write(folder .. "/token", "abc\n", "644")
        program.write(folder .. "/config.lua", ONE:format(folder .. "/token", "http://127.0.0.1:9"))
        local result, found = doctor_run("-c " .. folder .. "/config.lua")
        lu.assertEquals(result.status, 1)
        lu.assertStrContains(found["account main"].message, folder .. "/token")
        program.write(folder .. "/config.lua", "return {")
        result, found = doctor_run("-c " .. folder .. "/config.lua")
        lu.assertEquals(result.status, 1)
        lu.assertEquals(found.configuration.state, "wrong")
    end)
end

function tests.test_the_ledger_is_looked_at_and_not_made()
    with_folder(function(folder)
        local path = folder .. "/ledger.db"
        local _, found = doctor_run("--sandbox --ledger " .. path)
        lu.assertEquals(found.ledger.state, "ok")
        lu.assertNil(io.open(path))

        lu.assertEquals(program.run("--sandbox --ledger " .. path
            .. " rotate_passwords.lua --account vatel --yes --quiet").status, 0)
        _, found = doctor_run("--sandbox --ledger " .. path)
        lu.assertStrContains(found.ledger.message, "is sound")
        lu.assertStrContains(found.keys.message, folder .. "/ledger.key")

        os.execute("chmod 644 " .. folder .. "/ledger.key")
        _, found = doctor_run("--sandbox --ledger " .. path)
        lu.assertEquals(found.keys.state, "wrong")

        program.write(path, ("no database "):rep(1000))
        local result
        result, found = doctor_run("--sandbox --ledger " .. path)
        lu.assertEquals(result.status, 1)
        lu.assertEquals(found.ledger.state, "wrong")
    end)
end

function tests.test_trunks_that_a_run_has_left_half_way_are_named()
    with_folder(function(folder)
        local path = folder .. "/ledger.db"
        local ids = program.run "--sandbox list_trunks.lua --account vatel --match inbound_auth_type=digest -q"
        local id = ids.out:match "%S+"
        program.run(("--sandbox=fault=error_after@PATCH=1 --ledger %s rotate_passwords.lua --account vatel --only %s "
            .. "--yes --quiet"):format(path, id))
        local result, found = doctor_run("--sandbox --ledger " .. path)
        lu.assertEquals(result.status, 0, "somebody should know, but a run works")
        lu.assertEquals(found["unsettled vatel"].state, "warning")
        lu.assertStrContains(found["unsettled vatel"].message, id)
    end)
end

function tests.test_wrong_usage_and_quiet()
    lu.assertEquals(program.run("doctor --acount x").status, 2)
    local result = program.run "--sandbox doctor -q"
    lu.assertEquals(result.out, "")
    lu.assertEquals(result.status, 0)
end

function tests.test_a_file_of_authorities_that_is_of_no_use_is_said_and_stops_what_needs_it()
    with_folder(function(folder)
        program.write(folder .. "/empty.pem", "nothing\n")
        for path, words in pairs { [folder .. "/missing.pem"] = "No such file", [folder] = "Is a directory",
            [folder .. "/empty.pem"] = "holds no certificate" } do
            local env <const> = { SSL_CERT_FILE = path, FAMULOR_TOKEN = "token" }
            local _, found <const> = doctor_run("", { env = env })
            lu.assertEquals(found.certificates.state, "wrong")
            lu.assertStrContains(found.certificates.message, words)
            lu.assertStrContains(found["account famulor"].message, words)
            lu.assertStrContains(found["account famulor"].message, "SSL_CERT_FILE")
            lu.assertEquals(doctor_run("--sandbox", { env = env }).status, 1)
            local fake <const> = program.run("--sandbox=trunks=1 list_trunks.lua --account famulor", { env = env })
            lu.assertEquals(fake.status, 0, fake.err)
        end
    end)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "doctor", tests } })
