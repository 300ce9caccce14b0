--- `trunkhost doctor`: looks whether a run would find what it needs, and sends nothing but GET.

local core <const> = require "trunkhost.core"
local aligned <const> = require "trunkhost.table"
local command_line <const> = require "trunkhost.text.command_line"
local checks <const> = require "trunkhost.commands.doctor_checks"
local json_line <const> = require "trunkhost.json_line"

local EPILOG <const> = [[
Each account is asked once whether its token is good. That is a GET; nothing is
changed anywhere.

Exit status: 0 nothing stands in the way of a run (there may be warnings);
1 something does; 2 wrong usage.]]

local function read(words)
    return command_line.read({ name = "doctor", epilog = EPILOG,
        description = "Checks the configuration, the tokens, the platforms, the ledger and this machine." },
        function(parser)
            parser:option "--account" :argname "NAME" :count "*" :init {} :action "append"
                :description "Only this account; repeat for more. Default: every account."
            parser:flag "--offline" :description "Ask no platform."
            parser:flag "--json" :description "Print JSON on standard output, one object per line."
            parser:flag "-q" "--quiet" :description "Print only what is wrong."
        end, words)
end

local COLOURS <const> = { ok = "green", warning = "yellow", wrong = "red" }

local function show(finding, options, screen)
    if options.quiet and finding.state == "ok" then
        return
    end
    if options.json then
        core.write("out", json_line.object { "check", finding.check, "account", finding.account, "state",
            finding.state, "message", finding.message, n = 8 } .. "\n")
        return
    end
    local name = finding.account and ("%s %s"):format(finding.check, finding.account) or finding.check
    screen.write(("%s  %s: %s\n"):format(
        aligned.paint(("%-7s"):format(finding.state), COLOURS[finding.state], screen.colours), name, finding.message))
end

return function(...)
    local options <const>, screen <const> = read { ... }, aligned.screen "out"
    local wrong = 0
    core.set_dry_run() -- below everything that follows: nothing but GET
    checks.run(options, function(finding)
        wrong = wrong + (finding.state == "wrong" and 1 or 0)
        show(finding, options, screen)
    end)
    if wrong > 0 then
        core.set_exit_status(1)
    end
end
