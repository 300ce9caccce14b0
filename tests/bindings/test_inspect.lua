--- trunkhost.inspect: values as people read them.

local core <const> = require "trunkhost.core"
local lu <const> = require "luaunit"
local trunkhost <const> = require "trunkhost"

local inspect <const>, json <const>, null <const> = trunkhost.inspect, trunkhost.json, trunkhost.null

local tests = {}

function tests.test_plain_values_are_written_as_lua_writes_them()
    for text, value in pairs { ["42"] = 42, ["42.0"] = 42.0, ["0.1"] = 0.1, ["1e+100"] = 1e100, ["-0.0"] = -0.0,
        ["math.huge"] = math.huge, ["-math.huge"] = -math.huge, ["nan"] = 0 / 0,
        ["math.mininteger"] = math.mininteger, ["9223372036854775807"] = math.maxinteger, ["true"] = true,
        ["null"] = null, ['"text"'] = "text" } do
        lu.assertEquals(inspect(value), text)
    end
    lu.assertEquals(inspect(nil), "nil")
    lu.assertEquals(inspect(1 / 3), "0.3333333333333333")
end

function tests.test_keys_are_sorted_and_lists_have_none()
    lu.assertEquals(inspect({ zeta = 1, alpha = 2, "first", "second", [10] = true, ["two words"] = 3, ["end"] = 4,
        [true] = 5 }, { width = 120 }),
        '{ "first", "second", [10] = true, alpha = 2, ["end"] = 4, ["two words"] = 3, zeta = 1, [true] = 5 }')
    lu.assertEquals(inspect { nil, 2 }, "{ [2] = 2 }")
end

function tests.test_an_empty_list_and_an_empty_object_differ()
    lu.assertEquals(inspect(json.decode '{"list":[],"object":{}}'), "{ list = json.array {}, object = {} }")
    lu.assertEquals(inspect(json.decode "[1,null]"), "{ 1, null }")
end

function tests.test_what_is_too_wide_for_one_line_is_indented()
    local value <const> = { id = 42, name = "Berlin", gateways = { { host = "a.example", port = 5060 } } }
    lu.assertEquals(inspect(value, { width = 40 }), [[
{
    gateways = {
        {
            host = "a.example",
            port = 5060,
        },
    },
    id = 42,
    name = "Berlin",
}]])
    local one_line <const> = '{ gateways = { { host = "a.example", port = 5060 } }, id = 42, name = "Berlin" }'
    lu.assertEquals(inspect(value, { width = #one_line }), one_line)
    lu.assertNotEquals(inspect(value, { width = #one_line - 1 }), one_line)
    for line in inspect(value, { width = 50 }):gmatch "[^\n]+" do
        lu.assertTrue(#line <= 50, line)
    end
end

function tests.test_columns_are_counted_and_not_bytes()
    lu.assertEquals(inspect({ "äöü", "äöü" }, { width = 16 }), '{ "äöü", "äöü" }')
end

function tests.test_a_cycle_ends_and_a_table_that_is_met_twice_is_shown_twice()
    local loop <const> = { name = "loop" }
    loop.self = loop
    lu.assertEquals(inspect(loop), '{ name = "loop", self = <cycle> }')
    local shared <const> = { 1 }
    lu.assertEquals(inspect { shared, shared }, "{ { 1 }, { 1 } }")
end

function tests.test_limits_hold_and_say_what_they_leave_out()
    lu.assertEquals(inspect({ { { {} } } }, { depth = 2 }), "{ { { … } } }")
    lu.assertEquals(inspect({ { { {} } } }, { depth = 3 }), "{ { { {} } } }")
    lu.assertEquals(inspect({ 1, 2, 3, 4, x = 5 }, { items = 3 }), "{ 1, 2, 3, … 2 more }")
    lu.assertEquals(inspect("abcdef", { text = 3 }), '"abc"… (6 bytes)')
    lu.assertEquals(inspect("aäö", { text = 2 }), '"a"… (5 bytes)') -- not in the middle of a character
    lu.assertEquals(inspect({ 1, { 2 }, { 3 } }, { values = 3 }), "{ 1, { … }, { … } }")
    local wide <const> = {}
    for i = 1, 4000 do wide[i] = i end
    local _, commas <const> = inspect(wide, { items = math.huge }):gsub(",", "")
    lu.assertEquals(commas, 4000)
end

--- A table in which each level is held twice by the one above would be written a million times.
function tests.test_a_small_value_never_becomes_an_endless_text()
    local value = { 1 }
    for _ = 1, 40 do
        value = { value, value }
    end
    lu.assertTrue(#inspect(value, { depth = math.huge, width = math.huge }) < 1000000)
end

function tests.test_secrets_are_not_shown_wherever_they_are()
    local secret <const> = trunkhost.secret { from = "correct-horse-battery" }
    lu.assertEquals(inspect(secret), "[secret]")
    lu.assertEquals(inspect { sip_password = secret, list = { secret } },
        "{ list = { [secret] }, sip_password = [secret] }")
    lu.assertEquals(inspect { [secret] = true }, "{ [[secret]] = true }")
end

function tests.test_errors_show_what_they_hold()
    local ok <const>, err <const> = pcall(core.error, "invalid", "no such carrier", { account = "bolna", code = "x" })
    lu.assertFalse(ok)
    lu.assertEquals(inspect(err, { width = 200 }), 'error { account = "bolna", ambiguous = false, attempts = 0, '
        .. 'code = "x", fields = {}, kind = "invalid", message = "no such carrier", retryable = false }')
end

function tests.test_accounts_tasks_and_functions_say_what_they_are()
    lu.assertEquals(inspect(print), "<function>")
    lu.assertStrMatches(inspect(function() end), "<function .*tests/bindings/test_inspect%.lua:%d+>")
    local task <const> = trunkhost.spawn(function() end)
    lu.assertStrContains(inspect(task), "<task ")
    task:await()
    lu.assertStrMatches(inspect(coroutine.create(print)), "<coroutine, suspended>")
    lu.assertEquals(inspect(setmetatable({}, { __tostring = function() return "a\27[2Jb" end })), "<a\\x1b[2Jb>")
    lu.assertEquals(inspect(setmetatable({}, { __tostring = function() error "no" end })), "<table>")
end

function tests.test_nothing_is_called_to_find_out_what_a_value_holds()
    local function never() error "was called" end
    local guarded <const> = setmetatable({ 1, a = 2 }, { __index = never, __pairs = never, __len = never,
        __name = never, __metatable = "locked" })
    lu.assertEquals(inspect(guarded), "{ 1, a = 2 }")
    local trap <const> = setmetatable({}, { __index = never })
    lu.assertEquals(inspect { trap }, "{ {} }")
end

--- Names of trunks come from a platform: anybody may have typed them.
function tests.test_nothing_in_a_text_steers_the_terminal()
    lu.assertEquals(inspect "a\n\t\r\"\\\27[31m\127", [["a\n\t\r\"\\\x1B[31m\x7F"]])
    lu.assertEquals(inspect "\u{9B}31m \u{202E}evil \u{200B}\u{FEFF}", [["\u{9B}31m \u{202E}evil \u{200B}\u{FEFF}"]])
    lu.assertEquals(inspect "\xFF\xC3(ä)\xE2\x80", [["\xFF\xC3(ä)\xE2\x80"]])
    lu.assertEquals(inspect { ["\27]0;title\7"] = 1 }, [[{ ["\x1B]0;title\x07"] = 1 }]])
    local all = {}
    for byte = 0, 255 do all[#all + 1] = string.char(byte) end
    local text <const> = table.concat(all)
    lu.assertNil(inspect(text):find "%c")
    lu.assertEquals(load("return " .. inspect(text))(), text)
end

function tests.test_a_text_reads_back_as_the_same_value()
    local value <const> = { 1, 2.5, "three", { name = "Zürich", ["a-b"] = { true, false } }, [100] = "far" }
    local again <const> = load("return " .. inspect(value))()
    lu.assertEquals(again, value)
end

function tests.test_a_wrong_option_is_named()
    lu.assertErrorMsgContains("no option 'deep'", inspect, {}, { deep = 3 })
    lu.assertErrorMsgContains("width must be a number", inspect, {}, { width = "80" })
    lu.assertEquals(inspect(1, 2), "1") -- as inspect(account:get(42)) has a second value
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "inspect", tests } })
