--- Accounts against the sandbox: what is sent, what is never sent, and what is said of a doubtful end.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

local PRELUDE <const> = [[
local trunkhost = require "trunkhost"
local account = trunkhost.account(select(1, ...) or "famulor")
local function try(fn, ...)
    local result = table.pack(pcall(fn, ...))
    if result[1] then print("ok", table.unpack(result, 2, result.n)) else
        local err = result[2]
        if type(err) == "string" then error(err, 0) end
        print(err.kind, err.status, err.attempts, err.ambiguous, err.retryable)
        print(tostring(err))
    end
end
local NEW = { sip_trunk_type = "extension", phone_number = "4711", sip_username = "carrier-user",
    sip_password = trunkhost.secret {}, sip_address = "sip.example.com", sip_calling_format = "e164",
    inbound_authorization_type = "auth", country_code = "DE" }
]]

local function script(code, options)
    return sandbox:run("-e " .. program.quote(PRELUDE .. code) .. " " .. (options and options.account or ""), options)
end

local function requests(method)
    local n = 0
    for _, request in ipairs(sandbox:ask "log") do
        if request.method == method then n = n + 1 end
    end
    return n
end

function tests.test_a_create_whose_reply_is_lost_on_a_reused_connection_reaches_the_server_once()
    -- T1: libcurl by itself would send it a second time and report one success.
    start "--trunks 3 --fault lost_reply@POST=1"
    local result = program.ok(script "account:trunks() account:trunks() try(account.create, account, NEW)")
    lu.assertStrContains(result.out, "unknown_outcome\tnil\t1\ttrue\tfalse")
    lu.assertEquals(requests "POST", 1)
    lu.assertEquals(#sandbox:ask "state".famulor.trunks, 4)
end

function tests.test_a_create_is_not_repeated_after_a_500_or_a_proxy_page()
    for _, fault in ipairs { "error_after", "error_before", "html", "cut_body", "drop" } do
        start(("--trunks 3 --fault %s@POST=1"):format(fault))
        local result = script "try(account.create, account, NEW)"
        lu.assertStrContains(result.out, "unknown_outcome", fault .. result.out .. result.err)
        lu.assertEquals(requests "POST", 1, fault)
    end
end

function tests.test_a_create_is_repeated_when_it_surely_did_not_happen()
    start "--trunks 3 --fault limit@POST=0.5 --seed 3"
    local result = program.ok(script [[
        for i = 1, 4 do NEW.phone_number = tostring(5000 + i) try(account.create, account, NEW) end]])
    lu.assertEquals(select(2, result.out:gsub("ok\t", "")), 4, result.out)
    lu.assertEquals(#sandbox:ask "state".famulor.trunks, 7)
    lu.assertTrue(requests "POST" > 4)
end

function tests.test_an_update_is_repeated_with_the_same_password_until_it_is_certain()
    start "--trunks 12 --fault lost_reply@PUT=0.3,error_after@PUT=0.2,drop@PUT=0.2 --seed 5"
    program.ok(script [[
        local ids = {}
        for trunk in account:trunks() do ids[#ids + 1] = trunk.id end
        trunkhost.map(ids, function(id) account:update(id, { sip_password = trunkhost.secret {} }) end)]])
    local ledger = sandbox:current_secrets().famulor
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        lu.assertEquals(ledger[tostring(trunk.id)].sip_password, trunk.sip_password)
    end
    lu.assertTrue(requests "PUT" > 12)
end

function tests.test_an_update_that_must_not_be_repeated_says_that_it_may_have_happened()
    start "--trunks 3 --fault error_after@PUT=1"
    local result = script "try(account.update, account, 42, { nickname = 'x' }, { resend = false })"
    lu.assertStrContains(result.out, "unavailable\t500\t1\ttrue")
    lu.assertEquals(requests "PUT", 1)
end

function tests.test_the_secret_of_a_create_gets_its_trunk_in_the_ledger()
    start "--trunks 3"
    local result = script "print(account:create(NEW).id)"
    local id = result.out:match "%d+"
    local live
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        if tostring(trunk.id) == id then live = trunk.sip_password end
    end
    lu.assertEquals(sandbox:current_secrets().famulor[id].sip_password, live)
end

function tests.test_what_the_platform_refuses_is_a_rejected_secret_not_a_current_one()
    start "--trunks 3"
    local result = script "try(account.update, account, 4242, { sip_password = trunkhost.secret {} })"
    lu.assertStrContains(result.out, "not_found\t404\t1\tfalse\tfalse")
    local trunk = sandbox:current_secrets().famulor["4242"]
    lu.assertNil(trunk.sip_password)
    lu.assertEquals(select(2, next(trunk.all)), "rejected")
end

function tests.test_a_wrong_token_is_kind_auth_and_ends_the_run_with_1()
    for _, api in ipairs { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" } do
        start "--trunks 3"
        local result = script("account:trunks()", { token = "wrong", account = api })
        lu.assertEquals(result.status, 1, result.err)
        lu.assertEquals(select(2, result.err:gsub("\n", "")), 1, result.err)
        lu.assertStrContains(result.err, api .. ": auth (HTTP 40")
    end
end

function tests.test_many_grants_are_read()
    start "--trunks 3"
    local result = script [[local grant = {}
        for i = 1, 31 do grant[i] = "nickname" end
        account:update(42, { sip_password = trunkhost.secret {} }, { grant = grant }) print "sent"]]
    lu.assertEquals(result.out, "sent\n", result.err)
end

function tests.test_a_create_that_has_landed_is_not_called_absent_when_its_task_is_cancelled_meanwhile()
    start "--trunks 3 --latency 20"
    local result = script [[
        local tasks = {}
        for i = 1, 8 do
            tasks[i] = trunkhost.spawn(function()
                local new = {}
                for k, v in pairs(NEW) do new[k] = v end
                new.phone_number = tostring(6000 + i)
                account:create(new)
            end)
        end
        trunkhost.spawn(function() tasks[1]:await() error "a fault elsewhere" end):await()]]
    lu.assertEquals(result.status, 2)
    local created = #sandbox:ask "state".famulor.trunks - 3
    local absent = tonumber(sandbox:query "select count(*) from creates where state = 'absent'")
    lu.assertTrue(created >= 1)
    lu.assertTrue(created + absent <= 8, ("%d created, %d absent"):format(created, absent))
end

function tests.test_a_dry_run_sends_nothing_but_get()
    start "--trunks 3"
    local result = program.ok(sandbox:run("-n -e " .. program.quote(PRELUDE .. [[
        for trunk in account:trunks() do
            try(account.update, account, trunk.id, { sip_password = trunkhost.secret {} })
            try(account.delete, account, trunk.id)
        end
        try(account.create, account, NEW)
        try(trunkhost.http.request, { method = "POST", url = "http://127.0.0.1:1/" })]])))
    lu.assertStrContains(result.out, "dry run: 'update' was not sent")
    for _, request in ipairs(sandbox:ask "log") do
        lu.assertEquals(request.method, "GET")
    end
end

function tests.test_a_wrong_request_is_refused_before_anything_is_sent_with_every_fault()
    start "--trunks 3"
    local result = program.ok(script [[
        try(account.update, account, 42, { sip_password = "ab", sip_calling_format = "e165", foo = 1 })
        try(account.update, account, 42, {})
        try(account.update, account, "forty-two", { nickname = "x" })
        local ok, err = pcall(account.create, account, { country_code = "Germany" })
        for field in pairs(err.fields) do io.write(field, " ") end]])
    for _, words in ipairs { "sip_password", "e165", "foo is not a field", "sip_username", "country_code" } do
        lu.assertStrContains(result.out, words == "e165" and "sip_calling_format" or words)
    end
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_delete_leaves_a_bought_number_alone()
    start "--trunks 3"
    local number = sandbox:ask "state".famulor.numbers[1].id
    local result = script(("try(account.delete, account, %d)"):format(number))
    lu.assertStrContains(result.out, "not_found")
    lu.assertEquals(requests "DELETE", 0)
    lu.assertEquals(script("account:delete(42)").status, 0)
    lu.assertEquals(#sandbox:ask "state".famulor.trunks, 2)
end

function tests.test_a_signal_stops_before_the_next_write()
    start "--trunks 6 --latency 30"
    local result = script [[
        for trunk in account:trunks() do
            io.popen("kill -INT $PPID"):close()
            account:update(trunk.id, { nickname = "changed" })
        end]]
    lu.assertEquals(result.status, 3, result.err)
    lu.assertTrue(requests "PUT" <= 1)
end

function tests.test_an_unreadable_ledger_stops_every_password_before_it_is_sent()
    start "--trunks 3"
    local broken = sandbox.folder .. "/ledger.db"
    program.write(broken, ("this is not a database "):rep(100), "600")
    local result = script "account:update(42, { sip_password = trunkhost.secret {} })"
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, broken)
    lu.assertEquals(requests "PUT", 0)
    lu.assertEquals(program.read(broken):sub(1, 22), "this is not a database")
end

function tests.test_every_endpoint_of_every_api_is_spoken_as_documented()
    start "--trunks 6"
    local result = script([[
        local function on(name) return trunkhost.account(name) end
        for _, name in ipairs { "famulor", "autocalls" } do
            local a = on(name)
            assert(type(a:check()) == "table")
            assert(#a:list("assistants.numbers") > 0)
            local trunk = a:create(NEW)
            a:delete(trunk.id)
        end
        on "famulor":call("numbers.rename", 42, { nickname = "renamed" })
        assert(on "famulor":get(42).nickname == "renamed")
        assert(#on "famulor":list("numbers.all") > 0)
        local v = on "vatel"
        v:check()
        local trunk = v:create { pbx = "generic", inbound_auth_type = "acl", inbound_host = "203.0.113.9" }
        local assignments = v:list("assignments.list", v:trunks()().id)
        assert(trunkhost.json.is_array(assignments))
        v:delete(trunk.id)
        local b = on "bolna"
        b:check()
        local t = b:create { name = "New one", provider = "custom", auth_type = "userpass", auth_username = "user",
            auth_password = trunkhost.secret {}, gateways = { { gateway_address = "gw.example.com" } } }
        local number = b:call("numbers.add", t.id, { phone_number = "+493012345678" })
        assert(#b:list("numbers.list", t.id) == 1)
        b:call("numbers.remove", { id = t.id, number_id = number.id })
        assert(#b:list("list", nil, { query = { is_active = true } }) > 0)
        b:delete(t.id)
        local n = on "bolna_trunk"
        n:check()
        n:call "edge"
        local nt = n:create { name = "Newer", auth_username = "u", auth_password = trunkhost.secret {} }
        n:call("gateways.add", nt.id, { host = "gw.example.com", port = 5060, priority = 1 })
        n:call("acls.add", nt.id, { cidr = "203.0.113.7" })
        n:call("numbers.add", nt.id, { e164 = "+493012345678", destination_key = "493012345678" })
        local full = n:get(nt.id)
        assert(#full.gateways == 1 and #full.ip_acls == 1 and #full.numbers == 1)
        n:call("gateways.remove", { id = nt.id, gateway_id = full.gateways[1].id })
        n:call("acls.remove", { id = nt.id, acl_id = full.ip_acls[1].id })
        n:call("numbers.assign", { number_id = full.numbers[1].id }, { agent_id = trunkhost.null })
        n:call("numbers.remove", { id = nt.id, number_id = full.numbers[1].id })
        n:delete(nt.id)
        print "all"]])
    lu.assertEquals(result.out, "all\n", result.err)
    lu.assertEquals(sandbox:ask "violations", {})
end

function tests.test_no_secret_and_no_token_shows_at_any_log_level()
    start "--trunks 3 --fault error_after@PUT=0.5,lost_reply@PUT=0.3"
    local result = sandbox:run("--log-level debug -e " .. program.quote(PRELUDE .. [[
        trunkhost.log.debug("account", { account = tostring(account), secret = NEW.sip_password })
        for trunk in account:trunks() do
            try(account.update, account, trunk.id, { sip_password = trunkhost.secret {} })
        end
        for line in io.lines "/proc/self/cmdline" do assert(not line:find("s3cret-token", 1, true)) end
        account:update(4242, { sip_password = trunkhost.secret {} })]]), { token = "sandbox" })
    local text = result.out .. result.err
    lu.assertNotStrContains(text, "Bearer")
    for _, trunks in pairs(sandbox:current_secrets()) do
        for _, trunk in pairs(trunks) do
            for secret in pairs(trunk.all) do lu.assertNotStrContains(text, secret) end
        end
    end
    for _, name in ipairs { "ledger.db", "ledger.db-wal" } do
        local file = io.open(sandbox.folder .. "/" .. name, "r")
        local bytes = file and file:read "a" or ""
        for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
            lu.assertNotStrContains(bytes, trunk.sip_password)
        end
        if file then file:close() end
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "account", tests } })
