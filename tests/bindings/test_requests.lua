--- How often a request is sent: one test for each row of the table in docs/design.md, counted at the server, through
--- the whole stack: account:get, account:update, account:create, and an item of a rotation. One policy decides, and
--- nothing above it multiplies it.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local stub_platform <const> = require "stub_platform"
local trunkhost <const> = require "trunkhost"

program.haste = 10

local tests = {}

local PRELUDE <const> = [[local trunkhost = require "trunkhost" local account = trunkhost.account "stub"
    local new = account:describe().name == "vatel" and { pbx = "generic" } or { sip_trunk_type = "extension",
        phone_number = "4711", sip_username = "carrier", sip_password = trunkhost.secret {}, country_code = "DE",
        sip_address = "sip.example.com", sip_calling_format = "e164", inbound_authorization_type = "auth" }
    local change = { [account:describe().secrets[1].field] = trunkhost.secret {} }
    local ok, err = pcall(function() %s end) io.write(ok and "ok" or err.kind)]]
local CALLS <const> = {
    get = "account:get(%s)",
    update = "account:update(%s, change)",
    create = "account:create(new)",
    once = "account:update(%s, change, { resend = false })",
}

--- Sends it to a platform that always answers so; how many requests came, and how the call ended.
local function count(what, answer, api)
    local platform <close> = stub_platform.start(api or "vatel", answer, what == "get" and answer or nil)
    if what == "rotation" then
        local item <const> = platform:rotate()
        return #platform.writes, item.state
    end
    local ended <const> = platform:run("-e", PRELUDE:format(CALLS[what]:format(("%q"):format(platform.trunk.id))))
    return what == "get" and platform.reads or #platform.writes, ended.out
end

--- row: call → { requests, how it ends }
local function assert_row(answer, row, api)
    local calls <const> = {}
    for what in pairs(row) do calls[#calls + 1] = what end
    trunkhost.map(calls, function(what)
        local requests <const>, ending <const> = count(what, answer, api)
        lu.assertEquals({ what, requests, ending }, { what, row[what][1], row[what][2] })
    end)
end

local function every(status, body)
    return function() return { status = status, body = body or '{"error":"words"}' } end
end

function tests.test_a_yes_is_not_repeated()
    assert_row(function(self) return { body = self:body(self.trunk) } end,
        { get = { 1, "ok" }, update = { 1, "ok" }, create = { 1, "ok" }, once = { 1, "ok" }, rotation = { 1, "done" } })
end

function tests.test_too_many_requests_are_repeated_thirty_times_for_every_method()
    local function answer()
        return { status = 429, body = '{"error":"slowly","retry_after":0.01}' }
    end
    assert_row(answer, { get = { 30, "rate_limited" }, update = { 30, "rate_limited" }, create = { 30, "rate_limited" },
        once = { 30, "rate_limited" }, rotation = { 30, "failed" } }, "famulor")
end

function tests.test_a_refusal_is_not_repeated()
    for status, kind in pairs { [304] = "refused", [404] = "not_found", [409] = "conflict", [422] = "refused" } do
        assert_row(every(status), { get = { 1, kind }, update = { 1, kind }, create = { 1, kind }, once = { 1, kind },
            rotation = { 1, "failed" } })
    end
end

function tests.test_a_redirect_after_a_write_leaves_open_whether_it_has_happened()
    for _, status in ipairs { 301, 302, 303 } do
        assert_row(every(status), { get = { 1, "refused" }, update = { 5, "refused" },
            create = { 1, "unknown_outcome" }, once = { 1, "refused" }, rotation = { 5, "unknown" } })
    end
end

function tests.test_a_failure_of_the_platform_is_tried_five_times_in_all_where_that_is_safe()
    for status, kind in pairs { [500] = "unavailable", [503] = "unavailable", [408] = "timeout", [499] = "timeout" } do
        assert_row(every(status), { get = { 5, kind }, update = { 5, kind }, create = { 1, "unknown_outcome" },
            once = { 1, kind }, rotation = { 5, "unknown" } })
    end
end

function tests.test_a_reply_that_does_not_come_is_tried_five_times_in_all_where_that_is_safe()
    assert_row(function() return { hold = true } end, { get = { 5, "timeout" }, update = { 5, "timeout" },
        create = { 1, "unknown_outcome" }, once = { 1, "timeout" }, rotation = { 5, "unknown" } })
end

function tests.test_a_new_connection_that_breaks_is_tried_three_times_at_once_besides()
    assert_row(function() return { drop = true } end, { get = { 8, "network" }, update = { 8, "network" },
        create = { 1, "unknown_outcome" }, once = { 1, "network" }, rotation = { 8, "unknown" } })
end

function tests.test_what_is_no_http_is_not_repeated()
    assert_row(function() return { raw = "SSH-2.0-OpenSSH_9.2\r\n\r\n", close = true } end,
        { get = { 1, "malformed" }, update = { 1, "malformed" }, create = { 1, "unknown_outcome" },
            once = { 1, "malformed" }, rotation = { 1, "unknown" } })
end

function tests.test_a_yes_that_is_not_what_was_asked_for_is_tried_five_times_in_all_where_that_is_safe()
    for _, body in ipairs { "", "{}", '{"error":"words"}', "<html>" } do
        assert_row(every(200, body), { get = { 5, "malformed" }, update = { 5, "malformed" },
            create = { 1, "unknown_outcome" }, once = { 1, "malformed" }, rotation = { 5, "unknown" } })
    end
end

function tests.test_accepted_is_not_done()
    assert_row(function(self) return { status = 202, body = self:body(self.trunk) } end, { update = { 5, "malformed" },
        create = { 1, "unknown_outcome" }, once = { 1, "malformed" }, rotation = { 5, "unknown" } })
end

function tests.test_different_failures_of_one_request_share_the_five()
    local function answer(self, number)
        local replies <const> = { { status = 500 }, { body = "{}" }, { status = 202, body = self:body(self.trunk) } }
        return replies[(number - 1) % #replies + 1]
    end
    assert_row(answer, { update = { 5, "malformed" }, rotation = { 5, "unknown" } })
end

--- The read before a change, and the list before that: nothing above the exchange repeats them.
function tests.test_the_reads_of_a_rotation_are_tried_five_times_in_all()
    local platform <close> = stub_platform.start("vatel", every(500), every(503))
    local item <const> = platform:rotate()
    lu.assertEquals(item.state, "failed")
    lu.assertEquals(item.attempts, 0)
    lu.assertEquals(platform.reads, 1 + 5)
    lu.assertEquals(#platform.writes, 0)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "requests", tests } })
