--- A disk that is full or broken at every single write of the ledger in turn: nothing leaves the machine that is not
--- on the disk, the run says what was wrong, and the next one ends as if nothing had been.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local rotation <const> = require "rotation"
local workers <const> = require "workers"

local TRUNKS <const> = 10
local WORKERS <const> = 2
local APIS <const> = { "famulor" }
--- How the ledger reaches the disk.
local CALLS <const> = { "pwrite64", "write", "fdatasync", "fsync", "ftruncate", "openat", "mkdir", "rename" }
--- A disk that fails once, and one that fails from then on.
local DISKS <const> = { { "ENOSPC", "+" }, { "EIO", "" }, { "ENOSPC", "" }, { "EIO", "+" } }
local CAUSES <const> = { "disk is full", "the disk reports an error", "No space left", "Input/output error",
    -- SQLite tries a file that it cannot make, or not open for writing, once more without.
    "No such file", "it is read-only" }

local FILES <const> = { "", "/ledger", "/ledger/ledger.db", "/ledger/ledger.db-wal", "/ledger/ledger.db-shm",
    "/ledger/ledger.db-journal", "/ledger/ledger.key", "/ledger/ledger.key.new" }

local function around(folder, call, n, disk)
    local words = { "strace -qq -f -o", folder .. "/trace" }
    for _, file in ipairs(FILES) do
        words[#words + 1] = "-P " .. folder .. file
    end
    words[#words + 1] = ("-e trace=%s -e inject=%s:error=%s:when=%d%s"):format(call, call, disk[1], n, disk[2])
    return table.concat(words, " ")
end

local function says_why(result, folder)
    for line in (result.err .. result.out):gmatch "[^\n]+" do
        for _, cause in ipairs(CAUSES) do
            if line:find(cause, 1, true) and line:find(folder .. "/ledger", 1, true) then return true end
        end
    end
end

--- One place: false when the run has no such call any more.
local function disturb(sandbox, call, n, disk)
    local moment = ("%s at %s %d%s"):format(disk[1], call, n, disk[2] == "+" and " and from then on" or "")
    sandbox:reset()
    local start = rotation.live(sandbox:ask "state", APIS)
    local result = rotation.run(sandbox, APIS, { around = around(sandbox.folder, call, n, disk) })
    if not program.read(sandbox.folder .. "/trace"):find("INJECTED", 1, true) then
        lu.assertEquals(result.status, 0, result.err)
        return false
    end
    rotation.check_nothing_lost(sandbox, start, APIS, moment)
    lu.assertTrue(result.status >= 0 and result.status <= 3, ("%s: status %d: %s"):format(moment, result.status,
        result.err))
    if result.status == 0 then
        rotation.check_said(sandbox, result, start, APIS, moment)
        lu.assertEquals(result.summary.done, TRUNKS, moment)
    else
        lu.assertTrue(says_why(result, sandbox.folder), ("%s: it does not say what was wrong:\n%s%s"):format(moment,
            result.err, result.out))
    end
    rotation.check_finished(sandbox, start, APIS, moment)
    return true
end

local function sweep(sandbox, part, count)
    sandbox.ledger = "ledger/ledger.db"
    local places = {}
    for _, call in ipairs(CALLS) do
        local points = 0
        for _, disk in ipairs(DISKS) do
            local n = part
            while disturb(sandbox, call, n, disk) do
                points, n = points + 1, n + count
            end
        end
        places[#places + 1] = ("%s %d"):format(call, points)
    end
    return table.concat(places, " ")
end

local tests = {}

function tests.test_with_a_disk_that_fails_at_any_write_nothing_is_sent_that_is_not_on_it()
    local _, points = workers.tally("tests/scripts/test_disk_sweep.lua", WORKERS, CALLS)
    lu.assertTrue(points > 100)
end

local part <const>, count <const> = workers.part()
if part then
    workers.work(("--trunks %d --limits none"):format(TRUNKS), function(sandbox)
        return sweep(sandbox, part, count)
    end)
else
    os.exit(lu.LuaUnit.new():runSuiteByInstances { { "disk_sweep", tests } })
end
