--- What the library keeps in the ledger and finds there again, against the sandbox.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local trunkhost <const> = require "trunkhost"

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--trunks 3")

local PRELUDE <const> = [[
local trunkhost = require "trunkhost"
local ledger = require "trunkhost.ledger"
local account = trunkhost.account "famulor"
local function secret(text) return trunkhost.secret { from = text } end
local function show(fn)
    ledger.sync()
    for _, value in ipairs { fn() } do print(trunkhost.json.encode(value)) end
end
local function kill() io.popen("kill -9 $PPID"):close() end
local NEW = { sip_trunk_type = "extension", phone_number = "4711", sip_username = "carrier-user",
    sip_password = trunkhost.secret {}, sip_address = "sip.example.com", sip_calling_format = "e164",
    inbound_authorization_type = "auth", country_code = "DE" }
]]

local function script(code, options)
    return sandbox:run("-e " .. program.quote(PRELUDE .. code), options)
end

--- The lines that a script printed, decoded.
local function values(result)
    lu.assertEquals(result.status, 0, result.err)
    local list = {}
    for line in result.out:gmatch "[^\n]+" do list[#list + 1] = trunkhost.json.decode(line) end
    return table.unpack(list)
end

local function query(sql)
    return (sandbox:query(sql):gsub("\n$", ""))
end

--- The command line that runs code against the sandbox, for a shell.
local function command(code)
    return ("%s -c %s --ledger %s/ledger.db -e %s"):format(program.quote(program.executable), sandbox:config(),
        sandbox.folder, program.quote(code))
end

--- What a shell says of it, both outputs and "status N".
local function shell(line)
    return program.shell(line .. " 2>&1; echo status $?")
end

local has_sqlite <const> = os.execute "command -v sqlite3 >/dev/null" == true

local function need_sqlite()
    if not has_sqlite then lu.skip "sqlite3 is not installed" end
end

-- ---------------------------------------------------------------------------------------------------
-- What is recorded

function tests.test_plain_writes_outside_of_an_item_do_not_touch_the_ledger()
    start()
    lu.assertEquals(script("account:update(42, { nickname = 'x' }) account:trunks()").status, 0)
    lu.assertNil(io.open(sandbox.folder .. "/ledger.db"))
end

function tests.test_a_write_with_a_secret_a_create_and_a_write_inside_an_item_are_on_record()
    need_sqlite()
    start()
    lu.assertEquals(script([[
        account:update(42, { sip_password = secret "first-password" })
        local id = account:create(NEW).id
        ledger.item_begin(account, 42.0, { nickname = "new" })
        trunkhost.spawn(function() account:update(42, { nickname = "new" }) end):await()
        account:get(42)
        ledger.item_end("done", "accepted", 1)
        account:update(42, { nickname = "plain" })
        trunkhost.spawn(function() account:update(42, { nickname = "plain" }) end):await()]]).status, 0)
    lu.assertEquals(query "SELECT item, endpoint, state, requests, status, trunk <> '' FROM attempts",
        "|update|ok|1|200|1\n|create|ok|1|201|1\n1|update|ok|1|200|1")
    lu.assertEquals(query "SELECT trunk, state, evidence, attempts, plan FROM items",
        '42|done|accepted|1|{"nickname":"new"}')
    lu.assertEquals(query "SELECT state, natural_key ->> 'phone_number', natural_key ->> 'sip_password' FROM creates",
        "landed|4711|")
    lu.assertEquals(query "SELECT a.trunk = c.trunk FROM creates AS c JOIN attempts AS a ON a.id = c.attempt", "1")
    lu.assertEquals(query "SELECT s.state, a.endpoint FROM secrets AS s JOIN attempts AS a ON a.id = s.attempt",
        "current|update\ncurrent|create")
end

function tests.test_how_a_write_ended_is_on_record()
    need_sqlite()
    start "--trunks 3 --fault error_after@PUT=1"
    lu.assertEquals(script([[
        pcall(account.update, account, 42, { sip_password = secret "42-password" }, { resend = false })]]).status, 0)
    lu.assertEquals(query "SELECT trunk, state, status, message <> '' FROM attempts", "42|ambiguous|500|1")
    lu.assertEquals(query "SELECT trunk, state, evidence FROM secrets", "42|candidate|")
    sandbox:stop()
    start()
    lu.assertEquals(script([[
        pcall(account.update, account, 4242, { sip_password = secret "4242-password" })]]).status, 0)
    lu.assertEquals(query "SELECT trunk, state, status, message <> '' FROM attempts", "4242|refused|404|1")
    lu.assertEquals(query "SELECT trunk, state, evidence FROM secrets", "4242|rejected|refused")
end

function tests.test_a_secret_that_never_left_is_rejected_not_in_doubt()
    need_sqlite()
    start()
    local port = sandbox.port
    sandbox.port = 1 -- where nobody listens
    local text = shell(command(PRELUDE .. [[
        print(select(2, pcall(account.update, account, 42, { sip_password = secret "never-left" })).kind)]]))
    sandbox.port = port
    lu.assertStrContains(text, "network\nstatus 0")
    lu.assertEquals(query "SELECT state, requests FROM attempts", "unsent|0")
    lu.assertEquals(query "SELECT state, evidence FROM secrets", "rejected|unsent")
end

function tests.test_a_create_whose_reply_is_lost_stays_to_be_settled()
    start "--trunks 3 --fault lost_reply@POST=1"
    local creates = values(script [[
        pcall(account.create, account, NEW)
        show(function() return ledger.creates { account = account, unsettled = true } end)]])
    lu.assertEquals(#creates, 1)
    lu.assertEquals(creates[1].state, "unknown")
    lu.assertEquals(creates[1].key.phone_number, "4711")
    lu.assertNil(creates[1].key.sip_password)
    local left, after = values(script(([[
        local create = ledger.creates { account = account, unsettled = true }[1]
        show(function() return { create.state } end)
        ledger.create_end(create.id, "landed", 50)
        show(function() return ledger.creates { account = account, unsettled = true } end)]])))
    lu.assertEquals(left, { "unknown" })
    lu.assertEquals(after, {})
end

function tests.test_the_same_secret_that_was_refused_is_a_candidate_again_when_it_is_sent_again()
    need_sqlite()
    start()
    lu.assertEquals(script([[
        local again = secret "sent-twice"
        pcall(account.update, account, 4242, { sip_password = again })
        ledger.sync()
        pcall(account.update, account, 4242, { sip_password = again })
        local other = secret "first-of-42"
        account:update(42, { sip_password = other })
        account:update(42, { sip_password = secret "second-of-42" })
        account:update(42, { sip_password = other })
        account:settle(42, "sip_password", other, "current", "registered")]]).status, 0)
    lu.assertEquals(query "SELECT trunk, state, evidence FROM secrets ORDER BY id",
        "4242|rejected|refused\n4242|rejected|refused\n42|previous|accepted\n42|previous|accepted\n"
        .. "42|current|registered")
end

function tests.test_settling_a_secret_without_evidence_leaves_its_evidence_empty()
    need_sqlite()
    start()
    lu.assertEquals(script([[
        local sent = secret "sent-once"
        account:update(42, { sip_password = sent })
        account:settle(42, "sip_password", sent, "current")]]).status, 0)
    lu.assertEquals(query "SELECT state, evidence FROM secrets", "current|")
end

function tests.test_updates_of_one_trunk_at_the_same_time_lose_no_password()
    need_sqlite()
    start()
    program.ok(script [[
        trunkhost.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function()
            account:update(42, { sip_password = trunkhost.secret {} })
        end, { concurrency = 8 })]])
    lu.assertEquals(query "SELECT count(*), sum(state = 'current'), sum(evidence = 'accepted') FROM secrets", "8|1|8")
end

function tests.test_a_task_that_is_cancelled_leaves_the_truth_in_the_ledger()
    need_sqlite()
    start "--trunks 3 --latency 300"
    lu.assertEquals(script([[
        local one = trunkhost.spawn(function()
            account:update(42, { sip_password = secret "in-flight" })
        end)
        local two = trunkhost.spawn(function()
            account:update(43, { sip_password = secret "not-begun" })
        end)
        trunkhost.sleep(0)
        two:cancel()
        trunkhost.sleep(0.1)
        one:cancel()]]).status, 0)
    lu.assertEquals(query "SELECT state, ended_at IS NOT NULL FROM attempts WHERE trunk = '42'", "ambiguous|1")
    lu.assertEquals(query "SELECT state FROM secrets WHERE trunk = '42'", "candidate")
    lu.assertEquals(query "SELECT count(*) FROM attempts WHERE state = 'sent'", "0")
    lu.assertEquals(query "SELECT count(*) FROM secrets WHERE trunk = '43' AND state <> 'rejected'", "0")
end

-- ---------------------------------------------------------------------------------------------------
-- Items and runs

function tests.test_a_run_knows_its_script_arguments_and_items()
    start()
    program.write(sandbox.folder .. "/job.lua", PRELUDE .. [[
        ledger.item_begin(account, 43, { a = 1 })
        ledger.item_end "planned"
        ledger.item_begin(account, 44)
        ledger.item_end("skipped", "nothing to do")
        ledger.item_begin(account, 42, '{"b":2}')
        ledger.item_end("failed", nil, 2, { kind = "refused", status = 422, secret = secret "hush" })
        show(function()
            return ledger.run "last", ledger.items { run = trunkhost.run().id }, { trunkhost.run().script_hash }
        end)]])
    local result = sandbox:run(sandbox.folder .. "/job.lua --yes 'two words'")
    local run, items, hash = values(result)
    lu.assertEquals(run.arguments, { "--yes", "two words" })
    lu.assertStrContains(run.script, "/job.lua")
    lu.assertEquals(run.life, "alive")
    lu.assertNil(run.status)
    lu.assertEquals(run.items, { planned = 1, running = 0, done = 0, failed = 1, unknown = 0, skipped = 1 })
    lu.assertEquals(#items, 3)
    lu.assertEquals({ items[1].trunk, items[1].state, items[1].plan }, { "43", "planned", { a = 1 } })
    lu.assertEquals({ items[2].trunk, items[2].state, items[2].evidence }, { "44", "skipped", "nothing to do" })
    lu.assertEquals(items[3].error, { kind = "refused", status = 422, secret = "[secret]" })
    lu.assertEquals(items[3].plan, { b = 2 })
    lu.assertEquals(items[3].attempts, 2)
    lu.assertEquals(hash[1], program.shell("sha256sum " .. sandbox.folder .. "/job.lua"):match "^%x+")
    lu.assertEquals(run.script_hash, hash[1])
    local later = values(script(([[show(function() return ledger.run(%q) end)]]):format(run.id)))
    lu.assertEquals({ later.life, later.status }, { "ended", 0 })
end

function tests.test_items_come_in_pages()
    start()
    local first, rest = values(script [[
        for i = 1, 5 do
            ledger.item_begin(account, i)
            ledger.item_end "planned"
        end
        show(function()
            local run = trunkhost.run().id
            local page = ledger.items { run = run, limit = 2 }
            return page, ledger.items { run = run, after = page[2].id }
        end)]])
    lu.assertEquals(#first, 2)
    lu.assertEquals(#rest, 3)
    lu.assertEquals(rest[1].trunk, "3")
end

function tests.test_what_a_killed_run_left_is_found_by_the_next_one()
    start()
    local result = script [[
        local id = ledger.begin()
        print(id)
        io.stdout:flush()
        account:update(43, { sip_password = secret "proven-of-43" })
        ledger.item_begin(account, 43)
        ledger.item_end "done"
        ledger.item_begin(account, 44)
        ledger.sync()
        trunkhost.spawn(function()
            ledger.item_begin(account, 42)
            trunkhost.spawn(function() trunkhost.sleep(0) kill() end)
            account:update(42, { sip_password = secret "doubtful-of-42" })
        end):await()]]
    lu.assertEquals(result.status, 137)
    local killed = result.out:match "%S+"
    local left, candidates, run, own = values(script(([[
        local left = ledger.unfinished(account)
        ledger.item_begin(account, 43)
        show(function()
            return left, ledger.secrets { account = account, unsettled = true }, ledger.run(%q),
                ledger.unfinished "famulor"
        end)]]):format(killed)))
    lu.assertEquals(run.life, "died")
    local by_trunk = {}
    for _, row in ipairs(left) do by_trunk[row.trunk] = row end
    lu.assertEquals(by_trunk["44"], { trunk = "44", candidates = 0, run = killed })
    lu.assertEquals(by_trunk["42"].run, killed)
    lu.assertNil(by_trunk["43"])
    lu.assertEquals(#candidates, by_trunk["42"].candidates)
    lu.assertEquals(own, left) -- what this run itself has under way is not left behind
end

function tests.test_a_candidate_can_be_settled_without_being_opened()
    start "--trunks 3 --fault lost_reply@PUT=1"
    local before, after, age = values(script [[
        pcall(account.update, account, 42, { sip_password = secret "doubtful" }, { resend = false })
        ledger.sync()
        local row = ledger.secrets { account = account, trunk = 42, unsettled = true }[1]
        show(function() return { row.field, row.trunk } end)
        ledger.settle(row.id, "current", "registered")
        show(function()
            return ledger.secrets { account = account, unsettled = true },
                { ledger.secret_age(account, 42, "sip_password") }
        end)]])
    lu.assertEquals(before, { "sip_password", "42" })
    lu.assertEquals(after, {})
    lu.assertTrue(age[1] >= 0 and age[1] < 60)
end

function tests.test_a_continued_run_names_the_one_before()
    start()
    local first = script("print(ledger.begin())").out:match "%S+"
    local second = values(script(([[
        ledger.begin(%q)
        ledger.lock(account)
        show(function() return ledger.run "last" end)]]):format(first)))
    lu.assertEquals(second.resumed_from, first)
    local wrong = script "ledger.begin 'nobody'"
    lu.assertEquals(wrong.status, 2)
    lu.assertStrContains(wrong.err, "nothing was changed, because the run cannot be recorded")
    local late = script(("ledger.begin() ledger.begin(%q)"):format(first))
    lu.assertStrContains(late.err, "recorded already")
end

-- ---------------------------------------------------------------------------------------------------
-- Secrets

function tests.test_the_current_and_the_previous_password_open_as_secrets()
    start()
    local shown = program.ok(script [[
        account:update(42, { sip_password = secret "first-password" })
        account:update(42, { sip_password = secret "second-password" })
        ledger.sync()
        local now = ledger.open_secret(account, 42, "sip_password")
        local before = ledger.open_secret(account, 42, "sip_password", "previous")
        print(now, now == secret "second-password", before == secret "first-password")
        print(ledger.open_secret(account, 42, "sip_password", "candidate"))
        account:update(42, { sip_password = before })
        ledger.sync()
        print(ledger.open_secret(account, 42, "sip_password") == before)]])
    lu.assertStrContains(shown.out, "[secret]\ttrue\ttrue\nnil\tthe ledger")
    lu.assertStrContains(shown.out, "has no candidate sip_password of trunk 42 on famulor\tnot_found\ntrue\n")
    os.remove(sandbox.folder .. "/ledger.key")
    local without = program.ok(script "print(ledger.open_secret(account, 42, 'sip_password'))")
    lu.assertStrContains(without.out, "nil\tcannot open the secrets: there is no private key")
    lu.assertStrContains(without.out, "\tinvalid\n")
end

function tests.test_what_was_not_handed_on_is_found_until_it_was()
    start()
    local before, after, anew = values(script [[
        account:update(42, { sip_password = secret "first-password" })
        account:update(43, { sip_password = secret "other-password" })
        local function left() return ledger.secrets { account = account, undelivered = true } end
        show(left)
        ledger.delivered(account, 42, "sip_password")
        show(left)
        account:update(42, { sip_password = secret "second-password" })
        show(left)]])
    lu.assertEquals({ #before, #after, #anew }, { 2, 1, 2 })
    lu.assertEquals({ after[1].trunk, after[1].field }, { "43", "sip_password" })
end

function tests.test_the_age_of_a_password_counts_from_its_proof()
    start()
    local none, some = values(script [[
        show(function() return { tostring(ledger.secret_age(account, 42, "sip_password")) } end)
        account:update(42, { sip_password = secret "first-password" })
        show(function() return { ledger.secret_age(account, "42", "sip_password") } end)]])
    lu.assertEquals(none, { "nil" })
    lu.assertTrue(some[1] >= 0 and some[1] < 60)
end

-- ---------------------------------------------------------------------------------------------------
-- The lock

function tests.test_a_second_run_says_who_holds_the_account_and_exits_75()
    start()
    local holder = assert(io.popen("echo $$; exec " .. command(PRELUDE .. [[
        ledger.lock(account)
        print(ledger.begin())
        io.stdout:flush()
        trunkhost.sleep(60)]])))
    local pid, run = holder:read "l", holder:read "l" -- it holds the lock now
    lu.assertEquals(script [[
        local ok, err = pcall(ledger.lock, account)
        print(ok, err.kind, err.code)
        print(ledger.lock "vatel", ledger.lock "vatel")]].out, "false\tconflict\tlocked\ntrue\ttrue\n")
    local second = script "ledger.lock(account) print 'not reached'"
    lu.assertEquals(second.status, 75)
    lu.assertEquals(second.out, "")
    lu.assertEquals(select(2, second.err:gsub("\n", "")), 1, second.err)
    for _, words in ipairs { "account famulor is being changed by another run", run, "process " .. pid, "since 20" } do
        lu.assertStrContains(second.err, words)
    end
    os.execute("kill -9 " .. pid)
    holder:close()
    lu.assertEquals(script("print(ledger.lock(account))").out, "true\n")
end

function tests.test_a_command_that_the_run_has_started_does_not_keep_the_lock()
    start()
    local first = script [[
        ledger.lock(account)
        local pipe = io.popen "sleep 60 >/dev/null 2>&1 & echo $!"
        print(pipe:read "l")
        io.stdout:flush()
        kill()]]
    lu.assertEquals(first.status, 137)
    local child = first.out:match "%d+"
    lu.assertTrue(os.execute("kill -0 " .. child))
    lu.assertEquals(script("print(ledger.lock(account))").out, "true\n")
    os.execute("kill " .. child)
end

-- ---------------------------------------------------------------------------------------------------
-- A ledger that does not obey

function tests.test_nothing_is_sent_when_the_ledger_cannot_be_opened()
    start()
    program.write(sandbox.folder .. "/ledger.db", ("this is not a database "):rep(100), "600")
    for _, code in ipairs { "ledger.lock(account)", "ledger.begin()", "ledger.item_begin(account, 42)",
        "ledger.unfinished(account)", "account:create(NEW)" } do
        local result = script(code)
        lu.assertEquals(result.status, 2, code)
        lu.assertStrContains(result.err, "ledger.db")
        lu.assertStrContains(result.err, "not a database")
        lu.assertEquals(select(2, result.err:gsub("\n", "")), 1, result.err)
    end
    for _, request in ipairs(sandbox:ask "log") do lu.assertEquals(request.method, "GET") end
end

function tests.test_a_ledger_that_cannot_grow_stops_writes_and_the_run_can_be_repeated()
    start()
    lu.assertEquals(script("account:update(42, { sip_password = secret 'before-the-trouble' })").status, 0)
    local line = command(PRELUDE .. [[
        for i = 1, 20 do
            local ok, err = pcall(function()
                ledger.lock(account)
                ledger.item_begin(account, i)
                account:update(42, { sip_password = trunkhost.secret {} })
                ledger.item_end "done"
            end)
            print(ok, err and err.code, err and err.message)
        end]])
    -- In blocks of 512 bytes: too small to open it; enough for some writes.
    for _, limit in ipairs { 8, 96, 160, 224 } do
        local before = 0
        for _, request in ipairs(sandbox:ask "log") do before = before + (request.method == "PUT" and 1 or 0) end
        local text = shell(("ulimit -f %d; %s"):format(limit, line))
        local sent, done = 0, select(2, text:gsub("true\tnil\tnil\n", ""))
        for _, request in ipairs(sandbox:ask "log") do sent = sent + (request.method == "PUT" and 1 or 0) end
        lu.assertEquals(sent - before, done, text)
        lu.assertTrue(done < 20)
        lu.assertStrContains(text, "false\tledger\t")
        lu.assertStrContains(text, "Check the disk, its quota and the file size limit, then start again")
    end
    lu.assertStrContains(shell(line), ("true\tnil\tnil\n"):rep(20) .. "status 0\n")
end

-- ---------------------------------------------------------------------------------------------------
-- The document

function tests.test_the_queries_and_columns_of_the_document_are_those_of_the_ledger()
    need_sqlite()
    start()
    lu.assertEquals(script("account:update(42, { sip_password = secret 'some-password' })").status, 0)
    local text, queries = program.read "docs/ledger.md", 0
    local begin <const> = assert(text:find("## Query it", 1, true))
    local asking <const> = text:sub(begin)
    for block in (asking .. "\n"):gmatch "\n\n(    .-)\n\n" do
        local sql = block:gsub("^    ", ""):gsub("\n    ", "\n")
        sql = sql:match '^sqlite3 .- "(.*)"$' or sql
        local out = shell(("sqlite3 -readonly %s/ledger.db %s"):format(sandbox.folder, program.quote(sql)))
        lu.assertStrContains(out, "status 0\n", sql .. "\n" .. out)
        queries = queries + 1
    end
    lu.assertTrue(queries >= 6, "too few queries were found in the document")
    for column in query([[SELECT DISTINCT c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
        WHERE t.type = 'table']]):gmatch "%S+" do
        lu.assertStrContains(text, "`" .. column .. "`")
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "ledger", tests } })
