--- The neutral trunk: its fields, their values, and how an operator writes a value.

local addresses <const> = require "trunkhost.mapping.addresses"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local numbers <const> = require "trunkhost.mapping.numbers"

local model <const> = {}

---@class trunkhost.NeutralNumber
---@field value string          in the source's spelling
---@field kind "e164"|"extension"
---@field routing_key string?   the user part that the carrier sends for it
---@field name string?
---@field agent_ref string?     the agent that answers it, by its id on the source platform
---@field extras table?         options of one platform only

---@class trunkhost.NeutralGateway
---@field host string
---@field port integer?         nil: the platform decides
---@field priority integer?     lower comes first

---@class trunkhost.Neutral  nil: the source has no value, or the platform decides
---@field origin string?        the mapping that produced it
---@field label string?
---@field description string?
---@field vendor string?
---@field numbers trunkhost.NeutralNumber[]
---@field agent_ref string?     the agent of numbers without their own
---@field inbound { mode: string?, username: string?, sources: string[], enabled: boolean? }
---@field outbound { mode: string?, username: string?, enabled: boolean? }
---@field gateways trunkhost.NeutralGateway[]
---@field transport string?
---@field media_encryption string?
---@field codecs string[]?
---@field calling_format string?
---@field caller_id_transforms table[]?
---@field country string?
---@field registration { enabled: boolean?, status: table? }
---@field fixed_source_ip boolean?
---@field channels integer?
---@field active boolean?
---@field extras table<string, any>  options of one platform only, verbatim
---@field refs table<string, any>    read only: ids, times, health

---@class trunkhost.NeutralField
---@field name string
---@field type string
---@field doc string
---@field choices string[]?
---@field decides boolean?  if it is not sent, the platform decides, so it may come back with a value

local MODES <const> = { "none", "digest", "ip" }

--- In the order in which people want to read them.
---@type trunkhost.NeutralField[]
model.fields = {
    { name = "label", type = "text", doc = "What people call the trunk." },
    { name = "description", type = "text", doc = "A longer note." },
    { name = "vendor", type = "text", doc = "Preset, carrier or PBX.", decides = true },
    { name = "numbers", type = "numbers", doc = "Numbers or extensions." },
    { name = "numbers.name", type = "of numbers", doc = "What people call a number." },
    { name = "numbers.routing_key", type = "of numbers", doc = "The user part that the carrier sends for a number.",
        decides = true },
    { name = "agent_ref", type = "agent", doc = "The agent that answers, for the trunk or for each number." },
    { name = "inbound.mode", type = "choice", choices = MODES,
        doc = "How the platform knows that the carrier is calling." },
    { name = "inbound.username", type = "text", doc = "The carrier's name with digest." },
    { name = "inbound.sources", type = "sources", doc = "Addresses, ranges and hosts that may call in." },
    { name = "inbound.enabled", type = "boolean", doc = "Takes calls.", decides = true },
    { name = "outbound.mode", type = "choice", choices = MODES,
        doc = "How the carrier knows that the platform is calling." },
    { name = "outbound.username", type = "text", doc = "The platform's name with digest." },
    { name = "outbound.enabled", type = "boolean", doc = "Places calls.", decides = true },
    { name = "gateways", type = "gateways", doc = "The carrier's hosts, with port and priority." },
    { name = "transport", type = "choice", choices = { "udp", "tcp", "tls" }, doc = "SIP transport.",
        decides = true },
    { name = "media_encryption", type = "choice", choices = { "none", "sdes", "sdes-optional" },
        doc = "Encryption of the audio.", decides = true },
    { name = "codecs", type = "codecs", doc = "In order of preference: PCMU, PCMA, …", decides = true },
    { name = "calling_format", type = "choice", choices = { "+e164", "e164", "national" },
        doc = "How outbound numbers are written.", decides = true },
    { name = "caller_id_transforms", type = "transforms", doc = "Steps on the caller id, in this order." },
    { name = "country", type = "country", doc = "Two letters, as DE." },
    { name = "registration.enabled", type = "boolean", doc = "The platform registers at the carrier.",
        decides = true },
    { name = "fixed_source_ip", type = "boolean", doc = "Outbound calls leave from a fixed address.",
        decides = true },
    { name = "channels", type = "integer", doc = "Calls at once.", decides = true },
    { name = "active", type = "boolean", doc = "The trunk is in service.", decides = true },
}

local by_name <const> = {}
for _, field in ipairs(model.fields) do
    by_name[field.name] = field
end

---@param name string
---@return trunkhost.NeutralField?
function model.field(name)
    return by_name[name]
end

--- The value; nil for null and "".
function model.some(value)
    if value == json.null or value == "" then
        return nil
    end
    return value
end

--- A list of platform values, empty when there is none.
function model.list(value)
    value = model.some(value)
    return type(value) == "table" and value or {}
end

--- An empty neutral trunk.
---@param origin string?
---@return trunkhost.Neutral
function model.new(origin)
    return {
        origin = origin, numbers = json.array {}, inbound = { sources = json.array {} }, outbound = {},
        gateways = json.array {}, registration = {}, extras = {}, refs = {},
    }
end

--- A deep copy; the marks of JSON arrays stay.
function model.copy(value)
    if type(value) ~= "table" then
        return value
    end
    local copy = {}
    for key, item in pairs(value) do
        copy[key] = model.copy(item)
    end
    return json.is_array(value) and json.array(copy) or copy
end

--- Kept as they are: an empty text in them may have a meaning.
local VERBATIM <const> = { caller_id_transforms = true, extras = true, refs = true }

local function clean(value)
    if type(value) ~= "table" then
        return model.some(value)
    end
    local copy = {}
    if json.is_array(value) or #value > 0 then
        for _, item in ipairs(value) do
            copy[#copy + 1] = clean(item)
        end
        return json.array(copy)
    end
    for name, item in pairs(value) do
        copy[name] = clean(item)
    end
    return copy
end

--- A copy without null and "", but with every list and group: for trunks from files.
---@param neutral table
---@return trunkhost.Neutral
function model.tidy(neutral)
    local tidy <const> = model.new(model.some(neutral.origin))
    for name, value in pairs(neutral) do
        local kept = model.some(value)
        if VERBATIM[name] then
            kept = model.copy(kept)
        else
            kept = clean(kept)
        end
        local group = type(kept) == "table" and (name == "inbound" or name == "outbound" or name == "registration")
        for member, item in pairs(group and kept or {}) do
            tidy[name][member] = item
        end
        if kept ~= nil and not group then
            tidy[name] = kept
        end
    end
    return tidy
end

---@param neutral trunkhost.Neutral
---@param name string
---@param value any
function model.put(neutral, name, value)
    local group, member = name:match "^(%w+)%.(.*)$"
    if group then
        neutral[group] = neutral[group] or {}
        neutral[group][member] = value
    else
        neutral[name] = value
    end
end

local function is_text(value)
    return type(value) == "string" and value ~= ""
end

-- ---------------------------------------------------------------------------------------------------
-- Values written by operators

local function words(text)
    local list = json.array {}
    for word in text:gmatch "[^%s,;]+" do
        list[#list + 1] = word
    end
    return #list > 0 and list or nil
end

local parse <const> = {}

function parse.text(text)
    return text ~= "" and text or nil, "must not be empty"
end

function parse.choice(text, field)
    for _, choice in ipairs(field.choices) do
        if choice == text then
            return text
        end
    end
    return nil, "must be one of " .. table.concat(field.choices, ", ")
end

function parse.boolean(text)
    local values <const> = { yes = true, ["true"] = true, no = false, ["false"] = false }
    return values[text:lower()], "must be yes or no"
end

function parse.integer(text)
    local number = text:find "^%d+$" and math.tointeger(tonumber(text))
    return number and number > 0 and number or nil, "must be a whole number above 0"
end

function parse.country(text)
    return text:upper():match "^%u%u$", "must be two letters, such as DE"
end

function parse.sources(text)
    return words(text), "must be addresses, ranges or hosts, separated by commas"
end

function parse.codecs(text)
    local list = words(text:upper())
    return list, "must be codecs in order of preference, such as PCMU,PCMA"
end

function parse.gateways(text)
    local list = words(text)
    for i, item in ipairs(list or {}) do
        local host, port = addresses.host_port(item)
        if port and (port < 1 or port > 65535) then
            return nil, "must have ports from 1 to 65535"
        end
        list[i] = { host = host, port = port, priority = i }
    end
    return list, "must be hosts with or without a port, first choice first, such as sip.example.com:5060"
end

function parse.numbers(text)
    local list = words(text)
    for i, item in ipairs(list or {}) do
        list[i] = { value = item, kind = item:find "^%+" and "e164" or "extension" }
    end
    return list, "must be numbers such as +4930123456, or extensions, separated by commas"
end

--- One agent for every number, or NUMBER=AGENT for each.
function parse.agent(text)
    if not text:find("=", 1, true) then
        return text ~= "" and text or nil, "must be an agent's id"
    end
    local agents = {}
    for _, word in ipairs(words(text)) do
        local number, agent = word:match "^([^=]+)=(.+)$"
        if not number then
            return nil, "must be an agent's id, or NUMBER=AGENT for every number"
        end
        agents[numbers.key(number)] = agent
    end
    return agents
end

--- Parses an operator's text for a field; any other value is returned as it is. Nil and the problem if that fails.
---@param name string  as in model.fields
---@param value any
---@return any value, string? problem
function model.parse(name, value)
    local field = by_name[name]
    if not field or not parse[field.type] then
        return nil, "is not a field that can be set"
    elseif type(value) ~= "string" then
        return value
    end
    local result, problem = parse[field.type](value, field)
    if result == nil then
        return nil, problem
    end
    problem = model.fault(field.type, result)
    if problem then
        return nil, "has " .. problem
    end
    return result
end

--- Why a value, or one of its items, cannot be meant for a field of this type; nil when it can.
---@param kind string    the type of the field
---@param value any
---@param skip? fun(item: any): boolean  items that are not checked
---@return string? problem
function model.fault(kind, value, skip)
    for _, item in ipairs(type(value) == "table" and value or {}) do
        local text, why = item, nil
        if skip and skip(item) then
            why = nil
        elseif kind == "numbers" then
            text = type(item) == "table" and item.value or item
            why = is_text(text) and numbers.fault(text)
        elseif kind == "sources" then
            why = is_text(text) and (core.mangled(text) or addresses.fault(text))
        elseif kind == "gateways" then
            text = item.host
            why = is_text(text) and (core.mangled(text) or text:find "/" and "is not a host" or addresses.fault(text))
        elseif kind == "codecs" then
            why = is_text(text) and core.mangled(text)
        end
        if why then
            return ("'%s', which %s"):format(text, why)
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Checking

local function is_list(value, each)
    if type(value) ~= "table" then
        return false
    end
    local count = 0
    for key, item in pairs(value) do
        count = count + 1
        if math.type(key) ~= "integer" or not each(item) then
            return false
        end
    end
    return count == #value
end

local function optional(value, test)
    return value == nil or test(value)
end

local is <const> = {
    text = is_text,
    agent = is_text,
    boolean = function(value) return type(value) == "boolean" end,
    integer = function(value) return math.type(value) == "integer" and value > 0 end,
    country = function(value) return is_text(value) and value:find "^%u%u$" ~= nil end,
    sources = function(value) return is_list(value, is_text) end,
    codecs = function(value) return #value > 0 and is_list(value, is_text) end,
    transforms = function(value)
        return is_list(value, function(step) return type(step) == "table" and is_text(step.type) end)
    end,
    gateways = function(value)
        return is_list(value, function(gateway)
            local port, priority = gateway.port, gateway.priority
            return is_text(gateway.host) and optional(priority, math.tointeger)
                and optional(port, function() return math.type(port) == "integer" and port >= 1 and port <= 65535 end)
        end)
    end,
    numbers = function(value)
        return is_list(value, function(number)
            return is_text(number.value) and (number.kind == "e164" or number.kind == "extension")
                and optional(number.name, is_text) and optional(number.routing_key, is_text)
                and optional(number.agent_ref, is_text)
        end)
    end,
}
function is.choice(value, field)
    for _, choice in ipairs(field.choices) do
        if choice == value then
            return true
        end
    end
    return false
end

local GROUPS <const> = {
    inbound = { "mode", "username", "sources", "enabled" },
    outbound = { "mode", "username", "enabled" },
    registration = { "enabled", "status" },
}
local OTHERS <const> = { origin = true, extras = true, refs = true }

local function has(list, name)
    for _, item in ipairs(list) do
        if item == name then
            return true
        end
    end
    return false
end

--- Everything that is wrong with a neutral trunk, sorted by field; empty when nothing is.
---@param neutral any
---@return { field: string, rule: string }[]
function model.check(neutral)
    local faults = {}
    local function fault(field, rule)
        faults[#faults + 1] = { field = field, rule = rule }
    end
    if type(neutral) ~= "table" then
        fault("", "must be a table")
        return faults
    end
    for name, value in pairs(neutral) do
        local members = GROUPS[name]
        if members and type(value) ~= "table" or (name == "extras" or name == "refs") and type(value) ~= "table" then
            fault(name, "must be a table")
        elseif members then
            for member in pairs(value) do
                if not has(members, member) then
                    fault(name .. "." .. tostring(member), "is not a field of a neutral trunk")
                end
            end
        elseif not OTHERS[name] and not by_name[name] then
            fault(tostring(name), "is not a field of a neutral trunk")
        end
    end
    for _, field in ipairs(model.fields) do
        local group, member = field.name:match "^(%w+)%.(.*)$"
        local owner = group and neutral[group] or neutral
        local value = nil
        if field.type ~= "of numbers" and type(owner) == "table" then
            value = owner[member or field.name]
        end
        local ok, good = true, true
        if value ~= nil then
            ok, good = pcall(is[field.type], value, field)
        end
        if not ok or not good then
            fault(field.name, field.choices and "must be one of " .. table.concat(field.choices, ", ")
                or ("is not %s"):format(field.type == "text" and "a text" or "of the form: " .. field.doc))
        end
    end
    table.sort(faults, function(a, b) return a.field < b.field end)
    return faults
end

return model
