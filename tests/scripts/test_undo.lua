--- Taking a run back with --undo: what it has done and nobody has changed since, the newest first, and nothing twice.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local json <const> = trunkhost.json
local SCRIPT <const> = "scripts/disable_carrier.lua"
local DISABLE <const> = SCRIPT .. " --account bolna --carrier zadarma --yes --json "
local UNDO <const> = SCRIPT .. " --yes --json "

program.haste = 10

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests, "--limits none --trunks 24")

local function run(arguments, options)
    local result = events.read(sandbox:run(arguments, options))
    result.order = {}
    for i, item in ipairs(result.list) do result.order[i] = item.trunk end
    return result
end

--- What every trunk of bolna is like, but for the clock.
local function world()
    local found = {}
    for _, trunk in ipairs(sandbox:ask "state".bolna.trunks) do
        trunk.updated_at = nil
        found[trunk.id] = trunk
    end
    return found
end

local function by_hand(code)
    program.ok(sandbox:run("-e " .. program.quote('local a = require "trunkhost".account "bolna" ' .. code)))
end

local function script(text)
    local path = sandbox.folder .. "/job.lua"
    program.write(path, text)
    return path
end

-- --- taking back -----------------------------------------------------------------------------------

function tests.test_what_a_run_has_switched_off_is_switched_on_again_the_newest_first()
    start()
    local before = world()
    local first = program.ok(run(DISABLE .. "-j 1"))
    local number = first.summary.done
    lu.assertTrue(number >= 3)
    local undone = run(UNDO .. "-j 1 --undo last")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.summary.done, number)
    lu.assertEquals(undone.summary.total, number)
    lu.assertEquals(world(), before)
    local log = sandbox:writes()
    lu.assertEquals(#log, 2 * number)
    for i = 1, number do
        lu.assertEquals(log[number + i].path, log[number + 1 - i].path)
        lu.assertEquals(log[number + i].body, '{"is_active":true}')
    end
    lu.assertEquals(sandbox:ask "violations", {})
    -- And not once more, whatever name it is given.
    for _, name in ipairs { "last", first.summary.run, undone.summary.run } do
        local again = run(UNDO .. "--undo " .. name)
        lu.assertEquals(again.status, 0, again.err)
        lu.assertEquals(again.summary.skipped, number)
        lu.assertStrContains(again.items[again.order[1]].reason, "undone by run " .. undone.summary.run)
    end
    lu.assertEquals(#sandbox:writes(), 2 * number)
end

function tests.test_a_trunk_that_was_changed_since_is_skipped_and_named()
    start()
    local first = run(DISABLE .. "-j 1")
    local ids = {}
    for _, id in ipairs(first.order) do
        if first.items[id].state == "done" then ids[#ids + 1] = id end
    end
    -- Switched on by somebody; switched on and off again by a later run; another field changed.
    by_hand(('a:update(%q, { is_active = true })'):format(ids[1]))
    by_hand(('a:update(%q, { is_active = true }) a:update(%q, { description = "x" })'):format(ids[2], ids[3]))
    local second = run(DISABLE .. "--only " .. ids[2])
    lu.assertEquals(second.summary.done, 1)
    local sent = #sandbox:writes()
    local undone = run(UNDO .. "-q --undo " .. first.summary.run)
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.summary.skipped, 2)
    lu.assertEquals(undone.summary.done, #ids - 2)
    lu.assertStrContains(undone.err, ("not undone, because changed since run %s: bolna %s (by run %s)"):format(
        first.summary.run, ids[2], second.summary.run))
    local loud = run(UNDO .. "--undo " .. first.summary.run)
    lu.assertStrContains(loud.items[ids[1]].reason, "is as it was before run")
    lu.assertStrContains(loud.items[ids[2]].reason, "changed since by run " .. second.summary.run)
    lu.assertEquals(#sandbox:writes(), sent + #ids - 2)
    lu.assertFalse(world()[ids[2]].is_active)
end

function tests.test_a_field_with_another_value_is_changed_since()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "label", options = trunkhost.options { undo = true }:parse(), undo = true,
            plan = function(item) return { changes = { description = "of the run" } } end }]]
    local before = world()
    local first = run(path .. " --account bolna --yes --json --canary 0")
    lu.assertEquals(first.summary.done, 24)
    local id = first.order[5]
    by_hand(('a:update(%q, { description = "mine" })'):format(id))
    local undone = run(path .. " --undo last --yes --json")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.summary.done, 23)
    lu.assertEquals(undone.items[id].state, "skipped")
    lu.assertEquals(undone.items[id].reason, "changed since: description is mine, not of the run")
    lu.assertStrContains(undone.err, id .. " (description is mine, not of the run)")
    local after = world()
    before[id], after[id] = nil, nil
    lu.assertEquals(after, before)
end

--- What the platform itself puts into each member of a list, an id for example, cannot be sent, and is another one
--- each time.
function tests.test_lists_are_put_back_without_what_the_platform_has_put_into_them()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "addresses", options = trunkhost.options { undo = true }:parse(), undo = true,
            plan = function(item)
                return { changes = { ip_identifiers = trunkhost.json.array { { ip_address = "192.0.2.1/32" } } } }
            end }]]
    local function addresses(id)
        local list = {}
        for i, each in ipairs(world()[id].ip_identifiers) do list[i] = each.ip_address end
        return list
    end
    local id
    for each, trunk in pairs(world()) do
        id = #trunk.ip_identifiers == 2 and each or id
    end
    local before, cut = addresses(id), 0
    local job = path .. " --account bolna --yes --json --only " .. id
    lu.assertEquals(#before, 2)
    for request = 1, 6 do
        sandbox:reset()
        lu.assertEquals(run(job).summary.done, 1)
        lu.assertEquals(addresses(id), { "192.0.2.1/32" })
        sandbox:tell("kill", { request = request, moment = "after" })
        local undone = run(path .. " --undo last --yes --json")
        if undone.status == 137 then
            cut = cut + 1
            undone = run(path .. " --undo last --yes --json")
        end
        lu.assertEquals(undone.status, 0, undone.err)
        lu.assertEquals(undone.summary.done, 1, undone.out)
        lu.assertEquals(addresses(id), before)
    end
    lu.assertTrue(cut > 2)
    -- The run itself killed in the middle: what it has sent shows.
    for request = 1, 6 do
        sandbox:reset()
        sandbox:tell("kill", { request = request, moment = "after" })
        if run(job).status ~= 137 then
            lu.assertTrue(request > 3)
            break
        elseif #sandbox:run("runs --json").out > 0 then
            local undone = run(path .. " --undo last --yes --json")
            lu.assertEquals(undone.status, 0, undone.err)
        end
        lu.assertEquals(addresses(id), before, request)
    end
end

function tests.test_a_dry_run_shows_what_would_be_taken_back_and_sends_nothing()
    start()
    local first = run(DISABLE)
    local sent = #sandbox:writes()
    local dry = run(SCRIPT .. " --undo last --dry-run --json")
    lu.assertEquals(dry.status, 0, dry.err)
    lu.assertEquals(dry.summary.skipped, first.summary.done)
    lu.assertStrContains(dry.err, ("Undoing run %s (disable_carrier.lua)"):format(first.summary.run))
    lu.assertStrContains(dry.err, "is_active: false → true")
    lu.assertEquals(#sandbox:writes(), sent)
    -- Nor does anything happen that nobody has agreed to.
    lu.assertEquals(run(SCRIPT .. " --undo last").status, 2)
    lu.assertEquals(#sandbox:writes(), sent)
end

function tests.test_a_part_can_be_chosen()
    start()
    local first = run(DISABLE)
    local id, other
    for _, each in ipairs(first.order) do
        if first.items[each].state == "done" then id = each else other = each end
    end
    local part = run(UNDO .. "--undo last --only " .. id)
    lu.assertEquals(part.status, 0, part.err)
    lu.assertEquals(part.order, { id })
    lu.assertTrue(world()[id].is_active)
    local none = run(UNDO .. "--undo last --only " .. other)
    lu.assertEquals(none.status, 2)
    lu.assertStrContains(none.err, "changed no trunk " .. other)
    lu.assertEquals(run(UNDO .. "--undo last").summary.done, first.summary.done - 1)
end

function tests.test_limits_hold_and_the_report_says_how_to_go_on()
    start()
    local first = run(DISABLE)
    sandbox:tell("faults", { fault = "refuse@PATCH=1" })
    local halted = run(UNDO .. "--undo last")
    lu.assertEquals(halted.status, 3)
    lu.assertEquals(halted.summary.left, first.summary.done - 1)
    lu.assertStrContains(halted.err, "--resume " .. halted.summary.run)
    sandbox:tell "faults"
    local resumed = run(UNDO .. "--resume " .. halted.summary.run)
    lu.assertEquals(resumed.status, 0, resumed.err)
    lu.assertEquals(resumed.summary.done, first.summary.done)
end

-- --- interrupted -----------------------------------------------------------------------------------

function tests.test_an_undo_that_is_killed_at_any_request_is_gone_on_with()
    start()
    local before = world()
    local kills = 0
    for request = 1, 30 do
        for _, moment in ipairs { "before", "after" } do
            sandbox:reset()
            local number = run(DISABLE).summary.done
            sandbox:tell("kill", { request = request, moment = moment })
            local killed = run(UNDO .. "-j 2 --undo last")
            if killed.status ~= 137 then
                lu.assertEquals(killed.status, 0, killed.err)
                lu.assertTrue(kills >= 8, kills)
                return
            end
            kills = kills + 1
            local how = (request % 2 == 0 and kills > 2) and "--undo last" or "--resume last"
            -- Killed before anything was on record, the undo is no run yet.
            local known = sandbox:run("runs show last").out:find "Undoes"
            local second = run(UNDO .. (known and how or "--undo last"))
            local where = ("killed %s request %d, then %s: "):format(moment, request, how)
            lu.assertEquals(second.status, 0, where .. second.err)
            lu.assertEquals(world(), before, where)
            -- The one or two that were under way may have been sent twice, no other.
            lu.assertTrue(#sandbox:writes() <= 2 * number + 2, where .. #sandbox:writes())
            local third = run(UNDO .. "--undo last")
            lu.assertEquals(third.status, 0)
            lu.assertEquals(third.summary.skipped, number, where .. third.out)
            lu.assertNotStrContains(sandbox:run(SCRIPT .. " --carrier nobody --account bolna -n").err, "unsettled")
        end
    end
    error "the undo never came to its end"
end

function tests.test_what_a_killed_run_left_half_way_is_taken_back_where_it_shows()
    for _, moment in ipairs { "before", "after" } do
        start()
        local before = world()
        sandbox:tell("kill", { request = 6, moment = moment })
        lu.assertEquals(run(DISABLE .. "-j 1").status, 137)
        lu.assertTrue(#sandbox:writes() >= 2)
        local undone = run(UNDO .. "--undo last")
        lu.assertEquals(undone.status, 0, undone.err)
        lu.assertEquals(world(), before, moment)
        tests.tearDown()
    end
end

-- --- a function of the script's own ----------------------------------------------------------------

local OWN <const> = [[
local trunkhost = require "trunkhost"
local job = trunkhost.job
job.run { name = "own", options = trunkhost.options():parse(),
    plan = function(item)
        return { changes = { description = "set", auth_password = item.trunk.auth_type == "userpass"
            and job.new_secret or nil } }
    end,
    apply = function(item, plan)
        local fields = { description = "set" }
        if plan.changes.auth_password then
            fields.auth_username = item.trunk.auth_username
            fields.auth_password = trunkhost.secret { length = 32 }
        end
        return job.apply(item.account, job.before(item.account, item.trunk), fields)
    end,
    undo = UNDO }
]]

function tests.test_a_function_gets_the_item_and_what_is_known_of_it_without_passwords()
    start()
    local path = script((OWN:gsub("UNDO", function() return [[function(item, record)
        io.stderr:write("RECORD ", trunkhost.json.encode { key = record.key, run = record.run,
            account = record.account:name(), before = record.before, after = record.after, changes = record.changes,
            evidence = record.evidence, id = item.trunk.id, created = #record.created }, "\n")
        local before = job.before(item.account, item.trunk)
        return job.apply(item.account, before, { description = record.before.description })
    end]] end)))
    local before = world()
    local first = run(path .. " --account bolna --yes --json --canary 0")
    lu.assertEquals(first.status, 0, first.err)
    local undone = run(path .. " --undo last --yes --json -j 1")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.summary.done, 24)
    local seen = 0
    for line in undone.err:gmatch "RECORD ([^\n]+)" do
        local record = json.decode(line)
        local trunk, protected = before[record.id], before[record.id].auth_type == "userpass"
        seen = seen + 1
        lu.assertEquals(record.key, record.id)
        lu.assertEquals({ record.account, record.run }, { "bolna", first.summary.run })
        lu.assertEquals(record.before, { description = trunk.description,
            auth_username = protected and trunk.auth_username or nil })
        lu.assertEquals(record.after.description, "set")
        lu.assertNil(record.after.auth_password)
        lu.assertEquals(record.changes.auth_password, protected and "[new secret]" or nil)
        lu.assertEquals(record.evidence, "updated_at")
        lu.assertEquals(record.created, 0)
    end
    lu.assertEquals(seen, 24)
    for id, trunk in pairs(world()) do
        lu.assertEquals(trunk.description, before[id].description)
    end
    -- Nothing in the ledger that is not sealed.
    local bytes = program.read(sandbox:ledger_path())
    for _, trunk in pairs(world()) do
        lu.assertFalse(trunk.auth_password ~= nil and bytes:find(trunk.auth_password, 1, true) ~= nil)
    end
end

function tests.test_what_was_left_half_way_and_does_not_show_is_named_for_a_person()
    start()
    local path = script((OWN:gsub("UNDO", "function() error 'this is for a person' end")))
    local id, sent
    for request = 8, 12 do
        sandbox:reset()
        sandbox:tell("kill", { request = request, moment = "after" })
        lu.assertEquals(run(path .. " --account bolna --yes --json --canary 0 -j 1").status, 137)
        local log = sandbox:ask "log"
        if log[#log].method == "PATCH" then
            id, sent = log[#log].path:match "[^/]+$", #sandbox:writes()
            break
        end
    end
    local undone = run(path .. " --undo last --only " .. id .. " --yes --json")
    lu.assertEquals(undone.status, 1, undone.err)
    lu.assertEquals(undone.items[id].state, "unknown")
    lu.assertStrContains(undone.items[id].error.message, "left it pending, so its outcome is not known")
    lu.assertStrContains(undone.err, "Unknown: bolna " .. id)
    lu.assertEquals(#sandbox:writes(), sent)
end

function tests.test_old_values_are_put_back_but_no_password()
    start()
    local path = script((OWN:gsub("UNDO", "true")))
    local before = world()
    run(path .. " --account bolna --yes --json --canary 0")
    local passwords = world()
    local undone = run(path .. " --undo last --yes --json --canary 0")
    lu.assertEquals(undone.status, 1, undone.err)
    for id, item in pairs(undone.items) do
        if before[id].auth_type == "userpass" then
            lu.assertEquals(item.state, "failed")
            lu.assertStrContains(item.error.message, "auth_password: --undo cannot restore a password")
            lu.assertStrContains(item.error.message, "rotate_passwords.lua --rollback --run 2")
            lu.assertEquals(world()[id], passwords[id])
        else
            lu.assertEquals(item.state, "done")
            lu.assertEquals(world()[id], before[id])
        end
    end
    lu.assertTrue(undone.summary.failed > 0 and undone.summary.done > 0)
end

function tests.test_the_script_of_the_document_is_taken_back()
    start()
    local path = script(program.read "docs/writing-scripts.md":match "```lua file undo_label%.lua\n(.-)```")
    local function labels()
        local found = {}
        for i, trunk in ipairs(sandbox:ask "state".famulor.trunks) do found[i] = trunk.nickname end
        return found
    end
    local before = labels()
    lu.assertEquals(run(path .. " --account famulor --only 42,43 --yes --json").summary.done, 2)
    lu.assertNotEquals(labels(), before)
    lu.assertEquals(run(path .. " --undo last --yes --json").summary.done, 2)
    lu.assertEquals(labels(), before)
end

function tests.test_items_without_an_account_are_taken_back_by_their_key()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "files", items = { "a", "b", "c" }, key = function(item) return item end,
            plan = function(item) return item == "c" and { skip = "no" } or { changes = { made = item } } end,
            apply = function() end,
            undo = function(item, record)
                io.stderr:write(("REMOVED %s %s %s\n"):format(item, record.changes.made, tostring(record.account)))
            end }]]
    lu.assertEquals(run(path .. " --yes --json -j 1").status, 0)
    lu.assertStrContains(run(path .. " --help").out, "--undo RUN")
    local undone = run(path .. " --undo last --yes --json -j 1")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.order, { "b", "a" })
    lu.assertStrContains(undone.err, "REMOVED b b nil\nREMOVED a a nil\n")
    lu.assertEquals(run(path .. " --undo last --yes --json").summary.skipped, 2)
end

function tests.test_what_was_not_proven_but_shows_is_taken_back()
    start()
    local before = world()
    local path = script [[
        local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "label", undo = true,
            plan = function(item) return { changes = { description = "of the run" } } end,
            verify = function() trunkhost.job.unknown "nobody has answered the test call" end }]]
    local first = run(path .. " --account bolna --yes --json --canary 0")
    lu.assertEquals(first.summary.unknown, 24, first.err)
    local undone = run(path .. " --undo last --yes --json")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.summary.done, 24)
    lu.assertEquals(world(), before)
end

function tests.test_a_trunk_that_is_changed_while_others_are_taken_back_is_left_alone()
    start()
    local path = script [[
        local trunkhost = require "trunkhost"
        local job = trunkhost.job
        local meddled
        job.run { name = "label", plan = function(item) return { changes = { description = "of the run" } } end,
            undo = function(item, record)
                if not meddled then
                    meddled = true
                    trunkhost.account "bolna":update(os.getenv "OTHER", { description = "mine" })
                end
                local now = job.before(item.account, item.trunk)
                return job.apply(item.account, now, { description = record.before.description })
            end }]]
    local first = run(path .. " --account bolna --yes --json --canary 0 -j 1")
    lu.assertEquals(first.summary.done, 24, first.err)
    local other = first.order[1]
    local undone = run(path .. " --undo last --yes --json --canary 0 -j 1", { env = { OTHER = other } })
    lu.assertEquals(undone.status, 1, undone.err)
    lu.assertEquals(undone.summary.done, 23)
    lu.assertEquals(undone.items[other].error.kind, "conflict")
    lu.assertStrContains(undone.items[other].error.message, "it was changed meanwhile: description is mine")
    lu.assertEquals(undone.items[other].attempts, 0)
    lu.assertEquals(world()[other].description, "mine")
    -- It stays so: what is changed since is not taken back, and the rest not twice.
    lu.assertEquals(run(path .. " --undo last --yes --json").summary.skipped, 24)
    lu.assertEquals(world()[other].description, "mine")
end

-- --- what cannot be taken back ---------------------------------------------------------------------

function tests.test_wrong_use_is_said_in_a_line_and_nothing_is_asked_of_the_platform()
    start()
    local id = run(DISABLE).summary.run
    local other = script 'require "trunkhost".job.run { name = "x", plan = function() return { skip = "x" } end }'
    local none = run(other .. " --account bolna --yes --json").summary.run
    local before = #sandbox:ask "log"
    for arguments, words in pairs {
        [UNDO .. "--undo 1999"] = "has no run 1999",
        [SCRIPT .. " --undo"] = "--undo",
        [UNDO .. "--undo last --undo " .. id] = "--undo is given 2 times",
        [UNDO .. "--undo last --resume last"] = "--undo and --resume exclude each other",
        [UNDO .. "--carrier telnyx --undo " .. id] = "options of pace and output, not '--carrier'",
        [UNDO .. "surplus --undo " .. id] = "options of pace and output, not 'surplus'",
        ["rotate_passwords.lua --yes --undo " .. id] = "that run was made by another script",
        [other .. " --yes --undo " .. none] = "the job x cannot be undone: it has no `undo`. \z
            If it has set passwords: 'rotate_passwords.lua --rollback --run " .. none,
        ["list_trunks.lua --account bolna --undo " .. id] = "unknown option '--undo'",
    } do
        local result = run(arguments)
        lu.assertEquals(result.status, 2, arguments .. result.err)
        lu.assertStrContains(result.err, words)
        lu.assertEquals(select(2, result.err:gsub("\n", "")), 1, result.err)
    end
    lu.assertEquals(#sandbox:ask "log", before)
    -- What the run was told may stand there again: its command line with --undo behind it.
    lu.assertEquals(run(DISABLE .. "--undo " .. id).status, 0)
    lu.assertNotStrContains(run(other .. " --help").out, "--undo")
    lu.assertStrContains(run(SCRIPT .. " --help").out, "--undo RUN")
end

function tests.test_a_script_that_was_mended_since_may_take_back_and_says_so()
    start()
    local path = script(program.read(SCRIPT))
    lu.assertEquals(run(path .. " --account bolna --carrier zadarma --yes --json").status, 0)
    script(program.read(SCRIPT) .. "\n")
    local undone = run(path .. " --undo last --yes --json")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertTrue(undone.summary.done > 0)
    lu.assertStrContains(undone.err, "the script has changed since run")
end

function tests.test_what_is_gone_is_named()
    start()
    local first = run(DISABLE)
    local id
    for _, each in ipairs(first.order) do
        if first.items[each].state == "done" then id = each end
    end
    by_hand(('a:delete(%q)'):format(id))
    local undone = run(UNDO .. "--undo last")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertEquals(undone.items[id].state, "skipped")
    lu.assertStrContains(undone.err, id .. " (deleted)")
    lu.assertEquals(undone.summary.done, first.summary.done - 1)
end

function tests.test_a_run_that_went_on_with_another_names_that_one()
    start()
    sandbox:tell("kill", { request = 6, moment = "before" })
    lu.assertEquals(run(DISABLE .. "-j 1").status, 137)
    local first = sandbox:run "runs --json".out:match '"run":"([^"]+)"'
    lu.assertEquals(run(UNDO .. "--resume last").status, 0)
    local undone = run(UNDO .. "--undo last")
    lu.assertEquals(undone.status, 0, undone.err)
    lu.assertStrContains(undone.err, ("resumed run %s; to undo that one: --undo %s"):format(
        first, first))
    local rest = run(UNDO .. "--undo " .. first)
    lu.assertTrue(rest.summary.done > 0)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "undo", tests } })
