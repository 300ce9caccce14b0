--- Scripts with jobs, run by the program under test, and what they said.

local events <const> = require "events"
local program <const> = require "program"

local job_script <const> = {}

--- `run` runs a job over famulor's trunks that sends nothing; `more` replaces its parts.
job_script.PRELUDE = [[
local trunkhost = require "trunkhost"
local job, core = trunkhost.job, require "trunkhost.core"
local tried = {}
local function options(more)
    local all = { account = { "famulor" }, yes = true, json = true, canary = 0, concurrency = 1 }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end
local function run(more, chosen)
    local spec = {
        name = "test", options = options(chosen),
        plan = function() return { changes = { nickname = "x" } } end,
        apply = function(item) tried[#tried + 1] = item.trunk.id end,
    }
    for name, value in pairs(more or {}) do spec[name] = value end
    local result = job.run(spec)
    io.stderr:write("TRIED ", #tried, "\n")
    return result
end
]]

--- Runs code after the prelude against the sandbox inside the program, and leaves what it says to the caller.
---@param code string
---@param spec? string  more of --sandbox
function job_script.shown(code, spec)
    return program.run(("--sandbox=limits=none%s -e %s"):format(spec and "," .. spec or "",
        program.quote(job_script.PRELUDE .. code)))
end

--- The same for a job with --json: also its items, their states by trunk, its summary and how many were tried.
---@param code string
---@param spec? string  more of --sandbox
function job_script.run(code, spec)
    local result = job_script.shown(code, spec)
    result.items, result.states = {}, {}
    for _, object in ipairs(events.lines(result.out)) do
        if object.event == "summary" then
            result.summary = object
        else
            table.insert(result.items, object)
            result.states[object.trunk] = object.state
        end
    end
    result.tried = math.tointeger(tonumber(result.err:match "TRIED (%d+)"))
    return result
end

return job_script
