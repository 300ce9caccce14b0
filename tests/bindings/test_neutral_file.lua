--- A trunk in a file and back: every value comes back as it was, and a row knows what it was when it was written.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local base <const> = require "trunkhost.neutral_base"
local cells <const> = require "trunkhost.neutral_cells"
local fields <const> = require "trunkhost.neutral_fields"
local json <const> = require "trunkhost.json"
local neutral_read <const> = require "trunkhost.neutral_read"
local program <const> = require "program"
local rows <const> = require "trunkhost.neutral_rows"
local three_way <const> = require "trunkhost.three_way"
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
        "1e5", "TRUE", "false", "12.5" } do
        local cell = cells.write(label, text)
        lu.assertEquals(cell:sub(1, 1), "'", text)
        lu.assertEquals(cells.read(label, cell), text)
    end
    for _, text in ipairs { "Front desk", "42", "203.0.113.7", "Büro; Köln", "a = b" } do
        lu.assertEquals(cells.write(label, text), text)
        lu.assertEquals(cells.read(label, text), text)
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
        { nil, "has 'a=b', where HOST, HOST:PORT or HOST:PORT=PRIORITY must stand" })
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
