--- Vatel: https://docs.vatel.ai/api-reference/sip-trunks/
local PAGES <const> = "https://docs.vatel.ai/api-reference/sip-trunks/"
local UPDATE <const> = PAGES .. "update-sip-trunk"
local STATUSES <const> = { "not_registered", "pending", "registered", "failed", "auth_failed" }

--- Text that the platform clears on "": calls stop or credentials go, so it needs a grant.
---@param doc string
---@param more table?
local function text(doc, more)
    local field <const> = {
        type = "string", min = 1, nullable = true, create = "optional", update = true, read = true, clears = "",
        doc = doc, source = UPDATE,
    }
    for name, value in pairs(more or {}) do
        field[name] = value
    end
    return field
end

--- No length is documented; six characters are the least that this program sends without a grant.
---@param doc string
local function password(doc)
    return {
        type = "string", min = 6, secret = true, nullable = true, create = "optional", update = true, clears = "",
        doc = doc, source = UPDATE,
    }
end

---@param doc string
local function switch(doc)
    return {
        type = "boolean", nullable = true, create = "optional", update = true, read = true, doc = doc, source = UPDATE,
    }
end

local trunk <const> = {
    doc = "Numbers are not on the trunk but on its agent assignments. There is no name and no updated_at.",
    fields = {
        id = { type = "string", format = "uuid", read = true },
        created_at = { type = "string", read = true },
        pbx = {
            type = "string", enum = { "3cx", "yeastar", "webex", "generic" }, create = "required", update = true,
            read = true, doc = "Preset of the PBX; generic: everything is given here.", source = UPDATE,
        },
        caller_id_transforms = {
            type = "list", of = "transform", nullable = true, replaces = true, create = "optional", update = true,
            read = true, doc = "Carried out in this order.", source = UPDATE,
        },
        inbound_host = text("With acl: the one host, address or range that may call in.",
            { format = "source", admits = true }),
        inbound_auth_type = {
            type = "string", enum = { "digest", "acl", "none" }, nullable = true, off = "none", create = "optional",
            update = true, read = true, doc = "How inbound calls are authenticated.", source = UPDATE,
        },
        inbound_sip_username = text("Unique among all trunks of the platform: 409 when it is taken."),
        inbound_sip_password = password "For digest on the inbound leg.",
        outbound_host = text("Where calls go: the carrier or the border controller. Whether a port may follow is "
            .. "not documented.", { format = "host_port" }),
        outbound_sip_username = text "For the outbound leg, where the carrier asks for it.",
        outbound_sip_password = password "For the outbound leg.",
        register = switch "The platform registers this trunk at the carrier.",
        remain_in_dialog = switch "Keeps the SIP dialog.",
        inbound_registration_status = {
            type = "string", enum = STATUSES, read = true, doc = "The last known outcome.", source = UPDATE,
        },
        outbound_registration_status = {
            type = "string", enum = STATUSES, read = true, doc = "The last known outcome.", source = UPDATE,
        },
    },
}

local transform <const> = {
    doc = "One step on the caller id. Which values a type needs follows from its name; the page does not say.",
    fields = {
        type = {
            type = "string", enum = { "add_prefix", "add_suffix", "replace", "strip_digits_start", "strip_digits_end" },
            create = "required", read = true, source = UPDATE,
        },
        value = { type = "string", create = "optional", read = true },
        value2 = { type = "string", create = "optional", read = true },
        number = { type = "integer", create = "optional", read = true },
    },
    rules = {
        { need = { "value" }, when = { type = "add_prefix" } },
        { need = { "value" }, when = { type = "add_suffix" } },
        { need = { "value" }, when = { type = "replace" } },
        { need = { "number" }, when = { type = "strip_digits_start" } },
        { need = { "number" }, when = { type = "strip_digits_end" } },
    },
}

local assignment <const> = {
    doc = "Links an agent to the trunk. Its id is the user part of the inbound SIP address.",
    source = PAGES .. "create-sip-trunk-agent-assignment",
    fields = {
        id = { type = "string", format = "uuid", read = true },
        sip_trunk_id = { type = "string", format = "uuid", read = true },
        created_at = { type = "string", read = true },
        agent_id = {
            type = "string", format = "uuid", create = "required", read = true,
            doc = "Cannot be changed: delete the assignment and make another one.",
        },
        number = {
            type = "string", format = "phone_number", min = 1, nullable = true, create = "optional", update = true,
            read = true, doc = "For digest trunks; unique within the trunk. null clears it.",
        },
        alternate_number = {
            type = "string", format = "phone_number", min = 1, nullable = true, create = "optional", update = true,
            read = true, doc = "For acl trunks; unique among all trunks of the platform. null clears it.",
        },
    },
}

local ASSIGNMENT <const> = "/sip-trunks/assignments/{assignment_id}"

---@return table
return {
    name = "vatel",
    title = "Vatel",
    base_url = "https://api.vatel.ai/v1",
    token_env = "VATEL_TOKEN",
    auth = "bearer",
    id = "uuid",
    limits = {
        { 300, per = 60 },
        concurrency = 8,
        source = "assumption: not documented; five requests a second",
    },
    objects = { trunk = trunk, transform = transform, assignment = assignment },
    endpoints = {
        list = { "GET", "/sip-trunks", returns = "list" },
        get = { "GET", "/sip-trunks/{id}" },
        create = {
            "POST", "/sip-trunks", body = "trunk", mode = "create",
            doc = "503: SIP is not set up for the organization; asking again soon does not help.",
        },
        update = {
            "PATCH", "/sip-trunks/{id}", body = "trunk", mode = "update", repeatable = true, empty = "refuse",
            source = UPDATE,
        },
        delete = {
            "DELETE", "/sip-trunks/{id}", repeatable = true, returns = "none",
            doc = "What becomes of its assignments is not documented: delete them first.",
        },
        check = { "GET", "/organization" },
        ["assignments.list"] = { "GET", "/sip-trunks/{id}/assignments", returns = "list" },
        ["assignments.create"] = {
            "POST", "/sip-trunks/{id}/assignments", body = "assignment", mode = "create", returns = "assignment",
        },
        ["assignments.get"] = { "GET", ASSIGNMENT, params = { assignment_id = "uuid" }, returns = "assignment" },
        ["assignments.update"] = {
            "PATCH", ASSIGNMENT, params = { assignment_id = "uuid" }, body = "assignment", mode = "update",
            repeatable = true, empty = "refuse", returns = "assignment",
        },
        ["assignments.delete"] = {
            "DELETE", ASSIGNMENT, params = { assignment_id = "uuid" }, repeatable = true, returns = "none",
        },
        ["agents.dial"] = {
            "POST", "/agents/{agent_id}/dial", params = { agent_id = "uuid" },
            query = { sipTrunkId = "uuid", number = "string", destination = "string", callerId = "string" },
            -- Not the key is at fault: the trunk is not assigned to that agent.
            status = { [403] = "refused" },
            doc = "A test call; on a trunk it is accepted before it is placed.",
        },
    },
    errors = { message = { "error", "message" } },
    evidence = {
        registration = {
            inbound = "inbound_registration_status",
            outbound = "outbound_registration_status",
            when = { outbound = { register = true } },
            idle = "not_registered",
            settled = { "registered", "failed", "auth_failed" },
            proven = "registered",
            refused = "auth_failed",
        },
    },
    secrets = {
        {
            field = "inbound_sip_password", legs = { "inbound" }, when = { inbound_auth_type = "digest" },
            present = { "inbound_sip_username" }, min = 12,
            otherwise = "the inbound leg has no password: it is not digest with a username",
        },
        {
            field = "outbound_sip_password", legs = { "outbound" }, present = { "outbound_sip_username" }, min = 12,
            otherwise = "the outbound leg has no password: it has no username",
        },
    },
    mapping = "vatel",
}
