--- One account with one trunk at a platform that answers writes as a test wants it: tests/support/http_server.lua with
--- the shapes of the five APIs, and the program against it.

local http_server <const> = require "http_server"
local json <const> = require "trunkhost.json"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local stub_platform <const> = {}
stub_platform.__index = stub_platform

local UUID <const> = "0b0f4f3e-6f3a-4b5e-9a51-0c8f5e2f7a11"
local THEN <const> = "2026-03-31T12:00:00.000000Z"
local LATER <const> = "2026-03-31T12:00:01.000000Z"

local TRUNKS <const> = {
    famulor = {
        id = 42, phone_number = "4711", nickname = "Front desk", sip_username = "carrier",
        sip_address = "sip.example.com",
        sip_calling_format = "e164", inbound_authorization_type = "auth", country_code = "DE", outbound_proxy = false,
        inbound_trunk_id = "ST_in1", outbound_trunk_id = "ST_out1", created_at = THEN, updated_at = THEN,
    },
    vatel = {
        id = UUID, pbx = "generic", inbound_auth_type = "digest", inbound_sip_username = "carrier", register = false,
        inbound_registration_status = "not_registered", outbound_registration_status = "not_registered",
        created_at = THEN,
    },
    bolna = {
        id = "01KDW948J7E887E0N08YX94T8Q", name = "Front desk", provider = "custom", auth_type = "userpass",
        auth_username = "carrier", gateways = json.array { { gateway_address = "gw.example.com", port = 5060 } },
        is_active = true, created_at = THEN, updated_at = THEN,
    },
    bolna_trunk = {
        id = UUID, name = "Front desk", auth_username = "carrier", is_active = true, created_at = THEN,
        updated_at = THEN,
    },
}
TRUNKS.autocalls = TRUNKS.famulor

stub_platform.apis = { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }

local ENVELOPED <const> = { famulor = true, autocalls = true }

--- The body of a reply that holds this trunk.
---@param trunk table
---@return string
function stub_platform:body(trunk)
    return json.encode(ENVELOPED[self.api] and { message = "SIP trunk updated successfully.", data = trunk } or trunk)
end

--- The trunk with some members changed; json.null takes one away.
---@param members? table
---@return table
function stub_platform:with(members)
    local copy <const> = {}
    for _, from in ipairs { self.trunk, members or {} } do
        for name, value in pairs(from) do
            copy[name] = value ~= json.null and value or nil
        end
    end
    return copy
end

--- The trunk as it is after a write that took effect.
---@return table
function stub_platform:changed(members)
    local new <const> = self:with(members)
    for _, name in ipairs { "inbound_trunk_id", "outbound_trunk_id" } do
        new[name] = new[name] and new[name] .. "+"
    end
    new.updated_at = new.updated_at and LATER
    return new
end

--- Starts one; it answers reads with self.trunk, and writes with what write(self, number of the write) returns.
---@param api string
---@param write fun(self: table, number: integer): HttpServerReply
---@param read? fun(self: table, number: integer): HttpServerReply?  nil: as usual
function stub_platform.start(api, write, read)
    local self <const> = setmetatable({ api = api, trunk = TRUNKS[api], writes = {}, reads = 0 }, stub_platform)
    self.folder = program.folder()
    self.server = http_server.start(function(request)
        if request.method ~= "GET" then
            self.writes[#self.writes + 1] = request
            return write(self, #self.writes)
        end
        self.reads = self.reads + 1
        local one <const> = request.target:find(tostring(self.trunk.id), 1, true)
        return one and read and read(self, self.reads)
            or { body = one and self:body(self.trunk) or self:body(json.array { self.trunk }) }
    end)
    program.write(self.folder .. "/token", "token\n", "600")
    program.write(self.folder .. "/config.lua", ([[return { accounts = { stub = { provider = %q, base_url = %q,
        rate = {}, timeout = 2, token = { file = "%s/token" } } } }]]):format(api, self.server.url, self.folder))
    return self
end

--- Runs the program with this account.
---@param ... string
---@return trunkhost.Ended
function stub_platform:run(...)
    local words <const> = { program.executable, "-c", self.folder .. "/config.lua", "--ledger",
        self.folder .. "/ledger.db", ... }
    words.timeout, words.env = 120, program.environment(self.folder)
    return trunkhost.process.run(words)
end

--- Rotates it; the item's line, and the exit status.
---@return table item, integer status
function stub_platform:rotate(...)
    local ended <const> = self:run("scripts/rotate_passwords.lua", "--yes", "--json", ...)
    local line <const> = ended.out:match '[^\n]*"event":"item"[^\n]*'
    return json.decode(assert(line, ended.out .. ended.err)), ended.status
end

--- The states of the passwords in the ledger, sorted: "candidate", "current rejected".
---@return string
function stub_platform:states()
    local states <const> = {}
    local ended <const> = self:run("secrets", "export", "--account", "stub", "--json")
    for state in ended.out:gmatch '"state":"(%a+)"' do
        states[#states + 1] = state
    end
    table.sort(states)
    return table.concat(states, " ")
end

function stub_platform:stop()
    self.server:stop()
    program.remove(self.folder)
end

stub_platform.__close = stub_platform.stop

return stub_platform
