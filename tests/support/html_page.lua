--- A strict reader of pages: every element that is opened is closed in order, every attribute is quoted, nothing is
--- left over. What a browser would forgive is an error here.

local html_page <const> = {}

-- Elements that are never closed.
local VOID <const> = { meta = true, br = true }
local RAW <const> = { style = true, script = true }
local ENTITIES <const> = { amp = "&", lt = "<", gt = ">", quot = '"', ["#39"] = "'" }

---@class HtmlElement
---@field name string
---@field attributes table<string, string>
---@field text string              what can be read in it, entities resolved
---@field at integer               where it begins in the page

---@class HtmlPage
---@field elements HtmlElement[]   in order of their beginning
---@field ids table<string, HtmlElement>
---@field text string

local function fail(page, at, message)
    local _, line = page:sub(1, at):gsub("\n", "")
    error(("line %d: %s: %s"):format(line + 1, message, page:sub(at, at + 80)), 0)
end

local function resolved(page, at, text)
    return (text:gsub("&([^;&]*);?", function(name)
        return ENTITIES[name] or fail(page, at, "no entity &" .. name)
    end))
end

local function attributes_of(page, at, text)
    local found, rest = {}, text
    while rest:find "%S" do
        local name, value, after = rest:match '^%s+([%a][%w:-]*)="([^"<>]*)"(.*)$'
        if not name then
            fail(page, at, "attributes that are not name=\"value\"")
        elseif found[name] then
            fail(page, at, "attribute twice: " .. name)
        end
        found[name], rest = resolved(page, at, value), after
    end
    return found
end

--- Reads a page; raises where it is not well-formed.
---@param page string
---@return HtmlPage
function html_page.parse(page)
    local result <const>, open <const> = { elements = {}, ids = {} }, {}
    assert(utf8.len(page), "it is not UTF-8")
    assert(not page:find "[%z\1-\8\11-\31\127]", "it has control characters")
    local _, begun = page:find "^<!DOCTYPE html>\n"
    assert(begun, "it has no doctype")
    local at = begun + 1
    local function say(text)
        for _, element in ipairs(open) do
            element.pieces[#element.pieces + 1] = text
        end
    end
    while at <= #page do
        local text <const>, next_at <const> = page:match("^([^<]+)()", at)
        local closing <const>, closed_at <const> = page:match("^</([%a%d]+)>()", at)
        local name <const>, inner <const>, opened_at <const> = page:match("^<([%a][%w]*)([^<>]*)>()", at)
        if text then
            if text:find ">" then
                fail(page, at, "a bare >")
            end
            say(resolved(page, at, text))
            at = next_at
        elseif closing then
            local last <const> = table.remove(open)
            if not last or last.name ~= closing then
                fail(page, at, "closes " .. closing .. " where " .. (last and last.name or "nothing") .. " is open")
            end
            last.text = table.concat(last.pieces)
            at = closed_at
        elseif name then
            local element <const> = { name = name, attributes = attributes_of(page, at, inner), pieces = {}, text = "",
                at = at }
            table.insert(result.elements, element)
            local id <const> = element.attributes.id
            if id and result.ids[id] then
                fail(page, at, "id twice: " .. id)
            elseif id then
                result.ids[id] = element
            end
            at = opened_at
            if RAW[name] then
                local stop <const> = assert(page:find("</" .. name .. ">", at, true), "it is not closed: " .. name)
                element.text = page:sub(at, stop - 1)
                at = stop + #name + 3
            elseif not VOID[name] then
                open[#open + 1] = element
            end
        else
            fail(page, at, "a bare <")
        end
    end
    assert(#open == 0, "not closed: " .. (open[1] and open[1].name or ""))
    local html <const> = result.elements[1]
    result.text = html.text
    return result
end

--- Elements by name and, where given, by a word of their class.
---@param page HtmlPage
---@param name string
---@param class? string
---@return HtmlElement[]
function html_page.all(page, name, class)
    local found = {}
    for _, element in ipairs(page.elements) do
        local classes <const> = " " .. (element.attributes.class or "") .. " "
        if element.name == name and (not class or classes:find(" " .. class .. " ", 1, true)) then
            found[#found + 1] = element
        end
    end
    return found
end

return html_page
