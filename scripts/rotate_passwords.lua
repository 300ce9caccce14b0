--- Gives trunks new passwords. They are generated here, stored in the ledger before they are sent, and verified as far
--- as the platform allows. The script knows no platform by name: the provider's description says which passwords a
--- trunk has and what verifies a change.

local trunkhost <const> = require "trunkhost"
local duration <const> = require "trunkhost.duration"
local passwords <const> = require "trunkhost.passwords"
local rollback <const> = require "trunkhost.rollback"
local trunk_secrets <const> = require "trunkhost.trunk_secrets"
local job <const> = trunkhost.job

local function legs(text)
    local chosen = {}
    for leg in text:gmatch "[^,]+" do
        if leg ~= "inbound" and leg ~= "outbound" then
            return nil, ("--legs %s: write inbound, outbound, or both with a comma"):format(text)
        end
        chosen[leg] = true
    end
    return chosen
end

local function length(text)
    local value = text:match "^%d+$" and math.tointeger(tonumber(text))
    if not value or value < 8 or value > 128 then
        return nil, ("--length %s: write a number from 8 to 128"):format(text)
    end
    return value
end

local parser <const> = trunkhost.options {
    secrets = true,
    description = "Gives trunks new passwords. Each password is stored in the ledger before it is sent; "
        .. "'trunkhost secrets export' prints them.",
    epilog = [[
Examples:
  trunkhost rotate_passwords.lua --account famulor-prod --dry-run
      show what would change, and which legs are re-created
  trunkhost rotate_passwords.lua --account all --yes --json
      rotate every trunk of every account, from cron or another program
  trunkhost rotate_passwords.lua --account vatel --legs outbound \
      --match 'outbound_host=*.example.net' --max-failures 2
  trunkhost rotate_passwords.lua --account all --older-than 90d --yes --quiet \
      --deliver /usr/local/bin/set-trunk-password
      from cron: rotate what is due, deliver each password to the PBX
  trunkhost rotate_passwords.lua --account vatel \
      --rollback --run 20261120T063458Z-a32bcd
      the passwords of that run do not work: put the previous ones back
  trunkhost --sandbox rotate_passwords.lua --account all
      try it on fake platforms]],
}
local of_legs <const> = parser:option "--legs" :argname "LEGS" :convert(legs)
    :description "Rotate passwords of these legs: inbound, outbound, or both with a comma. Default: both."
local from_file <const> = parser:option "--passwords" :argname "FILE"
    :description "Set the passwords in this CSV file, which the carrier dictates. Columns: trunk, field and \z
        password; account, where trunk ids are not unique; previous, for the old passwords. Other trunks do not \z
        change."
local back <const> = parser:flag "--rollback"
    :description "Set the previous password again, if the ledger knows it. Needs the ledger's private key."
parser:mutex(of_legs, from_file)
parser:mutex(back, from_file)
parser:group("Which passwords", of_legs, from_file, back,
    parser:option "--run" :argname "RUN"
        :description "With --rollback: only passwords that this run set.",
    parser:option "--older-than" :argname "TIME" :convert(duration.parse)
        :description "Only passwords last verified more than TIME ago, or not in the ledger: 12h, 90d, 2w, 3mo.",
    parser:option "--length" :argname "N" :convert(length) :default(32)
        :description "Length of a new password; longer where the platform requires it. Default: 32.",
    parser:option "--settle-time" :argname "TIME" :convert(duration.parse) :default(60)
        :description "How long to wait for the carrier to accept a password, where the platform reports that. \z
            Default: 60s.")

local options <const> = parser:parse()
local wanted <const> = options.legs or { inbound = true, outbound = true }
local file <const> = options.passwords and passwords.read(options.passwords)
local old <const> = rollback.of(options)

--- The passwords of a trunk to change, and why the others are left out.
local function choose(item)
    local chosen, reasons = {}, {}
    for _, secret in ipairs(item.account:describe().secrets or {}) do
        local has, reason = trunk_secrets.has(item.trunk, secret)
        if file then
            has, reason = file:of(item)[secret.field] ~= nil, "not in the password file"
        elseif not trunk_secrets.serves(secret, wanted) then
            has, reason = false, "its password is for another leg"
        end
        if has and old then
            has, reason = old:has(item.account, item.trunk.id, secret.field)
        end
        local recent = has and options.older_than
            and job.recent(item.account, item.trunk.id, secret.field, options.older_than)
        if recent then
            has, reason = false, recent
        end
        table.insert(has and chosen or reasons, has and secret or reason)
    end
    return chosen, reasons[1] and table.concat(reasons, "; ") or "trunks of this platform have no password"
end

local function plan(item)
    local secrets, why = choose(item)
    if #secrets == 0 then
        return { skip = why }
    end
    local changes = {}
    for _, secret in ipairs(secrets) do
        changes[secret.field] = old and old:secret(item.account, item.trunk.id, secret.field) or job.new_secret
    end
    return { changes = changes, secrets = secrets, anew = file ~= nil or old ~= nil,
        previous = file and file:previous(item) }
end

--- Sends the passwords, and the fields that the platform requires with them.
local function apply(item, planned)
    local before, fields = job.before(item.account, item.trunk), {}
    for _, secret in ipairs(planned.secrets) do
        local has, reason = trunk_secrets.has(before, secret)
        if not has then
            job.failed("conflict", "the trunk was changed after it was planned: " .. reason)
        end
        fields[secret.field] = file and file:of(item)[secret.field] or old and planned.changes[secret.field]
            or trunkhost.secret { length = math.max(options.length, secret.min or 1) }
        for _, name in ipairs(secret.with or {}) do
            fields[name] = before[name]
        end
    end
    return job.apply(item.account, before, fields)
end

job.run {
    name = "rotate_passwords",
    options = options,
    check = file and function(items, failed) file:assign(items, failed) end,
    plan = plan,
    apply = apply,
    verify = function(item, _, applied) return job.verify(item.account, applied, options.settle_time) end,
}
