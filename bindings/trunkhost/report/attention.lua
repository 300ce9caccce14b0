--- The first part of a report: what needs a person, and what that person does next.

local core <const> = require "trunkhost.core"
local report_page <const> = require "trunkhost.report.page"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local report_rows <const> = require "trunkhost.report.rows"
local shell <const> = require "trunkhost.text.shell"
local words <const> = require "trunkhost.report.words"

local fill <const>, joined <const> = report_page.fill, report_page.joined

local report_attention <const> = {}

local function command(text)
    return fill("<pre><code>%s</code></pre>", text)
end

local function put_card(page, state, title, advice)
    page:put('<article class="card %s">', state)
    page:put("<h3>%s</h3>", title)
    if advice then
        page:put("<p>%s</p>", advice)
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Trunks

--- The command that tells what was tried, on the ledger that this report is made from.
local function explain(item)
    local list <const> = { "trunkhost" }
    for _, word in ipairs(core.run().host_options) do
        list[#list + 1] = shell.quote(word)
    end
    return ("%s explain %s --account %s"):format(table.concat(list, " "), shell.quote(item.trunk),
        shell.quote(item.account))
end

local function put_group(page, data, group)
    local state <const> = words.state[group.state]
    local has_kind <const> = group.kind and group.kind ~= "unknown_outcome"
    local title <const> = has_kind and ("%d %s: %s"):format(group.count, state.title, group.kind:gsub("_", " "))
        or ("%d %s"):format(group.count, state.title)
    put_card(page, group.state, report_rows.chip(group.state, title), words.advice(group.state, group.kind))
    page:put "<ul>"
    for _, item in ipairs(group.items) do
        local note <const> = item.error and ledger_view.error_text(item.error) or item.evidence
        page:put('<li><a class="who" href="#%s"><bdi>%s</bdi> %s</a>%s%s</li>', item.anchor, item.account,
            report_rows.name(item), note and fill(' <span class="said">%s</span>', note) or "",
            report_rows.attempts(data, item))
    end
    page:put "</ul>"
    if group.count > #group.items then
        page:put("<p>And %s more, in the tables below.</p>", group.count - #group.items)
    end
    local first <const> = group.items[1]
    if first.id and group.state ~= "failed" then
        page:put("<p>What was tried for the first of them:</p>%s", command(explain(first)))
    end
    page:put "</article>"
end

-- ---------------------------------------------------------------------------------------------------
-- The run

local function put_halt(page, data)
    local conclusion <const>, run <const> = data.conclusion, data.run
    if run.life == "died" then
        put_card(page, "running", "The run was killed", "Nothing needs repair. The ledger has every password that \z
            may be live. Trunks that are not below were not begun.")
    elseif conclusion.halted then
        put_card(page, "planned", fill("Halted: %s", conclusion.halted), data.left > 0 and
            ("%d not tried; they are as they were."):format(data.left) or nil)
    elseif run.life == "ended" and data.left > 0 then
        put_card(page, "planned", ("%d not tried"):format(data.left), "They are as they were.")
    else
        return
    end
    page:put "</article>"
end

local function put_not_listed(page, data)
    for _, each in ipairs(data.conclusion.not_listed or {}) do
        put_card(page, "failed", fill("The trunks of <bdi>%s</bdi> could not be listed", each.account),
            ledger_view.error_text(each.error or {}))
        page:put("<p>%s</p>", words.advice("failed", each.error and each.error.kind))
        page:put "</article>"
    end
end

local function put_open_creates(page, data)
    if #data.open_creates == 0 or data.run.life == "alive" then
        return
    end
    put_card(page, "unknown", ("%d %s of which it is not known what became"):format(#data.open_creates,
        #data.open_creates == 1 and "create" or "creates"),
        "Look at the platform before anything is created again. Going on with the run looks by itself, and never \z
        sends one twice.")
    page:put "<ul>"
    for _, create in ipairs(data.open_creates) do
        page:put('<li><span class="who"><bdi>%s</bdi></span> %s%s</li>', create.account, create.endpoint,
            create.source and fill(' for <bdi class="mono">%s</bdi>', create.source) or "")
    end
    page:put "</ul>"
    page:put "</article>"
end

--- Why the run did not end well where nothing on record says it.
local function put_unexplained(page, data)
    local run <const> = data.run
    put_card(page, "failed", fill("Exit status %s", run.status), run.status == 2 and "Wrong usage, configuration or \z
        script, or the ledger could not be written: the run has said which on standard error." or "The run has said \z
        why on standard error: look into its log or mail.")
    page:put "</article>"
end

-- ---------------------------------------------------------------------------------------------------
-- How to go on

local function names(set)
    local list <const> = {}
    for name in pairs(set) do
        list[#list + 1] = name
    end
    table.sort(list)
    for i, name in ipairs(list) do
        list[i] = fill('<span class="mono">%s</span>', name)
    end
    return joined(list, ", ")
end

local function put_settled(page, data)
    if data.settled_later > 0 then
        page:put('<article class="card done"><h3>%s</h3><p>%s</p></article>', report_rows.chip("done",
            ("%d settled since"):format(data.settled_later)), fill("They had failed, were unknown or left half-way, \z
            and are done by now: %s.", names(data.settled_by)))
    end
end

local function put_way_on(page, data)
    page:put "<h3>How to go on with the run</h3>"
    for _, each in ipairs(data.followers) do
        if each.resumed_from == data.run.id then
            page:put('<p>Run <span class="mono">%s</span> has gone on with this one already: go on with that, or look \z
                at its report.</p>', each.id)
            return
        end
    end
    page:put("<p>It repeats the arguments of the run, leaves out what is done, and ends with 0 once all of it is.</p>\z
        %s", command(data.resume))
end

local function put_last_words(page, data)
    local list <const> = {}
    for i, text in ipairs(data.conclusion.words or {}) do
        list[i] = fill("<li>%s</li>", text)
    end
    if #list > 0 then
        page:put("<details><summary>What the run has said at its end</summary><ul>%s</ul></details>", joined(list))
    end
end

--- Whether something is left to do that going on with the run does.
local function is_unfinished(data)
    return data.run.life == "died" or data.run.life == "ended" and (data.left > 0 or #data.groups > 0
        or #data.open_creates > 0 or data.conclusion.halted ~= nil)
end

--- Adds the section.
---@param page trunkhost.ReportPage
---@param data trunkhost.ReportData
function report_attention.put(page, data)
    local run <const> = data.run
    local not_listed <const> = #(data.conclusion.not_listed or {}) > 0
    local unexplained <const> = run.life == "ended" and run.status ~= 0 and run.status ~= 75
        and not is_unfinished(data) and not not_listed and data.settled_later == 0
    page:put '<section aria-labelledby="person">'
    if not (is_unfinished(data) or not_listed or unexplained) then
        page:put('<h2 id="person">%s</h2>', run.life == "alive" and "Nothing needs a person so far"
            or "Nothing needs a person")
        put_settled(page, data)
        page:put "</section>"
        return
    end
    page:put '<h2 id="person">What needs a person</h2>'
    for _, group in ipairs(data.groups) do
        put_group(page, data, group)
    end
    put_open_creates(page, data)
    put_not_listed(page, data)
    put_halt(page, data)
    if unexplained then
        put_unexplained(page, data)
    end
    put_settled(page, data)
    if is_unfinished(data) or not_listed then
        put_way_on(page, data)
    end
    put_last_words(page, data)
    page:put "</section>"
end

return report_attention
