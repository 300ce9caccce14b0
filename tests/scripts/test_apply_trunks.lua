--- A file of trunks that somebody has edited: exactly what was edited changes, and nothing else.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local csv <const> = require "trunkhost.csv"
local editing <const> = require "editing"
local json <const> = require "trunkhost.json"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local trunkhost <const> = require "trunkhost"

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--trunks 12 --limits none")

local function trunks(api)
    return sandbox:ask("state")[api].trunks
end

local function first(api, test)
    for _, trunk in ipairs(trunks(api)) do
        if test(trunk) then return trunk end
    end
    error("the sandbox has no such trunk of " .. api)
end

--- One edit of each API, the changes that it must make, and what has to be granted.
local function edits()
    local bolna, newer = trunks "bolna"[1], first("bolna_trunk", function(trunk)
        return #trunk.numbers > 0 and #trunk.gateways > 0 and trunk.numbers[1].is_deleted == false
    end)
    local state = sandbox:ask "state"
    local assigned = state.vatel.numbers[1]
    local agent = state.bolna_trunk.agents[1].id
    return {
        { "famulor", "42", function(row) row.label, row.calling_format = "Reception", "national" end, {
            ["famulor/42/nickname"] = "Front desk → Reception", ["famulor/42/sip_calling_format"] = "+e164 → national",
        } },
        { "autocalls", "43", function(row) row.inbound.sources = { "203.0.113.11" } end, {
            ["autocalls/43/allowed_inbound_ips/2"] = "198.51.100.21 → -",
        } },
        { "vatel", assigned.sip_trunk_id, function(row) row.gateways = json.array { { host = "new.example.com" } } end,
            { ["vatel/" .. assigned.sip_trunk_id .. "/outbound_host"] = "* → new.example.com" } },
        { "bolna", bolna.id, function(row)
            row.description, row.active, row.codecs = json.null, false, { "PCMA" }
        end, {
            [("bolna/%s/description"):format(bolna.id)] = "Main line → ",
            [("bolna/%s/is_active"):format(bolna.id)] = "true → false",
            [("bolna/%s/allow"):format(bolna.id)] = "ulaw,alaw → alaw",
        } },
        { "bolna_trunk", newer.id, function(row)
            row.channels, row.numbers[1].agent_ref = 77, agent
        end, {
            [("bolna_trunk/%s/channels"):format(newer.id)] = "* → 77",
            [("bolna_trunk/%s/numbers/*/agent_id"):format(newer.id)] = "* → " .. agent,
        } },
    }
end

local function pattern(text)
    return "^" .. text:gsub("%p", "%%%0"):gsub("%%%*", ".*") .. "$"
end

--- Every difference is a wanted one, and every wanted one is there.
local function assert_changes(differences, wanted, context)
    local left = {}
    for path, text in pairs(wanted) do left[path] = text end
    for path, text in pairs(differences) do
        local found
        for expected, change in pairs(left) do
            if path:find(pattern(expected)) and text:find(pattern(change)) then found = expected end
        end
        lu.assertNotNil(found, ("%s: nobody wanted %s: %s"):format(context, path, text))
        left[found] = nil
    end
    lu.assertEquals(left, {}, context)
end

--- What stands in a table after the same edits as in a file of lines.
local COLUMNS <const> = {
    famulor = { label = "Reception", calling_format = "national" },
    autocalls = { ["inbound.sources"] = "203.0.113.11" },
    vatel = { gateways = "new.example.com" },
    bolna = { description = "", active = "no", codecs = "PCMA" },
}

--- Rewrites a table; change(row) gets name → text. style: separator, ends of lines, with a mark.
local function rewrite(path, change, style)
    style = style or {}
    local file = csv.open(path)
    local lines = { csv.record(file.header, style.separator) }
    for row in function() return file:row() end do
        change(row)
        local cells = {}
        for i, name in ipairs(file.header) do
            local cell = row[name]
            cells[i] = style.cell and style.cell(cell) or cell
        end
        lines[#lines + 1] = csv.record(cells, style.separator)
    end
    local ending = style.ending or "\n"
    program.write(path, (style.mark and "\xEF\xBB\xBF" or "") .. table.concat(lines, ending) .. ending)
end

local function edit_table(path, all, style)
    local by_id = {}
    for _, edit in ipairs(all) do by_id[edit[1] .. edit[2]] = edit end
    rewrite(path, function(row)
        local edit = by_id[row.account .. row.trunk]
        for name, text in pairs(edit and COLUMNS[edit[1]] or {}) do row[name] = text end
        if edit and edit[1] == "bolna_trunk" then
            local agent = edit[4][("bolna_trunk/%s/numbers/*/agent_id"):format(row.trunk)]:match "→ (.*)$"
            local number = row.numbers:match "^'?([^;]+)"
            row.channels = "77"
            local others = row["numbers.agent_ref"]:gsub("^'", ""):gsub(pattern(number):sub(2, -2) .. "=[^;]+;? ?", "")
            row["numbers.agent_ref"] = "'" .. number .. "=" .. agent .. (others ~= "" and "; " .. others or "")
        end
    end, style)
end

local function all_wanted(all)
    local wanted, reads = {}, {}
    for _, edit in ipairs(all) do
        for path, change in pairs(edit[4]) do wanted[path] = change end
        reads[edit[1]] = edit[2]
    end
    return wanted, reads
end

-- --- nothing edited --------------------------------------------------------------------------------

function tests.test_a_file_that_nobody_has_edited_changes_nothing_and_sends_nothing_but_get()
    for _, format in ipairs { "jsonl", "csv" } do
        local before = editing.state(sandbox)
        local result = program.ok(editing.apply(sandbox, editing.export(sandbox, format)))
        lu.assertEquals({ result.summary.total, result.summary.skipped }, { 60, 60 })
        lu.assertEquals(editing.differences(before, editing.state(sandbox)), {})
    end
    lu.assertEquals(sandbox:writes(), {})
end

--- The same, where every trunk is read and compared because the rows do not say what they were.
function tests.test_without_a_base_every_trunk_is_compared_and_none_differs()
    for _, format in ipairs { "jsonl", "csv" } do
        local path = editing.export(sandbox, format)
        if format == "csv" then
            rewrite(path, function(row) row.base = "" end)
        else
            local rows = editing.rows(path)
            for _, row in ipairs(rows) do row.base = nil end
            editing.save(path, rows)
        end
        local result = program.ok(editing.apply(sandbox, path))
        lu.assertEquals(result.summary.skipped, 60)
        lu.assertEquals(result.items["42"].reason, "it is as the file says")
    end
    lu.assertEquals(sandbox:writes(), {})
end

-- --- edited ----------------------------------------------------------------------------------------

function tests.test_exactly_what_was_edited_in_lines_changes()
    local path, all = editing.export(sandbox, "jsonl"), edits()
    for _, edit in ipairs(all) do editing.change(path, edit[1], edit[2], edit[3]) end
    local before = editing.state(sandbox)
    local result = program.ok(editing.apply(sandbox, path))
    lu.assertEquals({ result.summary.done, result.summary.skipped }, { 5, 55 })
    assert_changes(editing.differences(before, editing.state(sandbox)), (all_wanted(all)), "lines")
    lu.assertEquals(sandbox:ask "violations", json.array {})
    -- The same file again finds all of it there.
    local writes = #sandbox:writes()
    lu.assertEquals(editing.apply(sandbox, path).summary.skipped, 60)
    lu.assertEquals(#sandbox:writes(), writes)
end

function tests.test_the_same_edits_in_a_table_change_the_same_as_spreadsheets_write_it()
    local styles = {
        { mark = true, ending = "\r\n" },
        { separator = ";", ending = "\r\n", mark = true },
        { separator = "\t", cell = function(cell) return (cell:gsub("^'", "")) end }, -- without the guard
    }
    for i, style in ipairs(styles) do
        sandbox:reset()
        local path, all = editing.export(sandbox, "csv"), edits()
        edit_table(path, all, style)
        local before = editing.state(sandbox)
        local result = program.ok(editing.apply(sandbox, path))
        lu.assertEquals(result.summary.done, 5)
        assert_changes(editing.differences(before, editing.state(sandbox)), (all_wanted(all)), "style " .. i)
    end
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

--- Promise: a table and lines with the same edits plan the same.
function tests.test_a_table_and_lines_give_the_same_plan()
    local all, plans = edits(), {}
    local lines, sheet = editing.export(sandbox, "jsonl"), editing.export(sandbox, "csv")
    for _, edit in ipairs(all) do editing.change(lines, edit[1], edit[2], edit[3]) end
    edit_table(sheet, all)
    for i, path in ipairs { lines, sheet } do
        local result = editing.apply(sandbox, path, "--dry-run")
        lu.assertEquals(result.status, 0, result.err)
        plans[i] = {}
        for trunk, item in pairs(result.items) do
            plans[i][trunk] = { changes = item.changes, requests = item.requests, impact = item.impact }
        end
    end
    lu.assertEquals(plans[2], plans[1])
    lu.assertNotNil(plans[1]["42"].requests)
    lu.assertEquals(sandbox:writes(), {})
end

--- Numbers, gateways and addresses that have requests of their own.
function tests.test_parts_are_added_and_removed_one_by_one_and_the_others_keep_their_ids()
    local newer = first("bolna_trunk", function(trunk) return #trunk.gateways > 1 and #trunk.ip_acls > 0 end)
    local older = first("bolna", function(trunk) return #trunk.phone_numbers > 1 end)
    local path = editing.export(sandbox, "jsonl")
    editing.change(path, "bolna_trunk", newer.id, function(row)
        row.gateways[1].priority = 9
        table.insert(row.inbound.sources, "192.0.2.0/28")
    end)
    editing.change(path, "bolna", older.id, function(row)
        table.remove(row.numbers, 1)
        table.insert(row.numbers, 1, { value = "+4930987654", name = "New", agent_ref =
            sandbox:ask("state").bolna.agents[1].id })
    end)
    local assigned = sandbox:ask("state").vatel.numbers[1]
    editing.change(path, "vatel", assigned.sip_trunk_id, function(row)
        table.insert(row.numbers, { value = "+4930987655", agent_ref = assigned.agent_id })
    end)
    local refused = editing.apply(sandbox, path)
    lu.assertEquals(refused.items[newer.id].state, "failed")
    lu.assertStrContains(refused.items[newer.id].error.message, "--grant inbound.sources")
    local result = editing.apply(sandbox, path, "--grant inbound.sources")
    lu.assertEquals(result.status, 0, result.err .. result.out)
    for _, trunk in ipairs(trunks "bolna_trunk") do
        if trunk.id == newer.id then
            lu.assertEquals(#trunk.gateways, #newer.gateways)
            lu.assertEquals(trunk.gateways[#trunk.gateways].priority, 9)
            lu.assertEquals(trunk.gateways[1].id, newer.gateways[2].id)
            lu.assertEquals(trunk.ip_acls[#trunk.ip_acls].cidr, "192.0.2.0/28")
        end
    end
    local gone = 0
    for _, trunk in ipairs(trunks "bolna") do
        for _, number in ipairs(trunk.id == older.id and trunk.phone_numbers or {}) do
            if number.phone_number == "+4930987654" then
                lu.assertEquals(number.name, "New")
                lu.assertEquals(number.agent_id, sandbox:ask("state").bolna.agents[1].id)
            end
        end
    end
    for _, number in ipairs(sandbox:ask("state").bolna.numbers) do
        gone = gone + (number.deleted and number.byot_trunk_id == older.id and 1 or 0)
    end
    lu.assertEquals(gone, 1)
    lu.assertEquals(#sandbox:ask("state").vatel.numbers > 1, true)
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

function tests.test_the_order_of_a_list_is_no_edit()
    local newer = first("bolna_trunk", function(trunk) return #trunk.gateways > 1 end)
    local path = editing.export(sandbox, "jsonl")
    editing.change(path, "bolna_trunk", newer.id, function(row)
        row.gateways[1], row.gateways[2] = row.gateways[2], row.gateways[1]
    end)
    lu.assertEquals(editing.apply(sandbox, path).summary.skipped, 60)
end

-- --- what must not happen --------------------------------------------------------------------------

function tests.test_a_dry_run_shows_each_field_before_and_after_and_sends_nothing()
    local path = editing.export(sandbox, "jsonl", "famulor")
    editing.change(path, "famulor", "42", function(row)
        row.label = "Reception"
        row.gateways[1].host = "new.example.com"
    end)
    local result = sandbox:run("scripts/apply_trunks.lua --dry-run " .. path)
    lu.assertEquals(result.status, 0, result.err)
    lu.assertStrMatches(result.out, ".*famulor +42 +Front desk +outbound +label: Front desk → Reception\n.*")
    lu.assertStrContains(result.out, "gateways: added new.example.com, removed sip.provider.example.com")
    lu.assertStrContains(result.out, "11 rows were not edited.")
    lu.assertEquals(sandbox:writes(), {})
end

--- Promise: what both sides have changed is not overwritten, and what only the platform has changed stays.
function tests.test_a_field_that_both_have_changed_stops_its_trunk_and_others_are_left_alone()
    local path = editing.export(sandbox, "csv", "famulor")
    program.ok(sandbox:run [[-e 'local account = require("trunkhost").account "famulor"
        account:update(42, { nickname = "Somebody else" })
        account:update(43, { nickname = "Somebody else" })']])
    rewrite(path, function(row)
        if row.trunk == "42" then row.label = "Mine" end
        if row.trunk == "43" then row.calling_format = "national" end
    end)
    local before = editing.state(sandbox)
    local result = editing.apply(sandbox, path)
    lu.assertEquals(result.status, 1, result.err)
    lu.assertEquals(result.items["42"].state, "failed")
    lu.assertEquals(result.items["42"].error.kind, "conflict")
    lu.assertStrContains(result.items["42"].error.message, "--force-conflicts label")
    assert_changes(editing.differences(before, editing.state(sandbox)),
        { ["famulor/43/sip_calling_format"] = "e164 → national" }, "conflict")
    lu.assertEquals(editing.apply(sandbox, path, "--force-conflicts label").status, 0)
    assert_changes(editing.differences(before, editing.state(sandbox)), {
        ["famulor/43/sip_calling_format"] = "e164 → national", ["famulor/42/nickname"] = "Somebody else → Mine",
    }, "forced")
end

function tests.test_a_trunk_that_is_gone_is_named_and_a_row_that_is_gone_deletes_nothing()
    local path = editing.export(sandbox, "jsonl", "famulor")
    local rows = editing.rows(path)
    table.remove(rows, 5)
    editing.save(path, rows)
    program.ok(sandbox:run [[-e 'require("trunkhost").account("famulor"):delete(42)']])
    local result = editing.apply(sandbox, path)
    lu.assertEquals(result.status, 1)
    lu.assertEquals(result.items["42"].error.kind, "not_found")
    lu.assertStrContains(result.items["42"].error.message, "migrate_trunks.lua")
    lu.assertEquals(result.summary.failed, 1)
    lu.assertEquals(#trunks "famulor", 11)
    local shown = sandbox:run("scripts/apply_trunks.lua --dry-run " .. path)
    lu.assertStrContains(shown.out, "1 trunk is not in the file and stays as it is.")
end

--- Promise: a mistake anywhere in the file stops everything before a request is sent.
function tests.test_every_mistake_is_named_with_its_line_before_anything_is_sent()
    local path = editing.export(sandbox, "jsonl", "famulor")
    local rows = editing.rows(path)
    rows[1].label = "Reception"
    rows[7].inbound.mod = "ip"
    rows[8].calling_format = "+e165"
    rows[9].trunk = json.null
    rows[10].trunk = rows[11].trunk
    rows[12].sip_password = "not-from-a-file"
    editing.save(path, rows)
    local before = #sandbox:ask "log"
    local result = editing.apply(sandbox, path)
    lu.assertEquals(result.status, 2)
    for _, text in ipairs {
        path .. ":7: inbound.mod: there is no such field (did you mean 'inbound.mode'?)\n",
        path .. ":8: calling_format: must be one of +e164, e164, national\n",
        path .. ":9: trunk: the id is missing; this script creates no trunks",
        path .. ":10: base: belongs to another trunk, or was edited",
        path .. ":11: trunk: " .. rows[11].trunk .. " is already in line 10\n",
        path .. ":12: sip_password: a file cannot set passwords",
        "has 6 mistakes, so nothing was sent",
    } do
        lu.assertStrContains(result.err, text)
    end
    lu.assertEquals(#sandbox:ask "log", before)
    lu.assertEquals(result.out, "")
end

function tests.test_mistakes_in_a_table_are_named_as_well()
    local path = editing.export(sandbox, "csv", "famulor")
    local text = program.read(path):gsub("calling_format", "caling_format", 1)
    local lines = {}
    for line in text:gmatch "[^\r\n]+" do lines[#lines + 1] = line end
    lines[4] = lines[4]:gsub(",yes,digest", ",perhaps,digest", 1)
    program.write(path, table.concat(lines, "\n") .. "\n")
    local result = editing.apply(sandbox, path)
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, ":1: caling_format: there is no such column (did you mean 'calling_format'?)")
    lu.assertStrContains(result.err, ":4: inbound.enabled: must be yes or no")
    program.write(path, "trunk,label\n42,B\xFCro\n")
    result = editing.apply(sandbox, path, "--account famulor")
    lu.assertStrContains(result.err, ":2: column label is not UTF-8 text")
    program.write(path, "trunk,label\n42,\"Büro\n43,x\n")
    result = editing.apply(sandbox, path, "--account famulor")
    lu.assertStrContains(result.err, ":2: a quoted field does not end")
    lu.assertEquals(sandbox:writes(), {})
end

--- What a platform cannot hold, or cannot change, is refused by name; the other rows go on.
function tests.test_what_cannot_be_done_exactly_is_refused_by_name()
    local path = editing.export(sandbox, "jsonl")
    local older = first("bolna", function(trunk) return #trunk.phone_numbers > 0 end)
    local newer = first("bolna_trunk", function(trunk) return trunk.auth_username ~= json.null end)
    local refused = {
        { "famulor", "42", "transport", function(row) row.transport = "tls" end },
        { "famulor", "43", "label", function(row) row.label = ("x"):rep(60) end },
        { "famulor", "45", "inbound.username", function(row) row.outbound.username = "another" end },
        { "famulor", "46", "active", function(row) row.active = false end },
        { "famulor", "48", "agent_ref", function(row) row.agent_ref = "7" end },
        { "autocalls", "42", "numbers", function(row)
            table.insert(row.numbers, { value = "+4930987654" })
        end },
        { "bolna", older.id, "numbers.name", function(row) row.numbers[1].name = "Renamed" end },
        { "bolna_trunk", newer.id, "outbound.username", function(row) row.outbound.username = "another" end },
    }
    for _, each in ipairs(refused) do editing.change(path, each[1], each[2], each[4]) end
    editing.change(path, "famulor", "49", function(row) row.label = "Fine" end)
    local before = editing.state(sandbox)
    local result = editing.apply(sandbox, path)
    lu.assertEquals(result.status, 1)
    lu.assertEquals({ result.summary.failed, result.summary.done }, { #refused, 1 })
    local lines = {}
    for _, item in ipairs(events.lines(result.out)) do
        lines[(item.account or "") .. (item.trunk or "")] = item
    end
    for _, each in ipairs(refused) do
        lu.assertStrContains(lines[each[1] .. each[2]].error.message, "not changed: " .. each[3] .. ": ", each[3])
    end
    assert_changes(editing.differences(before, editing.state(sandbox)), { ["famulor/49/nickname"] = "* → Fine" },
        "refused")
    lu.assertEquals(#sandbox:writes(), 1)
    -- A loss that is allowed is carried out as far as it goes.
    result = editing.apply(sandbox, path, "--account famulor --only 43 --allow-loss label")
    lu.assertEquals(result.status, 0, result.err .. result.out)
    lu.assertEquals(trunks("famulor")[2].nickname, ("x"):rep(50))
end

function tests.test_with_all_or_nothing_one_stopped_row_stops_all()
    local path = editing.export(sandbox, "jsonl", "famulor")
    editing.change(path, "famulor", "42", function(row) row.label = "Fine" end)
    editing.change(path, "famulor", "43", function(row) row.transport = "tls" end)
    local result = editing.apply(sandbox, path, "--all-or-nothing")
    lu.assertEquals(result.status, 1)
    lu.assertEquals(sandbox:writes(), {})
    lu.assertStrContains(result.items["42"].reason, "--all-or-nothing")
end

--- Promise 6, for edits: what is dangerous needs a word of its own.
function tests.test_dangerous_edits_need_a_grant()
    local digest = first("vatel", function(trunk) return trunk.inbound_auth_type == "digest" end)
    local outbound = first("vatel", function(trunk)
        return type(trunk.outbound_sip_username) == "string" and trunk.id ~= digest.id
    end)
    local open = first("bolna_trunk", function(trunk) return #trunk.ip_acls > 0 end)
    local path = editing.export(sandbox, "jsonl", "vatel,bolna_trunk,autocalls")
    local dangerous = {
        { "vatel", digest.id, "inbound.mode", function(row) row.inbound.mode = "none" end },
        { "vatel", outbound.id, "outbound.username", function(row)
            row.outbound.username, row.outbound.mode = json.null, "ip"
        end },
        { "bolna_trunk", open.id, "inbound.sources", function(row) row.inbound.sources = {} end },
        { "autocalls", "43", "inbound.sources", function(row) table.insert(row.inbound.sources, "192.0.2.77") end },
    }
    for _, each in ipairs(dangerous) do editing.change(path, each[1], each[2], each[4]) end
    local result = editing.apply(sandbox, path)
    lu.assertEquals(result.summary.failed, #dangerous, result.out)
    for _, each in ipairs(dangerous) do
        lu.assertStrContains(result.items[each[2]].error.message, "--grant " .. each[3])
    end
    lu.assertEquals(sandbox:writes(), {})
    result = editing.apply(sandbox, path, "--grant inbound.mode,outbound.username,inbound.sources")
    lu.assertEquals(result.summary.done, #dangerous, result.out)
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

-- --- stopped in the middle -------------------------------------------------------------------------

--- Promise 7: a run that is killed at any request is finished by the same command, and nothing is there twice.
function tests.test_a_run_that_is_killed_at_any_request_is_finished_by_the_next()
    local newer = first("bolna_trunk", function(trunk) return #trunk.gateways > 1 and #trunk.numbers > 0 end)
    local function prepare()
        sandbox:reset()
        local path = editing.export(sandbox, "jsonl", "bolna_trunk")
        editing.change(path, "bolna_trunk", newer.id, function(row)
            row.description = "Edited"
            row.gateways[1].priority = 9
            table.insert(row.numbers, { value = "+4930987654", routing_key = "4930987654" })
        end)
        return path
    end
    local path = prepare()
    lu.assertEquals(editing.apply(sandbox, path).status, 0)
    local finished = trunks "bolna_trunk"
    local function shape(list)
        local parts = {}
        for _, trunk in ipairs(list) do
            for _, gateway in ipairs(trunk.gateways) do
                table.insert(parts, ("%s %s:%d=%d"):format(trunk.id, gateway.host, gateway.port, gateway.priority))
            end
            for _, number in ipairs(trunk.numbers) do
                table.insert(parts, ("%s %s %s"):format(trunk.id, number.e164, number.is_deleted))
            end
            table.insert(parts, ("%s %s"):format(trunk.id, trunk.description))
        end
        table.sort(parts)
        return parts
    end
    for _, moment in ipairs { "before", "after" } do
        local request = 0
        repeat
            request = request + 1
            path = prepare()
            sandbox:tell("kill", { request = request, moment = moment })
            local killed = editing.apply(sandbox, path)
            local place = ("killed %s request %d"):format(moment, request)
            sandbox:ask "counts" -- what was in the kernel is served before this
            if killed.status == 137 then
                local result = editing.apply(sandbox, path)
                lu.assertEquals(result.status, 0, place .. ": " .. result.err .. result.out)
            end
            lu.assertEquals(shape(trunks "bolna_trunk"), shape(finished), place)
            local left = sandbox:run [[-e 'for _, row in ipairs(require("trunkhost.ledger").unfinished "bolna_trunk") do
                print(row.trunk) end']]
            lu.assertEquals(left.out, "", place)
        until killed.status ~= 137
        lu.assertTrue(request > 6, moment)
    end
end

function tests.test_lost_replies_make_nothing_double()
    local path = editing.export(sandbox, "jsonl", "bolna")
    local rows = editing.rows(path)
    for i, row in ipairs(rows) do
        row.description = "Edited"
        table.insert(row.numbers, { value = ("+49309876%03d"):format(i) })
    end
    editing.save(path, rows)
    sandbox:tell("faults", { fault = "lost_reply@POST=0.5", seed = 3 })
    local result = editing.apply(sandbox, path)
    sandbox:tell "faults"
    if result.status ~= 0 then
        result = editing.apply(sandbox, path)
    end
    lu.assertEquals(result.status, 0, result.err .. result.out)
    local seen = {}
    for _, trunk in ipairs(trunks "bolna") do
        for _, number in ipairs(trunk.phone_numbers) do
            if number.phone_number:find "^%+49309876" then
                lu.assertNil(seen[number.phone_number], number.phone_number)
                seen[number.phone_number] = true
            end
        end
    end
    lu.assertEquals(#rows, 12)
    for i = 1, 12 do lu.assertTrue(seen[("+49309876%03d"):format(i)]) end
end

--- A number that is live is not replaced by what a spreadsheet has made of it.
function tests.test_a_number_that_a_spreadsheet_has_changed_never_replaces_the_live_one()
    local before = canonical.text(sandbox:ask "state")
    for _, api in ipairs(editing.apis) do
        local path = editing.export(sandbox, "jsonl", api)
        local exported, row = editing.rows(path), nil
        for _, each in ipairs(exported) do
            row = row or each.numbers and #each.numbers > 0 and each.numbers[1].value:find "^%+" and each or nil
        end
        local number = row.numbers[1].value
        local digits = number:sub(2)
        for mangled, word in pairs {
            [digits] = "removed the plus", [digits .. ".0"] = "fraction", [("%.2E"):format(digits)] = "rounded",
            [("%d"):format(math.tointeger(tonumber(("%.3e"):format(digits))))] = "rounded it",
            ["0"] = "is not a number",
            ["#REF!"] = "error value", ["44197"] = "too short for a number",
        } do
            for _, based in ipairs { true, false } do
                row.numbers[1].value = mangled
                local saved = row.base
                row.base = based and saved or nil
                editing.save(path, { row })
                local result = editing.apply(sandbox, path)
                row.base = saved
                lu.assertTrue(result.status == 2 or result.status == 1, api .. mangled)
                lu.assertStrContains(result.err .. result.out, word)
            end
        end
    end
    lu.assertEquals(#sandbox:writes(), 0)
    lu.assertEquals(canonical.text(sandbox:ask "state"), before)
end

function tests.test_a_number_may_lose_its_plus_where_that_is_meant_and_its_agent_is_named()
    local bolna = first("bolna", function(trunk)
        return #trunk.phone_numbers > 0 and trunk.phone_numbers[1].agent_id ~= nil
            and trunk.phone_numbers[1].agent_id ~= json.null and trunk.phone_numbers[1].phone_number:find "^%+" ~= nil
    end)
    local path = editing.export(sandbox, "jsonl", "bolna")
    local number = bolna.phone_numbers[1].phone_number
    editing.change(path, "bolna", bolna.id, function(row)
        for _, each in ipairs(row.numbers) do
            each.value = each.value == number and number:sub(2) or each.value
        end
    end)
    local refused = editing.apply(sandbox, path)
    lu.assertEquals(refused.status, 1)
    lu.assertStrContains(refused.items[bolna.id].error.message,
        ("numbers: %s looks like %s after a spreadsheet removed the plus (refused unless --grant numbers"):format(
            number:sub(2), number))
    local granted = editing.apply(sandbox, path, "--grant numbers")
    lu.assertEquals(granted.status, 0, granted.err .. granted.out)
    lu.assertStrContains(granted.err, ("removed %s and its link to agent %s"):format(number,
        bolna.phone_numbers[1].agent_id))
end

--- Texts that were numbers or dates to a spreadsheet.
function tests.test_a_label_that_a_spreadsheet_has_changed_is_asked_about()
    for before, after in pairs { ["3-24"] = "Mar-24", ["007"] = "7", ["10.10"] = "10.1", ["1E5"] = "100000",
        ["12345678901234567"] = "12345678901234500" } do
        sandbox:reset()
        local path = editing.export(sandbox, "jsonl", "famulor")
        editing.change(path, "famulor", "42", function(row) row.label = before end)
        lu.assertEquals(editing.apply(sandbox, path).status, 0, before)
        path = editing.export(sandbox, "jsonl", "famulor")
        editing.change(path, "famulor", "42", function(row) row.label = after end)
        local result = editing.apply(sandbox, path)
        lu.assertEquals(result.status, 1, before)
        lu.assertStrContains(result.items["42"].error.message, ("label: %s looks like %s after a spreadsheet"):format(
            after, before))
        lu.assertEquals(trunks("famulor")[1].nickname, before)
        lu.assertEquals(editing.apply(sandbox, path, "--grant label").status, 0)
    end
end

function tests.test_what_changes_between_plan_and_sending_is_seen()
    sandbox:reset { latency = 15 }
    local path = editing.export(sandbox, "jsonl", "famulor")
    local rows = editing.rows(path)
    for _, row in ipairs(rows) do row.label = "Edited" end
    editing.save(path, rows)
    local task = trunkhost.spawn(function()
        while #sandbox:writes() == 0 do trunkhost.sleep(0.01) end
        trunkhost.http.request { method = "PUT", url = sandbox:url "famulor" .. "/user/phone-numbers/sip-trunks/57",
            headers = { Authorization = "Bearer sandbox" }, json = { nickname = "Somebody else" } }
    end)
    local result = trunkhost.process.run { os.getenv "TRUNKHOST" or "build/release/trunkhost", "-c", sandbox:config(),
        "--ledger", sandbox:ledger_path(), "scripts/apply_trunks.lua", path, "--yes", "--json", "-j", "1" }
    task:await()
    lu.assertEquals(result.status, 1, result.err)
    lu.assertStrContains(result.out, "changed after it was planned")
    lu.assertEquals(trunks("famulor")[12].nickname, "Somebody else")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "apply_trunks", tests } })
