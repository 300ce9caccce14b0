--- What the commands that look at the ledger share: their options, what they say of its rows, and how a program gets
--- these, one JSON object a line.

local core <const> = require "trunkhost.core"
local ledger <const> = require "trunkhost.ledger"
local ledger_view <const> = require "trunkhost.report.ledger_view"
local text_width <const> = require "trunkhost.text.width"
local usage <const> = require "trunkhost.text.usage"

local lines <const> = {}

local FLUSH_AT <const> = 32 * 1024

-- ---------------------------------------------------------------------------------------------------
-- The command

function lines.json_option(parser, what)
    return parser:flag "--json" :description(("Print JSON on standard output, one object per line%s."):format(
        what and ": " .. what or ""))
end

function lines.ledger_option(parser)
    return parser:option "--ledger" :argname "FILE" :default(core.run().ledger) :show_default(false)
        :description "The ledger to read. Default: that of the host option --ledger."
end

--- A converter for the id of a trunk: none is "", which a variable that was not set makes of it.
---@param text string
---@return string?
function lines.trunk_id(text)
    return text ~= "" and text or nil
end

--- Calls a function. An error of the library ends the command with one line.
---@param run function
---@param ... any
function lines.guard(run, ...)
    local ok <const>, problem <const> = pcall(run, ...)
    if not ok and core.is_error(problem) then
        usage.fail("%s", problem.message)
    elseif not ok then
        error(problem, 0)
    end
end

--- Writes a line for each row, many at a time.
---@param rows fun(): table?
---@param line fun(row: table): string
function lines.write(rows, line)
    local parts, size = {}, 0
    local function flush()
        core.write("out", table.concat(parts))
        parts, size = {}, 0
    end
    for row in rows do
        local text <const> = line(row)
        parts[#parts + 1], size = text, size + #text
        if size > FLUSH_AT then
            flush()
        end
    end
    flush()
end

--- Rows for a table: what `row` makes of each that the iterator has.
---@param iterate fun(): fun(): table?
---@param row fun(each: table): trunkhost.Cell[]
---@return fun(): fun(): trunkhost.Cell[]?
function lines.map(iterate, row)
    return function()
        local next_row <const> = iterate()
        return function()
            local each <const> = next_row()
            return each and row(each)
        end
    end
end

--- A text for a terminal.
lines.plain = text_width.plain

-- ---------------------------------------------------------------------------------------------------
-- Items

local LEFT <const> = {
    unsent = "begun, but nothing was sent to a platform",
    sent = "the run ended in the middle of it: it may have happened",
}

--- What is to be said of an item that was left half-way; "" for any other.
---@param item table
---@return string
function lines.left_text(item)
    return LEFT[item.left] or ""
end

--- Why an item is as it is.
---@param item table
---@return string
function lines.item_note(item)
    if item.error then
        return ledger_view.error_text(item.error)
    end
    return (item.state == "skipped" or item.place) and item.evidence or lines.left_text(item)
end

-- ---------------------------------------------------------------------------------------------------
-- As JSON: the JSON columns of the rows are texts (`as_text`)

local line <const>, raw <const> = ledger_view.line, ledger_view.raw

function lines.item(row)
    return line("event", "item", "item", row.id, "run", row.run, "account", row.account, "trunk", row.trunk,
        "state", row.state, "evidence", row.evidence, "attempts", row.attempts, "error", raw(row.error),
        "plan", raw(row.plan), "started_at", row.started_at, "ended_at", row.ended_at)
end

function lines.attempt(row)
    return line("event", "attempt", "attempt", row.id, "item", row.item, "run", row.run, "account", row.account,
        "trunk", row.trunk, "endpoint", row.endpoint, "method", row.method, "state", row.state,
        "requests", row.requests, "status", row.status, "message", row.message, "started_at", row.started_at,
        "ended_at", row.ended_at)
end

function lines.create(row)
    return line("event", "create", "create", row.id, "run", row.run, "account", row.account, "source", row.source,
        "endpoint", row.endpoint, "natural_key", raw(row.key), "state", row.state, "trunk", row.trunk,
        "created_at", row.created_at, "changed_at", row.changed_at)
end

--- Opens the ledger to read.
---@param options { ledger: string }
function lines.look(options)
    ledger.look(options.ledger)
end

return lines
