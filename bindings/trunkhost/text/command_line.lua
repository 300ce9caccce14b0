--- The one reader of command lines: an argparse parser whose help has one style, and whose errors are one plain line.
--- Scripts get it through trunkhost.options, with the standard options; commands take it as it is.

local argparse <const> = require "argparse"
local arguments <const> = require "trunkhost.text.arguments"
local core <const> = require "trunkhost.core"
local suggest <const> = require "trunkhost.text.suggest"
local text_width <const> = require "trunkhost.text.width"
local usage <const> = require "trunkhost.text.usage"

local command_line <const> = {}

local HELP_WIDTH <const> = 80

--- A converter for whole numbers.
---@param name string  of the option
---@param least integer
---@param most? integer
---@return fun(text: string): integer?, string?
function command_line.integer(name, least, most)
    return function(text)
        local value <const> = text:match "^%d+$" and math.tointeger(tonumber(text))
        if not value or value < least or (most and value > most) then
            return nil, ("%s %s: must be an integer of at least %d%s"):format(name, text, least,
                most and (" and at most %d"):format(most) or "")
        end
        return value
    end
end

local function aliases(parser)
    local names = {}
    for _, option in ipairs(parser._options) do
        for _, alias in ipairs(option._public_aliases) do
            names[#names + 1] = alias
        end
    end
    return names
end

--- A message of argparse, as a line that says what to do.
local function plain(parser, message)
    local unknown <const>, twice <const> = message:match "^unknown option '(.-)'",
        message:match "^option '(.-)' must be used at most 1 time"
    if unknown then
        -- Any letter is one step from every other.
        return ("unknown option '%s'%s"):format(unknown, #unknown > 2 and suggest.hint(unknown, aliases(parser)) or "")
    elseif twice then
        return twice .. " is given twice; give it once"
    elseif message == "too many arguments" then
        return "too many arguments (options begin with -)"
    end
    return message
end

--- A converter whose error always names the option: argparse does not name it, and math.tointeger says nothing.
local function named(convert, name)
    local wanted <const> = convert == math.tointeger and "a whole number" or convert == tonumber and "a number" or nil
    if type(convert) == "table" and #convert > 0 then
        for i, each in ipairs(convert) do convert[i] = named(each, name) end
        return convert
    end
    return function(text)
        if type(convert) == "table" then
            local value <const> = convert[text]
            return value, value == nil
                and ("%s: there is no '%s'%s"):format(name, text, suggest.hint(text, convert, true))
        end
        local value <const>, problem <const> = convert(text)
        return value, problem or wanted and ("%s: '%s' is not %s"):format(name, text, wanted)
            or ("%s does not take '%s'"):format(name, text)
    end
end

local function name_values(parser)
    for _, list in ipairs { parser._options, parser._arguments } do
        for _, element in ipairs(list) do
            if element._convert and not element.is_named then
                element.is_named = true
                element._convert = named(element._convert, arguments.name(element))
            end
        end
    end
end

--- "-o, --out FILE" on one line, where argparse would give each name a line of its own.
local function labels_on_one_line(parser)
    for _, option in ipairs(parser._options) do
        if #option._public_aliases > 1 then
            local words <const> = { table.concat(option._public_aliases, ", "),
                table.unpack(option:_get_argument_list()) }
            function option._get_label_lines() return { table.concat(words, " ") } end
        end
    end
end

--- The end of a help text. Prose is wrapped. An indented line is an example for copying, and stays as it is.
local function epilog_lines(epilog)
    local lines = {}
    for line in (epilog .. "\n"):gmatch "(.-)\n" do
        local is_example <const> = line:find "^%s" or line == ""
        for _, each in ipairs(is_example and { line } or text_width.wrap(line, HELP_WIDTH)) do
            lines[#lines + 1] = each
        end
    end
    return table.concat(lines, "\n")
end

---@class trunkhost.CommandLineSpec
---@field name string          as it is typed behind `trunkhost`
---@field description? string
---@field epilog? string
---@field last_wins? boolean   of an option that is given twice
---@field usage? string[]      what is typed behind `trunkhost [host option...] `, one way a line; default: from the
---                            arguments

--- A parser without any option. Its help flag is `command_line.help`.
---@param spec trunkhost.CommandLineSpec
---@return table parser
function command_line.parser(spec)
    local parser <const> = argparse { name = spec.name, add_help = false, help_max_width = HELP_WIDTH,
        help_description_margin = 26, help_usage_margin = 2 }
    if spec.description then parser:description(spec.description) end

    function parser:get_usage()
        local ways = spec.usage
        if not ways then
            local words = { spec.name, "[option...]" }
            for _, argument in ipairs(self._arguments) do
                words[#words + 1] = argument:_get_usage()
            end
            ways = { table.concat(words, " ") }
        end
        return "Usage: trunkhost [host option...] " .. table.concat(ways, "\n       trunkhost [host option...] ")
    end

    local get_help <const> = parser.get_help
    function parser:get_help()
        labels_on_one_line(self)
        local help <const> = get_help(self)
        return spec.epilog and help .. "\n\n" .. epilog_lines(spec.epilog) or help
    end

    function parser.error(self, message)
        usage.fail("%s; see %s--help", plain(self, message), spec.see or "")
    end
    local parse <const> = parser.parse
    function parser:parse(words)
        name_values(self)
        return parse(self, words)
    end
    return parser
end

--- The flag that shows the help of a parser.
---@param parser table
---@return table option
function command_line.help(parser)
    return parser:flag "-h" "--help" :description "Show this help."
        :action(function() core.write("out", parser:get_help() .. "\n") os.exit(0) end)
end

--- Reads the words of a command of the program. `add` gets the parser; --help comes last.
---@param spec trunkhost.CommandLineSpec
---@param add fun(parser: table)
---@param words string[]
---@return table options
function command_line.read(spec, add, words)
    spec.see = ("trunkhost %s "):format(spec.name)
    local parser <const> = command_line.parser(spec)
    add(parser)
    command_line.help(parser)
    for _, option in ipairs(parser._options) do
        if option._maxargs > 0 and not spec.last_wins then
            option:overwrite(false) -- with two values nobody can know which one is meant
        end
    end
    return parser:parse(words)
end

return command_line
