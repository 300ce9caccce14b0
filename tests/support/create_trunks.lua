--- A creating script as an operator might write one: what is there already is not created, a create that may have
--- happened is looked for, and only what is surely not there is sent again.
--- Arguments: account, number of trunks, how many at once.

local trunkhost <const> = require "trunkhost"

local name <const>, count <const>, at_once <const> = ...
local account <const> = trunkhost.account(name)
local ROUNDS <const> = 5

--- provider → the field that names a trunk, and the fields of the trunk of that name.
local KINDS <const> = {
    famulor = {
        key = "phone_number",
        fields = function(key)
            return { sip_trunk_type = "extension", phone_number = key, sip_username = "carrier-user",
                sip_password = trunkhost.secret {}, sip_address = "sip.example.com", sip_calling_format = "e164",
                inbound_authorization_type = "auth", country_code = "DE" }
        end,
    },
    vatel = {
        key = "outbound_sip_username",
        fields = function(key)
            return { pbx = "generic", outbound_host = "sip.example.com", outbound_sip_username = key,
                outbound_sip_password = trunkhost.secret {} }
        end,
    },
    bolna_trunk = {
        key = "name",
        fields = function(key)
            return { name = key, auth_username = "carrier-user", auth_password = trunkhost.secret {} }
        end,
    },
}
local kind <const> = KINDS[name]

local function exists(key)
    for trunk in account:trunks() do
        if trunk[kind.key] == key then return true end
    end
    return false
end

local function ensure(number)
    local key = tostring(5000 + number)
    for round = 1, ROUNDS do
        if exists(key) then return end
        local ok, err = pcall(account.create, account, kind.fields(key))
        if ok then return end
        if round == ROUNDS or not (err.ambiguous or err.retryable) then error(err, 0) end
    end
end

local numbers <const> = {}
for i = 1, math.tointeger(tonumber(count)) do numbers[i] = i end
trunkhost.map(numbers, ensure, { concurrency = math.tointeger(tonumber(at_once)) })
