--- `trunkhost explain TRUNK`: the history of a trunk, from all that the ledger has of it, in order of time.

local aligned <const> = require "trunkhost.table"
local command_line <const> = require "trunkhost.text.command_line"
local instant <const> = require "trunkhost.text.instant"
local ledger <const> = require "trunkhost.ledger"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local lines <const> = require "trunkhost.commands.ledger_lines"
local text_width <const> = require "trunkhost.text.width"
local usage <const> = require "trunkhost.text.usage"

-- Columns of a plan or a key in the table.
local JSON_SHOWN <const> = 120

--- What comes before what when it has one time.
local BEGUN <const>, STORED <const>, SENT <const>, KNOWN <const>, ENDED <const> = 1, 2, 3, 4, 5

local COLUMNS <const> = {
    { title = "TIME (UTC)" }, { title = "ACCOUNT" }, { title = "RUN", drop = 1 }, { title = "WHAT" },
    { title = "RESULT" }, { title = "DETAIL", note = true },
}

---@class trunkhost.StoryEvent
---@field time string
---@field rank integer
---@field place integer  in order of arrival
---@field cells string[]? of the table, from the account on
---@field line string?    JSON

-- ---------------------------------------------------------------------------------------------------
-- For people: each function tells the events of a row

local function cut(text)
    return text_width.cut(lines.plain(text), JSON_SHOWN)
end

local function tell_item(tell, row)
    if row.state == "skipped" then
        return tell(ENDED, row.ended_at, "item", "skipped", row.evidence)
    end
    -- One that has failed in its plan never began.
    if row.started_at and (row.plan or not row.ended_at) then
        local left <const>, parts <const> = lines.left_text(row), {}
        parts[1] = left ~= "" and left or nil
        parts[#parts + 1] = row.plan and cut(row.plan)
        local state <const> = row.state == "running" and (left ~= "" and "half-way" or "running") or ""
        tell(BEGUN, row.started_at, "item begun", state, table.concat(parts, "; "))
    end
    if row.ended_at then
        tell(ENDED, row.ended_at, "item ended", row.state, row.error and ledger_view.error_text(
            ledger_view.decoded(row.error)) or row.evidence)
    end
end

local function tell_attempt(tell, row)
    local detail = row.message
    if not row.ended_at then
        detail = "no end on record: it may have happened"
    elseif row.requests > 1 then
        detail = ("%d requests%s"):format(row.requests, detail and ": " .. detail or "")
    end
    tell(SENT, row.started_at, row.method .. " " .. row.endpoint,
        row.status and ("%s, HTTP %d"):format(row.state, row.status) or row.state, detail)
end

local function tell_create(tell, row)
    tell(STORED, row.created_at, "create", "intended", cut(row.key))
    if row.state ~= "intended" then
        tell(KNOWN, row.changed_at, "create", row.state, row.trunk and "as trunk " .. row.trunk)
    end
end

--- When it was first proven. A further proof is of its own time, changed_at.
local function since(row)
    return row.proven_at or row.changed_at
end

local function tell_secret(tell, row)
    local what <const>, once <const> = ("%s, secret %d"):format(row.field, row.id), since(row) == row.changed_at
    local is_current <const> = row.state == "current"
    tell(STORED, row.created_at, what, "candidate", "on disk, about to be sent")
    -- The row has the latest proof only, which need not be the one that made it current.
    if row.proven_at then
        tell(KNOWN, row.proven_at, what, "current", is_current and once and row.evidence)
    end
    local detail
    if row.state == "previous" and row.proven_at and row.evidence then
        detail = "until then proven by: " .. row.evidence
    elseif not row.proven_at or is_current then
        detail = row.evidence
    end
    if row.state ~= "candidate" and not (is_current and row.proven_at and once) then
        tell(KNOWN, row.changed_at, what, row.state, detail)
    end
    if row.delivered_at then
        tell(KNOWN, row.delivered_at, what, "handed on")
    end
end

--- A sentence for a secret that may be live; nil for any other.
local function sum_up(row)
    if row.state == "current" then
        local known <const> = since(row) ~= row.changed_at and ", known since " .. instant.utc(row.changed_at) or ""
        return ("%s on %s: secret %d is current since %s (%s%s)."):format(row.field, row.account, row.id,
            instant.utc(since(row)), row.evidence or "without evidence", known)
    elseif row.state == "candidate" then
        return ("%s on %s: secret %d may be live; it was sent, or about to be, at %s, and nothing has proven it.")
            :format(row.field, row.account, row.id, instant.utc(row.created_at))
    end
end

-- ---------------------------------------------------------------------------------------------------
-- For programs

local function secret_line(row)
    return ledger_view.line("event", "secret", "secret", row.id, "run", row.run, "account", row.account,
        "trunk", row.trunk or "", "field", row.field, "state", row.state, "evidence", row.evidence,
        "created_at", row.created_at, "changed_at", row.changed_at, "proven_at", row.proven_at,
        "delivered_at", row.delivered_at, "attempt", row.attempt)
end

-- ---------------------------------------------------------------------------------------------------
-- The story

--- In the order in which things of one instant belong: the rows, how they are told, as which line, and when.
local KINDS <const> = {
    { list = ledger.items, tell = tell_item, line = lines.item, rank = BEGUN, time = "started_at" },
    { list = ledger.creates, tell = tell_create, line = lines.create, rank = STORED, time = "created_at" },
    { list = ledger.secrets, tell = tell_secret, line = secret_line, rank = STORED, time = "created_at" },
    { list = ledger.attempts, tell = tell_attempt, line = lines.attempt, rank = SENT, time = "started_at" },
}

local function in_order(a, b)
    if a.time ~= b.time then
        return a.time < b.time
    elseif a.rank ~= b.rank then
        return a.rank < b.rank
    end
    return a.place < b.place
end

local function gather(filter, as_json)
    local events <const>, now <const> = {}, {}
    local function add(event)
        event.time, event.place = event.time or "", #events + 1
        events[event.place] = event
    end
    for _, kind in ipairs(KINDS) do
        for row in ledger_view.each(kind.list, filter) do
            if as_json then
                add { rank = kind.rank, time = row[kind.time] or row.ended_at, line = kind.line(row) }
            else
                kind.tell(function(rank, time, what, result, detail)
                    add { rank = rank, time = time, cells = { row.account, row.run or "", what, result, detail or "" } }
                end, row)
                now[#now + 1] = kind.tell == tell_secret and sum_up(row) or nil
            end
        end
    end
    table.sort(events, in_order)
    return events, now
end

local function show(events, now)
    local screen <const>, rows <const> = aligned.screen "out", {}
    for i, event in ipairs(events) do
        -- Much happens within a second.
        rows[i] = { (event.time:gsub("T", " "):gsub("Z$", "")), table.unpack(event.cells) }
    end
    screen.write(aligned.render(COLUMNS, rows, screen))
    for i, text in ipairs(now) do
        screen.write((i == 1 and "\n" or "") .. aligned.sentence(text, screen))
    end
end

local function explain(words)
    local options <const> = command_line.read({ name = "explain",
        description = "Shows the history of a trunk, from the ledger: the items of jobs that it was in, every request \z
            that was sent for it and how that ended, and what is known of its passwords and why. No password is shown.",
        epilog = [[
A request that was `sent` has no end on record: its run was killed, and it may
have happened.
A password is a candidate until something proves it (it may be live all the same),
then current, later previous; `superseded` means that a proven one came
after it.]] },
        function(parser)
            parser:argument "TRUNK" :target "trunk" :argname "TRUNK" :convert(lines.trunk_id)
                :description "The id of the trunk."
            parser:option "--account" :argname "NAME"
                :description "Only on this account. Default: on every account that has such a trunk."
            lines.json_option(parser, "in order of time")
            lines.ledger_option(parser)
        end, words)
    local account <const> = options.account ~= "all" and options.account or nil
    lines.look(options)
    local events <const>, now <const> = gather({ trunk = options.trunk, account = account, as_text = true },
        options.json)
    if #events == 0 then
        usage.fail("the ledger %s knows nothing of a trunk %s%s. Only what carried a secret, created \z
            something or belonged to a job is on record", options.ledger, options.trunk,
            account and " on " .. account or "")
    elseif not options.json then
        return show(events, now)
    end
    local at = 0
    lines.write(function()
        at = at + 1
        return events[at]
    end, function(event) return event.line end)
end

return function(...)
    lines.guard(explain, { ... })
end
