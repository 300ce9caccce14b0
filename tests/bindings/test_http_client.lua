--- trunkhost.http.client: where its requests go, what they carry, how they are paced and repeated, and the errors that
--- they raise.

package.path = "tests/support/?.lua;" .. package.path
local http_server <const> = require "http_server"
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local http <const> = trunkhost.http
local tests = {}

local function failure(fn, ...)
    local ok, err = pcall(fn, ...)
    lu.assertFalse(ok, "no error was raised")
    return err
end

local function kind_of(fn, ...)
    return trunkhost.is_error(failure(fn, ...))
end

local JSON <const> = { "Content-Type: application/json" }

-- ---------------------------------------------------------------------------------------------------
-- Addresses

function tests.test_paths_are_joined_below_the_base()
    local server <close> = http_server.script { status = 200 }
    for _, base in ipairs { server.url .. "/api/v1", server.url .. "/api/v1/" } do
        local client <close> = http.client { base_url = base }
        for path, target in pairs {
            ["users"] = "/api/v1/users", ["/users"] = "/api/v1/users", [""] = "/api/v1", ["users/"] = "/api/v1/users/",
            ["users?a=1"] = "/api/v1/users?a=1", ["?a=1"] = "/api/v1?a=1", ["a%2Fb"] = "/api/v1/a%2Fb",
            ["..."] = "/api/v1/...", ["@example.com"] = "/api/v1/@example.com",
        } do
            client:get(path)
            lu.assertEquals(server.requests[#server.requests].target, target)
        end
        client:get()
        lu.assertEquals(server.requests[#server.requests].target, "/api/v1")
    end
    local bare <close> = http.client { base_url = server.url }
    bare:get()
    lu.assertEquals(server.requests[#server.requests].target, "/")
end

function tests.test_a_path_in_parts_is_escaped()
    local server <close> = http_server.script { status = 200 }
    local client <close> = http.client { base_url = server.url .. "/api" }
    client:get({ "users", "Jürgen/../?x=1#%", 42, 7.0 }, { query = { a = 1 } })
    lu.assertEquals(server.requests[1].target, "/api/users/J%C3%BCrgen%2F..%2F%3Fx%3D1%23%25/42/7?a=1")
end

function tests.test_no_path_leaves_the_base()
    local client <close> = http.client { base_url = "http://127.0.0.1:9/api" }
    for path, words in pairs {
        ["../admin"] = "leave the base", ["a/../../admin"] = "leave the base", ["%2e%2E/admin"] = "leave the base",
        ["."] = "leave the base", ["//example.com/x"] = "another host", ["https://example.com/x"] = "another server",
        ["http://127.0.0.1:10/api"] = "another server", ["https://127.0.0.1:9/api"] = "another server",
        ["http://127.0.0.1:9@example.com/"] = "user name", ["http://user@127.0.0.1:9/"] = "user name",
        ["ftp://127.0.0.1:9/"] = "https://", ["a b"] = "0x20", ["a\r\nX: y"] = "0x0D", ["a\\b"] = "'\\'",
        ["ü"] = "0xC3", ["a#b"] = "fragment", ["100%"] = "two hexadecimal digits",
        ["http://127.0.0.1:9\\@example.com/"] = "'\\'",
    } do
        local err <const> = failure(client.get, client, path)
        lu.assertEquals(trunkhost.is_error(err), "invalid", path)
        lu.assertStrContains(err.message, words)
        lu.assertEquals(err.attempts, 0)
    end
    for _, parts in ipairs { { ".." }, { "a", "." }, { "" }, { {} }, { trunkhost.secret {} } } do
        lu.assertEquals(kind_of(client.get, client, parts), "invalid")
    end
end

function tests.test_an_address_of_the_same_server_is_followed_as_a_list_gives_it()
    local server <close> = http_server.script { status = 200 }
    local client <close> = http.client { base_url = server.url .. "/api", token = trunkhost.secret { from = "t0ken" } }
    client:get(server.url .. "/api/users?page=2")
    client:get((server.url:gsub("^http", "HTTP")) .. "/other")
    lu.assertEquals(server.requests[1].target, "/api/users?page=2")
    lu.assertEquals(server.requests[1].headers.authorization, "Bearer t0ken")
    lu.assertEquals(server.requests[2].target, "/other")
    client:get((server.url:gsub("127%.0%.0%.1", "127.1")) .. "/third")
    lu.assertEquals(server.requests[3].target, "/third")
end

function tests.test_a_base_without_tls_or_with_credentials_is_refused()
    for base, words in pairs {
        ["http://pbx.example.com"] = "plain http", ["https://user:hunter2@pbx.example.com"] = "auth",
        ["pbx.example.com/hunter2"] = "https://", ["https://pbx.example.com/?key=hunter2"] = "query",
        ["https:///hunter2"] = "names no host", ["https://pbx.example.com/../hunter2"] = "leave",
    } do
        local err <const> = failure(http.client, { base_url = base })
        lu.assertEquals(trunkhost.is_error(err), "invalid", base)
        lu.assertStrContains(err.message, words)
        lu.assertNotStrContains(tostring(err), "hunter2")
    end
end

function tests.test_plain_http_to_another_host_needs_to_be_allowed()
    local client <close> = http.client { base_url = "http://host.invalid/", allow_plain_http = true,
        retry = false, timeout = 5 }
    local err <const> = failure(client.get, client, "x")
    lu.assertEquals(trunkhost.is_error(err), "network")
    lu.assertStrContains(err.message, "host.invalid")
end

function tests.test_redirects_are_not_followed()
    local server <close> = http_server.script { status = 302,
        headers = { "Location: https://example.com/login?token=hunter2" } }
    local client <close> = http.client { base_url = server.url }
    local err <const> = failure(client.get, client, "x")
    lu.assertEquals(trunkhost.is_error(err), "refused")
    lu.assertEquals(err.status, 302)
    lu.assertStrContains(err.message, "a redirect to https://example.com/login, and redirects are not followed")
    lu.assertNotStrContains(tostring(err), "hunter2")
    lu.assertEquals(#server.requests, 1)
end

-- ---------------------------------------------------------------------------------------------------
-- What requests carry

function tests.test_headers_of_the_client_and_of_the_call_go_together()
    local server <close> = http_server.script { status = 200 }
    local client <close> = http.client { base_url = server.url,
        query = { key = trunkhost.secret { from = "k" }, v = 1 },
        headers = { ["X-Api-Key"] = trunkhost.secret { from = "s3cret" }, Accept = "text/csv", ["X-Left"] = "out" } }
    client:post("x", { json = {}, query = { v = 2 }, headers = { accept = "application/json", ["x-left"] = false,
        ["X-Number"] = 7 } })
    local got <const> = server.requests[1]
    lu.assertEquals(got.headers["x-api-key"], "s3cret")
    lu.assertEquals(got.headers.accept, "application/json")
    lu.assertEquals(got.headers["x-number"], "7")
    lu.assertNil(got.headers["x-left"])
    lu.assertEquals(got.target, "/x?key=k&v=2")
end

function tests.test_credentials_come_from_where_those_of_accounts_come_from()
    local server <close> = http_server.script { status = 200 }
    local folder <const> = program.folder()
    program.write(folder .. "/token", "from-file\n", "600")
    for wanted, given in pairs {
        ["Bearer from-file"] = { token = { file = folder .. "/token" } },
        ["Bearer from-command"] = { auth = { bearer = { command = { "printf", "from-command" } } } },
        ["Bearer from-secret"] = { auth = { bearer = trunkhost.secret { from = "from-secret" } } },
        ["Basic dXNlcjpwYTpzcw=="] = { auth = { basic = { "user", trunkhost.secret { from = "pa:ss" } } } },
    } do
        given.base_url = server.url
        http.client(given):get "x"
        lu.assertEquals(server.requests[#server.requests].headers.authorization, wanted)
    end
    program.remove(folder)
    lu.assertErrorMsgContains("http.client: token must say where the secret is", http.client,
        { base_url = server.url, token = "in the script" })
    lu.assertErrorMsgContains("http.client: only one of auth and token", http.client, { base_url = server.url,
        token = { env = "A" }, auth = { bearer = { env = "A" } } })
    lu.assertErrorMsgContains("THIS_IS_NOT_SET", http.client, { base_url = server.url,
        token = { env = "THIS_IS_NOT_SET" } })
end

function tests.test_no_secret_comes_back_in_an_error()
    local secrets <const> = { "t0ken-aaaa", "h3ader-bbbb", "json-cccc", "query-dddd", "form-eeee" }
    local server <close> = http_server.start(function(request)
        -- A server that quotes everything that it was told.
        local quoted = request.target .. " " .. (request.headers.authorization or "") .. " "
            .. (request.headers["x-key"] or "") .. " " .. request.body
        return { status = 422, headers = JSON, body = trunkhost.json.encode { message = ("%s; "):rep(2)
            :format(quoted, quoted), code = "bad " .. (request.headers["x-key"] or "") } }
    end)
    local function secret(i) return trunkhost.secret { from = secrets[i] } end
    local client <close> = http.client { base_url = server.url, token = secret(1), headers = { ["X-Key"] = secret(2) } }
    for _, call in ipairs { { json = { deep = { { secret(3) } } }, query = { q = secret(4) } },
        { form = { f = secret(5) } } } do
        local err <const> = failure(client.post, client, "x", call)
        lu.assertStrContains(err.message, "***")
        for _, text in ipairs(secrets) do
            lu.assertNotStrContains(tostring(err) .. err.message .. err.code, text)
        end
    end
end

function tests.test_a_long_answer_is_cut_after_its_secrets_are_hidden()
    local server <close> = http_server.script { status = 400, body = ("x"):rep(290) .. "s3cret-word" .. ("y"):rep(500) }
    local client <close> = http.client { base_url = server.url, token = trunkhost.secret { from = "s3cret-word" } }
    local err <const> = failure(client.get, client, "x")
    lu.assertNotStrContains(err.message, "s3cr")
    lu.assertTrue(#err.message < 400)
end

function tests.test_a_secret_that_no_message_could_contain_is_hidden_all_the_same()
    local text <const> = "line one\nline\ttwo \xc2\x9b31m"
    local server <close> = http_server.start(function(request)
        return { status = 400, headers = JSON, body = '{"message":' .. request.body .. "}" }
    end)
    local client <close> = http.client { base_url = server.url }
    local err <const> = failure(client.post, client, "x", { json = trunkhost.secret { from = text } })
    lu.assertStrContains(err.message, "HTTP status 400: ***")
    lu.assertNotStrContains(err.message, "line")
end

-- ---------------------------------------------------------------------------------------------------
-- Errors

function tests.test_a_status_raises_its_kind()
    for status, kind in pairs { [400] = "refused", [401] = "auth", [403] = "auth", [404] = "not_found",
        [409] = "conflict", [410] = "not_found", [422] = "refused", [304] = "refused" } do
        local server <close> = http_server.script { status = status }
        local client <close> = http.client { base_url = server.url }
        for _, method in ipairs { "get", "post", "delete" } do
            local err <const> = failure(client[method], client, "x")
            lu.assertEquals(trunkhost.is_error(err), kind)
            lu.assertEquals(err.status, status)
            lu.assertEquals(err.attempts, 1)
            lu.assertFalse(err.ambiguous)
            lu.assertFalse(err.retryable)
        end
        lu.assertEquals(#server.requests, 3)
    end
end

function tests.test_an_error_says_what_the_server_says()
    for body, words in pairs {
        ['{"message":"no such extension"}'] = "HTTP status 422: no such extension",
        ['{"error":{"message":"nested"}}'] = "HTTP status 422: nested",
        ['{"errors":[{"msg":"one"},{"x":1},{"msg":"two"}]}'] = "HTTP status 422: one; two",
        ['{"detail":["a",7]}'] = "HTTP status 422: a; 7",
        ["plain\nwords"] = "HTTP status 422: plain words",
        ["<html><body>nginx</body></html>"] = "HTTP status 422: with a page of HTML",
        ["\1\2\3"] = "HTTP status 422", ["{}"] = "HTTP status 422", [""] = "HTTP status 422",
        ["[1,"] = "HTTP status 422",
    } do
        local server <close> = http_server.script { status = 422, body = body }
        local client <close> = http.client { base_url = server.url .. "/api" }
        local err <const> = failure(client.put, client, "x", { query = { a = 1 } })
        lu.assertStrContains(err.message, ("PUT %s/api/x?…: %s"):format(server.url, words))
        lu.assertStrMatches(tostring(err), "^refused %(HTTP 422%): PUT .*")
    end
    local server <close> = http_server.script { status = 409, body = '{"message":"taken","code":"E17"}' }
    local client <close> = http.client { base_url = server.url }
    lu.assertEquals(failure(client.post, client, "x").code, "E17")
end

function tests.test_statuses_that_are_expected_are_replies()
    local server <close> = http_server.script { status = 404, body = '{"a":1}', headers = JSON }
    local client <close> = http.client { base_url = server.url }
    lu.assertEquals(client:get("x", { expect = 404 }).json.a, 1)
    lu.assertEquals(client:get("x", { expect = { 410, 404 } }).status, 404)
    lu.assertEquals(client:delete("x", { expect = "any" }).status, 404)
    lu.assertEquals(kind_of(client.get, client, "x", { expect = 410 }), "not_found")
end

function tests.test_a_reply_that_is_not_the_json_it_says_is_an_error()
    local server <close> = http_server.script { body = '{"a":1,"a":2}', headers = JSON }
    local client <close> = http.client { base_url = server.url }
    local err <const> = failure(client.get, client, "x")
    lu.assertEquals(trunkhost.is_error(err), "malformed")
    lu.assertEquals(err.status, 200)
    lu.assertEquals(kind_of(client.post, client, "x"), "unknown_outcome")
    lu.assertEquals(client:post("x", { decode = false }).body, '{"a":1,"a":2}')
    lu.assertEquals(#server.requests, 3)
    local empty <close> = http_server.script { status = 204, headers = JSON }
    local other <close> = http.client { base_url = empty.url }
    lu.assertNil(other:get("x").json)
    lu.assertEquals(kind_of(other.get, other, "x", { decode = "json" }), "malformed")
end

function tests.test_a_time_limit_raises_timeout()
    local server <close> = http_server.script { hold = true }
    local client <close> = http.client { base_url = server.url, timeout = 0.05, retry = { times = 2 } }
    local err <const> = failure(client.get, client, "x")
    lu.assertEquals(trunkhost.is_error(err), "timeout")
    lu.assertEquals(err.attempts, 2)
    lu.assertTrue(err.retryable)
    lu.assertFalse(err.ambiguous)
    lu.assertEquals(kind_of(client.post, client, "x"), "unknown_outcome")
    lu.assertEquals(#server.requests, 3)
    local slow <close> = http.client { base_url = server.url, retry = false }
    lu.assertEquals(kind_of(slow.get, slow, "x", { timeout = 0.05 }), "timeout")
end

-- ---------------------------------------------------------------------------------------------------
-- Writes and repeats

function tests.test_a_get_that_fails_is_asked_again_and_a_write_is_not()
    for method, attempts in pairs { get = 2, head = 2 } do
        local server <close> = http_server.script({ status = 503 }, { status = 200 })
        local client <close> = http.client { base_url = server.url }
        lu.assertEquals(client[method](client, "x").attempts, attempts)
    end
    for _, first in ipairs { { status = 503 }, { drop = true }, { body = "0123456789", cut = 5 } } do
        for _, method in ipairs { "post", "put", "patch", "delete" } do
            local server <close> = http_server.script(first, { status = 200 })
            local client <close> = http.client { base_url = server.url }
            local err <const> = failure(client[method], client, "calls", { json = { to = "+49" } })
            lu.assertEquals(trunkhost.is_error(err), "unknown_outcome", method)
            lu.assertTrue(err.ambiguous)
            lu.assertFalse(err.retryable)
            lu.assertEquals(err.attempts, 1)
            trunkhost.sleep(0)
            lu.assertEquals(#server.requests, 1)
        end
    end
end

function tests.test_a_repeatable_write_is_repeated_and_says_what_happened_when_that_does_not_help()
    local server <close> = http_server.script { status = 503 }
    local client <close> = http.client { base_url = server.url, retry = { times = 2 } }
    local err <const> = failure(client.put, client, "x", { json = {}, repeatable = true })
    lu.assertEquals(trunkhost.is_error(err), "unavailable")
    lu.assertEquals(err.attempts, 2)
    lu.assertTrue(err.ambiguous)
    lu.assertTrue(err.retryable)
end

function tests.test_a_write_that_nobody_got_is_no_doubt()
    local client <close> = http.client { base_url = "http://127.0.0.1:9", retry = { times = 2 } }
    local err <const> = failure(client.post, client, "x", { json = {} })
    lu.assertEquals(trunkhost.is_error(err), "network")
    lu.assertFalse(err.ambiguous)
    lu.assertTrue(err.retryable)
    lu.assertStrContains(err.message, "nothing was sent")
end

function tests.test_the_policy_of_repeats_is_the_callers()
    local function attempts(first, retry, call)
        local server <close> = http_server.script(first, first, first, { status = 200 })
        local client <close> = http.client { base_url = server.url, retry = retry }
        pcall(client.get, client, "x", call)
        return #server.requests
    end
    local unavailable <const>, limited <const> = { status = 503 }, { status = 429, headers = { "Retry-After: 0" } }
    lu.assertEquals(attempts(unavailable, false), 1)
    lu.assertEquals(attempts(unavailable, { times = 2 }), 2)
    lu.assertEquals(attempts(unavailable, { times = 2 }, { retry = { times = 1 } }), 1)
    lu.assertEquals(attempts(unavailable, { on = { "network", "rate_limited" } }), 1)
    lu.assertEquals(attempts(limited), 4)
    lu.assertEquals(attempts(limited, { times = 2 }), 2)
    lu.assertEquals(attempts(limited, { on = { "network" } }), 1)
    lu.assertEquals(attempts({ drop = true }, { on = { "unavailable" } }), 1)
    lu.assertEquals(attempts({ drop = true }, { times = 3, on = { "network" } }), 3)
end

function tests.test_a_429_holds_everybody_back_for_as_long_as_it_says()
    local server <close> = http_server.start(function(_, number)
        return number == 1 and { status = 429, headers = { "Retry-After: 1" } } or { status = 200 }
    end)
    local client <close> = http.client { base_url = server.url }
    local waiting
    trunkhost.nursery(function(nursery)
        local first <const> = nursery:spawn(client.post, client, "x", { json = {} })
        while client:pace().limited == 0 do trunkhost.sleep(0.001) end
        local second <const> = nursery:spawn(client.get, client, "y")
        trunkhost.sleep(0)
        waiting = client:pace()
        lu.assertEquals(#server.requests, 1)
        lu.assertEquals(first:await().attempts, 2)
        lu.assertEquals(second:await().attempts, 1)
    end)
    lu.assertEquals(waiting.waiting_for, "Retry-After")
    lu.assertEquals(waiting.queued, 2)
    lu.assertEquals(server.requests[2].method, "POST") -- what was turned away goes first
end

function tests.test_a_header_without_end_is_told_as_one()
    local server <close> = http_server.script { raw = "HTTP/1.1 200 OK\r\nX-A: " .. ("a"):rep(300000) .. "\r\n\r\n" }
    local client <close> = http.client { base_url = server.url }
    local err <const> = failure(client.get, client, "x")
    lu.assertEquals(err.kind, "malformed")
    lu.assertStrContains(err.message, "the headers of the reply are too large")
    lu.assertEquals(#server.requests, 1)
end

function tests.test_trailers_end_a_body_and_are_no_headers()
    local server <close> = http_server.script { raw = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        .. "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n"
        .. "Content-Type: application/json\r\n\r\n" }
    local client <close> = http.client { base_url = server.url, retry = false }
    local reply <const> = client:post("x", { json = {} })
    lu.assertEquals(reply.body, "abc")
    lu.assertEquals(reply.headers["Content-Type"], "text/plain")
    lu.assertNil(reply.headers["X-Sum"])
end

function tests.test_concurrency_and_rate_hold_for_all_tasks_together()
    local holding <close> = http_server.script { hold = true }
    local narrow <close> = http.client { base_url = holding.url, concurrency = 3 }
    trunkhost.nursery(function(nursery)
        for _ = 1, 9 do nursery:spawn(narrow.get, narrow, "x") end
        while #holding.requests < 3 do trunkhost.sleep(0.001) end
        for _ = 1, 20 do trunkhost.sleep(0) end
        lu.assertEquals(#holding.requests, 3)
        lu.assertEquals(narrow:pace().in_flight, 3)
        lu.assertEquals(narrow:pace().queued, 6)
        nursery:cancel()
    end)
    lu.assertEquals(narrow:pace().queued, 0)

    local server <close> = http_server.script { status = 200 }
    local slow <close> = http.client { base_url = server.url, rate = { { 5, per = 3600 } } }
    trunkhost.nursery(function(nursery)
        for _ = 1, 9 do nursery:spawn(slow.get, slow, "x") end
        while slow:pace().admitted < 5 or slow:pace().in_flight > 0 do trunkhost.sleep(0.001) end
        lu.assertEquals(slow:pace().queued, 4)
        lu.assertEquals(slow:pace().waiting_for, "rate window")
        nursery:cancel()
    end)
    lu.assertEquals(#server.requests, 5)
end

-- ---------------------------------------------------------------------------------------------------
-- Ends

function tests.test_cancelling_breaks_the_transfer_off()
    local broken = false
    local server <close> = http_server.start(function() return { hold = true } end)
    local client <close> = http.client { base_url = server.url }
    local task <const> = trunkhost.spawn(client.post, client, "x", { json = {} })
    while #server.requests == 0 do trunkhost.sleep(0.001) end
    server.sockets[1]:read_stop()
    server.sockets[1]:read_start(function(err, data) broken = err ~= nil or data == nil end)
    task:cancel()
    while not broken do trunkhost.sleep(0.001) end
    lu.assertEquals(client:pace().in_flight, 0)
end

function tests.test_a_closed_client_ends_what_is_under_way_and_begins_nothing()
    local server <close> = http_server.script { status = 200 }
    local task
    local escaped
    do
        local client <close> = http.client { base_url = server.url }
        escaped = client
        task = trunkhost.spawn(client.get, client, "x")
        trunkhost.sleep(0)
    end
    lu.assertEquals(task:await().status, 200)
    lu.assertErrorMsgContains("this HTTP client is closed", escaped.get, escaped, "x")
    lu.assertErrorMsgContains("this HTTP client is closed", escaped.pace, escaped)
    escaped:close()
end

function tests.test_a_client_that_nobody_has_any_more_closes_its_connections()
    local closed = false
    local server <close> = http_server.script { status = 200 }
    http.client { base_url = server.url }:get "x"
    server.sockets[1]:read_stop()
    server.sockets[1]:read_start(function(err, data) closed = err ~= nil or data == nil end)
    collectgarbage()
    while not closed do trunkhost.sleep(0.001) end
end

function tests.test_a_client_says_what_it_is_and_not_its_secrets()
    lu.assertEquals(tostring(http.client { base_url = "http://127.0.0.1:9/api/" }),
        "trunkhost.http.client: http://127.0.0.1:9/api")
    local hook <const> = http.client { base_url = trunkhost.secret { from = "http://127.0.0.1:9/hooks/hunter2" } }
    lu.assertEquals(tostring(hook), "trunkhost.http.client: http://127.0.0.1:9/…")
    local err <const> = failure(hook.post, hook, "x", { json = {}, retry = false })
    lu.assertNotStrContains(tostring(err), "hunter2")
    lu.assertErrorMsgContains("with a colon", hook.get, {}, "x")
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "http_client", tests } })
