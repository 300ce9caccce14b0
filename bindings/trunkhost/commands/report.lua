--- `trunkhost report`: what a run has done, as one page of HTML to show to somebody.

local command_line <const> = require "trunkhost.text.command_line"
local core <const> = require "trunkhost.core"
local lines <const> = require "trunkhost.commands.ledger_lines"
local report_data <const> = require "trunkhost.report.data"
local report_file <const> = require "trunkhost.report.file"
local report_html <const> = require "trunkhost.report.html"
local usage <const> = require "trunkhost.text.usage"

local EPILOG <const> = [[
The page needs nothing else: no network, no other file, no JavaScript to be
read. There is no password in it. It is made from the ledger; no platform is
asked.

Exit status: 0 the report was written, whatever the run came to; 2 wrong usage,
no such run, or the file cannot be written.]]

local function read(words)
    return command_line.read({ name = "report", epilog = EPILOG,
        description = "Writes an HTML report of a run, trunk by trunk: what needs a person first." }, function(parser)
        parser:argument "RUN" :target "run" :argname "RUN" :args "?"
            :description "The id of the run, the start of the id, or last. Default: last."
        parser:option "-o" "--out" :argname "FILE"
            :description "The file, readable for you only; it is there whole or not at all. Default: standard output."
        parser:flag "--force" :description "Replace the file if there is one."
    end, words)
end

local function report(words)
    local chosen <const> = read(words)
    if not chosen.out and core.is_terminal "out" then
        usage.fail "a page of HTML is not for a terminal: name a file with -o FILE.html, or send it to a program"
    elseif chosen.out and not chosen.force and report_file.exists(chosen.out) then
        usage.fail("--out %s: there is such a file; --force replaces it", chosen.out)
    end
    core.set_dry_run() -- a look at the ledger has nothing to send
    local data <const>, problem <const> = report_data.of(chosen.run or "last")
    if not data then
        usage.fail("%s", problem)
    end
    if not chosen.out then
        report_html.write(data, function(text) core.write("out", text) end)
        return
    end
    local ok <const>, trouble <const> = report_file.write(chosen.out, chosen.force, function(write)
        report_html.write(data, write)
    end)
    if not ok then
        usage.fail("%s", trouble)
    end
end

return function(...)
    lines.guard(report, { ... })
end
