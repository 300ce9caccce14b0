--- A create without a complete answer is sent once, whenever what it has made shows: by the same run, by a later one,
--- or never. The platform is one whose lists are behind.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local eventual_platform <const> = require "eventual_platform"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local TRUNKS <const> = "/sip-trunks/trunks"
program.haste = 10

local tests <const> = {}

program.haste = 10

--- Answers after which nobody knows whether it has happened.
local DOUBTS <const> = {
    gateway_timeout = { status = 504, body = "" },
    cut = { drop = true },
    accepted = { status = 202, headers = { "Content-Type: application/json" }, body = "{}" },
    no_success = { status = 200, headers = { "Content-Type: application/json" }, body = '{"success":false}' },
    empty = { status = 201, body = "" },
    nothing = { status = 200, headers = { "Content-Type: application/json" }, body = "null" },
    without_id = { status = 201, headers = { "Content-Type: application/json" }, body = '{"name":"One"}' },
    id_of_another_type = { status = 201, headers = { "Content-Type: application/json" }, body = '{"id":{}}' },
}

local function migrate(platform, ...)
    return platform:run("migrate_trunks.lua", "--from", "old", "--to", "new", "--secrets", "generate", "--yes",
        "--json", ...)
end

local function undo(platform, run)
    return platform:run("migrate_trunks.lua", "--undo", run, "--yes", "--json")
end

--- States of the passwords in the ledger that belong to no trunk.
local function loose_passwords(platform)
    local states = {}
    local export = platform:run("secrets", "export", "--account", "new", "--json")
    for _, row in ipairs(events.lines(export.out)) do
        if row.trunk == "" then
            states[#states + 1] = row.state
        end
    end
    return table.concat(states, ",")
end

local function doubtful(answer)
    return function(platform)
        platform.on_post = function(path, made)
            if path == TRUNKS then
                made.hidden = true
                return answer
            end
        end
    end
end

function tests.test_what_shows_only_later_is_unknown_then_found_by_the_next_run_and_never_made_twice()
    for name, answer in pairs(DOUBTS) do
        local platform <close> = eventual_platform.start()
        platform:add_old("One", "+14155550101")
        doubtful(answer)(platform)
        local first = migrate(platform)
        lu.assertEquals(first.status, 1, name .. first.err)
        lu.assertEquals({ first.list[1].state, first.list[1].error.kind }, { "unknown", "unknown_outcome" }, name)
        lu.assertStrContains(first.list[1].error.message, "run again after", nil, name)
        lu.assertEquals(platform.posts[TRUNKS], 1, name)
        lu.assertEquals(loose_passwords(platform), "candidate", name)

        -- It still does not show: nothing is sent, and nothing is taken for absent.
        local second = migrate(platform)
        lu.assertEquals({ second.status, second.list[1].state }, { 1, "unknown" }, name .. second.err)
        lu.assertEquals(platform.posts[TRUNKS], 1, name)
        lu.assertEquals(loose_passwords(platform), "candidate", name)

        platform:show()
        platform.on_post = nil
        local third = migrate(platform)
        lu.assertEquals({ third.status, third.list[1].state, third.list[1].target }, { 0, "done", "t1" },
            name .. third.err)
        lu.assertEquals({ platform.posts[TRUNKS], #platform.trunks, #platform.trunks[1].numbers }, { 1, 1, 1 }, name)
        lu.assertEquals(loose_passwords(platform), "", name)
    end
end

function tests.test_a_target_that_cannot_be_read_fails_every_trunk_and_is_no_fault_of_the_script()
    local platform <close> = eventual_platform.start()
    platform:add_old("One", "+14155550101")
    for _, answer in ipairs { { status = 503, body = '{"message":"Maintenance"}' }, { body = '{"a":1}' } } do
        answer.headers = { "Content-Type: application/json" }
        platform.on_list = function() return answer end
        local result = migrate(platform)
        lu.assertEquals(result.status, 1, result.err)
        lu.assertEquals(result.list[1].state, "failed")
        lu.assertStrContains(result.list[1].error.message, "what new has cannot be read: ")
        lu.assertNotStrContains(result.err, "traceback")
    end
    lu.assertEquals(platform.posts, {})
end

function tests.test_what_shows_a_moment_later_is_done_in_the_same_run()
    local platform <close> = eventual_platform.start()
    platform:add_old("One", "+14155550101")
    doubtful(DOUBTS.gateway_timeout)(platform)
    local lists = 0
    platform.on_list = function()
        lists = lists + (platform.posts[TRUNKS] and 1 or 0)
        if lists == 3 then
            platform:show()
        end
    end
    local result = migrate(platform)
    lu.assertEquals({ result.status, result.list[1].state }, { 0, "done" }, result.err)
    lu.assertEquals({ platform.posts[TRUNKS], #platform.trunks }, { 1, 1 })
end

function tests.test_what_never_shows_is_sent_again_only_when_the_settle_time_is_over()
    local platform <close> = eventual_platform.start()
    platform:add_old("One", "+14155550101")
    platform.on_post = function(path)
        if path == TRUNKS then
            table.remove(platform.trunks)
            return { status = 504 }
        end
    end
    lu.assertEquals(migrate(platform).list[1].state, "unknown")
    platform.on_post = nil
    lu.assertEquals(migrate(platform).list[1].state, "unknown")
    lu.assertEquals(platform.posts[TRUNKS], 1)
    platform:configure(0)
    local result = migrate(platform)
    lu.assertEquals({ result.status, result.list[1].state }, { 0, "done" }, result.err)
    lu.assertEquals({ platform.posts[TRUNKS], #platform.trunks }, { 2, 1 })
    lu.assertEquals(loose_passwords(platform), "rejected")
end

--- Moves a migration whose create is in doubt to another time of day, as if the clock had been set since, and runs it
--- again. boot: also to another boot of the machine, of which only the time of day is known.
local function set_clock(platform, changed_at, boot)
    platform:configure(0)
    platform:add_old("One", "+14155550101")
    doubtful(DOUBTS.gateway_timeout)(platform)
    lu.assertEquals(migrate(platform).list[1].state, "unknown")
    program.ok(trunkhost.process.run { "sqlite3", platform.folder .. "/ledger.db",
        ("UPDATE creates SET changed_at = '%s'%s"):format(changed_at, boot and ", changed_boot = 'another 1'" or "") })
    platform:configure(300)
    platform.on_post = nil
    return migrate(platform).list[1].state
end

function tests.test_a_clock_that_was_put_back_proves_nothing()
    for _, boot in ipairs { true, false } do
        local platform <close> = eventual_platform.start()
        lu.assertEquals(set_clock(platform, "2999-01-01T00:00:00.000Z", boot), "unknown")
        lu.assertEquals(platform.posts[TRUNKS], 1)
    end
end

function tests.test_a_clock_that_was_put_ahead_proves_nothing()
    local platform <close> = eventual_platform.start()
    lu.assertEquals(set_clock(platform, "2001-01-01T00:00:00.000Z", false), "unknown")
    lu.assertEquals(platform.posts[TRUNKS], 1)
    local rebooted <close> = eventual_platform.start()
    lu.assertEquals(set_clock(rebooted, "2001-01-01T00:00:00.000Z", true), "done")
    lu.assertEquals(rebooted.posts[TRUNKS], 2)
end

function tests.test_taking_back_removes_what_has_appeared_and_says_what_may_still_come()
    local platform <close> = eventual_platform.start()
    platform:add_old("One", "+14155550101")
    platform:add_old("Two", "+14155550102")
    platform.on_post = function(path, made)
        if path == TRUNKS and made.name == "Two" then
            made.hidden = true
            return { status = 504 }
        end
    end
    local result = migrate(platform, "--canary", "0")
    lu.assertEquals({ result.summary.done, result.summary.unknown }, { 1, 1 }, result.err)
    local early = undo(platform, result.summary.run)
    lu.assertEquals({ early.status, early.summary.done, early.summary.unknown }, { 1, 1, 1 }, early.err)
    lu.assertEquals(#platform.trunks, 1)
    platform:show()
    local late = undo(platform, result.summary.run)
    lu.assertEquals({ late.status, late.summary.done }, { 0, 1 }, late.err)
    lu.assertEquals(#platform.trunks, 0)
end

function tests.test_taking_back_a_run_that_found_the_trunk_names_the_run_that_made_it()
    local platform <close> = eventual_platform.start()
    platform:add_old("One", "+14155550101")
    doubtful(DOUBTS.gateway_timeout)(platform)
    local first = migrate(platform)
    platform:show()
    platform.on_post = nil
    local second = migrate(platform)
    lu.assertEquals(second.list[1].state, "done", second.err)
    local back = undo(platform, second.summary.run)
    lu.assertEquals({ back.summary.total, #platform.trunks }, { 0, 1 }, back.err)
    lu.assertStrContains(back.err, "--undo " .. first.summary.run)
    lu.assertEquals(undo(platform, first.summary.run).summary.done, 1)
    lu.assertEquals(#platform.trunks, 0)
end

function tests.test_every_part_is_sent_once()
    for name, answer in pairs(DOUBTS) do
        local platform <close> = eventual_platform.start()
        platform:add_old("One", "+14155550101", "+14155550102")
        local path = TRUNKS .. "/t1/numbers"
        platform.on_post = function(where, made)
            if where == path then
                made.hidden = true
                return answer
            end
        end
        local first = migrate(platform)
        lu.assertEquals({ first.status, first.list[1].state }, { 1, "unknown" }, name .. first.err)
        lu.assertEquals(platform.posts[path], 1, name)
        lu.assertEquals(migrate(platform).list[1].state, "unknown", name)
        lu.assertEquals(platform.posts[path], 1, name)
        platform:show()
        platform.on_post = nil
        local last = migrate(platform)
        lu.assertEquals({ last.status, last.list[1].state }, { 0, "done" }, name .. last.err)
        lu.assertEquals({ platform.posts[path], #platform.trunks[1].numbers }, { 2, 2 }, name)
    end
end

local OWN_JOB <const> = [[
local trunkhost = require "trunkhost"
trunkhost.job.run {
    name = "make", items = { { id = "One", account = "new" } },
    plan = function() return { changes = { make = true } } end,
    apply = function(item)
        local function make()
            return (trunkhost.account "new":create { name = item.id, provider = "custom", auth_type = "userpass",
                auth_username = "user", auth_password = trunkhost.secret {},
                gateways = { { gateway_address = "sip.example.com" } } })
        end
        local ok, made = pcall(make)
        print("made " .. (ok and made or make()).id)
    end,
}]]

function tests.test_a_script_of_ones_own_that_asks_again_does_not_send_again()
    for name, answer in pairs(DOUBTS) do
        local platform <close> = eventual_platform.start()
        program.write(platform.folder .. "/make.lua", OWN_JOB)
        doubtful(answer)(platform)
        local function make() return platform:run(platform.folder .. "/make.lua", "--yes", "--json") end
        local first = make()
        lu.assertEquals({ first.status, first.list[1].state }, { 1, "unknown" }, name .. first.err)
        lu.assertEquals(platform.posts[TRUNKS], 1, name)
        lu.assertEquals(make().list[1].state, "unknown", name)
        lu.assertEquals(platform.posts[TRUNKS], 1, name)
        platform:show()
        local last = make()
        lu.assertEquals({ last.status, platform.posts[TRUNKS], #platform.trunks }, { 0, 1, 1 }, name .. last.err)
        lu.assertStrContains(last.out, "made t1")
    end
end

function tests.test_a_create_that_a_time_limit_has_cut_off_is_not_sent_again()
    local platform <close> = eventual_platform.start()
    platform.on_post = function(_, made)
        made.hidden = true
        return { hold = true }
    end
    program.write(platform.folder .. "/cut.lua", OWN_JOB:gsub("pcall%(make%)", "pcall(trunkhost.timeout, 0.5, make)"))
    local result = platform:run(platform.folder .. "/cut.lua", "--yes", "--json")
    lu.assertEquals({ result.status, result.list[1].state }, { 1, "unknown" }, result.err)
    lu.assertEquals(platform.posts[TRUNKS], 1)
end

local OWN_NUMBER <const> = [[
local trunkhost = require "trunkhost"
trunkhost.job.run {
    name = "number", items = { { id = "t1", account = "new" } },
    plan = function() return { changes = { number = true } } end,
    apply = function()
        local added = trunkhost.account "new":call("numbers.add", "t1", { phone_number = "+14155550199" })
        print("added " .. added.id)
    end,
}]]

function tests.test_a_part_that_a_script_of_ones_own_adds_is_sent_once()
    local platform <close> = eventual_platform.start()
    platform:add_old("t1")
    platform.trunks[1] = platform.old.trunks[1]
    platform.trunks[1].id = "t1"
    local path = TRUNKS .. "/t1/numbers"
    program.write(platform.folder .. "/number.lua", OWN_NUMBER)
    local function add() return platform:run(platform.folder .. "/number.lua", "--yes", "--json") end
    platform.on_post = function(_, made)
        made.hidden = true
        return DOUBTS.gateway_timeout
    end
    for _ = 1, 2 do
        local result = add()
        lu.assertEquals({ result.status, result.list[1].state }, { 1, "unknown" }, result.err)
        lu.assertEquals(platform.posts[path], 1)
    end
    platform:show()
    local result = add()
    lu.assertEquals({ result.status, platform.posts[path], #platform.trunks[1].numbers }, { 0, 1, 1 }, result.err)
end

--- A platform may say yes to a part and show it only later.
function tests.test_a_part_that_was_confirmed_and_does_not_show_yet_is_not_sent_again()
    local platform <close> = eventual_platform.start()
    platform:add_old("t1")
    platform.trunks[1] = platform.old.trunks[1]
    platform.trunks[1].id = "t1"
    local path <const> = TRUNKS .. "/t1/numbers"
    program.write(platform.folder .. "/edit.csv", "account,trunk,numbers\nnew,t1,'+14155550199\n")
    local function edit() return platform:run("apply_trunks.lua", platform.folder .. "/edit.csv", "--yes", "--json") end
    platform.on_post = function(_, made) made.hidden = true end
    for _ = 1, 2 do
        local result <const> = edit()
        lu.assertEquals({ result.status, result.list[1].state }, { 1, "unknown" }, result.err)
        lu.assertEquals(platform.posts[path], 1)
    end
    platform:show()
    local last <const> = edit()
    lu.assertEquals({ last.status, platform.posts[path], #platform.trunks[1].numbers }, { 0, 1, 1 }, last.err)
end

--- Lists of a trunk that no mapping could take apart.
local BROKEN <const> = {
    gateways = trunkhost.json.array { 7 }, ip_identifiers = trunkhost.json.array { trunkhost.json.null },
    phone_numbers = "none", name = 42,
}

function tests.test_a_trunk_of_another_shape_is_malformed_and_ends_nothing_else()
    for field, value in pairs(BROKEN) do
        local platform <close> = eventual_platform.start()
        platform:add_old("One")
        platform:add_old("Two")
        platform.old.trunks[1][field] = value
        platform.old.trunks[1].numbers = field ~= "phone_numbers" and {} or nil
        local result = migrate(platform, "--canary", "0")
        lu.assertEquals(result.status, 1, field .. result.err)
        local states = {}
        for _, item in ipairs(result.list) do
            states[item.trunk] = item.error and item.error.kind or item.state
        end
        lu.assertEquals(states, { ["old-One"] = "malformed", ["old-Two"] = "done" }, field .. result.err)
    end
end

--- A platform that its users have described themselves: nothing maps its trunks.
local OWN_PROVIDER <const> = [[return {
    name = "own", title = "Own", base_url = "https://own.example", token_env = "OWN", auth = "bearer", id = "string",
    limits = { { 100, per = 1 }, source = "test" },
    objects = { trunk = { source = "test", fields = {
        id = { type = "string", read = true },
        label = { type = "string", create = "required", read = true },
        host = { type = "string", create = "required", read = "detail" },
        port = { type = "integer", create = "optional", read = true },
        allowed = { type = "list", of = "string", create = "optional", read = true },
        secret = { type = "string", min = 8, secret = true, create = "optional", update = true },
    } } },
    endpoints = {
        list = { "GET", "/trunks", returns = "list" }, get = { "GET", "/trunks/{id}" },
        create = { "POST", "/trunks", body = "trunk", mode = "create" },
        update = { "PATCH", "/trunks/{id}", body = "trunk", mode = "update", repeatable = true },
    },
    errors = { message = { "message" } }, evidence = {}, label = "label", eventual = 0,
    secrets = { { field = "secret", legs = { "inbound" }, min = 8 } },
}]]

local OWN_TRUNK <const> = [[
local trunkhost = require "trunkhost"
trunkhost.job.run {
    name = "make", items = { { id = "One", account = "own" } },
    plan = function() return { changes = { make = true } } end,
    apply = function(item)
        trunkhost.account "own":create { label = item.id, host = "sip.example.com", port = 5070,
            allowed = { "192.0.2.1" }, secret = trunkhost.secret {} }
    end,
}]]

--- Two runs of one create whose first answer is lost; the platform shows the fields in its own way.
local function make_twice(changes)
    local made, posts = {}, 0
    local json <const> = trunkhost.json
    local server <const> = require "http_server".start(function(request)
        if request.method == "POST" then
            posts = posts + 1
            made[#made + 1] = json.decode(request.body)
            made[#made].id = "t" .. posts
            for name, value in pairs(changes) do
                made[#made][name] = value
            end
            return { status = 504 }
        end
        local list = json.array {}
        for i, trunk in ipairs(made) do
            list[i] = { id = trunk.id, label = trunk.label, port = trunk.port, allowed = trunk.allowed }
        end
        return { body = json.encode(request.target == "/trunks" and list or made[1]) }
    end)
    local folder <const> = program.folder()
    os.execute("mkdir " .. folder .. "/providers")
    program.write(folder .. "/providers/own.lua", OWN_PROVIDER)
    program.write(folder .. "/make.lua", OWN_TRUNK)
    program.write(folder .. "/token", "token\n", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { own = { provider = "own", base_url = %q,
        token = { file = "%s/token" } } } }]]):format(server.url, folder))
    local last
    for _ = 1, 2 do
        last = trunkhost.process.run { program.executable, "-c", folder .. "/config.lua", "--ledger",
            folder .. "/ledger.db", folder .. "/make.lua", "--yes", "--json" }
    end
    server:stop()
    program.remove(folder)
    return last, posts
end

function tests.test_what_a_platform_of_ones_own_has_made_is_found_however_it_shows_it()
    for name, value in pairs { host = "SIP.Example.com", port = "5070", label = "One" } do
        local last, posts = make_twice { [name] = value }
        lu.assertEquals({ last.status, posts }, { 0, 1 }, name .. last.out .. last.err)
    end
end

function tests.test_what_only_resembles_an_unanswered_create_is_named_and_nothing_is_sent()
    for name, value in pairs { host = "sip:sip.example.com:5070", label = "One " } do
        local last, posts = make_twice { [name] = value }
        lu.assertEquals({ last.status, posts }, { 1, 1 }, name .. last.out .. last.err)
        lu.assertStrContains(last.out, "it may be any of t1")
    end
end

function tests.test_another_trunk_is_not_taken_for_the_one_that_was_not_made()
    for name, value in pairs { host = "sip.example.community", port = 5071, label = "One 2" } do
        local last, posts = make_twice { [name] = value }
        lu.assertEquals({ last.status, posts }, { 1, 2 }, name .. last.out .. last.err)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "create_once", tests } })
