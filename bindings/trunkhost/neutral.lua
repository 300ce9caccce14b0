--- The neutral trunk: a trunk in a form that is the same for every platform, and the conversions to and from it.
---
---     local neutral = require "trunkhost.neutral"
---     local trunk = neutral.of(source:describe(), neutral.read(source, id))
---     local result = neutral.map(trunk, target:describe(), { set = { country = "DE" }, allow_loss = { "label" } })
---     for _, reason in ipairs(neutral.blocked(result)) do print(reason.text) end

local compare <const> = require "trunkhost.mapping.compare"
local core <const> = require "trunkhost.core"
local model <const> = require "trunkhost.mapping.model"
local numbers <const> = require "trunkhost.mapping.numbers"
local shape <const> = require "trunkhost.mapping.shape"
local steps <const> = require "trunkhost.mapping.steps"

local neutral <const> = {
    fields = model.fields, field = model.field, check = model.check, parse = model.parse, new = model.new,
    copy = model.copy, tidy = model.tidy,
    value = compare.value, names = compare.names, resolve = steps.resolve, find = steps.find,
    outcome = steps.outcome, refers = steps.refers,
}

local BUILT_IN <const> = { famulor_like = true, vatel = true, bolna = true, bolna_trunk = true }

--- The pair of functions of a provider, from its description.
---@param description table
---@return table mapping  { name, to_neutral, to_native, parts?, same? }
function neutral.mapping(description)
    local mapping = description.mapping
    if type(mapping) == "string" and BUILT_IN[mapping] then
        return require("trunkhost.mapping." .. mapping)
    elseif type(mapping) == "table" then
        return mapping
    end
    core.error("invalid", mapping and ("the provider %s names an unknown mapping '%s'; built in are bolna, "
        .. "bolna_trunk, famulor_like and vatel"):format(description.name, tostring(mapping))
        or ("the provider %s has no mapping, so its trunks cannot be migrated, exported or edited; docs/mapping.md "
            .. "says how to write one"):format(description.name), { code = "configuration" })
end

--- The trunk in full, including the parts that have their own endpoints.
---@param account trunkhost.Account
---@param id integer|string
---@return table native
function neutral.read(account, id)
    local native = account:get(id)
    for name, endpoint in pairs(neutral.mapping(account:describe()).parts or {}) do
        native[name] = account:list(endpoint, id)
    end
    return native
end

--- The neutral form of a platform's trunk, read in full. Raises if it is not what the API promises.
---@param description table
---@param native table
---@return trunkhost.Neutral
function neutral.of(description, native)
    shape.check(description, native)
    return neutral.mapping(description).to_neutral(native)
end

--- The requests for the target, and what becomes of every field.
---@param trunk trunkhost.Neutral
---@param description table  the target's
---@param options trunkhost.NeutralOptions?
---@return trunkhost.MapResult
function neutral.map(trunk, description, options)
    return neutral.mapping(description).to_native(trunk, options)
end

---@class trunkhost.Reason
---@field field string
---@field by "loss"|"value"|"secret"  how to remove it: allow the loss, give a value, give a secret
---@field text string

local HINTS <const> = {
    loss = "--allow-loss %s accepts that", value = "give one with --set %s=…", secret = "see --secrets",
}

--- Why the trunk is blocked; empty when it is not.
---@param result trunkhost.MapResult
---@return trunkhost.Reason[]
function neutral.blocked(result)
    local reasons = {}
    for _, finding in ipairs(result.findings) do
        if finding.blocks and not finding.allowed then
            reasons[#reasons + 1] = {
                field = finding.field, by = finding.blocks,
                text = ("%s: %s (%s)"):format(finding.field, finding.rule,
                    HINTS[finding.blocks]:format(finding.field)),
            }
        end
    end
    return reasons
end

local function keys(trunk)
    local set, any = {}, false
    for _, number in ipairs(trunk.numbers) do
        set[numbers.key(number.value)], any = true, true
    end
    return set, any
end

--- Whether they share a number. After an unanswered create a trunk may have no numbers yet: that is no difference.
local function share_numbers(planned, found)
    local wanted, any = keys(planned)
    local there, some = keys(found)
    if not any or not some then
        return true
    end
    for number in pairs(wanted) do
        if there[number] then
            return true
        end
    end
    return false
end

local function hosts(trunk)
    local list = {}
    for i, gateway in ipairs(trunk.gateways) do
        list[i] = gateway.host:lower()
    end
    table.sort(list)
    return table.concat(list, " ")
end

--- Whether the hosts fit. If gateways are added one by one, some may still be missing.
local function same_hosts(mapped, found)
    local one_by_one, wanted = false, {}
    for _, step in ipairs(mapped.after) do
        one_by_one = one_by_one or step.adds == "gateways"
    end
    if not one_by_one then
        return hosts(mapped.planned) == hosts(found)
    end
    for _, gateway in ipairs(mapped.planned.gateways) do
        wanted[gateway.host:lower()] = true
    end
    for _, gateway in ipairs(found.gateways) do
        if not wanted[gateway.host:lower()] then
            return false
        end
    end
    return true
end

--- Whether a trunk of the target is the planned one, perhaps not complete yet. Compares the platform's natural key:
--- number, username and host, unless the mapping knows a better one.
---@param description table
---@param mapped trunkhost.Mapped
---@param native table  read in full
---@return boolean
function neutral.twin(description, mapped, native)
    local mapping <const> = neutral.mapping(description)
    local planned <const>, found = mapped.planned, neutral.of(description, native)
    local same = mapping.same and mapping.same(planned, found)
    if same ~= nil then
        return same
    end
    return planned.outbound.username == found.outbound.username and planned.vendor == found.vendor
        and same_hosts(mapped, found) and share_numbers(planned, found)
end

--- The differences between a trunk that was read back and the planned one. Different spellings of a value are equal.
---@param description table
---@param planned trunkhost.Neutral
---@param native table  read in full
---@return { field: string, planned: any, found: any }[]
function neutral.compare(description, planned, native)
    return compare.trunks(planned, neutral.of(description, native))
end

--- The same for two trunks in neutral form.
---@param a trunkhost.Neutral
---@param b trunkhost.Neutral
---@return { field: string, planned: any, found: any }[]
function neutral.differences(a, b)
    return compare.trunks(a, b)
end

--- The numbers that a trunk in service answers, in one spelling: no other trunk may answer them at the same time.
---@param trunk trunkhost.Neutral
---@return table<string, boolean>
function neutral.claims(trunk)
    if trunk.active == false or trunk.inbound.enabled == false then
        return {}
    end
    return (keys(trunk))
end

return neutral
