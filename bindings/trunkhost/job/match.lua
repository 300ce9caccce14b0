--- The rules of --match: FIELD=GLOB and FIELD!=GLOB, with | between alternative globs.

local json <const> = require "trunkhost.json"
local suggest <const> = require "trunkhost.text.suggest"
local usage <const> = require "trunkhost.text.usage"

local match <const> = {}

local BOOLEANS <const> = {
    ["true"] = true, yes = true, on = true, ["1"] = true, ["false"] = false, no = false, off = false, ["0"] = false,
}

local function glob_pattern(glob)
    local parts = {}
    for char in glob:gmatch(utf8.charpattern) do
        if char == "*" then
            parts[#parts + 1] = ".*"
        elseif char == "?" then
            parts[#parts + 1] = utf8.charpattern
        else
            parts[#parts + 1] = (char:gsub("%p", "%%%0"))
        end
    end
    return "^" .. table.concat(parts) .. "$"
end

--- An id in the form in which ids are compared: the case of a UUID does not matter.
---@param id string
---@return string
function match.id(id)
    return #id == 36 and id:find "^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$" and id:lower() or id
end

--- Whether a text matches a glob: * is any text, ? is one character.
---@param text string
---@param glob string
---@return boolean
function match.glob(text, glob)
    return text:find(glob_pattern(glob)) ~= nil
end

--- Splits a rule at its bars; \| is a literal bar.
local function globs_of(text)
    local globs, part = {}, ""
    for before, bar in (text .. "|"):gmatch "([^|]*)(|)" do
        if before:sub(-1) == "\\" then
            part = part .. before:sub(1, -2) .. bar
        else
            globs[#globs + 1], part = part .. before, ""
        end
    end
    if part ~= "" then
        globs[#globs + 1] = part:sub(1, -2)
    end
    return globs
end

---@class trunkhost.MatchRule
---@field field string
---@field negate boolean
---@field text string       as it was given
---@field globs string[]
---@field patterns string[]
---@field hit boolean?      whether any trunk matches it

--- Makes rules of the options.
---@param given { field: string, glob: string, negate?: boolean }[]
---@return trunkhost.MatchRule[]
function match.rules(given)
    local rules = {}
    for i, each in ipairs(given) do
        local globs, patterns = globs_of(each.glob), {}
        for j, glob in ipairs(globs) do
            patterns[j] = glob_pattern(glob)
        end
        rules[i] = { field = each.field, negate = each.negate == true, globs = globs, patterns = patterns,
            text = each.field .. (each.negate and "!=" or "=") .. each.glob }
    end
    return rules
end

-- ---------------------------------------------------------------------------------------------------
-- Fields

local function listed_fields(description)
    local names = { id = true }
    for name, field in pairs(description.objects.trunk.fields) do
        names[name] = field.read == true or nil
    end
    return names
end

--- The field that --match means on this platform; nil when its list of trunks has no such field.
local function resolve(description, name)
    if listed_fields(description)[name] then
        return name
    end
    return name == "label" and description.label or nil
end

--- Refuses a field that no account lists: a typing mistake in --match would silently choose nothing.
---@param opened trunkhost.Account[]
---@param rules trunkhost.MatchRule[]
function match.check_fields(opened, rules)
    for _, rule in ipairs(rules) do
        local known, found = { label = true }, false
        for _, account in ipairs(opened) do
            local description = account:describe()
            found = found or resolve(description, rule.field) ~= nil
            for name in pairs(listed_fields(description)) do
                known[name] = true
            end
        end
        if not found then
            usage.fail("--match %s: %s has no such field in its list of trunks%s", rule.field,
                #opened == 1 and opened[1]:name() or "no chosen account", suggest.hint(rule.field, known))
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Trunks

local function text_of(value)
    return (value == nil or value == json.null) and "" or tostring(value)
end

--- Whether test(value, text) holds for the value, or for one of a list.
local function any(value, test)
    if type(value) ~= "table" then
        return test(value, text_of(value))
    end
    for _, item in ipairs(value) do
        if type(item) ~= "table" and any(item, test) then
            return true
        end
    end
    return false
end

local function fulfils(rule, value)
    local is_like = any(value, function(_, text)
        for _, pattern in ipairs(rule.patterns) do
            if text:find(pattern) then return true end
        end
        return false
    end)
    return is_like ~= rule.negate
end

--- Whether a trunk matches all rules. If its platform does not have the field, it matches no rule, not even with !=.
---@param account trunkhost.Account
---@param trunk table
---@param rules trunkhost.MatchRule[]
---@return boolean
function match.admits(account, trunk, rules)
    local all = true
    for _, rule in ipairs(rules) do
        local field = resolve(account:describe(), rule.field)
        local holds = field ~= nil and fulfils(rule, trunk[field])
        rule.hit, all = rule.hit or holds, all and holds
    end
    return all
end

-- ---------------------------------------------------------------------------------------------------
-- No trunk matches

--- A value that differs from a rule only in case or in the spelling of a boolean; nil when there is none.
local function near(rule, value)
    local meant
    any(value, function(each, text)
        for _, glob in ipairs(rule.globs) do
            local is_boolean = type(each) == "boolean" and BOOLEANS[glob:lower()] == each
            if is_boolean or match.glob(text:lower(), glob:lower()) then
                meant = text
                return true
            end
        end
        return false
    end)
    return meant
end

--- The message when no trunk matches. trunks: an iterator over account, trunk of all trunks that were checked.
---@param rules trunkhost.MatchRule[]
---@param trunks fun(): trunkhost.Account?, table?
---@return string
function match.explain(rules, trunks)
    local hints, looked = {}, 0
    for account, trunk in trunks do
        looked = looked + 1
        for _, rule in ipairs(rules) do
            if not (rule.hit or rule.negate or hints[rule]) then
                local field = resolve(account:describe(), rule.field)
                hints[rule] = field and near(rule, trunk[field])
            end
        end
    end
    local parts = {}
    for _, rule in ipairs(rules) do
        if not rule.hit and looked > 0 then
            parts[#parts + 1] = ("--match '%s' matches no trunk%s"):format(rule.text, hints[rule]
                and (": case and spelling matter; did you mean '%s=%s'?"):format(rule.field, hints[rule]) or "")
        end
    end
    return #parts > 0 and table.concat(parts, "; ") or looked > 0 and "no trunk matches every --match"
        or "--match: there are no trunks to choose from"
end

return match
