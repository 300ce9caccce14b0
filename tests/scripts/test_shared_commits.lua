--- The disk is not waited for once for each thing that is written: items that are under way together share it.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local rotation <const> = require "rotation"
local sandbox_process <const> = require "sandbox_process"

local TRUNKS <const> = 200
local APIS <const> = { "famulor" }

local tests = {}

--- Each item is written down in seven operations, and waits for the disk twice. Without sharing, that would be three
--- syncs: its beginning, its password, and how it ended.
function tests.test_a_rotation_syncs_the_ledger_less_than_once_for_each_trunk()
    local sandbox <close> = sandbox_process.start(("--trunks %d --limits none"):format(TRUNKS))
    local count = sandbox.folder .. "/syncs"
    local result = rotation.run(sandbox, APIS, { arguments = "-j 16",
        around = "strace -qq -f -e trace=fdatasync,fsync -o " .. program.quote(count) })
    local syncs = 0
    for line in io.lines(count) do
        syncs = syncs + (line:find "f%w*sync%(" and 1 or 0)
    end
    lu.assertEquals(result.status, 0, result.err)
    lu.assertTrue(result.summary.done > TRUNKS * 3 // 4, "most trunks have a password")
    print(("%d items, %d syncs"):format(result.summary.done, syncs))
    lu.assertTrue(syncs > 2, "nothing was counted")
    lu.assertTrue(syncs < result.summary.done, ("%d syncs for %d items"):format(syncs, result.summary.done))
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "shared_commits", tests } })
