--- Famulor and Autocalls: their trunk APIs agree in paths, fields and texts, so one description serves both.
--- What differs comes in as a table. Limits and doubts are kept apart: what one documents is no fact about the other.

---@class trunkhost.FamulorLike
---@field name string
---@field title string
---@field base_url string
---@field token_env string
---@field limits table
---@field pages string          where the reference lies, for `source`
---@field endpoints table       endpoints that only this platform documents, and `check`

local TRUNKS <const> = "/user/phone-numbers/sip-trunks"

---@param source fun(page: string): string
local function trunk(source)
    local both <const> = { "inbound", "outbound" }
    return {
        doc = "A trunk is a row of the account's phone numbers: it has exactly one number.",
        fields = {
            id = { type = "integer", read = true, doc = "The same id space as all phone numbers of the account." },
            sip_trunk_type = {
                type = "string", enum = { "extension", "number" }, create = "required",
                doc = "Decides the form of phone_number. Not readable afterwards.", source = source "create",
            },
            phone_number = {
                type = "string", format = "number_or_extension", create = "required", update = true, read = true,
                recreates = both, source = source "update",
                doc = "The extension (1 to 15 characters) or the number.",
            },
            nickname = {
                type = "string", max = 50, nullable = true, create = "optional", update = true, read = true,
                doc = "What people call the trunk; null clears it.", source = source "update",
            },
            sip_username = {
                type = "string", min = 3, max = 128, create = "required", update = true, read = true,
                recreates = both, doc = "The same for both directions.", source = source "update",
            },
            sip_password = {
                type = "string", min = 3, secret = true, create = "required", update = true, recreates = both,
                doc = "The same for both directions. No maximum and no set of characters is documented.",
                source = source "update",
            },
            sip_address = {
                type = "string", format = "host", create = "required", update = true, read = true,
                recreates = { "outbound" }, doc = "The carrier's host, without a port.", source = source "update",
            },
            sip_calling_format = {
                type = "string", enum = { "+e164", "e164", "national" }, create = "required", update = true,
                read = true, doc = "How outbound numbers are written. Kept by the platform only.",
                source = source "update",
            },
            inbound_authorization_type = {
                type = "string", enum = { "auth", "ip" }, create = "required", update = true, read = true,
                recreates = { "inbound" }, source = source "update",
                doc = "auth: username and password; ip: allowed_inbound_ips. Changing to auth clears the list.",
            },
            allowed_inbound_ips = {
                type = "list", of = "string", item_format = "ip", min = 1, nullable = true, replaces = true,
                admits = true, create = "optional", update = true, read = true, recreates = { "inbound" },
                doc = "Who may call in. Ranges are not documented.", source = source "update",
            },
            country_code = {
                type = "string", format = "country", create = "required", update = true, read = true,
                doc = "Called ISO 3166-2 there; the samples are two-letter country codes.", source = source "update",
            },
            outbound_proxy = {
                type = "boolean", default = false, create = "optional", update = true, read = true,
                recreates = { "outbound" }, doc = "Outbound calls leave from a fixed address.",
                source = source "update",
            },
            inbound_trunk_id = {
                type = "string", read = "detail", doc = "Infrastructure id; a new one when that leg was re-created.",
                source = source "update",
            },
            outbound_trunk_id = {
                type = "string", read = "detail", doc = "Infrastructure id; a new one when that leg was re-created.",
                source = source "update",
            },
            created_at = { type = "string", read = true },
            updated_at = { type = "string", read = true },
        },
        rules = {
            {
                need = { "allowed_inbound_ips" }, when = { inbound_authorization_type = "ip" },
                because = "the platform accepts ip only together with the list",
            },
        },
    }
end

---@param face trunkhost.FamulorLike
---@return table description
return function(face)
    local function source(page)
        return face.pages .. page .. "-sip-trunk"
    end

    local endpoints <const> = {
        list = { "GET", TRUNKS, reply = "data", returns = "list" },
        get = { "GET", TRUNKS .. "/{id}", reply = "data" },
        create = { "POST", TRUNKS, body = "trunk", mode = "create", reply = "data" },
        update = {
            "PUT", TRUNKS .. "/{id}", body = "trunk", mode = "update", reply = "data", repeatable = true,
            empty = "refuse", doc = "Partial, although it is a PUT: only what is sent changes.",
        },
        delete = {
            "DELETE", "/user/phone-numbers/{id}", repeatable = true, guard = "list", returns = "message",
            doc = "The same address releases bought numbers: the id must be one of a trunk.",
        },
        ["assistants.numbers"] = {
            "GET", "/user/assistants/phone-numbers", returns = "list", query = { type = { "inbound", "outbound" } },
            doc = "Numbers that assistants can use.",
        },
        ["assistants.assign"] = {
            "PUT", "/user/assistant/{assistant_id}", params = { assistant_id = "integer" }, body = "assignment",
            mode = "update", repeatable = true, empty = "refuse", doc = "Links a number to an assistant.",
        },
    }
    for name, endpoint in pairs(face.endpoints) do
        endpoints[name] = endpoint
    end

    return {
        name = face.name,
        title = face.title,
        base_url = face.base_url,
        token_env = face.token_env,
        auth = "bearer",
        id = "integer",
        limits = face.limits,
        objects = {
            trunk = trunk(source),
            nickname = {
                doc = "The nickname of any number of the account.",
                fields = { nickname = { type = "string", max = 50, nullable = true, update = true } },
            },
            assignment = {
                doc = "The number that an assistant uses.",
                fields = {
                    phone_number_id = {
                        type = "integer", min = 1, nullable = true, update = true,
                        doc = "null takes the number away from the assistant.",
                    },
                },
            },
        },
        endpoints = endpoints,
        errors = { message = { "message", "error" }, faults = "errors", retry_after = "retry_after" },
        evidence = {
            infrastructure = { inbound = "inbound_trunk_id", outbound = "outbound_trunk_id" },
            updated = "updated_at",
        },
        secrets = {
            -- min: the platform's own dashboard asks for twelve, its API for three.
            { field = "sip_password", legs = { "inbound", "outbound" }, min = 12 },
        },
        label = "nickname",
        mapping = "famulor_like",
    }
end
