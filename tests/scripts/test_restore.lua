--- Old passwords that are put back when the carrier refuses the new ones (--restore-on-failure), compared with the
--- sandbox's own memory.

package.path = "tests/support/?.lua;" .. package.path
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local FIELDS <const> = { "inbound_sip_password", "outbound_sip_password" }

program.haste = 10

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none")

local function rotate(arguments)
    local result = events.read(sandbox:run("rotate_passwords.lua --account vatel --yes --json " .. arguments))
    for _, item in ipairs(result.list) do
        result.failed = item.state ~= "skipped" and item.state ~= "done" and item or result.failed
    end
    return result
end

--- trunk → as the sandbox has it.
local function trunks()
    local found = {}
    for _, trunk in ipairs(sandbox:ask "state".vatel.trunks) do
        found[trunk.id] = trunk
    end
    return found
end

--- The id of a trunk with this many passwords that registers outbound.
local function registering(passwords)
    for id, trunk in pairs(trunks()) do
        local count = 0
        for _, field in ipairs(FIELDS) do
            count = count + (type(trunk[field]) == "string" and 1 or 0)
        end
        if count == passwords and trunk.register == true and type(trunk.outbound_sip_password) == "string" then
            return id
        end
    end
    error "the sandbox has no such trunk"
end

local function rows(id, field)
    local found = {}
    local export = program.run(("--ledger %s secrets export --account vatel --json"):format(sandbox:ledger_path()))
    for _, row in ipairs(events.lines(export.out)) do
        if row.trunk == id and row.field == field then
            found[#found + 1] = row
            found[row.secret] = row
        end
    end
    return found
end

--- From the next change on the carrier refuses and accepts in this order. Which seed does that follows from how the
--- sandbox draws: the faults of a change are drawn leg by leg.
local function carrier(answers)
    local seeds = { ["refuses, accepts"] = 2, ["refuses, refuses"] = 12, ["accepts, refuses, accepts"] = 5 }
    sandbox:tell("faults", { fault = "auth_failed=0.5", seed = assert(seeds[answers]) })
end

-- ---------------------------------------------------------------------------------------------------

function tests.test_a_refused_password_is_replaced_by_the_old_one_and_the_canary_stops_the_run()
    start()
    lu.assertEquals(rotate "".status, 0)
    local before = trunks()
    carrier "refuses, accepts"
    local result = rotate "--restore-on-failure --legs outbound"
    lu.assertEquals(result.status, 3)
    lu.assertTrue(result.summary.halted)
    lu.assertEquals(result.summary.failed, 1)
    local item, id = result.failed, result.failed.trunk
    lu.assertTrue(item.restored)
    lu.assertEquals(item.attempts, 2)
    lu.assertEquals(item.error.kind, "refused")
    lu.assertStrContains(item.error.message, "the carrier refuses the new password: registration of the outbound leg "
        .. "is 'auth_failed'; the old password was restored, and the carrier accepts it")
    -- Nothing has changed, on this trunk or another.
    local after = trunks()
    for other, trunk in pairs(after) do
        lu.assertEquals(trunk.outbound_sip_password, before[other].outbound_sip_password)
    end
    lu.assertEquals(after[id].outbound_registration_status, "registered")
    -- In the ledger the old one is current again and proven, the new one rejected.
    local known = rows(id, "outbound_sip_password")
    lu.assertEquals(known[#known].state, "current")
    lu.assertEquals(known[#known].secret, after[id].outbound_sip_password)
    lu.assertEquals(known[#known - 1].state, "rejected")
    lu.assertNotEquals(known[#known - 1].secret, after[id].outbound_sip_password)
    -- The next run rotates it.
    sandbox:tell "faults"
    lu.assertEquals(rotate("--only " .. id).status, 0)
    lu.assertNotEquals(trunks()[id].outbound_sip_password, after[id].outbound_sip_password)
end

function tests.test_only_the_password_that_is_refused_is_put_back()
    start()
    local id = registering(2)
    lu.assertEquals(rotate("--only " .. id).status, 0)
    local before = trunks()[id]
    carrier "accepts, refuses, accepts"
    local result = rotate("--restore-on-failure --only " .. id)
    lu.assertTrue(result.failed.restored, result.failed.error.message)
    local after = trunks()[id]
    lu.assertEquals(after.outbound_sip_password, before.outbound_sip_password)
    lu.assertNotEquals(after.inbound_sip_password, before.inbound_sip_password)
    local known = rows(id, "inbound_sip_password")
    lu.assertEquals(known[#known].state, "current")
    lu.assertEquals(known[#known].secret, after.inbound_sip_password)
end

function tests.test_an_old_one_that_is_refused_as_well_is_live_again_and_that_is_said()
    start()
    local id = registering(1)
    lu.assertEquals(rotate("--only " .. id).status, 0)
    local before = trunks()[id]
    carrier "refuses, refuses"
    local result = rotate("--restore-on-failure --only " .. id)
    lu.assertTrue(result.failed.restored)
    lu.assertStrContains(result.failed.error.message, "restored, but the carrier refuses it as well")
    lu.assertEquals(trunks()[id].outbound_sip_password, before.outbound_sip_password)
    -- That one is no way back any more.
    sandbox:tell("faults", { fault = "auth_failed=1" })
    local again = rotate("--restore-on-failure --only " .. id)
    lu.assertNil(again.failed.restored)
    lu.assertStrContains(again.failed.error.message, "was not restored: the carrier refused the old one as well")
end

function tests.test_without_the_old_one_or_the_key_it_is_said_plainly_and_nothing_is_restored()
    start()
    local id = registering(1)
    sandbox:tell("faults", { fault = "auth_failed=1" })
    local unknown = rotate("--restore-on-failure --only " .. id)
    lu.assertEquals(unknown.failed.state, "failed")
    lu.assertNil(unknown.failed.restored)
    lu.assertStrContains(unknown.failed.error.message, "the old password was not restored: the ledger does not know "
        .. "the old one. The new one is live at the platform")
    local known = rows(id, "outbound_sip_password")
    lu.assertEquals(known[#known].state, "current")
    lu.assertEquals(known[#known].secret, trunks()[id].outbound_sip_password)

    sandbox:tell "faults"
    lu.assertEquals(rotate("--only " .. id).status, 0)
    sandbox:tell("faults", { fault = "auth_failed=1" })
    os.execute(("mv %s/ledger.key %s/elsewhere"):format(sandbox.folder, sandbox.folder))
    local closed = rotate("--restore-on-failure --only " .. id)
    lu.assertNil(closed.failed.restored)
    lu.assertStrContains(closed.failed.error.message, "the old one cannot be decrypted here: ")
end

function tests.test_an_old_password_from_the_file_is_put_back()
    start()
    local id = registering(1)
    local old = trunks()[id].outbound_sip_password
    program.write(sandbox.folder .. "/new.csv", ("trunk,field,password,previous\n%s,outbound_sip_password,%s,%s\n")
        :format(id, "dictated-by-9", old), "600")
    carrier "refuses, accepts"
    local result = rotate(("--restore-on-failure --passwords %s/new.csv"):format(sandbox.folder))
    lu.assertTrue(result.failed.restored, result.failed.error.message)
    lu.assertEquals(trunks()[id].outbound_sip_password, old)
    lu.assertNotStrContains(result.out .. result.err, "dictated-by-9")
    lu.assertNotStrContains(result.out .. result.err, old)
end

function tests.test_an_old_one_that_the_platform_does_not_take_back_is_not_restored()
    start()
    local id = registering(1)
    lu.assertEquals(rotate("--only " .. id).status, 0)
    sandbox:tell("faults", { fault = "auth_failed=1" })
    local result = sandbox:run(([[-e %s --account vatel --yes --json --restore-on-failure --only %s]]):format(
        program.quote [[
            local trunkhost = require "trunkhost"
            local job, sent = trunkhost.job, 0
            local methods = require "trunkhost.core".account_methods
            local update = methods.update
            function methods.update(self, ...)
                sent = sent + 1
                if sent == 2 then job.failed("refused", "not this one") end
                return update(self, ...)
            end
            job.run { name = "mine", options = trunkhost.options { name = "mine", secrets = true }:parse(),
                plan = function() return { changes = { outbound_sip_password = trunkhost.secret {} } } end }]], id))
    lu.assertEquals(result.status, 1, result.err)
    lu.assertNotStrContains(result.out, '"restored"')
    lu.assertStrContains(result.out, "the old password was not restored: the platform answered: not this one")
end

function tests.test_a_ledger_that_keeps_no_previous_passwords_can_restore_as_well()
    start()
    local id = registering(1)
    lu.assertEquals(rotate("--only " .. id).status, 0)
    local before = trunks()[id].outbound_sip_password
    os.execute(("sqlite3 %s \"INSERT OR REPLACE INTO meta VALUES ('keep_previous', '0')\""):format(
        sandbox:ledger_path()))
    carrier "refuses, accepts"
    local result = rotate("--restore-on-failure --only " .. id)
    lu.assertEquals(result.status, 1, result.err)
    lu.assertTrue(result.failed.restored)
    local known = rows(id, "outbound_sip_password")
    lu.assertEquals({ #known, known[1].state, known[1].secret }, { 1, "current", before })
end

function tests.test_without_the_option_nothing_is_put_back()
    start()
    local id = registering(1)
    lu.assertEquals(rotate("--only " .. id).status, 0)
    local before = trunks()[id].outbound_sip_password
    sandbox:tell("faults", { fault = "auth_failed=1" })
    local result = rotate("--only " .. id)
    lu.assertNil(result.failed.restored)
    lu.assertNotEquals(trunks()[id].outbound_sip_password, before)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "restore", tests } })
