--- Works out the requests that give a trunk the values of a file, and the reasons that forbid them. The provider's
--- mapping gives the trunk before and after in the platform's own form; only the differences are sent.

local addresses <const> = require "trunkhost.mapping.addresses"
local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local fields <const> = require "trunkhost.neutral.fields"
local json <const> = require "trunkhost.json"
local neutral <const> = require "trunkhost.neutral"
local numbers <const> = require "trunkhost.mapping.numbers"
local parts <const> = require "trunkhost.edit.parts"
local spreadsheet <const> = require "trunkhost.text.spreadsheet"
local steps <const> = require "trunkhost.mapping.steps"

local apply_change <const> = {}

---@class trunkhost.ApplyOptions
---@field allow_loss string[]
---@field grant table<string, boolean>  by field of the neutral trunk

---@class trunkhost.TrunkEdit
---@field changes trunkhost.FieldChange[]
---@field body table                 fields of the trunk itself
---@field grants string[]            dangerous fields among those that the operator has granted
---@field steps trunkhost.PartStep[]
---@field was table<string, any>     its fields now, as fields.of returns them
---@field planned table<string, any> its fields afterwards
---@field reasons string[]           why it is blocked

---@class EditContext
---@field account trunkhost.Account
---@field description table
---@field mapping table
---@field native table
---@field present trunkhost.Neutral
---@field options trunkhost.ApplyOptions
---@field edit trunkhost.TrunkEdit
---@field told table<string, boolean>  fields that have a reason already

local function object(self, field, format, ...)
    if not self.told[field] then
        self.told[field] = true
        table.insert(self.edit.reasons, ("%s: %s"):format(field, format:format(...)))
    end
end

local function map(self, trunk)
    return neutral.map(trunk, self.description, {
        same_account = true, secrets = true, allow_loss = self.options.allow_loss,
    })
end

--- The first trunk of a result in the platform's form, after create and all later steps.
local function outcome(result)
    return steps.outcome(result.trunks[1])
end

-- ---------------------------------------------------------------------------------------------------
-- Objections of the mapping

local function finding_of(result, name)
    for _, finding in ipairs(result.findings) do
        if finding.field == name then
            return finding
        end
    end
end

local function new_reasons(before, after)
    local known, list = {}, {}
    for _, reason in ipairs(neutral.blocked(before)) do
        known[reason.text] = true
    end
    for _, reason in ipairs(neutral.blocked(after)) do
        list[#list + 1] = not known[reason.text] and reason or nil
    end
    return list
end

local function is_allowed(self, field)
    for _, name in ipairs(self.options.allow_loss) do
        if name == field.model or name == field.name or name == "extras" and field.name:find "^extras%." then
            return true
        end
    end
    return false
end

--- Objects to fields that would not get the file's value, or that another field would change.
local function check_exact(self, wanted, before, after)
    local title = self.description.title
    local meant, was = fields.of(wanted), fields.of(self.present)
    local becomes, is = fields.of(after.trunks[1].planned), fields.of(before.trunks[1].planned)
    local extras = {}
    for _, values in ipairs { meant, becomes } do
        for name in pairs(values) do
            extras[name] = name:find "^extras%." and true or nil
        end
    end
    for _, name in ipairs(fields.names(extras)) do
        local field = fields.get(name)
        local untouched = fields.text(field, meant[name]) == fields.text(field, was[name])
            and fields.text(field, becomes[name]) == fields.text(field, is[name])
        if not untouched and not fields.alike(field, meant[name], becomes[name]) then
            local finding = finding_of(after, field.model)
            local rule = finding and finding.verdict ~= "exact" and finding.rule
            if meant[name] == nil then
                object(self, name, "%s requires it%s", title, rule and ": " .. rule or "")
            elseif not (is_allowed(self, field) and not (finding and finding.blocks == "value")) then
                object(self, name, "%s (--allow-loss %s accepts that)", rule or title .. " would store another value",
                    field.model)
            end
        end
    end
end

local function check_mapping(self, wanted, before, after)
    for _, reason in ipairs(new_reasons(before, after)) do
        local rule = finding_of(after, reason.field).rule
        if reason.by == "loss" then
            object(self, reason.field, "%s (--allow-loss %s accepts that)", rule, reason.field)
        else
            object(self, reason.field, "%s", rule)
        end
    end
    if #after.trunks > 1 then
        object(self, "numbers", "a trunk of %s has only one number", self.description.title)
    end
    local had = {}
    for _, secret in ipairs(before.trunks[1].secrets) do
        had[secret.field] = true
    end
    for _, secret in ipairs(after.trunks[1].secrets) do
        if not had[secret.field] then
            object(self, secret.leg .. ".username", "it would need a password, %s, and a file cannot set passwords",
                secret.field)
        end
    end
    check_exact(self, wanted, before, after)
end

-- ---------------------------------------------------------------------------------------------------
-- Dangerous changes

local EMPTY <const> = {
    numbers = true, ["inbound.sources"] = true, gateways = true, codecs = true, caller_id_transforms = true,
    ["extras.assignments"] = true,
}

local function is_empty(value)
    return value == nil or type(value) == "table" and next(value) == nil
end

--- What a spreadsheet seems to have done to an existing number: removed its plus sign or zeros, rounded it, or cut it
--- at commas. Words for the operator, or nil.
local function made_number(change)
    local new, old, digits = {}, {}, ""
    for _, number in ipairs(change.after or {}) do
        new[number] = true
    end
    for _, number in ipairs(change.before or {}) do
        old[number] = true
    end
    for _, number in ipairs(change.after or {}) do
        digits = digits .. (old[number] and "" or number:gsub("%D", ""))
    end
    for _, before in ipairs(change.before or {}) do
        for _, after in ipairs(not new[before] and change.after or {}) do
            local words = not old[after] and spreadsheet.made(before, after)
            if words then
                return words
            end
        end
        if not new[before] and not new["+" .. digits] and not new[digits] and before:gsub("%D", "") == digits then
            return before .. " was split at commas, as a spreadsheet writes them"
        end
    end
end

--- A new number that is too short for one, where numbers have a country code: at this platform, or those that it
--- replaces. A spreadsheet writes a date as the number of its day.
local function short_number(change, mapping)
    local old, is_wanted = {}, mapping.numbers == "international" or #(change.before or {}) > 0
    for _, number in ipairs(change.before or {}) do
        old[number] = true
        is_wanted = is_wanted and (mapping.numbers == "international" or numbers.kind(number) == "e164")
    end
    for _, number in ipairs(is_wanted and change.after or {}) do
        if not old[number] and number:find "^%d+$" and numbers.kind(number) ~= "e164" then
            return number .. " is too short for a number with a country code, as a spreadsheet makes of a date"
        end
    end
end

--- The same for any field.
local function made(change, mapping)
    local before, after = change.before, change.after
    if change.field.name == "numbers" then
        return made_number(change) or short_number(change, mapping)
    elseif change.field.form == "map" then
        for number, text in pairs(after or {}) do
            local words = (before or {})[number] and spreadsheet.made(before[number], text)
            if words then
                return words
            end
        end
    elseif type(before) == "string" and type(after) == "string" then
        return spreadsheet.made(before, after)
    end
end

local function check_danger(self)
    for _, change in ipairs(self.edit.changes) do
        local name = change.field.name
        local function needs_grant(what)
            if not self.options.grant[name] then
                object(self, name, "%s (refused unless --grant %s is given)", what, name)
            end
        end
        if EMPTY[name] and is_empty(change.after) and not is_empty(change.before) then
            needs_grant "the list would be empty"
        elseif name == "inbound.sources" and addresses.is_wider(change.before or {}, change.after or {}) then
            needs_grant "it would allow senders that are not allowed now"
        elseif (name == "inbound.mode" or name == "outbound.mode") and change.after == "none" then
            needs_grant "authentication would be switched off"
        end
        local words = made(change, self.mapping)
        if words then
            needs_grant(words)
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Requests

--- The value that empties a field of the platform's trunk; nil when none is documented.
local function emptied(field)
    if field.clears then
        return field.clears
    elseif field.replaces then
        return json.array {}
    elseif field.nullable and field.type ~= "boolean" then
        return json.null
    elseif field.type == "string" and not field.enum and not field.default and (field.min or 0) == 0 then
        return ""
    end
end

--- The edited fields that alone change a field of the platform; all edited fields when none does.
local function causes_of(self, name)
    local unchanged, causes = canonical.text(outcome(map(self, self.present))[name]), {}
    for _, change in ipairs(self.edit.changes) do
        local alone = fields.put(self.present, { change }, self.mapping.kind)
        if canonical.text(outcome(map(self, alone))[name]) ~= unchanged then
            causes[#causes + 1] = change.field.name
        end
    end
    for _, change in ipairs(#causes == 0 and self.edit.changes or {}) do
        causes[#causes + 1] = change.field.name
    end
    return causes
end

local function body_of(self, before, after)
    local names, body = {}, self.edit.body
    for _, from in ipairs { before, after } do
        for name in pairs(from) do
            names[name] = true
        end
    end
    for name in pairs(names) do
        local is_part = self.mapping.edits and self.mapping.edits[name]
        if not is_part and canonical.text(before[name]) ~= canonical.text(after[name]) then
            body[name] = after[name]
            if after[name] == nil then
                local value = emptied(self.description.objects.trunk.fields[name] or {})
                if value == nil then
                    local field = causes_of(self, name)[1] or name
                    object(self, field, "%s does not document how to empty it (%s)", self.description.title, name)
                end
                body[name] = value
            end
        end
    end
    -- A pair that must be sent together is emptied together.
    for _, rule in ipairs(self.description.objects.trunk.rules or {}) do
        for _, name in ipairs(rule.together or {}) do
            if body[name] == "" or body[name] == json.null then
                for _, other in ipairs(rule.together) do
                    body[other] = json.null
                end
            end
        end
    end
end

--- The fields of the platform that the operator has granted by their neutral names.
local function grants_of(self)
    local granted = {}
    if next(self.options.grant) then
        for name in pairs(self.edit.body) do
            for _, cause in ipairs(causes_of(self, name)) do
                granted[#granted + 1] = self.options.grant[cause] and name or nil
            end
        end
    end
    return granted
end

--- Reports a fault in a field of the platform under the name of the edited field.
local function object_to_fault(self, native, fault, causes)
    local field = self.description.objects.trunk.fields[native]
    local what = fault:match "^(.-) %(refused unless .- is granted%)$"
    for _, name in ipairs(causes) do
        if what then
            object(self, name, "%s %s (refused unless --grant %s is given)", native, what, name)
        elseif field and field.secret then
            object(self, name, "%s %s; a file cannot set passwords", native, fault)
        else
            object(self, name, "%s %s", native, fault)
        end
    end
end

local function validate(self, endpoint, body, grants, causes)
    local ok, err = pcall(core.validate, self.account, endpoint, body, grants)
    if ok then
        return
    elseif not core.is_error(err) then
        error(err, 0)
    end
    for native, fault in pairs(err.fields or {}) do
        object_to_fault(self, native, fault, causes(native:match "^[%w_]+"))
    end
    if not err.fields then
        table.insert(self.edit.reasons, err.message)
    end
end

local function check_requests(self)
    local edit = self.edit
    edit.grants = grants_of(self)
    if next(edit.body) then
        validate(self, "update", edit.body, edit.grants, function(native) return causes_of(self, native) end)
    end
    for _, step in ipairs(edit.steps) do
        if step.body and next(step.body) then
            local grants = {}
            for name in pairs(self.options.grant[step.field] and step.body or {}) do
                grants[#grants + 1] = name
            end
            step.grants = grants
            validate(self, step.endpoint, step.body, grants, function() return { step.field } end)
        end
    end
end

--- Works out the requests. If there are reasons, nothing may be sent.
---@param account trunkhost.Account
---@param native table                     the trunk, read in full
---@param present trunkhost.Neutral        its neutral form
---@param changes trunkhost.FieldChange[]
---@param options trunkhost.ApplyOptions
---@return trunkhost.TrunkEdit
function apply_change.work_out(account, native, present, changes, options)
    local description <const> = account:describe()
    local edit <const> = { changes = changes, body = {}, grants = {}, steps = {}, was = {}, planned = {}, reasons = {} }
    local self <const> = {
        account = account, description = description, mapping = neutral.mapping(description), native = native,
        present = present, options = options, edit = edit, told = {},
    }
    if #changes == 0 then
        return edit
    end
    local wanted = fields.put(present, changes, self.mapping.kind)
    local before, after = map(self, present), map(self, wanted)
    check_danger(self)
    check_mapping(self, wanted, before, after)
    edit.was, edit.planned = fields.of(present), fields.of(after.trunks[1].planned)
    local old, new = outcome(before), outcome(after)
    body_of(self, old, new)
    local problems
    edit.steps, problems = parts.steps(self.mapping.edits or {}, { native = native, before = old, after = new,
        mapped = after.trunks[1] })
    for _, field in ipairs(problems) do
        object(self, field, "the API of %s cannot change it", description.title)
    end
    check_requests(self)
    return edit
end

--- The same text for the same requests.
---@param edit trunkhost.TrunkEdit
---@return string
function apply_change.signature(edit)
    local list = { canonical.text(edit.body) }
    for _, step in ipairs(edit.steps) do
        list[#list + 1] = canonical.text({ step.endpoint, step.key, step.body or json.null })
    end
    return table.concat(list, "\n")
end

return apply_change
