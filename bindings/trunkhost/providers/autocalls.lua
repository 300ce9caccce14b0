--- Autocalls: https://docs.autocalls.ai/api-reference/sip-trunks/
local famulor_like <const> = require "trunkhost.providers.famulor_like"

---@return table
return famulor_like {
    name = "autocalls",
    title = "Autocalls",
    base_url = "https://app.autocalls.ai/api",
    token_env = "AUTOCALLS_TOKEN",
    limits = {
        { 100, per = 60 },
        { 20, per = 10 },
        concurrency = 8,
        source = "assumption: not documented; the figures of Famulor, whose API is the same",
    },
    pages = "https://docs.autocalls.ai/api-reference/sip-trunks/",
    endpoints = {
        -- No endpoint that only checks a key is documented; the trunk list needs the same one.
        check = { "GET", "/user/phone-numbers/sip-trunks", reply = "data", returns = "list" },
    },
}
