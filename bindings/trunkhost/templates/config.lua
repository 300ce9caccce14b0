-- The accounts that trunkhost works on. It is a Lua file that returns a table; the only name that it sees is `env`, the
-- environment to read: env.HOME. It never holds a token, only where the token is.
--
-- trunkhost reads it from --config FILE, else from $TRUNKHOST_CONFIG, else from ~/.config/trunkhost/config.lua, else
-- from /etc/trunkhost/config.lua. `trunkhost doctor` tells whether it is right.

---@type trunkhost.Config
return {
    accounts = {
        -- The name is yours: letters, digits, ".", "_" and "-". Scripts are told it with --account NAME.
        ["famulor"] = {
            -- famulor, autocalls, vatel, bolna, bolna_trunk; or NAME for a file providers/NAME.lua beside this one.
            provider = "famulor",

            -- Where the API token is. One of the three:
            token = { env = "FAMULOR_TOKEN" }, -- a variable of the environment
            -- token = { file = "/etc/trunkhost/famulor.token" }, -- a file that only its owner can read (chmod 600)
            -- token = { command = { "pass", "show", "voip/famulor" }, timeout = 30 }, -- what a command prints

            -- Everything below may be left out.

            -- Requests in so many seconds; all of them hold. Left out: the limits that the platform documents.
            -- rate = { { 100, per = 60 }, { 20, per = 10 } },

            -- Requests at the same time. Left out: what suits the platform.
            -- concurrency = 4,

            -- Seconds that one request may take. Left out: 30.
            -- timeout = 60,

            -- Seconds that the platform may ask us to wait. Left out: 900.
            -- max_wait = 1800,

            -- Seconds after which the platform lists what was made, at the latest. Left out: what is known of it.
            -- eventual = 600,

            -- Another address of the API, https only.
            -- base_url = "https://voice.example.com/api",

            -- Certificates to trust instead of the system's, as a PEM file.
            -- ca_file = "/etc/ssl/voice.example.com.pem",

            -- "1.1" where something in between does not bear HTTP/2.
            -- http = "1.1",
        },

        -- A second account, and so on.
        -- ["vatel-berlin"] = {
        --     provider = "vatel",
        --     token = { file = env.HOME .. "/.config/trunkhost/vatel.token" },
        -- },
    },
}
