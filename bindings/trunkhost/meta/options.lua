---@meta

--- The parser for the options of a script.

---@class (exact) trunkhost.OptionsSpec
---@field name? string  The name of the script in its help. Default: the name of its file.
---@field description? string  What it does.
---@field epilog? string  Examples and notes, at the end of its help.
---@field job? boolean  False: it is no job, and has only the options that choose trunks and output. Default: `true`.
--- It sets passwords, and has `--deliver`, `--restore-on-failure` and related options. Default: `false`.
---@field secrets? boolean
---@field undo? boolean  It can be undone: its help shows `--undo`. Default: `false`.
---@field quiet? string  What `--quiet` means here.

--- A parser of [argparse](https://argparse.readthedocs.io/en/stable/) that has the standard options. The members listed
--- here are the most common ones; all others exist as well.
---@class trunkhost.Parser
---@field [string] any
local parser = {}

--- Adds an option with a value: `parser:option "--carrier" :argname "NAME" :count(1) :description "…"`.
---@param name string  Such as "--carrier" or "-c --carrier".
---@param description? string
---@param default? any
---@return trunkhost.ParserElement
function parser:option(name, description, default) end

--- Adds an option without a value, which is true if it is given.
---@param name string
---@param description? string
---@return trunkhost.ParserElement
function parser:flag(name, description) end

--- Adds an argument: a word without a dash.
---@param name string
---@param description? string
---@return trunkhost.ParserElement
function parser:argument(name, description) end

--- Puts options under a title in the help.
---@param title string
---@param ... trunkhost.ParserElement
---@return trunkhost.Parser
function parser:group(title, ...) end

--- Allows only one of these options.
---@param ... trunkhost.ParserElement
---@return trunkhost.Parser
function parser:mutex(...) end

--- Reads the arguments of the script. A mistake ends the run with one line and status 2; so does a `--resume` that is
--- impossible. `--help` ends it with status 0.
---@param words? string[]  Default: the arguments of the script.
---@return trunkhost.Options
function parser:parse(words) end

---@return string
function parser:get_help() end

---@return string
function parser:get_usage() end

--- An option or an argument. Each of its methods returns it, so calls can be chained.
---@class trunkhost.ParserElement
---@field [string] any
local element = {}

--- Its description in the help.
---@param text string
---@return trunkhost.ParserElement
function element:description(text) end

--- The name of its value in the help.
---@param name string
---@return trunkhost.ParserElement
function element:argname(name) end

--- How often it may be given: 1, "?", "*", "1-3".
---@param count integer|string
---@return trunkhost.ParserElement
function element:count(count) end

--- How many values it takes: 1, "?", "+", "0-2".
---@param count integer|string
---@return trunkhost.ParserElement
function element:args(count) end

--- Its value if it is not given.
---@param value any
---@return trunkhost.ParserElement
function element:default(value) end

--- Converts the string: a function that returns the value, or nil and what is wrong; or a table of strings and values.
---@param convert table<string, any>|fun(text: string): any, string?
---@return trunkhost.ParserElement
function element:convert(convert) end

--- The strings that are accepted.
---@param list string[]
---@return trunkhost.ParserElement
function element:choices(list) end

--- The member of the result. Default: its name, with _ for -.
---@param name string
---@return trunkhost.ParserElement
function element:target(name) end

--- What it does with its value: "store", "append", "count", …, or a function.
---@param action string|function
---@return trunkhost.ParserElement
function element:action(action) end

--- The value of its member before anything is parsed.
---@param value any
---@return trunkhost.ParserElement
function element:init(value) end

--- Leaves it out of the help.
---@param hidden boolean
---@return trunkhost.ParserElement
function element:hidden(hidden) end

--- What `parser:parse` returns: the standard options, and those of the script.
---@class trunkhost.Options
---@field account string[]  `--account`, as given; "all" among them means every account.
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
---@field resume? string  `--resume`, as given.
---@field resumed? string[]  The runs that are resumed, the latest first.
---@field undo? string  `--undo`, as given.
---@field undoes? string  The run that is undone.
---@field what string[][]  The arguments that decide what to do, for the plan file.
---@field json? boolean  `--json`.
---@field quiet? boolean  `--quiet`.
---@field deliver? string  `--deliver`, with `secrets = true`.
---@field deliver_batch? boolean  `--deliver-batch`, with `secrets = true`.
---@field deliver_timeout? number  `--deliver-timeout` in seconds, with `secrets = true`. Default: `60`.
---@field rotate_undelivered? boolean  `--rotate-undelivered`, with `secrets = true`.
---@field restore_on_failure? boolean  `--restore-on-failure`, with `secrets = true`.
---@field [string] any
