--- Killed at every single write, sync and send in turn, and run again: the promise that nothing is lost, held
--- against the sandbox's own memory.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local trunkhost <const> = require "trunkhost"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local TRUNKS <const> = 20
--- Where the program can be interrupted so that it matters: what goes to the disk and what goes out.
local CALLS <const> = { "sendto", "fdatasync", "fsync", "pwrite64", "write", "ftruncate" }

local tests = {}

local function reset(sandbox)
    trunkhost.http.request { method = "POST", url = ("http://127.0.0.1:%d/_sandbox/reset"):format(sandbox.port),
        resend = false }
    os.execute(("rm -rf %s/ledger*"):format(sandbox.folder))
end

local function live_passwords(sandbox)
    local live = {}
    for _, trunk in ipairs(sandbox:ask "state".famulor.trunks) do
        live[tostring(trunk.id)] = trunk.sip_password
    end
    return live
end

local function rotate(sandbox, around)
    -- Leak checking and being traced exclude each other.
    return sandbox:run("rotate_passwords.lua --account famulor --yes --json -j 4", {
        apis = { "famulor" }, around = around, env = { ASAN_OPTIONS = "detect_leaks=0" } })
end

--- After a kill: every live password that is not the old one is in the ledger. After the second run: every live one
--- is the current one.
local function check(sandbox, before, place)
    local after_kill, ledger = live_passwords(sandbox), sandbox:current_secrets().famulor or {}
    for id, password in pairs(after_kill) do
        if password ~= before[id] then
            lu.assertNotNil(ledger[id] and ledger[id].all[password], place .. ": a live password is missing: " .. id)
        end
    end
    local again = rotate(sandbox)
    lu.assertEquals(again.status, 0, place .. ": " .. again.err)
    ledger = sandbox:current_secrets().famulor
    for id, password in pairs(live_passwords(sandbox)) do
        lu.assertEquals(ledger[id].sip_password, password, place .. ": trunk " .. id)
    end
end

function tests.test_a_rotation_that_is_killed_at_any_point_is_finished_by_the_next_run()
    local sandbox <close> = setmetatable({ sandbox_process.start(("--trunks %d --limits none"):format(TRUNKS)) },
        { __close = function(self) self[1]:stop() end })
    local s = sandbox[1]
    local before = live_passwords(s)
    local points = 0
    for _, call in ipairs(CALLS) do
        for n = 1, 2000 do
            reset(s)
            local result = rotate(s, ("strace -qq -f -o /dev/null -e trace=%s -e inject=%s:signal=SIGKILL:when=%d")
                :format(call, call, n))
            if result.status ~= 137 then
                lu.assertEquals(result.status, 0, result.err)
                break
            end
            points = points + 1
            check(s, before, ("killed at %s %d"):format(call, n))
        end
    end
    print(("killed at %d points"):format(points))
    lu.assertTrue(points > 50)
    lu.assertEquals(program.read(s.folder .. "/token"), "sandbox\n")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "kill_sweep", tests } })
