--- Delivery and restoring of passwords that a job sets. The modules are loaded only when an option needs them.

local core <const> = require "trunkhost.core"

local job_secrets <const> = {}

local DAY <const>, HOUR <const>, MINUTE <const> = 86400, 3600, 60

--- Prepares a run, before its items are planned.
---@param run trunkhost.JobRun
---@param entries trunkhost.Entry[]
function job_secrets.attach(run, entries)
    if run.options.restore_on_failure then
        require("trunkhost.job.restore").attach(run, entries)
    end
    if run.options.deliver then
        require("trunkhost.job.deliver").attach(run, entries)
    end
end

--- An item was verified.
---@param run trunkhost.JobRun
---@param entry trunkhost.Entry
function job_secrets.proven(run, entry)
    if run.delivery then
        require("trunkhost.job.deliver").item(run, entry)
    end
end

--- After the last item, before anything is summed up.
---@param run trunkhost.JobRun
function job_secrets.finish(run)
    if run.delivery then
        require("trunkhost.job.deliver").finish(run)
    end
end

--- The run was cancelled: like finish, without waiting.
---@param run trunkhost.JobRun
function job_secrets.cancelled(run)
    if run.delivery then
        require("trunkhost.job.deliver").cancelled(run)
    end
end

local told_of_clock = false

local function ago(seconds)
    for _, unit in ipairs { { DAY, "day" }, { HOUR, "hour" }, { MINUTE, "minute" } } do
        local number = math.floor(seconds / unit[1])
        if number >= 1 then
            return ("%d %s%s ago"):format(number, unit[2], number == 1 and "" or "s")
        end
    end
    return "less than a minute ago"
end

--- Nil when a password of a trunk is due, else why it is not ("rotated 12 days ago"). A password that the ledger does
--- not have as current and verified is due.
---@param account trunkhost.Account
---@param id any
---@param field string
---@param seconds number  the age from which it is due
---@return string? reason
function job_secrets.recent(account, id, field, seconds)
    local ledger <const> = require "trunkhost.ledger"
    local age = ledger.secret_age(account, id, field)
    if age == math.huge and not told_of_clock then
        told_of_clock = true
        core.log("warn", ("the ledger has passwords that were verified in the future (%s of %s trunk %s, and perhaps "
            .. "more): the clock of this machine is or was wrong. They count as due"):format(field, account:name(),
            id))
    end
    if not age or age >= seconds then
        return nil
    end
    local registration, newest = account:describe().evidence.registration, nil
    for _, row in ipairs(ledger.secrets { account = account, trunk = id }) do
        if row.field == field and (row.state == "current" or row.state == "candidate") then
            newest = row
        end
    end
    if newest.state == "candidate" or registration and newest.evidence == registration.refused then
        return nil
    end
    return "rotated " .. ago(age)
end

return job_secrets
