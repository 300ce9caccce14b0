--- Refuses two names for one account at a platform. A job over both would change every trunk twice, and could deliver
--- the password that is no longer valid. Two names with one token and one address are refused before anything is sent;
--- with two tokens, when both list the same trunk.

local accounts <const> = require "trunkhost.accounts"
local core <const> = require "trunkhost.core"

local one_account <const> = {}

local ADVICE <const> = "so they are one account at the platform, and every trunk would be changed twice. Nothing was "
    .. "changed. Name one of them with --account, or remove one from the configuration"

--- Finds two names for one account, as far as that shows without a request.
---@param opened trunkhost.Account[]
---@return string? text  which two of them are one, and what to do
function one_account.find(opened)
    for i, a in ipairs(opened) do
        for k = i + 1, #opened do
            local b = opened[k]
            if accounts.place(a) == accounts.place(b) and accounts.share_token(a, b) then
                return ("the accounts %s and %s have the same token and the same address, %s"):format(a:name(),
                    b:name(), ADVICE)
            end
        end
    end
end

---@class trunkhost.Places  which account listed which trunk, for accounts with the same address
---@field several table<string, boolean>  the addresses of more than one account
---@field seen table<string, table<string, { name: string, created: any }>>
local Places <const> = {}
Places.__index = Places

--- Watches the trunks of these accounts; of all accounts if the list is empty.
---@param opened trunkhost.Account[]
---@return trunkhost.Places
function one_account.watch(opened)
    local self = setmetatable({ several = {}, seen = {}, of = {} }, Places)
    local first = {}
    for _, account in ipairs(opened) do
        local place = accounts.place(account)
        self.several[place] = first[place] ~= nil
        first[place] = first[place] or account
    end
    self.is_open = #opened == 0
    return self
end

--- Notes a trunk that an account has listed.
---@param account trunkhost.Account
---@param trunk table
---@return string? text  when another account has it too
function Places:note(account, trunk)
    local place = self.of[account] or accounts.place(account)
    self.of[account] = place
    -- In the sandbox several accounts may share a fake platform.
    if core.run().sandbox or not (self.is_open or self.several[place]) then
        return nil
    end
    local seen, id, name = self.seen[place] or {}, tostring(trunk.id), account:name()
    self.seen[place] = seen
    local other = seen[id]
    if not other then
        seen[id] = { name = name, created = trunk.created_at }
    elseif other.name ~= name and (other.created == nil or trunk.created_at == nil
        or other.created == trunk.created_at) then
        return ("the accounts %s and %s have the same address and both have trunk %s, %s"):format(other.name, name, id,
            ADVICE)
    end
end

return one_account
