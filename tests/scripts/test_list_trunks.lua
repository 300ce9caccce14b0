--- Listing: a table for people, JSON lines and CSV that lose nothing.

package.path = "tests/support/?.lua;" .. package.path
local csv <const> = require "trunkhost.csv"
local json <const> = require "trunkhost.json"
local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"
local trunkhost <const> = require "trunkhost"

local tests = {}

local function list(arguments)
    return program.run("--sandbox scripts/list_trunks.lua " .. arguments)
end

local function count_lines(text)
    return select(2, text:gsub("\n", ""))
end

function tests.test_the_table_shows_every_trunk_and_which_passwords_it_has()
    local result = list "--account all"
    lu.assertEquals(result.status, 0)
    lu.assertStrMatches(result.out, "ACCOUNT +TRUNK +LABEL +PASSWORDS\n.*")
    lu.assertStrMatches(result.out, ".*\nfamulor +42 +Front desk +sip_password\n.*")
    lu.assertStrMatches(result.out, ".*\nvatel +[%x-]+ +inbound_sip_password, outbound_sip_password\n.*")
    lu.assertStrContains(result.out, "the trunk has no password: it is not of type userpass")
    lu.assertStrContains(result.out, "\n60 trunks\n")
    lu.assertEquals(count_lines(result.out), 63)
end

function tests.test_json_lines_hold_the_account_and_the_fields_as_the_platform_gave_them()
    local result = list "--account famulor,vatel --json"
    lu.assertEquals(count_lines(result.out), 24)
    local first = result.out:match "^[^\n]+"
    lu.assertStrMatches(first, '{"account":"famulor","id":42,"allowed_inbound_ips":null,.*')
    for _, trunk in ipairs(events.lines(result.out)) do
        if trunk.allowed_inbound_ips and trunk.allowed_inbound_ips ~= json.null then
            lu.assertTrue(json.is_array(trunk.allowed_inbound_ips))
        end
        if trunk.account == "famulor" then lu.assertEquals(math.type(trunk.id), "integer") end
    end
end

function tests.test_csv_can_be_read_back()
    local result = list "--account famulor,bolna --csv"
    local records = assert(csv.parse(result.out))
    lu.assertEquals(#records, 25)
    lu.assertEquals({ records[1][1], records[1][2] }, { "account", "id" })
    local column = {}
    for i, name in ipairs(records[1]) do column[name] = i end
    for i = 2, #records do lu.assertEquals(#records[i], #records[1]) end
    lu.assertEquals(json.decode(records[3][column.allowed_inbound_ips]), { "203.0.113.11", "198.51.100.21" })
    lu.assertEquals(records[2][column.allowed_inbound_ips], "")
    lu.assertEquals(select(2, result.out:gsub("\r\n", "")), 25)
    local few = list "--account famulor --only 42 --csv --fields nickname,sip_address"
    lu.assertEquals(few.out, "account,nickname,sip_address\r\nfamulor,Front desk,sip.provider.example.com\r\n")
end

--- A label that somebody has typed steers no terminal; a file or a pipe has it as it is.
function tests.test_csv_shows_no_control_character_on_a_terminal()
    local sandbox <close> = sandbox_process.start "--trunks 2 --limits none"
    local label = "a\27[2Jb\nc\u{202E}d\te"
    trunkhost.http.request { method = "PUT", url = sandbox:url "famulor" .. "/user/phone-numbers/sip-trunks/42",
        headers = { Authorization = "Bearer sandbox" }, json = { nickname = label } }
    for script, exact in pairs {
        ["list_trunks.lua --csv --fields nickname"] = 'famulor,"a\27[2Jb\nc\u{202E}d\te"\r\n',
        ["export_trunks.lua --format csv"] = ',"a\27[2Jb\nc\u{202E}d\te",',
    } do
        local arguments = ("scripts/%s --account famulor --only 42"):format(script)
        lu.assertStrContains(sandbox:run(arguments).out, exact)
        local command = ("%s -c %s --ledger %s/ledger.db %s"):format(os.getenv "TRUNKHOST", sandbox:config(),
            sandbox.folder, arguments)
        local shown = program.shell(("TERM=xterm script -qec %s /dev/null </dev/null 2>&1"):format(
            program.quote(command)))
        lu.assertStrContains(shown, "a\\x1b[2Jb\\x0ac?d\\x09e")
        lu.assertNil(shown:gsub("\r+\n", ""):find "%c", shown)
    end
end

local function from_file(text, arguments)
    local folder = program.folder()
    program.write(folder .. "/ids", text)
    local result = list(("%s --only-from %s/ids"):format(arguments, folder))
    program.remove(folder)
    return result
end

function tests.test_only_from_chooses_what_a_file_names()
    local both = "--account famulor,autocalls"
    lu.assertEquals(from_file("42\r\n'43\n\n42\n", "--account famulor -q").out, "42\n43\n")
    lu.assertEquals(from_file("45\n", "--account famulor --only 42 -q").out, "42\n45\n")
    lu.assertEquals(from_file("42\n43\n", "--account famulor --match 'label=Front*' -q").out, "42\n")
    local rows = from_file("\xEF\xBB\xBFlabel;Trunk;Account\r\nx;42;autocalls\r\n;43;\r\n", both .. " --json").out
    lu.assertEquals(rows:gsub('("account":"%a+","id":%d+)[^\n]*', "%1"), '{"account":"famulor","id":43\n'
        .. '{"account":"autocalls","id":42\n{"account":"autocalls","id":43\n')
    for text, word in pairs {
        ["42\n4711\n4712\n"] = "line 2: no chosen account has a trunk 4711; 1 more",
        ["trunk,account\n42,vatel\n"] = "line 2: the account vatel has no trunk 42",
        ["\n"] = "the file is empty", ["trunk\n"] = "contains no trunk ids",
        ["label,account\nx,y\n"] = "the column trunk is missing",
        ["1.23457E+11\n"] = "'1.23457E+11' is a rounded number",
        ["trunk,account\n,famulor\n"] = ":2: the trunk is missing",
    } do
        local result = from_file(text, both)
        lu.assertEquals({ result.status, result.out }, { 2, "" }, text)
        lu.assertStrContains(result.err, word)
    end
end

function tests.test_match_only_and_quiet_give_ids_to_work_on()
    lu.assertEquals(list "--account famulor --match 'label=*Köln*' -q".out, "45\n56\n")
    lu.assertEquals(list "--account famulor --match outbound_proxy=true --match country_code=DE -q".out, "45\n56\n")
    lu.assertEquals(list "--account famulor --match allowed_inbound_ips=203.0.113.13 -q".out, "46\n")
    lu.assertEquals(list "--account famulor --match 'sip_username=trunk?user' -q".out, "43\n")
    lu.assertEquals(list "--account famulor --match 'sip_username=trunk.user' -q".out, "")
    lu.assertEquals(list "--account famulor --match 'label=' -q".out, "43\n48\n55\n")
end

function tests.test_an_account_that_cannot_be_listed_is_told_and_the_others_are_shown()
    local folder = program.folder()
    program.write(folder .. "/config.lua", [[return { accounts = {
        dead = { provider = "bolna", base_url = "http://127.0.0.1:1", token = { env = "T" } } } }]])
    local result = program.run(("-c %s/config.lua scripts/list_trunks.lua --account dead"):format(folder),
        { env = { T = "x" } })
    program.remove(folder)
    lu.assertEquals(result.status, 1)
    lu.assertStrContains(result.err, "dead: network: ")
    lu.assertEquals(result.out, "0 trunks\n")
end

function tests.test_a_missing_choice_or_account_is_one_line_and_status_2()
    local none = program.run "scripts/list_trunks.lua"
    lu.assertEquals(none.status, 2)
    lu.assertStrContains(none.err, "there is no account: write a configuration")
    lu.assertEquals(count_lines(none.err), 1)
    local which = list ""
    lu.assertEquals(which.status, 2)
    lu.assertStrContains(which.err, "autocalls, bolna, bolna_trunk, famulor, vatel")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "list_trunks", tests } })
