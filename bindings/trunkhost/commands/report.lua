--- `trunkhost report`: what a run has done, as one page of HTML to show to somebody.

local argparse <const> = require "argparse"
local core <const> = require "trunkhost.core"
local report_data <const> = require "trunkhost.report.data"
local report_file <const> = require "trunkhost.report.file"
local report_html <const> = require "trunkhost.report.html"
local suggest <const> = require "trunkhost.text.suggest"

local EPILOG <const> = [[
The page needs nothing else: no network, no other file, no script to be read.
There is no password in it. It is made from the ledger and asks no platform.

Exit status: 0 the report was written, whatever the run came to; 2 wrong usage,
no such run, or the file cannot be written.]]

local OPTIONS <const> = { "--out", "--force", "--help" }

local function fail(format, ...)
    core.write("err", "trunkhost: report: " .. format:format(...):gsub("\n", " ") .. "\n")
    os.exit(2)
end

local function parse(words)
    local parser <const> = argparse { name = "trunkhost report", epilog = EPILOG, help_max_width = 80,
        help_description_margin = 22,
        description = "What a run has done, trunk by trunk, as a page of HTML: what needs a person first." }
    parser:argument "run" :argname "RUN" :args "?"
        :description "The run's id, the start of it, or last. Default: last."
    parser:option "-o" "--out" :argname "FILE"
        :description "The file, readable for you only; it is there whole or not at all. Default: standard output."
    parser:flag "--force" :description "Replace the file when there is one."
    function parser.error(_, message)
        fail("%s%s; see trunkhost report --help", message, suggest.hint(message:match "unknown option '(.-)'" or "",
            OPTIONS))
    end
    return parser:parse(words)
end

return function(...)
    local chosen <const> = parse { ... }
    if not chosen.out and core.is_terminal "out" then
        fail "a page of HTML is not for a terminal: name a file with -o FILE.html, or send it to a program"
    elseif chosen.out and not chosen.force and report_file.exists(chosen.out) then
        fail("--out %s: there is such a file; --force replaces it", chosen.out)
    end
    core.set_dry_run() -- a look at the ledger has nothing to send
    local data <const>, problem <const> = report_data.of(chosen.run or "last")
    if not data then
        fail("%s", problem)
    end
    if not chosen.out then
        report_html.write(data, function(text) core.write("out", text) end)
        return
    end
    local ok <const>, trouble <const> = report_file.write(chosen.out, chosen.force, function(write)
        report_html.write(data, write)
    end)
    if not ok then
        fail("%s", trouble)
    end
end
