--- `trunkhost secrets list`, and what a terminal gets from `secrets export`: what is known of the passwords, and none.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local past <const> = require "past"
local program <const> = require "program"

local tests = {}
local world

function tests.setUp()
    world = past.lived()
    world:password(3, past.FIRST, nil, "ST_7", { account = "vatel", provider = "vatel" })
    world:write()
end

function tests.tearDown()
    world:close()
end

function tests.test_a_list_shows_what_is_known_without_a_private_key()
    os.remove(world.folder .. "/ledger.key")
    local out <const> = world:out "secrets list"
    lu.assertStrContains(out, "EVIDENCE\n")
    lu.assertStrMatches(out, ".*famulor%-prod +42 +sip_password +current +[^\n]* reprovisioned\n.*")
    lu.assertStrContains(out, "ST_7")
    lu.assertEquals(past.lines(out), 4)
end

function tests.test_each_password_is_one_object_with_all_members_in_order()
    lu.assertEquals(world:out "secrets list --account vatel --json",
        [[{"account":"vatel","provider":"vatel","trunk":"ST_7","field":"sip_password","state":"candidate",]]
        .. [["evidence":"","created_at":"2025-01-31T10:00:02.000Z","changed_at":"2025-01-31T10:00:02.000Z",]]
        .. [["proven_at":null,"delivered_at":null,"run":"]] .. past.FIRST .. '"}\n')
end

function tests.test_a_list_can_be_narrowed()
    lu.assertNotStrContains(world:out "secrets list --trunk 42 --account=all", "ST_7")
    local nothing <const> = world:look "secrets list --trunk 4711"
    lu.assertEquals({ nothing.status, nothing.out }, { 0, "" })
    lu.assertStrContains(nothing.err, "has no such secret")
end

function tests.test_an_account_that_the_ledger_has_never_heard_of_is_an_error()
    world:complains("secrets list --account vatl --json", [[has no account vatl (did you mean "vatel"?)]])
    world:complains("secrets list --acount vatel", "did you mean '--account'?")
end

function tests.test_a_terminal_gets_the_list_and_no_password()
    local out <const> = program.shell(("script -qec '%s --ledger %s secrets export --account famulor-prod' /dev/null "
        .. "</dev/null"):format(program.executable, world.ledger))
    lu.assertStrContains(out, "reprovisioned")
    lu.assertStrContains(out, "A terminal does not get the passwords.")
end

function tests.test_what_is_wrong_with_an_export_to_a_terminal_is_said_of_the_export()
    local out <const> = program.shell(("script -qec '%s --ledger %s secrets export --account vatl' /dev/null "
        .. "</dev/null"):format(program.executable, world.ledger))
    lu.assertStrContains(out, "trunkhost: secrets export: ")
end

function tests.test_a_trunk_without_a_name_is_an_error_of_one_line()
    world:complains("secrets list --trunk ''", "--trunk does not take ''")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "secrets_list", tests } })
