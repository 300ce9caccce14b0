--- Lists that are not whole are never taken for whole, whatever words the platform has for it; and lists of which a
--- platform says no more than they hold are read as they are.

package.path = "tests/support/?.lua;" .. package.path
local http_server <const> = require "http_server"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local trunkhost <const> = require "trunkhost"

local tests = {}
local encode <const> = trunkhost.json.encode
local null <const> = trunkhost.null

local PROVIDER <const> = [[return { name = "mine", title = "Mine", base_url = "https://example.com/api",
    auth = "bearer", id = "integer", limits = { source = "none" }, label = "label",
    objects = { trunk = { fields = { id = { type = "integer", read = true },
        label = { type = "string", read = true, update = true }, user = { type = "string", read = true },
        password = { type = "string", secret = true, update = true } } } },
    endpoints = {
        list = { "GET", "/trunks", reply = "data", returns = "list", pages = %s },
        get = { "GET", "/trunks/{id}" },
        update = { "PATCH", "/trunks/{id}", body = "trunk", mode = "update", repeatable = true },
        delete = { "DELETE", "/trunks/{id}", repeatable = true, guard = "list" },
        numbers = { "GET", "/trunks/{id}/numbers", reply = "data?", returns = "list" },
    },
    errors = { message = { "message", "error" } }, evidence = {},
    secrets = { { field = "password", legs = { "inbound" } } } }]]

local PAGED <const> = '{ number = "page", more = "more" }'

--- Trunks with these ids.
local function trunks(...)
    local list = trunkhost.json.array {}
    for i, id in ipairs { ... } do list[i] = { id = id, label = "t" .. id } end
    return list
end

local function page_of(request)
    return math.tointeger(tonumber(request.target:match "[?&]page=(%d+)")) or 1
end

--- Runs code with the account `mine` against a server; `answer` gets the page's number and how often it was asked.
local function with_server(answer, code, paging)
    local asked = {}
    local server <close> = http_server.start(function(request)
        if request.method ~= "GET" or not request.target:find "^/trunks[?%z]*" then
            asked.writes = (asked.writes or 0) + 1
            return { body = "{}" }
        end
        local page = page_of(request)
        asked[page] = (asked[page] or 0) + 1
        local reply = answer(page, asked[page], request)
        return reply.status and reply or { body = reply.body or encode(reply), headers = reply.headers }
    end)
    local folder <const> = program.folder()
    os.execute("mkdir " .. program.quote(folder .. "/providers"))
    program.write(folder .. "/providers/mine.lua", PROVIDER:format(paging or "nil"))
    program.write(folder .. "/token", "x\n", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { mine = { provider = "mine", base_url = %q,
        token = { file = %q } } } }]]):format(server.url, folder .. "/token"))
    local words = { program.executable, "-c", folder .. "/config.lua", "--ledger", folder .. "/ledger.db" }
    table.move(type(code) == "table" and code or { "-e", [[local trunkhost = require "trunkhost"
        local account = trunkhost.account "mine" ]] .. code }, 1, 9, #words + 1, words)
    local result = trunkhost.process.run(words)
    program.remove(folder)
    asked.all = #server.requests
    return result, asked
end

local COUNT <const> = [[local n = 0 for trunk in account:trunks() do n = n + 1 end print(n)]]

local function assert_whole(count, answer, paging)
    local result, asked = with_server(answer, COUNT, paging)
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(result.out, count .. "\n")
    return asked
end

local function assert_refused(words, answer, paging)
    local result, asked = with_server(answer, COUNT, paging)
    lu.assertNotEquals(result.status, 0, result.out .. result.err)
    lu.assertEquals(result.out, "")
    lu.assertStrContains(result.err, "malformed")
    lu.assertStrContains(result.err, words)
    return asked
end

-- ---------------------------------------------------------------------------------------------------
-- A platform whose description knows no pages

local NOT_WHOLE <const> = {
    ["there are 10 (total)"] = { total = 10 },
    ["there are 10 (totalCount)"] = { pagination = { totalCount = 10 } },
    ["there are 11 (total)"] = { meta = { total = 11, current_page = 1, last_page = 6, per_page = 2 } },
    ["there are 12 (total)"] = { meta = { pagination = { total = "12" } } },
    ["there are 9 (count)"] = { count = 9 },
    ["there are 5 pages (last_page)"] = { current_page = 1, last_page = 5 },
    ["there are 4 pages (total_pages)"] = { page = { number = 0, total_pages = 4 } },
    ["there are more (has_more)"] = { has_more = true },
    ["there are more (hasNextPage)"] = { pageInfo = { hasNextPage = true } },
    ["there are 10 (recordsTotal)"] = { recordsTotal = 10 },
    ["there are 10 (total_size)"] = { total_size = 10 },
    ["there are 10 (total_count)"] = { result_info = { count = 2, total_count = 10 } },
    ["there are 10 (item_count)"] = { item_count = 10 },
    ["there are more (hasMore)"] = { hasMore = "true" },
    ["there are more (more)"] = { more = 1 },
    ["there are more (last)"] = { last = false },
    ["there are more (partial)"] = { partial = true },
    ["there are more (@odata.nextLink)"] = { ["@odata.nextLink"] = "https://example.com/trunks?$skip=2" },
    ["there are more (continuation_token)"] = { continuation_token = "abc" },
    ["as many as fit in one page (limit)"] = { limit = 2, offset = 0 },
    ["there are more (next)"] = { links = { next = "https://example.com/trunks?page=2", prev = null } },
    ["there are more (next_page_url)"] = { next_page_url = "/trunks?page=2" },
    ["there are more (next_cursor)"] = { next_cursor = "abc" },
    ["as many as fit in one page (per_page)"] = { per_page = 2 },
    ["as many as fit in one page (page_size)"] = { page_number = 1, page_size = 2 },
}

function tests.test_an_envelope_that_names_more_than_came_is_refused()
    for words, envelope in pairs(NOT_WHOLE) do
        local asked = assert_refused(words, function()
            envelope.data = trunks(1, 2)
            return envelope
        end)
        lu.assertEquals(asked.all, 1)
    end
end

local WHOLE <const> = {
    { total = 2 }, { total = 2, count = 2, per_page = 50, page_number = 1, has_more = false },
    { meta = { total = 2, current_page = 1, last_page = 1, per_page = 2 }, links = { next = null, first = "/a" } },
    { links = { { url = null, label = "Next" } } }, { per_page = 2, next_page_url = null }, { count = 2 },
    { total = null, next = "", has_more = null, error = null, errors = trunkhost.json.array {} }, { per_page = 3 },
    { more = 0, last = true, partial = "false", limit = 50 }, { links = { last = "/trunks?page=1" }, last = 1 },
    { page = 0, total_pages = 1 }, { message = "2 trunks", success = true, next_page = 0 }, { total = { value = 9 } },
}

function tests.test_an_envelope_that_names_what_came_is_no_fault()
    for _, envelope in ipairs(WHOLE) do
        envelope.data = trunks(1, 2)
        local asked = assert_whole(2, function() return envelope end)
        lu.assertEquals(asked.all, 1)
    end
end

function tests.test_headers_that_name_more_than_came_are_believed()
    for words, header in pairs {
        ["there are more (the header Link)"] = 'Link: </trunks?page=2>; rel="next", </trunks?page=9>; rel="last"',
        ["there are more (the header Link), and"] = "Link: </trunks?page=2>; rel='next'",
        ["more (the header Link)"] = 'Link: </trunks?page=2>; title=x; rel="prev Next"',
        ["there are 7 (X-Total-Count)"] = "X-Total-Count: 7",
        ["there are 7 (X-WP-Total)"] = "X-WP-Total: 7",
        ["there are 7 (Content-Range)"] = "Content-Range: items 0-1/7",
        ["there are 4 pages (X-Total-Pages)"] = "X-Total-Pages: 4",
        ["there are more (X-Next-Page)"] = "X-Next-Page: 2",
    } do
        assert_refused(words, function() return { body = encode { data = trunks(1, 2) }, headers = { header } } end)
    end
    assert_whole(2, function()
        return { body = encode { data = trunks(1, 2) }, headers = {
            'Link: </style.css>; rel="preload", </next>; rel=nextdoor', "X-Total-Count: 2", "X-Total-Pages: 1",
            "X-Next-Page: ", "Content-Range: items 0-1/*" } }
    end)
    assert_refused("HTTP status 206", function() return { status = 206, body = encode { data = trunks(1, 2) } } end)
end

function tests.test_lists_of_parts_and_of_a_guard_are_held_against_their_envelope_too()
    local function short() return { data = trunks(1, 2), total = 3 } end
    for _, code in ipairs { "account:list('numbers', 1)", "account:list 'list'", "account:delete(1)" } do
        local result, asked = with_server(short, code)
        lu.assertEquals(result.status, 1, code .. result.err)
        lu.assertStrContains(result.err, "there are 3 (total)")
        lu.assertNil(asked.writes)
    end
end

function tests.test_a_single_call_is_one_reply_as_it_came()
    local result = with_server(function() return { data = trunks(1, 2), total = 3 } end,
        "print(#account:call 'list')")
    lu.assertEquals(result.out, "2\n", result.err)
end

function tests.test_a_job_ends_the_account_and_sends_nothing()
    local result, asked = with_server(function() return { data = trunks(1, 2), total = 3 } end,
        { "scripts/rotate_passwords.lua", "--yes", "--json" })
    lu.assertEquals(result.status, 1, result.err)
    lu.assertStrContains(result.out, "there are 3 (total), and sent 2")
    lu.assertNil(asked.writes)
end

-- ---------------------------------------------------------------------------------------------------
-- Pages

function tests.test_pages_are_read_until_nothing_says_that_there_are_more()
    local ids = { { 1, 2 }, { 3, 4 }, { 5 } }
    for _, envelope in ipairs {
        function(page) return { more = page < 3 } end, function() return { total = 5 } end,
        function(page) return { meta = { current_page = page, last_page = 3 } } end,
        function(page) return { links = { next = page < 3 and "/x" or null } } end,
        function() return { per_page = 2 } end,
    } do
        local asked = assert_whole(5, function(page)
            local reply = envelope(page)
            reply.data = trunks(table.unpack(ids[page]))
            return reply
        end, PAGED)
        lu.assertEquals(asked.all, 3)
    end
end

function tests.test_a_page_number_that_the_server_ignores_ends_the_account_at_once()
    local asked = assert_refused("page 2 brought nothing new after 2", function()
        return { data = trunks(1, 2), more = true }
    end, PAGED)
    lu.assertEquals(asked.all, 2)
    assert_refused("there are 10 (total), but page 2 brought nothing new", function()
        return { data = trunks(1, 2), total = 10 }
    end, PAGED)
end

function tests.test_an_empty_page_with_more_ends_the_account()
    assert_refused("there are more (more), but page 2 brought nothing new after 2", function(page)
        return { data = page == 1 and trunks(1, 2) or trunks(), more = true }
    end, PAGED)
    assert_refused("page 1 brought nothing new after 0", function() return { data = trunks(), more = true } end, PAGED)
end

function tests.test_a_list_that_shifts_is_read_again_until_it_settles()
    -- Trunk 2 is removed between the pages of the first reading.
    local asked = assert_whole(3, function(page, times)
        local now = times == 1 and page == 1 and { 1, 2, 3, 4 } or { 1, 3, 4 }
        return { data = trunks(table.unpack(now, 2 * page - 1, math.min(2 * page, #now))), total = #now }
    end, PAGED)
    lu.assertEquals(asked.all, 4)
    -- One is added at the front: an id comes twice.
    asked = assert_whole(5, function(page, times)
        local now = times == 1 and page == 1 and { 1, 2, 3, 4 } or { 9, 1, 2, 3, 4 }
        return { data = trunks(table.unpack(now, 2 * page - 1, math.min(2 * page, #now))), more = 2 * page < #now }
    end, PAGED)
    lu.assertEquals(asked.all, 6)
end

function tests.test_a_list_that_does_not_settle_is_refused_after_three_readings()
    local total = 10
    local asked = assert_refused("it did not settle in 3 readings: the platform first said", function(page)
        total = total + 1
        return { data = trunks(page), total = total }
    end, PAGED)
    lu.assertEquals(asked.all, 6)
    assert_refused("1 came twice", function(page)
        return { data = trunks(1, page + 1), more = page < 3 }
    end, PAGED)
end

function tests.test_a_platform_that_always_promises_one_page_too_many_is_read_twice()
    local asked = assert_whole(4, function(page)
        return { data = page < 3 and trunks(2 * page - 1, 2 * page) or trunks(), more = page < 3 }
    end, PAGED)
    lu.assertEquals(asked.all, 6)
end

function tests.test_null_and_nothing_as_the_next_page_are_no_next_page()
    for _, value in ipairs { null, "", 0, false } do
        local asked = assert_whole(2, function() return { data = trunks(1, 2), more = value } end, PAGED)
        lu.assertEquals(asked.all, 1)
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Every API, as the sandbox plays it

local function rotate(sandbox, account)
    return sandbox:run(("scripts/rotate_passwords.lua --account %s --yes --json"):format(account))
end

function tests.test_a_platform_that_begins_to_page_ends_its_account_and_sends_nothing()
    local sandbox <close> = sandbox_process.start "--limits none --page 5"
    for account, words in pairs { famulor = "meta|total", autocalls = "total", vatel = "X-Total-Count",
        bolna = "X-Total-Count" } do
        local result = rotate(sandbox, account)
        lu.assertEquals(result.status, 1, account .. result.err)
        lu.assertStrContains(result.out, "the list is incomplete: the platform says that there are")
        lu.assertStrContains(result.out, words:match "[^|]*$")
    end
    lu.assertEquals(#sandbox:writes(), 0)
    program.ok(rotate(sandbox, "bolna_trunk"))
end

function tests.test_each_way_to_hand_out_half_a_list_ends_the_account_and_sends_nothing()
    for _, fault in ipairs { "short_list", "shifting_list", "empty_page", "same_page" } do
        local sandbox <close> = sandbox_process.start(("--limits none --page 5 --fault %s=1"):format(fault))
        local result = rotate(sandbox, "bolna_trunk")
        lu.assertEquals(result.status, 1, fault .. result.out .. result.err)
        lu.assertStrContains(result.out, "the list is incomplete", fault)
        lu.assertEquals(#sandbox:writes(), 0)
        lu.assertTrue(#sandbox:ask "log" <= 9, fault)
    end
end

function tests.test_a_migration_makes_nothing_where_the_target_hands_out_half_a_list()
    local sandbox <close> = sandbox_process.start "--limits none --trunks 60 --fault same_page=1"
    local result = sandbox:run "scripts/migrate_trunks.lua --from vatel --to bolna_trunk --yes --json"
    lu.assertEquals(result.status, 1, result.err)
    lu.assertStrContains(result.err, "what bolna_trunk has cannot be read")
    lu.assertStrContains(result.err, "the list is incomplete")
    lu.assertStrContains(result.out, '"kind":"malformed"')
    lu.assertEquals(#sandbox:writes(), 0)
end

-- ---------------------------------------------------------------------------------------------------
-- Broken lists, and what the platform says

function tests.test_a_list_whose_items_are_no_trunks_is_refused()
    for words, body in pairs {
        ["number 2 is no object"] = '{"data":[{"id":1},5]}', ["number 1 has no id"] = '{"data":[{"name":"x"}]}',
        ["number 1 is no object"] = '{"data":[null]}', ["number 1 is no object "] = '{"data":[[1]]}',
        ["number 3 has no id"] = '{"data":[{"id":1},{"id":2},{"id":""}]}',
        ["number 1 has no id "] = '{"data":[{"id":1.5}]}',
        ["an integer does not fit in 64 bits"] = '{"data":[{"id":9223372036854775808}]}',
        ["holds no list in data"] = '{"data":null}', ["holds no list in data "] = '{"data":{"id":1}}',
    } do
        assert_refused((words:gsub(" $", "")), function() return { body = body } end)
    end
end

function tests.test_the_words_of_a_platform_that_answers_without_a_list_are_shown()
    for words, body in pairs {
        ["the platform says: Maintenance"] = '{"error":"Maintenance"}',
        ["the platform says: Back at 5"] = '{"message":"Back at 5","data":null}',
        ["was an error (in 'error'); the platform says: first; second"] = '{"error":["first","second"]}',
        ["the platform says: Not now"] = '{"success":false,"message":"Not now","data":[]}',
        ["the platform says: Half"] = '{"error":"Half","data":[{"id":1}]}',
        ["the platform says: Wartung & Pause"] = "<!doctype html><html><head>\n<title lang=de>\n Wartung &amp; Pause "
            .. "</title></head></html>",
        ["the platform says: upstream gone"] = "upstream gone\n",
    } do
        assert_refused(words, function() return { body = body } end)
    end
end

function tests.test_words_of_a_platform_are_short_and_without_control_characters()
    local result = with_server(function()
        return { body = ("<title>a\27[31m\7%s</title>"):format(("x"):rep(5000)) }
    end, COUNT)
    lu.assertNotStrContains(result.err, "\27")
    lu.assertTrue(#result.err:match "[^\n]*" < 450, result.err)
end

-- ---------------------------------------------------------------------------------------------------
-- Broken texts

local BROKEN <const> = { ["bytes"] = "a\xffb", ["a cut character"] = "a\xe2\x82b", ["half a pair"] = [[a\ud83db]],
    ["the other half"] = [[a\uDE00b]], ["NUL"] = "a\0b", ["a control character"] = "a\1b" }
local SHOW <const> = [[for trunk in account:trunks() do print(trunk.id, trunk.label, trunk.note, trunk.user) end]]

function tests.test_a_broken_label_is_shown_with_replacement_characters_and_named()
    for what, text in pairs(BROKEN) do
        local result = with_server(function()
            return { body = ('{"data":[{"id":7,"label":"%s","note":"%s","user":"\\ud83d\\ude00é"},'):format(text, text)
                .. '{"id":8,"label":"y"}]}' }
        end, SHOW)
        result.out = result.out:gsub("\u{FFFD}\u{FFFD}", "\u{FFFD}") -- one for each byte
        lu.assertEquals(result.out, "7\ta\u{FFFD}b\ta\u{FFFD}b\t\u{1F600}é\n8\ty\tnil\tnil\n", what .. result.err)
        lu.assertStrContains(result.err, "label of trunk 7 holds broken characters")
    end
end

function tests.test_a_broken_text_in_another_field_names_trunk_and_field()
    for what, text in pairs(BROKEN) do
        local result = with_server(function()
            return { body = '{"data":[{"id":7,"label":"y"},{"id":8,"label":"x","user":"' .. text .. '"}]}' }
        end, SHOW)
        lu.assertStrContains(result.err, "user of trunk 8 is broken", what)
        lu.assertEquals(result.out, "")
    end
end

function tests.test_text_that_is_no_json_is_not_mended()
    for _, body in ipairs { '{"data":[{"id":7,"label":"a\xff}]}', '{"data":[{"id":7,"label":"\xff",}]}', '\xff' } do
        assert_refused("not the JSON", function() return { body = body } end)
    end
end

function tests.test_a_job_goes_on_with_an_account_that_has_a_broken_label()
    local result, asked = with_server(function(_, _, request)
        local trunk = '{"id":7,"label":"a\xffb"}'
        return { body = request.target:find "/7" and trunk or '{"data":[' .. trunk .. ',{"id":8,"label":"y"}]}' }
    end, { "scripts/rotate_passwords.lua", "--yes", "--json", "--dry-run" })
    lu.assertEquals(result.status, 0, result.err)
    lu.assertStrContains(result.out, '"total":2')
    lu.assertNil(asked.writes)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "whole_lists", tests } })
