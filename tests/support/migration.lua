--- Migrations between two APIs of a sandbox, and what they must leave behind: asked of the sandbox, not of the
--- program under test.

local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local program <const> = require "program"

local migration <const> = {}

---@class Migrated
---@field status integer
---@field out string
---@field err string
---@field items table<string, table>  source id → its JSON line
---@field summary table?

--- Runs migrate_trunks.lua.
---@param sandbox table
---@param from string
---@param to string
---@param arguments? string
---@param options? { script: string, env: table }
---@return Migrated
function migration.run(sandbox, from, to, arguments, options)
    options = options or {}
    local result = sandbox:run(("%s %s --yes --json --canary 0 %s"):format(options.script or "migrate_trunks.lua",
        from and ("--from %s --to %s"):format(from, to) or "", arguments or ""),
        { apis = { from or options.apis[1], to or options.apis[2] }, env = options.env })
    result.items = {}
    for line in result.out:gmatch "[^\n]+" do
        local ok, event = pcall(json.decode, line)
        -- A killed run may leave half a line.
        if ok and event.event == "item" and event.trunk then
            result.items[event.trunk] = event
        elseif ok and event.event == "summary" then
            result.summary = event
        end
    end
    return result
end

local EMPTY <const> = [[
local trunkhost = require "trunkhost"
local account = trunkhost.account(arg[1])
for trunk in account:trunks() do account:delete(trunk.id) end]]

--- Takes all trunks of an API away, so that what is there afterwards was made by a migration.
---@param sandbox table
---@param api string
function migration.empty(sandbox, api)
    local result = program.run(("-c %s --ledger %s/emptying.db -e %s %s"):format(sandbox:config { apis = { api } },
        sandbox.folder, program.quote(EMPTY), api))
    lu.assertEquals(result.status, 0, result.err)
    os.execute(("rm -f %s/emptying*"):format(program.quote(sandbox.folder)))
end

--- What has to be said for these pairs so that every trunk of the sandbox may move.
---@param sandbox table
---@param to string
---@return string arguments
function migration.consent(sandbox, to)
    if to == "vatel" then
        return ("--secrets generate --set vendor=generic --set registration.enabled=no --set agent_ref=%s "
            .. "--set inbound.sources=192.0.2.7 --allow-loss label,calling_format,country,fixed_source_ip"):format(
            sandbox:ask("state").vatel.agents[1].id)
    elseif to == "bolna_trunk" then
        return "--secrets generate --set inbound.sources=192.0.2.7 --allow-loss "
            .. "numbers.name,extras,agent_ref,registration.enabled,transport,media_encryption"
    end
    return "--secrets generate"
end

local PARTS <const> = { bolna_trunk = { gateways = "host", ip_acls = "cidr", numbers = "e164" } }

--- Promise: nothing is there twice, neither a trunk nor a part of one.
---@param sandbox table
---@param from string
---@param to string
---@param moment string  for messages
function migration.check_no_double(sandbox, from, to, moment)
    local state, seen = sandbox:ask "state", {}
    local name <const> = ({ vatel = "outbound_sip_username", autocalls = "sip_username", bolna_trunk = "name" })[to]
    for _, trunk in ipairs(state[to].trunks) do
        lu.assertNil(seen[trunk[name]], ("%s: %s is there twice"):format(moment, trunk[name]))
        seen[trunk[name]] = true
        for list, key in pairs(PARTS[to] or {}) do
            local parts = {}
            for _, part in ipairs(trunk[list]) do
                local value = key == "host" and part.host .. ":" .. part.port or part[key]
                lu.assertNil(parts[value] and not part.is_deleted or nil,
                    ("%s: %s %s of %s is there twice"):format(moment, list, value, trunk.id))
                parts[value] = true
            end
        end
    end
    lu.assertTrue(#state[to].trunks <= #state[from].trunks, moment)
    local assignments = {}
    for _, assignment in ipairs(to == "vatel" and state.vatel.numbers or {}) do
        local place = ("%s %s %s"):format(assignment.sip_trunk_id or assignment.trunk_id,
            json.encode(assignment.number), json.encode(assignment.alternate_number))
        lu.assertNil(assignments[place], ("%s: the assignment %s is there twice"):format(moment, place))
        assignments[place] = true
    end
end

--- Promise: after a run that nothing disturbed every trunk is there, complete and once.
---@param sandbox table
---@param from string
---@param to string
---@param moment string
---@return Migrated
function migration.check_finished(sandbox, from, to, moment)
    local result = migration.run(sandbox, from, to, migration.consent(sandbox, to))
    lu.assertEquals(result.status, 0, ("%s: the next run: %s%s"):format(moment, result.err, result.out))
    local there, count = migration.trunks(sandbox, to)
    local _, wanted = migration.trunks(sandbox, from)
    lu.assertEquals(count, wanted, moment)
    for id, item in pairs(result.items) do
        lu.assertNotNil(there[item.target or ""], ("%s: %s has no trunk at the target"):format(moment, id))
    end
    migration.check_no_double(sandbox, from, to, moment)
    return result
end

--- The trunks of an API as the sandbox has them, by id.
---@param sandbox table
---@param api string
---@return table<string, table> trunks, integer count
function migration.trunks(sandbox, api)
    local found, count = {}, 0
    for _, trunk in ipairs(sandbox:ask("state")[api].trunks) do
        found[tostring(trunk.id)], count = trunk, count + 1
    end
    return found, count
end

return migration
