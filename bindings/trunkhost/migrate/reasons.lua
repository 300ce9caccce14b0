--- Why a trunk must not be created: what its mapping says, and what the platform would not take of any of its requests.

local core <const> = require "trunkhost.core"
local neutral <const> = require "trunkhost.neutral"

local reasons <const> = {}

--- What the platform would not take of one request; ids that are known only when it is sent are left out.
local function check_body(self, work, endpoint, body, grant)
    local known = {}
    for name, value in pairs(body) do
        known[name] = neutral.refers(value) and tostring(value) or value
    end
    local ok, err = pcall(core.validate, self.to, endpoint, known, grant)
    if ok then
        return
    elseif not core.is_error(err) then
        error(err, 0)
    end
    for field, fault in pairs(err.fields or {}) do
        if not neutral.refers(body[field]) then
            work.reasons[#work.reasons + 1] = ("%s: %s"):format(field, fault)
        end
    end
    if not err.fields then
        work.reasons[#work.reasons + 1] = err.message
    end
end

--- Where a password was looked for and is not.
local function no_secret(self, work, reason)
    if self.options.secrets == "file" then
        return (". %s has none in %s"):format(self.options.supply, reason.field)
    elseif self.options.secrets == "ledger" then
        return (". The ledger has none of trunk %s of %s%s"):format(work.source, self.from:name(),
            work.sealed and (" that can be opened here: " .. work.sealed) or "")
    end
    return ""
end

--- What stands against it besides the mapping: a request that the platform would not take.
local function check_requests(self, work)
    for _, mapped in ipairs(work.result.trunks) do
        check_body(self, work, "create", mapped.body, mapped.grant)
        for _, step in ipairs(#work.reasons == 0 and mapped.after or {}) do
            if #work.reasons == 0 then -- of twenty numbers the first says it
                check_body(self, work, step.endpoint, step.body)
            end
        end
    end
    table.sort(work.reasons)
end

--- Adds them to the work's own.
---@param self trunkhost.Migration
---@param work trunkhost.Work
function reasons.find(self, work)
    for _, reason in ipairs(neutral.blocked(work.result)) do
        work.reasons[#work.reasons + 1] = reason.text
            .. (reason.by == "secret" and no_secret(self, work, reason) or "")
    end
    if #work.reasons == 0 then
        check_requests(self, work)
    end
end

return reasons
