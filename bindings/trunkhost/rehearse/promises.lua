--- What a script is held against, and what is noted when it is not kept.

local reference <const> = require "trunkhost.reference.reference"
local state <const> = require "trunkhost.rehearse.state"

local promises <const> = {}

---@class trunkhost.rehearse.Promise
---@field name string
---@field text string
---@field broken { scenario: string, words: string, command: string }[]

--- In the order of the report.
local LIST <const> = {
    { "dry-run", "a dry run sends nothing but GET and changes nothing" },
    { "secrets", "every live password is in the ledger, at any moment" },
    { "once", "nothing is created twice" },
    { "status", "exit status 0 means that everything is done" },
    { "finish", "the next run finishes what was left" },
    { "ending", "a failing platform is no fault of the script" },
    { "documented", "only what the platform documents is sent" },
    { "quiet", "no password is printed" },
}

---@return table<string, trunkhost.rehearse.Promise> by_name, trunkhost.rehearse.Promise[] in_order
function promises.new()
    local by_name, in_order = {}, {}
    for i, each in ipairs(LIST) do
        in_order[i] = { name = each[1], text = each[2], broken = {} }
        by_name[each[1]] = in_order[i]
    end
    return by_name, in_order
end

--- Notes what the platforms say after a run, however it has ended.
---@param stage table
---@param start table<string, boolean>  the passwords at the start
---@param run trunkhost.rehearse.Run
---@param note fun(promise: string, words: string)
---@return table held  what the platforms hold
function promises.after_run(stage, start, run, note)
    local held <const> = stage:ask "state"
    local known = stage:known_secrets()
    for secret in pairs(state.secrets(held)) do
        if not start[secret] and not known[secret] then
            note("secrets", "a password is live at a platform and not in the ledger")
        end
        if run.text:find(secret, 1, true) then
            note("quiet", "a password that is live was printed")
        end
    end
    local violation <const> = stage:ask("violations")[1]
    if violation then
        note("documented", ("%s %s %s: %s"):format(violation.api, violation.method, violation.path,
            violation.text or violation.code))
    end
    return held
end

local MEANT <const> = { [0] = true, [1] = true, [3] = true, [75] = true }

--- Whether what ended a run is an error of the library, as a platform's refusal, and no mistake in the script.
local function is_of_library(message)
    if message:find "%.lua:%d+:" then
        return false
    end
    for _, kind in ipairs(reference.load().aliases["trunkhost.ErrorKind"].values) do
        if message:find("%f[%w]" .. kind .. "%f[^%w_]") then
            return true
        end
    end
    return false
end

--- Notes how a run has ended that was not killed.
---@param run trunkhost.rehearse.Run
---@param note fun(promise: string, words: string)
function promises.of_ending(run, note)
    local message <const> = run.text:match "trunkhost: ([^\n]*)" or ""
    if run.status == 2 and is_of_library(message) then
        return
    elseif run.text:find("stack traceback:", 1, true) then
        note("ending", "it ended with a traceback: " .. message)
    elseif not MEANT[run.status or -1] then
        note("ending", run.status and ("it ended with status %d: %s"):format(run.status,
            message) or "it did not end: " .. run.text:sub(1, 200))
    end
end

return promises
