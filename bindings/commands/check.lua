--- `trunkhost --check SCRIPT`: what can be said of a script without running it.

local core <const> = require "trunkhost.core"

--- Called with a path, or with "-e" and the code.
---@param path string
---@param code? string
return function(path, code)
    local chunk, problem
    if code then
        chunk, problem = load(code, "=-e", "t")
    else
        chunk, problem = loadfile(path, "t")
    end
    if not chunk then
        core.write("err", ("trunkhost: %s\n"):format(problem))
        os.exit(2)
    end
end
