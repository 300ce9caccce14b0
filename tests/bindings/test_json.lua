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

--- { "k1": { … { "k1": 1, "k2": 2 } } }: `count` whole numbers below `depth` levels of objects.
local function nested(count, depth, key, tail)
    local fields = {}
    for i = 1, count do
        fields[i] = ('"%s%d":%d'):format(key, i, i)
    end
    local text = "{" .. table.concat(fields, ",") .. tail .. "}"
    for _ = 2, depth do
        text = ('{"other":"text","in\\u006eer":%s,"half":0.5}'):format(text)
        text = key == "k" and text:gsub("\\u006e", "n") or text
    end
    return text
end

function TestJson:test_whole_numbers_are_integers_however_many_and_wherever_they_are()
    for _, tail in ipairs { "", ',"ips":[]', ',"ips":[7,{"port":5060}]', ',"long":123456789012345678' } do
        for _, key in ipairs { "k", "\\u006b" } do
            for depth = 1, 7 do
                for count = 1, 11 do
                    local value = json.decode(nested(count, depth, key, tail))
                    for _ = 2, depth do
                        lu.assertEquals(value.half, 0.5)
                        value = value.inner
                    end
                    for i = 1, count do
                        lu.assertEquals(math.type(value["k" .. i]), "integer")
                        lu.assertEquals(value["k" .. i], i)
                    end
                    if value.ips then
                        lu.assertTrue(json.is_array(value.ips))
                    end
                    if value.ips and value.ips[1] then
                        lu.assertEquals(math.type(value.ips[1]), "integer")
                        lu.assertEquals(math.type(value.ips[2].port), "integer")
                    end
                    if value.long then
                        lu.assertEquals(value.long, 123456789012345678)
                    end
                end
            end
        end
    end
    local mixed = json.decode '{"a":1.5,"b":-0.0,"c":3.0,"d":1e3,"e":[1.0]}'
    lu.assertEquals(mixed.a, 1.5)
    lu.assertEquals(1 / mixed.b, -math.huge)
    lu.assertEquals(math.type(mixed.c), "integer")
    lu.assertEquals(math.type(mixed.d), "integer")
end

function TestJson:test_a_string_is_looked_at_to_its_last_byte()
    for length = 0, 20 do
        for at = 0, length do
            local before, after = ("x"):rep(at), ("y"):rep(length - at)
            for _, bad in ipairs { "\0", "\31", "\n", "\128", "\255", "\237\160\128" } do
                lu.assertFalse((pcall(json.decode, ('{"%s%s%s":1}'):format(before, bad, after))))
                lu.assertFalse((pcall(json.decode, ('["%s%s%s"]'):format(before, bad, after))))
            end
            for raw, plain in pairs { ['\\"'] = '"', ["\\\\"] = "\\", [" "] = " ", ["\127"] = "\127", ["ü"] = "ü" } do
                lu.assertEquals(json.decode('["' .. before .. raw .. after .. '"]')[1], before .. plain .. after)
            end
        end
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
