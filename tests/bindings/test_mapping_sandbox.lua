--- What the mappings plan is what the platforms make of it: every trunk of every API at every other one.

package.path = "tests/support/?.lua;" .. package.path
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local tests <const> = {}

function tests.test_every_trunk_at_every_other_platform_reads_back_as_planned()
    local sandbox <close> = sandbox_process.start "--trunks 12 --limits none"
    local agents = {}
    for api, state in pairs(sandbox:ask "state") do
        for _, agent in ipairs(state.agents or {}) do
            agents[api] = agents[api] or not agent.foreign and agent.id or nil
        end
    end
    local result = sandbox:run("tests/support/create_mapped.lua " .. program.quote(json.encode {
        vatel = agents.vatel, bolna = agents.bolna, bolna_trunk = agents.bolna_trunk }))
    local violations = sandbox:ask "violations"
    lu.assertEquals(result.out, "240 moved, 0 problems\n", result.err)
    lu.assertEquals(violations, {})
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "mapping_sandbox", tests } })
