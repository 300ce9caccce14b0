-- The accounts of trunkhost. This is a Lua file that returns a table; it can read the environment, as in env.HOME, and
-- nothing else. Do not write a token into it, only where the token is.
--
-- trunkhost reads --config FILE, else $TRUNKHOST_CONFIG, else ~/.config/trunkhost/config.lua, else
-- /etc/trunkhost/config.lua. `trunkhost doctor` checks it.

---@type trunkhost.Config
return {
    accounts = {
        -- Choose a name: letters, digits, ".", "_" and "-". Use it with --account NAME.
        ["famulor"] = {
            -- famulor, autocalls, vatel, bolna or bolna_trunk; or NAME for a file providers/NAME.lua beside this one.
            provider = "famulor",

            -- Where the API token is. One of these three:
            token = { env = "FAMULOR_TOKEN" }, -- an environment variable
            -- token = { file = "/etc/trunkhost/famulor.token" }, -- a file that only its owner can read (chmod 600)
            -- token = { command = { "pass", "show", "voip/famulor" }, timeout = 30 }, -- the output of a command

            -- Everything below is optional.

            -- Rate limits: requests per seconds; all of them apply. Default: the limits that the platform documents.
            -- rate = { { 100, per = 60 }, { 20, per = 10 } },

            -- Requests at the same time. Default: what suits the platform.
            -- concurrency = 4,

            -- Seconds that one request may take. Default: 30.
            -- timeout = 60,

            -- The longest wait in seconds that the platform may ask for. Default: 900.
            -- max_wait = 1800,

            -- Seconds after which a new trunk is in the platform's list, at the latest. Default: 300, or what is known.
            -- eventual = 600,

            -- Another address of the API, https only.
            -- base_url = "https://voice.example.com/api",

            -- Certificates to trust instead of the system's, as a PEM file.
            -- ca_file = "/etc/ssl/voice.example.com.pem",

            -- "1.1" if a proxy or firewall cannot handle HTTP/2.
            -- http = "1.1",
        },

        -- A second account, and so on.
        -- ["vatel-berlin"] = {
        --     provider = "vatel",
        --     token = { file = env.HOME .. "/.config/trunkhost/vatel.token" },
        -- },
    },
}
