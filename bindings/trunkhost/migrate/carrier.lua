--- --mapping-out: the old and new ids, and what the carrier must change after a migration.

local core <const> = require "trunkhost.core"
local csv <const> = require "trunkhost.csv"

local carrier <const> = {}

-- Where the carrier must send its calls. Other platforms show that only in their dashboard.
local HOSTS <const> = {
    bolna = "calls to sip.bolna.ai, port 5060, with TLS 5061",
    vatel = "calls to the assignment's id @sip.vatel.ai, or with the alternate number as user part",
}

--- Bolna's newer API returns its addresses.
local function edge_of(account)
    if not account:describe().endpoints.edge then
        return nil
    end
    local ok, edge = pcall(account.call, account, "edge")
    if not ok or type(edge) ~= "table" or type(edge.sip_domain) ~= "string" then
        return nil
    end
    local addresses = {}
    for i, address in ipairs(type(edge.ips) == "table" and edge.ips or {}) do
        addresses[i] = tostring(address)
    end
    local allow = #addresses > 0 and ("; allow calls from %s"):format(table.concat(addresses, " ")) or ""
    return ("calls to %s, port %s%s"):format(edge.sip_domain, tostring(edge.port or 5060), allow)
end

--- What the carrier must change for trunks of this account.
---@param account trunkhost.Account
---@return string
function carrier.words(account)
    local name = account:describe().name
    return edge_of(account) or HOSTS[name] and HOSTS[name] .. "; source addresses: see dashboard"
        or "calls to, and source addresses: see dashboard"
end

--- Writes a line for each complete trunk at the target. Only the owner can read the file.
---@param migration trunkhost.Migration
---@param path string
function carrier.write(migration, path)
    local lines = { csv.record { "from", "trunk", "to", "target", "label", "numbers", "carrier" } }
    local words = carrier.words(migration.to)
    for _, work in ipairs(migration.list) do
        for _, move in ipairs(work.moves) do
            if move.complete then
                local numbers = {}
                for i, number in ipairs(move.mapped.planned.numbers) do
                    numbers[i] = number.value
                end
                lines[#lines + 1] = csv.record { migration.from:name(), work.source, migration.to:name(),
                    tostring(move.id), csv.guard(work.trunk.label or ""), table.concat(numbers, " "), words }
            end
        end
    end
    core.write_private(path, "list of old and new ids", table.concat(lines, "\n") .. "\n")
end

return carrier
