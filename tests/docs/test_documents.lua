--- What the documents say is tried out: marked blocks run, sessions print what they show, links lead somewhere, and
--- every option, every test and every file of the tree that is named exists.
---
---     ```sh run            the block runs, and each of its commands succeeds
---     ```console run       each line behind "$ " is typed into a terminal, and prints the lines below it. A line "…"
---                          stands for any lines, a "…" in a line for any text. A command may fail when the next one
---                          is `echo $?`
---     ```lua file NAME     the block is saved under that name first
---
--- The blocks of one document run in order and in one folder, with the sandbox behind every account; see shell.lua.

package.path = "tests/docs/?.lua;tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local markdown <const> = require "markdown"
local program <const> = require "program"
local shell <const> = require "shell"

local tests = {}

local function lines_of(command)
    local pipe <const> = assert(io.popen(command, "r"))
    local list = {}
    for line in pipe:lines() do
        list[#list + 1] = line
    end
    pipe:close()
    return list
end

local documents <const> = {}
for i, path in ipairs(lines_of "ls *.md docs/*.md") do
    documents[i] = markdown.read(path)
end

local function place(document, line)
    return ("%s:%d"):format(document.path, line)
end

-- ---------------------------------------------------------------------------------------------------
-- Blocks

--- What differs from run to run, made the same.
local function steady(line)
    return (line:gsub("%d%d%d%d%d%d%d%dT%d%d%d%d%d%dZ%-%x%x%x%x%x%x", "<run>")
        :gsub("%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z", "<instant>")
        :gsub("^%d%d:%d%d:%d%d ", "<time> ")
        :gsub("in [%d.]+ s$", "in <seconds>")
        :gsub('"seconds":[%d.]+', '"seconds":<seconds>')
        :gsub(" +$", ""))
end

local function split(text)
    local list = {}
    for line in text:gsub("[^\n]$", "%0\n"):gmatch "([^\n]*)\n" do
        list[#list + 1] = steady(line)
    end
    return list
end

local function pattern_of(line)
    local parts = {}
    for part in (line .. "…"):gmatch "(.-)…" do
        parts[#parts + 1] = (part:gsub("%p", "%%%0"))
    end
    return "^" .. table.concat(parts, ".*") .. "$"
end

--- Whether the printed lines are the shown ones; the first that is not. Of a command below which nothing is shown,
--- everything is left out.
local function shows(printed, shown)
    local at, skip = 1, table.concat(shown) == ""
    for _, line in ipairs(shown) do
        if line:match "^%s*…$" or skip and line == "" then
            skip = true
        else
            local pattern = pattern_of(line)
            while skip and printed[at] and not printed[at]:find(pattern) do
                at = at + 1
            end
            if not (printed[at] and printed[at]:find(pattern)) then
                return line
            end
            at, skip = at + 1, false
        end
    end
    while not skip and printed[at] == "" do
        at = at + 1
    end
    return not skip and printed[at] and "(nothing more, as no line \"…\" follows)" or nil
end

--- The commands of a session: { command, shown, line }.
local function commands_of(block)
    local list, number = {}, block.line
    for line in block.text:gmatch "([^\n]*)\n" do
        local command, more = line:match "^%$ (.*)$", line:match "^> (.*)$"
        local last = list[#list]
        if command then
            list[#list + 1] = { command = command, shown = {}, line = number }
        elseif more and last and #last.shown == 0 then
            last.command = last.command .. "\n" .. more
        elseif last then
            last.shown[#last.shown + 1] = line
        end
        number = number + 1
    end
    return list
end

local function play(document, block, reader)
    local commands = commands_of(block)
    for i, each in ipairs(commands) do
        local text = table.concat(each.shown, "\n") .. "\n"
        local status, output = reader:type(each.command, text:match "%? %[y/N%] (%S*)")
        local asked = commands[i + 1] and commands[i + 1].command == "echo $?"
        lu.assertTrue(status == 0 or asked or false, ("%s: status %d of: %s\n%s"):format(place(document, each.line),
            status, each.command, output))
        local missing = shows(split(output), split(text:gsub("\n+$", "\n")))
        lu.assertNil(missing, ("%s: '%s' does not print this line where it is shown:\n%s\nIt prints:\n%s")
            :format(place(document, each.line), each.command, missing, output))
    end
end

local function try(document)
    local reader <close> = shell.open()
    for _, block in ipairs(document.blocks) do
        local where = place(document, block.line)
        if block.language == "lua" then
            local chunk, problem = load(block.text, "=" .. where)
            lu.assertNotNil(chunk, problem)
        end
        if block.action == "file" then
            reader:save(block.argument, block.text)
        elseif block.action == "run" and block.language == "console" then
            play(document, block, reader)
        elseif block.action == "run" then
            local status, output = reader:run(block.text)
            lu.assertEquals(status, 0, where .. ": " .. output)
        else
            lu.assertEquals(block.action, "", where .. ": there is no such mark of a block")
        end
    end
end

for _, document in ipairs(documents) do
    tests["test_the_blocks_of_" .. document.path:match "([%w_-]+)%.md$":gsub("-", "_")] = function() try(document) end
end

-- ---------------------------------------------------------------------------------------------------
-- Names

function tests.test_every_link_leads_to_a_file_and_a_heading_of_it()
    local missing = {}
    for _, document in ipairs(documents) do
        markdown.links(document, function(target, line)
            local path, anchor = target:match "^([^#]*)#?(.*)$"
            if not target:find "^%a+:" then
                local file = path == "" and document.path or document.folder .. path
                local found = program.exists(file)
                if found and anchor ~= "" then
                    found = markdown.anchors(markdown.read(file))[anchor]
                end
                missing[#missing + 1] = not found and place(document, line) .. ": " .. target or nil
            end
        end)
    end
    lu.assertEquals(missing, {})
end

local function known_options()
    local known = {}
    local function learn(command)
        local result = program.run(command .. " --help")
        lu.assertEquals(result.status, 0, command)
        for option in result.out:gmatch "%-%-%a[%w-]*" do
            known[option] = true
        end
    end
    for _, command in ipairs { "", "sandbox", "secrets", "secrets init", "secrets export", "secrets list",
        "secrets show", "secrets rekey", "runs", "runs show", "runs backup", "explain", "doctor", "rehearse",
        "report" } do
        learn(command)
    end
    for _, script in ipairs(lines_of "ls scripts/*.lua") do
        learn(script)
    end
    return known
end

--- The options that the scripts in a document declare.
local function declared_options(document)
    local declared = {}
    for _, block in ipairs(document.blocks) do
        for words in block.action == "file" and block.text:gmatch ':%a+ "(%-[^"]+)"' or function() end do
            for option in words:gmatch "%-%-%a[%w-]*" do
                declared[option] = true
            end
        end
    end
    return declared
end

--- Whether the words before an option make it one of ours; nil: they say nothing.
local function ours(words)
    local first
    for word in words:gmatch "%S+" do
        if word:match "[%w._/-]*$" == "trunkhost" or word:match "/trunkhost$" then
            return true
        end
        first = first or word
    end
    if not first or first:find "^-" then
        return nil
    end
    return first == "secrets" or first == "sandbox" or first:find "%.lua$" ~= nil
end

function tests.test_every_option_that_is_named_is_in_some_help()
    local known, missing = known_options(), {}
    for _, document in ipairs(documents) do
        local foreign, found, declared = {}, {}, declared_options(document)
        local function meet(option, line, mine)
            if mine == false then
                foreign[option] = true
            elseif not known[option] and not declared[option] then
                found[#found + 1] = { option = option, line = line, mine = mine }
            end
        end
        local function look(text, line)
            -- A pipe, a bracket or a semicolon begins another command.
            for command in text:gmatch "[^|;&()]+" do
                for before, option in command:gmatch "()(%-%-%a[%w-]*)" do
                    meet(option, line, ours(command:sub(1, before - 1)))
                end
            end
        end
        markdown.words(document, function(text, line)
            for option in text:gmatch "%f[%w-](%-%-%a[%w-]*)" do
                meet(option, line)
            end
        end)
        markdown.spans(document, look)
        markdown.commands(document, look)
        for _, each in ipairs(found) do
            -- Options of another program that the document has shown may be spoken of.
            if each.mine or not foreign[each.option] then
                missing[#missing + 1] = place(document, each.line) .. ": " .. each.option
            end
        end
    end
    lu.assertEquals(missing, {})
end

function tests.test_every_test_that_is_named_exists()
    local missing = {}
    for _, document in ipairs(documents) do
        markdown.spans(document, function(code, line)
            local _, underscores = code:gsub("_", "")
            if code:find "^[a-z][a-z0-9_]*$" and underscores >= 3
                and not os.execute(("grep -rqwE '(test_)?%s' host bindings scripts tests"):format(code)) then
                missing[#missing + 1] = place(document, line) .. ": " .. code
            end
        end)
    end
    lu.assertEquals(missing, {})
end

local FOLDERS <const> = { host = true, bindings = true, scripts = true, tests = true, docs = true, cmake = true }
local INSIDE <const> = { ["CONTRIBUTING.md"] = true, ["docs/architecture.md"] = true, ["docs/design.md"] = true }

--- Files and folders of the tree, under each of the names that a document may use: the whole path, and for C files and
--- folders also its end, as "wire/exchange.c" and "exchange.c".
local function tree()
    local known = { list = {} }
    for _, path in ipairs(lines_of "find host bindings scripts tests docs cmake") do
        known[path], known.list[#known.list + 1] = true, path
        for last in path:gmatch "()/" do
            known[path:sub(last + 1)] = true
        end
    end
    return known
end

local function is_in(known, path)
    path = path:gsub("/$", "")
    if not path:find("*", 1, true) then
        return known[path] or known[path .. ".c"]
    end
    local pattern <const> = "%f[^/\0]" .. path:gsub("[%.%-]", "%%%0"):gsub("%*", "[^/]*") .. "$"
    for _, file in ipairs(known.list) do
        if file:find(pattern) then
            return true
        end
    end
end

function tests.test_every_file_of_the_tree_that_is_named_exists()
    local known <const>, missing <const> = tree(), {}
    for _, document in ipairs(documents) do
        local function look(text, line)
            for path in text:gmatch "[%w_./*<>-]+" do
                path = path:gsub("[.]+$", "")
                local first <const>, extension <const> = path:match "^([^/]*)/", path:match "%w%.(%w+)$"
                local of_tree <const> = FOLDERS[first] or extension == "c" or extension == "h"
                    or INSIDE[document.path] and extension == "lua"
                if of_tree and not path:find "[<>]" and not is_in(known, path) then
                    missing[#missing + 1] = place(document, line) .. ": " .. path
                end
            end
        end
        markdown.spans(document, look)
        markdown.commands(document, look)
    end
    lu.assertEquals(missing, {})
end

function tests.test_the_picture_of_the_layers_names_every_folder()
    local picture <const> = markdown.read "docs/architecture.md".blocks[1].text
    for _, path in ipairs(lines_of "find host bindings/trunkhost -mindepth 1 -maxdepth 1 -type d -printf '%f\n'") do
        -- What is only read, and not required by other code, is not a layer.
        if path ~= "meta" and path ~= "templates" then
            lu.assertStrContains(picture, "%f[%w]" .. path .. "%f[%W]", true)
        end
    end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "documents", tests } })
