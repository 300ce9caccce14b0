--- A password that a script has as plain text is in nothing that is shown or kept, other than sealed.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local PASSWORD <const> = "Plaintext1234"

-- %s: how the run is done
local SCRIPT <const> = [[
    local trunkhost = require "trunkhost"
    trunkhost.job.run { name = "set", options = trunkhost.options { name = "set" }:parse(),
        plan = function() return { changes = { sip_password = "Plain" .. "text1234", nickname = "new" } } end%s }]]

local tests = {}

local sandbox <const> = sandbox_process.for_each(tests, "--limits none --trunks 3")

local function run(arguments, more)
    local path = sandbox.folder .. "/set.lua"
    program.write(path, SCRIPT:format(more or ""))
    return sandbox:run(("%s --account famulor %s"):format(path, arguments))
end

local function files_with_the_password()
    return program.shell(("grep -rla %s %s"):format(PASSWORD, program.quote(sandbox.folder)))
end

function tests.test_it_is_sent_and_nothing_that_is_shown_or_kept_has_it()
    for _, arguments in ipairs { "--dry-run", "--dry-run --json --plan-out " .. sandbox.folder .. "/plan",
        "--yes --plan " .. sandbox.folder .. "/plan", "--yes --json" } do
        local result = program.ok(run(arguments))
        lu.assertNotStrContains(result.out .. result.err, PASSWORD)
        lu.assertEquals(files_with_the_password(), "")
    end
    lu.assertStrContains(program.read(sandbox.folder .. "/plan"), '"sip_password":"[new secret]"')
    local told = sandbox:run "explain 42 --account famulor"
    lu.assertEquals(told.status, 0, told.err)
    lu.assertNotStrContains(told.out, PASSWORD)
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        lu.assertEquals(trunk.sip_password, PASSWORD)
    end
    lu.assertEquals(sandbox:current_secrets().famulor["42"].sip_password, PASSWORD)
end

function tests.test_a_script_that_fails_with_it_in_its_hands_does_not_show_it()
    local result = run("--yes --json", ", apply = function(_, plan) error(plan.changes.sip_password) end")
    lu.assertEquals(result.status, 2)
    lu.assertNotStrContains(result.out .. result.err, PASSWORD)
    lu.assertEquals(files_with_the_password(), "")
end

function tests.test_a_new_secret_is_drawn_where_the_job_has_no_apply()
    local path = sandbox.folder .. "/set.lua"
    program.write(path, [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "new", plan = function()
            return { changes = { sip_password = trunkhost.job.new_secret } } end }]])
    local result = sandbox:run(path .. " --account famulor --yes --json")
    lu.assertEquals(result.status, 0, result.err)
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        lu.assertEquals(#trunk.sip_password, 32)
        lu.assertEquals(sandbox:current_secrets().famulor[tostring(trunk.id)].sip_password, trunk.sip_password)
    end
end

function tests.test_a_new_secret_takes_along_what_the_platform_wants_with_it()
    local path, users = sandbox.folder .. "/set.lua", {}
    for _, trunk in ipairs(sandbox:ask "state".bolna_trunk.trunks) do
        users[trunk.id] = trunk.auth_username
    end
    program.write(path, [[local trunkhost = require "trunkhost"
        trunkhost.job.run { name = "new", plan = function(item)
            return type(item.trunk.auth_username) == "string"
                and { changes = { auth_password = trunkhost.job.new_secret } } or { skip = "no user name" } end }]])
    local result = sandbox:run(path .. " --account bolna_trunk --yes --json")
    lu.assertEquals(result.status, 0, result.err .. result.out)
    lu.assertStrContains(result.out, '"done":2')
    for _, trunk in ipairs(sandbox:ask "state".bolna_trunk.trunks) do
        lu.assertEquals(trunk.auth_username, users[trunk.id])
        lu.assertTrue(trunk.auth_username == nil or trunk.auth_username == require("trunkhost").null
            or #trunk.auth_password == 32)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "job_secrets", tests } })
