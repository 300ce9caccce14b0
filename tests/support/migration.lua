--- Migrations between two APIs of a sandbox, and what they must leave behind: asked of the sandbox, not of the
--- program under test.

local events <const> = require "events"
local lu <const> = require "luaunit"
local program <const> = require "program"

local migration <const> = {}

--- Runs migrate_trunks.lua.
---@param sandbox table
---@param from string
---@param to string
---@param arguments? string
---@param options? { script: string, env: table }
---@return JobResult
function migration.run(sandbox, from, to, arguments, options)
    options = options or {}
    return events.read(sandbox:run(("%s %s --yes --json --canary 0 %s"):format(options.script or "migrate_trunks.lua",
        from and ("--from %s --to %s"):format(from, to) or "", arguments or ""),
        { apis = { from or options.apis[1], to or options.apis[2] }, env = options.env }))
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
