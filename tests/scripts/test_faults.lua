--- Rotation against platforms that misbehave: what is live is in the ledger, and what is said is true.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local json <const> = require "trunkhost".json
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

function tests.test_no_live_password_is_missing_from_the_ledger_and_every_state_is_true_when_a_tenth_goes_wrong()
    local faults = "lost_reply=0.1,error_before=0.1,error_after=0.1,limit=0.02,drop=0.1,html=0.1,cut_body=0.05"
    local s = sandbox_process.start("--trunks 40 --limits none --fault " .. faults)
    local before = s:ask "state"
    local result, items, summary = rotate(s)
    lu.assertTrue(result.status == 0 or result.status == 1, result.err)
    local ledger = s:current_secrets()
    local counts = { done = 0, failed = 0, unknown = 0, skipped = 0 }
    for _, item in pairs(items) do counts[item.state] = counts[item.state] + 1 end
    for state, count in pairs(counts) do lu.assertEquals(summary[state], count) end
    lu.assertEquals(summary.total, 200)
    each_password(before, s:ask "state", function(api, trunk, field, now, was)
        local item = items[api .. "/" .. tostring(trunk.id)]
        local known = (ledger[api] or {})[tostring(trunk.id)] or { all = {} }
        local place = ("%s trunk %s %s (%s)"):format(api, trunk.id, field, item.state)
        if now ~= was then
            lu.assertNotNil(known.all[now], place .. ": a live password is missing")
        end
        if item.state == "done" and known[field] then
            lu.assertEquals(known[field], now, place)
        elseif item.state == "skipped" or item.state == "failed" then
            lu.assertEquals(now, was, place)
        end
    end)
    lu.assertEquals(s:ask "violations", {})
    s:stop()
end

function tests.test_limits_are_kept_without_a_single_429()
    local s = sandbox_process.start "--trunks 12 --limits 20/1"
    local result = s:run("rotate_passwords.lua --account famulor --yes -q", { rate = "{ { 20, per = 1 } }" })
    lu.assertEquals(result.status, 0, result.err)
    lu.assertEquals(s:ask "counts".limited, 0)
    s:stop()
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "faults", tests } })
