--- The configuration: a mistake is one clear line before anything is done.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"

local tests = {}

local folder <const> = program.folder_for_each(tests)

--- Runs a line of Lua with this configuration.
local function with(config, code, env)
    program.write(folder .. "/config.lua", config)
    return program.run(("-c %s/config.lua -e %s"):format(folder,
        program.quote(code or "print(require 'trunkhost'.account 'a')")), { env = env })
end

local function assert_refused(config, words, code, env)
    local result = with(config, code, env)
    lu.assertEquals(result.status, 2, result.err)
    lu.assertEquals(select(2, result.err:gsub("\n", "")), 1, result.err)
    lu.assertStrContains(result.err, words)
    lu.assertNotStrContains(result.err, "stack traceback")
end

--- An account with these members besides.
local function account(members)
    return ('return { accounts = { a = { provider = "famulor", token = { env = "T" }, %s } } }'):format(members)
end

local GOOD <const> = 'return { accounts = { a = { provider = "famulor", token = { env = "T" } } } }'

function tests.test_a_good_one_works()
    local result = program.ok(with(GOOD, nil, { T = "token" }))
    lu.assertStrContains(result.out, "account a (famulor)")
end

function tests.test_every_mistake_is_one_line()
    assert_refused("return 1 +", "cannot read the configuration")
    assert_refused("return nil", "must return a table")
    assert_refused("error 'oh'", "failed")
    assert_refused("return { accounts = {} , extra = 1 }", "unknown member 'extra'")
    assert_refused("return { acounts = {} }", "did you mean 'accounts'?")
    assert_refused('return { accounts = { a = { provider = "famulor" } } }', "has no token")
    assert_refused('return { accounts = { a = { provider = "famulor", token = "abc" } } }',
        "do not write a token into this file")
    assert_refused(account "concurency = 2", "did you mean 'concurrency'?")
    assert_refused(account "rate = { { 0, per = 1 } }", "window 1 must be")
    assert_refused(account "http = 2", "http must be")
    assert_refused((GOOD:gsub("a = {", '["a b"] = {')), "a name is made of")
end

function tests.test_eight_rate_windows_are_read()
    local windows = ("{ 100, per = 60 }, "):rep(8)
    lu.assertEquals(with(account(("rate = { %s }"):format(windows)), nil, { T = "x" }).status, 0)
    assert_refused(account(("rate = { %s { 1, per = 1 } }"):format(windows)), "more than 8 windows")
end

function tests.test_all_mistakes_are_listed_at_once()
    local result = with('return { accounts = { a = { token = 1, timeout = -1, concurrency = 0 } } }')
    for _, words in ipairs { "no provider", "token must", "timeout must", "concurrency must" } do
        lu.assertStrContains(result.err, words)
    end
end

function tests.test_an_unknown_account_is_named_with_a_suggestion()
    assert_refused(GOOD:gsub("a = {", "famulor_prod = {"), "did you mean 'famulor_prod'?",
        "require 'trunkhost'.account 'famulor-prod'", { T = "x" })
    assert_refused(GOOD, "there is no account 'zzz'; there are: a", "require 'trunkhost'.account 'zzz'", { T = "x" })
end

function tests.test_a_missing_token_names_where_it_was_looked_for()
    assert_refused(GOOD, "the environment variable T is not set")
    assert_refused(GOOD:gsub('env = "T"', 'file = "/nonexistent/token"'), "/nonexistent/token")
    assert_refused(GOOD:gsub('env = "T"', 'command = { "false" }'), "false")
    assert_refused(GOOD:gsub('env = "T"', 'command = { "nosuchcommand-x" }'), "nosuchcommand-x")
end

function tests.test_a_token_file_that_others_can_read_is_refused()
    program.write(folder .. "/token", "abc\n", "644")
    assert_refused(GOOD:gsub('env = "T"', ('file = "%s/token"'):format(folder)), "chmod 600")
    program.write(folder .. "/token", "abc\n", "600")
    program.ok(with((GOOD:gsub('env = "T"', ('file = "%s/token"'):format(folder)))))
end

function tests.test_a_token_file_in_the_credentials_folder_is_private_already()
    program.write(folder .. "/token", "abc\n", "644")
    program.ok(with(GOOD:gsub('env = "T"', ('file = "%s/token"'):format(folder)), nil,
        { CREDENTIALS_DIRECTORY = folder }))
end

function tests.test_a_token_can_come_from_a_command()
    program.ok(with((GOOD:gsub('env = "T"', 'command = { "printf", "tok\\nsecond line" }'))))
end

function tests.test_a_token_with_a_line_break_is_refused()
    assert_refused(GOOD, "the token contains a blank", nil, { T = "a b" })
end

function tests.test_plain_http_is_for_loopback_only()
    assert_refused(GOOD:gsub("token =", 'base_url = "http://example.com/api", token ='), "http", nil, { T = "x" })
    program.ok(with(GOOD:gsub("token =", 'base_url = "http://127.0.0.1:1/api", token ='), nil, { T = "x" }))
end

function tests.test_the_file_sees_only_env()
    program.ok(with([[
        local seen = os or io or require or print or _G or pcall or env.NOT_THERE
        local a = { provider = "famulor", token = { env = "T" }, base_url = env.URL }
        return seen and "too much" or { accounts = { a = a } }]], nil, { T = "x", URL = "https://example.com/api" }))
    assert_refused("env.T = 'changed' return {}", "env is read-only")
end

function tests.test_a_configuration_that_was_named_must_exist()
    local result = program.run("-c /nonexistent.lua -e \"require 'trunkhost'.account 'a'\"")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "/nonexistent.lua")
end

function tests.test_without_a_file_the_token_variables_make_accounts()
    local code = "-e \"print(table.concat(require 'trunkhost'.accounts(), ' '))\""
    lu.assertEquals(program.run(code, { env = { FAMULOR_TOKEN = "x", VATEL_TOKEN = "y" } }).out, "famulor vatel\n")
    lu.assertEquals(program.run(code).out, "\n")
    lu.assertEquals(program.run("--sandbox " .. code).out, "autocalls bolna bolna_trunk famulor vatel\n")
end

function tests.test_a_provider_of_ones_own_lies_beside_the_configuration()
    os.execute(("mkdir %s/providers"):format(folder))
    local config = GOOD:gsub('"famulor"', '"mine"')
    assert_refused(config, "there is no provider 'mine'", nil, { T = "x" })
    program.write(folder .. "/providers/mine.lua", [[return {
        name = "mine", title = "Mine", base_url = "https://example.com", auth = "bearer", id = "integer",
        limits = { source = "none" }, evidence = {}, secrets = {},
        errors = { message = { "error" } },
        objects = { trunk = { fields = { id = { type = "integer", read = true } } } },
        endpoints = { list = { "GET", "/trunks", returns = "list" }, get = { "GET", "/trunks/{id}" } },
    }]])
    local result = program.ok(with(config, nil, { T = "x" }))
    lu.assertStrContains(result.out, "account a (mine)")
    program.write(folder .. "/providers/mine.lua", "return { name = 'other' }")
    assert_refused(config, "calls itself 'other'", nil, { T = "x" })
    program.write(folder .. "/providers/mine.lua", "return { name = 'mine', titel = 'x' }")
    local faulty = with(config, nil, { T = "x" })
    lu.assertEquals(faulty.status, 2)
    for _, words in ipairs { "titel", "base_url", "endpoints" } do lu.assertStrContains(faulty.err, words) end
end

-- --- where it is found ----------------------------------------------------------------------------

local function names(env)
    return program.run("-e " .. program.quote "print(table.concat(require 'trunkhost'.accounts(), ' '))", { env = env })
end

function tests.test_one_that_is_there_and_cannot_be_read_is_an_error()
    local place <const> = folder .. "/trunkhost/config.lua"
    local env <const> = { XDG_CONFIG_HOME = folder, FAMULOR_TOKEN = "x" }
    os.execute("mkdir -p " .. folder .. "/trunkhost")
    lu.assertEquals(names(env).out, "famulor\n")
    for _, make in ipairs { "ln -s nowhere " .. place, "mkdir " .. place, "ln -s config.lua " .. place } do
        os.execute(make)
        local result <const> = names(env)
        lu.assertEquals(result.status, 2, make)
        lu.assertStrContains(result.err, "cannot read the configuration", false, make)
        lu.assertStrContains(result.err, place)
        os.execute("rm -rf " .. place)
    end
end

function tests.test_an_option_with_one_value_is_given_once()
    program.write(folder .. "/config.lua", "return { accounts = {} }")
    local c <const>, l <const> = "-c " .. folder .. "/config.lua ", "--ledger " .. folder .. "/l.db "
    for _, arguments in ipairs { c .. c .. "doctor", c .. "--config=/dev/null doctor", l .. l .. "runs",
        "--log-level info --log-level=warn doctor",
        "--log-format text --log-format text doctor", "--max-memory 1G --max-memory 2G doctor",
        "--drain 5 --drain 6 doctor", "--sandbox=trunks=1 --sandbox=trunks=2 doctor",
        l .. "secrets list --account a --account b" } do
        local result <const> = program.run(arguments)
        lu.assertEquals(result.status, 2, arguments)
        lu.assertStrContains(result.err, "is given twice", false, arguments)
    end
end

function tests.test_a_ledger_is_a_file_and_no_address()
    for _, address in ipairs { "postgresql://operator:hush-hush@db/ledger", "mysql://db", "file:///tmp/l.db" } do
        local result <const> = program.run("--ledger " .. address .. " runs")
        lu.assertEquals(result.status, 2, address)
        lu.assertStrContains(result.err, "the ledger is a file", false, address)
        lu.assertNotStrContains(result.err, "hush-hush")
    end
end

-- --- mounted secrets ------------------------------------------------------------------------------

function tests.test_a_mounted_secret_may_be_readable_by_all()
    local mount <const> = folder .. "/mounted"
    os.execute("mkdir " .. mount)
    program.write(folder .. "/config.lua", ([[return { accounts = { a = { provider = "famulor",
        token = { file = "%s/token" } } } }]]):format(mount))
    -- As Kubernetes lays it out.
    local script <const> = ([[mount -t tmpfs none %s && cd %s && mkdir ..1
        echo tok > ..1/token && chmod 444 ..1/token
        ln -s ..1 ..data && ln -s ..data/token token && cd / && ]]):format(mount, mount)
    local function run(more)
        local around <const> = "unshare -rm sh -c " .. program.quote(script .. more .. ' "$@"') .. " sh"
        return program.run("-c " .. folder .. "/config.lua -e " .. program.quote "require 'trunkhost'.account 'a'",
            { around = around })
    end
    if not os.execute "unshare -rm true 2>/dev/null" then
        lu.skip "this machine lets nobody mount"
    end
    lu.assertEquals(run(("mount -o remount,ro none %s && exec"):format(mount)).status, 0)
    local writable <const> = run "exec"
    lu.assertEquals(writable.status, 2)
    lu.assertStrContains(writable.err, "can be read by others")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "config", tests } })
