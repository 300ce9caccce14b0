--- `trunkhost runs`, `runs show RUN`, `runs backup FILE`: what ran, and what became of it.

local aligned <const> = require "trunkhost.table"
local command_line <const> = require "trunkhost.text.command_line"
local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local instant <const> = require "trunkhost.text.instant"
local ledger <const> = require "trunkhost.ledger"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local lines <const> = require "trunkhost.commands.ledger_lines"
local usage <const> = require "trunkhost.text.usage"

local RUNS_SHOWN <const> = 20
-- Of a run with more items only those that need a person are shown.
local ITEMS_SHOWN <const> = 60

local COLOURS <const> = { done = "green", failed = "red", unknown = "yellow", ["half-way"] = "yellow", skipped = "dim" }

-- ---------------------------------------------------------------------------------------------------
-- Words

local function took(row)
    local seconds <const> = instant.between(row.started_at, row.ended_at)
    return seconds and duration.format(seconds) or ""
end

--- "1 done, 1 failed, 3 not tried"
local function counts_text(run)
    local conclusion <const>, parts <const> = ledger_view.conclusion(run), {}
    local counts <const>, left <const> = ledger_view.totals(run.items, conclusion)
    local silent <const> = #(conclusion.not_listed or {})
    local alive <const> = run.life == "alive"
    for _, each in ipairs {
        { counts.done, "done" }, { math.max(0, counts.failed - silent), "failed" }, { counts.unknown, "unknown" },
        { counts.skipped, "skipped" }, { counts.running, alive and "running" or "half-way" },
        { left, alive and "planned" or "not tried" },
        { silent, silent == 1 and "account not listed" or "accounts not listed" },
    } do
        parts[#parts + 1] = each[1] > 0 and ("%d %s"):format(each[1], each[2]) or nil
    end
    return table.concat(parts, ", "), counts
end

--- What a person has to know of the run, in sentences.
local function sentences(run)
    local conclusion <const>, texts <const> = ledger_view.conclusion(run), {}
    for _, account in ipairs(conclusion.not_listed or {}) do
        texts[#texts + 1] = ("The trunks of %s could not be listed: %s"):format(account.account or "?",
            ledger_view.error_text(account.error))
    end
    for _, text in ipairs(conclusion.words or {}) do
        texts[#texts + 1] = tostring(text)
    end
    if run.life == "died" and run.items.done + run.items.running > 0 and run.script ~= "-e" then
        texts[#texts + 1] = "It was killed. Resume it with: " .. ledger_view.resume_command(run)
    end
    return texts
end

-- ---------------------------------------------------------------------------------------------------
-- runs

local RUN_COLUMNS <const> = {
    { title = "RUN" }, { title = "STARTED (UTC)", drop = 1 }, { title = "TOOK", drop = 2 }, { title = "RESULT" },
    { title = "ITEMS", max = 40 }, { title = "SCRIPT", note = true },
}

local function run_line(run, event)
    local counts <const> = ledger_view.totals(run.items, ledger_view.conclusion(run))
    local items <const> = ledger_view.object("planned", run.items.planned, "running", counts.running,
        "done", counts.done, "failed", counts.failed, "unknown", counts.unknown, "skipped", counts.skipped)
    local members <const> = table.pack("run", run.id, "script", run.script, "arguments", run.arguments,
        "script_hash", run.script_hash, "host", run.host, "pid", run.pid, "resumed_from", run.resumed_from,
        "undoes", run.undoes, "started_at", run.started_at, "ended_at", run.ended_at, "life", run.life,
        "status", run.status, "items", items)
    if event then
        return ledger_view.line("event", event, table.unpack(members, 1, members.n))
    end
    return ledger_view.line(table.unpack(members, 1, members.n))
end

local function list(words)
    local options <const> = command_line.read({ name = "runs",
        usage = { "runs [option...]", "runs show RUN [option...]", "runs backup FILE" },
        description = "Lists runs and their results, newest first.",
        epilog = [[
runs show RUN shows one run and its items; runs backup FILE copies the ledger,
also while it is in use.
RESULT is done, some failed (or unknown), error (in usage, configuration or
script), halted (by a limit, the deadline or a signal), locked out (another run
held the account), running, or killed. An item that is half-way was in progress
when its run ended.
`trunkhost explain TRUNK` shows the history of one trunk.]] }, function(parser)
        parser:option "--limit" :argname "N" :convert(command_line.integer("--limit", 0)) :default(RUNS_SHOWN)
            :description(("How many runs; 0 for all. Default: %d."):format(RUNS_SHOWN))
        lines.json_option(parser)
        lines.ledger_option(parser)
    end, words)
    lines.look(options)
    local filter <const> = { limit = options.limit > 0 and options.limit or nil }
    local function runs() return ledger_view.each(ledger.runs, filter, "seq") end
    if not runs()() then
        core.write("err", ("trunkhost: the ledger %s has no runs yet\n"):format(options.ledger))
    elseif options.json then
        lines.write(runs(), run_line)
    else
        aligned.write(RUN_COLUMNS, lines.map(runs, function(run)
            return { run.id, instant.stamp(run.started_at), took(run), ledger_view.result(run),
                (counts_text(run)), ledger_view.command_line(run) }
        end), aligned.screen "out")
    end
end

-- ---------------------------------------------------------------------------------------------------
-- runs show

local ITEM_COLUMNS <const> = {
    { title = "ACCOUNT", group = true }, { title = "TRUNK" }, { title = "STATE" }, { title = "EVIDENCE" },
    { title = "TRIES", right = true }, { title = "TOOK" }, { title = "NOTE", note = true },
}

local function show_head(run, out)
    local counts <const> = counts_text(run)
    for _, each in ipairs {
        { "Run", run.id }, { "Script", ledger_view.command_line(run) }, { "SHA-256", run.script_hash },
        { "Where", run.host and ("%s, process %d"):format(run.host, run.pid or 0) },
        { "Continues", run.resumed_from }, { "Undoes", run.undoes },
        { "Started", instant.utc(run.started_at) },
        { "Ended", run.life ~= "ended" and "no: " .. ledger_view.result(run)
            or ("%s, after %s: %s (exit status %d)"):format(instant.utc(run.ended_at), took(run),
                ledger_view.result(run), run.status) },
        { "Items", counts ~= "" and counts or nil },
    } do
        if each[2] then
            out.write(("%-9s %s\n"):format(each[1], lines.plain(each[2])))
        end
    end
end

local function item_row(item, over)
    local is_skipped <const> = item.state == "skipped"
    local state <const> = item.state == "running" and over and "half-way" or item.state
    return { item.account, item.trunk, { state, colour = COLOURS[state] },
        not is_skipped and not item.place and item.evidence or "", item.attempts > 0 and tostring(item.attempts) or "",
        is_skipped and "" or took(item), lines.item_note(item) }
end

--- Of many items those are shown that need a person; returns how many are left out.
local function show_items(run, all, out)
    local shown, total = 0, #(ledger_view.conclusion(run).settled or {})
    for _, number in pairs(run.items) do
        total = total + number
    end
    local attention <const> = not all and total > ITEMS_SHOWN
    local function items()
        shown = 0
        return ledger_view.items(run, { attention = attention })
    end
    if total > 0 then
        out.write "\n"
    end
    aligned.write(ITEM_COLUMNS, lines.map(items, function(item)
        shown = shown + 1
        return item_row(item, run.life ~= "alive")
    end), out)
    return total - shown
end

local function show_text(run, all)
    local out <const> = aligned.screen "out"
    show_head(run, out)
    local left_out <const> = show_items(run, all, out)
    local texts <const>, loose = sentences(run), 0
    for i, text in ipairs(texts) do
        out.write((i == 1 and "\n" or "") .. aligned.sentence(text, out))
    end
    if left_out > 0 then
        out.write(("… and %d more; --all shows them.\n"):format(left_out))
    end
    for create in ledger_view.each(ledger.creates, { run = run.id, unsettled = true, as_text = true }) do
        out.write("\n" .. aligned.sentence(("It is not known whether this create has happened (%s on %s%s): %s"):format(
            create.endpoint, create.account, create.source and ", item " .. create.source or "", create.key), out))
    end
    for _ in ledger_view.each(ledger.attempts, { run = run.id, loose = true }) do
        loose = loose + 1
    end
    if loose > 0 then
        out.write(("%d %s outside of items; --json shows them.\n"):format(loose,
            loose == 1 and "request" or "requests"))
    end
end

local function show(words)
    local options <const> = command_line.read({ name = "runs show", description = "Shows one run and its items." },
        function(parser)
            parser:argument "RUN" :target "run" :argname "RUN"
                :description "The id of the run, the start of the id, or `last`: the latest that was not locked out."
            parser:flag "--all" :description(("Every item. Default: of more than %d, those that need a person."):format(
                ITEMS_SHOWN))
            lines.json_option(parser, "the run, its items, creates and attempts")
            lines.ledger_option(parser)
        end, words)
    lines.look(options)
    local run <const>, problem <const> = ledger.run(options.run)
    if not run then
        usage.fail("%s", problem)
    elseif not options.json then
        return show_text(run, options.all)
    end
    core.write("out", run_line(run, "run"))
    local of_run <const> = { run = run.id, as_text = true }
    lines.write(ledger_view.items(run, of_run), lines.item)
    lines.write(ledger_view.each(ledger.creates, of_run), lines.create)
    lines.write(ledger_view.each(ledger.attempts, of_run), lines.attempt)
end

-- ---------------------------------------------------------------------------------------------------
-- runs backup

local function backup(words)
    local options <const> = command_line.read({ name = "runs backup",
        description = "Copies the ledger as of this moment to a new file, and checks the copy.",
        epilog = [[
Runs that use the ledger meanwhile are not disturbed. The passwords in it stay
sealed: to open them, the private key is needed (ledger.key), which belongs in
another place.]] },
        function(parser)
            parser:argument "FILE" :target "file" :argname "FILE" :description "The copy; there must be no such file."
            lines.ledger_option(parser)
        end, words)
    ledger.backup(options.ledger, options.file)
    core.write("out", options.file .. [[ is a copy of the ledger. Without the private key nobody can
read the passwords in it: keep that as well, in another place.
]])
end

return function(command, ...)
    local run <const> = ({ show = show, backup = backup })[command]
    if run then
        return lines.guard(run, { ... })
    elseif command and command:find "^[^-]" then
        usage.fail("there is no command %s; see trunkhost runs --help", command)
    end
    lines.guard(list, { command, ... })
end
