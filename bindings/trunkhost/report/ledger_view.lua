--- The ledger as commands read it: page by page, and what a run came to in numbers and in words. A job, `runs` and the
--- report say the same of a run because they count here.

local canonical <const> = require "trunkhost.text.canonical"
local core <const> = require "trunkhost.core"
local job_report <const> = require "trunkhost.job.report"
local json <const> = require "trunkhost.json"
local json_line <const> = require "trunkhost.json_line"
local ledger <const> = require "trunkhost.ledger"
local shell <const> = require "trunkhost.text.shell"

local ledger_view <const> = {}

local PAGE <const> = 500

--- Iterates over rows without holding more than a page of them.
---@param list fun(filter: table): table[]  ledger.items and the like
---@param filter table  as it takes it
---@param key? string   by what it goes on: default "id"
---@return fun(): table?
function ledger_view.each(list, filter, key)
    local ask <const> = {}
    for name, value in pairs(filter) do
        ask[name] = value
    end
    ask.limit = math.min(PAGE, filter.limit or PAGE)
    local page, at, left = {}, 0, filter.limit or math.huge
    return function()
        at, left = at + 1, left - 1
        if left < 0 then
            return nil
        elseif at > #page then
            if #page > 0 and #page < ask.limit then
                return nil
            end
            core.sleep(0) -- a long ledger is read in turns: signals are heard, and nobody warns of a busy script
            page, at = list(ask), 1
        end
        local row <const> = page[at]
        ask.after = row and row[key or "id"]
        return row
    end
end

--- Iterates over the items of a run: those of the ledger, then those that were settled before anything was sent, which
--- have a `place` instead of an id.
---@param run table
---@param filter { account: string?, attention: boolean?, as_text: boolean? }
---@return fun(): table?
function ledger_view.items(run, filter)
    local next_row = ledger_view.each(ledger.items, { run = run.id, account = filter.account,
        attention = filter.attention, as_text = filter.as_text })
    local settled <const>, at = ledger_view.conclusion(run).settled or {}, 0
    return function()
        local row <const> = next_row and next_row()
        if row then
            return row
        end
        next_row = nil
        while at < #settled do
            at = at + 1
            local each <const> = settled[at]
            local wanted <const> = not filter.attention or each.state == "failed" or each.state == "unknown"
            if wanted and (not filter.account or each.account == filter.account) then
                return { place = at, run = run.id, account = each.account, trunk = each.trunk, state = each.state,
                    label = each.label ~= "" and each.label or nil, evidence = each.reason, attempts = 0,
                    error = filter.as_text and each.error and json.encode(each.error) or each.error }
            end
        end
    end
end

-- ---------------------------------------------------------------------------------------------------
-- What a run came to

-- The members that the program counts on. A list holds tables only, but for `words`.
local SHAPE <const> = { counts = "table", settled = "table", not_listed = "table", words = "table", total = "number",
    resume = "string" }

local function tables_of(list)
    local kept <const> = {}
    for _, each in ipairs(list or {}) do
        kept[#kept + 1] = type(each) == "table" and each or nil
    end
    return kept
end

--- What the job has left; {} where it was killed. What is damaged is left out.
---@param run table  as ledger.run gives it
---@return table
function ledger_view.conclusion(run)
    local kept <const> = {}
    for name, value in pairs(type(run.conclusion) == "table" and run.conclusion or {}) do
        kept[name] = (not SHAPE[name] or type(value) == SHAPE[name]) and value or nil
    end
    kept.settled = kept.settled and tables_of(kept.settled)
    kept.not_listed = kept.not_listed and tables_of(kept.not_listed)
    return kept
end

--- How many items ended how: those in the ledger, and those that only the job has counted, because they were settled
--- before anything was sent or belong to an account that could not be listed.
---@param items table<string, integer>  of the ledger, by state
---@param conclusion table
---@return table<string, integer> counts  every state but planned
---@return integer left   not tried
---@return integer total
function ledger_view.totals(items, conclusion)
    local told <const>, counts <const>, sum = conclusion.counts or {}, {}, 0
    for _, state in ipairs { "done", "failed", "unknown", "skipped", "running" } do
        local known <const> = items[state] or 0
        -- An item that was cut off is half-way in the ledger, and unknown to its job.
        local more <const> = (tonumber(told[state]) or 0) - known - (state == "unknown" and items.running or 0)
        counts[state] = known + math.max(0, math.tointeger(more) or 0)
        sum = sum + counts[state]
    end
    local planned <const> = items.planned or 0
    local total <const> = math.max(sum + planned, math.tointeger(conclusion.total or 0) or 0)
    return counts, total - sum, total
end

local RESULTS <const> = { [0] = "done", [1] = "some failed", [2] = "error", [3] = "halted", [75] = "locked out" }

--- "done", "some failed", "killed", …
---@param run table
---@return string
function ledger_view.result(run)
    if run.life == "ended" then
        return RESULTS[run.status] or "other status"
    end
    return run.life == "alive" and "running" or "killed"
end

--- "rotate_passwords.lua --account all"
---@param run table
---@return string
function ledger_view.command_line(run)
    local words <const> = { shell.quote((run.script or ""):match "[^/]*$") }
    for _, word in ipairs(type(run.arguments) == "table" and run.arguments or {}) do
        words[#words + 1] = shell.quote(tostring(word))
    end
    return table.concat(words, " ")
end

--- The command that resumes it.
---@param run table
---@return string
function ledger_view.resume_command(run)
    return ledger_view.conclusion(run).resume or shell.resume(core.run().host_options, run.script, run.id)
end

--- "refused (HTTP 422): …"
---@param err any  as the ledger has it: a table, or a text that is no JSON
---@return string
function ledger_view.error_text(err)
    if type(err) ~= "table" then
        return tostring(err)
    end
    local text <const> = err.message and job_report.error_text { kind = err.kind or "error", message = err.message,
        status = math.tointeger(err.status) } or err.kind or canonical.text(err)
    return err.advice and ("%s. %s"):format(tostring(text):gsub("%.$", ""), tostring(err.advice)) or tostring(text)
end

-- ---------------------------------------------------------------------------------------------------
-- As JSON

local function whole(text)
    local _, bad = utf8.len(text)
    while bad do
        text = text:sub(1, bad - 1) .. "\u{FFFD}" .. text:sub(bad + 1)
        _, bad = utf8.len(text, bad)
    end
    return text
end

--- JSON from the ledger as a value; the text when it is none after all.
---@param text string
---@return any
function ledger_view.decoded(text)
    local ok <const>, value <const> = pcall(json.decode, text)
    return ok and value or text
end

--- JSON from the ledger as a member: with its members in their order, on one line. A text when it is none after all.
---@param text string?
---@return any
function ledger_view.raw(text)
    if text and pcall(json.decode, text) then
        return json_line.raw((text:gsub("[\r\n\t]", " ")))
    end
    return text
end

--- Name, value, … as the text of an object. Null stands for nil, U+FFFD for a byte that is not UTF-8.
---@param ... any
---@return string
local function object(...)
    local members <const> = table.pack(...)
    for i = 2, members.n, 2 do
        local value <const> = members[i]
        members[i] = value == nil and json.null or type(value) == "string" and whole(value) or value
    end
    return json_line.object(members)
end

--- The same as a line.
---@param ... any
---@return string
function ledger_view.line(...)
    return object(...) .. "\n"
end

--- The same as a member of a line.
---@param ... any
---@return table
function ledger_view.object(...)
    return json_line.raw(object(...))
end

return ledger_view
