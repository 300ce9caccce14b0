--- Converts field values to cells of a table that spreadsheets do not change, and back.
---
--- "; " separates the items of a list; a backslash escapes the next character. A cell that a spreadsheet would change
--- begins with an apostrophe: see spreadsheet.lua.

local addresses <const> = require "trunkhost.mapping.addresses"
local canonical <const> = require "trunkhost.text.canonical"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"

local cells <const> = {}

cells.guard = spreadsheet.guard

-- ---------------------------------------------------------------------------------------------------
-- Lists

local function escaped(text, special)
    return (text:gsub("[\\;\n" .. (special or "") .. "]", "\\%0"))
end

--- The items between semicolons, line ends or another separator, trimmed and still escaped.
local function split(text, more)
    local items, item = {}, {}
    local function close()
        local joined = table.concat(item):match "^%s*(.-)%s*$"
        items[#items + 1], item = joined ~= "" and joined or nil, {}
    end
    for slash, char in text:gmatch "(\\?)(.)" do
        if slash == "" and (char == ";" or char == "\n" or char == more) then
            close()
        else
            item[#item + 1] = slash .. char
        end
    end
    close()
    return items
end

local function plain(text)
    return (text:gsub("\\(.)", "%1"))
end

local function words(text)
    local list = json.array {}
    for word in text:gmatch "[^%s,;]+" do
        list[#list + 1] = word
    end
    return list
end

-- ---------------------------------------------------------------------------------------------------
-- By the type of a field: write(value, numbers) → text; read(text, field) → value, or nil and what is wrong

local write <const>, read <const> = {}, {}

function write.boolean(value) return value and "yes" or "no" end
function write.text(value) return value end
write.choice, write.country = write.text, write.text
function write.integer(value) return tostring(value) end

function read.text(text) return text end

local function by_model(text, field)
    return model.parse(field.name, text)
end
read.boolean, read.choice, read.integer, read.country = by_model, by_model, by_model, by_model

function write.numbers(value)
    local list = {}
    for i, number in ipairs(value) do
        list[i] = escaped(number, ",")
    end
    return table.concat(list, "; ")
end

--- Whether a text may be one number with thousands separators, or several short ones: 49,302,310,022 or 1,234.
local function has_thousands(text)
    local rest = text:match "^[+-]?%d%d?%d?(,[%d,]+)$"
    return rest and rest:gsub(",%d%d%d%f[%D]", "") == ""
end

function read.numbers(text)
    local list = json.array {}
    if has_thousands(text) then
        return nil, ("has '%s', which may be one number with thousands separators: format the column as text, or "
            .. "write '; ' between several numbers"):format(text)
    end
    for i, item in ipairs(split(text, ",")) do
        list[i] = plain(item)
    end
    return list
end

write["of numbers"] = function(value, all)
    local list = {}
    for _, number in ipairs(all or {}) do
        local text = value[numbers.key(number)]
        list[#list + 1] = text and escaped(number, "=") .. "=" .. escaped(text) or nil
    end
    return table.concat(list, "; ")
end

read["of numbers"] = function(text)
    local map = {}
    for _, item in ipairs(split(text)) do
        -- The first = without a backslash before it.
        local at = (" " .. item):find "[^\\]="
        local number, value = item:sub(1, (at or 1) - 1), at and item:sub(at + 1) or ""
        if not at or number == "" or value == "" then
            return nil, ("has '%s', but must be NUMBER=TEXT, with a semicolon between several"):format(item)
        end
        map[numbers.key(plain(number:match "^(.-)%s*$"))] = plain(value:match "^%s*(.*)$")
    end
    return map
end

function write.sources(value) return table.concat(value, "; ") end
write.codecs = write.sources
read.sources = words
function read.codecs(text) return words(text:upper()) end

function write.gateways(value)
    local list = {}
    for i, gateway in ipairs(value) do
        list[i] = addresses.join(gateway.host, gateway.port) .. (gateway.priority and "=" .. gateway.priority or "")
    end
    return table.concat(list, "; ")
end

function read.gateways(text)
    local list = words(text)
    for i, word in ipairs(list) do
        local place, digits = word:match "^(.*)=(%d+)$"
        if not place and word:find("=", 1, true) then
            return nil, ("has '%s', but must be HOST, HOST:PORT or HOST:PORT=PRIORITY"):format(word)
        end
        local host, port = addresses.host_port(place or word)
        list[i] = { host = host, port = port, priority = digits and math.tointeger(tonumber(digits)) }
    end
    return list
end

function write.transforms(value) return canonical.text(value) end

function read.transforms(text)
    local ok, value = pcall(json.decode, text)
    if not ok or type(value) ~= "table" then
        return nil, "must be JSON, such as [{\"type\":\"add_prefix\",\"value\":\"+49\"}]"
    end
    return value
end

local WORDS <const> = { yes = true, ["true"] = true, no = false, ["false"] = false }

local function decoded(text)
    if WORDS[text:lower()] ~= nil then
        return true, WORDS[text:lower()]
    end
    return pcall(json.decode, text)
end

function write.json(value)
    if type(value) == "boolean" then
        return write.boolean(value)
    elseif type(value) == "string" and not decoded(value) and not value:find '^["[{]' then
        return value
    end
    return canonical.text(value)
end

function read.json(text)
    local ok, value = decoded(text)
    if ok then
        return value
    elseif text:find '^["[{]' then
        return nil, "begins like JSON, but is not valid JSON"
    end
    return text
end

--- The cell of a value; "" for none.
---@param field trunkhost.FileField
---@param value any
---@param all string[]?  the numbers of the trunk
---@return string
function cells.write(field, value, all)
    return value == nil and "" or cells.guard(write[field.type](value, all))
end

-- Names that machines compare.
local EXACT <const> = { ["inbound.username"] = true, ["outbound.username"] = true, agent_ref = true }

--- Why nobody can mean the value of a readable cell.
local function fault_of(field, text, guarded)
    local invisible = EXACT[field.name] and spreadsheet.invisible(text)
    if invisible then
        return ("has an invisible character (%s): remove it"):format(invisible)
    elseif not guarded and field.type ~= "boolean" and WORDS[text:lower()] == nil or field.type == "text" then
        return not guarded and spreadsheet.fault(text) or nil
    end
end

--- The value of a cell. Nil for an empty one; nil and a problem when it cannot be read. `fault`: why a value cannot be
--- meant, such as an error value or a rounded number.
---@param field trunkhost.FileField
---@param cell string
---@return any value, string? problem, string? fault
function cells.read(field, cell)
    local text, guarded = spreadsheet.bare(cell)
    local trimmed = text:match "^%s*(.-)%s*$"
    if trimmed == "" then
        return nil
    end
    local fault = fault_of(field, trimmed, guarded)
    if field.type == "text" then
        return text, nil, fault
    end
    local value, problem = read[field.type](trimmed, field)
    if value == nil then
        return nil, fault or problem
    elseif type(value) == "table" and next(value) == nil then
        return nil
    end
    return value, nil, fault
end

return cells
