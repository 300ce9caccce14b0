--- Rotation against platforms that misbehave: what is live is in the ledger, and what is said is true.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost".json
local program <const> = require "program"
local rotation <const> = require "rotation"
local sandbox_process <const> = require "sandbox_process"

local tests = {}

--- Rotates everything and returns the items by account and trunk, and the summary.
local function rotate(sandbox, arguments)
    local result = sandbox:run("rotate_passwords.lua --account all --yes --json -j 16 --max-failures 100% "
        .. (arguments or ""))
    local items, summary = {}, nil
    for line in result.out:gmatch "[^\n]+" do
        local event = json.decode(line)
        if event.event == "item" then
            items[event.account .. "/" .. event.trunk] = event
        else
            summary = event
        end
    end
    return result, items, summary
end

--- Every password that a platform holds, as fn(api, trunk, field, password, what it was at the start).
local function each_password(before, after, fn)
    for api, platform in pairs(after) do
        local old = {}
        for _, trunk in ipairs(before[api].trunks) do old[trunk.id] = trunk end
        for _, trunk in ipairs(platform.trunks) do
            for field, value in pairs(trunk) do
                if field:find "password$" and type(value) == "string" then
                    fn(api, trunk, field, value, old[trunk.id][field])
                end
            end
        end
    end
end

function tests.test_a_strict_platform_finds_nothing_to_complain_about_and_every_eligible_password_changes()
    local sandbox <close> = setmetatable({ sandbox_process.start "--trunks 24 --limits none" },
        { __close = function(self) self[1]:stop() end })
    local s = sandbox[1]
    local before = s:ask "state"
    local result, items = rotate(s)
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(s:ask "violations", {})
    local ledger, changed = s:current_secrets(), 0
    each_password(before, s:ask "state", function(api, trunk, field, now, was)
        local item = items[api .. "/" .. tostring(trunk.id)]
        if item.state == "done" and now ~= was then
            changed = changed + 1
            lu.assertEquals(ledger[api][tostring(trunk.id)][field], now)
        elseif item.state == "skipped" then
            lu.assertEquals(now, was)
        end
    end)
    local expected = 0
    for _, trunks in pairs(ledger) do
        for _, trunk in pairs(trunks) do
            for field in pairs(trunk) do
                if field ~= "all" then expected = expected + 1 end
            end
        end
    end
    lu.assertTrue(changed >= 90, changed)
    lu.assertEquals(changed, expected)
end

--- What may be wrong with a platform, each as the sandbox is told; vatel: false where it can show nothing of it.
local WRITES <const> = "%s@PUT=0.3,%s@PATCH=0.3"
local WORLDS <const> = {
    { fault = "lost_reply=0.1,error_before=0.1,error_after=0.1,limit=0.02,drop=0.1,html=0.1,cut_body=0.05" },
    { fault = WRITES:gsub("%%s", "unchanged") .. ",touched@GET=0.3", vatel = false },
    { fault = WRITES:gsub("%%s", "other_before") .. "," .. WRITES:gsub("%%s", "other_after") },
    { fault = WRITES:gsub("%%s", "error_before") .. ",touched=0.3" },
    { fault = "timeout_after@PUT=0.3,timeout_after@PATCH=0.3,timeout_before=0.1,touched@GET=0.5" },
    { fault = WRITES:gsub("%%s", "accepted_before") .. "," .. WRITES:gsub("%%s", "accepted_after") },
    { fault = WRITES:gsub("%%s", "error_200") .. "," .. WRITES:gsub("%%s", "blank_before") },
    { fault = "empty_before=0.1,empty_after=0.1,blank_after=0.1" },
    { fault = WRITES:gsub("%%s", "timeout_after"), eventual = "0/300" },
    { fault = "short_list@GET=0.3,shifting_list@GET=0.3", page = 3 },
    { fault = "empty_page@GET=0.2,same_page@GET=0.2", page = 3 },
    { fault = "limit=0.1,busy=0.1", retry_after = "1" },
    { fault = "limit=0.1,busy=0.1", retry_after = "date:1" },
    { fault = "limit=0.1,busy=0.1", retry_after = "epoch:1" },
    { fault = "limit@PUT=0.1,limit@PATCH=0.1", retry_after = "86400", halts = true },
    { fault = "busy@PUT=0.1,busy@PATCH=0.1", retry_after = "epoch:86400", halts = true },
    { fault = "limit=0.1,busy=0.1", retry_after = "date:9999999999", halts = true },
}

function tests.test_what_is_live_is_known_and_what_is_said_is_true_whatever_goes_wrong()
    local sandbox <close> = setmetatable({ sandbox_process.start "--trunks 8 --limits none" },
        { __close = function(self) self[1]:stop() end })
    local s <const> = sandbox[1]
    program.haste = 10
    for seed, world in ipairs(WORLDS) do
        local apis <const> = { "famulor", "autocalls", "bolna", "bolna_trunk", world.vatel ~= false and "vatel" or nil }
        s:reset { seed = seed, fault = "" }
        local start <const> = rotation.live(s:ask "state", apis)
        s:tell("faults", { fault = world.fault, seed = seed, page = world.page, eventual = world.eventual,
            retry_after = world.retry_after })
        local result <const> = rotation.run(s, apis, { arguments = "-j 16 --canary 0 --max-failures 100%" })
        lu.assertEquals(result.status == 3, world.halts or false, world.fault .. result.err)
        rotation.check_nothing_lost(s, start, apis, world.fault)
        rotation.check_said(s, result, start, apis, world.fault)
        for place, password in pairs(rotation.live(s:ask "state", apis)) do
            local item <const> = result.items[place:match "^[^/]*/[^/]*"]
            lu.assertTrue(not item or item.state ~= "failed" or password == start[place], world.fault .. place)
        end
        s:tell "faults"
        rotation.check_finished(s, start, apis, world.fault)
        lu.assertEquals(s:ask "violations", {}, world.fault)
    end
    program.haste = 1
end

function tests.test_limits_are_kept_without_a_single_429()
    local s = sandbox_process.start "--trunks 12 --limits 20/1"
    local result = s:run("rotate_passwords.lua --account famulor --yes -q", { rate = "{ { 20, per = 1 } }" })
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(s:ask "counts".limited, 0)
    s:stop()
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "faults", tests } })
