--- A provider that is written from docs/writing-a-provider.md alone: the description is the one that stands there.

package.path = "tests/support/?.lua;tests/docs/?.lua;" .. package.path
local json <const> = require "trunkhost.json"
local events <const> = require "events"
local lu <const> = require "luaunit"
local markdown <const> = require "markdown"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

program.haste = 10

local tests = {}

--- The last version of a file that the page saves.
local function from_page(name)
    local text
    for _, block in ipairs(markdown.read("docs/writing-a-provider.md").blocks) do
        if block.action == "file" and block.argument == name then
            text = block.text
        end
    end
    return (assert(text, name))
end

local function with_tinyline(arguments, fn)
    local sandbox <close> = sandbox_process.start(arguments)
    local folder <const> = sandbox.folder
    os.execute("mkdir " .. folder .. "/providers")
    program.write(folder .. "/providers/tinyline.lua", from_page "providers/tinyline.lua")
    program.write(folder .. "/token", "sandbox\n", "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { office = { provider = "tinyline",
        base_url = "http://127.0.0.1:%d/tinyline", token = { file = "%s/token" }, rate = {} } } }]])
        :format(sandbox.port, folder))
    local function run(words)
        return program.run(("-c %s/config.lua --ledger %s %s"):format(folder, sandbox:ledger_path(), words))
    end
    fn(sandbox, run)
end

local function passphrases(sandbox)
    local found = {}
    for _, line in ipairs(sandbox:ask("state").tinyline.trunks) do
        found[tostring(line.id)] = line.passphrase
    end
    return found
end

local function check_rotated(sandbox, before)
    local after, ledger, rotated = passphrases(sandbox), sandbox:current_secrets().office, 0
    for id, passphrase in pairs(after) do
        lu.assertNotEquals(passphrase, before[id])
        lu.assertEquals(ledger[id].passphrase, passphrase, "the live password is the ledger's current one")
        rotated = rotated + 1
    end
    lu.assertEquals(rotated, 9)
    lu.assertEquals(sandbox:ask "violations", json.array {})
end

function tests.test_its_trunks_are_listed_over_all_pages()
    with_tinyline("--trunks 12", function(sandbox, run)
        local result = run "list_trunks.lua --json"
        lu.assertEquals(result.status, 0, result.err)
        local labels = {}
        for i, trunk in ipairs(events.lines(result.out)) do labels[i] = trunk.label end
        lu.assertEquals(#labels, 12)
        lu.assertEquals(labels[1], "Front desk 1")
        lu.assertEquals(sandbox:ask("counts").tinyline.methods.GET, 3)
    end)
end

function tests.test_its_passwords_are_rotated_and_the_ledger_knows_them()
    with_tinyline("--trunks 12", function(sandbox, run)
        local before = passphrases(sandbox)
        local result = run "rotate_passwords.lua --yes --json"
        lu.assertEquals(result.status, 0, result.err)
        lu.assertStrContains(result.out, '"evidence":"updated_at"')
        check_rotated(sandbox, before)
    end)
end

function tests.test_lost_replies_and_kills_lose_no_password_of_it()
    with_tinyline("--trunks 12 --limits none --fault lost_reply=0.2 --seed 3", function(sandbox, run)
        local before = passphrases(sandbox)
        for _, request in ipairs { 6, 9, 14 } do
            sandbox:tell("kill", { request = request, moment = request % 2 == 0 and "before" or "after" })
            lu.assertEquals(run("rotate_passwords.lua --yes --json -j 3").status, 128 + 9)
        end
        local result = run "rotate_passwords.lua --yes --json"
        lu.assertEquals(result.status, 0, result.err .. result.out)
        check_rotated(sandbox, before)
    end)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "own_provider", tests } })
