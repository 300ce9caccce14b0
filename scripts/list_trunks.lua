--- Lists the trunks of accounts: as a table, as JSON lines, or as CSV.

local trunkhost <const> = require "trunkhost"
local csv <const> = require "trunkhost.csv"
local json_line <const> = require "trunkhost.json_line"
local aligned <const> = require "trunkhost.table"
local trunk_secrets <const> = require "trunkhost.trunk_secrets"

local function names(text)
    local list = {}
    for name in text:gmatch "[%w_]+" do
        list[#list + 1] = name
    end
    return list
end

local parser <const> = trunkhost.options {
    description = "Lists the trunks of accounts, and which passwords they have.",
    job = false,
    quiet = "Print only the ids, one per line.",
    epilog = [[
Examples:
  trunkhost list_trunks.lua --account all
  trunkhost list_trunks.lua --account famulor-prod --match 'label=Berlin*' \
      --fields phone_number,sip_address
  trunkhost list_trunks.lua --account vatel --csv > trunks.csv
  trunkhost list_trunks.lua --account bolna --match is_active=false -q]],
}
local as_csv <const> = parser:flag "--csv" :description "Print CSV with all fields (RFC 4180)."
local fields_only <const> = parser:option "--fields" :argname "FIELD,..." :convert(names)
    :description "Show only these fields, named as on the platform, in the table or the CSV."
parser:group("Columns", as_csv, fields_only)
local options <const> = parser:parse()

local json <const> = trunkhost.json

--- A field as text, for people and spreadsheets.
local function text_of(value)
    if value == nil or value == json.null then
        return ""
    end
    return type(value) == "table" and json.encode(value) or tostring(value)
end

--- The fields that at least one trunk has, the id first.
local function all_fields(entries)
    local seen, list = { id = true }, {}
    for _, entry in ipairs(entries) do
        for name in pairs(entry.trunk) do
            if not seen[name] then
                seen[name] = true
                list[#list + 1] = name
            end
        end
    end
    table.sort(list)
    table.insert(list, 1, "id")
    return list
end

local out <const> = aligned.screen "out"

local function print_json(entries)
    for _, entry in ipairs(entries) do
        local members = { "account", entry.account:name() }
        for _, name in ipairs(all_fields { entry }) do
            table.insert(members, name)
            table.insert(members, entry.trunk[name])
        end
        members.n = #members
        out.write(json_line.object(members) .. "\n")
    end
end

local function print_csv(entries)
    local columns = options.fields or all_fields(entries)
    local function line(first, value)
        local cells = { first }
        for i, name in ipairs(columns) do
            cells[i + 1] = value(name)
        end
        csv.print(cells)
    end
    line("account", function(name) return name end)
    for _, entry in ipairs(entries) do
        line(entry.account:name(), function(name) return text_of(entry.trunk[name]) end)
    end
end

--- "sip_password", or why the trunk has no password.
local function passwords_of(entry)
    local secrets, reasons = trunk_secrets.of(entry.account:describe(), entry.trunk)
    local fields = {}
    for i, secret in ipairs(secrets) do
        fields[i] = secret.field
    end
    if #fields > 0 then
        return table.concat(fields, ", ")
    end
    return { table.concat(reasons, "; "), colour = "dim" }
end

local function print_table(entries)
    local columns = {
        { title = "ACCOUNT", group = true }, { title = "TRUNK" }, { title = "LABEL", max = 32, min = 10, drop = 1 },
    }
    for i, name in ipairs(options.fields or {}) do
        columns[#columns + 1] = { title = name:upper(), max = 40, min = 8, drop = 100 - i }
    end
    if not options.fields then
        columns[#columns + 1] = { title = "PASSWORDS", note = true }
    end
    local rows = {}
    for i, entry in ipairs(entries) do
        local row = { entry.account:name(), entry.key, entry.label }
        for _, name in ipairs(options.fields or {}) do
            row[#row + 1] = text_of(entry.trunk[name])
        end
        row[#row + 1] = not options.fields and passwords_of(entry) or nil
        rows[i] = row
    end
    if #rows > 0 then
        out.write(aligned.render(columns, rows, out) .. "\n")
    end
    out.write(("%d %s\n"):format(#rows, #rows == 1 and "trunk" or "trunks"))
end

local function print_ids(entries)
    for _, entry in ipairs(entries) do
        out.write(entry.key .. "\n")
    end
end

local entries <const>, failures <const> = trunkhost.job.trunks(options)
local print_entries <const> = options.json and print_json or options.csv and print_csv
    or options.quiet and print_ids or print_table
print_entries(entries)
for _, failure in ipairs(failures) do
    trunkhost.log.error(failure.error)
end
if #failures > 0 then
    os.exit(1)
end
