--- Every ordered pair of the five APIs, with trunks of every shape: what holds for all of them.

package.path = "tests/support/?.lua;" .. package.path
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local neutral <const> = require "trunkhost.neutral"
local world <const> = require "mapping_world"

local tests <const> = {}

--- Calls each(from, to, native, trunk, place) for every trunk and every target.
local function every(each)
    local count = 0
    for _, from in ipairs(world.apis) do
        local trunks = world.trunks(from)
        lu.assertTrue(#trunks >= 12)
        for _, to in ipairs(world.apis) do
            for i, native in ipairs(trunks) do
                count = count + 1
                each(from, to, native, world.neutral(from, native), ("%s %d to %s"):format(from, i, to))
            end
        end
    end
    lu.assertTrue(count >= 25 * 12)
end

function tests.test_every_trunk_is_a_sound_neutral_trunk()
    every(function(from, to, _, trunk, place)
        if from == to then
            lu.assertEquals(neutral.check(trunk), {}, place)
            lu.assertEquals(neutral.check(json.decode(json.encode(trunk))), {}, place)
        end
    end)
end

function tests.test_every_field_that_is_there_has_a_finding()
    every(function(_, to, _, trunk, place)
        local findings = world.findings(world.map(trunk, to))
        for _, name in ipairs(neutral.names(trunk)) do
            if neutral.value(trunk, name) ~= nil then
                lu.assertNotNil(findings[name], place .. ": " .. name)
            end
        end
    end)
end

--- What would come back from the target, as one neutral trunk.
local function outcome(result)
    local all = neutral.copy(result.trunks[1].planned)
    for i = 2, #result.trunks do
        table.move(result.trunks[i].planned.numbers, 1, 9, #all.numbers + 1, all.numbers)
    end
    return all
end

function tests.test_what_is_called_exact_comes_out_as_it_was()
    every(function(_, to, _, trunk, place)
        local result = world.map(trunk, to, { same_account = true })
        local after = outcome(result)
        local differs = {}
        for _, difference in ipairs(neutral.differences(trunk, after)) do
            differs[difference.field] = true
        end
        for _, finding in ipairs(result.findings) do
            -- Bolna calls from fixed addresses in any case: wanting less is no difference.
            if finding.verdict == "exact" and finding.field ~= "fixed_source_ip" then
                lu.assertNil(differs[finding.field], place .. ": " .. finding.field)
            end
        end
    end)
end

function tests.test_what_differs_has_a_finding_that_says_so_and_why()
    every(function(_, to, _, trunk, place)
        local result = world.map(trunk, to)
        local findings = world.findings(result)
        for _, difference in ipairs(neutral.differences(trunk, outcome(result))) do
            local finding = findings[difference.field]
            lu.assertNotNil(finding, place .. ": " .. difference.field)
            lu.assertTrue(finding.verdict ~= "exact" or difference.field == "fixed_source_ip",
                place .. ": " .. difference.field)
            lu.assertTrue(#finding.rule > 10 and finding.rule ~= "copied unchanged", place)
        end
    end)
end

function tests.test_a_loss_stops_the_trunk_unless_it_is_allowed_by_name()
    every(function(_, to, _, trunk, place)
        local result = world.map(trunk, to, { secrets = true })
        local blocked, names = world.blocked(result), {}
        for _, finding in ipairs(result.findings) do
            if finding.verdict == "lost" and finding.field ~= "inbound.secret" then
                lu.assertNotNil(blocked[finding.field], place .. ": " .. finding.field)
                names[#names + 1] = finding.field
            end
        end
        for _, by in pairs(world.blocked(world.map(trunk, to, { secrets = true, allow_loss = names }))) do
            lu.assertNotEquals(by, "loss", place)
        end
    end)
end

function tests.test_with_values_given_and_losses_allowed_every_body_is_valid()
    every(function(from, to, _, trunk, place)
        local result = world.insist(trunk, to, { same_account = from == to })
        lu.assertTrue(#result.trunks >= 1, place)
        for _, mapped in ipairs(result.trunks) do
            local account = world.account(to)
            core.validate(account, "create", mapped.body, mapped.grant)
            for _, step in ipairs(mapped.after) do
                local _, body = neutral.resolve(step, setmetatable({}, { __index = function() return "known-id" end }))
                core.validate(account, step.endpoint, body)
            end
        end
    end)
end

--- The fields of a native trunk that can be sent, in one way of writing; what is not there has its default.
local function sendable(description, native)
    local object <const> = description.objects.trunk
    local result = {}
    local function normal(value, field)
        if value == json.null or value == "" then
            value = nil
        end
        if value == nil then
            return field.default
        elseif type(value) ~= "table" then
            return field.format == "host" and value:lower() or value
        end
        local items = {}
        for i, item in ipairs(value) do
            local inner = field.of and description.objects[field.of]
            if not inner then
                items[i] = item
            elseif item.deleted ~= true and item.is_deleted ~= true then
                local copy = {}
                for name, member in pairs(inner.fields) do
                    if member.create then
                        copy[name] = normal(item[name], member)
                    end
                end
                copy.agent_id = item.agent_id ~= json.null and item.agent_id or nil
                if copy.cidr and not copy.cidr:find "/" then
                    copy.cidr = copy.cidr .. "/32"
                end
                copy.e164_check_enabled, copy.is_active = nil, nil -- cannot be read
                items[#items + 1] = copy
            end
        end
        table.sort(items, function(a, b) return json.encode(a) < json.encode(b) end)
        return #items > 0 and items or nil
    end
    for name, field in pairs(object.fields) do
        if field.read and (field.create or field.update or name == "numbers") then
            result[name] = normal(native[name], field)
        end
    end
    if native.assignments then
        result.assignments = normal(native.assignments, { of = "assignment" })
    end
    return result
end

local function back(api, native)
    local result = world.map(world.neutral(api, native), api, { same_account = true, secrets = true })
    lu.assertEquals(#result.trunks, 1)
    return neutral.outcome(result.trunks[1]), result
end

function tests.test_to_the_same_platform_and_back_every_readable_field_is_the_same()
    for _, api in ipairs(world.apis) do
        for i, native in ipairs(world.trunks(api)) do
            if api == "bolna_trunk" or api == "bolna" then
                native = neutral.copy(native)
                native.is_active = native.is_active ~= false
                for _, gateway in ipairs(native.gateways) do
                    gateway.port, gateway.priority = gateway.port or 5060, gateway.priority or 1
                end
            end
            local again, result = back(api, native)
            lu.assertEquals(sendable(world.description(api), again), sendable(world.description(api), native),
                ("%s %d"):format(api, i))
            lu.assertEquals(neutral.blocked(result), {}, ("%s %d"):format(api, i))
            lu.assertEquals(neutral.compare(world.description(api), result.trunks[1].planned, native), {})
            lu.assertTrue(neutral.twin(world.description(api), result.trunks[1], native))
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Generated trunks

local SAMPLES <const> = {
    host = { "sip.example.com", "192.0.2.7" }, host_port = { "sip.example.com", "sbc.example.net:5080" },
    ip = { "192.0.2.7", "198.51.100.3", "2001:db8::1" }, cidr = { "192.0.2.0/28", "198.51.100.3/32" },
    source = { "192.0.2.7", "192.0.2.0/28" }, e164 = { "+4930123456", "+12025550123", "+912225550000" },
    uuid = { world.agent }, country = { "DE", "US" }, number_or_extension = { "1000", "+4930123456" },
    phone_number = { "1000", "+4930123456" },
}
local TEXTS <const> = { "first", "Zürich", "サポート", "a longer text with blanks" }
local CODECS <const> = { "ulaw,alaw", "alaw", "g722,ulaw" }

--- Deterministic: the same seed, the same trunks.
local function generator(seed)
    local state = seed
    return function(n)
        state = (state * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
        return (state >> 33) % n + 1
    end
end

local function generate(description, object, pick)
    local native = {}
    local function value(field, name)
        if field.enum then
            return field.enum[pick(#field.enum)]
        elseif field.type == "boolean" then
            return pick(2) == 1
        elseif field.type == "integer" then
            return math.tointeger((field.min or 1) + pick(20))
        elseif field.type == "list" then
            local items, seen = json.array {}, {}
            for _ = 1, pick(3) do
                local inner = description.objects[field.of]
                local item = inner and generate(description, inner, pick)
                    or SAMPLES[field.item_format][pick(#SAMPLES[field.item_format])]
                local text = inner and (item.e164 or item.phone_number or json.encode(item)) or item
                if not seen[text] then
                    seen[text] = true
                    items[#items + 1] = item
                end
            end
            return items
        elseif name == "allow" then
            return CODECS[pick(#CODECS)]
        end
        local samples = SAMPLES[field.format or ""] or name == "phone_number" and SAMPLES.e164 or TEXTS
        return samples[pick(#samples)]
    end
    local names = {}
    for name, field in pairs(object.fields) do
        if field.read and (field.create or field.update or name == "numbers") then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    for _, name in ipairs(names) do
        local field = object.fields[name]
        local there = field.create == "required" or pick(4) > 1 or field.type == "boolean" and field.default ~= nil
        native[name] = there and value(field, name) or nil
    end
    return native
end

--- Fields that a platform would not return together.
local AGREE <const> = {
    famulor = function(native)
        if native.inbound_authorization_type == "auth" then native.allowed_inbound_ips = json.null end
        if native.inbound_authorization_type == "ip" and not native.allowed_inbound_ips then
            native.allowed_inbound_ips = json.array { "192.0.2.7" }
        end
    end,
    vatel = function(native, description, pick)
        native.assignments = json.array {}
        for i = 1, pick(3) - 1 do
            native.assignments[i] = generate(description, description.objects.assignment, pick)
            native.assignments[i].number = "+493012345" .. i
        end
        native.caller_id_transforms = native.caller_id_transforms or json.null
    end,
    bolna = function(native)
        native.auth_username = native.auth_type == "userpass" and "user" or nil
        if native.auth_type == "ip-based" and not native.ip_identifiers then
            native.ip_identifiers = json.array { { ip_address = "192.0.2.7" } }
        end
        if native.media_encryption == "sdes" then native.transport = "transport-tls" end
        native.is_active = native.is_active ~= false
        native.disallow = native.disallow and "all"
        for _, gateway in ipairs(native.gateways) do
            gateway.port, gateway.priority = gateway.port or 5060, gateway.priority or 1
        end
    end,
    bolna_trunk = function(native)
        native.is_active = native.is_active ~= false
        for _, gateway in ipairs(native.gateways or {}) do
            gateway.port, gateway.priority = gateway.port or 5060, gateway.priority or 1
        end
    end,
}
AGREE.autocalls = AGREE.famulor

local function generated(api, each)
    local description <const> = world.description(api)
    for seed = 1, 300 do
        local pick = generator(seed)
        local native = generate(description, description.objects.trunk, pick)
        AGREE[api](native, description, pick)
        each(native, ("%s, seed %d"):format(api, seed))
    end
end

function tests.test_generated_trunks_come_back_from_the_same_platform_as_they_were()
    for _, api in ipairs(world.apis) do
        generated(api, function(native, place)
            local again = back(api, native)
            lu.assertEquals(sendable(world.description(api), again), sendable(world.description(api), native), place)
        end)
    end
end

function tests.test_every_readable_field_of_a_generated_trunk_reaches_the_neutral_one()
    for _, api in ipairs(world.apis) do
        local fields = world.description(api).objects.trunk.fields
        generated(api, function(native, place)
            local whole = world.neutral(api, native)
            for name, field in pairs(fields) do
                local value = native[name]
                local empty = value == nil or value == json.null or type(value) == "table" and #value == 0
                -- Without sdes this says nothing unless it is on; then it is kept.
                local silent = name == "media_encryption_optimistic" and value == false
                if field.read and not empty and not silent then
                    local less = neutral.copy(native)
                    less[name] = nil
                    lu.assertNotEquals(json.encode(world.neutral(api, less)), json.encode(whole), place .. " " .. name)
                end
            end
        end)
    end
end

function tests.test_generated_trunks_reach_every_other_platform_without_a_silent_loss()
    for _, from in ipairs(world.apis) do
        generated(from, function(native, place)
            local trunk = world.neutral(from, native)
            for _, to in ipairs(world.apis) do
                local findings = world.findings(world.map(trunk, to))
                for _, difference in ipairs(neutral.differences(trunk, outcome(world.map(trunk, to)))) do
                    local finding = findings[difference.field]
                    lu.assertTrue(finding and (finding.verdict ~= "exact" or difference.field == "fixed_source_ip"),
                        ("%s to %s: %s"):format(place, to, difference.field))
                end
            end
        end)
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "mapping_matrix", tests } })
