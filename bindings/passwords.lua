--- Passwords that a carrier dictates: a CSV file with the columns trunk, field, password, and account where the
--- same id stands in several accounts. The column previous, which may be empty, has the old password, to be put back
--- when the new one fails.

local core <const> = require "trunkhost.core"
local csv <const> = require "trunkhost.csv"
local options <const> = require "trunkhost.options"
local suggest <const> = require "trunkhost.suggest"
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

local function positions(path, header)
    local at = {}
    for i, name in ipairs(header) do
        name = name:match "^%s*(.-)%s*$"
        if not COLUMNS[name] then
            options.fail("%s, line %d: there is no column '%s'%s; write trunk,field,password", path, header.line,
                name, suggest.hint(name, COLUMNS))
        elseif at[name] then
            options.fail("%s, line %d: the column '%s' stands there twice", path, header.line, name)
        end
        at[name] = i
    end
    for _, name in ipairs { "trunk", "field", "password" } do
        if not at[name] then
            options.fail("%s, line %d: the column '%s' is missing; the first line must be trunk,field,password",
                path, header.line, name)
        end
    end
    return at
end

---@class trunkhost.Passwords
---@field path string
---@field rows trunkhost.Password[]
local Passwords <const> = {}
Passwords.__index = Passwords

--- Reads the file, which nobody else may be able to read. What is wrong with it is a usage error.
---@param path string
---@return trunkhost.Passwords
function passwords.read(path)
    local records, problem = csv.parse(core.read_private(path, "password file"))
    if not records then
        options.fail("%s, %s", path, problem)
    elseif #records < 2 then
        options.fail("%s holds no password: the first line is trunk,field,password, the others are rows", path)
    end
    local header = table.remove(records, 1)
    local at, rows, seen = positions(path, header), {}, {}
    for i, record in ipairs(records) do
        if #record ~= #header then
            options.fail("%s, line %d: %d fields, where the first line has %d", path, record.line, #record, #header)
        end
        local row = { line = record.line, trunk = record[at.trunk], field = record[at.field] }
        row.account = at.account and record[at.account] ~= "" and record[at.account] or nil
        local name = ("%s\0%s\0%s"):format(row.account or "", row.trunk, row.field)
        if record[at.password] == "" then
            options.fail("%s, line %d: the password of trunk %s is empty", path, row.line, row.trunk)
        elseif seen[name] then
            options.fail("%s, line %d: %s of trunk %s stands in line %d already", path, row.line, row.field,
                row.trunk, seen[name])
        end
        seen[name] = row.line
        row.secret = core.secret { from = record[at.password] }
        record[at.password] = nil
        local previous = at.previous and record[at.previous] or ""
        row.previous = previous ~= "" and core.secret { from = previous } or nil
        rows[i] = row
    end
    return setmetatable({ path = path, rows = rows, by_item = {} }, Passwords)
end

local function fits(row, item)
    return tostring(item.trunk.id) == row.trunk and (not row.account or row.account == item.account:name())
end

local function check_field(self, row, item)
    local description = item.account:describe()
    local names = {}
    for _, secret in ipairs(description.secrets or {}) do
        names[secret.field] = true
        if secret.field == row.field then
            local has, reason = trunk_secrets.has(item.trunk, secret)
            if not has then
                options.fail("%s, line %d: trunk %s of %s has no %s: %s", self.path, row.line, row.trunk,
                    item.account:name(), row.field, reason)
            end
            local field = description.objects.trunk.fields[row.field]
            if row.secret:length() < (field.min or 1) or row.secret:length() > (field.max or math.huge) then
                options.fail("%s, line %d: %s takes at least %d characters%s for %s", self.path, row.line,
                    description.title, field.min or 1, field.max and (" and at most %d"):format(field.max) or "",
                    row.field)
            end
            return
        end
    end
    options.fail("%s, line %d: '%s' is no password of %s trunks%s", self.path, row.line, row.field,
        description.title, suggest.hint(row.field, names))
end

--- Finds the trunk of each row, before anything is sent; a row that fits none, or several, is a usage error.
---@param items trunkhost.Item[]
---@param failed table<string, table>  accounts that could not be listed
function Passwords:assign(items, failed)
    local by_id = {}
    for _, item in ipairs(items) do
        local id = tostring(item.trunk.id)
        by_id[id] = by_id[id] or {}
        table.insert(by_id[id], item)
    end
    for _, row in ipairs(self.rows) do
        local item
        for _, candidate in ipairs(by_id[row.trunk] or {}) do
            if fits(row, candidate) then
                if item then
                    options.fail("%s, line %d: both %s and %s have a trunk %s: add a column 'account'", self.path,
                        row.line, item.account:name(), candidate.account:name(), row.trunk)
                end
                item = candidate
            end
        end
        if item then
            check_field(self, row, item)
            local given = self.by_item[item] or { secrets = {}, previous = {} }
            if given.secrets[row.field] then
                options.fail("%s, line %d: %s of trunk %s is given twice", self.path, row.line, row.field, row.trunk)
            end
            given.secrets[row.field], given.previous[row.field] = row.secret, row.previous
            self.by_item[item] = given
        elseif not (row.account and failed[row.account] or not row.account and next(failed)) then
            options.fail("%s, line %d: there is no trunk %s%s among the chosen ones", self.path, row.line, row.trunk,
                row.account and " on " .. row.account or "")
        end
    end
end

--- The passwords for an item: field → secret, empty when the file does not name it.
---@param item trunkhost.Item
---@return table<string, userdata>
function Passwords:of(item)
    local given = self.by_item[item]
    return given and given.secrets or {}
end

--- The old passwords that the file knows of an item: field → secret.
---@param item trunkhost.Item
---@return table<string, userdata>
function Passwords:previous(item)
    local given = self.by_item[item]
    return given and given.previous or {}
end

return passwords
