--- What a rotation that was disturbed must leave behind, whatever disturbed it. All of it is asked of the sandbox,
--- never of the program under test, but for the ledger, which is the promise itself.

local events <const> = require "events"
local lu <const> = require "luaunit"

local rotation <const> = {}

---@class Rotated : JobResult  items by "account/trunk"
---@field resumed boolean?  it went on with an earlier run

--- Rotates the passwords of these accounts.
---@param sandbox table
---@param apis string[]
---@param options? { arguments: string, around: string, resume: boolean }  resume: go on with the latest run, where the
---                ledger knows of one
---@return Rotated
function rotation.run(sandbox, apis, options)
    options = options or {}
    local arguments = "--account all " .. (options.arguments or "-j 4")
    local resumed = options.resume and sandbox:run("runs --json").out ~= ""
    if resumed then arguments = "--resume last" end
    local result = sandbox:run("rotate_passwords.lua --yes --json " .. arguments,
        -- Leak checking and being traced exclude each other.
        { apis = apis, around = options.around, env = options.around and { ASAN_OPTIONS = "detect_leaks=0" } })
    result.resumed = resumed
    return events.read(result, events.place)
end

--- Every password that the platforms hold: "api/trunk/field" → password.
---@param state table  what the sandbox knows
---@param apis string[]
---@return table<string, string>
function rotation.live(state, apis)
    local live = {}
    for _, api in ipairs(apis) do
        for _, trunk in ipairs(state[api].trunks) do
            for field, value in pairs(trunk) do
                if field:find "password$" and type(value) == "string" then
                    live[("%s/%s/%s"):format(api, trunk.id, field)] = value
                end
            end
        end
    end
    return live
end

--- What the ledger knows of a password's place: { all = { password → state }, [field] = the current one }.
local function known(ledger, place)
    local api, trunk, field = place:match "^([^/]*)/([^/]*)/(.*)$"
    return (ledger[api] or {})[trunk] or { all = {} }, field
end

--- Promise: no live password is missing from the ledger, and nothing was ever sent that is not in it.
---@param sandbox table
---@param start table<string, string>  live passwords before the first run
---@param apis string[]
---@param moment string  for messages
function rotation.check_nothing_lost(sandbox, start, apis, moment)
    -- A killed program may have left requests in the kernel; they are served before the second question.
    sandbox:ask "counts"
    local live, ledger, log = rotation.live(sandbox:ask "state", apis), sandbox:current_secrets(), sandbox:ask "log"
    for place, password in pairs(live) do
        if password ~= start[place] then
            local trunk, unnamed = known(ledger, place), known(ledger, place:gsub("/.*/", "//"))
            -- The password of a create has no trunk until the platform has answered.
            lu.assertNotNil(trunk.all[password] or start[place] == nil and unnamed.all[password],
                moment .. ": a live password is missing from the ledger: " .. place)
        end
    end
    local stored = {}
    for _, trunks in pairs(ledger) do
        for _, trunk in pairs(trunks) do
            for password in pairs(trunk.all) do stored[password] = true end
        end
    end
    for _, request in ipairs(log) do
        -- What was sent in an earlier run may have been superseded and forgotten since.
        local body = request.n > (sandbox.checked or 0) and type(request.body) == "string" and request.body or ""
        for password in body:gmatch '_?password":"([^"]*)"' do
            lu.assertNotNil(stored[password], ("%s: %s %s sent a password that is not in the ledger"):format(moment,
                request.method, request.path))
        end
    end
    sandbox.checked = #log > 0 and log[#log].n or 0
end

--- Promise: what the lines say is so, and they agree with the summary and the exit status.
---@param sandbox table
---@param result Rotated          a run that came to its end
---@param before table<string, string>  live passwords just before it
---@param apis string[]
---@param moment string
function rotation.check_said(sandbox, result, before, apis, moment)
    local live, ledger = rotation.live(sandbox:ask "state", apis), sandbox:current_secrets()
    local counts = { done = 0, failed = 0, unknown = 0, skipped = 0 }
    for _, item in pairs(result.items) do counts[item.state] = counts[item.state] + 1 end
    lu.assertNotNil(result.summary, moment .. ": no summary")
    for state, count in pairs(counts) do
        if state ~= "failed" then -- an account that cannot be listed is a failed item without a trunk
            lu.assertEquals(result.summary[state], count, moment .. ": " .. state)
        end
    end
    lu.assertTrue(result.summary.failed >= counts.failed, moment)
    for place, password in pairs(live) do
        local item = result.items[place:match "^[^/]*/[^/]*"]
        local trunk, field = known(ledger, place)
        if item and item.state == "done" then
            lu.assertTrue(trunk[field] == nil and password == before[place] or trunk[field] == password,
                ("%s: %s is done, but its live password is not the current one"):format(moment, place))
        elseif item and item.state == "skipped" then
            lu.assertEquals(password, before[place], ("%s: %s was skipped, but has changed"):format(moment, place))
        elseif item and item.state == "failed" then
            lu.assertTrue(password == before[place] or trunk.all[password] ~= nil,
                ("%s: %s failed, and its password is unknown"):format(moment, place))
        end
    end
    local bad = result.summary.failed + result.summary.unknown
    local expected = result.summary.halted and 3 or bad > 0 and 1 or 0
    lu.assertEquals(result.status, expected, ("%s: %s%s"):format(moment, result.err, result.out))
end

--- Promise: the next run ends as if nothing had ever been in its way: what it may change is new and known, what it
--- may not is as it was at the start, and a run that goes on with another leaves alone what that one has done.
---@param sandbox table
---@param start table<string, string>
---@param apis string[]
---@param moment string
---@param options? { resume: boolean }
function rotation.check_finished(sandbox, start, apis, moment, options)
    moment = moment .. ": the next run"
    local before = rotation.live(sandbox:ask "state", apis)
    local result = rotation.run(sandbox, apis, options)
    lu.assertEquals(result.status, 0, ("%s: %s%s"):format(moment, result.err, result.out))
    rotation.check_said(sandbox, result, before, apis, moment)
    rotation.check_nothing_lost(sandbox, start, apis, moment)
    local ledger, changed = sandbox:current_secrets(), 0
    for place, password in pairs(rotation.live(sandbox:ask "state", apis)) do
        local item = result.items[place:match "^[^/]*/[^/]*"]
        local trunk, field = known(ledger, place)
        if item.state == "done" or result.resumed and item.reason:find "^done in run" then
            changed = changed + 1
            lu.assertTrue(trunk[field] == nil and password == start[place] or trunk[field] == password,
                ("%s: %s is done, but its live password is not the current one"):format(moment, place))
        else
            lu.assertEquals(password, start[place], ("%s: %s was skipped, but has changed"):format(moment, place))
        end
    end
    lu.assertTrue(changed > 0, moment .. " changed nothing")
end

return rotation
