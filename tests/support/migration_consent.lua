--- What an operator says so that the trunks of migration_shapes may move: losses by name, values for all, and values
--- for single trunks in a file.

local csv <const> = require "trunkhost.csv"
local program <const> = require "program"
local shapes <const> = require "migration_shapes"

local consent <const> = {}

-- Famulor and Autocalls have one schema.
local KIND <const> = { famulor = "FA", autocalls = "FA", vatel = "VA", bolna = "BL", bolna_trunk = "BN" }

---@param from string
---@param to string
---@return string way  as the columns of docs/mapping.md have it
function consent.way(from, to)
    return KIND[from] .. "→" .. KIND[to]
end

local OPTIONS <const> = "extras.direct_media,extras.disallow,extras.force_rport,"
    .. "extras.media_encryption_optimistic,extras.qualify_frequency,extras.rtp_symmetric"
local DIALOG <const> = "extras.assignments,extras.inbound_host,extras.remain_in_dialog"

local ALLOW <const> = {
    ["FA→VA"] = "label,calling_format,country,fixed_source_ip",
    ["FA→BL"] = "country",
    ["FA→BN"] = "country,numbers",
    ["VA→FA"] = "agent_ref,caller_id_transforms,gateways,numbers.routing_key,registration.enabled,vendor," .. DIALOG,
    ["VA→VA"] = "extras.assignments",
    ["VA→BL"] = "agent_ref,caller_id_transforms,inbound.username,numbers.routing_key," .. DIALOG,
    ["VA→BN"] = "agent_ref,caller_id_transforms,inbound.username,numbers,numbers.routing_key,registration.enabled,"
        .. DIALOG,
    ["BL→FA"] = "active,agent_ref,codecs,description,gateways,inbound.enabled,inbound.sources,media_encryption,"
        .. "numbers.name,registration.enabled,transport,vendor," .. OPTIONS,
    ["BL→VA"] = "active,calling_format,codecs,description,gateways,inbound.enabled,inbound.sources,label,"
        .. "media_encryption,numbers.name,transport," .. OPTIONS,
    ["BL→BL"] = "agent_ref",
    ["BL→BN"] = "agent_ref,codecs,gateways,media_encryption,numbers,numbers.name,registration.enabled,transport,"
        .. OPTIONS,
    ["BN→FA"] = "active,agent_ref,channels,codecs,description,gateways,inbound.enabled,numbers.routing_key,"
        .. "outbound.enabled,transport,vendor",
    ["BN→VA"] = "active,calling_format,channels,codecs,description,gateways,inbound.enabled,label,"
        .. "numbers.routing_key,outbound.enabled,transport",
    ["BN→BL"] = "agent_ref,channels,numbers.routing_key,outbound.enabled",
    ["BN→BN"] = "agent_ref",
}

local SET <const> = {
    ["FA→VA"] = { vendor = "generic", ["registration.enabled"] = "no" },
    ["FA→BL"] = { vendor = "Carrier GmbH", transport = "udp" },
    ["FA→BN"] = { transport = "udp" },
    ["VA→FA"] = { calling_format = "+e164", country = "DE", fixed_source_ip = "no" },
    ["VA→BL"] = { calling_format = "e164", transport = "tcp" },
    ["VA→BN"] = { calling_format = "+e164", transport = "udp" },
    ["BL→FA"] = { country = "DE", fixed_source_ip = "yes" },
    ["BL→VA"] = { ["registration.enabled"] = "yes" },
    ["BN→FA"] = { country = "DE", fixed_source_ip = "no" },
    ["BN→VA"] = { ["registration.enabled"] = "no" },
}

-- "*": every trunk. Numbers and names that must differ are made from the trunk's place in the file.
local SUPPLY <const> = {
    ["FA→VA"] = { ["scattered addresses"] = { ["inbound.sources"] = "198.51.100.0/24" } },
    ["FA→BL"] = { national = { calling_format = "e164" } },
    ["FA→BN"] = { ["*"] = { ["inbound.sources"] = "192.0.2.77" },
        national = { calling_format = "+e164", ["inbound.sources"] = "192.0.2.78/31,203.0.113.5" } },
    ["VA→FA"] = {
        ["short user"] = { ["outbound.username"] = "longer-user" },
        ["inbound only"] = { gateways = "given.example.com" },
        ["no numbers"] = { numbers = "+4930555%04d" },
        ["one address"] = { ["outbound.username"] = "given-out" },
        ["line 1"] = { ["outbound.username"] = "given-out" },
        ["line 2"] = { ["outbound.username"] = "given-out" },
        ["line 3"] = { ["outbound.username"] = "given-out" },
        host = { ["inbound.sources"] = "192.0.2.77", ["outbound.username"] = "given-out" },
        ["large range"] = { ["inbound.sources"] = "192.0.2.77", ["outbound.username"] = "given-out" },
        ["no authentication"] = { ["inbound.mode"] = "ip", ["inbound.sources"] = "192.0.2.77" },
        ["unsaid authentication"] = { ["inbound.mode"] = "digest" },
        ["outbound only"] = { ["inbound.mode"] = "ip", ["inbound.sources"] = "192.0.2.77", numbers = "%04d" },
    },
    ["VA→BL"] = {
        ["*"] = { label = "Vatel %d" },
        ["inbound only"] = { gateways = "given.example.com:5070,second.example.com",
            ["inbound.sources"] = "192.0.2.77" },
        ["no authentication"] = { ["inbound.mode"] = "digest", ["inbound.username"] = "given-in" },
        ["outbound only"] = { ["inbound.mode"] = "digest" },
        host = { ["inbound.sources"] = "192.0.2.77" },
    },
    ["VA→BN"] = {
        ["*"] = { label = "Vatel %d", ["inbound.sources"] = "192.0.2.77" },
        ["no authentication"] = { ["inbound.mode"] = "ip" },
        ["outbound only"] = { ["inbound.mode"] = "ip" },
        ["small range"] = { ["inbound.sources"] = "" },
    },
    ["BL→FA"] = {
        ["short user"] = { ["outbound.username"] = "longer-user" },
        ranges = { ["outbound.username"] = "given-out" },
        scattered = { ["outbound.username"] = "given-out" },
        ["one address"] = { ["outbound.username"] = "given-out" },
        ["line 1"] = { ["outbound.username"] = "given-out" },
        ["line 2"] = { ["outbound.username"] = "given-out" },
        ["line 3"] = { ["outbound.username"] = "given-out" },
        ["no numbers"] = { numbers = "+4930555%04d" },
        ["national number"] = { numbers = "+49891234567" },
    },
    ["BL→VA"] = { scattered = { ["inbound.sources"] = "198.51.100.0/24" } },
    ["BL→BN"] = {
        ["*"] = { ["inbound.sources"] = "192.0.2.77" },
        ["one address"] = { ["inbound.sources"] = "" }, ["line 1"] = { ["inbound.sources"] = "" },
        ranges = { ["inbound.sources"] = "" },
        ["one codec"] = { codecs = "PCMA" },
    },
    ["BN→FA"] = {
        ["short user"] = { ["outbound.username"] = "longer-user" },
        ["no gateways"] = { gateways = "given.example.com" },
        ["large range"] = { ["inbound.sources"] = "192.0.2.77" },
        ["nobody may call in"] = { ["inbound.sources"] = "192.0.2.77" },
        ["addresses only"] = { ["outbound.username"] = "given-out" },
        ["line 1"] = { ["outbound.username"] = "given-out" },
        ["line 2"] = { ["outbound.username"] = "given-out" },
        ["line 3"] = { ["outbound.username"] = "given-out" },
        ["no numbers"] = { numbers = "+4930555%04d" },
        ["no calls in"] = { numbers = "+4930555%04d", ["inbound.sources"] = "192.0.2.77" },
    },
    ["BN→VA"] = {
        ["scattered addresses"] = { ["inbound.sources"] = "198.51.100.0/24" },
        ["nobody may call in"] = { ["inbound.sources"] = "carrier.example.com" },
        ["no calls in"] = { ["inbound.sources"] = "192.0.2.77" },
    },
    ["BN→BL"] = { ["no gateways"] = { gateways = "given.example.com" } },
}

local function columns(supply)
    local seen, names = {}, {}
    for _, row in pairs(supply) do
        for field in pairs(row) do
            names[#names + 1] = not seen[field] and field or nil
            seen[field] = true
        end
    end
    table.sort(names)
    return names
end

local function write_supply(pair, supply)
    local fields, ids = columns(supply), {}
    for id in pairs(pair.names) do
        ids[#ids + 1] = id
    end
    table.sort(ids)
    local lines = { csv.record { "trunk", table.unpack(fields) } }
    for i, id in ipairs(ids) do
        local record, row, all = { id }, supply[pair.names[id]] or {}, supply["*"] or {}
        for k, field in ipairs(fields) do
            record[k + 1] = (row[field] or all[field] or ""):format(i)
        end
        lines[#lines + 1] = csv.record(record)
    end
    local path = pair.source.folder .. "/supply.csv"
    program.write(path, table.concat(lines, "\n") .. "\n")
    return path
end

--- The options that let every shape move.
---@param pair MigrationPair  with the names of its trunks
---@return string arguments
function consent.arguments(pair)
    local way = consent.way(pair.from, pair.to)
    local words = { "--secrets generate" }
    if ALLOW[way] then
        words[#words + 1] = "--allow-loss " .. ALLOW[way]
    end
    for field, value in pairs(SET[way] or {}) do
        words[#words + 1] = "--set " .. program.quote(field .. "=" .. value)
    end
    if pair.to == "vatel" then
        words[#words + 1] = "--set agent_ref=" .. shapes.agents(pair.target, "vatel")[1]
    end
    if SUPPLY[way] then
        words[#words + 1] = "--supply " .. write_supply(pair, SUPPLY[way])
    end
    return table.concat(words, " ")
end

return consent
