--- Items of a run as rows of a table, and what was sent for one of them as a list.

local canonical <const> = require "trunkhost.text.canonical"
local duration <const> = require "trunkhost.duration"
local instant <const> = require "trunkhost.text.instant"
local json <const> = require "trunkhost.json"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local report_page <const> = require "trunkhost.report.page"
local words <const> = require "trunkhost.report.words"

local fill <const>, markup <const>, joined <const> = report_page.fill, report_page.markup, report_page.joined

local report_rows <const> = {}

local NOTHING <const> = markup ""
-- A longer value of a field is cut.
local MOST_TEXT <const> = 120

--- A state as a sign, a word and a colour.
---@param state string
---@param text? string
---@return table markup
function report_rows.chip(state, text)
    local known <const> = words.state[state] or { mark = "", title = state }
    return fill('<span class="state %s"><span aria-hidden="true">%s</span> %s</span>',
        words.state[state] and state or "planned", known.mark, text or known.title)
end

--- What an item is called: its key, and its label where that is known.
---@param item trunkhost.ReportItem
---@return table markup
function report_rows.name(item)
    local id <const> = fill('<bdi class="mono">%s</bdi>', item.trunk)
    return item.label and fill('%s <bdi class="label">%s</bdi>', id, item.label) or id
end

-- ---------------------------------------------------------------------------------------------------
-- What was changed

local function value_text(value)
    local text <const> = value == nil and "nothing" or value == json.null and "null"
        or type(value) == "table" and canonical.text(value) or tostring(value)
    if #text <= MOST_TEXT then
        return text
    end
    local at = MOST_TEXT
    while at > 0 and text:byte(at + 1) & 0xC0 == 0x80 do
        at = at - 1
    end
    return text:sub(1, at) .. "…"
end

local function is_hidden(value)
    return value == "[new secret]" or value == "[secret]"
end

--- A migration's plan says what is created, and another's which fields change.
local function change_of(item)
    local plan <const> = type(item.plan) == "table" and item.plan or {}
    if type(plan.create) == "table" then
        return #plan.create > 1 and ("%d trunks at the target"):format(#plan.create) or #plan.create == 1
            and "a trunk at the target" or ""
    end
    local names, parts = {}, {}
    for name in pairs(plan) do
        names[#names + 1] = tostring(name)
    end
    table.sort(names)
    for i, name in ipairs(names) do
        parts[i] = is_hidden(plan[name]) and "new " .. name or ("%s: %s"):format(name, value_text(plan[name]))
    end
    return table.concat(parts, ", ")
end

local VERDICTS <const> = { "lost", "changed", "missing" }

--- What is not the same at the target; nil where everything is.
local function findings_of(item)
    local list <const> = type(item.plan) == "table" and item.plan.findings
    if type(list) ~= "table" or #list == 0 then
        return nil
    end
    local counts, parts, titles = {}, {}, {}
    for _, finding in ipairs(list) do
        local verdict <const> = finding.verdict
        if verdict ~= "secret" then
            counts[verdict] = (counts[verdict] or 0) + 1
            local values = finding.before ~= nil and ": " .. value_text(finding.before) or ""
            if verdict == "changed" and (finding.before ~= nil or finding.after ~= nil) then
                values = (": %s → %s"):format(value_text(finding.before), value_text(finding.after))
            end
            parts[#parts + 1] = fill('<li><code>%s</code> %s%s%s</li>', finding.field, verdict, values,
                finding.rule and " (" .. finding.rule .. ")" or "")
        end
    end
    for _, verdict in ipairs(VERDICTS) do
        titles[#titles + 1] = counts[verdict] and ("%d %s"):format(counts[verdict], verdict) or nil
    end
    return #parts > 0 and fill("<details><summary>%s</summary><ul>%s</ul></details>", table.concat(titles, ", "),
        joined(parts)) or nil
end

-- ---------------------------------------------------------------------------------------------------
-- A row

local function note_of(data, item)
    local parts <const> = {}
    if item.error then
        parts[1] = fill("%s", ledger_view.error_text(item.error))
    elseif item.reason then
        parts[1] = fill("%s", item.reason)
    end
    local made <const> = data:created_for(item)
    if made then
        parts[#parts + 1] = fill("%s <bdi class=\"mono\">%s</bdi>", #made == 1 and "as trunk" or "as trunks",
            table.concat(made, ", "))
    end
    parts[#parts + 1] = findings_of(item)
    return joined(parts, "<br>")
end

--- The heads of the columns, for `put`.
report_rows.head = '<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col" class="trunk">Trunk</th>'
    .. '<th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Change</th>'
    .. '<th role="columnheader" scope="col">Proof</th><th role="columnheader" scope="col" class="number">Tries</th>'
    .. '<th role="columnheader" scope="col" class="number">Took</th>'
    .. '<th role="columnheader" scope="col" class="note">Note</th></tr></thead>'

--- Adds an item to a table.
---@param page trunkhost.ReportPage
---@param data trunkhost.ReportData
---@param item trunkhost.ReportItem
function report_rows.put(page, data, item)
    local took <const> = item.seconds
    page:put('<tr role="row" id="%s" data-state="%s"><th role="rowheader" scope="row" class="trunk">%s</th>'
        .. '<td role="cell" class="chip">%s</td><td role="cell" data-n="Change">%s</td>'
        .. '<td role="cell" data-n="Proof">%s</td><td role="cell" class="number" data-n="Tries">%s</td>'
        .. '<td role="cell" class="number" data-n="Took" data-v="%s">%s</td><td role="cell" class="note">%s</td></tr>',
        item.anchor, item.state, report_rows.name(item), report_rows.chip(item.state), change_of(item),
        words.proof(item.evidence) or NOTHING, item.attempts and item.attempts > 0 and item.attempts or NOTHING,
        took and ("%.3f"):format(took) or NOTHING, took and duration.format(took) or NOTHING, note_of(data, item))
end

-- ---------------------------------------------------------------------------------------------------
-- What was sent

local SENT <const> = {
    sent = "no end on record: it may have happened", ok = "taken", refused = "refused",
    ambiguous = "it may have happened", unsent = "nothing reached the platform",
}

--- The requests of an item, folded up; nothing where there are none on record.
---@param data trunkhost.ReportData
---@param item trunkhost.ReportItem
---@return table markup
function report_rows.attempts(data, item)
    local rows <const> = {}
    for i, attempt in ipairs(data:attempts(item)) do
        local result = SENT[attempt.state] or attempt.state
        result = attempt.status and ("%s, HTTP %d"):format(result, attempt.status) or result
        result = attempt.requests > 1 and ("%s, after %d requests"):format(result, attempt.requests) or result
        rows[i] = fill('<li><span class="mono">%s</span> <code>%s %s</code>: %s%s</li>',
            instant.utc(attempt.started_at), attempt.method, attempt.endpoint, result,
            attempt.message and " (" .. attempt.message .. ")" or "")
    end
    if #rows == 0 then
        return NOTHING
    end
    return fill("<details><summary>What was sent</summary><ol>%s</ol></details>", joined(rows))
end

return report_rows
