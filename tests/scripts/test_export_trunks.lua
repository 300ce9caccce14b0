--- Trunks in a file: whole or not there, the same each time, without a password, and readable again.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local editing <const> = require "editing"
local json <const> = require "trunkhost.json"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--trunks 12 --limits none")

local function export(arguments)
    return sandbox:run("scripts/export_trunks.lua " .. arguments)
end

function tests.test_every_trunk_of_every_account_is_a_line_with_its_parts()
    local rows, count = editing.rows(editing.export(sandbox, "jsonl")), {}
    local by_id = {}
    for _, row in ipairs(rows) do
        count[row.account] = (count[row.account] or 0) + 1
        by_id[row.trunk] = row
        lu.assertEquals(row.account, row.provider)
        lu.assertStrMatches(row.base, "v1 %x+ .*")
    end
    lu.assertEquals(count, { famulor = 12, autocalls = 12, vatel = 12, bolna = 12, bolna_trunk = 12 })
    local state = sandbox:ask "state"
    for _, trunk in ipairs(state.bolna_trunk.trunks) do
        local row = by_id[trunk.id]
        lu.assertEquals(#row.gateways, #trunk.gateways)
        lu.assertEquals(#row.inbound.sources, #trunk.ip_acls)
    end
    local assigned = 0
    for _, row in ipairs(rows) do
        assigned = assigned + (row.account == "vatel" and #row.numbers or 0)
    end
    lu.assertTrue(assigned > 0)
end

function tests.test_the_same_trunks_give_the_same_file()
    for _, format in ipairs { "jsonl", "csv" } do
        local path = editing.export(sandbox, format)
        local first = program.read(path)
        lu.assertEquals(program.read(editing.export(sandbox, format)), first)
    end
end

function tests.test_no_password_is_in_an_export()
    local texts = program.read(editing.export(sandbox, "jsonl")) .. program.read(editing.export(sandbox, "csv"))
    local seen = 0
    local function look(value)
        for name, item in pairs(value) do
            if type(item) == "table" then
                look(item)
            elseif type(name) == "string" and name:find "password" and type(item) == "string" and item ~= "" then
                seen = seen + 1
                lu.assertNil(texts:find(item, 1, true), name)
            end
        end
    end
    look(sandbox:ask "state")
    lu.assertTrue(seen > 20)
end

function tests.test_a_file_is_replaced_only_by_force()
    local path = sandbox.folder .. "/trunks.jsonl"
    program.write(path, "precious\n")
    local refused = export("--account famulor -o " .. path)
    lu.assertEquals(refused.status, 2)
    lu.assertStrContains(refused.err, "--force")
    lu.assertEquals(program.read(path), "precious\n")
    lu.assertEquals(#sandbox:ask "log", 0)
    lu.assertEquals(export("--account famulor --force -o " .. path).status, 0)
    lu.assertEquals(#editing.rows(path), 12)
end

--- Promise: a part of an export does not look like the whole of it.
function tests.test_what_could_not_be_read_is_named_and_the_file_has_another_name()
    local path = sandbox.folder .. "/trunks.jsonl"
    sandbox:tell("faults", { fault = "refuse@GET=0.2" })
    local result
    for seed = 1, 20 do
        sandbox:tell("faults", { fault = "refuse@GET=0.2", seed = seed })
        result = export("--account famulor,bolna -o " .. path)
        if result.err:find "missing: trunk" and program.exists(path .. ".partial") then break end
    end
    lu.assertEquals(result.status, 1)
    lu.assertFalse(program.exists(path))
    local missing = select(2, result.err:gsub("missing: trunk %S+ of %a+", ""))
    local lists = select(2, result.err:gsub("missing: all trunks", ""))
    lu.assertEquals(#editing.rows(path .. ".partial"), (2 - lists) * 12 - missing)
    local piped = export "--account famulor,bolna"
    lu.assertEquals({ piped.status, piped.out }, { 1, "" })
end

function tests.test_only_the_chosen_trunks()
    local result = export "--account famulor --only 42,43 --json"
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(select(2, result.out:gsub("\n", "")), 2)
    lu.assertEquals(json.decode(result.out:match "^[^\n]+").trunk, "42")
    local labelled = export "--account bolna --match 'label=Telnyx*'"
    lu.assertEquals(select(2, labelled.out:gsub("\n", "")), 2)
end

function tests.test_nothing_in_a_table_begins_like_a_formula_and_numbers_keep_their_plus()
    local csv <const> = require "trunkhost.csv"
    local pluses = 0
    for row in csv.rows(editing.export(sandbox, "csv")) do
        for name, cell in pairs(row) do
            lu.assertNil(cell:find "^[=+@%-]", name)
            pluses = pluses + (cell:find "^'%+" and 1 or 0)
        end
    end
    lu.assertTrue(pluses > 10)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "export_trunks", tests } })
