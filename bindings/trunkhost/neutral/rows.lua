--- Writes trunks to a file: a line of JSON for each, or a table for spreadsheets. Both have the same content, and the
--- same trunks give the same text.

local base <const> = require "trunkhost.neutral.base"
local canonical <const> = require "trunkhost.text.canonical"
local cells <const> = require "trunkhost.neutral.cells"
local csv <const> = require "trunkhost.csv"
local fields <const> = require "trunkhost.neutral.fields"
local json <const> = require "trunkhost.json"
local json_line <const> = require "trunkhost.json_line"
local text_width <const> = require "trunkhost.text.width"

local rows <const> = {}

---@class trunkhost.Exported
---@field account string
---@field provider string
---@field trunk string
---@field neutral trunkhost.Neutral

--- The columns before and after those of the fields.
rows.first, rows.last = { "account", "provider", "trunk" }, "base"

local function base_of(row)
    return base.text(row.account, row.provider, row.trunk, fields.of(row.neutral))
end

-- ---------------------------------------------------------------------------------------------------
-- JSON

local function text_order(a, b)
    return canonical.text(a) < canonical.text(b)
end

local function sorted(list, order)
    local copy = json.array(table.move(list, 1, #list, 1, {}))
    table.sort(copy, order)
    return copy
end

--- Numbers with the members that a file shows.
local function numbers_of(neutral)
    local list = json.array {}
    for i, number in ipairs(neutral.numbers) do
        list[i] = { value = number.value, name = number.name, routing_key = number.routing_key,
            agent_ref = number.agent_ref }
    end
    return sorted(list, function(a, b) return a.value < b.value end)
end

local function gateway_order(a, b)
    local first, second = a.priority or 1, b.priority or 1
    return first < second or first == second and text_order(a, b)
end

local GROUPS <const> = { inbound = true, outbound = true, registration = true }

--- The members that a line shows, in the order of the model.
local function members_of(neutral)
    local members, seen = {}, {}
    local values = { numbers = numbers_of(neutral), gateways = sorted(neutral.gateways, gateway_order) }
    for _, field in ipairs(fields.list) do
        local name = field.name:match "^%w+" == "numbers" and "numbers" or field.name:match "^(%w+)%." or field.name
        local value = values[name]
        if value == nil then
            value = neutral[name]
        end
        if name == "inbound" then
            value = { mode = neutral.inbound.mode, username = neutral.inbound.username,
                sources = sorted(neutral.inbound.sources), enabled = neutral.inbound.enabled }
        elseif name == "registration" then
            value = { enabled = neutral.registration.enabled }
        end
        if not seen[name] and value ~= nil and not (GROUPS[name] and next(value) == nil) then
            members[#members + 1], members[#members + 2] = name, json_line.raw(canonical.text(value))
        end
        seen[name] = true
    end
    if next(neutral.extras) then
        members[#members + 1], members[#members + 2] = "extras", json_line.raw(canonical.text(neutral.extras))
    end
    return members
end

local function line_of(row)
    local members = { "account", row.account, "provider", row.provider, "trunk", row.trunk }
    local inner = members_of(row.neutral)
    table.move(inner, 1, #inner, #members + 1, members)
    members[#members + 1], members[#members + 2] = "base", base_of(row)
    members.n = #members
    return json_line.object(members)
end

-- ---------------------------------------------------------------------------------------------------
-- CSV

local function record_of(row, names)
    local values, line = fields.of(row.neutral), {}
    for i, name in ipairs(rows.first) do
        line[i] = cells.guard(row[name])
    end
    if values.numbers then
        values.numbers = sorted(values.numbers)
    end
    if values["inbound.sources"] then
        values["inbound.sources"] = sorted(values["inbound.sources"])
    end
    if values.gateways then
        values.gateways = sorted(values.gateways, gateway_order)
    end
    for _, name in ipairs(names) do
        line[#line + 1] = cells.write(fields.get(name), values[name], values.numbers)
    end
    line[#line + 1] = base_of(row)
    return csv.record(line)
end

local function csv_text(list, shown)
    local extras, lines = {}, {}
    for _, row in ipairs(list) do
        for name in pairs(row.neutral.extras) do
            extras["extras." .. name] = true
        end
    end
    local names = fields.names(extras)
    local header = table.move(rows.first, 1, #rows.first, 1, {})
    table.move(names, 1, #names, #header + 1, header)
    header[#header + 1] = rows.last
    lines[1] = csv.record(header)
    for i, row in ipairs(list) do
        lines[i + 1] = shown(record_of(row, names))
    end
    -- Excel reads a file as UTF-8 only with a byte order mark.
    return "\xEF\xBB\xBF" .. table.concat(lines, "\r\n") .. "\r\n"
end

--- The text of a file.
---@param list trunkhost.Exported[]
---@param format "jsonl"|"csv"
---@param on_output boolean?  it goes to standard output, which may be a terminal
---@return string
function rows.text(list, format, on_output)
    local shown <const> = on_output and text_width.shown or function(line) return line end
    if format == "csv" then
        return csv_text(list, shown)
    end
    local lines = {}
    for i, row in ipairs(list) do
        lines[i] = shown(line_of(row)) .. "\n"
    end
    return table.concat(lines)
end

return rows
