--- JSON objects whose members keep their order, so that lines are easy to compare and read.

local json <const> = require "trunkhost.json"

local json_line <const> = {}

--- { name, value, name, value, … } as one object. A nil value is left out; a value made by `raw` is JSON text already.
---@param members any[]  with `n`, the number of its places
---@return string
function json_line.object(members)
    local parts = {}
    for i = 1, members.n, 2 do
        local value = members[i + 1]
        if value ~= nil then
            local raw = type(value) == "table" and getmetatable(value) == json_line
            parts[#parts + 1] = json.encode(members[i]) .. ":" .. (raw and value.text or json.encode(value))
        end
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

--- JSON text that becomes a member as it is.
---@param text string
---@return table
function json_line.raw(text)
    return setmetatable({ text = text }, json_line)
end

return json_line
