--- Bodies that are files: a reply that is streamed to one, a request that is streamed from one.

package.path = "tests/support/?.lua;" .. package.path
local http_server <const> = require "http_server"
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local http <const>, uv <const> = trunkhost.http, trunkhost.uv
local tests = {}

local folder

function tests:setUp() folder = program.folder() end

function tests:tearDown() program.remove(folder) end

local function failure(fn, ...)
    local ok, err = pcall(fn, ...)
    lu.assertFalse(ok, "no error was raised")
    return err
end

--- Names of what lies in the folder.
local function files()
    local names <const> = {}
    local scan <const> = assert(uv.fs_scandir(folder))
    local name = uv.fs_scandir_next(scan)
    while name do
        names[#names + 1] = name
        name = uv.fs_scandir_next(scan)
    end
    table.sort(names)
    return names
end

--- Runs Lua code in a program of its own while the server here goes on answering. It ends with how much more memory,
--- in KiB, the program has had at its most than when the code began.
local function run(code, around)
    local words <const> = around or {}
    words[#words + 1] = program.executable
    words[#words + 1] = "-e"
    words[#words + 1] = [[
        local trunkhost = require "trunkhost"
        local http = trunkhost.http
        local function memory(name)
            for line in io.lines "/proc/self/status" do
                local kib = line:match("^" .. name .. ":%s*(%d+) kB")
                if kib then return math.tointeger(kib) end
            end
        end
        local before = memory "VmRSS"
        ]] .. code .. [[

        print("memory", memory "VmHWM" - before)]]
    words.timeout = 90
    return trunkhost.process.run(words)
end

local function memory_of(result)
    return math.tointeger(result.out:match "memory\t(%d+)")
end

-- ---------------------------------------------------------------------------------------------------
-- Replies

function tests.test_a_reply_goes_to_a_file_that_only_we_can_read()
    local server <close> = http_server.script { body = "a backup", headers = { "X-Made: today" } }
    local client <close> = http.client { base_url = server.url }
    for _, call in ipairs {
        function(path) return client:get("x", { to = path }) end,
        function(path) return http.request { url = server.url, to = path } end,
    } do
        local path <const> = folder .. "/backup"
        program.write(path, "what was there before, and longer", "644")
        local reply <const> = call(path)
        lu.assertEquals(reply.status, 200)
        lu.assertEquals(reply.file, path)
        lu.assertEquals(reply.bytes, 8)
        lu.assertNil(reply.body)
        lu.assertEquals(reply.headers["x-made"], "today")
        lu.assertEquals(program.read(path), "a backup")
        lu.assertEquals(uv.fs_stat(path).mode & 511, 384) -- 0600
        lu.assertEquals(files(), { "backup" })
    end
end

function tests.test_an_empty_reply_is_an_empty_file()
    local server <close> = http_server.script { status = 204 }
    lu.assertEquals(http.request { url = server.url, to = folder .. "/x" }.bytes, 0)
    lu.assertEquals(program.read(folder .. "/x"), "")
end

function tests.test_a_large_reply_is_never_in_memory()
    local server <close> = http_server.script { fill = 200 << 20 }
    local result <const> = run(("print(http.client { base_url = %q }:get('x', { to = %q }).bytes)")
        :format(server.url, folder .. "/large"))
    lu.assertStrContains(result.out, "209715200\n", false, result.err)
    lu.assertTrue(memory_of(result) < 32 * 1024, result.out)
    lu.assertEquals(uv.fs_stat(folder .. "/large").size, 200 << 20)
end

function tests.test_a_cut_reply_leaves_no_file()
    local server <close> = http_server.script { fill = 1 << 20, cut = 1 << 19 }
    local client <close> = http.client { base_url = server.url, retry = { times = 2 } }
    program.write(folder .. "/kept", "as before")
    local err <const> = failure(client.get, client, "x", { to = folder .. "/kept" })
    lu.assertEquals(trunkhost.is_error(err), "network")
    lu.assertEquals(err.attempts, 2)
    lu.assertEquals(trunkhost.is_error(failure(client.post, client, "x", { to = folder .. "/other" })),
        "unknown_outcome")
    lu.assertEquals(files(), { "kept" })
    lu.assertEquals(program.read(folder .. "/kept"), "as before")
end

function tests.test_a_repeat_begins_the_file_anew()
    local server <close> = http_server.script({ fill = 1 << 20, cut = 1 << 19 }, { status = 503, body = "later" },
        { body = "complete" })
    local client <close> = http.client { base_url = server.url }
    local reply <const> = client:get("x", { to = folder .. "/x" })
    lu.assertEquals(reply.attempts, 3)
    lu.assertEquals(program.read(folder .. "/x"), "complete")
end

function tests.test_a_refusal_is_no_file()
    local server <close> = http_server.script { status = 404, body = "no such backup" }
    local client <close> = http.client { base_url = server.url }
    lu.assertStrContains(failure(client.get, client, "x", { to = folder .. "/x" }).message, "no such backup")
    local reply <const> = http.request { url = server.url, to = folder .. "/x" }
    lu.assertEquals(reply.body, "no such backup")
    lu.assertNil(reply.file)
    lu.assertEquals(files(), {})
end

function tests.test_a_file_larger_than_max_bytes_is_not_kept()
    local server <close> = http_server.script({ fill = 1 << 20 },
        { raw = "HTTP/1.1 200 OK\r\n\r\n" .. ("x"):rep(100000), close = true })
    local client <close> = http.client { base_url = server.url, max_bytes = 1000 }
    for _ = 1, 2 do
        local err <const> = failure(client.get, client, "x", { to = folder .. "/x" })
        lu.assertEquals(trunkhost.is_error(err), "malformed")
        lu.assertStrContains(err.message, "max_bytes")
        lu.assertEquals(err.attempts, 1)
    end
    lu.assertEquals(files(), {})
end

function tests.test_cancelling_removes_what_has_come()
    local server <close> = http_server.script { raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" }
    local task <const> = trunkhost.spawn(http.request, { url = server.url, to = folder .. "/x" })
    while not files()[1] or uv.fs_stat(folder .. "/" .. files()[1]).size < 4 do trunkhost.sleep(0.001) end
    lu.assertStrMatches(files()[1], "x%.part%-%w+")
    task:cancel()
    while files()[1] do trunkhost.sleep(0.001) end
end

function tests.test_a_full_disk_is_told_and_leaves_nothing()
    local server <close> = http_server.script { fill = 4 << 20 }
    local result <const> = run(([[
        local ok, err = pcall(http.request, { url = %q, to = %q })
        print(ok, err.kind, err.code, err.attempts, err)]]):format(server.url, folder .. "/x"),
        { "prlimit", "--fsize=1048576" })
    lu.assertStrContains(result.out, "false\trefused\tEFBIG\t1\t", false, result.err)
    lu.assertStrContains(result.out, "cannot write the reply to " .. folder .. "/x.part-")
    lu.assertEquals(files(), {})
end

function tests.test_what_cannot_be_a_file_is_refused_before_anything_is_sent()
    local server <close> = http_server.script { status = 200 }
    for _, path in ipairs { folder, folder .. "/", "/dev/null", folder .. "/no/such/folder/x" } do
        local err <const> = failure(http.request, { method = "POST", url = server.url, to = path })
        lu.assertEquals(trunkhost.is_error(err), "invalid")
        lu.assertEquals(err.attempts, 0)
    end
    lu.assertEquals(#server.requests, 0)
end

function tests.test_a_stream_may_take_longer_than_the_time_limit_but_not_stand_still()
    local server <close> = http_server.script { raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" }
    local client <close> = http.client { base_url = server.url, timeout = 1, retry = false }
    local err <const> = failure(client.get, client, "x", { to = folder .. "/x" })
    lu.assertEquals(trunkhost.is_error(err), "timeout")
    lu.assertEquals(trunkhost.is_error(failure(client.get, client, "x", { to = folder .. "/x", timeout = 0.05 })),
        "timeout")
end

-- ---------------------------------------------------------------------------------------------------
-- Requests

function tests.test_a_file_is_the_body_of_a_request()
    local server <close> = http_server.script { status = 201 }
    local client <close> = http.client { base_url = server.url }
    program.write(folder .. "/ring.wav", ("0123456789"):rep(100000))
    program.write(folder .. "/empty", "")
    for i, method in ipairs { "post", "put", "patch" } do
        client[method](client, "x", { from = folder .. "/ring.wav", headers = { ["Content-Type"] = "audio/wav" } })
        lu.assertEquals(server.requests[i * 2 - 1].method, method:upper())
        lu.assertEquals(server.requests[i * 2 - 1].body, ("0123456789"):rep(100000))
        lu.assertEquals(server.requests[i * 2 - 1].headers["content-type"], "audio/wav")
        lu.assertNil(server.requests[i * 2 - 1].headers.expect)
        client[method](client, "x", { json = { a = 1 } }) -- the same handle, in memory again
        lu.assertEquals(server.requests[i * 2].body, '{"a":1}')
    end
    client:put("x", { from = folder .. "/empty" })
    client:get "x"
    lu.assertEquals(server.requests[7].headers["content-length"], "0")
    lu.assertEquals(server.requests[8].method, "GET")
    lu.assertNil(server.requests[8].headers["content-length"])
end

function tests.test_a_large_request_is_never_in_memory()
    local server <close> = http_server.script { status = 200 }
    server.keep_bodies = false
    local file <const> = assert(io.open(folder .. "/large", "w"))
    assert(file:seek("set", (100 << 20) - 1))
    file:write "x"
    file:close()
    local result <const> = run(("print(http.request { method = 'PUT', url = %q, from = %q }.status)")
        :format(server.url, folder .. "/large"))
    lu.assertStrContains(result.out, "200\n", false, result.err)
    lu.assertTrue(memory_of(result) < 32 * 1024, result.out)
    lu.assertEquals(server.requests[1].size, 100 << 20)
end

function tests.test_a_repeat_sends_the_file_from_its_beginning()
    local server <close> = http_server.script({ status = 503 }, { status = 200 })
    local client <close> = http.client { base_url = server.url }
    program.write(folder .. "/x", "whole")
    client:put("x", { from = folder .. "/x", repeatable = true })
    lu.assertEquals(server.requests[2].body, "whole")
end

function tests.test_a_file_that_becomes_shorter_is_told()
    local server = http_server.script { status = 200 }
    local path <const> = folder .. "/x"
    local file <const> = assert(io.open(path, "w"))
    assert(file:seek("set", (64 << 20) - 1))
    file:write "x"
    file:close()
    local task <const> = trunkhost.spawn(pcall, http.request, { method = "PUT", url = server.url, from = path })
    while server.connections == 0 do trunkhost.sleep(0) end
    assert(uv.fs_open(path, "w", 384)) -- makes it empty
    local _, err <const> = task:await()
    lu.assertEquals(trunkhost.is_error(err), "unknown_outcome")
    lu.assertStrContains(err.message, "has become shorter")
    lu.assertEquals(#server.requests, 0)
    server:stop()
end

function tests.test_what_cannot_be_read_is_refused_before_anything_is_sent()
    local server <close> = http_server.script { status = 200 }
    for _, path in ipairs { folder, "/dev/null", folder .. "/none" } do
        local err <const> = failure(http.request, { method = "PUT", url = server.url, from = path })
        lu.assertEquals(trunkhost.is_error(err), "invalid")
    end
    lu.assertEquals(#server.requests, 0)
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "http_files", tests } })
