local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"

local TestJson <const> = {}

function TestJson:test_a_trunk_goes_through_unchanged()
    local text = '{"id":42,"ips":[],"name":"Zürich/Nord","gateway":null,"weight":0.5,"options":{}}'
    local trunk = json.decode(text)
    lu.assertEquals(trunk.id, 42)
    lu.assertEquals(math.type(trunk.id), "integer")
    lu.assertEquals("/sip-trunks/" .. trunk.id, "/sip-trunks/42")
    lu.assertIs(trunk.gateway, json.null)
    lu.assertTrue(json.is_array(trunk.ips))
    lu.assertFalse(json.is_array(trunk.options))
    local again = json.decode(json.encode(trunk))
    lu.assertEquals(again, trunk)
    lu.assertTrue(json.is_array(again.ips))
    lu.assertEquals(json.encode(again.ips), "[]")
    lu.assertEquals(json.encode(again.options), "{}")
end

function TestJson:test_null_prints_as_null()
    lu.assertEquals(tostring(json.decode("null")), "null")
    lu.assertEquals(("%s"):format(json.decode('{"gateway":null}').gateway), "null")
end

function TestJson:test_no_digit_is_lost()
    for _, text in ipairs { "123456789012345", "9007199254740993", "-9223372036854775808", "0.1" } do
        lu.assertEquals(json.encode(json.decode(text)), text)
    end
end

function TestJson:test_array_marks_an_empty_list()
    lu.assertEquals(json.encode { ips = json.array() }, '{"ips":[]}')
    lu.assertEquals(json.encode { ips = json.array {} }, '{"ips":[]}')
    lu.assertEquals(json.encode { ips = {} }, '{"ips":{}}')
    local list = { 1, 2 }
    lu.assertIs(json.array(list), list)
    lu.assertError(json.array, "text")
end

function TestJson:test_pretty_text_is_indented()
    lu.assertEquals(json.encode({ a = { 1, 2 } }, { pretty = true }), '{\n  "a": [\n    1,\n    2\n  ]\n}')
end

function TestJson:test_a_wrong_text_is_an_error_with_its_place()
    local ok, problem = pcall(json.decode, '{\n  "a": 1,\n  "a": 2\n}')
    lu.assertFalse(ok)
    lu.assertStrContains(tostring(problem), "a key appears twice in one object at line 3, column 3")
    lu.assertFalse((pcall(json.decode, 42)))
    lu.assertFalse((pcall(json.decode, "NaN")))
end

function TestJson:test_a_value_that_json_cannot_say_is_an_error_with_its_place()
    local ok, problem = pcall(json.encode, { a = { b = { 1, print } } })
    lu.assertFalse(ok)
    lu.assertStrContains(tostring(problem), "a.b[2] cannot be written as JSON: it is a function")
end

function TestJson:test_a_secret_is_refused_with_the_way_out()
    local secret = require("trunkhost").secret { length = 20 }
    local ok, problem = pcall(json.encode, { sip_password = secret })
    lu.assertFalse(ok)
    lu.assertStrContains(tostring(problem), "sip_password")
    lu.assertStrContains(tostring(problem), "reveal()")
    lu.assertNotStrContains(tostring(problem), secret:reveal())
    lu.assertEquals(json.encode { secret:reveal() }, '["' .. secret:reveal() .. '"]')
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestJson", TestJson } })
