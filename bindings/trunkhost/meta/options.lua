---@meta

--- Options of a script.

---@class (exact) trunkhost.OptionsSpec
---@field name? string  What the script is called in its help. Default: the name of its file.
---@field description? string  What it does.
---@field epilog? string  Examples and notes, at the end of its help.
---@field job? boolean  False: it is no job, and has the choice of trunks and the output alone. Default: `true`.
--- It sets passwords, and has the options `--deliver`, `--restore-on-failure` and what belongs to them. Default:
--- `false`.
---@field secrets? boolean
---@field undo? boolean  It can be taken back: `--undo` stands in its help. Default: `false`.
---@field quiet? string  What `--quiet` means here.

--- A parser of [argparse](https://argparse.readthedocs.io/en/stable/) that has the standard options. The members named
--- here are the ones that scripts mostly need; the others are there as well.
---@class trunkhost.Parser
---@field [string] any
local parser = {}

--- Adds an option with a value: `parser:option "--carrier" :argname "NAME" :count(1) :description "…"`.
---@param name string  As "--carrier" or "-c --carrier".
---@param description? string
---@param default? any
---@return trunkhost.ParserElement
function parser:option(name, description, default) end

--- Adds an option without a value, which is true when it is given.
---@param name string
---@param description? string
---@return trunkhost.ParserElement
function parser:flag(name, description) end

--- Adds an argument: a word without a dash.
---@param name string
---@param description? string
---@return trunkhost.ParserElement
function parser:argument(name, description) end

--- Puts options under a title of their own in the help.
---@param title string
---@param ... trunkhost.ParserElement
---@return trunkhost.Parser
function parser:group(title, ...) end

--- Of these options only one may be given.
---@param ... trunkhost.ParserElement
---@return trunkhost.Parser
function parser:mutex(...) end

--- Reads the arguments of the script. What is wrong with them ends the run with one line and the status 2; so do
--- `--help`, with the status 0, and a `--resume` that cannot be.
---@param words? string[]  Default: the arguments of the script.
---@return trunkhost.Options
function parser:parse(words) end

---@return string
function parser:get_help() end

---@return string
function parser:get_usage() end

--- An option or an argument. Each of its methods returns it again, so that they can be strung together.
---@class trunkhost.ParserElement
---@field [string] any
local element = {}

--- What it is for.
---@param text string
---@return trunkhost.ParserElement
function element:description(text) end

--- What its value is called in the help.
---@param name string
---@return trunkhost.ParserElement
function element:argname(name) end

--- How often it must and may be given: 1, "?", "*", "1-3".
---@param count integer|string
---@return trunkhost.ParserElement
function element:count(count) end

--- How many values it takes: 1, "?", "+", "0-2".
---@param count integer|string
---@return trunkhost.ParserElement
function element:args(count) end

--- Its value when it is not given.
---@param value any
---@return trunkhost.ParserElement
function element:default(value) end

--- Makes the value of the text: a function that returns it, or nil and what is wrong; or a table of texts and values.
---@param convert table<string, any>|fun(text: string): any, string?
---@return trunkhost.ParserElement
function element:convert(convert) end

--- The texts that are accepted.
---@param list string[]
---@return trunkhost.ParserElement
function element:choices(list) end

--- The member of the result that it sets. Default: its name, with _ for -.
---@param name string
---@return trunkhost.ParserElement
function element:target(name) end

--- What it does with its value: "store", "append", "count", …, or a function.
---@param action string|function
---@return trunkhost.ParserElement
function element:action(action) end

--- The value that its member has before anything is parsed.
---@param value any
---@return trunkhost.ParserElement
function element:init(value) end

--- Leaves it out of the help.
---@param hidden boolean
---@return trunkhost.ParserElement
function element:hidden(hidden) end

--- What `parser:parse` returns: the standard options, and those of the script.
---@class trunkhost.Options
---@field account string[]  `--account`, as they were given; "all" among them means every one.
---@field only string[]  `--only`.
---@field only_from { account?: string, trunk: string, path: string, line: integer }[]  `--only-from`, its rows.
---@field match { field: string, glob: string, negate?: boolean }[]  `--match`; `negate` of `FIELD!=GLOB`.
---@field fail_if_none? boolean  `--fail-if-none`.
---@field dry_run boolean  `--dry-run`, of the script or of trunkhost.
---@field yes? boolean  `--yes`.
---@field concurrency integer  `--concurrency`. Default: `8`.
---@field canary integer  `--canary`. Default: `1`.
---@field wave? integer  `--wave`.
---@field soak? number  `--soak`, in seconds.
---@field max_failures? { count?: integer, percent?: number }  `--max-failures`.
---@field deadline? { at: number, text: string }  `--deadline`; `at` is on the clock of `trunkhost.now`.
---@field window? { text: string }  `--window`; its end is the deadline.
---@field plan? string  `--plan`, the file.
---@field plan_out? string  `--plan-out`, the file.
---@field resume? string  `--resume`, as it was given.
---@field resumed? string[]  The runs that are gone on with, the latest first.
---@field undo? string  `--undo`, as it was given.
---@field undoes? string  The run that is taken back.
---@field what string[][]  The arguments that say what is to be done, for the plan's file.
---@field json? boolean  `--json`.
---@field quiet? boolean  `--quiet`.
---@field deliver? string  `--deliver`, with `secrets = true`.
---@field deliver_batch? boolean  `--deliver-batch`, with `secrets = true`.
---@field deliver_timeout? number  `--deliver-timeout` in seconds, with `secrets = true`. Default: `60`.
---@field rotate_undelivered? boolean  `--rotate-undelivered`, with `secrets = true`.
---@field restore_on_failure? boolean  `--restore-on-failure`, with `secrets = true`.
---@field [string] any
