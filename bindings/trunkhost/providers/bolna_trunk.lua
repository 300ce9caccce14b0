--- Bolna, the newer API below /trunk: https://www.bolna.ai/docs/api-reference/trunks/
local PAGES <const> = "https://www.bolna.ai/docs/api-reference/trunks/"
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

local trunk <const> = {
    doc = "Inbound calls are accepted by the carrier's address only; the credentials are for outbound calls.",
    fields = {
        id = { type = "string", format = "uuid", read = true },
        name = changeable("What people call the trunk.", { type = "string", min = 1, max = 100, create = "required" }),
        description = changeable("null clears it.", { type = "string", max = 500, nullable = true }),
        preset = changeable("A label only.", {
            type = "string", enum = { "plivo", "telnyx", "twilio", "exotel", "vobiz", "vonage", "custom" },
            nullable = true,
        }),
        is_active = changeable("false: neither takes nor places calls. Whether create accepts it is not confirmed.",
            { type = "boolean" }),
        inbound_enabled = changeable("Takes calls.", { type = "boolean", default = true }),
        outbound_enabled = changeable("Places calls.", { type = "boolean", default = true }),
        channels = changeable("Calls at once. Above it inbound gets 486 and outbound waits.",
            { type = "integer", min = 1, max = 1000, default = 10 }),
        default_inbound_agent_id = changeable("Answers numbers without an agent.",
            { type = "string", format = "uuid", nullable = true }),
        auth_username = changeable("As the carrier gave it. Only together with the password.",
            { type = "string", min = 1, nullable = true, clears = "" }),
        auth_password = {
            -- One character is documented; six are the least that is sent without a grant.
            type = "string", min = 6, secret = true, nullable = true, create = "optional", update = true,
            doc = "As the carrier gave it. Only together with the username; null in both removes them.",
            source = UPDATE,
        },
        transport = changeable("There is no TLS.", { type = "string", enum = { "udp", "tcp" } }),
        outbound_leading_plus_enabled = changeable("Puts a + before dialled numbers.", { type = "boolean" }),
        codecs = changeable("In order of preference.",
            { type = "string", enum = { "PCMU", "PCMA", "PCMU,PCMA", "PCMA,PCMU" } }),
        gateways = {
            type = "list", of = "gateway", max = 8, create = "optional", read = true,
            doc = "Afterwards: gateways.add and gateways.remove. The form of an item in create is not confirmed; "
                .. "that of gateways.add is taken.",
            source = PAGES .. "create",
        },
        ip_acls = {
            type = "list", of = "acl", create = "optional", read = true,
            doc = "Afterwards: acls.add and acls.remove. The form of an item in create is not confirmed; that of "
                .. "acls.add is taken.",
            source = PAGES .. "create",
        },
        numbers = { type = "list", of = "phone_number", read = true },
        health = { type = "object", read = true, doc = "Its values are not confirmed." },
        active_calls = { type = "integer", read = true },
        created_at = { type = "string", read = true },
        updated_at = { type = "string", read = true },
    },
    rules = {
        {
            together = { "auth_username", "auth_password" },
            because = "the platform takes the pair or nothing",
        },
    },
}

local gateway <const> = {
    source = PAGES .. "add_gateway",
    doc = "It cannot be edited: remove it and add it again. At most 8 on a trunk.",
    fields = {
        id = { type = "string", read = true },
        host = { type = "string", format = "host", create = "required", read = true },
        port = { type = "integer", min = 1, max = 65535, create = "optional", read = true },
        priority = {
            type = "integer", min = 0, create = "optional", read = true,
            doc = "Lower comes first; equal ones in the order in which they were added.",
        },
    },
}

local acl <const> = {
    source = PAGES .. "add_carrier_ip",
    fields = {
        id = { type = "string", read = true },
        cidr = {
            type = "string", format = "cidr", admits = true, create = "required", read = true,
            doc = "A bare address comes back with /32.",
        },
    },
}

local phone_number <const> = {
    source = PAGES .. "add_number",
    fields = {
        id = { type = "string", read = true },
        trunk_id = { type = "string", read = true },
        e164 = { type = "string", format = "e164", create = "required", read = true },
        destination_key = {
            type = "string", min = 1, create = "required", read = true,
            doc = "The user part that the carrier sends for this number.",
        },
        agent_id = {
            type = "string", format = "uuid", nullable = true, create = "optional", update = true, read = true,
            doc = "null takes the number away from its agent.",
        },
        last_inbound_at = { type = "string", read = true },
        last_outbound_at = { type = "string", read = true },
        is_deleted = { type = "boolean", read = true },
        deleted_at = { type = "string", read = true },
        created_at = { type = "string", read = true },
        updated_at = { type = "string", read = true },
    },
}

---@return table
return {
    name = "bolna_trunk",
    title = "Bolna (new trunk API)",
    base_url = "https://api.bolna.ai",
    token_env = "BOLNA_TOKEN",
    auth = "bearer",
    id = "uuid",
    limits = {
        { 1000, per = 60 },
        concurrency = 16,
        source = "Rate limiting: 1000 requests a minute for the whole organization",
    },
    objects = { trunk = trunk, gateway = gateway, acl = acl, phone_number = phone_number },
    endpoints = {
        list = {
            "GET", "/trunk/trunks", reply = "data?", returns = "list",
            -- Other lists of this platform come in pages; for this one it is not confirmed.
            pages = { number = "page_number", more = "has_more" },
        },
        get = { "GET", "/trunk/trunks/{id}" },
        create = { "POST", "/trunk/trunks", body = "trunk", mode = "create" },
        update = {
            "PATCH", "/trunk/trunks/{id}", body = "trunk", mode = "update", repeatable = true, empty = "refuse",
            source = UPDATE,
        },
        delete = {
            "DELETE", "/trunk/trunks/{id}", repeatable = true,
            doc = "Takes gateways, addresses and numbers along.",
        },
        check = { "GET", "/user/me" },
        ["gateways.add"] = { "POST", "/trunk/trunks/{id}/gateways", body = "gateway", mode = "create" },
        ["gateways.remove"] = {
            "DELETE", "/trunk/trunks/{id}/gateways/{gateway_id}", params = { gateway_id = "string" },
            repeatable = true,
        },
        ["acls.add"] = { "POST", "/trunk/trunks/{id}/ip-acls", body = "acl", mode = "create" },
        ["acls.remove"] = {
            "DELETE", "/trunk/trunks/{id}/ip-acls/{acl_id}", params = { acl_id = "string" }, repeatable = true,
        },
        ["numbers.add"] = { "POST", "/trunk/trunks/{id}/numbers", body = "phone_number", mode = "create" },
        ["numbers.remove"] = {
            "DELETE", "/trunk/trunks/{id}/numbers/{number_id}", params = { number_id = "string" }, repeatable = true,
        },
        ["numbers.assign"] = {
            "PATCH", "/trunk/numbers/{number_id}", params = { number_id = "string" }, body = "phone_number",
            mode = "update", repeatable = true,
            -- An empty body takes the agent away there; here that must be said with null.
            empty = "refuse",
        },
        edge = {
            "GET", "/trunk/pop",
            doc = "Domain, port, transports, addresses and RTP ports that the carrier must know.",
        },
    },
    errors = { message = { "message", "detail", "error" } },
    -- Not confirmed that updated_at comes back; without it there is only the platform's yes.
    evidence = { updated = "updated_at" },
    secrets = {
        {
            field = "auth_password", legs = { "outbound" }, with = { "auth_username" }, present = { "auth_username" },
            min = 12,
            otherwise = "the trunk has no password: its calls are accepted by address and no username is set",
        },
    },
    label = "name",
    mapping = "bolna_trunk",
}
