--- Runs commands and returns their output, while other tasks continue. Not for secrets: others can see a command's
--- arguments in the list of processes.

local await <const> = require "trunkhost.await"
local core <const> = require "trunkhost.core"

local process <const> = {}

local OPTIONS <const> = { stdin = "string", env = "table", cwd = "string", timeout = "number" }

local function check(command)
    if type(command) ~= "table" then
        error("process.run: needs a table, as in process.run { \"date\", \"-u\" }", 3)
    end
    for i, word in ipairs(command) do
        if type(word) ~= "string" and type(word) ~= "number" then
            error(("process.run: argument %d is a %s"):format(i, core.is_secret(word) and "secret, which others "
                .. "could see in the list of processes" or type(word)), 3)
        end
    end
    if #command == 0 then
        error("process.run: the command is empty", 3)
    end
    for name, value in pairs(command) do
        if math.type(name) ~= "integer" and not OPTIONS[name] then
            error(("process.run: no option '%s'; there are stdin, env, cwd and timeout"):format(tostring(name)), 3)
        elseif OPTIONS[name] and type(value) ~= OPTIONS[name] then
            error(("process.run: %s must be a %s"):format(name, OPTIONS[name]), 3)
        end
    end
end

local function environment(env)
    local list <const> = {}
    for name, value in pairs(env) do
        list[#list + 1] = ("%s=%s"):format(name, value)
    end
    return list
end

--- Runs the command and waits for it.
local function run(command)
    local words <const> = {}
    for i, word in ipairs(command) do
        words[i] = tostring(word)
    end
    local ended <const>, problem <const> = core.run_process(words, command.stdin,
        command.env and environment(command.env), command.cwd)
    if not ended then
        await.raise(("%s: cannot run %s%s"):format(problem, words[1],
            command.cwd and (" in the folder " .. command.cwd) or ""))
    end
    return { status = ended.status, signal = ended.signal, out = ended.out, err = ended.err }
end

--- Runs a command to its end and returns its status and output; a status other than 0 raises no error. The output is
--- kept in memory. When the task is cancelled or times out, the command gets SIGTERM, and 2 s later SIGKILL.
---@param command trunkhost.Command
---@return trunkhost.Ended
function process.run(command)
    check(command)
    if not command.timeout then
        return run(command)
    end
    return require("trunkhost.tasks").timeout(command.timeout, run, command)
end

return process
