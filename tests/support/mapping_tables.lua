--- The tables of docs/mapping.md, made from what the code does:
---     trunkhost tests/support/mapping_tables.lua --write

package.path = "tests/support/?.lua;" .. package.path
local full <const> = require "full_trunks"
local json <const> = require "trunkhost.json"
local neutral <const> = require "trunkhost.neutral"
local world <const> = require "mapping_world"

local tables <const> = {}

local SHORT <const> = { famulor = "FA", vatel = "VA", bolna = "BL", bolna_trunk = "BN" }
local ORDER <const> = { "famulor", "vatel", "bolna", "bolna_trunk" }
local MARKS <const> = { "=", "~", "✗", "R", "r", "S" }
local DOCUMENT <const> = "docs/mapping.md"

--- The fields of the neutral trunk.
function tables.model()
    local lines = { "| field | form | meaning |", "|---|---|---|" }
    for _, field in ipairs(neutral.fields) do
        local form = field.choices and table.concat(field.choices, ", ") or field.type
        lines[#lines + 1] = ("| `%s` | %s | %s |"):format(field.name, form, field.doc)
    end
    return lines
end

local function mark(finding)
    if finding.verdict == "missing" then
        return finding.blocks and "R" or "r"
    end
    return ({ exact = "=", changed = "~", lost = "✗", secret = "S" })[finding.verdict]
end

local function sources(api)
    local list = world.trunks(api)
    list[#list + 1] = full[api]
    list[#list + 1] = full.by_address[api]
    if api == "bolna" then
        list[#list + 1] = full.with(full.bolna, { transport = "transport-tls", media_encryption = "sdes" })
    elseif api == "famulor" then
        list[#list + 1] = full.with(full.famulor, { nickname = json.null })
    end
    return list
end

--- Which verdicts there are for each field in each direction, over trunks of every shape.
function tables.verdicts()
    local directions, names, cells, extras = {}, {}, {}, {}
    for _, from in ipairs(ORDER) do
        for _, to in ipairs(ORDER) do
            directions[#directions + 1] = { from, to }
        end
    end
    for i, way in ipairs(directions) do
        for _, native in ipairs(sources(way[1])) do
            for _, finding in ipairs(world.map(world.neutral(way[1], native), way[2]).findings) do
                local name = finding.field
                cells[name] = cells[name] or {}
                cells[name][i] = cells[name][i] or {}
                cells[name][i][mark(finding)] = true
            end
        end
    end
    for _, field in ipairs(neutral.fields) do
        names[#names + 1] = field.name
    end
    table.move({ "inbound.secret", "outbound.secret" }, 1, 2, #names + 1, names)
    for name in pairs(cells) do
        extras[#extras + 1] = name:find "^extras%." and name or nil
    end
    table.sort(extras)
    table.move(extras, 1, #extras, #names + 1, names)
    local head, rule = { "| field" }, { "|---" }
    for i, way in ipairs(directions) do
        head[i + 1], rule[i + 1] = (" %s→%s"):format(SHORT[way[1]], SHORT[way[2]]), "---"
    end
    local lines = { table.concat(head, " |") .. " |", table.concat(rule, "|") .. "|" }
    for _, name in ipairs(names) do
        local line = { "| `" .. name .. "`" }
        for i in ipairs(directions) do
            local found = {}
            for _, each in ipairs(MARKS) do
                found[#found + 1] = cells[name] and cells[name][i] and cells[name][i][each] and each or nil
            end
            line[i + 1] = " " .. table.concat(found, " ")
        end
        lines[#lines + 1] = table.concat(line, " |") .. " |"
    end
    return lines
end

--- The document with its tables made anew.
---@return string now, string fresh
function tables.document()
    local file <const> = assert(io.open(DOCUMENT))
    local now = file:read "a"
    file:close()
    local fresh = now
    for _, name in ipairs { "model", "verdicts" } do
        local first = ("<!-- table: %s -->\n"):format(name)
        local from = select(2, assert(fresh:find(first, 1, true)))
        local to = assert(fresh:find("<!-- end of table -->", from, true))
        fresh = fresh:sub(1, from) .. "\n" .. table.concat(tables[name](), "\n") .. "\n\n" .. fresh:sub(to)
    end
    return now, fresh
end

if select(1, ...) == "--write" then
    local _, fresh = tables.document()
    local file <const> = assert(io.open(DOCUMENT, "w"))
    file:write(fresh)
    file:close()
end

return tables
