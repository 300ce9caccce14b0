--- Two accounts at two sandboxes, so that every API can be migrated to every one, itself included, and what each
--- sandbox remembers belongs to one side only.

local events <const> = require "events"
local lu <const> = require "luaunit"
local json <const> = require "trunkhost.json"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

---@class MigrationPair
---@field from string       the API
---@field to string
---@field source table      the sandbox that is read
---@field target table      the sandbox that is written
---@field names table<string, string>  id of a source trunk → name of its shape
local MigrationPair <const> = {}
MigrationPair.__index = MigrationPair

local pair <const> = {}

pair.apis = { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }

local function stop(self)
    self.source:stop()
    self.target:stop()
end

--- Two sandboxes, which stop at the end of the block of `local sandboxes <close> = …`.
---@param settings? string  as on the command line of the sandbox
---@return { source: table, target: table }
function pair.sandboxes(settings)
    settings = settings or "--trunks 0 --limits none"
    return setmetatable({ source = sandbox_process.start(settings), target = sandbox_process.start(settings) },
        { __close = stop })
end

local ACCOUNT <const> =
    "  [%q] = { provider = %q, base_url = %q, token = { file = %q }, rate = {}, eventual = %s },"

---@param source table
---@param target table
---@param from string
---@param to string
---@param eventual? number  seconds after which a new trunk is listed; default 0: the sandboxes show it at once
---@return MigrationPair
function pair.open(source, target, from, to, eventual)
    eventual = eventual or 0
    local self = setmetatable({ source = source, target = target, from = from, to = to, names = {} }, MigrationPair)
    local token = source.folder .. "/token"
    program.write(token, "sandbox\n", "600")
    program.write(source.folder .. "/pair.lua", table.concat({ "return { accounts = {",
        ACCOUNT:format("old", from, source:url(from), token, eventual),
        ACCOUNT:format("new", to, target:url(to), token, eventual), "} }" }, "\n"))
    return self
end

--- "bolna to vatel"
function MigrationPair:place()
    return self.from .. " to " .. self.to
end

---@class MigratedPair : JobResult
---@field by_name table<string, table>  name of the source's shape → its JSON line

local function named(self, result)
    result.by_name = {}
    for id, item in pairs(events.read(result).items) do
        result.by_name[self.names[id] or ""] = item
    end
    return result
end

local function run(self, arguments)
    return named(self, program.run(("-c %s/pair.lua --ledger %s migrate_trunks.lua --yes --json --canary 0 %s"):format(
        self.source.folder, self.source:ledger_path(), arguments)))
end

--- Moves them.
---@param arguments? string
---@return MigratedPair
function MigrationPair:run(arguments)
    return run(self, "--from old --to new " .. (arguments or ""))
end

--- Takes a run back.
---@param id? string  default: the last
---@return MigratedPair
function MigrationPair:undo(id)
    return run(self, "--undo " .. (id or "last"))
end

--- What went wrong in a run, in few words.
---@param result MigratedPair
---@return string
function MigrationPair:complaints(result)
    local lines = { result.summary and "" or result.err:sub(1, 1000) }
    for id, item in pairs(result.items) do
        if item.error then
            lines[#lines + 1] = ("%s is %s: %s"):format(self.names[id] or id, item.state,
                item.error.message:sub(1, 400))
        end
    end
    return table.concat(lines, "\n")
end

--- The trunks of one side as its sandbox has them, by id.
---@param side "source"|"target"
---@return table<string, table> trunks, integer count
function MigrationPair:trunks(side)
    local api, found, count = side == "source" and self.from or self.to, {}, 0
    for _, trunk in ipairs(self[side]:ask("state")[api].trunks) do
        found[tostring(trunk.id)], count = trunk, count + 1
    end
    return found, count
end

--- Neither side was sent what the platforms' documentation does not allow.
function MigrationPair:check_violations()
    lu.assertEquals(self.source:ask "violations", json.array {}, self:place() .. ", source")
    lu.assertEquals(self.target:ask "violations", json.array {}, self:place() .. ", target")
end

return pair
