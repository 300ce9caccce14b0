--- Passwords that a carrier dictates: a CSV file with the columns trunk, field, password, and account where several
--- accounts use the same id. The optional column previous has the old password, which is restored if the new one fails.

local core <const> = require "trunkhost.core"
local csv <const> = require "trunkhost.csv"
local match <const> = require "trunkhost.job.match"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"
local suggest <const> = require "trunkhost.text.suggest"
local usage <const> = require "trunkhost.text.usage"
local trunk_secrets <const> = require "trunkhost.trunk_secrets"

local passwords <const> = {}

local COLUMNS <const> = { trunk = true, field = true, password = true, account = true, previous = true }

---@class trunkhost.Password
---@field line integer
---@field account string?
---@field trunk string
---@field field string
---@field secret userdata
---@field previous userdata?

local function check_header(path, reader)
    local has = {}
    for _, name in ipairs(reader.header) do
        if not COLUMNS[name] then
            usage.fail("%s, line %d: there is no column '%s'%s; write trunk,field,password", path, reader.line,
                name, suggest.hint(name, COLUMNS))
        end
        has[name] = true
    end
    for _, name in ipairs { "trunk", "field", "password" } do
        if not has[name] then
            usage.fail("%s, line %d: the column '%s' is missing; the first line must be trunk,field,password",
                path, reader.line, name)
        end
    end
end

--- Makes a secret of a cell.
local function secret_of(path, row, name, cell)
    local text, problem = spreadsheet.password(cell)
    if problem then
        usage.fail("%s, line %d: the %s of trunk %s %s", path, row.line,
            name == "previous" and "previous password" or name, row.trunk, problem)
    end
    return core.secret { from = text }
end

local function word_of(path, line, name, cell)
    local word = spreadsheet.word(cell or "")
    local why = core.mangled(word)
    if why then
        usage.fail("%s, line %d: %s '%s' %s: format the column as text and enter it again", path, line, name, word,
            why)
    end
    return word
end

--- Calls a function of the reader; its errors are usage errors.
local function call(path, fn, ...)
    local ok, result = pcall(fn, ...)
    if ok then
        return result
    elseif not core.is_error(result) then
        error(result, 0)
    end
    local line, text = result.message:sub(#path + 1):match "^:(%d+): (.*)$"
    return usage.fail("%s%s", line and ("%s, line %s: "):format(path, line) or "", text or result.message)
end

local function read_row(path, reader, record)
    local cells = {}
    for i, name in ipairs(reader.header) do
        cells[name] = record[i]
    end
    local row = { line = record.line, trunk = word_of(path, record.line, "trunk", cells.trunk),
        field = spreadsheet.word(cells.field) }
    local account = word_of(path, record.line, "account", cells.account)
    row.account = account ~= "" and account or nil
    if row.trunk == "" then
        usage.fail("%s, line %d: the trunk is missing", path, row.line)
    elseif cells.password == "" then
        usage.fail("%s, line %d: the password of trunk %s is empty", path, row.line, row.trunk)
    end
    row.secret = secret_of(path, row, "password", cells.password)
    row.previous = (cells.previous or "") ~= "" and secret_of(path, row, "previous", cells.previous) or nil
    return row
end

---@class trunkhost.Passwords
---@field path string
---@field rows trunkhost.Password[]
local Passwords <const> = {}
Passwords.__index = Passwords

--- Reads the file, which only its owner may be able to read. A mistake in it is a usage error.
---@param path string
---@return trunkhost.Passwords
function passwords.read(path)
    local text = core.read_private(path, "password file")
    local reader = call(path, csv.open, path, { text = text, known = COLUMNS, private = true })
    check_header(path, reader)
    local rows, seen = {}, {}
    for record in function() return call(path, reader.record, reader) end do
        if table.concat(record) == "" then
            goto blank -- spreadsheets write such rows at the end
        elseif #record ~= #reader.header then
            usage.fail("%s, line %d: %d fields, but the first line has %d", path, record.line, #record,
                #reader.header)
        end
        local row = read_row(path, reader, record)
        local name = ("%s\0%s\0%s"):format(row.account or "", match.id(row.trunk), row.field)
        if seen[name] then
            usage.fail("%s, line %d: %s of trunk %s is already given in line %d", path, row.line, row.field,
                row.trunk, seen[name])
        end
        seen[name], rows[#rows + 1] = row.line, row
        ::blank::
    end
    if #rows == 0 then
        usage.fail("%s contains no passwords: the first line is trunk,field,password, the others are rows", path)
    end
    return setmetatable({ path = path, rows = rows, by_item = {} }, Passwords)
end

local function fits(row, item)
    return match.id(tostring(item.trunk.id)) == match.id(row.trunk)
        and (not row.account or row.account == item.account:name())
end

local function check_field(self, row, item)
    local description = item.account:describe()
    local names = {}
    for _, secret in ipairs(description.secrets or {}) do
        names[secret.field] = true
        if secret.field == row.field then
            local has, reason = trunk_secrets.has(item.trunk, secret)
            if not has then
                usage.fail("%s, line %d: trunk %s of %s has no %s: %s", self.path, row.line, row.trunk,
                    item.account:name(), row.field, reason)
            end
            local field = description.objects.trunk.fields[row.field]
            if row.secret:length() < (field.min or 1) or row.secret:length() > (field.max or math.huge) then
                usage.fail("%s, line %d: %s takes at least %d characters%s for %s", self.path, row.line,
                    description.title, field.min or 1, field.max and (" and at most %d"):format(field.max) or "",
                    row.field)
            end
            return
        end
    end
    usage.fail("%s, line %d: '%s' is not a password field of %s trunks%s", self.path, row.line, row.field,
        description.title, suggest.hint(row.field, names))
end

--- Finds the trunk of each row, before anything is sent. A row that fits no trunk, or several, is a usage error.
---@param items trunkhost.Item[]
---@param failed table<string, table>  accounts that could not be listed
function Passwords:assign(items, failed)
    local by_id = {}
    for _, item in ipairs(items) do
        local id = match.id(tostring(item.trunk.id))
        by_id[id] = by_id[id] or {}
        table.insert(by_id[id], item)
    end
    for _, row in ipairs(self.rows) do
        local item
        for _, candidate in ipairs(by_id[match.id(row.trunk)] or {}) do
            if fits(row, candidate) then
                if item then
                    usage.fail("%s, line %d: both %s and %s have a trunk %s: add a column 'account'", self.path,
                        row.line, item.account:name(), candidate.account:name(), row.trunk)
                end
                item = candidate
            end
        end
        if item then
            check_field(self, row, item)
            local given = self.by_item[item] or { secrets = {}, previous = {} }
            if given.secrets[row.field] then
                usage.fail("%s, line %d: %s of trunk %s is given twice", self.path, row.line, row.field, row.trunk)
            end
            given.secrets[row.field], given.previous[row.field] = row.secret, row.previous
            self.by_item[item] = given
        elseif not (row.account and failed[row.account] or not row.account and next(failed)) then
            usage.fail("%s, line %d: there is no trunk %s%s among the chosen ones", self.path, row.line, row.trunk,
                row.account and " on " .. row.account or "")
        end
    end
end

--- The passwords for an item: field → secret; empty when the file does not name it.
---@param item trunkhost.Item
---@return table<string, userdata>
function Passwords:of(item)
    local given = self.by_item[item]
    return given and given.secrets or {}
end

--- The old passwords of an item in the file: field → secret.
---@param item trunkhost.Item
---@return table<string, userdata>
function Passwords:previous(item)
    local given = self.by_item[item]
    return given and given.previous or {}
end

return passwords
