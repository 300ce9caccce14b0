--- No wait is without a bound: each place that waits, against each way to stop.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local sandbox_process <const> = require "sandbox_process"
local world <const> = require "waiting_world"

local tests = {}

local ROTATE <const> = "scripts/rotate_passwords.lua --yes --json "

--- Answers every write with 429 and these headers.
local function limited(...)
    local headers <const> = { "Content-Type: application/json", ... }
    return function(request)
        return request.method == "PATCH" and { status = 429, headers = headers, body = [[{"problem":"slow down"}]] }
    end
end

local function expect_not_tried(result, left)
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals(result.summary.halted, true)
    lu.assertEquals(result.summary.unknown, 0, result.err)
    lu.assertEquals(result.summary.failed, 0, result.err)
    lu.assertEquals(result.summary.left, left or 12)
end

-- ---------------------------------------------------------------------------------------------------
-- What the platform asks for

function tests.test_a_wait_that_is_longer_than_the_account_allows_halts_it_at_once()
    for _, value in ipairs { "86400", os.time() + 7200, (os.time() + 7200) .. "000", "Fri, 31 Dec 2099 23:59:59 GMT",
        "9999999999999999999999999", world.http_date(7200) } do
        local result = world.run { words = ROTATE, handler = limited("Retry-After: " .. value) }
        expect_not_tried(result)
        lu.assertEquals(result.writes, 1)
        lu.assertStrContains(result.err, "account office: the platform asks us to wait ")
        lu.assertStrContains(result.err, "Retry-After: " .. value)
        lu.assertStrContains(result.err, "longer than max_wait of the account allows (900 s)")
        lu.assertStrContains(result.err, "12 items were not tried")
    end
end

function tests.test_a_long_wait_after_a_write_in_doubt_leaves_it_unknown_and_halts_the_account()
    for _, value in ipairs { "86400", os.time() + 86400 } do
        local result = world.run { words = ROTATE .. "--canary 0 -j 1", count = 2, handler = function(request)
            return request.method == "PATCH" and { status = 503, headers = { "Retry-After: " .. value } }
        end }
        lu.assertEquals({ result.status, result.writes, result.states }, { 3, 1, { ["1"] = "unknown" } }, result.err)
        lu.assertEquals({ result.summary.halted, result.summary.left }, { true, 1 })
        lu.assertStrContains(result.err, "Halted: account office: the platform asks us to wait a day or more (Retry-")
    end
    local last = world.run { words = ROTATE, count = 1, handler = function(request)
        return request.method == "PATCH" and { status = 503, headers = { "Retry-After: 86400" } }
    end }
    lu.assertEquals({ last.status, last.states, last.summary.halted }, { 3, { ["1"] = "unknown" }, true }, last.err)
end

function tests.test_a_long_wait_after_a_create_in_doubt_ends_as_resumable_and_nothing_is_sent_again()
    local sandbox <close> = setmetatable({ sandbox_process.start "--trunks 1 --limits none" },
        { __close = function(self) self[1]:stop() end })
    local s <const> = sandbox[1]
    local function create()
        return s:run([[-e 'local vatel = require "trunkhost".account "vatel"
            vatel:create { pbx = "generic", outbound_host = "a.example" }']], { apis = { "vatel" }, eventual = 300 })
    end
    s:tell("faults", { fault = "busy@POST=1", retry_after = "86400" })
    local result = create()
    lu.assertEquals(result.status, 3, result.err)
    lu.assertStrContains(result.err, "it is not known whether 'create' happened (the platform asks us to wait a day")
    s:tell("faults", { fault = "limit=1", retry_after = "86400" })
    lu.assertEquals(create().status, 3)
    s:tell "faults"
    result = create()
    lu.assertStrContains(result.err, "not sent again")
    local posts = 0
    for _, request in ipairs(s:ask "log") do
        posts = posts + (request.method == "POST" and 1 or 0)
    end
    lu.assertEquals(posts, 1)
end

function tests.test_what_was_halted_by_a_long_wait_is_resumed_without_what_it_has_done()
    local free = false
    local result = world.run { words = ROTATE .. "--canary 0 -j 1", count = 3,
        handler = function(request, _, writes)
            return not free and writes > 1 and limited "Retry-After: 86400"(request)
        end,
        again = "scripts/rotate_passwords.lua --resume last --yes --json", before_again = function() free = true end }
    lu.assertEquals({ result.status, result.summary.done, result.summary.left }, { 3, 1, 2 })
    lu.assertEquals(result.again.status, 0, result.again.err)
    lu.assertStrContains(result.again.out, [["total":3,"done":2,"failed":0,"unknown":0,"skipped":1]])
    lu.assertEquals(result.writes, 1 + 1 + 2)
end

function tests.test_doctor_says_that_a_platform_asks_it_to_wait()
    local result = world.run { words = "doctor", handler = function()
        return { status = 429, headers = { "Retry-After: 600" } }
    end }
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(result.out, "longer than this command waits (10 s)")
end

function tests.test_max_wait_is_the_accounts_own()
    local handler <const> = limited "Retry-After: 30"
    local result = world.run { words = ROTATE, handler = handler, account = "max_wait = 20" }
    expect_not_tried(result)
    lu.assertStrContains(result.err, "longer than max_wait of the account allows (20 s)")
end

function tests.test_short_waits_that_never_end_are_one_long_wait()
    local result = world.run { words = ROTATE .. "--canary 0", handler = limited "Retry-After: 1",
        account = "max_wait = 3" }
    expect_not_tried(result)
    lu.assertTrue(result.writes <= 12 * 4, "one second each, three in all")
    lu.assertStrContains(result.err, "has refused this request for")
    lu.assertStrContains(result.err, "max_wait of the account allows 3 s")
end

function tests.test_a_body_and_a_reset_are_read_in_the_same_way()
    for _, reply in ipairs {
        { status = 429, body = ([[{"retry_after":%d}]]):format(os.time() + 7200) },
        { status = 429, body = [[{"retry_after":"86400"}]] },
        { status = 429, headers = { "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: " .. os.time() + 7200 } },
    } do
        reply.headers = reply.headers or {}
        table.insert(reply.headers, "Content-Type: application/json")
        local result = world.run { words = ROTATE, handler = function(request)
            return request.method == "PATCH" and reply
        end }
        expect_not_tried(result)
        lu.assertEquals(result.writes, 1)
    end
end

function tests.test_what_makes_no_sense_or_has_passed_is_no_long_wait()
    for _, value in ipairs { "-5", "soon", os.time() - 500, world.http_date(-500) } do
        local result = world.run { words = ROTATE .. "--only 1", handler = function(request, _, writes)
            return request.method == "PATCH" and writes == 1
                and { status = 429, headers = { "Retry-After: " .. value } }
        end }
        lu.assertEquals(result.status, 0, result.err)
        lu.assertEquals(result.summary.done, 1)
        lu.assertEquals(result.writes, 2)
    end
end

function tests.test_a_date_is_measured_against_the_date_of_its_reply()
    -- The platform's clock is two hours ahead: its date is one second from then.
    local result = world.run { words = ROTATE .. "--only 1", handler = function(request, _, writes)
        return request.method == "PATCH" and writes == 1 and { status = 429, headers = {
            "Retry-After: " .. world.http_date(7201), "Date: " .. world.http_date(7200) } }
    end }
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.summary.done, 1)
end

function tests.test_a_list_that_has_to_wait_too_long_halts_the_run()
    for _, status in ipairs { 429, 503 } do
        local result = world.run { words = ROTATE, handler = function()
            return { status = status, headers = { "Retry-After: 86400" } }
        end }
        lu.assertEquals(result.status, 3, result.err)
        lu.assertEquals(result.summary.halted, true)
        lu.assertEquals(result.writes, 0)
    end
end

function tests.test_a_script_of_its_own_gets_an_error_and_ends_as_resumable()
    local result = world.run { words = "-e 'require(\"trunkhost\").account(\"office\"):get(1)'", handler = function()
        return { status = 429, headers = { "Retry-After: 86400" } }
    end }
    lu.assertEquals(result.status, 3)
    lu.assertStrContains(result.err, "office")
    lu.assertStrContains(result.err, "the platform asks us to wait a day or more (Retry-After: 86400)")
    lu.assertNotStrContains(result.err, "traceback")
end

function tests.test_a_long_wait_is_told_once_and_not_when_quiet()
    for _, quiet in ipairs { "", "--quiet" } do
        local result = world.run { words = ROTATE .. "--canary 0 " .. quiet, handler = function(request, _, writes)
            if writes == 1 and request.method == "PATCH" then world.signal "TERM" end
            return limited "Retry-After: 40"(request)
        end, before = "--drain 50" }
        lu.assertEquals(result.status, 3, result.err)
        local _, told = result.err:gsub("office: the platform asks us to wait until", "")
        lu.assertTrue(told <= 1)
    end
    local waits = [[local t = require "trunkhost" pcall(t.timeout, 1, function() t.account "office":get(1) end)]]
    local result = world.run { words = "-e '" .. waits .. "'", handler = function()
        return { status = 429, headers = { "Retry-After: 40" } }
    end }
    lu.assertEquals(result.status, 0, result.err)
    local _, told = result.err:gsub("office: the platform asks us to wait until [%d:]+ %(Retry%-After: 40%)", "")
    lu.assertEquals(told, 1, result.err)
end

function tests.test_a_long_wait_for_our_own_rate_limit_is_told_once_and_not_when_quiet()
    local words <const> = [[-e 'local t = require "trunkhost" local office = t.account "office"
        pcall(t.timeout, 0.5, function() t.map({ 1, 2, 3 }, function(id) office:get(id) end) end)']]
    local account <const> = "rate = { { 1, per = 600 } }"
    local result = world.run { words = words, account = account }
    lu.assertEquals(result.status, 0, result.err)
    local _, told = result.err:gsub("office: waiting until [%d:]+ for its own rate limit %(1 request in 600 s%)", "")
    lu.assertEquals(told, 1, result.err)
    result = world.run { words = ROTATE .. "--quiet --canary 0 --deadline 1s", account = account, count = 3 }
    lu.assertEquals(result.status, 3, result.err)
    lu.assertNotStrContains(result.err, "waiting until")
end

-- ---------------------------------------------------------------------------------------------------
-- The deadline

function tests.test_a_wait_past_the_deadline_halts_at_once_and_sends_nothing_after_it()
    local result = world.run { words = ROTATE .. "--canary 0 --deadline 5s", handler = function(request, _, writes)
        return writes > 2 and limited "Retry-After: 7"(request)
    end }
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals(result.summary.done, 2)
    lu.assertEquals(result.summary.unknown + result.summary.failed, 0)
    lu.assertEquals(result.summary.left, 10)
    lu.assertStrContains(result.err, "past the deadline (5s)")
    lu.assertTrue(result.writes <= 10, "what was under way then was refused, and nothing was repeated")
end

function tests.test_what_waits_for_its_turn_is_given_back_at_the_deadline()
    local result = world.run { words = ROTATE .. "--canary 0 -j 4 --deadline 2s", account = "concurrency = 1",
        before = "--drain 3", handler = function(request, _, writes)
            return request.method == "PATCH" and writes == 3 and { hold = true }
        end }
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals(result.states, { ["1"] = "done", ["2"] = "done", ["3"] = "unknown" })
    lu.assertEquals(result.summary.left, 9)
    lu.assertEquals(result.writes, 3)
end

function tests.test_a_list_ends_at_the_deadline()
    local result = world.run { words = ROTATE .. "--deadline 1s", handler = function() return { hold = true } end }
    lu.assertEquals(result.status, 3, result.err)
    lu.assertStrContains(result.err, "the deadline (1s) has passed")
    lu.assertEquals(result.writes, 0)
end

-- ---------------------------------------------------------------------------------------------------
-- Signals

function tests.test_what_waits_as_it_was_asked_to_is_given_back_at_the_first_signal()
    local result = world.run { words = ROTATE, handler = function(request)
        if request.method == "PATCH" then world.signal "TERM" end
        return limited "Retry-After: 600"(request)
    end }
    expect_not_tried(result)
    lu.assertEquals(result.writes, 1)
end

function tests.test_a_run_whose_last_item_is_given_back_is_halted_and_not_done()
    -- No item is left whose start could be refused.
    local result = world.run { words = ROTATE, count = 1, handler = function(request)
        if request.method == "PATCH" then world.signal "TERM" end
        return limited "Retry-After: 600"(request)
    end }
    expect_not_tried(result, 1)
    lu.assertStrContains(result.err, "it was stopped by a signal. 1 item was not tried")
end

function tests.test_a_doubt_stays_one_when_the_run_stops_while_it_waits()
    local result = world.run { words = ROTATE .. "--canary 0 -j 1", before = "--drain 2",
        handler = function(request, _, writes)
            if request.method == "PATCH" and writes == 2 then world.signal "TERM" end
            return request.method == "PATCH"
                and (writes == 1 and { status = 500 } or limited "Retry-After: 600"(request))
        end }
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals(result.states, { ["1"] = "unknown" })
    lu.assertEquals(result.summary.left, 11)
end

--- Each place that waits, with what the run is to say of the first trunk when it is stopped there.
local SILENT <const> = function(request) return request.method == "PATCH" and { hold = true } end
local NEVER_REGISTERS <const> = [[updated = "revision", registration = { inbound = "registration",
    settled = { "registered", "failed" }, proven = "registered", refused = "failed", idle = "off" }]]
local PLACES <const> = {
    { name = "a transfer", handler = SILENT, state = "unknown" },
    { name = "the settle time", evidence = NEVER_REGISTERS, state = "unknown", words = "--settle-time 600s",
        handler = function(request, lines)
            if request.method == "PATCH" then
                lines[1].registration = "trying"
            end
        end },
    { name = "the delivery command", words = "--deliver 'sleep 600' --deliver-timeout 600s", state = "unknown" },
    { name = "the one delivery command", state = "failed",
        words = "--deliver 'sleep 600' --deliver-batch --deliver-timeout 600s --only 1" },
}

local function run_place(place, more, drain, on_write)
    return world.run { words = ROTATE .. (place.words or "") .. more, before = "--drain " .. drain,
        evidence = place.evidence, handler = function(request, lines, writes)
            if request.method == "PATCH" and writes == 1 then on_write() end
            return place.handler and place.handler(request, lines, writes)
        end }
end

function tests.test_draining_has_a_bound_in_each_place_that_waits()
    for _, place in ipairs(PLACES) do
        for _, how in ipairs { "signal", "deadline" } do
            local result = run_place(place, how == "deadline" and " --deadline 2s" or "", "2", function()
                if how == "signal" then world.signal "TERM" end
            end)
            local where <const> = place.name .. ", " .. how .. ": " .. result.err
            lu.assertEquals(result.status, 3, where)
            lu.assertEquals(result.states["1"], place.state, where)
            lu.assertEquals(result.writes, 1, where)
            lu.assertEquals(result.summary.halted, true, where)
        end
    end
end

function tests.test_a_second_signal_ends_each_place_that_waits_at_once()
    for _, place in ipairs(PLACES) do
        local result = run_place(place, "", "600", function()
            world.signal "TERM"
            os.execute(("(sleep 0.7; kill -TERM $(cat %s/pid)) &"):format(world.folder))
        end)
        lu.assertEquals(result.status, 3, place.name .. result.err)
        lu.assertEquals(result.states["1"], place.state, place.name .. result.err)
    end
end

--- A script that waits somewhere, and one line of what it is told.
local WAITS <const> = {
    sleep = "t.sleep(600)",
    semaphore = "local s = t.semaphore(1) s:acquire() t.spawn(function() t.sleep(600) end) s:acquire()",
    queue = "local q = t.queue() t.spawn(function() t.sleep(600) end) q:get()",
    map = "t.map({ 1, 2 }, function() t.sleep(600) end)",
    ["map of requests"] = "t.map({ 1, 2 }, function(id) t.account('office'):get(id) end)",
    request = "t.account('office'):get(1)",
    ["other request"] = "t.http.request { method = 'GET', url = 'URL/x' }",
    nursery = "t.nursery(function(n) n:spawn(t.sleep, 600) end)",
    process = "t.process.run { 'sleep', '600' }",
}

function tests.test_a_script_that_waits_ends_after_a_signal_within_the_bound_and_at_its_own_limits()
    for name, code in pairs(WAITS) do
        local start <const> = [[local t = require "trunkhost" io.open("FOLDER/begun", "w"):close() ]]
        local result = world.run { before = "--drain 1",
            words = "-e \"$(cat <<'END'\n" .. start .. [[t.spawn(function() t.sleep(0.3)
                os.execute("kill -TERM $(cat FOLDER/pid)") end) ]] .. code .. "\nEND\n)\"",
            handler = function() return { status = 429, headers = { "Retry-After: 600" } } end }
        lu.assertEquals(result.status, 3, name .. ": " .. result.err)
        local limits = [[assert(not pcall(t.timeout, 0.2, function() ]] .. code .. [[ end))
            local task = t.spawn(function() ]] .. code .. [[ end) t.sleep(0.2) task:cancel() pcall(task.await, task)
            print "over"]]
        local own = world.run { words = "-e \"$(cat <<'END'\n" .. start .. limits .. "\nos.exit(0)\nEND\n)\"",
            handler = function() return { status = 429, headers = { "Retry-After: 600" } } end }
        lu.assertEquals(own.status, 0, name .. ": " .. own.err)
        lu.assertEquals(own.out, "over\n", name)
    end
end

function tests.test_a_request_to_another_api_that_may_finish_still_gives_up_a_wait_past_the_drain_time()
    local result = world.run { before = "--drain 30", words = [[-e '
        local t = require "trunkhost"
        require("trunkhost.core").admit(true) -- as an item of a job is
        t.spawn(function() t.sleep(0.3) os.execute("kill -TERM $(cat FOLDER/pid)") end)
        local client <close> = t.http.client { base_url = "URL" }
        local _, err = pcall(client.get, client, "x")
        print(err.code)']], longest = 20,
        handler = function() return { status = 429, headers = { "Retry-After: 600" } } end }
    lu.assertEquals(result.out, "long_wait\n", result.err)
end

--- The same waits inside an item of a job: what has begun may end until the time to drain is over.
function tests.test_a_script_that_waits_in_an_item_ends_with_the_time_to_drain_and_at_a_second_signal()
    local job <const> = [[-e "$(cat <<'END'
local t = require "trunkhost"
t.job.run { name = "waits", items = { "a" }, key = function(item) return item end,
    plan = function() return { changes = { "x" } } end,
    apply = function()
        t.spawn(function() os.execute "%s" end)
        %s
    end }
END
)" --yes --json]]
    local TERM <const> = "kill -TERM $(cat FOLDER/pid)"
    local again <const> = ("%s; (sleep 0.7; %s) & "):format(TERM, TERM)
    for name, code in pairs(WAITS) do
        for drain, kills in pairs { ["1"] = TERM, ["600"] = again } do
            local result = world.run { before = "--drain " .. drain, words = job:format(kills, code),
                handler = function() return { status = 429, headers = { "Retry-After: 600" } } end }
            lu.assertEquals(result.status, 3, ("%s, --drain %s: %s%s"):format(name, drain, result.out, result.err))
            lu.assertEquals(result.summary.halted, true, name)
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Names, the ledger and the lock

--- Looking up a name takes forever: nobody writes into the pipe that stands for the file of names.
local SLOW_NAMES <const> = "unshare -m sh -c 'mkfifo FOLDER/hosts; mount --bind FOLDER/hosts /etc/hosts; "
    .. "exec \"$@\"' sh"
local NOWHERE <const> = [[return { accounts = { office = { provider = "lines", base_url = "https://slow.test",
    token = { file = "FOLDER/token" }, rate = {}, timeout = %d } } }]]

function tests.test_a_name_that_is_never_found_ends_with_the_timeout_the_deadline_and_each_signal()
    lu.skipIf(not os.execute "unshare -m mount --bind /etc/hosts /etc/hosts 2>/dev/null", "it needs root")
    local TERM <const> = "kill -TERM $(cat FOLDER/pid)"
    local function look_up(code, timeout, before)
        return world.run { around = SLOW_NAMES, config = NOWHERE:format(timeout), before = before,
            words = "-e \"$(cat <<'END'\nlocal t = require 'trunkhost' " .. code .. "\nEND\n)\"" }
    end
    local get <const> = "t.account('office'):get(1)"
    lu.assertEquals(look_up("assert(not pcall(t.timeout, 0.3, function() " .. get .. " end))", 600).status, 0)
    lu.assertEquals(look_up("local task = t.spawn(function() " .. get .. " end) t.sleep(0.2) task:cancel()", 600)
        .status, 0)
    lu.assertEquals(look_up(("t.spawn(function() t.sleep(0.2) os.execute '%s' end) %s"):format(TERM, get), 600).status,
        3)
    lu.assertEquals(look_up(("t.spawn(function() t.sleep(0.2) os.execute '%s; %s' end) %s"):format(TERM, TERM, get),
        600, "--drain 600").status, 3)
    local late <const> = world.run { around = SLOW_NAMES, config = NOWHERE:format(600), words = ROTATE
        .. "--deadline 1s" }
    lu.assertEquals({ late.status, late.writes }, { 3, 0 }, late.err)
end

function tests.test_a_ledger_that_another_program_holds_is_waited_for_with_a_bound_that_no_signal_changes()
    local hold <const> = [[setsid sh -c 'echo $$ >%s/holder; exec sqlite3 %s/ledger.db "BEGIN IMMEDIATE" \
        ".shell touch %s/held; sleep 600"' & while [ ! -e %s/held ]; do sleep 0.02; done]]
    local result = world.run { words = ROTATE .. "--canary 0 -j 1", before = "--drain 600",
        handler = function(request, _, writes)
            if request.method ~= "PATCH" or writes > 1 then return end
            os.execute(hold:gsub("%%s", world.folder))
            for _ = 1, 2 do world.signal "TERM" end
        end, after = function() os.execute(("kill -KILL -$(cat %s/holder)"):format(world.folder)) end }
    lu.assertEquals({ result.status, result.writes }, { 2, 1 }, result.err)
    lu.assertStrContains(result.err, "another program holds it")
end

function tests.test_a_lock_is_not_waited_for()
    local status
    local result = world.run { words = ROTATE .. "--canary 0", handler = function(request, _, writes)
        if request.method == "PATCH" and writes == 1 then
            local _, _, code = os.execute(("%s -c %s/config.lua --ledger %s/ledger.db %s >%s/second 2>&1"):format(
                require("program").executable, world.folder, world.folder, ROTATE, world.folder))
            status = code
        end
    end }
    lu.assertEquals({ result.status, status }, { 0, 75 }, result.err)
end

-- ---------------------------------------------------------------------------------------------------
-- Token commands

--- A configuration with these accounts: name → the command that prints its token.
local function with_commands(commands)
    local lines <const> = {}
    for name, command in pairs(commands) do
        lines[#lines + 1] = ('["%s"] = { provider = "lines", base_url = "URL/%s", rate = {}, \z
            token = { command = { "sh", "-c", %q }, timeout = 3 } }'):format(name, name, command)
    end
    return "return { accounts = { " .. table.concat(lines, ",\n") .. " } }"
end

function tests.test_a_token_command_that_fails_ends_its_account_and_the_others_go_on()
    local result = world.run { words = ROTATE .. "--account all", config = with_commands {
        good = "echo good-token-1", slow = "sleep 600", bad = "echo no such entry: part-of-a-token >&2; exit 3" } }
    lu.assertEquals(result.status, 1, result.err)
    lu.assertEquals(result.summary.done, 12, result.err)
    lu.assertEquals(result.summary.failed, 2)
    lu.assertStrContains(result.out, "failed (status 3): no such entry")
    lu.assertStrContains(result.out, "did not end within 3 s and was killed")
end

function tests.test_token_commands_run_side_by_side_and_once_for_each_account()
    -- Each waits for the other: one after the other they would never end.
    local function meet(mine, other)
        return ("echo >>FOLDER/%s; while [ ! -s FOLDER/%s ]; do sleep 0.02; done; echo token-of-%s"):format(mine, other,
            mine)
    end
    local result = world.run { words = ROTATE .. "--account all",
        config = with_commands { a = meet("a", "b"), b = meet("b", "a") } }
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.summary.done, 24)
    local once = world.run { words = "-e \"local t = require 'trunkhost' t.map({ 1, 2, 3 }, function() \z
        t.account 'a' end) print(io.open('FOLDER/ran'):read 'a')\"",
        config = with_commands { a = "echo x >>FOLDER/ran; sleep 0.1; echo token" } }
    lu.assertEquals(once.out, "x\n\n", once.err)
end

function tests.test_a_token_command_ends_with_the_run()
    for _, how in ipairs { "signal", "deadline" } do
        local stop <const> = how == "signal" and "kill -TERM $(cat FOLDER/pid); " or ""
        local result = world.run { words = ROTATE .. (how == "deadline" and "--deadline 1s" or ""),
            config = (with_commands { a = stop .. "trap '' TERM; sleep 600" }:gsub("timeout = 3", "timeout = 600")) }
        lu.assertEquals(result.status, 3, result.err)
        lu.assertEquals(result.writes, 0)
    end
end

function tests.test_a_module_may_open_an_account_with_a_token_command_while_it_is_loaded()
    local code <const> = [[package.preload.own = function() return require "trunkhost".account "a" end ]]
    local result = world.run { words = "-e '" .. code .. "print((require \"own\"):get(1).id)'",
        config = with_commands { a = "sleep 0.1; echo a-good-token" } }
    lu.assertEquals({ result.status, result.out }, { 0, "1\n" }, result.err)
    local stopped = world.run { words = "-e '" .. code .. "require \"own\"'",
        config = with_commands { a = "kill -TERM $(cat FOLDER/pid); exec sleep 600" } }
    lu.assertEquals(stopped.status, 3, stopped.err)
end

function tests.test_what_a_token_command_prints_is_bounded_and_in_no_error()
    local result = world.run { words = "-e \"require('trunkhost').account 'a'\"",
        config = with_commands { a = "echo very-secret-token; echo refused: very-secret-token >&2; exit 1" } }
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, "refused: ")
    lu.assertNotStrContains(result.err, "very-secret")
    result = world.run { words = "-e \"require('trunkhost').account 'a'\"",
        config = with_commands { a = "yes; sleep 600" } }
    lu.assertStrContains(result.err, "printed too much for a token")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "waiting", tests } })
