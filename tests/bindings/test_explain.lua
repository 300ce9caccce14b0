--- `trunkhost explain`: the history of a trunk.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local past <const> = require "past"

local tests = {}
local world

function tests.tearDown()
    if world then world:close() end
    world = nil
end

local function line_with(text, part)
    for line in text:gmatch "[^\n]+" do
        if line:find(part, 1, true) then return line end
    end
    error(part .. " is not in:\n" .. text)
end

function tests.test_a_trunk_is_explained_in_order_of_time_without_its_passwords()
    world = past.lived()
    local out <const> = world:out "explain 42 --account famulor-prod"
    local at = 1
    for _, text in ipairs { "item begun", "3 requests", "reprovisioned", "item ended", past.KILLED,
        "no end on record" } do
        at = out:find(text, at, true)
        lu.assertNotNil(at, ("'%s' is not where it should be in\n%s"):format(text, out))
    end
    for _, text in ipairs { "PUT update", "ok, HTTP 200", "sip_password, secret 1",
        "sip_password on famulor-prod: secret 1 is current since 2025-01-31 10:00:04 UTC (reprovisioned).\n",
        "sip_password on famulor-prod: secret 2 may be live",
        "half-way      the run ended in the middle of it: it may have happened; {\"sip_password\":\"new\"}\n",
        [[{"phone_number":"4711","b":1,"a":2}]] } do -- of an item of that name
        lu.assertStrContains(out, text)
    end
    lu.assertNotStrContains(out, "vatel")
    lu.assertStrContains(world:out "explain 42", "refused (HTTP 422): too short")
    lu.assertEquals(world:out "explain 42", world:out "explain 42 --account all")
end

-- A platform that has taken a password, and a carrier that registers with it a while later.
function tests.test_each_proof_is_told_at_its_own_time()
    world = past.new()
    world:run("r1", past.NOBODY, { status = 0, ended_at = "2025-01-31T10:00:10.000Z" })
    world:item(1, "r1", "famulor-prod", "42", "done")
    world:attempt(1, "r1", 1, "42")
    world:password(1, "r1", 1, "42", { state = "current", evidence = "registered",
        created_at = "2025-01-31T10:00:00.000Z", proven_at = "2025-01-31T10:00:01.000Z",
        changed_at = "2025-01-31T10:00:09.000Z" })
    world:write()
    local out = world:out "explain 42"
    lu.assertNotStrContains(line_with(out, "2025-01-31 10:00:01.000  famulor-prod  r1   sip_password"), "registered")
    lu.assertStrContains(line_with(out, "2025-01-31 10:00:09.000"), "registered")
    lu.assertStrContains(out, "secret 1 is current since 2025-01-31 10:00:01 UTC (registered, known since \z
        2025-01-31 10:00:09 UTC).\n")
    -- Its time goes when another one takes its place, and with it that of the proof.
    world:sql "UPDATE secrets SET state = 'previous', changed_at = '2025-01-31T11:00:00.000Z'"
    out = world:out "explain 42"
    lu.assertNotStrContains(line_with(out, "2025-01-31 10:00:01.000  famulor-prod  r1   sip_password"), "registered")
    lu.assertStrContains(line_with(out, "2025-01-31 11:00:00.000"), "until then proven by: registered")
end

function tests.test_a_name_that_no_trunk_can_have_is_an_error_of_one_line()
    world = past.lived()
    world:complains("explain ''", "TRUNK does not take ''")
    world:complains("explain \"$(printf '\\033[31m\\377')\"", [[\x1b[31m\xff]])
end

function tests.test_an_explanation_as_json_is_one_event_a_line()
    world = past.lived()
    local kinds <const>, last = { item = 0, secret = 0, attempt = 0, create = 0 }, ""
    for _, line in ipairs(world:objects "explain 42 --json") do
        kinds[line.event] = kinds[line.event] + 1
        local time <const> = line.event == "item" and line.started_at or line.created_at or line.started_at
        lu.assertTrue(last <= time)
        last = time
    end
    lu.assertEquals(kinds, { item = 3, secret = 2, attempt = 3, create = 1 })
    lu.assertStrMatches(line_with(world:out "explain 42 --json", '"secret":2'), '{"event":"secret","secret":2,"run":"'
        .. past.KILLED:gsub("%-", "%%-") .. '","account":"famulor%-prod","trunk":"42","field":"sip_password",'
        .. '"state":"candidate","evidence":null,"created_at":"[^"]+","changed_at":"[^"]+","proven_at":null,'
        .. '"delivered_at":null,"attempt":2}')
end

function tests.test_a_trunk_that_nothing_is_known_of_is_said()
    world = past.lived()
    world:complains("explain 4711", "knows nothing of a trunk 4711")
    world:complains("explain 42 --account=nobody", "knows nothing of a trunk 42 on nobody")
end

function tests.test_wrong_use_is_one_line_and_status_2()
    world = past.new()
    world:complains("explain", "missing argument 'TRUNK'")
    world:complains("explain 42 --acount x", "unknown option '--acount' (did you mean '--account'?)")
    world.ledger = world.folder .. "/none.db"
    world:complains("explain 42", "it is not there. Make one with: trunkhost secrets init")
    lu.assertNil(io.open(world.ledger))
end

function tests.test_help_is_on_standard_output()
    world = past.new()
    lu.assertStrContains(world:out "explain --help", "explain [option...] TRUNK")
end

function tests.test_a_failing_output_is_said()
    world = past.lived()
    for _, words in ipairs { "explain 42", "explain 42 --json" } do
        local result <const> = world:look(words, { around = "sh -c 'exec \"$@\" >/dev/full' sh" })
        lu.assertEquals(result.status, 2)
        lu.assertStrContains(result.err, "cannot write to standard output")
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "explain", tests } })
