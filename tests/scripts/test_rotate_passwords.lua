--- The main job against the sandbox: what the platforms hold afterwards, compared with what the program and its
--- ledger say. The sandbox's own memory is the judge.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local SCRIPT <const> = "scripts/rotate_passwords.lua"
local PASSWORDS <const> = { "sip_password", "auth_password", "inbound_sip_password", "outbound_sip_password" }

program.haste = 10

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

--- account → trunk → field → the password that is live at the platform.
local function live_passwords()
    local live = {}
    local state <const> = sandbox:ask "state"
    for _, api in ipairs { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" } do
        live[api] = {}
        for _, trunk in ipairs(state[api].trunks) do
            local found = {}
            for _, field in ipairs(PASSWORDS) do
                if trunk[field] ~= trunkhost.null then found[field] = trunk[field] end
            end
            live[api][tostring(trunk.id)] = found
        end
    end
    return live
end

--- Runs the script with --json; items: account → trunk → its object.
local function rotate(arguments, options)
    local result = events.read(sandbox:run(("%s --json %s"):format(SCRIPT, arguments), options))
    result.items = {}
    for _, item in ipairs(result.list) do
        local account = result.items[item.account] or {}
        result.items[item.account] = account
        account[item.trunk] = item
    end
    return result
end

local function keys(object)
    local names = {}
    for name in pairs(object) do names[#names + 1] = name end
    table.sort(names)
    return table.concat(names, ",")
end

--- Runs a shell command; out and err together.
local function shell(command)
    local pipe = assert(io.popen("(" .. command .. ") 2>&1", "r"))
    local out = pipe:read "a"
    local _, _, status = pipe:close()
    return { out = out, status = status }
end

local function lines(text)
    return select(2, text:gsub("\n", ""))
end

-- ---------------------------------------------------------------------------------------------------

function tests.test_on_five_platforms_every_eligible_password_is_new_and_is_the_ledgers_current_one()
    start "--trunks 16 --limits none"
    local before = live_passwords()
    local result = rotate "--account all --yes"
    lu.assertEquals(result.status, 0, result.err)
    local ledger, rotated = sandbox:current_secrets(), 0
    for account, trunks in pairs(live_passwords()) do
        for id, fields in pairs(trunks) do
            local item = result.items[account][id]
            for field, live in pairs(fields) do
                if item.state == "done" and ledger[account][id][field] then
                    lu.assertEquals(ledger[account][id][field], live)
                    lu.assertNotEquals(before[account][id][field], live)
                    lu.assertStrMatches(live, ("%w"):rep(32))
                    rotated = rotated + 1
                else
                    lu.assertEquals(before[account][id][field], live, account .. " " .. id)
                end
            end
            lu.assertTrue(item.state == "done" or item.state == "skipped" and #item.reason > 10)
        end
    end
    lu.assertTrue(rotated > 60, "rotated " .. rotated)
    lu.assertEquals(result.summary.done + result.summary.skipped, 80)
    lu.assertEquals(#sandbox:ask "violations", 0)
end

function tests.test_only_the_password_is_sent_and_what_the_platform_wants_along_with_it()
    start "--limits none"
    lu.assertEquals(rotate "--account all --yes".status, 0)
    local expected = {
        famulor = { sip_password = true },
        autocalls = { sip_password = true },
        bolna = { ["auth_password,auth_username"] = true },
        bolna_trunk = { ["auth_password,auth_username"] = true },
        vatel = { inbound_sip_password = true, outbound_sip_password = true,
            ["inbound_sip_password,outbound_sip_password"] = true },
    }
    for _, request in ipairs(sandbox:writes()) do
        local sent = keys(trunkhost.json.decode(request.body))
        lu.assertTrue(expected[request.api][sent], request.api .. ": " .. sent)
    end
end

function tests.test_evidence_is_the_strongest_that_the_platform_gives()
    start "--trunks 8 --limits none"
    local result = rotate "--account all --yes"
    for _, item in pairs(result.items.famulor) do lu.assertEquals(item.evidence, "reprovisioned") end
    for _, item in pairs(result.items.bolna) do
        lu.assertEquals(item.evidence, item.state == "done" and "updated_at" or nil)
    end
    local registering = {}
    for _, trunk in ipairs(sandbox:ask "state".vatel.trunks) do registering[trunk.id] = trunk.register == true end
    for id, item in pairs(result.items.vatel) do
        if item.state == "done" then
            lu.assertEquals(item.evidence, registering[id] and "registered" or "accepted")
        end
    end
end

function tests.test_a_dry_run_sends_nothing_but_get_and_plans_every_item()
    start "--limits none"
    local result = rotate "--account all --dry-run"
    lu.assertEquals(result.status, 0)
    lu.assertEquals(#sandbox:writes(), 0)
    lu.assertEquals(result.summary.skipped, 60)
    lu.assertEquals(result.items.famulor["42"].planned, true)
    lu.assertEquals(result.items.famulor["42"].impact, { inbound = true, outbound = true })
    lu.assertStrContains(result.err, "24 inbound and 24 outbound legs are re-created")
    -- The host's own option does the same to any script.
    lu.assertEquals(sandbox:run("-n " .. SCRIPT .. " --account famulor --yes").status, 0)
    lu.assertEquals(#sandbox:writes(), 0)
end

function tests.test_without_a_terminal_and_without_yes_nothing_is_written()
    start()
    local result = rotate "--account famulor"
    lu.assertEquals(result.status, 2)
    lu.assertEquals(lines(result.err), 1)
    lu.assertStrContains(result.err, "--yes")
    lu.assertEquals(#sandbox:ask "log", 0)
end

function tests.test_a_wrong_token_is_one_failed_item_with_kind_auth()
    start()
    local result = rotate("--account bolna --account famulor --yes", { token = "wrong" })
    lu.assertEquals(result.status, 1)
    lu.assertEquals(result.summary.failed, 2)
    for _, account in ipairs { "bolna", "famulor" } do
        local item = result.items[account][""]
        lu.assertEquals(item.state, "failed")
        lu.assertEquals(item.error.kind, "auth")
    end
    lu.assertEquals(#sandbox:writes(), 0)
end

function tests.test_an_account_that_cannot_be_listed_does_not_stop_the_others()
    start "--limits none"
    local path = sandbox:config { apis = { "famulor" } }
    local text = program.read(path):gsub("} }%s*$", ([[
  dead = { provider = "bolna", base_url = "http://127.0.0.1:1", token = { file = %q } } } }]])
        :format(sandbox.folder .. "/token"))
    program.write(sandbox.folder .. "/two.lua", text)
    local result = program.run(("-c %s/two.lua --ledger %s/ledger.db %s --account all --yes --json")
        :format(sandbox.folder, sandbox.folder, SCRIPT))
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(result.out, '"account":"dead","trunk":"","state":"failed","attempts":0,'
        .. '"error":{"kind":"network"')
    lu.assertStrContains(result.out, '"total":13,"done":12,"failed":1,')
end

-- --- doubtful replies ------------------------------------------------------------------------------

function tests.test_a_reply_lost_after_the_write_is_sent_again_the_very_same_until_a_yes()
    start "--limits none --seed 3 --fault lost_reply@PUT=0.3,lost_reply@PATCH=0.3"
    local result = rotate "--account famulor --account bolna --yes"
    lu.assertEquals(result.status, 0, result.err)
    local ledger, live = sandbox:current_secrets(), live_passwords()
    for _, account in ipairs { "famulor", "bolna" } do
        for id, item in pairs(result.items[account]) do
            if item.state == "done" then
                lu.assertEquals(item.evidence, account == "famulor" and "reprovisioned" or "updated_at")
                for field, password in pairs(live[account][id]) do
                    lu.assertEquals(ledger[account][id][field], password)
                end
            end
        end
    end
    local sent, different = {}, 0
    for _, request in ipairs(sandbox:writes()) do
        different = different + (sent[request.body] and 0 or 1)
        sent[request.body] = true
    end
    lu.assertEquals(different, result.summary.done)
    lu.assertTrue(#sandbox:writes() > different)
end

function tests.test_a_write_that_never_lands_ends_as_unknown_and_stays_a_candidate()
    start "--trunks 3 --limits none --fault error_before@PUT=1"
    local before = live_passwords()
    local result = rotate "--account famulor --yes --canary 0"
    lu.assertEquals(result.status, 1)
    lu.assertEquals(result.summary.unknown, 3)
    lu.assertEquals(live_passwords(), before)
    local ledger = sandbox:current_secrets().famulor
    for id, item in pairs(result.items.famulor) do
        lu.assertEquals(item.error.kind, "unknown_outcome")
        lu.assertTrue(item.attempts > 1)
        lu.assertStrContains(item.error.message, "trunkhost secrets export")
        lu.assertNil(ledger[id].sip_password)
        lu.assertEquals(select(2, next(ledger[id].all)), "candidate")
    end
    -- The same secret went out each time.
    local sent = {}
    for _, request in ipairs(sandbox:writes()) do sent[request.body] = true end
    local different = 0
    for _ in pairs(sent) do different = different + 1 end
    lu.assertEquals(different, 3)
end

function tests.test_with_every_fault_at_once_no_live_password_is_missing_and_every_state_is_true()
    local faults = {}
    for _, name in ipairs { "lost_reply", "drop", "error_before", "error_after", "limit", "html", "cut_body" } do
        faults[#faults + 1] = name .. "=0.07"
    end
    start("--trunks 12 --limits none --seed 11 --fault " .. table.concat(faults, ","))
    local before = live_passwords()
    local result = rotate "--account all --yes --canary 0 -j 24"
    lu.assertTrue(result.status == 0 or result.status == 1, result.err)
    local ledger = sandbox:current_secrets()
    for account, trunks in pairs(live_passwords()) do
        for id, fields in pairs(trunks) do
            local item = (result.items[account] or {})[id]
            for field, live in pairs(fields) do
                local known = ledger[account] and ledger[account][id] or { all = {} }
                local changed = live ~= before[account][id][field]
                lu.assertTrue(not changed or known.all[live] ~= nil, "not in the ledger: " .. account .. " " .. id)
                if item and item.state == "done" then
                    lu.assertTrue(known[field] == nil and not changed or known[field] == live, account .. " " .. id)
                elseif item and item.state == "skipped" then
                    lu.assertFalse(changed)
                end
            end
        end
    end
    lu.assertEquals(#sandbox:ask "violations", 0)
end

-- --- the carrier's answer --------------------------------------------------------------------------

function tests.test_a_password_that_the_carrier_refuses_fails_and_the_canary_stops_the_run()
    start "--limits none --fault auth_failed=1"
    local result = rotate "--account vatel --yes"
    lu.assertEquals(result.status, 3)
    lu.assertEquals(result.summary.failed, 1)
    lu.assertTrue(result.summary.halted)
    lu.assertEquals(#sandbox:writes(), 1)
    local id, failed
    for trunk, item in pairs(result.items.vatel) do
        if item.state == "failed" then id, failed = trunk, item end
    end
    lu.assertEquals(failed.error.kind, "refused")
    lu.assertStrContains(failed.error.message, "auth_failed")
    -- It is live at the platform all the same, and the ledger says so.
    for field, live in pairs(live_passwords().vatel[id]) do
        lu.assertEquals(sandbox:current_secrets().vatel[id][field], live)
    end
end

function tests.test_a_registration_that_does_not_settle_in_time_is_unknown()
    start "--trunks 1 --limits none"
    local result = sandbox:run(([[-e %s]]):format(program.quote [[
        local accounts = require "trunkhost.accounts"
        local account = accounts.account "vatel"
        local trunk = account:trunks()()
        local methods = require "trunkhost.core".account_methods
        local get = methods.get
        methods.get = function(self, id)
            local now = get(self, id)
            now.inbound_registration_status, now.outbound_registration_status = "pending", "pending"
            return now
        end
        local job = require "trunkhost.job"
        local applied = job.apply(account, trunk, { outbound_sip_password = require "trunkhost".secret {} })
        print(pcall(job.verify, account, applied, 0.1))]]))
    lu.assertStrMatches(result.out, "false\tunknown_outcome: .*outbound leg has not settled in 0%.1 s.*\n")
end

-- --- choosing --------------------------------------------------------------------------------------

function tests.test_legs_choose_the_passwords()
    start "--limits none"
    local before = live_passwords()
    lu.assertEquals(rotate "--account vatel --legs outbound --yes".status, 0)
    local after = live_passwords()
    for id, fields in pairs(after.vatel) do
        lu.assertEquals(fields.inbound_sip_password, before.vatel[id].inbound_sip_password)
        if fields.outbound_sip_password then
            lu.assertNotEquals(fields.outbound_sip_password, before.vatel[id].outbound_sip_password)
        end
    end
    -- One password for both legs goes with either; one that serves only the other does not.
    lu.assertEquals(rotate "--account famulor --legs inbound --yes".summary.done, 12)
    local other = rotate "--account bolna_trunk --legs inbound --yes"
    lu.assertEquals(other.summary.done, 0)
    lu.assertEquals(other.status, 0)
end

function tests.test_only_and_match_choose_trunks_and_a_mistyped_choice_changes_nothing()
    start "--limits none"
    lu.assertEquals(rotate "--account famulor --only 42,45 --yes".summary.done, 2)
    lu.assertEquals(rotate("--account famulor --match 'sip_address=*.example.net' --match 'label=B?ro*' --yes")
        .summary.done, 2)
    local before = #sandbox:writes()
    for arguments, word in pairs {
        ["--account famulor --only 42,4711"] = "4711",
        ["--account famulor --match sip_adress=x"] = "did you mean 'sip_address'?",
        ["--account famulor --match sip_password=x"] = "no such field",
        ["--account famlor"] = "did you mean 'famulor'?",
        ["--legs up"] = "inbound",
        [""] = "autocalls, bolna, bolna_trunk, famulor, vatel",
    } do
        local result = rotate(arguments .. " --yes")
        lu.assertEquals(result.status, 2, arguments)
        lu.assertEquals(lines(result.err), 1, result.err)
        lu.assertStrContains(result.err, word)
        lu.assertEquals(result.out, "")
    end
    lu.assertEquals(#sandbox:writes(), before)
end

-- --- passwords that the carrier dictates -----------------------------------------------------------

local function with_file(text, arguments, mode)
    local path = sandbox.folder .. "/new.csv"
    program.write(path, text, mode or "600")
    return rotate(("--passwords %s --yes %s"):format(path, arguments))
end

function tests.test_dictated_passwords_are_the_ones_that_go_live_and_no_other_trunk_changes()
    start "--limits none"
    local before = live_passwords().famulor
    local result = program.ok(with_file('trunk,field,password\r\n42,sip_password,"Quote "" and, comma 1"\n'
        .. "45,sip_password,plain-99x\n", "--account famulor"))
    lu.assertEquals(result.summary.done, 2)
    before["42"].sip_password, before["45"].sip_password = 'Quote " and, comma 1', "plain-99x"
    lu.assertEquals(live_passwords().famulor, before)
    lu.assertNotStrContains(result.out .. result.err, "plain-99x")
end

function tests.test_a_password_file_with_a_mistake_changes_nothing()
    start "--limits none"
    local vatel = sandbox:ask "state".vatel.trunks
    local without = vatel[2].id -- its inbound leg has none
    for text, word in pairs {
        ["trunk,field,password\n4711,sip_password,longenough1\n"] = "line 2: there is no trunk 4711",
        ["trunk,field,password\n42,sip_pasword,longenough1\n"] = "did you mean 'sip_password'?",
        ["trunk,field,password\n42,sip_password,longenough1\n42,sip_password,longenough2\n"] = "given in line 2",
        ["trunk,field,password\n42,sip_password,\n"] = "is empty",
        ["trunk,field,password\n42,sip_password,ab\n"] = "at least 3 characters",
        ["trunk,field,password\n42,sip_password\n"] = "line 2: 2 fields",
        ["trunk,field,password\n42,sip_password,\"open\n"] = "does not end",
        ["trunk,field\n42,sip_password\n"] = "'password' is missing",
        ["trunk,field,passwort\n42,sip_password,x\n"] = "did you mean 'password'?",
        ["trunk,field,password\n"] = "contains no passwords",
        [("trunk,field,password\n%s,inbound_sip_password,longenough1\n"):format(without)] =
            "has no inbound_sip_password",
    } do
        local result = with_file(text, "--account famulor --account vatel")
        lu.assertEquals(result.status, 2, text)
        lu.assertStrContains(result.err, word)
        lu.assertEquals(lines(result.err), 1, result.err)
    end
    local twice = with_file("trunk,field,password\n42,sip_password,longenough1\n", "--account famulor,autocalls")
    lu.assertStrContains(twice.err, "add a column 'account'")
    local open = with_file("trunk,field,password\n42,sip_password,longenough1\n", "--account famulor", "644")
    lu.assertStrContains(open.err, "can be read by others (mode 0644): run chmod 600")
    lu.assertEquals(open.status, 2)
    lu.assertEquals(#sandbox:writes(), 0)
    local named = with_file("account,trunk,field,password\nautocalls,42,sip_password,longenough1\n",
        "--account famulor,autocalls")
    lu.assertEquals(named.summary.done, 1)
    lu.assertEquals(live_passwords().autocalls["42"].sip_password, "longenough1")
end

--- A password that a carrier dictates reaches the platform as it is meant, or not at all; and nobody reads it.
function tests.test_what_a_spreadsheet_made_of_a_password_is_refused_before_anything_is_sent()
    start "--limits none"
    for cell, word in pairs {
        [" Geheim-99xyz"] = "begins with a blank", ['"Geheim-99xyz "'] = "ends with a blank",
        ["Geheim-99xyz\u{200B}"] = "(U+200B) at place 13", ["\u{FEFF}Geheim-99xyz"] = "(U+FEFF) at place 1",
        ["Geheim\u{A0}99xyz"] = "(U+00A0) at place 7", ["Geheim\u{AD}99xyz"] = "U+00AD",
        ["Geheim-99xyz\u{202E}"] = "U+202E", ["Geheim-99xyz\t"] = "U+0009", ['"Geheim\n99xyz"'] = "U+000A",
        ["'Geheim-99xyz"] = "begins with an apostrophe", ["#N/A"] = "error value", ["#VALUE!"] = "error value",
        ["#NAME?"] = "error value", ["1.23457E+11"] = "rounded number", ['"1,23457E+11"'] = "rounded number",
        ["FALSCH"] = "truth value", ["\u{2019}Geheim-99xyz"] = "begins with an apostrophe",
        ["01.03.2026"] = "is a date",
        ["Mar-2024"] = "is a date", ["12345678.5"] = "fraction", ["1234567890123450000"] = "zeros after 15 digits",
        ["Geheim\xFC99xyz"] = "not UTF-8",
    } do
        local result = with_file("trunk,field,password\n45,sip_password,first-99xyz\n42,sip_password," .. cell .. "\n",
            "--account famulor")
        lu.assertEquals(result.status, 2, cell)
        lu.assertStrContains(result.err, "line 3: ")
        lu.assertStrContains(result.err, word)
        lu.assertNotStrContains(result.err, "99xyz")
    end
    local leak = with_file("trunk,field,password\n42,sip_password,se,cret-99x\n", "--account famulor")
    lu.assertNotStrContains(leak.err, "cret-99x")
    lu.assertEquals(#sandbox:writes(), 0)
end

function tests.test_a_password_file_of_any_spreadsheet_sends_what_is_meant()
    start "--limits none"
    for text, password in pairs {
        ["\xEF\xBB\xBFsep=;\r\nTrunk;FIELD;Password\r\n'42;sip_password;'=geheim 1;\r\n"] = false,
        ["\xEF\xBB\xBFsep=;\r\nTrunk;FIELD;Password\r\n'42;sip_password;'=geheim 1\r\n;;\r\n"] = "=geheim 1",
        ["trunk,field,password\n42,sip_password,''quoted 2\n"] = "'quoted 2",
        ["trunk,field,password\n42,sip_password,'01.03.2026\n"] = "01.03.2026",
        ["trunk,field,password\n42,sip_password,'#N/A\n"] = "#N/A",
        ["trunk,field,password\n42,sip_password,two words'\n"] = "two words'",
        ["trunk,field,password\n42,sip_password,'1234567890123450000\n"] = "1234567890123450000",
        ["trunk,field,password\n42\u{200B},sip_password ,+4930-abc\n"] = "+4930-abc",
        ["\xFF\xFE" .. ("trunk\tfield\tpassword\n42\tsip_password\tünter=3\n"):gsub("ü", "\xFC"):gsub(".", "%0\0")] =
            "ünter=3",
    } do
        local result = with_file(text, "--account famulor")
        lu.assertEquals(result.status, password and 0 or 2, text .. result.err)
        if password then
            lu.assertEquals(live_passwords().famulor["42"].sip_password, password)
        end
    end
end

-- --- what is shown ---------------------------------------------------------------------------------

function tests.test_no_secret_and_no_token_in_any_output()
    start "--limits none --fault error_after=0.2"
    local hidden = { sandbox = false }
    local function hide()
        for _, trunks in pairs(live_passwords()) do
            for _, fields in pairs(trunks) do
                for _, password in pairs(fields) do hidden[password] = true end
            end
        end
    end
    hide()
    local shown = {}
    for _, output in ipairs { "--json", "", "--quiet" } do
        local result = sandbox:run(("--log-level debug %s --account all --yes --canary 0 %s"):format(SCRIPT, output))
        shown[#shown + 1] = result.out .. result.err
        hide()
    end
    local text = table.concat(shown)
    for password, secret in pairs(hidden) do
        if secret then lu.assertNotStrContains(text, password) end
    end
    lu.assertNotStrContains(text, "Bearer")
end

function tests.test_the_table_names_every_trunk_with_its_state()
    start "--limits none"
    local result = sandbox:run(SCRIPT .. " --account bolna --yes")
    lu.assertStrMatches(result.out, ".*\nACCOUNT +TRUNK +LABEL +STATE +EVIDENCE +TRIES +NOTE\n.*")
    lu.assertStrMatches(result.out, ".*\nbolna +%w+ +Zadarma Berlin +done +updated_at +1\n.*")
    lu.assertStrMatches(result.out, ".*\nbolna +%w+ +Telnyx +skipped +the trunk has no password: [%w%s:-]+\n.*")
    lu.assertStrMatches(result.out, ".*\n8 done, 0 failed, 0 unknown, 4 skipped of 12 in [%d.]+ s\nRun [%w-]+\n")
    lu.assertNotStrContains(result.out, "\27")
end

function tests.test_quiet_is_silent_unless_somebody_is_needed()
    start "--limits none --fault refuse@PUT=1"
    local well = sandbox:run(SCRIPT .. " --account bolna --yes --quiet")
    lu.assertEquals(well.out .. well.err, "")
    local badly = sandbox:run(SCRIPT .. " --account famulor --yes --quiet --canary 0")
    lu.assertEquals(badly.status, 1)
    lu.assertStrContains(badly.out, "failed")
    lu.assertStrContains(badly.out, "0 done, 12 failed")
end

function tests.test_on_a_terminal_it_asks_and_anything_but_yes_changes_nothing()
    start "--limits none"
    local function ask(answer)
        return shell(("printf '%s\\n' | script -qec '%s -c %s --ledger %s/ledger.db %s --account famulor' /dev/null")
            :format(answer, os.getenv "TRUNKHOST", sandbox:config(), sandbox.folder, SCRIPT))
    end
    local no = ask ""
    lu.assertStrContains(no.out, "12 of 12 trunks on 1 account change")
    lu.assertStrContains(no.out, "Continue? [y/N]")
    lu.assertEquals(no.status, 3)
    lu.assertEquals(#sandbox:writes(), 0)
    local yes = ask "y"
    lu.assertEquals(yes.status, 0, yes.out)
    lu.assertEquals(#sandbox:writes(), 12)
end

function tests.test_a_rotation_keeps_to_the_limits_without_one_refusal()
    start "--trunks 20 --limits 20/1"
    program.haste = 1 -- the platform's clock is the world's
    local result = rotate("--account famulor --yes", { rate = "{ { 20, per = 1 } }" })
    program.haste = 10
    lu.assertEquals(result.summary.done, 20)
    lu.assertEquals(sandbox:ask "counts".limited, 0)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "rotate_passwords", tests } })
