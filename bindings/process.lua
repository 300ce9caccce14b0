--- Commands whose output is wanted, while the other tasks go on. Not for secrets: what is handed to a command here may
--- be seen in the list of processes.

local await <const> = require "trunkhost.await"
local core <const> = require "trunkhost.core"
local uv <const> = require "trunkhost.uv"

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

local function close(handle)
    if handle and not handle:is_closing() then
        handle:close()
    end
end

local function environment(env)
    local list <const> = {}
    for name, value in pairs(env) do
        list[#list + 1] = ("%s=%s"):format(name, value)
    end
    return list
end

--- What a running command has open; closing it ends the command and all that it has started.
local running_meta <const> = {
    __close = function(running)
        if running.handle and not running.exited then
            uv.kill(-running.pid, "sigterm")
        end
        close(running.handle)
        close(running.stdin)
        close(running.stdout)
        close(running.stderr)
    end,
}

local function collect(pipe, ended)
    local parts <const> = {}
    pipe:read_start(function(err, data)
        if data then
            parts[#parts + 1] = data
        else
            close(pipe)
            ended(err)
        end
    end)
    return parts
end

--- Runs the command and waits for it.
local function run(command)
    local waiter <const> = core.waiter("the command " .. tostring(command[1]), true)
    local running <close> = setmetatable({}, running_meta)
    running.stdin, running.stdout, running.stderr = uv.new_pipe(false), uv.new_pipe(false), uv.new_pipe(false)
    local left, status, number = 3, nil, nil
    local function ended()
        left = left - 1
        if left == 0 then
            waiter:wake()
        end
    end
    local handle <const>, pid <const> = uv.spawn(tostring(command[1]), {
        args = { table.unpack(command, 2) },
        stdio = { running.stdin, running.stdout, running.stderr },
        env = command.env and environment(command.env),
        cwd = command.cwd,
        detached = true, -- a session of its own: Ctrl-C on our terminal lets what was begun end
    }, function(code, signal)
        status, number = code, signal
        running.exited = true
        close(running.handle)
        ended()
    end)
    if not handle then
        await.raise(("%s: cannot run %s%s"):format(pid, command[1],
            command.cwd and (" in the folder " .. command.cwd) or ""))
    end
    running.handle, running.pid = handle, pid
    local out <const>, err <const> = collect(running.stdout, ended), collect(running.stderr, ended)
    if command.stdin then
        running.stdin:write(command.stdin, function() close(running.stdin) end)
    else
        close(running.stdin)
    end
    waiter:wait()
    return { status = status, signal = number, out = table.concat(out), err = table.concat(err) }
end

--- Runs a command to its end and returns what became of it; a status other than 0 is no error. Its output is kept in
--- memory. It is ended with SIGTERM when the task is cancelled or its time is over.
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
