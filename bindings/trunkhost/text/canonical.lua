--- Values as text that is the same for equal values: what plans are compared by.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"

local canonical <const> = {}

local function encode(value, redact)
    local shown = redact and redact(value)
    if shown then
        return json.encode(shown)
    elseif value == json.null or type(value) == "nil" then
        return "null"
    elseif core.is_secret(value) then
        return '"[secret]"'
    elseif type(value) ~= "table" then
        local plain = type(value) == "string" or type(value) == "number" or type(value) == "boolean"
        return json.encode(plain and { value } or { type(value) }):sub(2, -2)
    end
    local parts = {}
    if json.is_array(value) or #value > 0 then
        for i, item in ipairs(value) do
            parts[i] = encode(item, redact)
        end
        return "[" .. table.concat(parts, ",") .. "]"
    end
    for name, item in pairs(value) do
        parts[#parts + 1] = json.encode(tostring(name)) .. ":" .. encode(item, redact)
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ",") .. "}"
end

--- JSON with sorted members. Secrets are not told apart; what `redact` gives a text for stands there as that.
---@param value any
---@param redact? fun(value: any): string?
---@return string
function canonical.text(value, redact)
    return encode(value, redact)
end

return canonical
