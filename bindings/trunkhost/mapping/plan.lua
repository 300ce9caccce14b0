--- Turns a neutral trunk into a platform's trunk: the notes of a mapping, and the findings that follow.
---
--- Verdicts are computed: what would be sent is read as a neutral trunk again and compared with the source, so a
--- finding cannot claim that a lost value is kept. A mapping adds the reason, and whether it blocks the trunk.

local compare <const> = require "trunkhost.mapping.compare"
local core <const> = require "trunkhost.core"
local model <const> = require "trunkhost.mapping.model"
local steps <const> = require "trunkhost.mapping.steps"

---@class trunkhost.Finding
---@field field string      as in the neutral trunk
---@field verdict "exact"|"changed"|"lost"|"missing"|"secret"
---@field before any        at the source; nil: no value
---@field after any         at the target; nil: no value
---@field rule string       a sentence for the operator
---@field blocks "loss"|"value"|"secret"|nil  the trunk must not be created unless the loss is allowed by name, or
---                          the value or the secret is given
---@field allowed boolean?  the loss was allowed

---@class trunkhost.Mapped  one trunk to create
---@field body table
---@field after trunkhost.Step[]
---@field makes table?              values that create sets in fields that it does not accept
---@field number string?            if the target has one number per trunk
---@field grant string[]?           dangerous fields that have the same value at the source
---@field secrets { field: string, leg: string }[]  fields of the body that hold secrets
---@field planned trunkhost.Neutral the trunk as it should be afterwards

---@class trunkhost.NeutralOptions
---@field set table<string, any>?        values that the operator gives, by the neutral trunk's fields
---@field allow_loss string[]?           fields that may be lost
---@field secrets table|true|nil         { inbound = secret, outbound = secret }; true: they will be given later
---@field same_account boolean?          agents of the source exist at the target
---@field inactive_first boolean?        keep it out of service until it is complete, if the platform can

---@class trunkhost.MapResult
---@field target string
---@field trunks trunkhost.Mapped[]
---@field findings trunkhost.Finding[]

---@class trunkhost.NeutralPlan
local Plan <const> = {}
Plan.__index = Plan

local plan <const> = {}

local function fail(format, ...)
    core.error("invalid", format:format(...), { code = "mapping" })
end

local function set_of(list)
    local set = {}
    for key, value in pairs(list or {}) do
        set[type(key) == "number" and value or key] = true
    end
    return set
end

local function give_agents(neutral, agents)
    if type(agents) == "string" then
        neutral.agent_ref = agents
    end
    for _, number in ipairs(neutral.numbers) do
        number.agent_ref = type(agents) == "table" and agents[require("trunkhost.mapping.numbers").key(number.value)]
            or nil
    end
end

--- The source with the operator's values, and without agents that do not exist at the target.
local function wanted(self, agents_of)
    local neutral <const> = model.copy(self.source)
    local own = self.options.same_account and agents_of[neutral.origin or ""]
    if not own then
        give_agents(neutral, {})
        neutral.agent_ref = nil
        neutral.extras.assignments = nil
    end
    local agents
    for name, value in pairs(self.options.set or {}) do
        local parsed, problem = model.parse(name, value)
        if problem then
            fail("%s %s", name, problem)
        end
        self.given[name] = true
        if name == "agent_ref" then
            agents = parsed
        else
            model.put(neutral, name, parsed)
        end
    end
    if agents ~= nil then
        give_agents(neutral, agents)
    end
    return neutral
end

---@param target { name: string, title: string, agents_of: table<string, boolean> }
---@param neutral trunkhost.Neutral
---@param options trunkhost.NeutralOptions?
---@return trunkhost.NeutralPlan
function plan.new(target, neutral, options)
    local self <const> = setmetatable({
        target = target, source = model.tidy(neutral),
        options = options or {}, notes = {}, given = {}, wants = {}, secrets = {},
    }, Plan)
    self.allow = set_of(self.options.allow_loss)
    self.wanted = wanted(self, target.agents_of or {})
    self.native = self.source.origin == target.name
    return self
end

--- Notes the reason for what becomes of a field. blocks: it blocks the trunk ("loss": unless it is allowed by name;
--- "value": until a value is given); false: it does not, although it is a loss. verdict: replaces that of the
--- comparison, where that would be wrong.
---@param field string
---@param rule string
---@param more { verdict: string?, blocks: string|false|nil }?
function Plan:note(field, rule, more)
    more = more or {}
    self.notes[field] = { rule = rule, verdict = more.verdict, blocks = more.blocks }
end

--- Notes that the target needs a value that is missing: the trunk is blocked.
---@param field string
---@param rule string
function Plan:need(field, rule)
    self.notes[field] = { rule = rule, verdict = "missing", blocks = "value" }
end

--- Notes that the source does not show the value, and the target does not need it.
---@param field string
---@param rule string
function Plan:missing(field, rule)
    self.notes[field] = { rule = rule, verdict = "missing" }
end

--- Puts the leg's secret into the body, and notes that it must be given.
---@param body table
---@param field string
---@param leg "inbound"|"outbound"
---@param rule string
function Plan:secret(body, field, leg, rule)
    local given = self.options.secrets
    local secret = type(given) == "table" and given[leg] or nil
    body[field] = secret
    self.wants[#self.wants + 1] = { field = field, leg = leg }
    self.secrets[leg] = { rule = rule, blocks = not secret and given ~= true and "secret" or nil }
end

--- Notes that a leg's secret is not needed, or shared.
---@param leg "inbound"|"outbound"
---@param rule string
---@param verdict string
function Plan:no_secret(leg, rule, verdict)
    self.secrets[leg] = { rule = rule, verdict = verdict }
end

--- Bolna's older API may have registered at the carrier, without a field that says so.
function Plan:registered_before()
    if self.source.origin == "bolna" and self.source.outbound.mode == "digest" then
        self:note("registration.enabled", "the source may register at the carrier; the target does not, so the carrier "
            .. "must send calls to the new address", { verdict = "lost" })
    end
end

--- The first `length` characters.
---@param text string
---@param length integer
---@return string
function plan.cut(text, length)
    local count = utf8.len(text)
    if not count then
        return text:sub(1, length)
    elseif count <= length then
        return text
    end
    return text:sub(1, utf8.offset(text, length + 1) - 1)
end

--- The gateways, first choice first.
---@return trunkhost.NeutralGateway[]
function Plan:gateways()
    local list = {}
    for i, gateway in ipairs(self.wanted.gateways) do
        list[i] = { host = gateway.host, port = gateway.port, priority = gateway.priority, place = i }
    end
    table.sort(list, function(a, b)
        local first, second = a.priority or 1, b.priority or 1
        return first < second or first == second and a.place < b.place
    end)
    return list
end

--- The host for a target that has only one, without a port: the first by priority.
---@return string?
function Plan:only_host()
    local list = self:gateways()
    if not list[1] then
        return nil
    end
    local port = list[1].port
    if #list > 1 or port and port ~= 5060 then
        self:note("gateways", self.target.title .. " has one host without a port: other gateways, and a port other "
            .. "than 5060, are lost", { blocks = "loss" })
    elseif port then
        self:note("gateways", self.target.title .. " has no port setting; 5060 is the default")
    end
    return list[1].host
end

local STANDARD <const> = {
    exact = "copied unchanged",
    given = "given for this run",
    active = "the target cannot switch this off: it would be in service there",
}

local function rule_of(self, name, verdict, note)
    if note then
        return note.rule
    elseif verdict == "exact" then
        return STANDARD.exact
    elseif self.given[name] then
        return STANDARD.given
    elseif verdict == "lost" and (name == "active" or name:find "%.enabled$") and not name:find "^registration" then
        return STANDARD.active
    elseif verdict == "lost" then
        return self.target.title .. " cannot store it"
    end
    return self.target.title .. " decides this itself"
end

--- Whether the operator set the value, which is then no loss, unless that would switch encryption off unnoticed.
local function is_consent(self, name)
    return self.given[name] and name ~= "transport" and name ~= "media_encryption"
end

-- Fields in which an impossible given value must not become another one.
local AS_GIVEN <const> = { vendor = true, transport = true, media_encryption = true, calling_format = true }

local function is_not_as_given(self, name, after)
    if not (AS_GIVEN[name] and self.given[name]) or self.allow[name] then
        return false
    end
    local given = compare.value(self.wanted, name):lower()
    return (after == nil and name == "media_encryption" and given ~= "none") or after ~= nil and after:lower() ~= given
end

local function finding(self, name, planned)
    local before, after = compare.value(self.source, name), compare.value(planned, name)
    local note = self.notes[name]
    local refused = is_not_as_given(self, name, after)
    local verdict = note and note.verdict or compare.verdict(name, before, after) or refused and "lost"
    if not verdict then
        return nil
    end
    local blocks
    if refused then
        blocks = "value"
    elseif note and note.verdict == "missing" then
        blocks = note.blocks
    elseif verdict == "lost" and is_consent(self, name) and after ~= nil and not (note and note.blocks) then
        verdict = "changed"
    elseif verdict == "lost" then
        blocks = note and note.blocks
        if blocks == nil then
            blocks = "loss"
        end
    elseif note and verdict == "changed" then
        blocks = note.blocks
    end
    local extras = name:find "^extras%." and self.allow.extras
    local rule = rule_of(self, name, verdict, note)
    if refused then
        rule = ("'%s' was given and is not possible%s"):format(compare.value(self.wanted, name),
            note and ": " .. note.rule or " at " .. self.target.title)
    end
    return {
        field = name, verdict = verdict, before = before, after = after, rule = rule,
        blocks = blocks or nil,
        allowed = blocks == "loss" and (self.allow[name] or extras) and true or nil,
    }
end

--- The trunks that one source becomes, as one for the findings.
local function combined(trunks)
    local all = model.copy(trunks[1].planned)
    for i = 2, #trunks do
        table.move(trunks[i].planned.numbers, 1, #trunks[i].planned.numbers, #all.numbers + 1, all.numbers)
    end
    return all
end

--- The result: every field of source and target has a finding.
---@param trunks trunkhost.Mapped[]  at least one
---@param to_neutral fun(native: table): trunkhost.Neutral
---@return trunkhost.MapResult
function Plan:finish(trunks, to_neutral)
    for _, trunk in ipairs(trunks) do
        trunk.planned = to_neutral(steps.outcome(trunk))
        trunk.secrets = self.wants
    end
    local planned <const> = combined(trunks)
    local findings = {}
    for _, name in ipairs(compare.names(self.source, planned)) do
        findings[#findings + 1] = finding(self, name, planned)
    end
    for _, leg in ipairs { "inbound", "outbound" } do
        local secret = self.secrets[leg]
        if secret then
            findings[#findings + 1] = {
                field = leg .. ".secret", verdict = secret.verdict or "secret", rule = secret.rule,
                blocks = secret.blocks,
            }
        end
    end
    return { target = self.target.name, trunks = trunks, findings = findings }
end

return plan
