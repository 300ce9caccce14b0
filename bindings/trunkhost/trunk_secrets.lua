--- Which passwords a trunk has, according to its provider's description.

local json <const> = require "trunkhost.json"

local trunk_secrets <const> = {}

--- Whether a field has a value: absent, null and "" mean that it has none.
---@param value any
---@return boolean
function trunk_secrets.present(value)
    return value ~= nil and value ~= json.null and value ~= ""
end

local function known(value)
    if value == nil then
        return json.null
    end
    return value
end

--- Whether the fields have these values. An absent field counts as null.
---@param trunk table
---@param condition table<string, any>?
---@return boolean
function trunk_secrets.holds(trunk, condition)
    for field, value in pairs(condition or {}) do
        if known(trunk[field]) ~= value then
            return false
        end
    end
    return true
end

--- Whether the trunk has this secret now; else the reason why not.
---@param trunk table
---@param secret table  an entry of a description's `secrets`
---@return boolean has, string? reason
function trunk_secrets.has(trunk, secret)
    local has = trunk_secrets.holds(trunk, secret.when)
    for _, field in ipairs(secret.present or {}) do
        has = has and trunk_secrets.present(trunk[field])
    end
    if has then
        return true
    end
    return false, secret.otherwise
end

--- The secrets that the trunk has, and the reasons why it has no others.
---@param description table  account:describe()
---@param trunk table
---@return table[] secrets, string[] reasons
function trunk_secrets.of(description, trunk)
    local secrets, reasons = {}, {}
    for _, secret in ipairs(description.secrets or {}) do
        local has, reason = trunk_secrets.has(trunk, secret)
        table.insert(has and secrets or reasons, has and secret or reason)
    end
    if #secrets == 0 and #reasons == 0 then
        reasons[1] = ("%s trunks have no password"):format(description.title)
    end
    return secrets, reasons
end

--- Whether a secret serves one of these legs.
---@param secret table
---@param legs table<string, boolean>
---@return boolean
function trunk_secrets.serves(secret, legs)
    for _, leg in ipairs(secret.legs) do
        if legs[leg] then
            return true
        end
    end
    return false
end

return trunk_secrets
