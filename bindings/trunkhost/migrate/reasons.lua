--- Why a trunk is blocked: objections of its mapping, and requests that the platform would refuse.

local core <const> = require "trunkhost.core"
local neutral <const> = require "trunkhost.neutral"

local reasons <const> = {}

--- Checks one request. Ids that are known only when it is sent are left out.
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

--- Says where a missing password was looked for.
local function no_secret(self, work, reason)
    if self.options.secrets == "file" then
        return (". %s has none in column %s"):format(self.options.supply, reason.field)
    elseif self.options.secrets == "ledger" then
        return (". The ledger has none of trunk %s of %s%s"):format(work.source, self.from:name(),
            work.sealed and (" that can be opened here: " .. work.sealed) or "")
    end
    return ""
end

--- Checks all requests of a trunk.
local function check_requests(self, work)
    for _, mapped in ipairs(work.result.trunks) do
        check_body(self, work, "create", mapped.body, mapped.grant)
        for _, step in ipairs(#work.reasons == 0 and mapped.after or {}) do
            if #work.reasons == 0 then -- the first reason is enough for twenty numbers
                check_body(self, work, step.endpoint, step.body)
            end
        end
    end
    table.sort(work.reasons)
end

--- Adds the reasons to the work.
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
