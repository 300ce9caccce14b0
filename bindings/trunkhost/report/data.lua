--- What the ledger has of a run, gathered for a report: all that is small at once, items page by page.

local instant <const> = require "trunkhost.text.instant"
local ledger <const> = require "trunkhost.ledger"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local records <const> = require "trunkhost.job.records"

local report_data <const> = {}

-- In each group of those that need a person, and of creates by item; the tables have them all.
local MOST_NAMED <const>, MOST_CREATES <const> = 100, 20000
local MOST_ATTEMPTS <const> = 20

---@class trunkhost.ReportItem  an item of the ledger, or one that was settled before anything was sent
---@field id integer?
---@field anchor string
---@field account string
---@field trunk string
---@field label string?
---@field state string
---@field evidence string?
---@field attempts integer?
---@field error table?
---@field reason string?
---@field plan any
---@field seconds number?

---@class trunkhost.ReportGroup  items that need a person for one reason
---@field state string
---@field kind string?
---@field count integer
---@field items trunkhost.ReportItem[]     the first of them

---@class trunkhost.ReportData
---@field run table                        as ledger.run gives it
---@field conclusion table                 what the job has left; {} where it was killed
---@field counts table<string, integer>    by state
---@field total integer
---@field left integer                     not tried
---@field resume string                    the command that goes on
---@field accounts string[]
---@field account_counts table<string, table<string, integer>>
---@field groups trunkhost.ReportGroup[]
---@field person integer                 how many that are
---@field open table<string, boolean>      their keys
---@field settled_later integer            of those that needed a person: done by a later run
---@field settled_by table<string, boolean>  these runs
---@field creates integer
---@field open_creates table[]             of which it is not known what became
---@field targets table<string, string[]>  account and item → ids that were created for it
---@field passwords table[]
---@field followers table[]
local Data <const> = {}
Data.__index = Data

--- Iterates over the items: those of the ledger, then those that were settled before anything was sent.
---@param account string?     default: all
---@param attention boolean?  only those that need a person
---@return fun(): trunkhost.ReportItem?
function Data:items(account, attention)
    local next_row <const> = ledger_view.items(self.run, { account = account, attention = attention })
    return function()
        local row <const> = next_row()
        if row then
            row.anchor = row.id and "i" .. row.id or "s" .. row.place
            row.seconds = row.state ~= "skipped" and instant.between(row.started_at, row.ended_at) or nil
            if row.state == "skipped" or row.place then
                row.reason, row.evidence = row.evidence, nil
            end
        end
        return row
    end
end

--- What was sent for an item, the first requests of it.
---@param item trunkhost.ReportItem
---@return table[]
function Data.attempts(_, item)
    return item.id and ledger.attempts { item = item.id, limit = MOST_ATTEMPTS } or {}
end

--- Iterates over what the run has created.
---@return fun(): table?
function Data:each_create()
    return ledger_view.each(ledger.creates, { run = self.run.id })
end

local function name_of(account, key)
    return account .. "\0" .. key
end

--- The ids that were created for an item; nil where none was.
---@param item trunkhost.ReportItem
---@return string[]?
function Data:created_for(item)
    return item.id and self.targets[item.trunk]
end

-- ---------------------------------------------------------------------------------------------------
-- Gathering

--- The latest run that has done this item since; nil when none has.
local function done_since(run, item)
    local found
    for _, later in ipairs(ledger.items { account = item.account, trunk = item.trunk, after = item.id or 0 }) do
        local is_later <const> = item.id or (ledger.run(later.run) or run).seq > run.seq
        found = later.state == "done" and later.run ~= run.id and is_later and later.run or found
    end
    return found
end

local function find_attention(self)
    local by_name = {}
    for item in self:items(nil, true) do
        local since <const> = done_since(self.run, item)
        if since then
            self.settled_later, self.settled_by[since] = self.settled_later + 1, true
        elseif not (item.state == "running" and self.run.life == "alive") then
            local kind <const> = item.error and item.error.kind or nil
            local name <const> = name_of(item.state, kind or "")
            local group = by_name[name]
            if not group then
                group = { state = item.state, kind = kind, count = 0, items = {} }
                by_name[name], self.groups[#self.groups + 1] = group, group
            end
            group.count, self.person, self.open[item.trunk] = group.count + 1, self.person + 1, true
            if #group.items < MOST_NAMED then
                group.items[#group.items + 1] = item
            end
        end
    end
    local order <const> = { unknown = 1, running = 2, failed = 3 }
    table.sort(self.groups, function(a, b)
        if a.state ~= b.state then
            return order[a.state] < order[b.state]
        end
        return a.count > b.count or a.count == b.count and (a.kind or "") < (b.kind or "")
    end)
end

--- Whether nobody knows what became of a create. Where its item is done, the trunk was read back and is complete.
---@param create table
---@return boolean
function Data:is_open(create)
    return (create.state == "intended" or create.state == "unknown")
        and (create.source == nil or self.open[create.source] == true)
end

local function find_creates(self)
    for create in self:each_create() do
        self.creates = self.creates + 1
        if self:is_open(create) then
            self.person = self.person + (create.source and 0 or 1)
            self.open_creates[#self.open_creates + 1] = #self.open_creates < MOST_NAMED and create or nil
        elseif create.state == "landed" and create.endpoint == "create" and create.source
            and self.creates <= MOST_CREATES then
            local list <const> = self.targets[create.source] or {}
            self.targets[create.source], list[#list + 1] = list, create.trunk
        end
    end
end

local function add_account(self, name)
    if not self.account_counts[name] then
        self.account_counts[name], self.accounts[#self.accounts + 1] = {}, name
    end
    return self.account_counts[name]
end

--- Items of the ledger, and those that were settled before, for each account.
local function count_accounts(self)
    for _, sum in ipairs(ledger.accounts_of(self.run.id)) do
        local counts <const> = add_account(self, sum.account)
        for state, number in pairs(sum.items) do
            counts[state] = number > 0 and number or nil
        end
    end
    for _, item in ipairs(self.conclusion.settled or {}) do
        local counts <const> = add_account(self, item.account)
        counts[item.state] = (counts[item.state] or 0) + 1
    end
end

--- Gathers what there is of a run; nil and why where there is none.
---@param name string  its id, the start of it, or "last"
---@return trunkhost.ReportData?, string?
function report_data.of(name)
    ledger.look()
    local run <const>, problem <const> = ledger.run(name)
    if not run then
        return nil, problem
    end
    local self <const> = setmetatable({
        run = run, conclusion = ledger_view.conclusion(run), resume = ledger_view.resume_command(run),
        accounts = {}, account_counts = {}, groups = {}, open = {}, settled_later = 0, settled_by = {},
        creates = 0, open_creates = {}, targets = {},
        passwords = ledger.passwords_of(run.id), followers = ledger.followers(run.id),
    }, Data)
    self.counts, self.left, self.total = ledger_view.totals(run.items, self.conclusion)
    self.person = #(self.conclusion.not_listed or {})
    count_accounts(self)
    find_attention(self)
    find_creates(self)
    return self
end

--- Stands for an account where the items belong to none.
report_data.no_account = records.no_account

return report_data
