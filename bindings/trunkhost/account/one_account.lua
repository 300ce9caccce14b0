--- Refuses two names for one account at a platform. A job over both would change every trunk twice, and could deliver
--- the password that is no longer valid. Two names with one token and one address are refused before anything is sent;
--- with two tokens, when both list the same trunk.

local accounts <const> = require "trunkhost.accounts"
local core <const> = require "trunkhost.core"
local present <const> = require("trunkhost.trunk_secrets").present

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

---@class trunkhost.Places  which account listed which trunk, for accounts with the same address or provider
---@field several table<string, boolean>  the addresses and providers of more than one account
---@field seen table<string, table<string, { name: string, created: any, place: string }>>
local Places <const> = {}
Places.__index = Places

--- What two names of one account have in common.
local function marks_of(account)
    return { accounts.place(account), account:describe().name }
end

--- Watches the trunks of these accounts; of all accounts if the list is empty.
---@param opened trunkhost.Account[]
---@return trunkhost.Places
function one_account.watch(opened)
    local self = setmetatable({ several = {}, seen = {}, of = {}, is_open = #opened == 0 }, Places)
    for _, account in ipairs(opened) do
        for _, mark in ipairs(marks_of(account)) do
            self.several[mark] = self.several[mark] ~= nil
        end
    end
    return self
end

--- Whether it is a trunk that was seen before under another name. Two platforms at two addresses may count alike: there
--- it takes the same instant of creation, or an id that no two platforms give.
local function is_one(other, place, trunk)
    local known = present(other.created) and present(trunk.created_at)
    if other.place ~= place and not known then
        return type(trunk.id) == "string" and #trunk.id >= 16
    end
    return not known or other.created == trunk.created_at
end

--- Whether its trunks may be those of another account.
---@param account trunkhost.Account
---@return boolean
function Places:concerns(account)
    for _, mark in ipairs(marks_of(account)) do
        if self.several[mark] then
            return true
        end
    end
    return false
end

--- Notes a trunk that an account has listed.
---@param account trunkhost.Account
---@param trunk table
---@return string? text  when another account has it too
function Places:note(account, trunk)
    local marks <const>, id <const>, name <const> = self.of[account] or marks_of(account), tostring(trunk.id),
        account:name()
    self.of[account] = marks
    for _, mark in ipairs(marks) do
        -- In the sandbox several accounts may share a fake platform.
        if not core.run().sandbox and (self.is_open or self.several[mark]) then
            local seen = self.seen[mark] or {}
            self.seen[mark] = seen
            local other = seen[id]
            if not other then
                seen[id] = { name = name, created = trunk.created_at, place = marks[1] }
            elseif other.name ~= name and is_one(other, marks[1], trunk) then
                return ("the accounts %s and %s have the same %s and both have trunk %s, %s"):format(other.name, name,
                    other.place == marks[1] and "address" or "provider", id, ADVICE)
            end
        end
    end
end

return one_account
