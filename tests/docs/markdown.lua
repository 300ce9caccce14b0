--- What the tests of the documents read in them: fenced blocks with their marks, links, code spans, headings.

local markdown <const> = {}

---@class Block  a fenced block
---@field language string
---@field action string   what the word after the language asks for: "run", "file", or ""
---@field argument string what follows that word
---@field text string
---@field line integer    of its first line

---@class Document
---@field path string
---@field folder string     "" or "docs/"
---@field blocks Block[]
---@field prose { text: string, line: integer }[]  lines outside of blocks
---@field indented { text: string, line: integer }[]  lines that are code because they are indented

local function read(path)
    local file <const> = assert(io.open(path, "r"))
    local text = file:read "a"
    file:close()
    return text
end

--- Reads a document. A comment `<!-- run -->` in the line before a fence is the same as `run` behind it.
---@param path string
---@return Document
function markdown.read(path)
    local document = { path = path, folder = path:match "^(.*/)" or "", blocks = {}, prose = {}, indented = {} }
    local number, block, lines, comment, before = 0, nil, {}, nil, ""
    for line in (read(path) .. "\n"):gmatch "(.-)\n" do
        number = number + 1
        local info = line:match "^%s*```(.*)$"
        if info and block then
            block.text = table.concat(lines, "\n") .. "\n"
            document.blocks[#document.blocks + 1], block = block, nil
        elseif info then
            local language, action, argument = info:match "^(%S*)%s*(%S*)%s*(.-)%s*$"
            block = { language = language, action = action ~= "" and action or comment or "", argument = argument,
                line = number + 1 }
            lines = {}
        elseif block then
            lines[#lines + 1] = line
        elseif line:find "^    " and (before == "" or before:find "^    ") then
            table.insert(document.indented, { text = line, line = number })
        else
            table.insert(document.prose, { text = line, line = number })
        end
        comment = line:match "^<!%-%- (%a+) %-%->$"
        before = line
    end
    assert(not block, path .. ": a fenced block does not end")
    return document
end

--- Calls each(target, line) for every link.
---@param document Document
---@param each fun(target: string, line: integer)
function markdown.links(document, each)
    for _, line in ipairs(document.prose) do
        for target in line.text:gsub("`[^`]*`", "``"):gmatch "%]%(([^)%s]+)%)" do
            each(target, line.line)
        end
    end
end

--- Calls each(code, line) for every code span.
---@param document Document
---@param each fun(code: string, line: integer)
function markdown.spans(document, each)
    for _, line in ipairs(document.prose) do
        for code in line.text:gmatch "`([^`]+)`" do
            each(code, line.line)
        end
    end
end

--- Calls each(text, line) for the lines outside of blocks, without their code spans.
---@param document Document
---@param each fun(text: string, line: integer)
function markdown.words(document, each)
    for _, line in ipairs(document.prose) do
        each(line.text:gsub("`[^`]*`", ""), line.line)
    end
end

--- Calls each(code, line) for every command line: of shell blocks and of indented ones. One that ends with a
--- backslash goes on in the next.
---@param document Document
---@param each fun(code: string, line: integer)
function markdown.commands(document, each)
    local kept, from
    local function line(text, number)
        kept, from = kept and kept .. text:gsub("^ +", "") or text, from or number
        if text:find "\\$" then
            kept = kept:gsub("\\$", " ")
        else
            each(kept, from)
            kept, from = nil, nil
        end
    end
    for _, block in ipairs(document.blocks) do
        if block.language == "sh" or block.language == "console" or block.language == "text" then
            local number = block.line
            for text in block.text:gmatch "(.-)\n" do
                line(text, number)
                number = number + 1
            end
        end
    end
    for _, code in ipairs(document.indented) do
        line(code.text, code.line)
    end
end

--- The anchors that headings have on the web.
---@param document Document
---@return table<string, boolean>
function markdown.anchors(document)
    local anchors = {}
    for _, line in ipairs(document.prose) do
        local heading = line.text:match "^#+%s+(.-)%s*$"
        if heading then
            anchors[heading:lower():gsub("[^%w%s_\x80-\xFF-]", ""):gsub("%s", "-")] = true
        end
    end
    return anchors
end

return markdown
