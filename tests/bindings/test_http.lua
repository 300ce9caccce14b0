--- trunkhost.http.request and what it shares with clients: replies, headers, JSON, what is repeated, what a dry run
--- lets out, what errors say and what they do not.

package.path = "tests/support/?.lua;" .. package.path
local http_server <const> = require "http_server"
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local http <const> = trunkhost.http
local tests = {}

--- The error object that a call raises.
local function failure(fn, ...)
    local ok, err = pcall(fn, ...)
    lu.assertFalse(ok, "no error was raised")
    return err
end

--- Runs Lua code in a program of its own while the server here goes on answering.
local function run(code, ...)
    local words <const> = { program.executable, ... }
    words[#words + 1] = "-e"
    words[#words + 1] = 'local trunkhost = require "trunkhost" local http = trunkhost.http ' .. code
    words.timeout = 60
    return trunkhost.process.run(words)
end

-- ---------------------------------------------------------------------------------------------------
-- Replies

function tests.test_every_status_is_a_reply_of_a_plain_request()
    for _, status in ipairs { 200, 302, 404, 422, 503 } do
        local server <close> = http_server.script { status = status, body = "words" }
        local reply <const> = http.request { method = "POST", url = server.url .. "/x", body = "{}" }
        lu.assertEquals(reply.status, status)
        lu.assertEquals(reply.body, "words")
        lu.assertEquals(#server.requests, 1)
    end
end

function tests.test_headers_are_found_in_any_case()
    local server <close> = http_server.script { headers = { "X-Total-COUNT: 42", "Content-Type: text/plain" } }
    local headers <const> = http.request { url = server.url }.headers
    lu.assertEquals(headers["X-Total-Count"], "42")
    lu.assertEquals(headers["x-total-count"], "42")
    lu.assertEquals(headers["CONTENT-TYPE"], headers["content-type"])
    lu.assertNil(headers["x-other"])
    local names <const> = {}
    for name in pairs(headers) do names[#names + 1] = name end
    table.sort(names)
    lu.assertEquals(names, { "content-length", "content-type", "x-total-count" })
end

function tests.test_repeated_headers_are_joined_and_each_can_be_had()
    local server <close> = http_server.script { headers = { "Set-Cookie: a=1, b", "Link: one", "set-cookie: c=2" } }
    local headers <const> = http.request { url = server.url }.headers
    lu.assertEquals(headers["Set-Cookie"], "a=1, b, c=2")
    lu.assertEquals(headers:all "Set-Cookie", { "a=1, b", "c=2" })
    lu.assertEquals(headers:all "link", { "one" })
    lu.assertEquals(headers:all "X-Other", {})
end

function tests.test_a_header_with_the_name_of_the_method_does_not_replace_it()
    local server <close> = http_server.script { headers = { "All: 1" } }
    lu.assertEquals(http.request { url = server.url }.headers:all "all", { "1" })
end

function tests.test_json_is_decoded_when_the_reply_says_so_or_when_asked()
    local text <const> = '{"id":12345678901234567,"none":null,"list":[]}'
    local says <close> = http_server.script { body = text, headers = { "Content-Type: application/json" } }
    local silent <close> = http_server.script { body = text, headers = { "Content-Type: text/plain" } }
    local value <const> = http.request { url = says.url }.json
    lu.assertEquals(value.id, 12345678901234567)
    lu.assertEquals(value.none, trunkhost.null)
    lu.assertTrue(trunkhost.json.is_array(value.list))
    lu.assertNil(http.request { url = silent.url }.json)
    lu.assertEquals(http.request { url = silent.url, decode = "json" }.json.id, 12345678901234567)
    lu.assertNil(http.request { url = says.url, decode = false }.json)
end

function tests.test_bodies_are_json_text_or_a_form()
    local server <close> = http_server.script { status = 200 }
    local function sent() return server.requests[#server.requests] end
    http.request { method = "POST", url = server.url, json = { a = trunkhost.json.array {} } }
    lu.assertEquals(sent().body, '{"a":[]}')
    lu.assertEquals(sent().headers["content-type"], "application/json")
    http.request { method = "POST", url = server.url, json = {}, headers = { ["content-type"] = "application/x+json" } }
    lu.assertEquals(sent().headers["content-type"], "application/x+json")
    http.request { method = "PUT", url = server.url, form = { b = "x&y", a = { 1, "ü" } } }
    lu.assertEquals(sent().body, "a=1&a=%C3%BC&b=x%26y")
    lu.assertEquals(sent().headers["content-type"], "application/x-www-form-urlencoded")
    http.request { method = "PATCH", url = server.url, body = "a\0b" }
    lu.assertEquals(sent().body, "a\0b")
    lu.assertNil(sent().headers["content-type"])
end

function tests.test_the_query_is_escaped_and_added_to_what_is_there()
    local server <close> = http_server.script { status = 200 }
    http.request { url = server.url .. "/x?a=1", query = { q = "b c&d", n = 2.0, yes = true, list = { "x", "y" } } }
    lu.assertEquals(server.requests[1].target, "/x?a=1&list=x&list=y&n=2&q=b%20c%26d&yes=true")
end

-- ---------------------------------------------------------------------------------------------------
-- Writes

function tests.test_what_changes_nothing_is_asked_again_when_the_server_fails()
    for _, method in ipairs { "GET", "HEAD", "OPTIONS" } do
        local server <close> = http_server.script({ status = 503 }, { drop = true }, { body = "" })
        local reply <const> = http.request { method = method, url = server.url }
        lu.assertEquals(reply.status, 200)
        lu.assertEquals(reply.attempts, 3)
    end
end

function tests.test_a_write_whose_reply_is_lost_is_not_sent_again()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
        local server <close> = http_server.script { drop = true }
        local err <const> = failure(http.request, { method = method, url = server.url .. "/calls" })
        lu.assertEquals(trunkhost.is_error(err), "unknown_outcome")
        lu.assertTrue(err.ambiguous)
        lu.assertFalse(err.retryable)
        lu.assertEquals(err.attempts, 1)
        lu.assertStrContains(err.message, method .. " " .. server.url .. "/calls: it is not known whether")
        trunkhost.sleep(0)
        lu.assertEquals(#server.requests, 1)
    end
end

function tests.test_a_write_that_is_repeatable_is_sent_again()
    local server <close> = http_server.script({ drop = true }, { status = 200 })
    lu.assertEquals(http.request { method = "PUT", url = server.url, body = "x", repeatable = true }.attempts, 2)
    lu.assertEquals(server.requests[2].body, "x")
end

function tests.test_an_idempotency_key_makes_a_post_repeatable_and_stays_the_same()
    local server <close> = http_server.script({ drop = true }, { status = 503 }, { status = 201 })
    lu.assertEquals(http.request { method = "POST", url = server.url, json = {}, idempotency_key = true }.attempts, 3)
    lu.assertEquals(http.client { base_url = server.url }:post("/", { json = {}, idempotency_key = true }).status, 201)
    lu.assertEquals(http.request { method = "POST", url = server.url, idempotency_key = "run-7" }.status, 201)
    local keys <const> = {}
    for i, request in ipairs(server.requests) do keys[i] = request.headers["idempotency-key"] end
    lu.assertStrMatches(keys[1], "%w+")
    lu.assertTrue(#keys[1] >= 32)
    lu.assertEquals(keys[2], keys[1])
    lu.assertEquals(keys[3], keys[1])
    lu.assertNotEquals(keys[4], keys[1])
    lu.assertEquals(keys[5], "run-7")
end

function tests.test_a_dry_run_lets_nothing_but_get_out()
    local server <close> = http_server.script { body = "read" }
    local result <const> = program.ok(run(([[
        local client = http.client { base_url = %q }
        for _, method in ipairs { "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "BREW", "get" } do
            local ok, err = pcall(http.request, { method = method, url = %q .. "/x?token=4711" })
            local also, same = pcall(client.request, client, { method = method, path = "x", query = { token = 4711 } })
            print(ok and "sent" or err.kind, ok and "" or err.message)
            assert(also == ok and (ok or same.message == err.message), tostring(same))
        end]]):format(server.url, server.url), "-n"))
    for _, method in ipairs { "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "BREW" } do
        lu.assertStrContains(result.out, ("invalid\tdry run: %s %s/x?… was not sent\n"):format(method, server.url))
    end
    lu.assertStrContains(result.out, "sent\t\n")
    lu.assertEquals(#server.requests, 2)
    lu.assertEquals({ server.requests[1].method, server.requests[2].method }, { "GET", "GET" })
end

-- ---------------------------------------------------------------------------------------------------
-- Mistakes and faults

function tests.test_an_unknown_option_is_an_error_at_its_line_with_a_suggestion()
    local chunk <const> = load('local http = ...\nlocal reply\n= http.request { url = "http://x",'
        .. ' heades = {} }', "=script.lua")
    lu.assertErrorMsgEquals("script.lua:3: http.request: no option 'heades' (did you mean 'headers'?)", chunk, http)
    local client <close> = http.client { base_url = "http://localhost" }
    lu.assertErrorMsgContains("http: no option 'qurey' (did you mean 'query'?)", client.get, client, "x",
        { qurey = {} })
    lu.assertErrorMsgContains("http.client: no option 'tokn' (did you mean 'token'?)", http.client,
        { base_url = "http://localhost", tokn = {} })
    lu.assertErrorMsgContains("an HTTP client has no 'gett' (did you mean 'get'?)",
        function() return client.gett end)
end

function tests.test_options_of_a_wrong_form_are_errors_that_say_the_right_one()
    local url <const> = "http://localhost/"
    for text, request in pairs {
        ["needs a url"] = {},
        ["timeout must be seconds"] = { url = url, timeout = 0 },
        ["only one of json and body"] = { url = url, json = {}, body = "" },
        ["headers must be a table of name = text or secret, but X is a boolean"] = { url = url,
            headers = { X = true } },
        ["headers has a name that no header can have: 'X Y'"] = { url = url, headers = { ["X Y"] = "1" } },
        ["must not contain Content-Length"] = { url = url, headers = { ["Content-Length"] = "1" } },
        ['decode must be "json" or false'] = { url = url, decode = "yaml" },
        ["max_bytes must be a number of bytes"] = { url = url, max_bytes = -1 },
        ["repeatable must be true or false"] = { url = url, repeatable = "yes" },
        ["on cannot contain 'unknown_outcome'"] = { url = url, retry = { on = { "unknown_outcome" } } },
        ["times must be an integer"] = { url = url, retry = { times = 0 } },
        ["retry has no member 'pause'"] = { url = url, retry = { pause = 1 } },
        ["timeout must be seconds, above 0"] = { url = url, timeout = 0 / 0 },
        ["line break or another control character in X-A"] = { url = url, headers = { ["X-A"] = "a\r\nX-B: 1" } },
        ["no header can have: 'X-A??X-B'"] = { url = url, headers = { ["X-A\r\nX-B"] = "1" } },
        ["a HEAD request has no body"] = { url = url, method = "HEAD", to = "x" },
    } do
        lu.assertErrorMsgContains(text, http.request, request)
    end
end

function tests.test_a_line_break_in_a_header_is_refused_and_a_secret_one_is_not_shown()
    local err <const> = failure(http.request, { url = "http://127.0.0.1:9/",
        headers = { ["X-Key"] = trunkhost.secret { from = "abc\r\nX-Other: 1" } } })
    lu.assertStrContains(tostring(err), "X-Key")
    lu.assertNotStrContains(tostring(err), "abc")
end

function tests.test_addresses_that_would_give_something_away_are_refused_and_not_quoted()
    for _, url in ipairs { "http://user:hunter2@127.0.0.1/", "https://user:hunter2@example.com/x",
        "http://example.com/?key=hunter2", "ftp://example.com/hunter2", "example.com/hunter2",
        "http://127.0.0.1\\@example.com/hunter2", "http://127.0.0.1@example.com/hunter2" } do
        local err <const> = failure(http.request, { url = url })
        lu.assertEquals(trunkhost.is_error(err), "invalid", url)
        lu.assertEquals(err.attempts, 0)
        lu.assertNotStrContains(tostring(err), "hunter2")
    end
end

function tests.test_errors_name_method_and_address_without_the_query()
    local server <close> = http_server.script { drop = true }
    local err <const> = failure(http.request, { url = server.url .. "/x?token=hunter2#part", retry = false,
        query = { key = "hunter3" } })
    lu.assertEquals(trunkhost.is_error(err), "network")
    lu.assertStrContains(tostring(err), "GET " .. server.url .. "/x?…: no complete reply")
    lu.assertNotStrContains(tostring(err), "hunter")
end

function tests.test_a_secret_address_is_shown_as_its_host()
    local server <close> = http_server.script { drop = true }
    local hook <const> = trunkhost.secret { from = server.url .. "/hooks/T0/hunter2" }
    local err <const> = failure(http.request, { method = "POST", url = hook, json = {} })
    lu.assertStrContains(err.message, "POST " .. server.url .. "/…: ")
    lu.assertNotStrContains(tostring(err), "hunter2")
    lu.assertEquals(server.requests[1].target, "/hooks/T0/hunter2")
end

function tests.test_what_a_task_waits_for_is_said_without_the_query()
    local server <close> = http_server.start(function(request)
        trunkhost.uv.kill(math.tointeger(request.headers["x-process"]), "sigusr1")
    end)
    local result <const> = run(([[
        local uv, told = trunkhost.uv, trunkhost.queue()
        uv.new_signal():start("sigusr1", function() told:put(true) end)
        trunkhost.spawn(function() http.request { url = %q, headers = { ["X-Process"] = uv.os_getpid() } } end)
        told:get()
        os.exit(0)]]):format(server.url .. "/x?token=hunter2"))
    lu.assertStrContains(result.err, "the reply to GET " .. server.url .. "/x?…")
    lu.assertNotStrContains(result.err, "hunter2")
end

function tests.test_a_reply_larger_than_max_bytes_is_not_taken()
    local server <close> = http_server.script { fill = 100000 }
    local err <const> = failure(http.request, { url = server.url .. "/x", max_bytes = 1000 })
    lu.assertEquals(trunkhost.is_error(err), "malformed")
    lu.assertStrContains(err.message, "max_bytes")
    lu.assertEquals(err.attempts, 1)
    lu.assertEquals(#http.request { url = server.url .. "/x", max_bytes = 100000 }.body, 100000)
end

function tests.test_head_may_speak_of_more_than_would_be_taken()
    local server <close> = http_server.script { fill = 1 << 40 }
    local reply <const> = http.request { method = "HEAD", url = server.url }
    lu.assertEquals(reply.headers["Content-Length"], tostring(1 << 40))
end

-- ---------------------------------------------------------------------------------------------------
-- The operator stops the run

--- A server that presses Ctrl-C in the program that asks it, and answers then.
local function stopping_server(reply)
    return http_server.start(function(request)
        trunkhost.uv.kill(math.tointeger(request.headers["x-process"]), "sigint")
        return reply
    end)
end

function tests.test_a_write_under_way_ends_when_the_run_is_stopped()
    local server <close> = stopping_server { status = 201 }
    local result <const> = run(([[
        local stopped = trunkhost.queue()
        trunkhost.uv.new_signal():start("sigint", function() stopped:put(true) end)
        local headers = { ["X-Process"] = trunkhost.uv.os_getpid() }
        print(http.request { method = "POST", url = %q, headers = headers }.status)
        stopped:get()
        http.request { url = %q, headers = headers }]]):format(server.url, server.url))
    lu.assertEquals(result.status, 3, result.err)
    lu.assertEquals(result.out, "201\n")
    lu.assertEquals(#server.requests, 1)
end

function tests.test_a_question_under_way_is_broken_off_when_the_run_is_stopped()
    local server <close> = stopping_server { hold = true }
    local result <const> = run(([[
        local _, err = pcall(http.request, { url = %q, headers = { ["X-Process"] = trunkhost.uv.os_getpid() } })
        print(err)
        error(err, 0)]])
        :format(server.url .. "/x?token=hunter2"))
    lu.assertEquals(result.status, 3, result.err)
    lu.assertStrContains(result.out, ("cancelled: the run is stopping: GET %s/x?… was broken off"):format(server.url))
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "http", tests } })
