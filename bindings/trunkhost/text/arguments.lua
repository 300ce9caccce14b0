--- The words of a command line, option by option: what a plan and the ledger remember of how a script was started.

local arguments <const> = {}

--- Say how a job goes, not what it does: they may differ between a plan and its application.
---@type table<string, boolean>
arguments.how = {
    ["--dry-run"] = true, ["--yes"] = true, ["--json"] = true, ["--quiet"] = true, ["--concurrency"] = true,
    ["--canary"] = true, ["--wave"] = true, ["--soak"] = true, ["--max-failures"] = true, ["--deadline"] = true,
    ["--window"] = true, ["--fail-if-none"] = true,
    ["--plan"] = true, ["--plan-out"] = true, ["--resume"] = true,
}

---@class trunkhost.Piece  an option as it was given, or a word that belongs to none
---@field name string      its long name; "" for a word
---@field values string[]
---@field words string[]   as they stood there

local function long_name(option)
    local longest = option._aliases and "" or option._name
    for _, alias in ipairs(option._aliases or {}) do
        longest = #alias > #longest and alias or longest
    end
    return longest
end
arguments.name = long_name

--- The option of a parser with this name, as it stands for what is typed: the last one.
---@param parser table
---@param name string
---@return table?
function arguments.option(parser, name)
    for i = #parser._options, 1, -1 do
        for _, alias in ipairs(parser._options[i]._aliases) do
            if alias == name then
                return parser._options[i]
            end
        end
    end
end

--- Splits words as the parser will read them. What it does not know is left to it to complain about.
---@param parser table
---@param words string[]
---@return trunkhost.Piece[]
function arguments.split(parser, words)
    local options, pieces, open, plain = {}, {}, nil, false
    for _, option in ipairs(parser._options) do
        for _, alias in ipairs(option._aliases) do
            options[alias] = option
        end
    end
    local function begin(alias, value)
        local option = options[alias]
        local piece = { name = option and long_name(option) or alias, values = { value },
            words = value and { alias, value } or { alias } }
        pieces[#pieces + 1] = piece
        open = option and #piece.values < option._maxargs and { piece = piece, most = option._maxargs } or nil
    end
    local function value(word)
        if not open then
            pieces[#pieces + 1] = { name = "", values = { word }, words = { word } }
            return
        end
        local piece = open.piece
        piece.values[#piece.values + 1], piece.words[#piece.words + 1] = word, word
        open = #piece.values < open.most and open or nil
    end
    local function letters(word)
        for i = 2, #word do
            local alias = "-" .. word:sub(i, i)
            local takes = options[alias] and options[alias]._maxargs > 0 and i < #word
            begin(alias, takes and word:sub(i + 1) or nil)
            if takes then
                return
            end
        end
    end
    for _, word in ipairs(words) do
        if plain or #word < 2 or word:sub(1, 1) ~= "-" then
            value(word)
        elseif word == "--" then
            plain, open = true, nil
        elseif word:sub(1, 2) == "--" then
            local name, given = word:match "^(.-)=(.*)$"
            begin(name or word, given)
        else
            letters(word)
        end
    end
    return pieces
end

--- Those of the names, or those of no name of these.
---@param pieces trunkhost.Piece[]
---@param names table<string, boolean>
---@param with boolean
---@return trunkhost.Piece[]
function arguments.choose(pieces, names, with)
    local chosen = {}
    for _, piece in ipairs(pieces) do
        if (names[piece.name] or false) == with then
            chosen[#chosen + 1] = piece
        end
    end
    return chosen
end

--- The words that make these pieces again.
---@param pieces trunkhost.Piece[]
---@return string[]
function arguments.join(pieces)
    local words, plain = {}, {}
    for _, piece in ipairs(pieces) do
        table.move(piece.words, 1, #piece.words, (piece.name == "" and #plain or #words) + 1,
            piece.name == "" and plain or words)
    end
    if #plain > 0 then
        words[#words + 1] = "--"
    end
    return table.move(plain, 1, #plain, #words + 1, words)
end

--- What the script was told to do, whatever way it was written: { "--account", "a", "b" } for each option.
---@param pieces trunkhost.Piece[]
---@return string[][]
function arguments.what(pieces)
    local list = {}
    for i, piece in ipairs(arguments.choose(pieces, arguments.how, false)) do
        list[i] = { piece.name, table.unpack(piece.values) }
    end
    return list
end

return arguments
