--- The command of --deliver: a child process that reads passwords as lines of JSON on its standard input, never in
--- its arguments or its environment.

local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"

local delivery_command <const> = {}

-- A message quotes at most this much from the end of the command's standard error.
local MOST_QUOTED <const> = 300
local LONG <const> = 86400

--- Why a child has failed; nil when it has not.
local function problem_of(result, seconds)
    if result.timed_out then
        return ("did not end within %s and was killed"):format(duration.format(seconds))
    elseif result.signal ~= 0 then
        return ("was killed by signal %d"):format(result.signal)
    elseif result.status == 0 then
        return nil
    end
    return ("ended with status %d"):format(result.status)
        .. (result.status == 127 and " (command not found)" or "")
end

local function quoted(text)
    text = text:gsub("[%s%c]+", " "):match "^%s*(.-)%s*$"
    if text == "" then
        return ""
    elseif #text > MOST_QUOTED then
        -- Not in the middle of a character.
        text = "…" .. text:sub(-MOST_QUOTED):gsub("^[\x80-\xBF]+", "")
    end
    return (": %s"):format(text)
end

local function run_child(self, input)
    local ok, result = pcall(core.run_command, { "/bin/sh", "-c", self.command }, input, self.seconds)
    if not ok then
        return "could not be started: " .. tostring(result)
    end
    local problem = problem_of(result, self.seconds)
    return problem and problem .. quoted(result.err)
end

---@class trunkhost.DeliveryCommand
---@field command string
---@field seconds number
local Command <const> = {}
Command.__index = Command

---@param command string
---@param seconds number        the longest that a child may take after its last line
---@param concurrency integer   children at the same time
---@return trunkhost.DeliveryCommand
function delivery_command.new(command, seconds, concurrency)
    return setmetatable({ command = command, seconds = seconds, free = concurrency, waiting = {} }, Command)
end

local function take_place(self)
    if self.free > 0 then
        self.free = self.free - 1
        return
    end
    local ticket = core.spawn(function() while true do core.sleep(LONG) end end)
    self.waiting[#self.waiting + 1] = ticket
    local _, err = pcall(ticket.await, ticket)
    if core.is_error(err) ~= "cancelled" then -- whoever leaves cancels the ticket
        error(err, 0)
    end
end

local function leave_place(self)
    local ticket = table.remove(self.waiting, 1)
    if ticket then
        ticket:cancel()
    else
        self.free = self.free + 1
    end
end

--- Runs a child for one line. Returns nil, or why it has failed: "ended with status 1: …".
---@param line table  secrets in it reach the child in clear
---@return string? problem
function Command:run(line)
    take_place(self)
    local _ <close> = setmetatable({}, { __close = function() leave_place(self) end })
    return run_child(self, line)
end

--- Adds a line for the one child of the run. The first line starts it.
---@param line table
function Command:add(line)
    if not self.feed then
        self.feed = core.feed()
        self.task = core.spawn(run_child, self, self.feed)
    end
    self.feed:write(line)
end

--- Closes the input of the one child and waits for it. Returns nil, or why it failed.
---@return string? problem
function Command:finish()
    if not self.feed then
        return nil
    end
    self.feed:close()
    local ok, problem = pcall(self.task.await, self.task)
    if not ok then
        return "was stopped: " .. tostring(problem)
    end
    return problem
end

return delivery_command
