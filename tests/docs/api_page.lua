--- docs/lua-api.md, made from the annotations in bindings/trunkhost/meta/*.lua.

local reference <const> = require "trunkhost.reference.reference"

local api_page <const> = {}

api_page.path = "docs/lua-api.md"
api_page.command = "build/release/trunkhost tests/docs/generate_api.lua"

local HEAD <const> = [[
# Lua reference

<!-- Made from bindings/trunkhost/meta/*.lua by %s; edit those. -->

Everything that a script may use, one section for each module. [Writing scripts](writing-scripts.md) and
[Tasks](tasks.md) explain how the parts work together. Editors show the same texts: `trunkhost init` sets one up
([Getting started](getting-started.md#an-editor-that-knows-trunkhost)).

- Parameters in brackets and members with a question mark are optional.
- A function that **may wait** lets other tasks run meanwhile. Do not call it where a script
  [cannot wait](tasks.md#what-cannot-wait).
- Failures are [error objects](#error); **Raises** names their kinds. A wrong argument raises a string, because it is a
  mistake in the script.
- Times are in seconds.
- In annotations each class has the prefix `trunkhost.`, as in `---@param account trunkhost.Account`.
]]

-- In this order; what is not named here follows.
local ORDER <const> = {
    "trunkhost", "account", "job", "options", "tasks", "errors", "secret", "http", "json", "process", "csv",
    "duration", "passwords", "rollback", "trunk_secrets", "migrate", "apply", "export", "neutral", "table", "json_line",
    "config", "provider",
}

-- Of files that are no module of their own.
local TITLES <const> = {
    account = "Accounts and trunks", options = "Options of a script", tasks = "Tasks", errors = "Errors",
    secret = "Secrets", config = "The configuration file", provider = "Provider descriptions",
}

local found

-- ---------------------------------------------------------------------------------------------------
-- Pieces of Markdown

local function anchor(heading)
    return (heading:lower():gsub("[^%w%s_\x80-\xFF-]", ""):gsub("%s", "-"))
end

--- Without the prefix: trunkhost.Account is another thing than the function trunkhost.account, and must not have its
--- anchor.
local function heading_of(class)
    return class.path or class.name:gsub("^trunkhost%.", "")
end

--- The first class or alias in a type that has a section of its own.
local function target_of(text)
    for name in text:gmatch "[%a_][%w_.]*" do
        local class <const> = found.classes[name]
        if class then
            return "#" .. anchor(heading_of(class))
        elseif found.aliases[name] then
            return "#" .. anchor(heading_of(found.aliases[name]))
        end
    end
end

local function cell(text)
    return (text:gsub("\n", " "):gsub("|", "\\|"))
end

local function short(text)
    return (text:gsub("async fun%(%.%.%.: any%): %.%.%.", "function"):gsub("async ", ""):gsub("trunkhost%.(%u)", "%1"))
end

--- A type as code that leads to what it names.
local function type_of(text)
    local target <const>, code <const> = target_of(text), ("`%s`"):format(short(text))
    return target and ("[%s](%s)"):format(code, target) or code
end

local function rows(out, head, lines)
    if #lines == 0 then
        return
    end
    -- Columns that would be empty are left out.
    local used <const> = {}
    for column in ipairs(head) do
        for _, line in ipairs(lines) do
            used[column] = used[column] or line[column] ~= "" or column == 1
        end
    end
    local function write(line)
        local cells <const> = {}
        for column, text in ipairs(line) do
            if used[column] then
                cells[#cells + 1] = cell(text)
            end
        end
        out[#out + 1] = ("| %s |"):format(table.concat(cells, " | ")):gsub("  +", " ")
    end
    write(head)
    local bars <const> = {}
    for column in ipairs(head) do
        bars[column] = "---"
    end
    write(bars)
    for _, line in ipairs(lines) do
        write(line)
    end
    out[#out + 1] = ""
end

local function paragraph(out, text)
    if text and text ~= "" then
        out[#out + 1] = text
        out[#out + 1] = ""
    end
end

-- ---------------------------------------------------------------------------------------------------
-- Functions

local function words_of(fn)
    local words, open = {}, 0
    for i, param in ipairs(fn.params) do
        if param.optional and open == 0 then
            words[#words + 1] = i > 1 and " [, " or "["
            open = 1
        elseif i > 1 then
            words[#words + 1] = ", "
        end
        words[#words + 1] = param.name
    end
    if open > 0 then
        words[#words + 1] = "]"
    end
    if fn.vararg then
        words[#words + 1] = #fn.params > 0 and ", …" or "…"
    end
    return table.concat(words)
end

local function results_of(fn)
    local words <const> = {}
    for i, result in ipairs(fn.returns) do
        words[i] = result.name and result.name ~= "..." and result.name
            or result.name == "..." and "…" or short(result.type)
    end
    return #words > 0 and " → " .. table.concat(words, ", ") or ""
end

local function signature(fn)
    return ("%s(%s)%s"):format(fn.name, words_of(fn), results_of(fn))
end

local function see(text)
    local path <const>, part <const> = text:match "^docs/([^#]+)#?(.*)$"
    if not path then
        return type_of(text)
    end
    local words <const> = part ~= "" and part:gsub("-", " ") or path:gsub("%.md$", ""):gsub("-", " ")
    return ("[%s](%s)"):format(words:gsub("^%l", string.upper), text:match "^docs/(.*)$")
end

local function add_function(out, fn, level)
    paragraph(out, ("%s %s"):format(("#"):rep(level), fn.name))
    local lines <const> = { "```", signature(fn) }
    for _, overload in ipairs(fn.overloads) do
        lines[#lines + 1] = signature(overload)
    end
    lines[#lines + 1] = "```"
    paragraph(out, table.concat(lines, "\n"))
    paragraph(out, fn.deprecated and "**Deprecated.**")
    paragraph(out, fn.doc)
    paragraph(out, fn.waits and "**May wait.**")
    local params <const> = {}
    for i, param in ipairs(fn.params) do
        params[i] = { ("`%s%s`"):format(param.name, param.optional and "?" or ""), type_of(param.type),
            param.default or "", param.doc }
    end
    if fn.rest then
        params[#params + 1] = { "`…`", type_of(fn.rest.type), "", fn.rest.doc }
    end
    rows(out, { "parameter", "type", "default", "" }, params)
    local returns <const> = {}
    for i, result in ipairs(fn.returns) do
        returns[i] = { result.name == "..." and "`…`" or result.name and "`" .. result.name .. "`" or "",
            type_of(result.type), result.doc }
    end
    local one <const> = #returns == 1 and returns[1]
    if one and fn.returns[1].name == "..." then
        paragraph(out, "Returns " .. (one[3] == "" and "them." or one[3]:gsub("^%u", string.lower)))
    elseif one then
        paragraph(out, ("Returns %s%s"):format(one[2], one[3] ~= "" and ": " .. one[3] or "."))
    else
        rows(out, { "result", "type", "" }, returns)
    end
    paragraph(out, fn.raises and "**Raises** " .. fn.raises)
    local places <const> = {}
    for i, text in ipairs(fn.see) do
        places[i] = see(text)
    end
    paragraph(out, #places > 0 and "See " .. table.concat(places, ", ") .. ".")
end

-- ---------------------------------------------------------------------------------------------------
-- Classes

local function add_members(out, class)
    local lines <const> = {}
    for _, name in ipairs(class.order) do
        local field <const> = class.fields[name]
        if field.type ~= "function" then
            local section <const> = found.classes[field.type]
            local doc <const> = field.doc ~= "" and field.doc or section and section.path and section.doc or ""
            lines[#lines + 1] = { ("`%s%s`"):format(name, field.optional and "?" or ""), type_of(field.type),
                field.default or "", doc }
        end
    end
    rows(out, { "member", "type", "default", "" }, lines)
end

local function add_class(out, class, level, title)
    if #class.order == 0 and class.doc == "" then
        return
    end
    if heading_of(class) ~= title then
        paragraph(out, ("%s %s"):format(("#"):rep(level), heading_of(class)))
    end
    paragraph(out, class.doc)
    if class.parent then
        paragraph(out, ("It has the members of %s as well."):format(type_of(class.parent)))
    end
    add_members(out, class)
    if class.index and not class.path then
        paragraph(out, class.items and ("Its items are of the type %s."):format(type_of(class.index))
            or class.index == "any" and "It may have other members."
            or ("%s members are of the type %s."):format(#class.order > 0 and "Other" or "Its", type_of(class.index)))
    end
    for _, name in ipairs(class.order) do
        if class.fields[name].type == "function" then
            add_function(out, class.fields[name].fn, heading_of(class) == title and level or level + 1)
        end
    end
end

local function add_alias(out, alias)
    paragraph(out, "### " .. heading_of(alias))
    paragraph(out, alias.doc)
    if #alias.values == 0 then
        paragraph(out, "The same as " .. type_of(alias.type) .. ".")
    end
    local lines <const> = {}
    for i, value in ipairs(alias.values) do
        lines[i] = { ('`"%s"`'):format(value), alias.docs[value] }
    end
    rows(out, { "value", "" }, lines)
end

-- ---------------------------------------------------------------------------------------------------
-- The page

local function files()
    local place, list = {}, {}
    for i, name in ipairs(ORDER) do
        place[name] = i
    end
    for i, file in ipairs(found.files) do
        list[i] = file
    end
    table.sort(list, function(a, b)
        local name_a <const>, name_b <const> = a.name:gsub("%.lua$", ""), b.name:gsub("%.lua$", "")
        local place_a <const>, place_b <const> = place[name_a] or math.huge, place[name_b] or math.huge
        if place_a ~= place_b then
            return place_a < place_b
        end
        return name_a < name_b
    end)
    return list
end

--- The name of the module; words where the file is none.
local function title_of(file)
    local name <const> = file.name:gsub("%.lua$", "")
    return TITLES[name] or name == "trunkhost" and name or "trunkhost." .. name
end

local function first_sentence(text)
    return text:gsub("\n", " "):match "^(.-%.)%f[ \0]" or text
end

--- The text of the page.
---@return string
function api_page.text()
    found = reference.load()
    local out <const> = { HEAD:format(api_page.command) }
    local list <const> = files()
    local contents <const> = {}
    for i, file in ipairs(list) do
        contents[i] = { ("[%s](#%s)"):format(title_of(file), anchor(title_of(file))), first_sentence(file.doc) }
    end
    rows(out, { "section", "" }, contents)
    for _, file in ipairs(list) do
        paragraph(out, "## " .. title_of(file))
        paragraph(out, file.doc)
        for _, name in ipairs(file.classes) do
            add_class(out, found.classes[name], 3, title_of(file))
        end
        for _, name in ipairs(file.aliases) do
            add_alias(out, found.aliases[name])
        end
    end
    local text <const>, seen <const> = table.concat(out, "\n"):gsub("\n+$", "\n"), {}
    for heading in text:gmatch "\n#+ ([^\n]+)" do
        assert(not seen[anchor(heading)], "two headings have the anchor of " .. heading)
        seen[anchor(heading)] = true
    end
    return text
end

return api_page
