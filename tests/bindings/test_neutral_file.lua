--- A trunk in a file and back: every value comes back as it was, and a row knows what it was when it was written.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local base <const> = require "trunkhost.neutral.base"
local cells <const> = require "trunkhost.neutral.cells"
local fields <const> = require "trunkhost.neutral.fields"
local json <const> = require "trunkhost.json"
local neutral_read <const> = require "trunkhost.neutral.read"
local program <const> = require "program"
local rows <const> = require "trunkhost.neutral.rows"
local three_way <const> = require "trunkhost.neutral.three_way"
local world <const> = require "mapping_world"

local tests = {}

--- Every trunk of the tests of the mappings.
local function exported()
    local list = {}
    for _, api in ipairs(world.apis) do
        for i, native in ipairs(world.trunks(api)) do
            list[#list + 1] = { account = api, provider = api, trunk = ("%s-%d"):format(api, i),
                neutral = world.neutral(api, native) }
        end
    end
    return list
end

local function read(text, name)
    local folder = program.folder()
    program.write(folder .. "/" .. name, text)
    local found, mistakes = neutral_read.read(folder .. "/" .. name, nil, function(account)
        return { name = account }
    end)
    program.remove(folder)
    return found, mistakes
end

--- Property: what is written is read as it was, in both forms.
function tests.test_every_field_of_every_trunk_comes_back()
    local list = exported()
    for _, format in ipairs { "jsonl", "csv" } do
        local found, mistakes = read(rows.text(list, format), "trunks." .. format)
        lu.assertEquals(mistakes, {}, format)
        lu.assertEquals(#found, #list)
        for i, row in ipairs(found) do
            local there = fields.of(list[i].neutral)
            local place = ("%s in %s: "):format(row.trunk, format)
            for name, value in pairs(there) do
                local field = fields.get(name)
                lu.assertEquals(fields.text(field, row.values[name]), fields.text(field, value), place .. name)
            end
            for name in pairs(row.values) do
                lu.assertTrue(there[name] ~= nil or next(row.values[name]) == nil, place .. name)
            end
            lu.assertFalse(three_way.is_edited(row), place)
            lu.assertEquals(three_way.merge(row, there), {}, place)
        end
    end
end

function tests.test_what_a_spreadsheet_would_change_is_guarded_and_comes_back()
    local label = fields.get "label"
    for _, text in ipairs { "=1+1", "+49 30", "-5", "@home", "'quoted'", "007", "1,5", "3-4", "12345678901234",
        "1e5", "TRUE", "false", "12.5", "1E5", "1/2", "Mar-24", "3 Mai", "24. Dez 26", "10:30", "3 PM", "WAHR", "#REF!",
        "#N/A", "5 %", "$5", "1.200.300.400", ",5", "\u{FF1D}1+1", "0049", "''x" } do
        local cell = cells.write(label, text)
        lu.assertEquals(cell:sub(1, 1), "'", text)
        lu.assertEquals(cells.read(label, cell), text)
    end
    for _, text in ipairs { "Front desk", "42", "Berlin 3", "Market", "June", "3rd floor", "203.0.113.7",
            "Büro; Köln", "a = b" } do
        lu.assertEquals(cells.write(label, text), text)
        lu.assertEquals(cells.read(label, text), text)
    end
end

--- Each cell as a spreadsheet leaves it, under the field that it was in, and what is said of it.
local MANGLED <const> = {
    numbers = { ["4.93E+10"] = "rounded", ["4,93E+10"] = "rounded", ["4.93012E10"] = "rounded",
        ["#REF!"] = "error value",
        ["#N/A"] = "error value", ["#NV"] = "error value", ["#WERT!"] = "error value", ["#DIV/0!"] = "error value",
        ["#NULL!"] = "error value", ["#NUM!"] = "error value", ["#NAME?"] = "error value", ["########"] = "error value",
        ["Err:502"] = "error value", ["TRUE"] = "truth value", ["FALSCH"] = "truth value", ["Mar-24"] = "is a date",
        ["24. Mrz"] = "is a date", ["2026-03-01"] = "is a date", ["01.03.2026"] = "is a date",
        ["3/24/26"] = "is a date",
        ["10.0"] = "fraction", ["49301234567.00"] = "fraction", ["0"] = "is not a number", ["+"] = "is not a number",
        ["+4930"] = "is not a number", ["493012345670000000000"] = "more digits", ["+4930123456; 4.93E+10"] = "rounded",
        ["10:30"] = "is not a number", ["'4.93E+10"] = "rounded", ["49,302,310,022"] = "thousands",
        ["1,234"] = "thousands", ["-4930123"] = "negative" },
    ["inbound.sources"] = { ["10.0"] = "is not a host", ["5101102103"] = "is not a host", ["1.2.3"] = "is not a host",
        ["#REF!"] = "error value", ["192.0.2.300"] = "is not a host", ["Mar-24; 10.1"] = "10.1",
        ["1.98E+11"] = "rounded" },
    gateways = { ["10.0"] = "is not a host", ["sip.example.com:5060.0"] = "is not a host",
        ["sip.example.com=1.0"] = "HOST:PORT",
        ["sip.example.com:0"] = "gateways", ["sip.example.com:99999"] = "gateways", ["#VALUE!"] = "error value",
        ["192.0.2.0/28"] = "is not a host" },
    channels = { ["10.0"] = "whole number", ["1.000"] = "whole number", ["1E+02"] = "rounded", ["1e2"] = "whole number",
        ["0x10"] = "whole number", ["#N/A"] = "error value", ["Oct-24"] = "whole number" },
    label = { ["#REF!"] = "error value", ["1.23457E+11"] = "rounded", ["WAHR"] = "truth value" },
    ["outbound.username"] = { ["1.23457E+11"] = "rounded", ["a\u{200B}b"] = "U+200B", ["a\u{A0}"] = "U+00A0" },
    agent_ref = { ["#REF!"] = "error value" }, codecs = { ["#REF!"] = "error value" },
    country = { ["#N/A"] = "error value" },
    vendor = { ["#NAME?"] = "error value" }, ["extras.qualify_frequency"] = { ["#NUM!"] = "error value" },
    ["numbers.name"] = { ["+4930123456=#REF!"] = "error value" }, active = { ["#N/A"] = "yes or no" },
    ["inbound.mode"] = { ["#N/A"] = "error value" }, trunk = { ["4.2E+10"] = "rounded", ["#REF!"] = "error value" },
}

function tests.test_what_a_spreadsheet_makes_of_a_value_is_refused_whatever_the_field()
    for name, list in pairs(MANGLED) do
        for cell, word in pairs(list) do
            local quoted = '"' .. cell .. '"'
            local text = name == "trunk" and "account,trunk,label\na," .. quoted .. ",x\n"
                or ("account,trunk,%s\na,42,%s\n"):format(name, quoted)
            local _, mistakes = read(text, "t.csv")
            lu.assertEquals(#mistakes, 1, name .. " " .. cell .. " " .. json.encode(mistakes))
            lu.assertEquals(mistakes[1].line, 2)
            lu.assertStrContains(mistakes[1].text, word)
            lu.assertStrContains(mistakes[1].text, name)
        end
    end
    local _, mistakes = read('{"account":"a","trunk":"42","numbers":["4.93E+10","0"]}\n', "t.jsonl")
    lu.assertStrContains(mistakes[1].text, "'4.93E+10', which is a rounded number")
end

--- What a platform holds already may stand there, however odd it is.
function tests.test_what_was_exported_is_not_complained_of()
    local neutral = world.neutral("bolna", world.trunks "bolna"[1])
    neutral.numbers = json.array { { value = "0", kind = "extension" }, { value = "Mar-24", kind = "extension" } }
    neutral.label, neutral.vendor = "#REF!", "TRUE"
    for _, format in ipairs { "jsonl", "csv" } do
        local text = rows.text({ { account = "a", provider = "a", trunk = "1", neutral = neutral } }, format)
        local found, mistakes = read(text, "t." .. format)
        lu.assertEquals(mistakes, {}, format)
        lu.assertFalse(three_way.is_edited(found[1]))
        local _, edited = read(text:gsub("Mar%-24", "Mar-25"), "t." .. format)
        lu.assertStrContains(edited[1].text, "'Mar-25', which is a date")
        lu.assertEquals(#edited, 1)
    end
end

function tests.test_values_as_people_write_them_are_no_mistakes()
    for name, list in pairs {
        numbers = { "+49 (30) 123-456", "0049 30 123456", "1000", "anna", "*21#", "a.b-1", "4930123456", "'+4930123456",
            "030/123456", "912225550010" },
        ["inbound.sources"] = { "192.0.2.1", "2001:db8::/64", "sip_1.example.com", "pbx", "3cx.example",
            "192.0.2.0/28" },
        gateways = { "sip.example.com:5060=1", "[2001:db8::1]:5060", "192.0.2.1:5061", "pbx" },
        label = { "Mar-24", "'#REF!", "2026", "E+10", "'TRUE", "#1" }, channels = { "10", "'10" },
        active = { "TRUE", "no" },
    } do
        for _, cell in ipairs(list) do
            local _, mistakes = read(("account,Trunk,%s\na,42,\"%s\"\n"):format(name:upper(), cell), "t.csv")
            lu.assertEquals(mistakes, {}, name .. " " .. cell)
        end
    end
end

function tests.test_names_with_the_marks_of_lists_in_them_come_back()
    local field <const> = fields.get "numbers.name"
    local all <const> = { "+4930123456", "1;2=3\\4", "0041 44 123 45 67" }
    local map <const> = { ["4930123456"] = "a; b=c\\d", ["1;2=3\\4"] = "x\ny", ["0041441234567"] = "Zürich" }
    map["41441234567"], map["0041441234567"] = map["0041441234567"], nil
    lu.assertEquals(cells.read(field, cells.write(field, map, all)), map)
    local numbers <const> = fields.get "numbers"
    lu.assertEquals(cells.read(numbers, cells.write(numbers, all)), json.array(all))
end

function tests.test_lists_may_be_typed_as_people_do()
    lu.assertEquals(cells.read(fields.get "inbound.sources", "192.0.2.1, 192.0.2.2\n2001:db8::/64"),
        json.array { "192.0.2.1", "192.0.2.2", "2001:db8::/64" })
    lu.assertEquals(cells.read(fields.get "numbers", "+4930123456,+4930123457"),
        json.array { "+4930123456", "+4930123457" })
    lu.assertEquals(cells.read(fields.get "codecs", "pcma,pcmu"), json.array { "PCMA", "PCMU" })
    lu.assertEquals(cells.read(fields.get "gateways", "a.example.com; [2001:db8::1]:5061=2"), json.array {
        { host = "a.example.com" }, { host = "2001:db8::1", port = 5061, priority = 2 } })
    lu.assertEquals(cells.read(fields.get "active", "TRUE"), true)
    lu.assertEquals({ cells.read(fields.get "gateways", "a=b") },
        { nil, "has 'a=b', but must be HOST, HOST:PORT or HOST:PORT=PRIORITY" })
end

local function row_of(values, was)
    local names = {}
    for _, field in ipairs(fields.list) do
        names[#names + 1] = values[field.name] ~= nil and field.name or nil
    end
    local text = base.text("a", "p", "t", was)
    return { names = names, values = values, emptied = {}, base = assert(base.read(text, "a", "p", "t")) }
end

--- Three sides of a list: what this file began is no conflict, what somebody else did is one.
function tests.test_a_list_that_was_changed_half_way_by_the_file_itself_is_no_conflict()
    local was, wants = { numbers = { "1", "2" } }, { numbers = { "2", "3" } }
    for _, now in ipairs { { "1", "2" }, { "1", "2", "3" }, { "2" } } do
        local changes, conflicts = three_way.merge(row_of(wants, was), { numbers = now })
        lu.assertEquals({ #changes, #conflicts }, { 1, 0 }, table.concat(now, " "))
    end
    lu.assertEquals(three_way.merge(row_of(wants, was), { numbers = { "3", "2" } }), {})
    for _, now in ipairs { { "1", "2", "4" }, { "1" } } do
        local changes, conflicts = three_way.merge(row_of(wants, was), { numbers = now })
        lu.assertEquals({ #changes, conflicts }, { 0, { "numbers" } }, table.concat(now, " "))
        changes, conflicts = three_way.merge(row_of(wants, was), { numbers = now }, { numbers = true })
        lu.assertEquals({ #changes, #conflicts }, { 1, 0 })
    end
end

function tests.test_what_is_said_of_a_number_goes_with_it()
    local was = { numbers = { "1", "2" }, ["numbers.name"] = { ["1"] = "one", ["2"] = "two" } }
    local row = row_of({ numbers = { "2" }, ["numbers.name"] = was["numbers.name"] }, was)
    local changes, conflicts = three_way.merge(row, was)
    lu.assertEquals({ #changes, changes[1].field.name, #conflicts }, { 1, "numbers", 0 })
end

function tests.test_a_base_belongs_to_its_row()
    local text = base.text("a", "p", "42", { label = "x" })
    lu.assertNotNil(base.read(text, "a", "p", "42"))
    for _, other in ipairs { { text, "a", "p", "43" }, { text, "b", "p", "42" },
        { (text:gsub("label=.", "label=g")), "a", "p", "42" }, { "v2 00 x=1", "a", "p", "42" },
        { "something", "a", "p", "42" } } do
        local none, problem = base.read(table.unpack(other))
        lu.assertNil(none)
        lu.assertNotNil(problem)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "neutral_file", tests } })
