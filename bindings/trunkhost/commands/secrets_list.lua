--- `trunkhost secrets list`: which passwords the ledger has, without showing one; and what a terminal gets instead of
--- the passwords of `secrets export`.

local aligned <const> = require "trunkhost.table"
local command_line <const> = require "trunkhost.text.command_line"
local core <const> = require "trunkhost.core"
local instant <const> = require "trunkhost.text.instant"
local ledger <const> = require "trunkhost.ledger"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local lines <const> = require "trunkhost.commands.ledger_lines"

local COLUMNS <const> = {
    { title = "ACCOUNT" }, { title = "TRUNK" }, { title = "FIELD" }, { title = "STATE" },
    { title = "CREATED (UTC)", drop = 1 }, { title = "EVIDENCE", note = true },
}

local SPECS <const> = {
    list = {
        name = "secrets list",
        description = "Lists the passwords in the ledger and what proves them. No password is shown, and no private \z
            key is needed.",
        epilog = [[
A candidate may be live: it was sent, or was about to be, and nothing has
proven it. `trunkhost explain TRUNK` shows the history of a trunk.]],
    },
    -- Its help, its formats and its errors are those of the command in C, which opens the passwords.
    export = { name = "secrets export" },
}

local function line(row)
    return ledger_view.line("account", row.account, "provider", row.provider or "", "trunk", row.trunk or "",
        "field", row.field, "state", row.state, "evidence", row.evidence or "", "created_at", row.created_at,
        "changed_at", row.changed_at or "", "proven_at", row.proven_at, "delivered_at", row.delivered_at,
        "run", row.run or "")
end

local function list(words)
    local name <const> = table.remove(words, 1)
    local options <const> = command_line.read(SPECS[name], function(parser)
        parser:option "--account" :argname "NAME" :description "Only this account. Default: all."
        parser:option "--trunk" :argname "ID" :convert(lines.trunk_id) :description "Only this trunk."
        if name == "list" then
            lines.json_option(parser)
        else
            parser:option "--key" :argname "FILE"
        end
        lines.ledger_option(parser)
    end, words)
    local account <const> = options.account ~= "all" and options.account or nil
    lines.look(options)
    if account then
        ledger.know_account(account)
    end
    local filter <const> = { account = account, trunk = options.trunk, as_text = true }
    local function rows() return ledger_view.each(ledger.secrets, filter) end
    if not rows()() then
        return core.write("err", ("trunkhost: the ledger %s has no such secret\n"):format(options.ledger))
    elseif options.json then
        return lines.write(rows(), line)
    end
    aligned.write(COLUMNS, lines.map(rows, function(row)
        return { row.account, row.trunk or "", row.field, row.state, instant.stamp(row.created_at), row.evidence or "" }
    end), aligned.screen "out")
    if name == "export" then
        core.write("err", "\nA terminal does not get the passwords. For all columns: "
            .. "(umask 077; trunkhost secrets export --csv > FILE), or --json\n")
    end
end

return function(...)
    lines.guard(list, { ... })
end
