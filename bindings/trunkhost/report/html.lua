--- A run as one page of HTML that needs nothing else: what a person has to do comes first.

local core <const> = require "trunkhost.core"
local duration <const> = require "trunkhost.duration"
local instant <const> = require "trunkhost.text.instant"
local report_attention <const> = require "trunkhost.report.attention"
local report_data <const> = require "trunkhost.report.data"
local report_page <const> = require "trunkhost.report.page"
local report_rows <const> = require "trunkhost.report.rows"
local shell <const> = require "trunkhost.text.shell"
local words <const> = require "trunkhost.report.words"

-- The page's security policy admits these two texts and nothing else, so no attribute of an element may hold style or
-- script. Without the script everything is there as well; it adds a filter and an order to the longer tables.
local STYLE <const> = require "trunkhost.report.style.css"
local SCRIPT <const> = require "trunkhost.report.script.js"

local fill <const>, markup <const>, joined <const> = report_page.fill, report_page.markup, report_page.joined

local report_html <const> = {}

--- "2026-11-20 06:34:58 UTC (07:34:58 CET)"
local function time(text)
    local here <const> = instant.here(text)
    return fill('<time datetime="%s">%s</time>%s', text, instant.utc(text), here and " (" .. here .. ")" or "")
end

local function title_of(run)
    return run.script == "-e" and "-e" or run.script:match "[^/]+$" or run.script
end

-- ---------------------------------------------------------------------------------------------------
-- The beginning

local function put_head(page, data, verdict)
    local policy <const> = ("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; \z
        form-action 'none'"):format(core.sha256(STYLE), core.sha256(SCRIPT))
    page:put "<!DOCTYPE html>"
    page:put '<html lang="en">'
    page:put "<head>"
    page:put '<meta charset="utf-8">'
    page:put('<meta http-equiv="Content-Security-Policy" content="%s">', markup(policy))
    page:put '<meta name="viewport" content="width=device-width, initial-scale=1">'
    page:put '<meta name="referrer" content="no-referrer">'
    page:put '<meta name="robots" content="noindex">'
    page:put('<meta name="generator" content="trunkhost %s">', core.versions().trunkhost)
    page:put("<title>%s: %s Run %s</title>", title_of(data.run), verdict, data.run.id)
    page:put("<style>%s</style>", markup(STYLE))
    page:put "</head>"
    page:put "<body>"
end

local function put_verdict(page, data, verdict, mood)
    local run <const> = data.run
    local mark <const> = ({ good = "✓", bad = "!", open = "…" })[mood]
    local took <const> = instant.between(run.started_at, run.ended_at)
    page:put "<header>"
    page:put("<h1>%s, run <span class=\"mono\">%s</span></h1>", title_of(run), run.id)
    page:put('<p class="verdict %s"><span aria-hidden="true">%s</span> %s</p>', mood, mark, verdict)
    page:put('<p class="meta">%s%s</p>', time(run.started_at), took and ", took " .. duration.format(took) or "")
    page:put "</header>"
end

-- ---------------------------------------------------------------------------------------------------
-- Numbers

local function in_states(counts, left)
    local list <const> = {}
    for _, state in ipairs { "done", "failed", "unknown", "running", "skipped", "planned" } do
        local number <const> = state == "planned" and left or counts[state] or 0
        if number > 0 then
            list[#list + 1] = { state = state, number = number }
        end
    end
    return list
end

--- Shares in the whole as a bar; each that is there can be seen.
local function bar(list, total)
    local parts, texts, at, least = {}, {}, 0, 6
    local room <const> = 1000 - least * #list
    for i, each in ipairs(list) do
        local width <const> = least + room * each.number / total
        parts[i] = fill('<rect class="%s" x="%s" y="0" width="%s" height="16"></rect>', each.state,
            ("%.1f"):format(at), ("%.1f"):format(math.max(1, width - 2)))
        texts[i] = ("%d %s"):format(each.number, words.state[each.state].title)
        at = at + width
    end
    return fill('<svg class="bar" role="img" aria-label="%s" viewBox="0 0 1000 16" preserveAspectRatio="none">%s</svg>',
        table.concat(texts, ", "), joined(parts))
end

local function numbers(list)
    local parts <const> = {}
    for i, each in ipairs(list) do
        parts[i] = fill("<li>%s<b>%s</b></li>", report_rows.chip(each.state), each.number)
    end
    return fill('<ul class="numbers">%s</ul>', joined(parts))
end

local function put_numbers(page, data)
    local list <const> = in_states(data.counts, data.left)
    if #list == 0 then
        return
    end
    page:put '<section aria-labelledby="numbers">'
    page:put '<h2 id="numbers">In numbers</h2>'
    page:put("%s", bar(list, data.total))
    page:put("%s", numbers(list))
    page:put "</section>"
end

-- ---------------------------------------------------------------------------------------------------
-- What ran

local function command_line(run)
    local list <const> = { title_of(run) }
    for _, word in ipairs(type(run.arguments) == "table" and run.arguments or {}) do
        list[#list + 1] = shell.quote(tostring(word))
    end
    return table.concat(list, " ")
end

local function end_of(data)
    local run <const> = data.run
    if run.life == "alive" then
        return markup "It is still at work; this is as of now."
    elseif run.life == "died" then
        return markup "It was killed, or the machine stopped: there is no end on record."
    end
    return fill("%s, exit status %s", time(run.ended_at), run.status)
end

local function followers_of(data)
    local parts <const> = {}
    for i, each in ipairs(data.followers) do
        parts[i] = fill('%s by run <span class="mono">%s</span>, %s', each.undoes == data.run.id and "taken back"
            or "gone on with", each.id, time(each.started_at))
    end
    return parts[1] and joined(parts, "<br>")
end

local function put_facts(page, data)
    local run <const> = data.run
    page:put '<section aria-labelledby="ran">'
    page:put '<h2 id="ran">What ran</h2>'
    page:put "<dl>"
    for _, fact in ipairs {
        { "Command", fill("<code>%s</code>", command_line(run)) },
        { "Script", fill("<code>%s</code>", run.script) },
        { "SHA-256 of it", run.script_hash and fill('<span class="mono">%s</span>', run.script_hash) or false },
        { "Where", run.host and fill("%s, process %s", run.host, run.pid or 0) or false },
        { "Ledger", fill("<code>%s</code>", core.run().ledger) },
        { "Started", time(run.started_at) },
        { "Ended", end_of(data) },
        { "Went on with", run.resumed_from and fill('run <span class="mono">%s</span>', run.resumed_from) or false },
        { "Took back", run.undoes and fill('run <span class="mono">%s</span>', run.undoes) or false },
        { "Afterwards", followers_of(data) or false },
    } do
        if fact[2] then
            page:put("<dt>%s</dt><dd>%s</dd>", fact[1], fact[2])
        end
    end
    page:put "</dl>"
    page:put "</section>"
end

-- ---------------------------------------------------------------------------------------------------
-- Tables

local function put_items(page, data)
    if #data.accounts == 0 then
        return
    end
    page:put '<section aria-labelledby="items">'
    page:put '<h2 id="items">Trunk by trunk</h2>'
    for i, account in ipairs(data.accounts) do
        local name <const> = account == report_data.no_account and "Without an account" or account
        page:put('<h3 id="account%s"><bdi>%s</bdi></h3>', i, name)
        page:put("%s", numbers(in_states(data.account_counts[account], data.account_counts[account].planned or 0)))
        page:put('<table role="table" class="items cards" aria-labelledby="account%s">', i)
        page:put(report_rows.head)
        page:put '<tbody role="rowgroup">'
        for item in data:items(account) do
            report_rows.put(page, data, item)
        end
        page:put "</tbody>"
        page:put "</table>"
    end
    if (data.conclusion.settled_besides or 0) > 0 then
        page:put('<p class="hint">%s more were settled before anything was sent; the ledger has kept their number \z
            only.</p>', math.tointeger(data.conclusion.settled_besides))
    end
    page:put "</section>"
end

local function put_table(page, heads)
    page:put '<table role="table" class="cards">'
    page:put '<thead role="rowgroup"><tr role="row">'
    for _, head in ipairs(heads) do
        page:put('<th role="columnheader" scope="col">%s</th>', head)
    end
    page:put "</tr></thead>"
    page:put '<tbody role="rowgroup">'
end

local function result_of(data, create)
    local in_doubt <const> = create.state == "intended" or create.state == "unknown"
    if in_doubt and not data:is_open(create) then
        return data.run.life == "alive" and "not known yet" or "no answer; its trunk was looked at since, and is done"
    end
    return words.create[create.state] or create.state
end

local function put_creates(page, data)
    if data.creates == 0 then
        return
    end
    page:put '<section aria-labelledby="creates">'
    page:put '<h2 id="creates">What was created</h2>'
    page:put '<p class="hint">Every request that creates something is on record before it is sent, so that none is \z
        sent twice.</p>'
    put_table(page, { "For", "Account", "What", "Result", "When" })
    for create in data:each_create() do
        page:put('<tr role="row"><th role="rowheader" scope="row"><bdi class="mono">%s</bdi></th>'
            .. '<td role="cell" data-n="Account"><bdi>%s</bdi></td><td role="cell" data-n="What"><code>%s</code></td>'
            .. '<td role="cell" data-n="Result">%s%s</td><td role="cell" data-n="When">%s</td></tr>',
            create.source or "–", create.account, create.endpoint, result_of(data, create),
            create.trunk and fill(', <bdi class="mono">%s</bdi>', create.trunk) or "", time(create.created_at))
    end
    page:put "</tbody>"
    page:put "</table>"
    page:put "</section>"
end

local function put_passwords(page, data)
    if #data.passwords == 0 then
        return
    end
    page:put '<section aria-labelledby="passwords">'
    page:put '<h2 id="passwords">Passwords</h2>'
    page:put '<p class="hint">How many this run has sent, by what they are now; a later run may have changed that. \z
        The passwords themselves are in the ledger, sealed, and not in this file.</p>'
    put_table(page, { "Account", "Field", "Current", "May be live", "Previous", "Refused", "Handed on" })
    for _, sum in ipairs(data.passwords) do
        local states <const> = sum.states
        page:put('<tr role="row"><th role="rowheader" scope="row"><bdi>%s</bdi></th>'
            .. '<td role="cell" data-n="Field"><code>%s</code></td><td role="cell" data-n="Current">%s</td>'
            .. '<td role="cell" data-n="May be live">%s</td><td role="cell" data-n="Previous">%s</td>'
            .. '<td role="cell" data-n="Refused">%s</td><td role="cell" data-n="Handed on">%s</td></tr>', sum.account,
            sum.field, states.current, states.candidate, states.previous, states.rejected,
            states.current > 0 and ("%d of %d"):format(sum.delivered, states.current) or "–")
    end
    page:put "</tbody>"
    page:put "</table>"
    page:put "</section>"
end

-- ---------------------------------------------------------------------------------------------------
-- The end

local function put_legend(page, data)
    if data.total == 0 then
        return
    end
    page:put '<section aria-labelledby="legend">'
    page:put '<h2 id="legend">What the words mean</h2>'
    page:put "<dl>"
    for _, state in ipairs { "done", "failed", "unknown", "skipped", "running", "planned" } do
        page:put("<dt>%s</dt><dd>%s</dd>", report_rows.chip(state), words.state[state].meaning)
    end
    for _, proof in ipairs(words.evidence) do
        page:put("<dt>%s <code>%s</code></dt><dd>%s.</dd>", words.proof(proof[1]), proof[1], proof[2])
    end
    for _, secret in ipairs(#data.passwords > 0 and words.secret_states or {}) do
        page:put("<dt>password <code>%s</code></dt><dd>%s.</dd>", secret[1], secret[2])
    end
    page:put "</dl>"
    page:put "</section>"
end

local function put_end(page)
    page:put('<footer><p>Made by trunkhost %s on %s from the ledger. There is no password in this file; there are \z
        names of accounts, trunks and this machine.</p></footer>', core.versions().trunkhost,
        time(os.date "!%Y-%m-%dT%H:%M:%SZ"))
    page:put("<script>%s</script>", markup(SCRIPT))
    page:put "</body>"
    page:put "</html>"
    page:flush()
end

--- Writes the page.
---@param data trunkhost.ReportData
---@param write fun(text: string)  gets it in pieces
function report_html.write(data, write)
    local page <const> = report_page.new(write)
    local verdict <const>, mood <const> = words.verdict { life = data.run.life, status = data.run.status,
        total = data.total, counts = data.counts, left = data.left, person = data.person,
        settled = data.settled_later > 0 and data.person == 0 }
    put_head(page, data, verdict)
    put_verdict(page, data, verdict, mood)
    page:put "<main>"
    report_attention.put(page, data)
    put_numbers(page, data)
    put_facts(page, data)
    put_items(page, data)
    put_creates(page, data)
    put_passwords(page, data)
    put_legend(page, data)
    page:put "</main>"
    put_end(page)
end

return report_html
