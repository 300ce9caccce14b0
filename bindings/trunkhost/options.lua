--- Options of a script: an argparse parser with the standard options, whose errors are one plain line.

local arguments <const> = require "trunkhost.text.arguments"
local command_line <const> = require "trunkhost.text.command_line"
local core <const> = require "trunkhost.core"
local time_options <const> = require "trunkhost.job.time_options"
local usage <const> = require "trunkhost.text.usage"

local options <const> = {}

local DEFAULT_CONCURRENCY <const> = 8
local MAX_CONCURRENCY <const> = 1024

-- ---------------------------------------------------------------------------------------------------
-- Converters. Each returns the value, or nil and what is wrong.

local function words(text)
    local list = {}
    for word in text:gmatch "[^,]+" do
        list[#list + 1] = word:match "^%s*(.-)%s*$"
    end
    if #list == 0 then
        return nil, ("'%s' is an empty list"):format(text)
    end
    return list
end

local function match(text)
    local field, no, glob = text:match "^([%w_]+)(!?)=(.*)$"
    if not field then
        return nil, ("--match %s: write FIELD=GLOB or FIELD!=GLOB, as in sip_address=*.example.com"):format(text)
    end
    return { field = field, glob = glob, negate = no == "!" or nil }
end

local function max_failures(text)
    local percent = text:match "^(%d+%.?%d*)%%$"
    if percent then
        local value = tonumber(percent)
        if value > 0 and value <= 100 then
            return { percent = value }
        end
    elseif text:match "^%d+$" and tonumber(text) >= 1 then
        return { count = math.tointeger(tonumber(text)) }
    end
    return nil, ("--max-failures %s: write a number of at least 1, or a percentage such as 5%%"):format(text)
end

-- ---------------------------------------------------------------------------------------------------
-- The parser

local function add_choice(parser)
    return parser:group("Which trunks",
        parser:option "--account" :argname "NAME" :count "*" :init {} :convert(words) :action "concat"
            :description "Account to work on; repeat for more; 'all' for every account. Default: the only account.",
        parser:option "--only" :argname "ID,..." :count "*" :init {} :convert(words) :action "concat"
            :description "Only the trunks with these ids.",
        parser:option "--only-from" :argname "FILE" :count "*" :init {} :action "append"
            :description "Only the trunks named in FILE, besides those of --only: one id per line, or CSV with a \z
                column trunk and, where ids are not unique, account. - is standard input.",
        parser:option "--match" :argname "FIELD=GLOB" :count "*" :init {} :convert(match) :action "append"
            :description "Only trunks whose field matches: * is any text, ? is one character, | separates \z
                alternatives. FIELD!=GLOB: only trunks that do not match. With several, all must hold. 'label' and \z
                'id' work on every platform.",
        parser:flag "--fail-if-none" :description "Exit with status 1 if no trunk is chosen.")
end

local function add_run(parser, spec)
    parser:group("Pace and limits",
        parser:flag "-n" "--dry-run" :description "Show the plan; send only GET requests.",
        parser:flag "-y" "--yes" :description "Do not ask for confirmation.",
        parser:option "-j" "--concurrency" :argname "N"
            :convert(command_line.integer("--concurrency", 1, MAX_CONCURRENCY)) :default(DEFAULT_CONCURRENCY)
            :description(("Trunks of one account in progress at once, within its rate limit. Default: %d.")
                :format(DEFAULT_CONCURRENCY)),
        parser:option "--canary" :argname "N" :convert(command_line.integer("--canary", 0)) :default(1)
            :description "Change and verify this many trunks first; continue only if all are done. Default: 1.",
        parser:option "--wave" :argname "N" :convert(command_line.integer("--wave", 1))
            :description "After the canary, change this many at a time, and verify each wave before the next. \z
                Without --max-failures, one failure halts the run.",
        parser:option "--soak" :argname "TIME" :convert(time_options.span "--soak")
            :description "Wait this long after the canary and after each wave: 90s, 15m.",
        parser:option "--max-failures" :argname "N|P%" :convert(max_failures)
            :description "Stop after this many failures (or this share). Unknown outcomes count as failures.",
        parser:option "--deadline" :argname "TIME" :convert(time_options.deadline)
            :description "Start no new trunk after this time: 45m or 1h30m from now, or 06:00.",
        parser:option "--window" :argname "FROM-TO" :convert(time_options.window)
            :description "Run only between these times of day; start no new trunk after the second: 02:00-05:00.")
    local out = parser:option "--plan-out" :argname "FILE"
        :description "Also write the plan to FILE. With --dry-run: only that."
    local plan = parser:option "--plan" :argname "FILE"
        :description "Carry out the plan in FILE; skip trunks that have changed since."
    local resume = parser:option "--resume" :argname "RUN"
        :description "Resume this run with its own arguments; skip what it has done."
    parser:mutex(out, plan)
    -- Every undoable job takes it; the help shows it if the script asks for that.
    local undo = parser:option "--undo" :argname "RUN" :hidden(not spec.undo)
        :description "Undo this run, newest change first; skip trunks that have changed since."
    parser.standard_undo = undo
    parser:group("Plan, resume and undo", out, plan, resume, undo)
end

local function add_output(parser, spec)
    parser:group("Output",
        parser:flag "--json" :description "Print JSON on standard output, one object per line.",
        parser:flag "-q" "--quiet" :description(spec.quiet or "Print only failures."),
        command_line.help(parser))
end

--- Puts the script's own groups after the choice of trunks, where people look for what is special.
local function arrange(parser, first)
    local groups = parser._groups
    local own = table.move(groups, first, #groups, 1, {})
    for _ = first, #groups do
        table.remove(groups)
    end
    for i, group in ipairs(own) do
        table.insert(groups, 1 + i, group)
    end
end

--- An argparse parser with the standard options; the script may add its own before it calls parse().
---@param spec? trunkhost.OptionsSpec
---@return table parser
function options.parser(spec)
    spec = spec or {}
    local name = spec.name or usage.script_name()
    local parser = command_line.parser { name = name, description = spec.description, epilog = spec.epilog }
    add_choice(parser)
    if spec.job ~= false then add_run(parser, spec) end
    if spec.secrets then require("trunkhost.job.secret_options").add(parser) end
    add_output(parser, spec)
    local first_own = #parser._groups + 1

    local get_help <const> = parser.get_help
    function parser:get_help()
        arrange(self, first_own)
        first_own = #self._groups + 1
        return get_help(self)
    end

    local parse <const> = parser.parse
    function parser:parse(given)
        given = given or rawget(_G, "arg") or {}
        local again, runs, undoes
        if spec.job ~= false then
            again, runs, undoes = require("trunkhost.job.resume").words(self, given)
        end
        local result = parse(self, again or given)
        result.resumed, result.undoes, result.what = runs, undoes, arguments.what(arguments.split(self, again or given))
        if runs and table.concat(result.only_from, "\0"):find "^%-" then
            usage.fail "--resume: that run read its ids from standard input (--only-from -), which is gone. Run the \z
                command again with the remaining ids"
        end
        result.only_from = require("trunkhost.job.only_from").read(result.only_from)
        if spec.secrets then require("trunkhost.job.secret_options").check(result) end
        result.dry_run = result.dry_run or core.run().dry_run
        if result.dry_run then
            core.set_dry_run()
        end
        time_options.check(result, usage.fail, usage.script_name())
        if result.quiet then
            core.set_quiet()
        end
        return result
    end
    return parser
end

return options
