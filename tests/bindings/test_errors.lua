--- What an error says: one line for people, one object for programs, and what led to it for whoever looks closer.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local trunkhost <const> = require "trunkhost"
local core <const> = require "trunkhost.core"

local tests = {}

local function run(options, code)
    return program.run(("%s -e %s"):format(options, program.quote(code)))
end

--- The one line of standard error, decoded.
local function object_of(result)
    lu.assertNotNil(result.err:match "^[^\n]+\n$", result.err)
    return trunkhost.json.decode(result.err)
end

-- ---------------------------------------------------------------------------------------------------
-- Error objects

function tests.test_an_error_knows_where_it_was_raised_without_showing_it()
    local function inner() core.error("invalid", "no such carrier") end
    local _, err = pcall(inner)
    lu.assertStrContains(err.traceback, "test_errors.lua:26: in ")
    lu.assertEquals(tostring(err), "invalid: no such carrier")
    lu.assertNil(rawget(err, "traceback"))
    lu.assertNotStrContains(trunkhost.json.encode(err), "traceback")
end

function tests.test_an_error_keeps_the_one_that_led_to_it_and_says_what_to_do()
    local _, first = pcall(core.error, "network", "the connection was closed")
    local _, err = pcall(core.error, "refused", "cannot be rotated", { account = "a", cause = first,
        advice = "Try again at night" })
    lu.assertEquals(tostring(err), "a: refused: cannot be rotated. Try again at night")
    lu.assertTrue(rawequal(err.cause, first))
    _, err = pcall(core.error, "refused", "Not today.", { advice = "Try again at night" })
    lu.assertEquals(tostring(err), "refused: Not today. Try again at night")
end

function tests.test_a_line_names_account_trunk_and_request()
    local result = run("--sandbox", [[
        local account = require "trunkhost".account "famulor"
        local _, err = pcall(account.get, account, 4711)
        print(err)
        print(err.request)]])
    lu.assertEquals(result.out, "famulor, trunk 4711: not_found (HTTP 404): SIP trunk not found. "
        .. "(GET /user/phone-numbers/sip-trunks/4711)\nGET /user/phone-numbers/sip-trunks/4711\n")
    result = run("--sandbox", [[
        local account = require "trunkhost".account "famulor"
        local _, err = pcall(account.update, account, 42, { nonsense = 1 })
        print(err.kind, err.request)]])
    lu.assertEquals(result.out, "invalid\tnil\n", "nothing was sent: there is no request")
end

function tests.test_a_refused_token_is_advised_about_by_its_place()
    local sandbox <close> = sandbox_process.start "--trunks 2"
    local config = sandbox:config { token = "wrong", apis = { "famulor" } }
    local result = run("-c " .. config, [[require "trunkhost".account "famulor":get(42)]])
    lu.assertEquals(result.status, 1, result.err)
    lu.assertNotNil(result.err:find "^trunkhost: famulor, trunk 42: auth %(HTTP 401%): .-%. "
        .. "Check /[^ ]+/token, the token of account famulor\n$", result.err)
    lu.assertNotStrContains(result.err, "wrong")
end

function tests.test_an_unknown_outcome_keeps_its_cause_for_the_log_level_debug()
    local code <const> = [[require "trunkhost".account "bolna_trunk":create { name = "x" }]]
    local cause <const> = "caused by: unavailable (HTTP 500): "
    local result = run("--log-level debug --sandbox=fault=error_after@POST=1", code)
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, cause)
    result = run("--sandbox=fault=error_after@POST=1", code)
    lu.assertStrContains(result.err, "unknown_outcome (HTTP 500)")
    lu.assertNotStrContains(result.err, cause)
end

-- ---------------------------------------------------------------------------------------------------
-- What nobody catches

local VALUES <const> = {
    { "error { carrier = 'Zadarma' }", 'error: {"carrier":"Zadarma"}' },
    { "error { handler = print }", "error: { handler = function: " },
    { "error {}", "error: {}" },
    { "error()", "error without a message (nil)" },
    { "error(42)", "42" },
    { "error(true)", "true" },
    { "error(setmetatable({}, { __tostring = function() return 'told' end }), 0)", "told" },
    { "error(setmetatable({}, { __tostring = function() error 'worse' end }))", "(an error that cannot be shown)" },
    { "error { trunkhost = require 'trunkhost'.secret { from = 'hunter2' } }", 'error: {"trunkhost":"[secret]"}' },
}

function tests.test_whatever_was_raised_is_shown_on_one_line()
    for _, each in ipairs(VALUES) do
        local result = run("", each[1])
        lu.assertEquals(result.status, 2, each[1])
        local line = result.err:match "^trunkhost: ([^\n]*)\n"
        lu.assertStrContains(line, each[2], false, each[1])
        lu.assertStrContains(result.err, "stack traceback:")
    end
end

function tests.test_as_json_every_error_of_the_program_is_one_object_on_standard_error()
    local wrong <const> = {
        ["an unknown option"] = { "--nonsense --log-format json", "unknown option --nonsense" },
        ["no script"] = { "--log-format json", "name a script or a command" },
        ["a script that is not there"] = { "--log-format=json nowhere.lua", "there is no script nowhere.lua" },
        ["a syntax error"] = { "--log-format json -e 'x ='", "unexpected symbol" },
        ["a broken configuration"] = { "--log-format json -c /nonexistent -e 'require[[trunkhost]].account[[a]]'",
            "/nonexistent" },
    }
    for name, each in pairs(wrong) do
        local result = program.run(each[1])
        lu.assertEquals({ result.status, result.out }, { 2, "" }, name)
        local object = object_of(result)
        lu.assertEquals(object.level, "error", name)
        lu.assertStrContains(object.message, each[2], false, name)
        lu.assertNotNil(object.time:match "^%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z$")
    end
end

function tests.test_as_json_an_uncaught_error_has_its_fields_and_its_traceback()
    local object = object_of(run("--log-format json --sandbox", [[
        local trunkhost = require "trunkhost"
        local function look() trunkhost.account "famulor":get(4711) end
        trunkhost.spawn(look):await()]]))
    lu.assertEquals({ object.kind, object.status, object.account, object.trunk, object.request }, { "not_found", 404,
        "famulor", "4711", "GET /user/phone-numbers/sip-trunks/4711" })
    lu.assertEquals(object.message, "SIP trunk not found.")
    lu.assertStrContains(object.traceback, "-e:2: in ")
    lu.assertStrContains(object.traceback, "spawned at -e:3")
    object = object_of(run("--log-format json --max-memory 4M", "local t = {} while true do t[#t + 1] = {} end"))
    lu.assertStrContains(object.message, "not enough memory: the script needs more than the 4 MiB")
end

function tests.test_what_is_after_the_script_does_not_decide_how_errors_look()
    local result = run("", "error('plain', 0)")
    lu.assertStrContains(result.err, "trunkhost: plain\n")
    result = program.run "-e 'error([[plain]], 0)' --log-format json"
    lu.assertStrContains(result.err, "trunkhost: plain\n")
end

-- ---------------------------------------------------------------------------------------------------
-- What could get lost

function tests.test_an_error_in_a_variable_of_a_cancelled_task_is_logged()
    local code <const> = [[
        local trunkhost = require "trunkhost"
        local task = trunkhost.spawn(function()
            local bad <close> = setmetatable({}, { __close = function() error "cannot close" end })
            %s
        end)
        trunkhost.sleep(0)
        task:cancel()
        pcall(task.await, task)
        print "went on"]]
    for _, wait in ipairs { "trunkhost.sleep(3600)", "coroutine.wrap(function() trunkhost.sleep(3600) end)()" } do
        local result = run("", code:format(wait))
        lu.assertEquals({ result.status, result.out }, { 0, "went on\n" }, result.err)
        lu.assertStrContains(result.err, "task spawned at -e:2 has raised an error while its variables were closed: "
            .. "-e:3: cannot close")
    end
end

function tests.test_an_error_that_replaces_another_one_is_logged_beside_it()
    local result = run("", [[
        local bad <close> = setmetatable({}, { __close = function() error "cannot close" end })
        error "the first"]])
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "while its variables were closed. First: -e:2: the first")
    lu.assertStrContains(result.err, "trunkhost: -e:1: cannot close")
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "errors", tests } })
