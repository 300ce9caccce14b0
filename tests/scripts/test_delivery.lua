--- New passwords handed on by a command (--deliver): who gets which, what becomes of those that are not taken, and
--- where no password may show. What the command has read is compared with the sandbox's own memory.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local PASSWORDS <const> = { "sip_password", "auth_password", "inbound_sip_password", "outbound_sip_password" }

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none")

--- A shell script in the sandbox's folder, as a word of a command line; ~ in it is that folder. Its parent is the
--- program.
local function command(text)
    local path = sandbox.folder .. "/deliver"
    program.write(path, "#!/bin/sh\n" .. text:gsub("~", sandbox.folder) .. "\n", "700")
    return program.quote("exec " .. path)
end

--- Appends what it reads to the file `taken`.
local TAKE <const> = "line=$(cat) && printf '%s\\n' \"$line\" >>~/taken"

local function exists(name)
    local file = io.open(sandbox.folder .. "/" .. name, "r")
    return file ~= nil and file:close()
end

--- The objects that a command has put into a file of the folder, and account → trunk → field → secret.
local function taken(name)
    local objects, found = {}, {}
    if exists(name or "taken") then
        objects = events.lines(program.read(sandbox.folder .. "/" .. (name or "taken")))
        for _, object in ipairs(objects) do
            local account = found[object.account] or {}
            local trunk = account[object.trunk] or {}
            found[object.account], account[object.trunk], trunk[object.field] = account, trunk, object.secret
        end
    end
    return objects, found
end

local function live()
    local found = {}
    for api, world in pairs(sandbox:ask "state") do
        found[api] = {}
        for _, trunk in ipairs(world.trunks) do
            local fields = {}
            for _, field in ipairs(PASSWORDS) do
                if trunk[field] ~= trunkhost.null then fields[field] = trunk[field] end
            end
            found[api][tostring(trunk.id)] = fields
        end
    end
    return found
end

local function rotate(arguments)
    local result = events.read(sandbox:run("rotate_passwords.lua --yes --json " .. arguments), events.place)
    result.states = { done = 0, failed = 0, unknown = 0, skipped = 0 }
    for _, item in ipairs(result.list) do result.states[item.state] = result.states[item.state] + 1 end
    return result
end

--- The output of a query of the ledger.
local function query(sql)
    return (sandbox:query(sql):gsub("\n$", ""))
end

-- ---------------------------------------------------------------------------------------------------

function tests.test_the_command_reads_each_proven_password_with_what_it_belongs_to()
    start()
    local result = rotate(("--account all --deliver %s"):format(command(TAKE)))
    lu.assertEquals(result.status, 0, result.err)
    local objects, found = taken()
    local now, delivered = live(), 0
    for account, trunks in pairs(found) do
        for id, fields in pairs(trunks) do
            for field, secret in pairs(fields) do
                lu.assertEquals(secret, now[account][id][field])
                delivered = delivered + 1
            end
        end
    end
    lu.assertEquals(delivered, #objects)
    lu.assertEquals(query "SELECT count(*) FROM secrets WHERE state = 'current' AND delivered_at <> ''",
        tostring(delivered))
    lu.assertEquals(query "SELECT count(*) FROM secrets WHERE state = 'current' AND delivered_at IS NULL", "0")
    for _, object in ipairs(objects) do
        lu.assertEquals(object.event, "secret")
        lu.assertEquals(object.run, result.summary.run)
        lu.assertEquals(object.evidence, result.items[object.account .. "/" .. object.trunk].evidence)
        if object.account == "famulor" and object.trunk == "42" then
            lu.assertEquals({ object.provider, object.label, object.username, object.field },
                { "famulor", "Front desk", "myuser", "sip_password" })
        end
    end
end

function tests.test_no_password_is_in_the_arguments_the_environment_or_an_open_file_of_the_command()
    start "--trunks 3"
    local result = rotate(("--account famulor --deliver %s"):format(command [[
        line=$(cat); printf '%s\n' "$line" >>~/taken
        { tr '\0' '\n' </proc/$$/cmdline; tr '\0' '\n' </proc/$$/environ; ls -l /proc/$$/fd; } >>~/seen]]))
    lu.assertEquals(result.status, 0, result.err)
    local seen = program.read(sandbox.folder .. "/seen")
    local objects = taken()
    lu.assertEquals(#objects, 3)
    for _, object in ipairs(objects) do
        lu.assertNotStrContains(seen, object.secret)
    end
    lu.assertNotStrContains(seen, "ledger.db")
    -- Besides its input, output and errors nothing of ours is open.
    local _, pipes = seen:gsub("%-> pipe:", "")
    lu.assertEquals(pipes, 3 * 3, seen)
    lu.assertNotStrContains(seen, "socket:")
end

function tests.test_a_password_that_is_not_taken_fails_its_item_and_the_next_run_delivers_it_and_sets_no_other()
    start "--trunks 4"
    local refusing = command [[line=$(cat)
        case $line in *'"trunk":"43"'*) echo "PBX: $line is wrong" >/dev/stderr; exit 3;; esac
        printf '%s\n' "$line" >>~/taken]]
    local first = rotate("--account famulor --canary 0 --deliver " .. refusing)
    lu.assertEquals(first.status, 1, first.err)
    lu.assertEquals(first.states.done, 3)
    local item = first.items["famulor/43"]
    lu.assertEquals(item.state, "failed")
    lu.assertEquals(item.error.kind, "delivery")
    lu.assertStrContains(item.error.message, "sip_password is live at the platform and current in the ledger")
    lu.assertStrContains(item.error.message, "ended with status 3: PBX: ")
    local now = live().famulor
    lu.assertEquals(sandbox:current_secrets().famulor["43"].sip_password, now["43"].sip_password)
    for _, fields in pairs(now) do
        lu.assertNotStrContains(first.out .. first.err, fields.sip_password)
    end

    local before = #sandbox:writes()
    local plan = rotate(("--account famulor --only 43 --dry-run --deliver %s"):format(command(TAKE)))
    lu.assertStrContains(plan.err, "sip_password: delivered again, not changed")
    local second = rotate(("--account famulor --only 43 --deliver %s"):format(command(TAKE)))
    lu.assertEquals(second.status, 0, second.err)
    lu.assertEquals(second.items["famulor/43"].evidence, "reprovisioned")
    lu.assertEquals(#sandbox:writes(), before)
    local _, found = taken()
    lu.assertEquals(found.famulor["43"].sip_password, now["43"].sip_password)
    -- Now it is done, and rotated as any other.
    lu.assertEquals(rotate(("--account famulor --only 43 --deliver %s"):format(command(TAKE))).status, 0)
    lu.assertEquals(#sandbox:writes(), before + 1)
end

function tests.test_resume_delivers_what_was_not_taken()
    start "--trunks 3"
    local path = command "exit 1"
    local first = rotate(("--account famulor --canary 0 --deliver %s"):format(path))
    lu.assertEquals(first.states.failed, 3)
    local before = #sandbox:writes()
    command(TAKE)
    local second = rotate("--resume " .. first.summary.run)
    lu.assertEquals(second.status, 0, second.err)
    lu.assertEquals(second.states.done, 3)
    lu.assertEquals(#sandbox:writes(), before)
    lu.assertEquals(#taken(), 3)
end

function tests.test_a_run_that_was_killed_before_it_delivered_is_made_up_for()
    start "--trunks 2"
    local first = rotate(("--account famulor --canary 0 -j 1 --deliver %s"):format(command "kill -KILL $PPID; sleep 1"))
    lu.assertEquals(first.status, 137)
    local rotated = live().famulor
    local second = rotate(("--account famulor --deliver %s"):format(command(TAKE)))
    lu.assertEquals(second.status, 0, second.err)
    local _, found = taken()
    local now = live().famulor
    local kept = 0
    for id, fields in pairs(now) do
        lu.assertEquals(found.famulor[id].sip_password, fields.sip_password)
        kept = kept + (fields.sip_password == rotated[id].sip_password and 1 or 0)
    end
    lu.assertEquals(kept, 1)
end

function tests.test_a_password_of_a_run_that_was_to_deliver_nothing_is_no_reason_not_to_set_another_one()
    start "--trunks 3"
    lu.assertEquals(rotate "--account famulor".status, 0)
    local before = #sandbox:writes()
    lu.assertEquals(rotate(("--account famulor --deliver %s"):format(command(TAKE))).status, 0)
    lu.assertEquals(#sandbox:writes(), before + 3)
end

function tests.test_without_the_private_key_the_next_run_says_what_to_do_and_can_set_another_one()
    start "--trunks 2"
    local path = command "exit 1"
    rotate(("--account famulor --canary 0 --deliver %s"):format(path))
    os.execute(("mv %s/ledger.key %s/elsewhere"):format(sandbox.folder, sandbox.folder))
    command(TAKE)
    local before = #sandbox:writes()
    local second = rotate(("--account famulor --canary 0 --deliver %s"):format(path))
    lu.assertEquals(second.states.failed, 2)
    local err = second.items["famulor/42"].error
    lu.assertEquals(err.kind, "delivery")
    lu.assertStrContains(err.message, "trunkhost secrets export --account famulor")
    lu.assertStrContains(err.message, "--rotate-undelivered")
    lu.assertEquals(#sandbox:writes(), before)
    local third = rotate(("--account famulor --rotate-undelivered --deliver %s"):format(path))
    lu.assertEquals(third.status, 0, third.err)
    lu.assertEquals(#sandbox:writes(), before + 2)
    local _, found = taken()
    for id, fields in pairs(live().famulor) do
        lu.assertEquals(found.famulor[id].sip_password, fields.sip_password)
    end
end

function tests.test_a_dictated_password_is_sent_although_an_earlier_one_waits_for_delivery()
    start "--trunks 2"
    rotate(("--account famulor --only 42 --deliver %s"):format(command "exit 1"))
    program.write(sandbox.folder .. "/new.csv", "trunk,field,password\n42,sip_password,\"quo\\\"\"te, 77\"\n", "600")
    local result = rotate(("--account famulor --passwords %s/new.csv --deliver %s"):format(sandbox.folder,
        command(TAKE .. "; printf '%s\\n' \"$line\" >&2; exit 9")))
    lu.assertEquals(result.items["famulor/42"].error.kind, "delivery")
    lu.assertEquals(live().famulor["42"].sip_password, 'quo\\"te, 77')
    local _, found = taken()
    lu.assertEquals(found.famulor["42"].sip_password, 'quo\\"te, 77')
    -- Neither as it is nor as JSON writes it.
    lu.assertNotStrContains(result.out .. result.err, "te, 77")
end

function tests.test_a_command_that_does_not_end_is_killed_with_all_that_it_started()
    start "--trunks 1"
    local result = rotate(("--account famulor --deliver-timeout 0.3s --deliver %s"):format(
        command "sh -c 'echo $$ >~/pid; exec sleep 300' & wait"))
    lu.assertStrContains(result.items["famulor/42"].error.message, "did not end within 0.3 s and was killed")
    local pid = program.read(sandbox.folder .. "/pid"):match "%d+"
    local process = io.open(("/proc/%s/cmdline"):format(pid), "r")
    lu.assertTrue(process == nil or not process:read "a":find("sleep", 1, true))
end

function tests.test_what_is_not_proven_is_not_delivered()
    start "--trunks 3 --fault error_before@PUT=1"
    local result = rotate(("--account famulor --only 42 --deliver %s"):format(command(TAKE)))
    lu.assertEquals(result.items["famulor/42"].state, "unknown")
    lu.assertEquals(#taken(), 0)
end

function tests.test_no_more_commands_than_asked_for_run_at_once_also_on_several_accounts()
    start "--trunks 6"
    local result = rotate(("--account famulor --account autocalls --account bolna --canary 0 -j 2 --deliver %s"):format(
        command [[cat >/dev/null; mkdir ~/run.$$; ls -d ~/run.* | wc -l >>~/many; sleep 0.05; rmdir ~/run.$$]]))
    lu.assertEquals(result.status, 0, result.err)
    local most, count = 0, 0
    for line in program.read(sandbox.folder .. "/many"):gmatch "%d+" do
        most, count = math.max(most, tonumber(line)), count + 1
    end
    lu.assertTrue(count >= 15)
    lu.assertEquals(most, 2)
end

function tests.test_cancelling_the_run_ends_the_commands_and_the_next_run_delivers()
    start "--trunks 1"
    local path = command [[cat >/dev/null; echo started >~/started; trap 'echo stopped >~/stopped; exit 1' TERM
        kill -TERM $PPID; sleep 0.1; kill -TERM $PPID; sleep 300 & wait]]
    local first = rotate(("--account famulor --deliver %s"):format(path))
    lu.assertEquals(first.status, 3)
    lu.assertTrue(exists "started")
    for _ = 1, 200 do -- the command ends by itself, after us
        if exists "stopped" then break end
        trunkhost.sleep(0.01)
    end
    lu.assertTrue(exists "stopped")
    local before = #sandbox:writes()
    command(TAKE)
    lu.assertEquals(rotate(("--account famulor --deliver %s"):format(path)).status, 0)
    lu.assertEquals(#sandbox:writes(), before)
    lu.assertEquals(#taken(), 1)
end

function tests.test_the_first_signal_lets_a_delivery_end()
    start "--trunks 2"
    local result = rotate(("--account famulor -j 1 --deliver %s"):format(
        command("kill -INT $PPID; sleep 0.1; " .. TAKE)))
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.states.done, 1)
    lu.assertEquals(#taken(), 1)
end

-- --- one command for the run -----------------------------------------------------------------------

function tests.test_in_a_batch_one_command_reads_every_password_as_soon_as_it_is_proven()
    start "--trunks 5"
    local result = rotate(("--account famulor --account vatel --deliver-batch --deliver %s"):format(
        command "echo x >>~/starts; cat >~/taken"))
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(program.read(sandbox.folder .. "/starts"), "x\n")
    local objects, found = taken()
    lu.assertTrue(#objects > 5)
    local now = live()
    for account, trunks in pairs(found) do
        for id, fields in pairs(trunks) do
            for field, secret in pairs(fields) do lu.assertEquals(secret, now[account][id][field]) end
        end
    end
    lu.assertEquals(result.states.done, result.summary.done)
    lu.assertEquals(query "SELECT count(*) FROM secrets WHERE state = 'current' AND delivered_at IS NULL", "0")
end

function tests.test_a_batch_that_fails_fails_every_item_of_it_and_is_repeated()
    start "--trunks 3"
    local path = command "cat >/dev/null; echo 'no disk' >&2; exit 1"
    local first = rotate(("--account famulor --deliver-batch --deliver %s"):format(path))
    lu.assertEquals(first.status, 1)
    lu.assertEquals(first.states.failed, 3)
    lu.assertEquals({ first.summary.done, first.summary.failed, first.summary.total }, { 0, 3, 3 })
    lu.assertStrContains(first.items["famulor/42"].error.message, "ended with status 1: no disk")
    lu.assertEquals(query "SELECT count(*) FROM items WHERE state = 'failed' AND error LIKE '%delivery%'", "3")
    local before = #sandbox:writes()
    command "cat >~/taken"
    local second = rotate(("--account famulor --deliver-batch --deliver %s"):format(path))
    lu.assertEquals(second.status, 0, second.err)
    lu.assertEquals(#sandbox:writes(), before)
    lu.assertEquals(#taken(), 3)
    lu.assertEquals(rotate(("--resume %s"):format(first.summary.run)).status, 0)
end

function tests.test_a_batch_command_that_stops_reading_or_never_ends_fails_its_items()
    start "--trunks 2"
    local deaf = rotate(("--account famulor --deliver-batch --deliver %s"):format(command "exit 4"))
    lu.assertEquals(deaf.states.failed, 2)
    lu.assertStrContains(deaf.items["famulor/42"].error.message, "ended with status 4")
    local slow = rotate(("--account famulor --deliver-batch --deliver-timeout 0.2s --deliver %s")
        :format(command "cat >/dev/null; sleep 300"))
    lu.assertStrContains(slow.items["famulor/42"].error.message, "did not end within 0.2 s")
end

function tests.test_cancelling_a_run_while_it_waits_for_the_batch_tells_of_every_item()
    start "--trunks 3"
    local path = command [[cat >/dev/null; kill -TERM $PPID; sleep 0.1; kill -TERM $PPID; sleep 300]]
    local first = rotate("--account famulor --deliver-batch --deliver " .. path)
    lu.assertEquals(first.status, 3)
    lu.assertEquals(first.states.failed, 3)
    lu.assertEquals({ first.summary.done, first.summary.failed }, { 0, 3 })
    lu.assertStrContains(first.items["famulor/42"].error.message, "was stopped with the run")
    local before = #sandbox:writes()
    command "cat >~/taken"
    lu.assertEquals(rotate("--account famulor --deliver-batch --deliver " .. path).status, 0)
    lu.assertEquals({ #sandbox:writes(), #taken() }, { before, 3 })
end

-- --- usage -----------------------------------------------------------------------------------------

function tests.test_what_makes_no_sense_together_is_refused_before_anything_is_sent()
    start()
    for arguments, words in pairs {
        ["--deliver-batch"] = "--deliver-batch needs --deliver COMMAND",
        ["--rotate-undelivered"] = "needs --deliver COMMAND",
        ["--deliver ' '"] = "the command is empty",
        ["--deliver x --deliver-timeout soon"] = "--deliver-timeout: 'soon' is not a duration",
    } do
        local result = sandbox:run("rotate_passwords.lua --account famulor --yes " .. arguments)
        lu.assertEquals(result.status, 2, arguments)
        lu.assertStrContains(result.err, words)
    end
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_any_job_that_says_that_it_sets_passwords_can_deliver_them()
    start "--trunks 2"
    program.ok(sandbox:run("-e " .. program.quote [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "mine", options = trunkhost.options { name = "mine", secrets = true }:parse(),
            plan = function() return { changes = { sip_password = trunkhost.secret {} } } end }]]
        .. (" --account famulor --yes --deliver %s"):format(command(TAKE))))
    local _, found = taken()
    for id, fields in pairs(live().famulor) do lu.assertEquals(found.famulor[id].sip_password, fields.sip_password) end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "delivery", tests } })
