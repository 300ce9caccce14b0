--- What the target has already: its trunks, the possible copies of a source trunk, and which runs created them,
--- according to the ledger.

local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local ledger <const> = require "trunkhost.ledger"
local migrate_run <const> = require "trunkhost.migrate.run"
local neutral <const> = require "trunkhost.neutral"
local tasks <const> = require "trunkhost.tasks"

---@class trunkhost.MigrationTarget
---@field account trunkhost.Account
---@field description table
---@field rows table[]                trunks as the list showed them
---@field full table<string, table>   id → read in full
---@field creates table[]             the ledger's creates on this account
---@field from string?               name of the source account; nil: any
---@field by_source table<string, table[]>  those creates that copied trunks of the source account, by trunk
---@field by_mark table<string, table[]>?   the list's rows by the marks that twins share
local Target <const> = {}
Target.__index = Target

local migrate_target <const> = {}

--- Whether an account has a trunk of this id.
---@param account trunkhost.Account
---@param id any
---@return boolean
function migrate_target.is_there(account, id)
    local ok, err = pcall(account.get, account, id)
    if not ok and core.is_error(err) ~= "not_found" then
        error(err, 0)
    end
    return ok
end

local function has_ledger()
    local file = io.open(core.run().ledger, "r")
    if file then
        file:close()
    end
    return file ~= nil
end

---@param account trunkhost.Account
---@param from string?  name of the source account
---@return trunkhost.MigrationTarget
function migrate_target.open(account, from)
    local self = setmetatable({ account = account, description = account:describe(), from = from, full = {} }, Target)
    self:list()
    -- A dry run does not create the ledger.
    self:remember(has_ledger() and ledger.creates { account = account:name() } or {})
    return self
end

--- Keeps the creates of the ledger.
---@param creates table[]
function Target:remember(creates)
    self.creates, self.by_source = creates, {}
    local origins = {}
    for _, row in ipairs(creates) do
        if row.source and row.run then
            origins[row.run] = origins[row.run] or { migrate_run.accounts(ledger.run(row.run)) }
            row.from = origins[row.run][1]
        end
        row.own = row.from == nil or self.from == nil or row.from == self.from
        if row.endpoint == "create" and row.source and row.own then
            self.by_source[row.source] = self.by_source[row.source] or {}
            table.insert(self.by_source[row.source], row)
        end
    end
end

--- The body of a create as text, without its passwords, as the ledger keeps it. Until they have their parts, trunks
--- with the same body cannot be told apart.
---@param body table
---@return string
function migrate_target.key_of(body)
    local kept = {}
    for name, value in pairs(body) do
        if not core.is_secret(value) then
            kept[name] = value
        end
    end
    return canonical.text(kept)
end

--- Reads the creates of the ledger again, including those of this run.
function Target:recall()
    ledger.sync()
    self:remember(ledger.creates { account = self.account:name() })
end

--- Reads the list again.
function Target:list()
    self.rows, self.full = self.account:list "list", {}
    self.by_mark = nil
end

--- The marks that twins share, if the mapping defines them: a planned trunk's first mark is one of its twin's.
---@param description table
---@param trunk trunkhost.Neutral
---@return string[]? marks
function migrate_target.marks(description, trunk)
    local marks = neutral.mapping(description).marks
    return marks and marks(trunk)
end

--- The rows of the list that may be a planned trunk; all rows if the mapping defines no marks.
local function rows_like(self, planned)
    local wanted = migrate_target.marks(self.description, planned)
    if not wanted then
        return self.rows
    elseif not self.by_mark then
        self.by_mark = {}
        for _, row in ipairs(self.rows) do
            for _, mark in ipairs(migrate_target.marks(self.description, neutral.of(self.description, row))) do
                self.by_mark[mark] = self.by_mark[mark] or {}
                table.insert(self.by_mark[mark], row)
            end
        end
    end
    return self.by_mark[wanted[1]] or {}
end

--- The list's rows with the parts that the list leaves out, such as numbers.
---@param concurrency integer?
---@return table[]
function Target:whole_rows(concurrency)
    local parts = neutral.mapping(self.description).parts or {}
    if next(parts) == nil then
        return self.rows
    end
    return tasks.map(self.rows, function(row)
        local whole = {}
        for name, value in pairs(self.full[tostring(row.id)] or row) do
            whole[name] = value
        end
        for name, endpoint in pairs(parts) do
            whole[name] = whole[name] or self.account:list(endpoint, row.id)
        end
        return whole
    end, { concurrency = concurrency })
end

--- A trunk in full, as it was last read.
---@param id any
---@return table native
function Target:read(id)
    local key = tostring(id)
    local native = self.full[key]
    if not native then
        native = neutral.read(self.account, id)
        self.full[key] = native -- another task may have emptied it meanwhile
    end
    return native
end

--- Whether the ledger has all passwords of this trunk as current.
---@param id any
---@param mapped trunkhost.Mapped
---@return boolean
function Target:knows_passwords(id, mapped)
    local known = {}
    local rows = #mapped.secrets > 0 and ledger.secrets { account = self.account:name(), trunk = tostring(id) } or {}
    for _, row in ipairs(rows) do
        known[row.field] = known[row.field] or row.state == "current"
    end
    for _, secret in ipairs(mapped.secrets) do
        if not known[secret.field] then
            return false
        end
    end
    return true
end

local function is_open(row)
    return row.state == "unknown" or row.state == "intended"
end

--- The creates of this source trunk: id → row for those that landed, and the list of those without an answer.
---@param source string
---@return table<string, table> landed, table[] unsettled
function Target:made_for(source)
    local landed, unsettled = {}, {}
    for _, row in ipairs(self.by_source[source] or {}) do
        if row.state == "landed" and row.trunk then
            landed[row.trunk] = row
        elseif is_open(row) then
            unsettled[#unsettled + 1] = row
        end
    end
    return landed, unsettled
end

--- Whether a trunk is exactly what this body would create.
local function is_fresh(self, body, native)
    local planned = neutral.of(self.description, neutral.outcome { body = body, after = {} })
    return #neutral.compare(self.description, planned, native) == 0
end

--- Whether an incomplete trunk is, or seems to be, a copy of another source trunk: a create for that one has no answer,
--- and none for this one has.
local function of_another(self, native, source)
    local id, asked, likely = tostring(native.id), false, false
    for _, row in ipairs(self.creates) do
        local create = row.endpoint == "create"
        if create and row.own and row.source == source then
            asked = asked or is_open(row)
        elseif create and row.state == "landed" and row.trunk == id and row.from then
            return true
        elseif create and is_open(row) and type(row.key) == "table" then
            likely = likely or is_fresh(self, row.key, native)
        end
    end
    return likely and not asked
end

--- The trunks at the target that may be the mapped one, each read in full.
---@param mapped trunkhost.Mapped
---@param source string
---@return { id: any, native: table, differences: table[] }[]
function Target:candidates(mapped, source)
    local found = {}
    for _, row in ipairs(rows_like(self, mapped.planned)) do
        if neutral.twin(self.description, mapped, row) then
            local native = self:read(row.id)
            local differences = neutral.compare(self.description, mapped.planned, native)
            if neutral.twin(self.description, mapped, native)
                and not (#differences > 0 and of_another(self, native, source)) then
                found[#found + 1] = { id = row.id, native = native, differences = differences }
            end
        end
    end
    return found
end

--- Copies of a source trunk that have changed since they were created: they must not be created again.
---@param mapped trunkhost.Mapped
---@param landed table<string, table>  as made_for has found them
---@return { id: any, native: table, differences: table[] }[]
function Target:changed(mapped, landed)
    local found = {}
    for _, row in ipairs(self.rows) do
        if landed[tostring(row.id)] then
            local native = self:read(row.id)
            found[#found + 1] = { id = row.id, native = native,
                differences = neutral.compare(self.description, mapped.planned, native) }
        end
    end
    return found
end

return migrate_target
