--- Restores previous passwords (rotate_passwords.lua --rollback): which password a trunk had before, whether the ledger
--- knows it, and whether it was restored already.

local core <const> = require "trunkhost.core"
local ledger <const> = require "trunkhost.ledger"
local usage <const> = require "trunkhost.text.usage"

local rollback <const> = {}

---@class trunkhost.Rollback
---@field runs table<string, boolean>?  only passwords that these runs set
---@field run string?                   the run that was named
---@field puts_back table<string, boolean>  run → whether it was a rollback
local Rollback <const> = {}
Rollback.__index = Rollback

--- Whether a run was a rollback: a second rollback must not reverse the first.
local function is_rollback(self, id)
    if id and self.puts_back[id] == nil then
        local record <const> = ledger.run(id)
        self.puts_back[id] = record ~= nil and (record.purpose or {}).rollback == true
    end
    return id ~= nil and self.puts_back[id]
end

--- The rollback that the options ask for; nil without --rollback. An unknown run is a usage error.
---@param chosen { rollback: boolean?, run: string?, undoes: string? }
---@return trunkhost.Rollback?
function rollback.of(chosen)
    local id <const> = chosen.run
    if id and not chosen.rollback then
        usage.fail "--run needs --rollback"
    elseif not chosen.rollback or chosen.undoes then
        return nil
    elseif id == "last" then
        usage.fail "--run last: write the id of the run (see: trunkhost runs), so that --resume means the same run"
    end
    local self <const> = setmetatable({ puts_back = {} }, Rollback)
    if id then
        local record, problem = ledger.run(id)
        if not record then
            usage.fail("--run %s: %s", id, problem or "there is no such run in the ledger " .. core.run().ledger)
        end
        self.runs, self.run = {}, record.id
        while record do
            self.runs[record.id] = true
            record = record.resumed_from and ledger.run(record.resumed_from)
        end
    end
    return self
end

--- The state that the password to restore has in the ledger, or nil and why there is none.
local function state_of(self, account, id, field)
    local current, newest, previous
    for _, row in ipairs(ledger.secrets { account = account, trunk = id }) do
        if row.field == field then
            current = row.state == "current" and row or current
            newest = (row.state == "current" or row.state == "candidate") and row or newest
            previous = previous or row.state == "previous" and row.evidence ~= "superseded"
        end
    end
    if not newest then
        return nil, "the ledger has no password of it"
    elseif is_rollback(self, newest.run) then
        if newest.state == "current" then
            return nil, "its previous password was restored by run " .. newest.run
        end
        return "candidate" -- sent by a rollback that was cut off
    elseif self.runs and not self.runs[newest.run or ""] then
        return nil, ("its password was not set by run %s"):format(self.run)
    elseif newest.state == "candidate" and current then
        return "current" -- the newest is in doubt, so the current one is the previous
    elseif not previous then
        return nil, "the ledger has no previous password of it"
    end
    return "previous"
end

--- Whether the ledger has a password to restore; else why not.
---@param account trunkhost.Account
---@param id any
---@param field string
---@return boolean has, string? reason
function Rollback:has(account, id, field)
    local state, why = state_of(self, account, id, field)
    return state ~= nil, why
end

--- The password to restore. Without the private key this ends the run with a usage error; the plan calls it, so that
--- happens before anything is sent.
---@param account trunkhost.Account
---@param id any
---@param field string
---@return userdata secret
function Rollback:secret(account, id, field)
    local state, why = state_of(self, account, id, field)
    local secret, problem
    if state then
        secret, problem = ledger.open_secret(account, id, field, state)
    end
    if not secret then
        usage.fail("--rollback: the previous %s of trunk %s on %s cannot be opened: %s. Run this on the machine "
            .. "that has the ledger's private key", field, id, account:name(), problem or why)
    end
    return secret
end

return rollback
