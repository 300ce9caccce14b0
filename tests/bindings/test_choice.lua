--- Which trunks a run works on: --match with its alternatives and its no, ids in any spelling, and what is said when
--- nothing is chosen.

package.path = "tests/support/?.lua;" .. package.path
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local program <const> = require "program"

local tests = {}

local function list(arguments)
    local result = program.run("--sandbox list_trunks.lua --json " .. arguments)
    result.ids = {}
    for line in result.out:gmatch "[^\n]+" do
        table.insert(result.ids, tostring(json.decode(line).id))
    end
    table.sort(result.ids)
    return result
end

function tests.test_a_bar_stands_between_alternatives_and_a_backslash_makes_it_one()
    lu.assertEquals(list("--account famulor --match 'id=42|43'").ids, { "42", "43" })
    lu.assertEquals(list("--account famulor --match 'id=42|43' --match 'id=43|45'").ids, { "43" })
    lu.assertEquals(list("--account famulor --match 'id=4?|nothing' --match 'id!=42'").ids,
        list("--account famulor --match 'id=4?' --match 'id!=42'").ids)
    lu.assertEquals(#list("--account famulor --match 'label=Front|desk'").ids, 0)
    lu.assertEquals(#list("--account famulor --match 'label=Front\\|desk'").ids, 0)
    lu.assertEquals(#list("--account famulor --match 'label=x\\|y|Front desk'").ids, 2)
end

function tests.test_no_leaves_out_what_matches_and_holds_together_with_other_rules()
    local all = list "--account famulor".ids
    local others = list("--account famulor --match 'id!=42|43'").ids
    lu.assertEquals(#others, #all - 2)
    lu.assertNotStrContains(table.concat(others, " "), "42")
    lu.assertEquals(#list("--account famulor --match 'id!=*'").ids, 0)
    lu.assertEquals(list("--account famulor --match label=Front*").ids,
        list("--account famulor --match 'label!=x' --match 'label=Front*'").ids)
end

function tests.test_what_hits_nothing_is_said_with_what_was_nearly_hit()
    local boolean
    for arguments, hint in pairs {
        ["--account famulor --match 'label=front*'"] = "did you mean 'label=Front desk'?",
        ["--account vatel --match register=True"] = "did you mean 'register=true'?",
        ["--account vatel --match register=yes"] = "did you mean 'register=true'?",
        ["--account vatel --match register=1"] = "did you mean 'register=true'?",
        ["--account vatel --match register=No"] = "did you mean 'register=false'?",
        ["--account famulor --match id=4711"] = "--match 'id=4711' matches no trunk\n",
        ["--account famulor --match 'id!=*'"] = "--match 'id!=*' matches no trunk\n",
        ["--account famulor --match id=42 --match id=43"] = "no trunk matches every --match",
    } do
        local result = program.ok(list(arguments))
        lu.assertEquals(#result.ids, 0, arguments)
        lu.assertStrContains(result.err, hint)
        boolean = boolean or hint:find "true" ~= nil
    end
    lu.assertTrue(boolean)
    lu.assertEquals(list("--account famulor --match 'label=Front*'").err, "")
end

function tests.test_with_fail_if_none_nothing_chosen_is_status_1_for_a_listing_and_for_a_job()
    lu.assertEquals(list("--account famulor --match id=4711 --fail-if-none").status, 1)
    lu.assertEquals(list("--account famulor --match id=42 --fail-if-none").status, 0)
    local job = "--sandbox rotate_passwords.lua --account famulor --yes --json --fail-if-none --match id="
    lu.assertEquals(program.run(job .. "4711").status, 1)
    lu.assertEquals(program.run(job .. "42").status, 0)
    lu.assertEquals(program.run((job:gsub("%-%-fail%-if%-none ", "")) .. "4711").status, 0)
end

function tests.test_a_uuid_is_the_same_in_capitals_and_the_platforms_spelling_is_used_from_there_on()
    local id = list "--account vatel".ids[1]
    lu.assertStrMatches(id, "[%x-]+")
    lu.assertNotEquals(id:upper(), id)
    lu.assertEquals(list("--account vatel --only " .. id:upper()).ids, { id })
    lu.assertEquals(program.run(("--sandbox list_trunks.lua --account vatel --only %s0"):format(id:upper())).status, 2)
end

function tests.test_the_commands_of_the_ledger_take_a_uuid_in_capitals()
    local folder <const> = program.folder()
    local ledger = ("--sandbox --ledger %s/l.db "):format(folder)
    local trunks = program.run(ledger .. "list_trunks.lua --account vatel --json --match register=true").out
    local id = json.decode(trunks:match "^[^\n]+").id
    lu.assertEquals(program.run(ledger .. "rotate_passwords.lua --account vatel --yes --only " .. id:upper()).status, 0)
    ledger = ("--ledger %s/l.db "):format(folder)
    local told = program.ok(program.run(ledger .. "explain " .. id:upper()))
    lu.assertEquals(told.out, program.run(ledger .. "explain " .. id).out)
    for _, command in ipairs { "secrets export --json --account vatel --trunk ", "secrets list --json --trunk " } do
        local result = program.run(ledger .. command .. id:upper())
        lu.assertStrContains(result.out, id)
        lu.assertEquals(result.out, program.run(ledger .. command .. id).out)
    end
    program.remove(folder)
end

function tests.test_a_file_of_passwords_takes_a_uuid_in_capitals()
    local folder <const> = program.folder()
    local trunks = program.run("--sandbox list_trunks.lua --account vatel --json --match register=true").out
    local id = json.decode(trunks:match "^[^\n]+").id
    program.write(folder .. "/p.csv", ("trunk,field,password\n%s,outbound_sip_password,dictated-password-1\n"):format(
        id:upper()), "600")
    local result = program.run(("--sandbox rotate_passwords.lua --account vatel --yes --json --passwords %s/p.csv")
        :format(folder))
    lu.assertEquals(result.status, 0, result.err)
    lu.assertStrContains(result.out, ('"trunk":"%s","state":"done"'):format(id))
    program.remove(folder)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "choice", tests } })
