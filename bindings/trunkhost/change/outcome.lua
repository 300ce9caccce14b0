--- The errors of a change that failed or whose outcome is unknown, for `apply` and `verify` of a job.

local core <const> = require "trunkhost.core"

local outcome <const> = {}

local function raise(kind, message, members)
    local _, err = pcall(core.error, kind, message)
    for name, value in pairs(members or {}) do
        err[name] = value
    end
    error(err, 0)
end

--- Raises: the change did not happen, or it happened and does not work.
---@param kind string      one of the kinds of error objects: "refused", "conflict", …
---@param message string   what failed, on what, and what to do next
---@param members? table   more members of the error object: attempts, code, …
function outcome.failed(kind, message, members)
    raise(kind, message, members)
end

--- Raises: the change may have happened. The item ends as `unknown`.
---@param message string
---@param members? { attempts: integer? }
function outcome.unknown(message, members)
    members = members or {}
    members.ambiguous = true
    raise("unknown_outcome", message, members)
end

return outcome
