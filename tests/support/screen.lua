--- The program on a terminal (of tmux), with somebody who types and reads. What is waited for is looked for again and
--- again until it is on the screen.

local trunkhost <const> = require "trunkhost"
local program <const> = require "program"

local screen <const> = {}
screen.__index = screen

local SETTINGS <const> = "set -g status off\nset -sg escape-time 0\n"
    .. "set -g default-terminal screen-256color\n"

-- tmux loses the exit status and the last words of a program now and then: a shell keeps the one, and stays for the
-- others to be read.
local RUN <const> = [[
trap : INT QUIT TSTP
sh -c 'echo $$ >"$0/pid"; exec env -i "$@"' %s %s %s %s
echo $? >%s/status.new
mv %s/status.new %s/status
exec cat
]]

local function tmux(self, arguments)
    return program.shell(("tmux -S %s/socket %s 2>&1"):format(self.folder, arguments))
end

--- Starts `trunkhost arguments…`, its folder being HOME, on 80 columns and 40 rows.
---@param arguments string
---@param options? { env: table<string, string>, command: string, columns: integer }  command: instead of the program
---@return Screen
function screen.start(arguments, options)
    options = options or {}
    local folder <const> = program.folder()
    local self <const> = setmetatable({ folder = folder }, screen)
    local env <const> = { TERM = "screen-256color" }
    for name, value in pairs(options.env or {}) do env[name] = value end
    program.write(self.folder .. "/tmux.conf", SETTINGS)
    program.write(self.folder .. "/run", RUN:format(folder, program.environment_words(folder, env),
        options.command or program.quote(program.executable), arguments, folder, folder, folder))
    local said <const> = tmux(self, ('-f %s/tmux.conf new-session -d -x %d -y 40 "sh %s/run"'):format(self.folder,
        options.columns or 80, self.folder))
    assert(said == "", said)
    return self
end

function screen:stop()
    -- What still runs could write into the folder while it is removed.
    program.shell(("{ pid=$(cat %s/pid) && kill -KILL $pid && while kill -0 $pid; do :; done; } 2>&1"):format(
        self.folder))
    tmux(self, "kill-server")
    program.remove(self.folder)
end

screen.__close = screen.stop

--- Presses keys by tmux's names of them: "Enter", "C-c", "Left".
function screen:press(...)
    for _, key in ipairs { ... } do
        tmux(self, "send-keys " .. key)
    end
end

--- Types a text, and Enter behind it.
---@param line string
function screen:enter(line)
    self:type(line)
    self:press "Enter"
end

---@param text string
function screen:type(text)
    tmux(self, "send-keys -l -- " .. program.quote(text))
end

--- Types all of it at once, lines included, as a paste does.
---@param text string
function screen:paste(text)
    program.write(self.folder .. "/paste", text)
    tmux(self, ("load-buffer %s/paste ';' paste-buffer"):format(self.folder))
end

---@param columns integer
function screen:resize(columns)
    tmux(self, ("resize-window -x %d -y 40"):format(columns))
end

--- What can be read, without the blanks at the ends of lines and the empty lines at the end.
---@return string
function screen:text()
    return (tmux(self, "capture-pane -p"):gsub(" +\n", "\n"):gsub("\n+$", ""))
end

---@param holds fun(): any
---@param what string
---@return any
local function wait_until(self, holds, what)
    for _ = 1, 3000 do
        local found <const> = holds()
        if found then
            return found
        end
        trunkhost.sleep(0.01)
    end
    error(("%s did not come; the screen shows:\n%s"):format(what, self:text()), 3)
end

--- Waits until the screen ends with this text.
---@param text string
function screen:ends_with(text)
    wait_until(self, function() return self:text():sub(-#text) == text end, ("%q"):format(text))
end

--- Waits until this text is somewhere.
---@param text string
function screen:shows(text)
    wait_until(self, function() return self:text():find(text, 1, true) end, ("%q"):format(text))
end

--- Waits for the end of the program.
---@return integer status  128 and more: a signal
function screen:status()
    return wait_until(self, function()
        local file <const> = io.open(self.folder .. "/status", "r")
        local status <const> = file and file:read "n"
        if file then file:close() end
        return status
    end, "the end")
end

---@param signal string
function screen:kill(signal)
    os.execute(("kill -%s $(cat %s/pid)"):format(signal, self.folder))
end

return screen
