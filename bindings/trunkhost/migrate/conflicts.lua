--- Conflicts among the trunks of a migration, or with those at the target: numbers that two trunks would answer, and
--- trunks that the target could not tell apart.

local accounts <const> = require "trunkhost.accounts"
local migrate_target <const> = require "trunkhost.migrate.target"
local neutral <const> = require "trunkhost.neutral"
local numbers <const> = require "trunkhost.mapping.numbers"
local sync <const> = require "trunkhost.sync"
local usage <const> = require "trunkhost.text.usage"

local conflicts <const> = {}

--- Refuses two names of one account at the platform: every trunk would be taken for its own copy, and retired.
---@param self trunkhost.Migration
function conflicts.one_account(self)
    local from, to = self.from:name(), self.to:name()
    if accounts.address(from) ~= accounts.address(to) then
        return
    end
    local there = {}
    for _, row in ipairs(self.target.rows) do
        there[tostring(row.id)] = true
    end
    for _, work in ipairs(self.list) do
        if there[work.source] then
            usage.fail("--from %s --to %s: both have trunk %s, so they are one account at the platform. Nothing was \z
                changed. Check the tokens of both", from, to, work.source)
        end
    end
end

--- Whether the copy of a source trunk is complete.
---@param work trunkhost.Work
---@return boolean
function conflicts.is_complete(work)
    for _, move in ipairs(work.moves) do
        if not move.complete then
            return false
        end
    end
    return #work.moves > 0
end

--- International numbers that a trunk answers when it is in service.
local function claims_of(trunk)
    local claims = {}
    for key in pairs(neutral.claims(trunk)) do
        claims[#claims + 1] = key:find "^%+?%d%d%d%d%d%d%d" and key or nil
    end
    table.sort(claims)
    return claims
end

--- The number as its trunk writes it.
local function written(trunk, key)
    for _, number in ipairs(trunk.numbers) do
        if numbers.key(number.value) == key then
            return number.value
        end
    end
    return key
end

--- Blocks trunks with a number that another trunk answers: one of the two would never get its calls.
---@param self trunkhost.Migration
function conflicts.claims(self)
    local claimed, own, wanted = {}, {}, false
    for _, work in ipairs(self.list) do
        for _, move in ipairs(work.moves) do
            if move.id then
                own[tostring(move.id)] = true
            end
            wanted = wanted or not move.complete and #claims_of(move.mapped.planned) > 0
        end
    end
    local description = self.to:describe()
    for _, row in ipairs(wanted and self.target:whole_rows(self.options.concurrency) or {}) do
        for _, key in ipairs(own[tostring(row.id)] and {} or claims_of(neutral.of(description, row))) do
            claimed[key] = ("trunk %s of %s"):format(tostring(row.id), self.to:name())
        end
    end
    for _, work in ipairs(self.list) do
        for _, move in ipairs(work.moves) do
            for _, key in ipairs(move.complete and {} or claims_of(move.mapped.planned)) do
                if claimed[key] and claimed[key] ~= work then
                    local other = type(claimed[key]) == "table"
                        and ("trunk %s of %s"):format(claimed[key].source, self.from:name()) or claimed[key]
                    work.reasons[#work.reasons + 1] = ("numbers: %s would be answered by two trunks, this one and %s; "
                        .. "remove it from one of them, or leave this one out"):format(
                        written(move.mapped.planned, key), other)
                else
                    claimed[key] = work
                end
            end
        end
    end
end

--- Blocks source trunks that the target could not tell apart: after a lost reply, a copy might belong to either.
---@param self trunkhost.Migration
function conflicts.rivals(self)
    local description, buckets = self.to:describe(), {}
    for _, work in ipairs(self.list) do
        for _, move in ipairs(#work.reasons == 0 and not work.failed and work.moves or {}) do
            local planned = move.mapped.planned
            local marks = migrate_target.marks(description, planned) or { "" }
            for _, other in ipairs(marks[1] and buckets[marks[1]] or {}) do
                if not move.rival and neutral.twin(description, move.mapped, other.native) then
                    move.rival = other.work
                end
            end
            if move.rival and not conflicts.is_complete(work) then
                work.reasons[#work.reasons + 1] = ("on %s it could not be told from trunk %s of %s, which is migrated "
                    .. "too: give it another label or user name"):format(self.to:name(), move.rival.source,
                    self.from:name())
            end
            local native = neutral.outcome(move.mapped)
            for _, mark in ipairs(marks) do
                buckets[mark] = buckets[mark] or {}
                table.insert(buckets[mark], { work = work, native = native })
            end
        end
    end
end

--- Trunks with the same create body look the same until they have their parts. So they are created one after the
--- other, and a part from an earlier run is given to one source only.
---@param self trunkhost.Migration
---@return table<string, trunkhost.Semaphore> turns  by the text of the body
function conflicts.line_up(self)
    local owned, alike, turns = {}, {}, {}
    for _, work in ipairs(self.list) do
        for _, move in ipairs(work.moves) do
            local id = move.id and not move.complete and tostring(move.id)
            if id and owned[id] then
                move.id = nil
            elseif id then
                owned[id] = true
            end
            alike[move.key] = not move.complete and (alike[move.key] or 0) + 1 or alike[move.key]
        end
    end
    for key, count in pairs(alike) do
        turns[key] = count > 1 and sync.semaphore(1) or nil
    end
    return turns
end

return conflicts
