--- Where the passwords of a copy come from, and whose agents answer, around all APIs: what was asked for is what is
--- set, and nothing else is made up.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local consent <const> = require "migration_consent"
local csv <const> = require "trunkhost.csv"
local disturbed <const> = require "migration_disturbed"
local pairs_of <const> = require "migration_pair"
local program <const> = require "program"
local shapes <const> = require "migration_shapes"

-- One that has a user name, by API; and one with agents.
local DIGEST <const> = { famulor = "digest", autocalls = "digest", vatel = "several numbers", bolna = "digest",
    bolna_trunk = "several numbers" }

local sandboxes

local tests = {}

function tests.setUp()
    sandboxes = pairs_of.sandboxes()
end

function tests.tearDown()
    sandboxes.source:stop()
    sandboxes.target:stop()
end

local function prepare(from, to)
    sandboxes.source:reset()
    sandboxes.target:reset { trunks = 0 }
    local pair = pairs_of.open(sandboxes.source, sandboxes.target, from, to)
    pair.names = shapes.make(pair.source, from, { [DIGEST[from]] = true })
    return pair, (next(pair.names))
end

--- The passwords that a trunk of the target has, by field.
local function passwords(pair)
    local found, trunks = {}, pair:trunks "target"
    for _, trunk in pairs(trunks) do
        for name, value in pairs(trunk) do
            if name:find "password$" and type(value) == "string" then
                found[#found + 1] = value
            end
        end
    end
    return found
end

local function other_arguments(pair)
    return (consent.arguments(pair):gsub("%-%-secrets generate", "", 1))
end

--- The values of consent and the passwords in one file.
local function with_passwords(arguments, folder, id)
    local supply = arguments:match "%-%-supply (%S+)"
    local records = supply and csv.parse(program.read(supply)) or { { "trunk" }, { id } }
    local lines = {}
    for i, record in ipairs(records) do
        table.move(i == 1 and { "inbound.secret", "outbound.secret" } or { "the-carriers-in-1", "the-carriers-out-1" },
            1, 2, #record + 1, record)
        lines[i] = csv.record(record) .. "\n"
    end
    local path = folder .. "/passwords.csv"
    program.write(path, table.concat(lines), "600")
    return (arguments:gsub("%-%-supply %S+", "")) .. " --secrets file --supply " .. path
end

local GIVEN <const> = { ["the-carriers-in-1"] = true, ["the-carriers-out-1"] = true }

function tests.test_passwords_of_a_file_are_set_around_all_apis_and_no_others()
    for _, way in ipairs(disturbed.ring) do
        local pair, id = prepare(way[1], way[2])
        local arguments = other_arguments(pair)
        local without = pair:run(arguments .. " --secrets file --supply "
            .. (arguments:match "%-%-supply (%S+)" or pair.source.folder .. "/pair.lua"))
        lu.assertNotEquals(without.status, 0, pair:place())
        lu.assertEquals(select(2, pair:trunks "target"), 0, pair:place())
        local result = pair:run(with_passwords(arguments, pair.source.folder, id))
        lu.assertEquals(result.status, 0, pair:place() .. ": " .. pair:complaints(result))
        local set = passwords(pair)
        lu.assertTrue(#set > 0, pair:place())
        for _, password in ipairs(set) do
            lu.assertTrue(GIVEN[password], pair:place() .. ": " .. password)
        end
        pair:check_violations()
    end
end

function tests.test_passwords_that_the_ledger_has_of_the_source_are_set_around_all_apis_and_no_others()
    for _, way in ipairs(disturbed.ring) do
        local pair = prepare(way[1], way[2])
        local arguments = other_arguments(pair) .. " --secrets ledger"
        local without = pair:run(arguments)
        lu.assertEquals(without.status, 1, pair:place())
        lu.assertStrContains(pair:complaints(without), "The ledger has none of trunk")
        lu.assertEquals(select(2, pair:trunks "target"), 0, pair:place())
        local rotated = program.run(("-c %s/pair.lua --ledger %s rotate_passwords.lua --account old --yes"):format(
            pair.source.folder, pair.source:ledger_path()))
        lu.assertEquals(rotated.status, 0, rotated.err)
        local result = pair:run(arguments)
        lu.assertEquals(result.status, 0, pair:place() .. ": " .. pair:complaints(result))
        local known = {}
        for _, trunk in pairs(pair:trunks "source") do
            for name, value in pairs(trunk) do
                known[name:find "password$" and value or ""] = true
            end
        end
        local set = passwords(pair)
        lu.assertTrue(#set > 0, pair:place())
        for _, password in ipairs(set) do
            lu.assertTrue(known[password], pair:place() .. ": " .. password)
        end
    end
end

local LISTS <const> = { vatel = "assignments", bolna = "phone_numbers", bolna_trunk = "numbers" }

--- Which agent answers which number.
local function agents_of(sandbox, trunks, api)
    local found, lists = {}, {}
    for _, trunk in pairs(trunks) do
        lists[#lists + 1] = trunk[LISTS[api]]
    end
    if api == "vatel" then
        lists = { sandbox:ask("state").vatel.numbers }
    end
    for _, list in ipairs(lists) do
        for _, item in ipairs(list) do
            local number = item.phone_number or item.e164 or item.number or item.alternate_number
            if type(number) == "string" and type(item.agent_id) == "string" then
                found[number] = item.agent_id
            end
        end
    end
    return found
end

--- Two sandboxes of one seed know the same agents, as two names of one account would.
function tests.test_numbers_keep_their_agents_when_it_is_said_that_they_exist_there()
    for _, api in ipairs { "vatel", "bolna", "bolna_trunk" } do
        sandboxes.source:reset { trunks = 6 }
        sandboxes.target:reset { trunks = 0 }
        local pair = pairs_of.open(sandboxes.source, sandboxes.target, api, api)
        local source = agents_of(pair.source, pair:trunks "source", api)
        lu.assertNotNil(next(source), api)
        local without = pair:run "--secrets generate"
        lu.assertNotEquals(without.status, 0, api)
        local result = pair:run "--secrets generate --same-agents"
        lu.assertEquals(result.status, 0, api .. ": " .. pair:complaints(result))
        lu.assertEquals(agents_of(pair.target, pair:trunks "target", api), source, api)
        lu.assertEquals(result.summary.done + result.summary.skipped, 6, api)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_secrets", tests } })
