--- `trunkhost doctor`: looks whether a run would find what it needs, and sends nothing but GET.

local argparse <const> = require "argparse"
local core <const> = require "trunkhost.core"
local aligned <const> = require "trunkhost.table"
local checks <const> = require "trunkhost.commands.doctor_checks"
local json_line <const> = require "trunkhost.json_line"
local suggest <const> = require "trunkhost.text.suggest"

local EPILOG <const> = [[
Each account is asked once whether its token is good. That is a GET; nothing is
changed anywhere.

Exit status: 0 nothing stands in the way of a run (there may be warnings);
1 something does; 2 wrong usage.]]

local OPTIONS <const> = { "--account", "--offline", "--json", "--quiet", "--help" }

local function parse(words)
    local parser = argparse { name = "trunkhost doctor", epilog = EPILOG, help_max_width = 80,
        help_description_margin = 22,
        description = "Looks at the configuration, the tokens, the platforms, the ledger and this machine." }
    parser:option "--account" :argname "NAME" :count "*" :init {} :action "append"
        :description "Only this account; again for more. Default: every one."
    parser:flag "--offline" :description "Ask no platform."
    parser:flag "--json" :description "One JSON object a line."
    parser:flag "-q" "--quiet" :description "Only what is wrong."
    function parser.error(_, message)
        core.write("err", ("trunkhost: doctor: %s%s; see trunkhost doctor --help\n"):format((message:gsub("\n", " ")),
            suggest.hint(message:match "unknown option '(.-)'" or "", OPTIONS)))
        os.exit(2)
    end
    return parser:parse(words)
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
    local options <const>, screen <const> = parse { ... }, aligned.screen "out"
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
