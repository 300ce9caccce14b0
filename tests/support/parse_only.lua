--- Parses the options of a script and does nothing else: `trunkhost parse_only.lua SCRIPT [option…]`. Ends with 0 when
--- the script's own parser takes them, else as the script would.

local options <const> = require "trunkhost.options"

-- With --resume and --undo a script gets the words of an earlier run from the ledger, and there is none here: what must
-- be given was given then.
package.loaded["trunkhost.job.resume"] = {
    words = function(parser, given)
        local later <const> = (" " .. table.concat(given, " ") .. " "):find " %-%-undo[ =]" ~= nil
            or (" " .. table.concat(given, " ") .. " "):find " %-%-resume[ =]" ~= nil
        for _, option in ipairs(later and parser._options or {}) do option._mincount = 0 end
        for _, argument in ipairs(later and parser._arguments or {}) do argument._minargs = 0 end
    end,
}

local script <const> = table.remove(arg, 1)
local make <const> = options.parser
function options.parser(spec)
    spec = spec or {}
    spec.name = script:match "[^/]+$"
    local parser <const> = make(spec)
    local parse <const> = parser.parse
    function parser:parse(given)
        parse(self, given)
        os.exit(0)
    end
    return parser
end
dofile(script)
error(script .. " parses no options")
