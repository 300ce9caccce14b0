--- `trunkhost --check SCRIPT`: what can be said of a script without running it.

local check <const> = require "trunkhost.check.check"
local core <const> = require "trunkhost.core"

local function fail(format, ...)
    core.write("err", "trunkhost: " .. format:format(...) .. "\n")
    os.exit(2)
end

--- Called with a path, or with "-e" and the code.
---@param path string
---@param code? string
return function(path, code)
    local text = code
    if not code then
        local file <const>, problem <const> = io.open(path, "r")
        text = file and file:read "a"
        if not text then
            fail("cannot read the script: %s", problem or path)
        end
        file:close()
    end
    local findings <const>, whole <const> = check.text(text, "=" .. path)
    for _, finding in ipairs(findings) do
        local place <const> = finding.column and ("%d:%d"):format(finding.line, finding.column) or finding.line
        core.write("err", ("%s:%s: %s\n"):format(path, place, finding.message))
    end
    if #findings > 0 then
        fail("%s has %d %s; nothing was run", path, #findings, #findings == 1 and "mistake" or "mistakes")
    elseif not whole then
        core.write("err", "trunkhost: only the syntax was checked; more needs luacheck (apt-get install lua-check)\n")
    end
end
