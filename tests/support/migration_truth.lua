--- What a migration has announced, held against what the target's sandbox was sent and has in its memory.

local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local json <const> = require "trunkhost.json"
local neutral <const> = require "trunkhost.neutral"

local truth <const> = {}

local function description(api)
    return require("trunkhost.providers." .. api)
end

-- ---------------------------------------------------------------------------------------------------
-- What was sent

--- A body without what nobody can announce: passwords, and ids that the platform gives.
local function redacted(body)
    local copy = {}
    for name, value in pairs(body) do
        if name:find "password$" then
            copy[name] = "[secret]"
        elseif name == "phone_number_id" then
            copy[name] = "[id]"
        else
            copy[name] = value
        end
    end
    return canonical.text(copy)
end

--- Method and body of all writes that a sandbox was sent after request `since`, sorted.
---@param sandbox table
---@param since integer
---@return string[]
function truth.sent(sandbox, since)
    local list = {}
    for _, request in ipairs(sandbox:ask "log") do
        if request.n > since and request.method ~= "GET" then
            list[#list + 1] = request.method
                .. (type(request.body) == "string" and " " .. redacted(json.decode(request.body)) or "")
        end
    end
    table.sort(list)
    return list
end

--- The number of the latest request.
---@param sandbox table
---@return integer
function truth.latest(sandbox)
    local log = sandbox:ask "log"
    return #log > 0 and log[#log].n or 0
end

--- Method and body of the writes that a dry run has announced for these items, sorted.
---@param items table<string, table>  source id → JSON line of the dry run
---@param chosen fun(id: string): boolean
---@return string[]
function truth.announced(items, chosen)
    local list = {}
    for id, item in pairs(items) do
        for _, create in ipairs(chosen(id) and item.create or {}) do
            list[#list + 1] = "POST " .. redacted(create.body)
            for _, step in ipairs(create.after) do
                list[#list + 1] = (step.endpoint == "update" and "PATCH " or "POST ") .. redacted(step.body)
            end
        end
    end
    table.sort(list)
    return list
end

-- ---------------------------------------------------------------------------------------------------
-- What is there

local LISTS <const> = {
    ["gateways.add"] = "gateways", ["acls.add"] = "ip_acls", ["assignments.create"] = "assignments",
}

--- The trunk as it must be after everything that was announced, from the bodies alone.
local function expected(api, create)
    local trunk = neutral.copy(create.body)
    for _, step in ipairs(create.after) do
        local list = LISTS[step.endpoint]
            or step.endpoint == "numbers.add" and (api == "bolna" and "phone_numbers" or "numbers")
        if list then
            trunk[list] = trunk[list] or json.array {}
            table.insert(trunk[list], neutral.copy(step.body))
        elseif step.endpoint == "agents.map" then
            local place = math.tointeger(tonumber(step.body.phone_number_id:match "number (%d+)"))
            trunk.phone_numbers[place].agent_id = step.body.agent_id
        else
            lu.assertEquals(step.endpoint, "update")
            for name, value in pairs(step.body) do
                trunk[name] = value
            end
        end
    end
    return trunk
end

--- Lists that must be there in full, and nothing else in them.
local WHOLE <const> = {
    famulor = {}, autocalls = {}, vatel = { "assignments" },
    bolna = { "gateways", "ip_identifiers", "phone_numbers" },
    bolna_trunk = { "gateways", "ip_acls", "numbers" },
}

local function same_value(wanted, there)
    if type(wanted) == "string" and type(there) == "string" and wanted ~= there then
        return wanted .. "/32" == there or wanted .. "/128" == there
    end
    return canonical.text { wanted } == canonical.text { there }
end

local function check_members(wanted, there, place)
    for name, value in pairs(wanted) do
        if name:find "password$" then
            lu.assertTrue(type(there[name]) == "string" and #there[name] >= 16, place .. ": " .. name)
        else
            lu.assertTrue(same_value(value, there[name]), ("%s: %s is %s, not %s"):format(place, name,
                canonical.text { there[name] }, canonical.text { value }))
        end
    end
end

local function is_removed(part)
    return part.deleted == true or part.is_deleted == true
end

--- A list of the sandbox against the announced one: each part once, and no other.
local function check_list(wanted, there, place)
    local left = {}
    for _, part in ipairs(there) do
        left[#left + 1] = not is_removed(part) and part or nil
    end
    lu.assertEquals(#left, #wanted, place)
    for i, part in ipairs(wanted) do
        local at
        for k, found in ipairs(left) do
            local all = true
            for name, value in pairs(part) do
                all = all and same_value(value, found[name])
            end
            at = at or all and k or nil
        end
        lu.assertNotNil(at, ("%s: part %d is not there: %s"):format(place, i, canonical.text(part)))
        table.remove(left, at)
    end
end

--- A trunk of the sandbox is what was announced, field by field and part by part.
---@param api string
---@param create table  of the dry run's JSON line
---@param there table   the sandbox's own
---@param place string
function truth.check_trunk(api, create, there, place)
    local wanted = expected(api, create)
    for _, list in ipairs(WHOLE[api]) do
        check_list(wanted[list] or {}, there[list] or {}, place .. ": " .. list)
        wanted[list] = nil
    end
    check_members(wanted, there, place)
end

-- ---------------------------------------------------------------------------------------------------
-- What became of each field

local function text(value)
    if type(value) == "table" and value[1] and value[1].host then
        -- The order that counts is that of the priorities.
        local order = {}
        for i, gateway in ipairs(value) do
            order[i] = ("%03d %03d %s"):format(gateway.priority or 1, i, canonical.text(gateway))
        end
        table.sort(order)
        for i, line in ipairs(order) do
            order[i] = line:sub(9)
        end
        value = order
    end
    -- A single address is stored as a range of one.
    return value == nil and "nothing" or (canonical.text { value }:gsub("/32\"", "\""):gsub("/128\"", "\""))
end

--- One neutral trunk of those that a source became: they differ in their numbers only.
local function whole(api, natives)
    local all = neutral.of(description(api), natives[1])
    for i = 2, #natives do
        local more = neutral.of(description(api), natives[i])
        table.move(more.numbers, 1, #more.numbers, #all.numbers + 1, all.numbers)
    end
    return all
end

--- The findings are the losses, both ways: what differs is named, and what is named differs.
---@param pair MigrationPair
---@param findings table[]   of the run's JSON line
---@param source table       the source's sandbox's own trunk
---@param targets table[]    the target's
---@param place string
function truth.check_findings(pair, findings, source, targets, place)
    local before, after = neutral.of(description(pair.from), source), whole(pair.to, targets)
    local named = {}
    for _, finding in ipairs(findings) do
        named[finding.field] = finding
    end
    for _, name in ipairs(neutral.names(before, after)) do
        local was, is, finding = neutral.value(before, name), neutral.value(after, name), named[name]
        local spot = ("%s: %s: %s → %s"):format(place, name, text(was), text(is))
        local field = neutral.field(name)
        -- What the source does not have and nobody asked for is the platform's own.
        local platforms_own = was == nil and (not field or field.decides)
        if not finding then
            -- Bolna calls from fixed addresses whether one wants it or not.
            lu.assertTrue(text(was) == text(is) or platforms_own or name == "fixed_source_ip",
                spot .. " has no finding")
        else
            lu.assertEquals(text(finding.before), text(was), spot .. ": before")
            local decided = finding.after == nil and (not field or field.decides)
            lu.assertTrue(text(finding.after) == text(is) or decided, spot .. ": announced " .. text(finding.after))
            -- Several numbers on several trunks are the same numbers, and not the same trunk.
            local spread = name == "numbers" and #targets > 1
            -- The older Bolna registers by itself, which no field tells.
            local unreadable = name == "registration.enabled" and pair.from == "bolna"
            if (finding.verdict == "changed" or finding.verdict == "lost") and not spread and not unreadable then
                lu.assertNotEquals(text(was), text(is), spot .. " is called " .. finding.verdict)
            end
        end
        named[name] = nil
    end
    named["inbound.secret"], named["outbound.secret"] = nil, nil
    lu.assertNil(next(named), place .. ": a finding for a field that neither has")
end

-- ---------------------------------------------------------------------------------------------------
-- The whole side

--- Everything that is at an API, without what it keeps of removed things. Two of them are equal when nothing differs.
---@param sandbox table
---@param api string
---@return string
function truth.picture(sandbox, api)
    local state, list = sandbox:ask("state")[api], {}
    for _, kind in ipairs { "trunks", "numbers", "agents" } do
        for _, each in ipairs(state[kind]) do
            list[#list + 1] = not is_removed(each) and kind .. " " .. canonical.text(each) or nil
        end
    end
    table.sort(list)
    return table.concat(list, "\n")
end

return truth
