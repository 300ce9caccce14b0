--- Bolna, the older API below /sip-trunks: https://www.bolna.ai/docs/api-reference/sip-trunks/
local PAGES <const> = "https://www.bolna.ai/docs/api-reference/sip-trunks/"
local UPDATE <const> = PAGES .. "update"

---@param doc string
---@param more table?
local function changeable(doc, more)
    local field <const> = { create = "optional", update = true, read = true, doc = doc, source = UPDATE }
    for name, value in pairs(more or {}) do
        field[name] = value
    end
    return field
end

--- Set when the trunk is made: the update page does not list it.
---@param doc string
---@param default boolean
local function fixed(doc, default)
    return { type = "boolean", default = default, create = "optional", read = true, doc = doc, source = UPDATE }
end

local trunk <const> = {
    doc = "One pair of credentials, used towards the carrier; no registration status.",
    fields = {
        id = { type = "string", read = true },
        name = changeable("Unique within the account.", { type = "string", min = 1, create = "required" }),
        provider = {
            type = "string", min = 1, create = "required", read = true,
            doc = "The carrier, in free words: twilio, plivo, zadarma, telnyx, vonage, custom, …",
            source = PAGES .. "create",
        },
        description = changeable("For your own reference.", { type = "string" }),
        auth_type = {
            type = "string", enum = { "userpass", "ip-based" }, create = "required", read = true,
            doc = "Cannot be changed: that needs a new trunk.", source = PAGES .. "create",
        },
        auth_username = changeable("Only for userpass.", { type = "string", min = 1, clears = "" }),
        auth_password = {
            -- No length is documented; six characters are the least that is sent without a grant.
            type = "string", min = 6, secret = true, create = "optional", update = true,
            doc = "Only for userpass.", source = UPDATE,
        },
        gateways = changeable("The carrier's hosts. Sending it replaces all of them.",
            { type = "list", of = "gateway", min = 1, replaces = true, create = "required" }),
        ip_identifiers = changeable("For ip-based: who may call in. Sending it replaces all of them.",
            { type = "list", of = "ip_identifier", replaces = true }),
        allow = changeable("Codecs, as ulaw,alaw.", { type = "string", default = "ulaw,alaw" }),
        disallow = changeable("Codecs; usually all.", { type = "string", default = "all" }),
        transport = changeable("SIP transport.", {
            type = "string", enum = { "transport-udp", "transport-tcp", "transport-tls" }, default = "transport-udp",
        }),
        media_encryption = changeable("The string no, not a boolean, or sdes.",
            { type = "string", enum = { "no", "sdes" }, default = "no" }),
        media_encryption_optimistic = changeable("With sdes: clear RTP when the carrier offers no keys.",
            { type = "boolean", default = false }),
        direct_media = fixed("RTP between the ends.", false),
        rtp_symmetric = fixed("Symmetric RTP, for NAT.", true),
        force_rport = fixed("Replies to the source port, for NAT.", true),
        qualify_frequency = changeable("Seconds between OPTIONS pings; 0 = none.",
            { type = "integer", min = 0, default = 60 }),
        inbound_enabled = changeable("Accepts calls.", { type = "boolean", default = false }),
        outbound_leading_plus_enabled = changeable("Puts a + before dialled numbers.",
            { type = "boolean", default = true }),
        is_active = {
            type = "boolean", update = true, read = true,
            doc = "false: no new calls; calls in progress continue. Only after the trunk was created.", source = UPDATE,
        },
        phone_numbers = {
            type = "list", of = "phone_number", create = "optional", read = true,
            doc = "Afterwards they have endpoints of their own.", source = PAGES .. "create",
        },
        created_at = { type = "string", read = true },
        updated_at = { type = "string", read = true },
    },
    rules = {
        {
            need = { "auth_username", "auth_password" }, when = { auth_type = "userpass" }, on = { "create" },
        },
        { need = { "ip_identifiers" }, when = { auth_type = "ip-based" }, on = { "create" } },
        { only = { transport = "transport-tls" }, when = { media_encryption = "sdes" } },
    },
}

local gateway <const> = {
    fields = {
        id = { type = "string", read = true },
        created_at = { type = "string", read = true },
        gateway_address = { type = "string", format = "host", create = "required", read = true },
        port = { type = "integer", min = 1, max = 65535, default = 5060, create = "optional", read = true },
        priority = {
            type = "integer", min = 0, default = 1, create = "optional", read = true, doc = "Lower comes first.",
        },
    },
}

local ip_identifier <const> = {
    fields = {
        id = { type = "string", read = true },
        created_at = { type = "string", read = true },
        ip_address = { type = "string", format = "cidr", admits = true, create = "required", read = true },
    },
}

local phone_number <const> = {
    doc = "Kept as it is written; inbound calls match with and without a leading +. It cannot be edited: remove it "
        .. "and add it again, then map it to its agent again.",
    source = PAGES .. "add_number",
    fields = {
        id = { type = "string", read = true },
        phone_number = { type = "string", format = "phone_number", min = 1, create = "required", read = true },
        name = { type = "string", create = "optional", read = true },
        e164_check_enabled = { type = "boolean", default = false, create = "optional" },
        is_active = { type = "boolean", default = true, create = "optional", doc = "Only the guide names it." },
        agent_id = { type = "string", read = true },
        byot_trunk_id = { type = "string", read = true },
        telephony_provider = { type = "string", read = true },
        deleted = { type = "boolean", read = true },
        created_at = { type = "string", read = true },
        updated_at = { type = "string", read = true },
    },
}

---@return table
return {
    name = "bolna",
    title = "Bolna",
    base_url = "https://api.bolna.ai",
    token_env = "BOLNA_TOKEN",
    auth = "bearer",
    id = "string",
    limits = {
        { 1000, per = 60 },
        concurrency = 16,
        source = "Rate limiting: 1000 requests a minute for the whole organization",
    },
    objects = {
        trunk = trunk,
        gateway = gateway,
        ip_identifier = ip_identifier,
        phone_number = phone_number,
        mapping = {
            doc = "A number belongs to one agent; mapping it again takes it from the other without a word.",
            fields = {
                agent_id = { type = "string", min = 1, create = "required" },
                phone_number_id = { type = "string", min = 1, create = "required" },
            },
        },
        unmapping = {
            fields = { phone_number_id = { type = "string", min = 1, create = "required" } },
        },
    },
    endpoints = {
        list = {
            "GET", "/sip-trunks/trunks", returns = "list", query = { is_active = "boolean" },
            doc = "Without is_active: all of them.",
        },
        get = { "GET", "/sip-trunks/trunks/{id}" },
        create = { "POST", "/sip-trunks/trunks", body = "trunk", mode = "create" },
        update = {
            "PATCH", "/sip-trunks/trunks/{id}", body = "trunk", mode = "update", repeatable = true, empty = "refuse",
            source = UPDATE,
        },
        delete = {
            "DELETE", "/sip-trunks/trunks/{id}", repeatable = true, returns = "message",
            doc = "Takes gateways, addresses, numbers and agent mappings along, and running calls stop: set "
                .. "is_active to false first.",
        },
        check = { "GET", "/user/me" },
        ["numbers.list"] = { "GET", "/sip-trunks/trunks/{id}/numbers", returns = "list" },
        ["numbers.add"] = { "POST", "/sip-trunks/trunks/{id}/numbers", body = "phone_number", mode = "create" },
        ["numbers.remove"] = {
            "DELETE", "/sip-trunks/trunks/{id}/numbers/{number_id}", params = { number_id = "string" },
            repeatable = true, returns = "message",
        },
        ["agents.map"] = { "POST", "/inbound/setup", body = "mapping", mode = "create" },
        ["agents.unmap"] = { "POST", "/inbound/unlink", body = "unmapping", mode = "create" },
    },
    errors = { message = { "message", "detail", "error" } },
    evidence = { updated = "updated_at" },
    secrets = {
        {
            field = "auth_password", legs = { "inbound", "outbound" }, with = { "auth_username" },
            when = { auth_type = "userpass" }, min = 12,
            otherwise = "the trunk has no password: it is not of type userpass",
        },
    },
    label = "name",
    mapping = "bolna",
}
