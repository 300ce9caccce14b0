--- The jobs of the cookbook keep the promises also when they are killed: people copy them.

package.path = "tests/support/?.lua;tests/docs/?.lua;" .. package.path
local lu <const> = require "luaunit"
local markdown <const> = require "markdown"
local program <const> = require "program"

local AGENT <const> = "990ba5d8-a342-4c7b-b0ca-b97da9e66ed1" -- one that the sandbox has

local JOBS <const> = {
    ["rotate_carrier.lua"] = "--account bolna_trunk --carrier carrier-1.example.net",
    ["codecs.lua"] = "--account bolna_trunk --codecs PCMA",
    ["copy_labels.lua"] = "--account bolna_trunk --from bolna",
    ["assign_agents.lua"] = "%s/agents.csv --account bolna_trunk",
    ["switch_off.lua"] = "--account bolna --carrier carrier-1.example.com",
    ["idle.lua"] = "--account bolna",
}

program.haste = 10

local tests = {}
local folder

function tests.setUp()
    folder = program.folder()
    program.write(folder .. "/agents.csv", "number,agent\n+12025550001," .. AGENT .. "\n")
    for _, block in ipairs(markdown.read("docs/cookbook.md").blocks) do
        if block.action == "file" and block.argument:find "%.lua$" then
            program.write(folder .. "/" .. block.argument, block.text)
        end
    end
end

function tests.tearDown()
    program.remove(folder)
end

for name, words in pairs(JOBS) do
    tests["test_" .. name:match "^[%w_]+" .. "_killed_at_any_request_is_finished_by_the_next_run"] = function()
        local result = program.run(("rehearse --trunks 2 --only kill --json %s/%s %s"):format(folder, name,
            words:format(folder)))
        lu.assertEquals(result.status, 0, result.out .. result.err)
        lu.assertStrContains(result.out, '"changes":true')
    end
end

function tests.test_every_job_of_the_cookbook_is_among_them()
    for _, block in ipairs(markdown.read("docs/cookbook.md").blocks) do
        if block.action == "file" and block.text:find("job.run", 1, true) then
            lu.assertNotNil(JOBS[block.argument], block.argument)
        end
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "cookbook", tests } })
