--- `trunkhost rehearse SCRIPT …`: runs a script on fake platforms under every fault and killed at every request, and
--- tells which promises it keeps.

local aligned <const> = require "trunkhost.table"
local command_line <const> = require "trunkhost.text.command_line"
local core <const> = require "trunkhost.core"
local json_line <const> = require "trunkhost.json_line"
local rehearse <const> = require "trunkhost.rehearse.rehearse"
local stage <const> = require "trunkhost.rehearse.stage"
local usage <const> = require "trunkhost.text.usage"

local EPILOG <const> = [[
Options of rehearse stand before the script, those of the script behind it. A
job gets --yes when it has that option.

Exit status: 0 all promises are kept; 1 some are not; 2 wrong usage, or the
script does not even run undisturbed.]]

local UNDISTURBED <const> = { undisturbed = true, again = true }

local fail <const> = usage.fail

local function add_options(parser)
    parser:option "--trunks" :argname "N" :convert(command_line.integer("--trunks", 1)) :default(4)
        :description "Trunks of each platform. Default: 4."
    parser:option "--seed" :argname "N" :convert(command_line.integer("--seed", 0)) :default(1)
        :description "Another seed gives other trunks and other requests that a fault meets. Default: 1."
    parser:option "--every" :argname "N" :convert(command_line.integer("--every", 1)) :default(1)
        :description "Kill at every Nth request only. Default: 1."
    parser:option "--only" :argname "WHAT"
        :description "Only this: dry-run, fault, write, late, list, wait, kill, or one as the report names it \z
            (kill:7:after)."
    parser:option "--timeout" :argname "SECONDS" :convert(command_line.integer("--timeout", 1)) :default(120)
        :description "How long a single run may take. Default: 120."
    parser:flag "--json" :description "Print JSON on standard output, one object per line."
end

local function parse(words)
    -- What stands behind the script is its own.
    local own, rest, i = {}, {}, 1
    while words[i] and words[i]:find "^%-" do
        own[#own + 1] = words[i]
        local takes_value <const> = words[i]:find "^%-%-%a+$" and words[i] ~= "--json" and words[i] ~= "--help"
        if takes_value then
            i = i + 1
            own[#own + 1] = words[i]
        end
        i = i + 1
    end
    table.move(words, i, #words, 1, rest)
    local options <const> = command_line.read({ name = "rehearse", epilog = EPILOG, last_wins = true,
        usage = { "rehearse [option...] SCRIPT [script option...]" },
        description = "Runs a script on fake platforms: undisturbed, dry, under every fault, and killed just before \z
            and just after every request; each time it is run again until nothing is left to do. Tells which \z
            promises the script keeps." }, add_options, own)
    if #rest == 0 then
        fail("no script is named; see trunkhost rehearse --help")
    end
    return options, rest
end

--- A job asks a person unless it is told not to.
local function consent(place)
    local words <const> = place.words
    for _, word in ipairs(words) do
        if word == "--yes" or word == "-y" then
            return
        end
    end
    local help <const> = place:help()
    if help and help:find("--yes", 1, true) then
        words[#words + 1] = "--yes"
    end
end

local function fail_undisturbed(run, timeout)
    if run.late then
        fail("the script has not ended after %d seconds (--timeout) even when nothing disturbs it; a program that it \z
            has left running in the background counts as well, unless its output goes elsewhere", timeout)
    end
    core.write("err", run.text)
    fail("the script ends with status %s even when nothing disturbs it", tostring(run.status or "?"))
end

local function show_text(report, words, screen)
    local name <const> = words[1]
    screen.write(("%s: undisturbed it sends %d requests. Scenarios: %d, runs: %d\n\n"):format(name, report.requests,
        report.scenarios, report.runs))
    for _, promise in ipairs(report.promises) do
        local kept <const> = #promise.broken == 0
        screen.write(("%s  %-10s  %s\n"):format(aligned.paint(kept and "kept  " or "broken", kept and "green" or "red",
            screen.colours), promise.name, promise.text))
        for i, each in ipairs(promise.broken) do
            if i <= 3 then
                screen.write(("        %s: %s\n"):format(each.scenario, each.words))
            end
        end
        if #promise.broken > 3 then
            screen.write(("        and in %d other scenarios\n"):format(#promise.broken - 3))
        end
    end
    if not report.changes then
        screen.write("\nUndisturbed, the script changes nothing, so most of this says little.\n")
    end
end

local function show_json(report)
    for _, promise in ipairs(report.promises) do
        for _, each in ipairs(promise.broken) do
            core.write("out", json_line.object { "event", "broken", "promise", promise.name, "scenario", each.scenario,
                "message", each.words, n = 8 } .. "\n")
        end
        core.write("out", json_line.object { "event", "promise", "promise", promise.name, "kept", #promise.broken == 0,
            n = 6 } .. "\n")
    end
    core.write("out", json_line.object { "event", "summary", "requests", report.requests, "scenarios",
        report.scenarios, "runs", report.runs, "changes", report.changes, n = 10 } .. "\n")
end

return function(...)
    local options <const>, words <const> = parse { ... }
    local place <close> = stage.open(words, options)
    consent(place)
    local report <const> = rehearse.run(place, {
        only = options.only, every = options.every, seed = options.seed,
        told = function(name, at, of)
            core.progress(("rehearsing %d of %d: %s"):format(at, of, name))
        end,
    })
    core.progress("", true)
    if report.failed then
        fail_undisturbed(report.failed, options.timeout)
    elseif options.only and report.scenarios == 0 and not UNDISTURBED[options.only] then
        fail("--only %s: this script has nothing of that name to rehearse (requests: %d, %s); there are again, \z
            dry-run, fault, write, late, list, wait and kill, and single ones as fault:drop and kill:1:after",
            options.only, report.requests, report.changes and "with changes" or "no changes")
    end
    if options.json then
        show_json(report)
    else
        show_text(report, words, aligned.screen "out")
    end
    for _, promise in ipairs(report.promises) do
        if #promise.broken > 0 then
            core.set_exit_status(1)
        end
    end
end
