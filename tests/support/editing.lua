--- Exports of a sandbox, edited and applied, and what that has changed in the sandbox's own state.

local events <const> = require "events"
local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local program <const> = require "program"

local editing <const> = {}

editing.apis = { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }

--- Exports to a file in the sandbox's folder; returns its path.
---@param sandbox table
---@param format "jsonl"|"csv"
---@param accounts? string  default: all
---@return string path
function editing.export(sandbox, format, accounts)
    local path = ("%s/trunks.%s"):format(sandbox.folder, format)
    local result = sandbox:run(("scripts/export_trunks.lua --account %s -o %s --force"):format(accounts or "all", path))
    lu.assertEquals(result.status, 0, result.err)
    return path
end

--- The rows of a file of JSON lines.
---@param path string
---@return table[]
function editing.rows(path)
    local rows = {}
    for line in io.lines(path) do
        rows[#rows + 1] = json.decode(line)
    end
    return rows
end

--- Writes rows as JSON lines.
---@param path string
---@param rows table[]
function editing.save(path, rows)
    local lines = {}
    for i, row in ipairs(rows) do
        lines[i] = json.encode(row) .. "\n"
    end
    program.write(path, table.concat(lines))
end

--- Edits the row of a trunk in a file of JSON lines.
---@param path string
---@param account string
---@param trunk string
---@param edit fun(row: table)
function editing.change(path, account, trunk, edit)
    local rows, found = editing.rows(path), false
    for _, row in ipairs(rows) do
        if row.account == account and row.trunk == trunk then
            edit(row)
            found = true
        end
    end
    assert(found, "no row of " .. trunk)
    editing.save(path, rows)
end

--- Applies a file.
---@param sandbox table
---@param path string
---@param arguments? string
---@return JobResult
function editing.apply(sandbox, path, arguments)
    return events.read(sandbox:run(("scripts/apply_trunks.lua %s --yes --json --canary 0 %s"):format(path,
        arguments or "")))
end

--- What a platform does by itself at a write.
local MOVES <const> = {
    updated_at = true, inbound_trunk_id = true, outbound_trunk_id = true,
    inbound_pending = true, outbound_pending = true,
    inbound_registration_status = true, outbound_registration_status = true,
}

local function flatten(value, path, flat)
    if type(value) ~= "table" then
        flat[path] = value == json.null and "null" or tostring(value)
        return flat
    end
    for name, item in pairs(value) do
        -- Parts by their ids, as their places change.
        local place = math.type(name) and type(item) == "table" and item.id or name
        if not MOVES[name] then
            flatten(item, path .. "/" .. tostring(place), flat)
        end
    end
    return flat
end

--- The trunks and numbers of all APIs, as path → text.
---@param sandbox table
---@return table<string, string>
function editing.state(sandbox)
    local all, flat = sandbox:ask "state", {}
    for _, api in ipairs(editing.apis) do
        flatten(all[api].trunks, api, flat)
        if api == "vatel" then
            flatten(all[api].numbers, "vatel assignments", flat)
        end
    end
    return flat
end

--- Where two states differ: path → "before → after"; nothing is "-".
---@param before table<string, string>
---@param after table<string, string>
---@return table<string, string>
function editing.differences(before, after)
    local found = {}
    for _, state in ipairs { before, after } do
        for path in pairs(state) do
            if before[path] ~= after[path] then
                found[path] = ("%s → %s"):format(before[path] or "-", after[path] or "-")
            end
        end
    end
    return found
end

return editing
