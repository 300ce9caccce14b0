--- The workload of the benchmarks: updates of the account "bench", as a rotation sends them.
--- Usage: trunkhost --config FILE update.lua COUNT CONCURRENCY FIELD
--- FIELD sip_password takes the whole path of a secret, through the ledger; sip_username has the same
--- number of bytes and no secret in it. COUNT "all": all trunks that the platform lists; otherwise those from 1 on,
--- which need not be listed.
local trunkhost <const> = require "trunkhost"

local concurrency <const> = math.tointeger(tonumber(arg[2])) or error "CONCURRENCY is missing"
local field <const> = arg[3] or error "FIELD is missing"
local account <const> = trunkhost.account "bench"

---@type integer[]
local ids <const> = {}
if arg[1] == "all" then
    for trunk in account:trunks() do
        ids[#ids + 1] = trunk.id
    end
else
    for id = 1, math.tointeger(tonumber(arg[1])) or error "COUNT is missing" do
        ids[id] = id
    end
end

---@param id integer
---@return string|userdata
local function value(id)
    if field == "sip_password" then
        return trunkhost.secret { length = 32 }
    end
    return string.format("password-of-thirty-two-%09d", id)
end

trunkhost.map(ids, function(id)
    local trunk <const> = account:update(id, { [field] = value(id) })
    if trunk.id ~= id then
        error(string.format("the reply to trunk %d speaks of %s", id, trunk.id))
    end
end, { concurrency = concurrency })

print(string.format("requests %d failed 0", #ids))
