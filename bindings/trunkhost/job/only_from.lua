--- Reads trunk ids from a file for `--only-from`: one per line, or CSV with the column trunk and, where ids are not
--- unique, account.

local core <const> = require "trunkhost.core"
local csv <const> = require "trunkhost.csv"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"
local usage <const> = require "trunkhost.text.usage"

local only_from <const> = {}

---@class trunkhost.OnlyFrom  a row
---@field account string?
---@field trunk string
---@field line integer
---@field path string

-- list_trunks.lua --csv calls the column "id".
local COLUMNS <const> = { trunk = true, account = true, id = true }

--- The columns that the first line names; nil when it is an id already.
local function columns_of(header)
    local at = {}
    for i, name in ipairs(header) do
        at[name] = at[name] or i
    end
    at.trunk = at.trunk or at.id
    return at.trunk and at or nil
end

--- The reader, the columns, and the first record if it is an id and not a header.
local function open(path)
    local text
    if path == "-" then
        text = io.read "a"
    end
    local reader = csv.open(path, { text = text, known = COLUMNS })
    local at = columns_of(reader.header)
    if at then
        return reader, at
    elseif #reader.header > 1 then
        core.error("invalid", ("%s:%d: the column trunk is missing; the first line must name the columns, or every "
            .. "line must be one id"):format(path, reader.line))
    end
    return reader, { trunk = 1 }, { reader.header[1], line = reader.line }
end

local function read(path)
    local list <const>, seen <const> = {}, {}
    local reader, at, first = open(path)
    local record = first or reader:record()
    while record do
        local trunk = spreadsheet.word(record[at.trunk] or "")
        local account = at.account and spreadsheet.word(record[at.account] or "") or ""
        local why = core.mangled(trunk)
        if trunk == "" and table.concat(record):find "%S" then
            core.error("invalid", ("%s:%d: the trunk is missing"):format(path, record.line))
        elseif why then
            core.error("invalid", ("%s:%d: '%s' %s: format the column as text and enter the id again"):format(path,
                record.line, trunk, why))
        end
        local name = account .. "\0" .. trunk
        if trunk ~= "" and not seen[name] then
            seen[name] = true
            list[#list + 1] = { account = account ~= "" and account or nil, trunk = trunk, line = record.line,
                path = path }
        end
        record = reader:record()
    end
    if #list == 0 then
        core.error("invalid", ("%s contains no trunk ids"):format(path))
    end
    return list
end

--- Reads the files. A mistake in one is a usage error.
---@param paths string[]
---@return trunkhost.OnlyFrom[]
function only_from.read(paths)
    local all <const> = {}
    for _, path in ipairs(paths) do
        local ok, list = pcall(read, path)
        if not ok and core.is_error(list) then
            usage.fail("--only-from %s", list.message)
        elseif not ok then
            error(list, 0)
        end
        table.move(list, 1, #list, #all + 1, all)
    end
    return all
end

return only_from
