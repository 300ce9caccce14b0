--- Reads the lines of a prompt: with editing on a terminal, as they come from anything else.

local core <const> = require "trunkhost.core"
local line_editor <const> = require "trunkhost.line_editor"

local prompt_read <const> = {}

---@class PromptReader
---@field read fun(self: PromptReader, prompt: string, colour: integer): string|false|nil  nil: the end; false: Ctrl-C
---@field remember fun(self: PromptReader, lines: string[])  adds what was typed to the history

-- ---------------------------------------------------------------------------------------------------
-- Without editing

local plain <const> = {}
plain.__index = plain
plain.__close = function() end

function plain:read(prompt)
    if self.shows_prompt then
        core.write("err", prompt .. " ")
    end
    while true do
        local line <const>, rest <const> = self.buffer:match "^([^\n]*)\n(.*)$"
        if line then
            self.buffer = rest
            return (line:gsub("\r$", ""))
        end
        local bytes <const> = line_editor.input()
        if bytes then
            self.buffer = self.buffer .. bytes
        else
            local last <const> = self.buffer
            self.buffer = ""
            return bytes == nil and last ~= "" and last or bytes
        end
    end
end

function plain.remember() end

-- ---------------------------------------------------------------------------------------------------
-- With editing

local edited <const> = {}
edited.__index = edited

function edited:read(prompt, colour)
    local editor <const> = self.editor
    local event, text = editor:begin(prompt, colour)
    while event ~= "line" and event ~= "end" do
        if event == "complete" then
            event, text = editor:answer(require "trunkhost.prompt.complete"(text, core.columns "err" or 80))
        else
            local bytes <const> = line_editor.input()
            if not bytes then
                editor:stop(bytes == false and "^C" or nil)
                return bytes
            end
            event, text = editor:feed(bytes)
        end
    end
    if event == "end" then
        core.write("err", "\n")
        return nil
    end
    return text
end

function edited:remember(lines)
    for _, line in ipairs(require("trunkhost.prompt.history").entries(lines)) do
        if self.history:add(line) then
            self.editor:remember(line)
        end
    end
end

function edited:__close(problem)
    getmetatable(self.editor).__close(self.editor, problem)
end

-- ---------------------------------------------------------------------------------------------------

--- A reader of standard input, to be closed. On a terminal it offers editing and a history.
---@return PromptReader
function prompt_read.open()
    local is_terminal <const> = core.is_terminal "in"
    if is_terminal and core.is_terminal "err" and os.getenv "TERM" ~= "dumb" then
        local editor <const>, why <const> = line_editor.open()
        if editor then
            local history <const> = require("trunkhost.prompt.history").open()
            for _, line in ipairs(history.lines) do
                editor:remember(line)
            end
            return setmetatable({ editor = editor, history = history }, edited)
        end
        core.log("warn", "lines cannot be edited here: " .. why)
    end
    return setmetatable({ buffer = "", shows_prompt = is_terminal }, plain)
end

return prompt_read
