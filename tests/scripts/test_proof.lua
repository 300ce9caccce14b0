--- What counts as a yes: the trunk that was asked for, with nothing against it. Everything else is sent again where
--- that is safe, and ends as unknown with its password a candidate.

package.path = "tests/support/?.lua;" .. package.path
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local program <const> = require "program"
local stub_platform <const> = require "stub_platform"
local trunkhost <const> = require "trunkhost"

local OTHER_UUID <const> = "1b0f4f3e-6f3a-4b5e-9a51-0c8f5e2f7a11"

program.haste = 10

local tests = {}

--- Runs the cases at once: each waits for pauses between repeats.
local function each(cases, fn)
    trunkhost.map(cases, fn, { concurrency = 5 })
end

local function assert_unknown(platform, what, writes)
    local item <const>, status <const> = platform:rotate()
    what = platform.api .. ": " .. what
    lu.assertEquals(item.state, "unknown", what)
    lu.assertEquals(item.error.kind, "unknown_outcome", what)
    lu.assertEquals(status, 1, what)
    lu.assertEquals(platform:states(), "candidate", what)
    lu.assertEquals(#platform.writes, writes, what)
    return item
end

-- --- replies that are not the trunk ------------------------------------------------------------------

local NOT_THE_TRUNK <const> = {
    ["an error object"] = function() return { body = '{"error":"Maintenance"}' } end,
    ["an error object with a number"] = function() return { body = '{"error":503,"message":"Maintenance"}' } end,
    ["an empty object"] = function() return { body = "{}" } end,
    ["nothing"] = function() return {} end,
    ["no success"] = function(self)
        local body <const> = json.decode(self:body(self:changed()))
        body.success = false
        return { body = json.encode(body) }
    end,
    ["a redirect, as after a form"] = function() return { status = 303, headers = { "Location: /done" } } end,
    ["a line that was closed on the way"] = function() return { status = 499, body = "{}" } end,
    ["202"] = function(self) return { status = 202, body = self:body(self:changed()) } end,
    ["another trunk"] = function(self)
        local other <const> = { famulor = 43, autocalls = 43, bolna = "01OTHER" }
        return { body = self:body(self:changed { id = other[self.api] or OTHER_UUID }) }
    end,
    ["a trunk without an id"] = function(self) return { body = self:body(self:changed { id = json.null }) } end,
    ["an id of another type"] = function(self) return { body = self:body(self:changed { id = true }) } end,
    ["another object with its id"] = function(self)
        return { body = self:body { id = self.trunk.id, status = "queued" } }
    end,
    ["a list"] = function(self) return { body = self:body(json.array { self:changed() }) } end,
    ["a page"] = function() return { headers = { "Content-Type: text/html" }, body = "<html>Please log in</html>" } end,
}

function tests.test_a_yes_that_is_not_the_trunk_is_sent_again_and_ends_as_unknown()
    local cases <const> = {}
    for _, api in ipairs(stub_platform.apis) do
        for what, answer in pairs(NOT_THE_TRUNK) do
            cases[#cases + 1] = { api = api, what = what, answer = answer }
        end
    end
    each(cases, function(case)
        local platform <close> = stub_platform.start(case.api, case.answer)
        assert_unknown(platform, case.what, 5)
        for _, request in ipairs(platform.writes) do
            lu.assertEquals(request.body, platform.writes[1].body, "the very same password goes out each time")
        end
    end)
end

function tests.test_what_the_platform_says_instead_of_the_trunk_is_shown()
    local platform <close> = stub_platform.start("vatel", NOT_THE_TRUNK["an error object"])
    lu.assertStrContains(assert_unknown(platform, "an error object", 5).error.message, "Maintenance")
end

function tests.test_a_trunk_after_replies_that_were_none_is_done()
    each(stub_platform.apis, function(api)
        local platform <close> = stub_platform.start(api, function(self, number)
            return number < 4 and { body = '{"error":"Maintenance"}' } or { body = self:body(self:changed()) }
        end)
        local item <const> = platform:rotate()
        lu.assertEquals(item.state, "done", api)
        lu.assertEquals(item.attempts, 4)
        lu.assertEquals(platform:states(), "current")
    end)
end

function tests.test_a_refusal_after_a_doubtful_yes_leaves_the_doubt()
    local platform <close> = stub_platform.start("bolna", function(_, number)
        return number == 1 and { status = 202, body = "{}" } or { status = 422, body = '{"message":"no"}' }
    end)
    assert_unknown(platform, "202 and 422", 2)
end

function tests.test_a_password_of_which_nobody_knows_is_not_delivered()
    local platform <close> = stub_platform.start("vatel", NOT_THE_TRUNK["an empty object"])
    local taken <const> = platform.folder .. "/taken"
    program.write(platform.folder .. "/take", "#!/bin/sh\ncat >" .. taken .. "\n", "700")
    platform:rotate("--deliver", platform.folder .. "/take")
    lu.assertNil(io.open(taken))
end

-- --- the trunk, with something against it ------------------------------------------------------------

function tests.test_a_trunk_that_shows_nothing_of_the_write_is_unknown_where_the_platform_would_show_it()
    each({ "famulor", "autocalls", "bolna", "bolna_trunk" }, function(api)
        local platform <close> = stub_platform.start(api, function(self) return { body = self:body(self.trunk) } end)
        lu.assertStrContains(assert_unknown(platform, "unchanged", 1).error.message, "updated_at")
    end)
end

function tests.test_a_change_that_shows_a_moment_later_is_done_unless_somebody_else_may_have_moved_what_shows()
    each({ "famulor", "bolna" }, function(api)
        local platform <close> = stub_platform.start(api, function(self)
            return { body = self:body(self.trunk) }
        end, function(self, reads)
            return #self.writes > 0 and reads > 3 and { body = self:body(self:changed()) } or nil
        end)
        local item <const> = platform:rotate()
        lu.assertEquals(item.state, api == "famulor" and "done" or "unknown", api)
        lu.assertEquals(item.evidence, api == "famulor" and "reprovisioned" or nil)
    end)
end

--- The reply to a write that shows the trunk as it was, with one member written in another way than in a look.
local function assert_written_otherwise_is_no_proof(api, shown, replied)
    local platform
    platform = stub_platform.start(api, function(self) return { body = self:body(self:with(replied)) } end)
    platform.trunk = platform:with(shown)
    local _ <close> = platform
    assert_unknown(platform, json.encode { shown, replied }, 1)
end

function tests.test_an_id_that_is_written_in_another_way_is_the_same_one()
    local cases <const> = {
        { { 7, 8 }, { "7", "8" } },
        { { "ab", "cd" }, { "AB", "CD" } },
        { { "ab", "cd" }, { { id = "x" }, { id = "y" } } },
        { { { id = "x" }, { id = "y" } }, { { id = "x" }, { id = "y" } } },
    }
    each(cases, function(case)
        local function ids(pair) return { inbound_trunk_id = pair[1], outbound_trunk_id = pair[2] } end
        assert_written_otherwise_is_no_proof("famulor", ids(case[1]), ids(case[2]))
    end)
end

function tests.test_an_instant_that_is_written_in_another_way_is_the_same_one()
    local cases <const> = {
        { "2026-03-31T12:00:00Z", "2026-03-31 12:00:00.000 +00:00" },
        { "2026-03-31T12:00:00Z", "2026-03-31T12:00:00.123456Z" },
        { "2026-03-31T12:00:00.123Z", "2026-03-31T12:00:00.123456Z" },
        { "2026-03-31T12:00:00Z", "2026-03-31T14:00:00+02:00" },
        { "2026-03-31T12:00:00Z", "2026-03-31T14:00:00" },
        { "2026-03-31 12:00:00", "2026-03-31 11:59:59" },
        { "2026-03-31T12:00:00Z", true },
        { "2026-03-31T12:00:00Z", 1774958400000 },
        { { at = 1 }, { at = 1 } },
    }
    each(cases, function(case)
        assert_written_otherwise_is_no_proof("bolna", { updated_at = case[1] }, { updated_at = case[2] })
    end)
end

function tests.test_a_later_instant_is_seen_in_every_spelling()
    local cases <const> = {
        { "2026-03-31 12:00:00", "2026-03-31 12:00:01" }, { "2026-03-31T12:00:00+02:00", "2026-03-31T10:00:01Z" },
        { 1774958400, 1774958401 }, { "v1", "v2" }, { "2026-03-31T12:00:00.1Z", "2026-03-31T12:00:00.25Z" },
    }
    each(cases, function(case)
        local platform
        platform = stub_platform.start("bolna", function(self)
            return { body = self:body(self:with { updated_at = case[2] }) }
        end)
        platform.trunk = platform:with { updated_at = case[1] }
        local _ <close> = platform
        lu.assertEquals(platform:rotate().evidence, "updated_at", case[2])
    end)
end

function tests.test_only_the_platforms_word_is_taken_where_it_can_show_nothing()
    local platform <close> = stub_platform.start("vatel", function(self) return { body = self:body(self.trunk) } end)
    local item <const> = platform:rotate()
    lu.assertEquals(item.state, "done")
    lu.assertEquals(item.evidence, "accepted")
    lu.assertEquals(#platform.writes, 1)
end

-- --- registrations -----------------------------------------------------------------------------------

--- Vatel, with a trunk that registers: its status before the write, in the write's reply, and in each later look.
local function registering(before, in_reply, looks)
    local platform
    platform = stub_platform.start("vatel", function(self)
        self.reads = 0
        return { body = self:body(self:with { outbound_registration_status = in_reply }) }
    end, function(self, reads)
        local status <const> = #self.writes > 0 and (looks[reads] or looks[#looks])
        return status and { body = self:body(self:with { outbound_registration_status = status }) } or nil
    end)
    platform.trunk = platform:with { register = true, outbound_sip_username = "carrier",
        outbound_registration_status = before }
    return platform
end

function tests.test_a_registration_that_has_not_moved_since_before_the_write_proves_no_new_password()
    each({ "registered", "failed", "auth_failed" }, function(status)
        local platform <close> = registering(status, status, { status })
        local item <const>, exit <const> = platform:rotate("--settle-time", "2s")
        lu.assertEquals({ item.state, exit }, { "unknown", 1 }, status)
        lu.assertStrContains(item.error.message, ("has stayed '%s' for 2.0 s, as it was before the change"):format(
            status))
        lu.assertEquals(platform:states(), "candidate candidate", status)
        lu.assertEquals(#platform.writes, 1, status)
    end)
end

function tests.test_a_registration_that_was_lost_and_came_back_proves_the_new_password()
    local cases <const> = {
        { "registered", "pending", { "registered" } },
        { "registered", "registered", { "registered", "pending", "registered" } },
        { "failed", "failed", { "registered" } },
        { "auth_failed", "not_registered", { "registered" } },
    }
    each(cases, function(case)
        local platform <close> = registering(table.unpack(case))
        local item <const> = platform:rotate "--settle-time=30s"
        lu.assertEquals({ item.state, item.evidence }, { "done", "registered" }, table.concat(case[3]))
        lu.assertEquals(platform:states(), "current current")
    end)
end

function tests.test_a_carrier_that_fails_for_another_reason_leaves_the_password_a_candidate()
    local platform <close> = registering("registered", "pending", { "failed" })
    local item <const> = platform:rotate "--legs=outbound"
    lu.assertStrContains(item.error.message, "is 'failed', which proves nothing about the new password")
    lu.assertEquals({ item.state, platform:states() }, { "unknown", "candidate" })
end

function tests.test_a_registration_that_an_earlier_change_has_begun_proves_nothing_of_a_later_one()
    local platform
    platform = stub_platform.start("vatel", function(self) return { body = self:body(self.trunk) } end,
        function(self, reads)
            self.trunk.outbound_registration_status = reads > 1 and "registered" or "pending"
        end)
    platform.trunk = platform:with { register = true, outbound_sip_username = "carrier",
        outbound_registration_status = "pending" }
    local _ <close> = platform
    lu.assertEquals(platform:rotate("--settle-time", "2s").state, "unknown")
end

function tests.test_a_registration_that_a_reply_leaves_out_has_not_moved()
    local cases <const> = {
        { "registered", json.null, { "registered" } },
        { "registered", "registered", { json.null, "registered" } },
        { json.null, json.null, { "registered" } },
        { "auth_failed", json.null, { "auth_failed" } },
    }
    each(cases, function(case)
        local platform <close> = registering(table.unpack(case))
        lu.assertEquals(platform:rotate("--settle-time", "2s").state, "unknown")
        lu.assertEquals(platform:states(), "candidate candidate")
    end)
end

function tests.test_the_end_of_a_registration_that_was_under_way_before_the_write_proves_nothing()
    for looks, state in pairs { [{ "pending", "registered" }] = "unknown",
        [{ "registered", "pending", "registered" }] = "done" } do
        local platform <close> = registering("pending", "pending", looks)
        lu.assertEquals(platform:rotate("--settle-time", "20s").state, state)
    end
end

function tests.test_a_script_that_leaves_the_proof_to_the_job_is_not_believed_either()
    local platform <close> = registering("registered", "registered", { "registered" })
    program.write(platform.folder .. "/set.lua", [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "set", plan = function() return { changes = { register = true } } end,
            apply = function(item) return trunkhost.job.apply(item.account, trunkhost.job.before(item.account,
                item.trunk), { outbound_sip_password = trunkhost.secret {} }) end }]])
    local ended <const> = platform:run(platform.folder .. "/set.lua", "--yes", "--json", "--deadline", "5s")
    lu.assertStrContains(ended.out, '"state":"unknown"', nil, nil, ended.err)
    lu.assertEquals(platform:states(), "candidate")
end

function tests.test_a_time_of_change_proves_nothing_without_an_earlier_one_to_compare_with()
    for _, was in ipairs { json.null, "2026-04-01T12:00:00Z" } do
        local platform <close> = stub_platform.start("bolna_trunk", function(self)
            return { body = self:body(self:with { updated_at = "2026-03-31T12:00:00Z" }) }
        end, function(self) return { body = self:body(self:with { updated_at = was }) } end)
        local item <const> = platform:rotate()
        lu.assertEquals({ item.state, item.evidence }, was == json.null and { "done", "accepted" } or { "unknown" })
    end
end

function tests.test_what_becomes_of_a_password_is_recorded_once()
    local bolna <close> = stub_platform.start("bolna", function(self) return { body = self:body(self:changed()) } end)
    local vatel <close> = registering("registered", "pending", { "registered" })
    for _, platform in ipairs { bolna, vatel } do
        local function query(sql)
            return trunkhost.process.run { "sqlite3", platform.folder .. "/ledger.db", sql }.out
        end
        platform:rotate()
        query [[CREATE TABLE noted (row INTEGER); CREATE TRIGGER note AFTER UPDATE ON secrets
            WHEN new.state = 'current' BEGIN INSERT INTO noted VALUES (new.id); END]]
        lu.assertEquals(platform:rotate().state, "done")
        local noted <const> = query "SELECT count(*), count(DISTINCT row) FROM noted"
        lu.assertEquals(noted, platform == vatel and "2|2\n" or "1|1\n")
    end
end

function tests.test_a_field_that_comes_back_with_its_old_value_was_not_written()
    local code <const> = [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "rename", plan = function() return { changes = { pbx = "3cx" } } end,
            apply = function(item) return trunkhost.job.apply(item.account, trunkhost.job.before(item.account,
                item.trunk), { pbx = "3cx" }) end }]]
    for _, takes in ipairs { false, true } do
        local platform <close> = stub_platform.start("vatel", function(self)
            return { body = self:body(self:with { pbx = takes and "3cx" or "generic" }) }
        end)
        program.write(platform.folder .. "/rename.lua", code)
        local ended <const> = platform:run(platform.folder .. "/rename.lua", "--yes", "--json")
        lu.assertStrContains(ended.out, takes and '"state":"done"' or '"state":"unknown"', nil, nil, ended.err)
        lu.assertEquals(ended.out:find("the old value of pbx", 1, true) ~= nil, not takes)
    end
end

-- --- what others can cause ---------------------------------------------------------------------------

function tests.test_a_witness_that_others_move_settles_no_write_that_stayed_ambiguous()
    each({ "famulor", "autocalls", "bolna", "bolna_trunk" }, function(api)
        local platform <close> = stub_platform.start(api, function(self)
            self.moved = true
            return { status = 500, body = '{"error":"later"}' }
        end, function(self) return self.moved and { body = self:body(self:changed()) } or nil end)
        assert_unknown(platform, "500 each time", 5)
    end)
end

-- --- reads and other writes --------------------------------------------------------------------------

local TELL <const> = [[local account = require "trunkhost".account "stub"
    local function try(fn, ...) local ok, err = pcall(fn, account, ...) print(ok or err.kind, ok or err.ambiguous) end]]

function tests.test_a_read_of_another_trunk_is_malformed()
    local platform <close> = stub_platform.start("vatel", function() return {} end, function(self)
        return { body = self:body(self:with { id = OTHER_UUID }) }
    end)
    lu.assertEquals(platform:run("-e", TELL .. (" try(account.get, %q)"):format(platform.trunk.id)).out,
        "malformed\tfalse\n")
end

function tests.test_an_id_in_other_capitals_is_the_same_trunk()
    local platform <close> = stub_platform.start("vatel", function() return {} end, function(self)
        return { body = self:body(self:with { id = self.trunk.id:upper() }) }
    end)
    lu.assertEquals(platform:run("-e", TELL .. (" try(account.get, %q)"):format(platform.trunk.id)).out, "true\ttrue\n")
end

function tests.test_a_create_whose_reply_is_no_trunk_may_have_happened_and_is_not_sent_again()
    for _, body in ipairs { "", "{}", '{"error":"no"}', '{"success":false}', '{"id":"no uuid"}' } do
        local platform <close> = stub_platform.start("vatel", function() return { status = 201, body = body } end)
        lu.assertEquals(platform:run("-e", TELL .. " try(account.create, { pbx = 'generic' })").out,
            "unknown_outcome\ttrue\n", body)
        lu.assertEquals(#platform.writes, 1)
    end
end

function tests.test_a_create_that_is_answered_with_another_trunk_may_have_happened_and_is_not_sent_again()
    local cases <const> = {
        famulor = { "phone_number", { sip_trunk_type = "extension", phone_number = "4712", sip_username = "new",
            sip_password = "a-long-password", sip_address = "sip.example.com", sip_calling_format = "e164",
            inbound_authorization_type = "auth", country_code = "DE" } },
        vatel = { "inbound_sip_username", { pbx = "generic", inbound_sip_username = "new" } },
        bolna_trunk = { "name", { name = "New" } },
    }
    local code <const> = TELL .. [[ local ok, err = pcall(account.create, account, require "trunkhost".json.decode(%q))
        print(err.kind, err.message)]]
    for api, case in pairs(cases) do
        local platform <close> = stub_platform.start(api, function(self)
            return { status = 201, body = self:body(self:changed()) }
        end)
        local words <const> = { "-e", code:format(json.encode(case[2])) }
        local out <const> = platform:run(table.unpack(words)).out
        lu.assertStrMatches(out, "unknown_outcome\t.*another .*" .. case[1] .. ".* than was sent.*\n")
        lu.assertEquals(#platform.writes, 1)
        -- The same again is looked for, and not sent.
        lu.assertStrMatches(platform:run(table.unpack(words)).out, "unknown_outcome\tnot sent.*\n")
        lu.assertEquals(#platform.writes, 1)
    end
end

function tests.test_a_create_that_is_answered_with_what_was_there_before_is_not_believed()
    local platform <close> = stub_platform.start("bolna_trunk", function(self)
        return { status = 201, body = self:body(self.trunk) }
    end)
    local fields <const> = "{ name = 'Front desk' }"
    local out <const> = platform:run("-e", TELL .. (" account:list 'list' try(account.create, %s)"):format(fields)).out
    lu.assertEquals(out, "unknown_outcome\ttrue\n")
end

function tests.test_a_create_that_comes_back_in_the_platforms_own_way_is_done()
    local platform <close> = stub_platform.start("bolna_trunk", function(self)
        return { status = 201, body = self:body(self:with { id = OTHER_UUID, name = " NEW desk" }) }
    end)
    local code <const> = TELL .. " account:list 'list' try(account.create, { name = 'New Desk' })"
    lu.assertEquals(platform:run("-e", code).out, "true\ttrue\n")
end

function tests.test_a_delete_that_is_answered_by_a_page_is_no_delete()
    local platform <close> = stub_platform.start("vatel", NOT_THE_TRUNK["a page"])
    lu.assertEquals(platform:run("-e", TELL .. (" try(account.delete, %q)"):format(platform.trunk.id)).out,
        "malformed\ttrue\n")
end

function tests.test_a_delete_that_is_answered_by_an_error_is_no_delete()
    for api, body in pairs { bolna = '{"error":423,"message":"locked"}', vatel = '{"error":"locked"}',
        bolna_trunk = '{"success":false}', famulor = "{}" } do
        local platform <close> = stub_platform.start(api, function() return { body = body } end)
        lu.assertEquals(platform:run("-e", TELL .. (" try(account.delete, %s)"):format(
            api == "famulor" and "42" or ("%q"):format(platform.trunk.id))).out, "malformed\ttrue\n", api)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "proof", tests } })
