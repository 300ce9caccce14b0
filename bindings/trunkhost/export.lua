--- Writes the trunks of accounts to a file for apply_trunks.lua. If some cannot be read, the others go to a file
--- with another name.

local core <const> = require "trunkhost.core"
local job_select <const> = require "trunkhost.job.select"
local neutral <const> = require "trunkhost.neutral"
local rows <const> = require "trunkhost.neutral.rows"
local tasks <const> = require "trunkhost.tasks"
local usage <const> = require "trunkhost.text.usage"

local export <const> = {}

local CONCURRENCY <const> = 16

local function format_of(text)
    if text == "jsonl" or text == "csv" then
        return text
    end
    return nil, ("--format %s: write jsonl or csv"):format(text)
end

--- Adds the options to a parser.
---@param parser table
function export.add_options(parser)
    parser:group("File",
        parser:option "-o" "--out" :argname "FILE"
            :description "Write to FILE, after everything was read: the file is complete or not there. Default: \z
                standard output.",
        parser:option "--format" :argname "FORMAT" :convert(format_of)
            :description "jsonl: one line of JSON per trunk; csv: a table. Default: csv if FILE ends in .csv, else \z
                jsonl.",
        parser:flag "--force" :description "Overwrite an existing FILE.")
end

local function exists(path)
    local file = io.open(path, "r")
    return file ~= nil and file:close()
end

local function check_free(chosen)
    if chosen.out and not chosen.force and exists(chosen.out) then
        usage.fail("--out %s: the file exists; --force overwrites it", chosen.out)
    end
end

---@param chosen table
---@return table chosen
function export.check_options(chosen)
    if chosen.json and chosen.format == "csv" then
        usage.fail "--json contradicts --format csv: it means --format jsonl"
    end
    local by_name = chosen.out and chosen.out:lower():find "%.csv$" and "csv" or "jsonl"
    chosen.format = chosen.format or chosen.json and "jsonl" or by_name
    check_free(chosen)
    return chosen
end

local function order(a, b)
    if a.account ~= b.account then
        return a.account < b.account
    end
    local first, second = math.tointeger(a.neutral.refs.id), math.tointeger(b.neutral.refs.id)
    if first and second then
        return first < second
    end
    return a.trunk < b.trunk
end

local function read(entry)
    local native = neutral.read(entry.account, entry.trunk.id)
    local description = entry.account:describe()
    local trunk = neutral.of(description, native)
    local faults = neutral.check(trunk)
    if #faults > 0 then
        core.error("malformed", ("the platform returned a value that cannot be exported: %s %s"):format(
            faults[1].field, faults[1].rule))
    end
    return { account = entry.account:name(), provider = description.name, trunk = entry.key, neutral = trunk }
end

---@class trunkhost.ExportWork
---@field rows trunkhost.Exported[]
---@field missing { account: string, trunk: string?, message: string }[]

--- Reads the chosen trunks in full.
---@param chosen table
---@return trunkhost.ExportWork
function export.read(chosen)
    local entries, failures = job_select.entries(chosen)
    local found <const> = { rows = {}, missing = {} }
    for _, failure in ipairs(failures) do
        table.insert(found.missing, { account = failure.account:name(), message = failure.error.message })
    end
    tasks.map(entries, function(entry)
        local ok, row = pcall(read, entry)
        if ok then
            table.insert(found.rows, row)
        elseif not core.is_error(row) then
            error(row, 0)
        else
            table.insert(found.missing, { account = entry.account:name(), trunk = entry.key, message = row.message })
        end
    end, { concurrency = CONCURRENCY, results = false })
    table.sort(found.rows, order)
    table.sort(found.missing, function(a, b)
        return a.account < b.account or a.account == b.account and (a.trunk or "") < (b.trunk or "")
    end)
    return found
end

local function say(chosen, format, ...)
    if not chosen.quiet then
        core.write("err", format:format(...) .. "\n")
    end
end

local function count(number)
    return ("%d %s"):format(number, number == 1 and "trunk" or "trunks")
end

--- An incomplete export gets another name, so that nobody takes it for a complete one.
local function write_part(chosen, found)
    for _, each in ipairs(found.missing) do
        core.log("error", ("missing: %s: %s"):format(each.trunk and ("trunk %s of %s"):format(each.trunk,
            each.account) or "all trunks of " .. each.account, each.message))
    end
    local missing = ("%d could not be read"):format(#found.missing)
    if chosen.out and #found.rows > 0 then
        local path = chosen.out .. ".partial"
        core.write_private(path, "export", rows.text(found.rows, chosen.format))
        core.log("error", ("%s was not written, because %s. %s is incomplete: it has %s"):format(chosen.out, missing,
            path, count(#found.rows)))
    else
        core.log("error", ("nothing was written, because %s"):format(missing))
    end
    core.set_exit_status(1)
end

--- Writes what was read.
---@param chosen table
---@param found trunkhost.ExportWork
function export.write(chosen, found)
    if #found.missing > 0 then
        return write_part(chosen, found)
    end
    local text <const> = rows.text(found.rows, chosen.format, not chosen.out)
    if not chosen.out then
        core.write("out", text)
        return
    end
    check_free(chosen) -- reading may have taken long
    core.write_private(chosen.out, "export", text)
    say(chosen, "%s in %s", count(#found.rows), chosen.out)
end

return export
