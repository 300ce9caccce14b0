--- Rehearsing a script on fake platforms: undisturbed, dry, under every fault, and killed at every request.

local promises <const> = require "trunkhost.rehearse.promises"
local state <const> = require "trunkhost.rehearse.state"
local trunkhost <const> = require "trunkhost"

local rehearse <const> = {}

--- As the sandbox calls them, each as often as it takes to meet some requests and let others through.
local FAULTS <const> = { "drop", "html", "limit", "busy", "timeout_before", "error_before", "refuse", "error_after",
    "timeout_after", "lost_reply", "cut_body", "slow", "auth_failed", "touched" }
--- A yes that is none, or that does not say what it is to. Of writes alone.
local MISREPLIES <const> = { "error_200", "empty_before", "empty_after", "blank_before", "blank_after",
    "accepted_before", "accepted_after", "other_before", "other_after", "unchanged" }
--- Of lists, which come in pages then. Most platforms document no pages: there a page must not be taken for the list.
local LISTS <const> = { "short_list", "shifting_list", "empty_page", "same_page" }
local LIST <const> = "%s@GET=0.5"
local PAGE <const> = 2
--- What each 429 and 503 says in Retry-After.
local WAITS <const> = { { "seconds", "1" }, { "date", "date:1" }, { "epoch", "epoch:1" }, { "day", "86400" },
    { "far", "date:9999999999" } }
--- Readers lag behind by this many milliseconds, and the accounts allow for so many seconds.
local LAG <const>, SETTLED <const> = 1000, 2
-- Of every request, and of writes alone: else a list that fails would hide what a failing change leads to.
local ALL <const> = "%s=0.3"
local WRITES <const> = "%s@POST=0.5+%s@PUT=0.5+%s@PATCH=0.5+%s@DELETE=0.5"
local SEEDS <const> = 10 -- of which one should let the fault meet something, also where few requests are sent
local TRIES <const> = 3 -- runs that may be needed once nothing disturbs any more
local SIGKILL <const> = 9

local Rehearsal <const> = {}
Rehearsal.__index = Rehearsal

--- Notes for one scenario: what was not kept, and the command that shows it.
function Rehearsal:noting(scenario)
    return function(promise, words, run)
        local broken <const> = self.promises[promise].broken
        if not broken[#broken] or broken[#broken].scenario ~= scenario then
            broken[#broken + 1] = { scenario = scenario, words = words, command = run and run.words }
        end
    end
end

--- A run and what can be said after it. killed: it may have been.
function Rehearsal:run(note, killed, ...)
    local run <const> = self.stage:run(...)
    self.runs = self.runs + 1
    local held <const> = promises.after_run(self.stage, self.start, run, note)
    local was_killed <const> = killed and run.signal == SIGKILL
    if not was_killed then
        promises.of_ending(run, note)
    end
    local signature <const> = state.signature(held, self.start)
    if run.status == 0 and self.done then
        local difference <const> = state.difference(signature, self.done)
        if difference then
            note("status", "it ended with status 0, but " .. difference, run)
        end
    end
    return run, signature, was_killed
end

--- Nothing disturbs any more: the work must come to its end.
function Rehearsal:finish(note)
    local run, signature
    for _ = 1, TRIES do
        run, signature = self:run(note, false)
        if run.status == 0 then
            break
        end
    end
    if run.status ~= 0 then
        note("finish", ("it ends with status %s, again and again: %s"):format(run.status or "?",
            run.text:match "[^\n]*$" ~= "" and run.text:match "[^\n]*$" or run.text:match "([^\n]*)\n?$"), run)
    else
        local difference <const> = state.difference(signature, self.done)
        if difference then
            note("finish", difference, run)
        end
    end
    local surplus <const> = state.surplus(signature, self.done)
    if surplus then
        note("once", surplus, run)
    end
end

--- How many requests were sent, and whether any was to create something.
local function requests(stage)
    local log, creates = stage:ask "log", false
    for _, request in ipairs(log) do
        creates = creates or request.method == "POST"
    end
    return #log, creates
end

-- ---------------------------------------------------------------------------------------------------
-- Scenarios

--- What comes of it when nothing is in the way. Returns what is wrong with the script itself, or nil.
function Rehearsal:undisturbed()
    local note <const> = self:noting "undisturbed"
    self.stage:reset()
    self.start = state.secrets(self.stage:ask "state")
    self.untouched = state.signature(self.stage:ask "state", self.start)
    local run <const>, signature <const> = self:run(note, false)
    if run.status ~= 0 then
        return run
    end
    self.done, self.requests, self.creates = signature, requests(self.stage)
    self.changes = state.difference(signature, self.untouched) ~= nil
    if self:wants "again" then
        self:finish(self:noting "again") -- a second time, with nothing left to do
    end
end

function Rehearsal:dry()
    local note <const> = self:noting "dry-run"
    self.stage:reset()
    local run <const> = self.stage:run "-n"
    self.runs = self.runs + 1
    local held <const> = promises.after_run(self.stage, self.start, run, note)
    if state.difference(state.signature(held, self.start), self.untouched) then
        note("dry-run", "something has changed", run)
    end
    for _, request in ipairs(self.stage:ask "log") do
        if request.method ~= "GET" then
            note("dry-run", ("%s %s was sent"):format(request.method, request.path), run)
        end
    end
end

--- Whether a fault has met any request.
local function met(stage)
    for _, counts in pairs(stage:ask "counts") do
        if type(counts) == "table" and next(counts.faults or {}) then
            return true
        end
    end
    return false
end

--- As the sandbox is told; settled: seconds after which the accounts count on a new trunk being listed.
function Rehearsal:under(scenario, disturbance, settled)
    local note <const> = self:noting(scenario)
    for seed = self.seed, self.seed + SEEDS - 1 do
        self.stage:reset(settled)
        disturbance.seed = seed
        self.stage:tell("faults", disturbance)
        self:run(note, false)
        if disturbance.page or not disturbance.fault or met(self.stage) then
            break
        end
    end
    self.stage:tell "faults"
    trunkhost.sleep(settled or 0)
    self:finish(note)
end

--- False when the script had come to its end before.
function Rehearsal:killed(request, moment)
    local note <const> = self:noting(("kill:%d:%s"):format(request, moment))
    self.stage:reset()
    self.stage:tell("kill", { request = request, moment = moment })
    local _, _, was_killed = self:run(note, true)
    self.stage:tell "kill"
    if was_killed then
        self:finish(note)
    end
    return was_killed
end

function Rehearsal:wants(scenario)
    return not self.only or self.only == scenario or self.only == scenario:match "^%a+"
end

--- The names of what is rehearsed after the undisturbed run, in order.
function Rehearsal:scenarios(every)
    local list = {}
    local function add(name, ...)
        if self:wants(name) then
            list[#list + 1] = { name = name, ... }
        end
    end
    add("dry-run", self.dry)
    local function meet(kind, faults, rates, page)
        for _, fault in ipairs(faults) do
            local name <const> = kind .. ":" .. fault
            add(name, self.under, name, { fault = rates:gsub("%%s", fault), page = page })
        end
    end
    meet("fault", FAULTS, ALL)
    if self.changes then
        meet("write", FAULTS, WRITES)
        meet("write", MISREPLIES, WRITES)
        add("late:change", self.under, "late:change", { eventual = "0/" .. LAG })
    end
    if self.creates then
        add("late:create", self.under, "late:create", { fault = "timeout_after@POST=0.5", eventual = LAG .. "/0" },
            SETTLED)
    end
    meet("list", LISTS, LIST, PAGE)
    local rates <const> = self.changes and WRITES or LIST
    local busy <const> = rates:gsub("%%s", "limit") .. "+" .. rates:gsub("%%s", "busy")
    for _, wait in ipairs(WAITS) do
        add("wait:" .. wait[1], self.under, "wait:" .. wait[1], { fault = busy, retry_after = wait[2] })
    end
    for request = 1, self.requests, every do
        add(("kill:%d:before"):format(request), self.killed, request, "before")
        add(("kill:%d:after"):format(request), self.killed, request, "after")
    end
    return list
end

---@class trunkhost.rehearse.Report
---@field failed trunkhost.rehearse.Run?  the script does not even run undisturbed
---@field promises trunkhost.rehearse.Promise[]
---@field scenarios integer
---@field runs integer
---@field requests integer               of the undisturbed run
---@field changes boolean                whether that one changes anything

--- Rehearses the script that the stage is set up for.
---@param stage table
---@param settings { only: string?, every: integer, seed: integer, told: fun(name: string, at: integer, of: integer) }
---@return trunkhost.rehearse.Report
function rehearse.run(stage, settings)
    local by_name <const>, in_order <const> = promises.new()
    local self <const> = setmetatable({ stage = stage, promises = by_name, runs = 0, only = settings.only,
        seed = settings.seed }, Rehearsal)
    local failed <const> = self:undisturbed()
    local list <const> = failed and {} or self:scenarios(settings.every)
    for i, scenario in ipairs(list) do
        settings.told(scenario.name, i, #list)
        scenario[1](self, table.unpack(scenario, 2))
    end
    return { failed = failed, promises = in_order, scenarios = #list, runs = self.runs,
        requests = self.requests or 0, changes = self.changes or false }
end

return rehearse
