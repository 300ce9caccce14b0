--- Where trunks of a migration are in each other's way, or in the way of what is at the target: numbers that two would
--- answer, trunks that the target could not tell apart.

local neutral <const> = require "trunkhost.neutral"
local sync <const> = require "trunkhost.sync"

local conflicts <const> = {}

--- Whether everything that a source trunk becomes is there.
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
    return claims
end

--- A number that two trunks would answer: one of them would never get its calls.
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
                    work.reasons[#work.reasons + 1] = ("numbers: %s would be answered by two trunks: this one and %s")
                        :format(key, other)
                else
                    claimed[key] = work
                end
            end
        end
    end
end

--- Two source trunks that the target could not tell apart: after a lost reply nobody would know whose it is.
---@param self trunkhost.Migration
function conflicts.rivals(self)
    local description, buckets = self.to:describe(), {}
    for _, work in ipairs(self.list) do
        for _, move in ipairs(#work.reasons == 0 and not work.failed and work.moves or {}) do
            local planned = move.mapped.planned
            -- What two of them have in common if one can be taken for the other.
            local names = { "o" .. (planned.outbound.username or "") }
            names[#names + 1] = planned.label and "l" .. planned.label
            names[#names + 1] = planned.inbound.username and "i" .. planned.inbound.username
            for _, name in ipairs(names) do
                buckets[name] = buckets[name] or {}
                for _, other in ipairs(move.rival and {} or buckets[name]) do
                    if not move.rival and neutral.twin(description, move.mapped, other.native) then
                        move.rival = other.work
                    end
                end
            end
            if move.rival and not conflicts.is_complete(work) then
                work.reasons[#work.reasons + 1] = ("%s could not tell it from trunk %s of %s, which goes there too: "
                    .. "give it another name or user"):format(self.to:name(), move.rival.source, self.from:name())
            end
            local native = neutral.outcome(move.mapped)
            for _, name in ipairs(names) do
                table.insert(buckets[name], { work = work, native = native })
            end
        end
    end
end

--- Until they have their parts, trunks of one body look alike. What an earlier run has left of one belongs to one
--- source only, and they are made one after the other, so that a look can tell.
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
