--- Two names for one account at a platform: every job over both is refused before anything is changed.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local http_server <const> = require "http_server"
local trunkhost <const> = require "trunkhost"

local tests = {}
local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none")

function tests.setUp()
    start()
    program.write(sandbox.folder .. "/one", "sandbox\n", "600")
    program.write(sandbox.folder .. "/two", "sandbox\n", "600")
end

--- A configuration of these accounts: name → { provider, url, token file }.
local function configured(accounts)
    local lines = { "return { accounts = {" }
    for name, account in pairs(accounts) do
        lines[#lines + 1] = ("[%q] = { provider = %q, base_url = %q, token = { file = %q }, rate = {} },"):format(name,
            account[1], account[2], sandbox.folder .. "/" .. account[3])
    end
    lines[#lines + 1] = "} }"
    program.write(sandbox.folder .. "/config.lua", table.concat(lines, "\n"))
    return ("-c %s/config.lua --ledger %s/ledger.db "):format(sandbox.folder, sandbox.folder)
end

local function run(accounts, arguments)
    return program.run(configured(accounts) .. arguments)
end

local function assert_refused(result, ...)
    lu.assertEquals(result.status, 2, result.out .. result.err)
    for _, words in ipairs { ..., "one account at the platform", "--account" } do
        lu.assertStrContains(result.err, words)
    end
    for _, request in ipairs(sandbox:ask "log") do
        lu.assertEquals(request.method, "GET")
    end
end

local ROTATE <const> = "scripts/rotate_passwords.lua --account all --yes --json"

local SAME <const> = "the accounts a and b have the same token and the same address"

function tests.test_one_token_at_one_address_is_refused_before_anything_is_sent()
    local url = sandbox:url "famulor"
    for _, other in ipairs { url .. "/", url:gsub("http", "HTTP"), url:gsub("127.0.0.1", "LOCALHOST") .. "//" } do
        assert_refused(run({ a = { "famulor", url, "one" }, b = { "famulor", other, "two" } }, ROTATE), SAME)
    end
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_every_job_refuses_it()
    local url = sandbox:url "famulor"
    for _, arguments in ipairs { "scripts/rotate_passwords.lua --account a --account b --yes",
        ROTATE .. " --only 42", ROTATE .. " --dry-run", "scripts/list_trunks.lua --account all",
        "scripts/disable_carrier.lua --carrier x --account all --yes",
        "-e 'trunkhost = require \"trunkhost\" trunkhost.job.run { name = \"x\", plan = function() return { "
            .. "changes = { nickname = \"x\" } } end }' --account all --yes" } do
        assert_refused(run({ a = { "famulor", url, "one" }, b = { "famulor", url, "two" } }, arguments), SAME)
    end
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_one_of_them_alone_and_two_apis_of_one_platform_are_no_twins()
    local url = sandbox:url "famulor"
    program.ok(run({ a = { "famulor", url, "one" }, b = { "famulor", url, "two" } },
        "scripts/rotate_passwords.lua --account b --yes --json"))
    local result = program.run(("-c %s --ledger %s scripts/rotate_passwords.lua --account bolna --account bolna_trunk "
        .. "--account vatel --yes --json"):format(sandbox:config(), sandbox:ledger_path()))
    lu.assertStrContains(result.out, '"failed":0,"unknown":0')
end

function tests.test_a_migration_and_an_export_between_them_are_refused()
    local url = sandbox:url "bolna"
    local twins = { a = { "bolna", url, "one" }, b = { "bolna", url .. "/", "two" } }
    local result = run(twins, "scripts/migrate_trunks.lua --from a --to b --yes")
    lu.assertEquals(result.status, 2, result.err)
    lu.assertStrContains(result.err, "--from a --to b: both have trunk ")
    assert_refused(run(twins, "scripts/export_trunks.lua --account all"))
end

function tests.test_the_sandbox_refuses_what_the_real_run_would_refuse()
    local twins = { a = { "famulor", "https://x.example.com/api", "one" }, b = { "famulor",
        "https://X.example.com:443/api/", "one" }, c = { "famulor", "https://x.example.com/api", "two" } }
    local result = run(twins, "--sandbox=limits=none " .. ROTATE)
    assert_refused(result, "the accounts a and b have the same token")
    result = run(twins, "--sandbox=limits=none scripts/rotate_passwords.lua --account a --account c --yes --json")
    lu.assertEquals(result.status, 0, result.err)
end

function tests.test_doctor_says_it()
    local url = sandbox:url "famulor"
    local twins = { a = { "famulor", url, "one" }, b = { "famulor", url, "two" } }
    for _, arguments in ipairs { "doctor --json", "doctor --offline --json" } do
        local result = run(twins, arguments)
        lu.assertEquals(result.status, 1, result.err)
        lu.assertStrContains(result.out, '"check":"twins","state":"wrong","message":"' .. SAME)
    end
    lu.assertNotStrContains(run({ a = twins.a }, "doctor --json").out, "twins")
end

-- ---------------------------------------------------------------------------------------------------
-- Two tokens, one account

--- other: the path of the second account at the same server, which stands for another address.
local function with_two_tokens(lists, arguments, check, other)
    program.write(sandbox.folder .. "/two", "another\n", "600")
    local writes = 0
    local server <close> = http_server.start(function(request)
        writes = writes + (request.method == "GET" and 0 or 1)
        local list = lists[request.headers.authorization:match "%S+$"]
        return { body = request.target:find "/sip%-trunks$" and ('{"data":[%s]}'):format(list) or "{}" }
    end)
    local accounts = { a = { "famulor", server.url, "one" }, b = { "famulor", server.url .. (other or ""), "two" } }
    local words = { program.executable }
    for word in (configured(accounts) .. arguments):gmatch "%S+" do words[#words + 1] = word end
    check(trunkhost.process.run(words))
    lu.assertEquals(writes, 0)
end

local function listed(id, created)
    return ('{"id":%d,"sip_username":"u","created_at":"%s"}'):format(id, created)
end

function tests.test_two_tokens_that_list_one_trunk_are_refused_before_anything_is_changed()
    local lists = { sandbox = listed(1, "x") .. "," .. listed(2, "x"),
        another = listed(2, "x") .. "," .. listed(3, "x") }
    for _, arguments in ipairs { ROTATE, ROTATE .. " --only 1" } do
        with_two_tokens(lists, arguments, function(result)
            lu.assertEquals(result.status, 2, result.out .. result.err)
            lu.assertStrContains(result.err, "the accounts a and b have the same address and both have trunk 2")
        end)
    end
    with_two_tokens(lists, "doctor --json", function(result)
        lu.assertEquals(result.status, 1)
        lu.assertStrContains(result.out, '"check":"twins","state":"wrong"')
        lu.assertStrContains(result.out, "both have trunk 2")
    end)
end

function tests.test_one_account_at_two_addresses_is_known_by_its_trunks()
    for _, address in ipairs { "/v2", "/proxied/api" } do
        local lists = { sandbox = listed(1, "x") .. "," .. listed(2, "y"), another = listed(2, "y") }
        with_two_tokens(lists, ROTATE, function(result)
            lu.assertEquals(result.status, 2, result.out .. result.err)
            lu.assertStrContains(result.err, "the accounts a and b have the same provider and both have trunk 2")
        end, address)
        lists.another = listed(2, "another time")
        with_two_tokens(lists, ROTATE .. " --dry-run", function(result)
            lu.assertEquals(result.status, 0, result.out .. result.err)
        end, address)
    end
end

function tests.test_two_platforms_that_show_no_time_of_creation_are_two()
    local list <const> = '{"id":1,"sip_username":"u","created_at":null}'
    with_two_tokens({ sandbox = list, another = list }, ROTATE .. " --dry-run", function(result)
        lu.assertEquals(result.status, 0, result.out .. result.err)
    end, "/v2")
end

function tests.test_two_accounts_with_trunks_of_their_own_are_two()
    for _, other in ipairs { listed(3, "x"), listed(1, "another time") } do
        with_two_tokens({ sandbox = listed(1, "x"), another = other }, ROTATE .. " --dry-run", function(result)
            lu.assertEquals(result.status, 0, result.out .. result.err)
            lu.assertStrContains(result.out, '"total":2')
        end)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "twin_accounts", tests } })
