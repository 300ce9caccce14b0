--- How a change says that it failed, or that nobody can tell: raised in `apply` and `verify` of a job.

local core <const> = require "trunkhost.core"

local outcome <const> = {}

local function raise(kind, message, members)
    local _, err = pcall(core.error, kind, message)
    for name, value in pairs(members or {}) do
        err[name] = value
    end
    error(err, 0)
end

--- The change has not happened, or it has and does not work.
---@param kind string      one of the kinds of error objects: "refused", "conflict", …
---@param message string   what failed, on what, and what to do next
---@param members? table   what else the error object has: attempts, code, …
function outcome.failed(kind, message, members)
    raise(kind, message, members)
end

--- It may have happened. The item ends as `unknown`.
---@param message string
---@param members? { attempts: integer? }
function outcome.unknown(message, members)
    members = members or {}
    members.ambiguous = true
    raise("unknown_outcome", message, members)
end

return outcome
