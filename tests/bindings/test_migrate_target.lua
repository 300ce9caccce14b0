--- Finding the trunk of a target that is meant costs the same however many there are.

local lu <const> = require "luaunit"
local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local migrate_target <const> = require "trunkhost.migrate.target"
local neutral <const> = require "trunkhost.neutral"

local STEP <const> = 1000 -- instructions between two counts

local APIS <const> = {
    famulor_like = function(i)
        return { phone_number = ("+4930%07d"):format(i), sip_username = "carrier", sip_address = "sip.example.com",
            inbound_authorization_type = "auth", sip_calling_format = "+e164", country_code = "DE" }
    end,
    vatel = function(i)
        return { pbx = "generic", inbound_auth_type = "digest", inbound_sip_username = "user" .. i,
            outbound_host = "sip.example.com", outbound_sip_username = "carrier" }
    end,
    bolna = function(i) return { name = "Trunk " .. i, provider = "custom", auth_type = "ip-based" } end,
    bolna_trunk = function(i) return { name = "Trunk " .. i, preset = "custom", transport = "udp" } end,
}

--- An account with this many trunks; nothing of it is asked but its list.
local function account_with(mapping, count)
    local rows = json.array {}
    for i = 1, count do
        rows[i] = APIS[mapping](i)
        rows[i].id = i
    end
    return {
        name = function() return "there" end,
        describe = function() return { name = mapping, title = mapping, mapping = mapping, endpoints = {} } end,
        list = function(_, endpoint) return endpoint == "list" and rows or json.array {} end,
        get = function(_, id) return rows[id] end,
    }
end

--- Thousands of instructions for looking for every one of its trunks, each of which must be found.
local function cost(mapping, count)
    local account = account_with(mapping, count)
    local target, steps = migrate_target.open(account), 0
    debug.sethook(function() steps = steps + 1 end, "", STEP)
    for i = 1, count do
        core.sleep(0) -- the watchdog would put its own hook in place of the one that counts
        local planned = neutral.of(account:describe(), APIS[mapping](i))
        local found = target:candidates({ planned = planned, after = {}, secrets = {} }, tostring(i))
        if #found ~= 1 or found[1].id ~= i then
            debug.sethook()
            lu.fail(("%s: trunk %d is found as %s"):format(mapping, i, canonical.text(found)))
        end
    end
    debug.sethook()
    return steps
end

local tests <const> = {}

for mapping in pairs(APIS) do
    tests[("test_twice_as_many_trunks_of_%s_are_twice_the_work"):format(mapping)] = function()
        local few, many = cost(mapping, 200), cost(mapping, 400)
        lu.assertTrue(many < 3 * few, ("%s: %d and %d"):format(mapping, few, many))
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "migrate_target", tests } })
