--- What a file has changed is taken back: field by field and part by part, and only where nobody has changed the same
--- since.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local editing <const> = require "editing"
local json <const> = require "trunkhost.json"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--trunks 6 --limits none")

--- What every platform shows of its trunks, without the ids of parts that were made anew.
local function picture()
    local rows = editing.rows(editing.export(sandbox, "jsonl"))
    for i, row in ipairs(rows) do
        row.base = nil
        rows[i] = canonical.text(row)
    end
    return rows
end

--- Of every trunk the name, an address, a number and what else can be changed there.
local function edit_everything(path)
    local rows = editing.rows(path)
    for i, row in ipairs(rows) do
        local is_bolna = row.account:find "^bolna"
        row.label = row.account ~= "vatel" and "Edited " .. i or nil
        row.vendor = row.account == "vatel" and (row.vendor == "webex" and "generic" or "webex") or row.vendor
        if row.inbound.sources and #row.inbound.sources > 1 then
            table.remove(row.inbound.sources, 1)
        end
        if is_bolna then
            row.active, row.gateways = not row.active, json.array { row.gateways[1] }
            if #row.numbers > 0 then
                table.remove(row.numbers, 1)
            end
            table.insert(row.numbers, { value = ("+4989555%03d"):format(i),
                routing_key = row.account == "bolna_trunk" and ("4989555%03d"):format(i) or nil })
        end
    end
    editing.save(path, rows)
end

local function apply(arguments)
    local result = sandbox:run("apply_trunks.lua --yes --json --canary 0 " .. arguments)
    return events.read(result, function(item) return item.account .. " " .. item.trunk end)
end

local function apply_all()
    local before, path = picture(), editing.export(sandbox, "jsonl")
    edit_everything(path)
    local applied = program.ok(apply(path))
    lu.assertTrue(applied.summary.done > 20, applied.out)
    lu.assertNotEquals(picture(), before)
    return before, applied, path
end

function tests.test_everything_that_a_file_has_changed_is_as_it_was_also_when_the_file_is_gone()
    local before, applied, path = apply_all()
    os.remove(path)
    local undone = apply "--undo last"
    lu.assertEquals(undone.status, 0, undone.err .. undone.out)
    lu.assertEquals(undone.summary.done, applied.summary.done)
    lu.assertEquals(picture(), before)
    local again = apply("--undo " .. applied.summary.run)
    lu.assertEquals({ again.status, again.summary.done }, { 0, 0 }, again.err)
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

function tests.test_replies_that_are_lost_meanwhile_leave_nothing_twice_and_the_same_command_goes_on()
    local before, applied = apply_all()
    for seed = 1, 4 do
        sandbox:tell("faults", { fault = "lost_reply=0.2+refuse@POST=0.2", seed = seed })
        apply("--undo " .. applied.summary.run)
    end
    sandbox:tell "faults"
    local undone = apply("--undo " .. applied.summary.run)
    lu.assertEquals(undone.status, 0, undone.err .. undone.out)
    lu.assertEquals(picture(), before)
end

function tests.test_what_was_changed_since_stays()
    local path = editing.export(sandbox, "jsonl", "famulor")
    editing.change(path, "famulor", "42", function(row) row.label = "Mine" end)
    editing.change(path, "famulor", "43", function(row) row.label = "Mine too" end)
    local applied = program.ok(apply(path))
    program.ok(sandbox:run("-e " .. program.quote(
        'require("trunkhost").account("famulor"):update(42, { nickname = "Somebody\'s" })')))
    local undone = apply("--undo " .. applied.summary.run)
    lu.assertEquals(undone.status, 1)
    lu.assertEquals(undone.items["famulor 42"].error.kind, "conflict")
    lu.assertStrContains(undone.items["famulor 42"].error.message,
        ("not undone: changed since run %s: label"):format(applied.summary.run))
    lu.assertEquals(undone.items["famulor 43"].state, "done")
end

--- Promise: an allow list does not become wider without a word. Here the word is the list that was there.
function tests.test_an_address_that_a_file_has_removed_comes_back()
    local path, id = editing.export(sandbox, "jsonl", "famulor"), nil
    for _, row in ipairs(editing.rows(path)) do
        id = id or #row.inbound.sources > 1 and row.trunk
    end
    local before = picture()
    editing.change(path, "famulor", id, function(row) table.remove(row.inbound.sources, 1) end)
    lu.assertEquals(apply(path).status, 0)
    local undone = apply "--undo last"
    lu.assertEquals({ undone.status, undone.summary.done }, { 0, 1 }, undone.err .. undone.out)
    lu.assertEquals(picture(), before)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "apply_undo", tests } })
