--- Usage errors of a script or a command.

local core <const> = require "trunkhost.core"
local text_width <const> = require "trunkhost.text.width"

local usage <const> = {}

--- The name of the script's file, or of the command, for messages.
--- @return string
function usage.script_name()
    return (core.run().script or "script"):match "([^/]+)$"
end

--- Ends the run with a usage error: one line on standard error, exit status 2. What somebody typed may
--- be in it, so whatever would steer a terminal is made visible.
--- @param format string
--- @param ... any
function usage.fail(format, ...)
    core.write("err", ("trunkhost: %s: %s\n"):format(usage.script_name(), text_width.plain(format:format(...))))
    os.exit(2)
end

--- Asks on the terminal. Anything but yes is no.
---@param question string
---@return boolean
function usage.confirm(question)
    local answer <const> = core.prompt(question .. " [y/N] ")
    core.write("err", "\n")
    local word <const> = answer and answer:lower():match "^%s*(%a+)%s*$"
    return word == "y" or word == "yes"
end

return usage
