--- A script for the program with --sandbox: moves every trunk of every API to every other one, and prints what went
--- wrong, one line each. Values are given and losses allowed as far as they stand against it.

local core <const> = require "trunkhost.core"
local json <const> = require "trunkhost.json"
local neutral <const> = require "trunkhost.neutral"
local trunkhost <const> = require "trunkhost"

local AGENTS <const> = json.decode((...))
local names <const> = trunkhost.accounts()
local done, problems = 0, 0

local function problem(format, ...)
    problems = problems + 1
    print(format:format(...))
end

local function values(from, to, place)
    return {
        label = place, vendor = "generic", ["inbound.mode"] = "ip", ["inbound.sources"] = "192.0.2.77",
        ["inbound.username"] = "in-" .. place:gsub(" ", "-"), ["outbound.username"] = "out-" .. place:gsub(" ", "-"),
        gateways = "given.example.com", transport = "udp", codecs = "PCMA", calling_format = "+e164", country = "DE",
        ["registration.enabled"] = "no", fixed_source_ip = "yes", agent_ref = AGENTS[to],
        numbers = "+4930" .. (5000000 + 1000 * #from + done),
    }
end

local function options_for(trunk, description, from, to, place)
    local given <const> = values(from, to, place)
    local options = {
        -- The name is unique at Bolna, and the inbound username in all of Vatel.
        set = { label = place, agent_ref = AGENTS[to], ["inbound.username"] = trunk.inbound.mode == "digest"
            and given["inbound.username"] or nil },
        allow_loss = {}, secrets = { inbound = core.secret {}, outbound = core.secret {} },
        inactive_first = done % 2 == 0,
    }
    for _ = 1, 4 do
        for _, reason in ipairs(neutral.blocked(neutral.map(trunk, description, options))) do
            if reason.by == "loss" then
                table.insert(options.allow_loss, reason.field)
            else
                options.set[reason.field] = given[reason.field]
            end
        end
    end
    return options
end

local function create(account, mapped, place)
    local description <const> = account:describe()
    local native = account:create(mapped.body, { grant = mapped.grant })
    local ids = { trunk = native.id }
    if #mapped.after > 0 and not neutral.twin(description, mapped, neutral.read(account, native.id)) then
        problem("%s: not found again before it was complete", place)
    end
    for _, step in ipairs(mapped.after) do
        local params, body = neutral.resolve(step, ids)
        local reply = account:call(step.endpoint, params, body)
        if step.as then ids[step.as] = reply.id end
        if not neutral.find(neutral.read(account, native.id), step) then
            problem("%s: %s is not found", place, step.endpoint)
        end
    end
    local found = neutral.read(account, native.id)
    for _, difference in ipairs(neutral.compare(description, mapped.planned, found)) do
        problem("%s: %s was planned as %s and is %s", place, difference.field,
            json.encode(difference.planned or json.null), json.encode(difference.found or json.null))
    end
    if not neutral.twin(description, mapped, found) then
        problem("%s: not found again", place)
    end
    account:delete(native.id)
end

--- All sources are read and then deleted, since the platforms of the sandbox know the same numbers.
local sources <const> = {}
for _, name in ipairs(names) do
    local account = trunkhost.account(name)
    sources[name] = {}
    for trunk in account:trunks() do
        table.insert(sources[name], neutral.of(account:describe(), neutral.read(account, trunk.id)))
        account:delete(trunk.id)
    end
end

for _, from in ipairs(names) do
    for _, to in ipairs(names) do
        for i, trunk in ipairs(from ~= to and sources[from] or {}) do
            local account, place = trunkhost.account(to), ("%s %d to %s"):format(from, i, to)
            local options = options_for(trunk, account:describe(), from, to, place)
            local result = neutral.map(trunk, account:describe(), options)
            for _, reason in ipairs(neutral.blocked(result)) do
                problem("%s: %s", place, reason.text)
            end
            for _, mapped in ipairs(result.trunks) do
                local ok, err = pcall(create, account, mapped, place)
                if not ok then problem("%s: %s", place, tostring(err)) end
            end
            done = done + 1
        end
    end
end
print(("%d moved, %d problems"):format(done, problems))
