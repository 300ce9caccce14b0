---@meta

--- The configuration: a Lua file that returns a table of the class trunkhost.Config.
---
--- It runs without the libraries of Lua; its only name is `env`, the environment variables (`env.HOME`). It is searched
--- for at `--config FILE`, `$TRUNKHOST_CONFIG`, `$XDG_CONFIG_HOME/trunkhost/config.lua` and
--- `/etc/trunkhost/config.lua`, in this order. A member that is not listed here is refused.

---@class (exact) trunkhost.Config
---@field accounts table<string, trunkhost.AccountConfig>  By name: letters, digits, ".", "_" and "-", and not "all".

---@class (exact) trunkhost.AccountConfig
--- "famulor", "autocalls", "vatel", "bolna", "bolna_trunk", or the name of a file in the folder `providers` beside the
--- configuration.
---@field provider string
---@field token trunkhost.TokenSource  Where the token is. The token itself does not belong into the file.
---@field base_url? string  Plain http is allowed only for this machine. Default: that of the provider.
--- At most 8; all hold at the same time. An empty list: no limit. Default: those of the provider.
---@field rate? trunkhost.RateWindow[]
---@field concurrency? integer  Requests at the same time, from 1 to 1024. Default: that of the provider.
---@field timeout? number  Seconds for one request, at most 3600.
--- The longest time in seconds that the platform may ask the account to wait (`Retry-After`), at most 86400: for each
--- single wait, and for all waits of one request from its first 429 on. A longer wait halts the account; the run can be
--- resumed. Default: 900.
---@field max_wait? number
--- The settle time in seconds: after it, the platform's lists show a new trunk. 0 to 86400. Default: what the provider
--- says.
---@field eventual? number
---@field ca_file? string  The certificates to trust, as a PEM file. Default: those of the system.
---@field http? "1.1"|"2"  The version of HTTP. Default: `"2"` over TLS where the platform has it.

--- Exactly one of `env`, `file` and `command`.
---@class (exact) trunkhost.TokenSource
---@field env? string  The name of an environment variable.
---@field file? string  A file that only its owner can read, or that systemd, Docker or Kubernetes mounted.
---@field command? string[]  A command that prints it: `{ "pass", "show", "famulor" }`.
---@field timeout? number  With `command`: its time limit in seconds. Default: 30.

--- A number of requests in a number of seconds: `{ 100, per = 60 }`.
---@class trunkhost.RateWindow
---@field [integer] integer
---@field per number  Seconds.
