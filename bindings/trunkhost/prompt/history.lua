--- The history of the prompt, in a file that only its owner can read. Lines that may contain a secret are not kept. If
--- the file cannot be written, the prompt works without it.

local core <const> = require "trunkhost.core"

local LINES <const> = 1000
--- A string that is assigned to one of these names may be a secret.
local TELLTALES <const> = { "passw", "secret", "token", "authorization", "credential", "api_?key", "private" }

local prompt_history <const> = {}

--- The path of the file: beside the default ledger. nil: there is no such place.
---@return string? path
function prompt_history.path()
    local state <const>, home <const> = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
    local service <const> = (os.getenv "STATE_DIRECTORY" or ""):match "^/[^:]*"
    if state and state ~= "" then
        return state .. "/trunkhost/history"
    elseif service then
        return service .. "/history"
    end
    return home and home ~= "" and home .. "/.local/state/trunkhost/history" or nil
end

local function is_telltale(name)
    name = name:lower():gsub("%-", "_")
    for _, telltale in ipairs(TELLTALES) do
        if name:find(telltale) then
            return true
        end
    end
    return false
end

--- Whether the line may be kept: not if it begins with a blank, nor if it contains a string in place of a secret
--- (`sip_password = "…"`, `secret { from = "…" }`, `["X-Api-Key"] = "…"`).
---@param line string
---@return boolean
function prompt_history.may_keep(line)
    if line:find "^%s" or not line:find "%S" then
        return false
    end
    for name in line:gmatch "([%w_-]+)[\"'%]]*%s*=%s*[\"'%[]" do
        if is_telltale(name) or name == "from" and line:find "secret" then
            return false
        end
    end
    return not line:find "[Bb]earer "
end

--- Joins several lines to one where that does not change their meaning.
---@param lines string[]
---@return string[]
function prompt_history.entries(lines)
    local whole <const> = table.concat(lines, " ")
    if #lines > 1 and not whole:find "%-%-" and not whole:find "%[=*%[" and not whole:find "\\ " then
        return { whole }
    end
    return lines
end

---@class PromptHistory
---@field path string?
---@field lines string[]  the latest ones, oldest first
local history <const> = {}
history.__index = history

local function make_folders(path)
    local uv <const> = require "trunkhost.uv"
    for at in path:gmatch "()/" do
        if at > 1 then
            uv.fs_mkdir(path:sub(1, at - 1), tonumber("700", 8)) -- it may exist
        end
    end
end

--- Reads the history, and shortens a file that has become too long.
---@param path? string  default: prompt_history.path
---@return PromptHistory
function prompt_history.open(path)
    local self <const> = setmetatable({ path = path or prompt_history.path(), lines = {} }, history)
    local file <const> = self.path and io.open(self.path, "r")
    if not file then
        return self
    end
    local all <const> = {}
    for line in file:lines() do
        all[#all + 1] = line
    end
    file:close()
    table.move(all, math.max(1, #all - LINES + 1), #all, 1, self.lines)
    if #all > 2 * LINES then
        pcall(core.write_private, self.path, "history", table.concat(self.lines, "\n") .. "\n")
    end
    return self
end

--- Appends a line, if it may be kept.
---@param line string
---@return boolean  whether it may be kept
function history:add(line)
    if not prompt_history.may_keep(line) then
        return false
    end
    if self.path and self.lines[#self.lines] ~= line then
        local uv <const> = require "trunkhost.uv"
        local mode <const> = tonumber("600", 8)
        local file = uv.fs_open(self.path, "a", mode)
        if not file then
            make_folders(self.path)
            file = uv.fs_open(self.path, "a", mode)
        end
        if file then
            uv.fs_fchmod(file, mode) -- an older file may have another mode
            uv.fs_write(file, line .. "\n", -1)
            uv.fs_close(file)
        else
            self.path = nil -- warn once, not for each line
        end
    end
    self.lines[#self.lines + 1] = line
    return true
end

return prompt_history
