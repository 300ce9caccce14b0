--- Famulor: https://docs.famulor.io/en/api-reference/sip-trunks/
local famulor_like <const> = require "trunkhost.providers.famulor_like"

---@return table
return famulor_like {
    name = "famulor",
    title = "Famulor",
    base_url = "https://app.famulor.de/api",
    token_env = "FAMULOR_TOKEN",
    limits = {
        { 100, per = 60 },
        { 20, per = 10 },
        concurrency = 8,
        source = "Authentication guide: 100 requests a minute, bursts of 20 in 10 seconds",
    },
    pages = "https://docs.famulor.io/en/api-reference/sip-trunks/",
    endpoints = {
        check = { "GET", "/user/me" },
        ["numbers.all"] = { "GET", "/user/phone-numbers/all", reply = "data?", returns = "list" },
        ["numbers.rename"] = {
            "PUT", "/user/phone-numbers/{id}", body = "nickname", mode = "update", repeatable = true,
            empty = "refuse", doc = "The nickname of any number of your own; null clears it.",
        },
    },
}
