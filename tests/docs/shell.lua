--- A folder in which the commands of a document run one after the other, as its reader would type them: as HOME, with
--- the program in the path. What is exported, the folder that one has gone to, and what the ledger keeps stay from
--- command to command. Every account is a fake one, made anew for each command; where a document has exported
--- TRUNKHOST_CONFIG, its accounts are those of that file, which has to lead to a sandbox that the document has started.

local program <const> = require "program"

local shell <const> = {}
shell.__index = shell


local WRAPPER <const> = [[
#!/bin/sh
case ${TRUNKHOST_CONFIG:+set}$1 in set*|sandbox|rehearse) exec %s "$@" ;; esac
case " $*" in *" --sandbox"*) exec %s "$@" ;; esac
exec %s --sandbox=limits=none --ledger "$HOME/.local/state/trunkhost/ledger.db" "$@"
]]

-- How a block begins: it goes on where the one before it has ended.
local BEGIN <const> = [[
if test -f '%s/exports'; then . '%s/exports'; cd "$(cat '%s/place')"; fi
trap 'export -p >"%s/exports"; pwd >"%s/place"; jobs -p >>"%s/jobs"' EXIT
]]

local function absolute(path)
    if path:find "^/" then
        return path
    end
    local pipe <const> = assert(io.popen("pwd", "r"))
    local folder = pipe:read "l"
    pipe:close()
    return folder .. "/" .. path
end

function shell.open()
    local self = setmetatable({ folder = program.folder(), status = 0 }, shell)
    local path = program.quote(absolute(program.executable))
    os.execute(("mkdir -p '%s/bin' '%s/home'"):format(self.folder, self.folder))
    program.write(self.folder .. "/bin/trunkhost", WRAPPER:format(path, path, path), "755")
    return self
end

function shell:__close()
    -- What runs in the background.
    os.execute(("kill $(cat '%s/jobs' 2>/dev/null) 2>/dev/null"):format(self.folder))
    program.remove(self.folder)
end

local function begin(self)
    return (BEGIN:gsub("%%s", self.folder))
end

--- The folder that the last command has gone to.
local function place(self)
    local file <const> = io.open(self.folder .. "/place")
    if not file then
        return self.folder .. "/home"
    end
    local path <const> = file:read "l"
    file:close()
    return path
end

--- Saves a text under that name, as an editor would; ~ is the reader's home.
---@param name string
---@param text string
function shell:save(name, text)
    local below_home <const> = name:match "^~/(.*)$"
    local path <const> = below_home and ("%s/home/%s"):format(self.folder, below_home) or place(self) .. "/" .. name
    os.execute("mkdir -p " .. program.quote(path:match "^(.*)/"))
    program.write(path, text, "600")
end

local function environment(self)
    local env = { "HOME=" .. self.folder .. "/home", "PATH=" .. self.folder .. "/bin:/usr/bin:/bin", "TZ=UTC",
        "LC_ALL=C.UTF-8", "TERM=dumb", "SHELL=/bin/bash" }
    for _, name in ipairs { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS" } do
        local value = os.getenv(name)
        if value then env[#env + 1] = name .. "=" .. value end
    end
    for i, word in ipairs(env) do env[i] = program.quote(word) end
    return "env -i " .. table.concat(env, " ")
end

local function execute(self, command)
    local _, how, status = os.execute(("cd '%s/home' && %s %s >'%s/out' 2>&1"):format(self.folder, environment(self),
        command, self.folder))
    return how == "signal" and 128 + status or status, program.read(self.folder .. "/out")
end

--- Runs a whole block; the first command that fails ends it.
---@param text string
---@return integer status, string output
function shell:run(text)
    program.write(self.folder .. "/block", begin(self) .. text)
    return execute(self, ("bash -euo pipefail '%s/block' </dev/null"):format(self.folder))
end

--- Runs one command on a terminal of 100 columns. `answer` is typed in.
---@param command string
---@param answer? string
---@return integer status, string output
function shell:type(command, answer)
    program.write(self.folder .. "/block", ("%sstty cols 100 rows 50\n(exit %d)\n%s\n"):format(begin(self), self.status,
        command))
    program.write(self.folder .. "/answer", answer and answer .. "\n" or "")
    local status, output = execute(self, ([[bash -c 'script -qec "bash \"%s/block\"" /dev/null <"%s/answer"']])
        :format(self.folder, self.folder))
    self.status = status
    output = output:gsub("\r", "")
    if answer then
        -- The terminal shows what is typed when it comes, which is before the question here.
        output = output:gsub("^" .. answer .. "\n", ""):gsub("%[y/N%] \n", ("[y/N] %s\n\n"):format(answer))
    end
    return status, output
end

return shell
