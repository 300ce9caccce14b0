--- Reads a file of trunks: JSON lines or CSV. Reports all mistakes at once, each with its line and field, before any
--- request.

local base <const> = require "trunkhost.neutral.base"
local cells <const> = require "trunkhost.neutral.cells"
local core <const> = require "trunkhost.core"
local csv <const> = require "trunkhost.csv"
local fields <const> = require "trunkhost.neutral.fields"
local json <const> = require "trunkhost.json"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"
local suggest <const> = require "trunkhost.text.suggest"

local reader <const> = {}

---@class trunkhost.Row  a trunk in a file
---@field line integer
---@field account string?
---@field provider string?
---@field trunk string
---@field names string[]              the fields that it states, in the order of the model
---@field values table<string, any>   their values; nil: the field is empty
---@field emptied table<string, boolean>  fields that the file explicitly empties
---@field faults table<string, string>    what is wrong with edited values
---@field base table<string, table<string, boolean>>?

---@class trunkhost.Mistake
---@field line integer
---@field text string

local OWN <const> = { account = true, provider = true, trunk = true, base = true }

local function known_names()
    local names = {}
    for name in pairs(OWN) do
        names[name] = true
    end
    for _, field in ipairs(fields.list) do
        names[field.name] = true
    end
    return names
end

--- The message about a name that is no field.
local function no_field(name, known, what)
    if name:find "secret" or name:find "password" then
        return ("%s: a file cannot set passwords; rotate_passwords.lua sets them"):format(name)
    end
    return ("%s: there is no such %s%s"):format(name, what, suggest.hint(name, known))
end

---@class Reading
---@field mistakes trunkhost.Mistake[]
---@field rows trunkhost.Row[]

local function mistake(reading, line, text)
    table.insert(reading.mistakes, { line = line, text = text })
end

-- ---------------------------------------------------------------------------------------------------
-- Both formats

--- Reports entries for numbers that the row does not have, and did not have at the export.
local function check_map(reading, row, field)
    local known = {}
    for _, number in ipairs(row.values.numbers or {}) do
        known[numbers.key(number)] = true
    end
    for number in pairs(row.values[field.name] or {}) do
        local was = false
        for hash in pairs(row.base and row.base[field.name] or {}) do
            was = was or hash:sub(1, 6) == base.of_number(number)
        end
        if row.stated.numbers and not known[number] and not was then
            mistake(reading, row.line, ("%s: %s is not among the numbers of this row"):format(field.name, number))
        end
    end
end

--- What is wrong with the value of a field, or with one of its items, unless it was exported so.
local function fault_of(row, field)
    local name, value = field.name, row.values[field.name]
    local was = row.base and (row.base[name] or {})
    local function is_old(each)
        local hashes = base.hashes(field, each)
        for hash in pairs(hashes) do
            if not (was and was[hash]) then
                return false
            end
        end
        return next(hashes) ~= nil
    end
    if field.form == "set" and type(value) == "table" then
        local problem = model.fault(field.type, value, function(item) return is_old { item } end)
        return problem and "has " .. problem or row.faults[name]
    elseif field.form == "map" then
        for number, text in pairs(type(value) == "table" and value or {}) do
            local why = not is_old { [number] = text } and core.mangled(text)
            if why then
                return ("has '%s' for %s, which %s"):format(text, number, why)
            end
        end
    elseif not is_old(value) then
        local problem = model.fault(field.type, value)
        return problem and "has " .. problem or row.faults[name]
    end
end

local function check_values(reading, row, complained)
    for _, name in ipairs(row.names) do
        local ok, problem = pcall(fault_of, row, fields.get(name))
        if ok and problem then -- a value of the wrong form is reported below
            complained[name] = true
            mistake(reading, row.line, ("%s: %s"):format(name, problem))
        end
    end
    local probe, seen = model.new(), {}
    for _, number in ipairs(row.values.numbers or {}) do
        if seen[number] then
            mistake(reading, row.line, ("numbers: %s appears twice"):format(number))
        end
        seen[number] = true
        table.insert(probe.numbers, { value = number, kind = "e164" })
    end
    for _, name in ipairs(row.names) do
        local field = fields.get(name)
        if field.form == "map" then
            check_map(reading, row, field)
        elseif name ~= "numbers" and field.type ~= "json" then
            model.put(probe, name, row.values[name])
        end
    end
    for _, fault in ipairs(model.check(probe)) do
        if not complained[fault.field] then
            mistake(reading, row.line, ("%s: %s"):format(fault.field, fault.rule))
        end
    end
end

--- Sorts, checks and keeps a row.
local function add(reading, row, base_text, complained)
    local why = row.trunk and core.mangled(row.trunk)
    if why then
        return mistake(reading, row.line, ("trunk: %s %s; format the column as text and enter the id again"):format(
            row.trunk, why))
    elseif not row.trunk or row.trunk == "" then
        return mistake(reading, row.line, "trunk: the id is missing; this script creates no trunks, "
            .. "migrate_trunks.lua does")
    end
    row.names = {}
    local extras = {}
    for name in pairs(row.stated) do
        extras[name] = name:find "^extras%." and true or nil
    end
    for _, name in ipairs(fields.names(extras)) do
        row.names[#row.names + 1] = row.stated[name] and name or nil
    end
    row.base_text = base_text
    row.complained = complained
    table.insert(reading.rows, row)
end

--- The checks that need the account, which the options may give.
local function finish(reading, account, provider_of)
    local seen = {}
    for _, row in ipairs(reading.rows) do
        row.account = row.account or account
        local name = ("%s\0%s"):format(row.account or "", row.trunk)
        local provider = row.account and provider_of(row.account)
        if not row.account then
            mistake(reading, row.line, "account: the row does not name one; name it with --account")
        elseif not provider.name then
            mistake(reading, row.line, "account: " .. provider.problem)
        elseif row.provider and row.provider ~= provider.name then
            mistake(reading, row.line, ("provider: account %s belongs to %s, not to %s"):format(row.account,
                provider.name, row.provider))
        elseif row.base_text then
            local problem
            row.base, problem = base.read(row.base_text, row.account, provider.name, row.trunk)
            if not row.base then
                mistake(reading, row.line, "base: " .. problem)
            end
        end
        if seen[name] then
            mistake(reading, row.line, ("trunk: %s is already in line %d"):format(row.trunk, seen[name]))
        end
        seen[name] = seen[name] or row.line
        check_values(reading, row, row.complained)
    end
    table.sort(reading.mistakes, function(a, b)
        return a.line < b.line or a.line == b.line and a.text < b.text
    end)
end

-- ---------------------------------------------------------------------------------------------------
-- CSV

local function columns_of(reading, path, file)
    local columns, known, has = {}, known_names(), {}
    for i, name in ipairs(file.header) do
        has[name] = true
        local field = not OWN[name] and fields.get(name) or nil
        columns[i] = { name = name, field = field }
        if not OWN[name] and not field and name ~= "" then
            mistake(reading, file.line, no_field(name, known, "column"))
        end
    end
    if not has.trunk then
        mistake(reading, file.line, "trunk: the column is missing; the first line must name the columns")
    end
    return columns, path
end

local function own(row, name, text)
    text = spreadsheet.word(text)
    row[name == "base" and "base_text" or name] = text ~= "" and text or nil
end

local function read_cells(reading, columns, texts, line)
    local row, complained = { line = line, values = {}, emptied = {}, faults = {}, stated = {} }, {}
    for _, column in ipairs(columns) do
        local name, text = column.name, texts[column.name]
        if OWN[name] then
            own(row, name, text)
        elseif column.field then
            local value, problem, fault = cells.read(column.field, text)
            row.stated[name], row.values[name], row.faults[name] = true, value, fault
            if problem then
                complained[name] = true
                mistake(reading, line, ("%s: %s"):format(name, problem))
            end
        end
    end
    add(reading, row, row.base_text, complained)
end

local function read_csv(reading, path)
    local file <const> = csv.open(path, { known = known_names() })
    local columns = columns_of(reading, path, file)
    for texts, line in function() return file:row() end do
        read_cells(reading, columns, texts, line)
    end
end

-- ---------------------------------------------------------------------------------------------------
-- JSON

local NUMBER <const> = { value = true, name = true, routing_key = true, agent_ref = true }

local function state(row, name, value)
    row.stated[name] = true
    if value == json.null or type(value) == "table" and next(value) == nil then
        row.emptied[name] = true
    else
        row.values[name] = model.some(value)
    end
end

local function read_number(reading, row, i, item)
    if type(item) == "string" then
        item = { value = item }
    end
    local value = type(item) == "table" and item.value
    if type(value) ~= "string" or value == "" then
        return mistake(reading, row.line, ("numbers[%d]: value must be a text"):format(i))
    end
    table.insert(row.values.numbers, value)
    for name, text in pairs(item) do
        text = model.some(text)
        if not NUMBER[name] then
            mistake(reading, row.line, ("numbers[%d].%s"):format(i, no_field(tostring(name), NUMBER, "member")))
        elseif text ~= nil and type(text) ~= "string" then
            mistake(reading, row.line, ("numbers[%d].%s: must be a text"):format(i, name))
        elseif name ~= "value" then
            row.values["numbers." .. name][numbers.key(value)] = text
        end
    end
end

--- Reads the numbers. What a number does not say about itself is empty.
local function read_numbers(reading, row, list)
    for name in pairs(NUMBER) do
        name = name == "value" and "numbers" or "numbers." .. name
        row.stated[name], row.emptied[name] = true, true
        row.values[name] = {}
    end
    row.values.numbers = json.array {}
    if list == json.null then
        return
    elseif type(list) ~= "table" or not json.is_array(list) then
        return mistake(reading, row.line, "numbers: must be a list")
    end
    for i, item in ipairs(list) do
        read_number(reading, row, i, item)
    end
end

local function read_group(reading, row, group, members)
    if type(members) ~= "table" or json.is_array(members) then
        return mistake(reading, row.line, group .. ": must be an object")
    end
    for member, value in pairs(members) do
        local name = group .. "." .. member
        if fields.get(name) then
            state(row, name, value)
        else
            mistake(reading, row.line, no_field(name, known_names(), "field"))
        end
    end
end

local GROUPS <const> = { inbound = true, outbound = true, registration = true, extras = true }

local function read_object(reading, line, object)
    local row = { line = line, values = {}, emptied = {}, faults = {}, stated = {} }
    for name, value in pairs(object) do
        if OWN[name] then
            local is_id = name == "trunk" and math.type(value) == "integer"
            if type(value) == "string" or is_id then
                own(row, name, tostring(value))
            elseif value ~= json.null then
                mistake(reading, line, name .. ": must be a text")
            end
        elseif name == "numbers" then
            read_numbers(reading, row, value)
        elseif GROUPS[name] then
            read_group(reading, row, name, value)
        elseif fields.get(name) and not name:find(".", 1, true) then
            state(row, name, value)
        else
            mistake(reading, line, no_field(tostring(name), known_names(), "field"))
        end
    end
    add(reading, row, row.base_text, {})
end

local function read_jsonl(reading, path, file)
    local number = 0
    local line = file:read "l"
    while line do
        number = number + 1
        line = number == 1 and line:gsub("^\xEF\xBB\xBF", "") or line
        if line:find "%S" then
            local ok, object = pcall(json.decode, line)
            if not ok then
                mistake(reading, number, "not valid JSON: " .. (core.is_error(object) and object.message
                    or tostring(object)))
            elseif type(object) ~= "table" or json.is_array(object) then
                mistake(reading, number, "each line must be one JSON object")
            else
                read_object(reading, number, object)
            end
        end
        line = file:read "l"
    end
    file:close()
    return path
end

-- ---------------------------------------------------------------------------------------------------

local function is_json(path, file)
    local first = (file:read(4096) or ""):gsub("^\xEF\xBB\xBF", ""):match "^%s*(.)"
    file:seek "set"
    return first == "{" or first == "[" or first == nil and path:find "%.jsonl?$" ~= nil
end

--- Reads a file. Raises when it cannot be opened.
---@param path string
---@param account string?  for rows that name none
---@param provider_of fun(account: string): { name: string?, problem: string? }
---@return trunkhost.Row[] rows, trunkhost.Mistake[] mistakes  sorted by line
function reader.read(path, account, provider_of)
    local reading <const> = { rows = {}, mistakes = {} }
    local file, problem = io.open(path, "rb")
    if not file then
        core.error("invalid", "cannot read " .. problem)
    end
    if is_json(path, file) then
        read_jsonl(reading, path, file)
    else
        file:close()
        local ok, err = pcall(read_csv, reading, path)
        if not ok and not core.is_error(err) then
            error(err, 0)
        elseif not ok then
            -- After this error it is unknown where a row begins.
            local line, text = err.message:sub(#path + 1):match "^:(%d+): (.*)$"
            mistake(reading, math.tointeger(tonumber(line or "1")), text or err.message)
        end
    end
    finish(reading, account, provider_of)
    return reading.rows, reading.mistakes
end

return reader
