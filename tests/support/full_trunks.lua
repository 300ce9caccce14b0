--- One trunk of each API with everything in it that the API can hold, so that every verdict shows.

local json <const> = require "trunkhost.json"

local AGENT <const> = "11111111-2222-4333-8444-555555555555"

local famulor <const> = {
    id = 42, nickname = "Front desk", phone_number = "+4930123456", sip_username = "carrier", country_code = "DE",
    sip_address = "sip.example.com", sip_calling_format = "+e164", inbound_authorization_type = "auth",
    allowed_inbound_ips = json.null, outbound_proxy = true,
}

local function with(native, fields)
    local copy = {}
    for _, from in ipairs { native, fields } do
        for name, value in pairs(from) do
            copy[name] = value
        end
    end
    return copy
end

local bolna <const> = {
    id = "b", name = "Front desk", description = "Main line", provider = "Telnyx", auth_type = "userpass",
    auth_username = "carrier", transport = "transport-udp", media_encryption = "no", allow = "alaw,ulaw",
    disallow = "all", inbound_enabled = true, is_active = true, outbound_leading_plus_enabled = true,
    gateways = json.array { { gateway_address = "sip.example.com", port = 5060, priority = 1 } },
    ip_identifiers = json.array {},
    phone_numbers = json.array { { phone_number = "+4930123456", agent_id = AGENT } },
}

return {
    --- By user and password.
    famulor = famulor,
    autocalls = famulor,
    vatel = {
        id = "v", pbx = "3cx", inbound_auth_type = "digest", inbound_sip_username = "pbx",
        outbound_sip_username = "carrier", outbound_host = "sip.example.com", register = true,
        caller_id_transforms = json.array { { type = "add_prefix", value = "+49" } }, remain_in_dialog = true,
        assignments = json.array { { agent_id = AGENT, number = "+4930123456" } },
    },
    bolna = bolna,
    bolna_trunk = {
        id = "n", name = "Front desk", description = "Main line", preset = "twilio", auth_username = "carrier",
        transport = "udp", codecs = "PCMA,PCMU", channels = 10, inbound_enabled = true, outbound_enabled = true,
        is_active = true, outbound_leading_plus_enabled = true, default_inbound_agent_id = json.null,
        gateways = json.array { { host = "sip.example.com", port = 5060, priority = 1 } },
        ip_acls = json.array { { cidr = "192.0.2.7/32" } },
        numbers = json.array { { e164 = "+4930123456", destination_key = "4930123456", agent_id = AGENT } },
    },
    --- The same from known addresses.
    by_address = {
        famulor = with(famulor, {
            inbound_authorization_type = "ip", allowed_inbound_ips = json.array { "192.0.2.6", "192.0.2.7" },
        }),
        vatel = {
            id = "w", pbx = "3cx", inbound_auth_type = "acl", inbound_host = "192.0.2.8/31",
            outbound_host = "sip.example.com", register = false,
            assignments = json.array { { agent_id = AGENT, alternate_number = "+4930123456" } },
        },
        bolna = with(bolna, {
            auth_type = "ip-based", auth_username = json.null,
            ip_identifiers = json.array { { ip_address = "192.0.2.8/31" } },
        }),
    },
    with = with,
    agent = AGENT,
}
