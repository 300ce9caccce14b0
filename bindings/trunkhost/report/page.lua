--- Writing a page of HTML piece by piece: whatever comes from outside is escaped on its way.

local text_width <const> = require "trunkhost.text.width"

local report_page <const> = {}

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local CHUNK <const> = 64 * 1024

--- A text that means nothing to a browser: what would be markup is escaped; what would steer is made visible.
---@param text any
---@return string
function report_page.escape(text)
    text = text_width.plain(tostring(text))
    if text:find "[\xD8\xEF]" then
        -- A mark of direction that no terminal knows, and one that is no character.
        text = text:gsub("\xD8\x9C", "?"):gsub("\xEF\xBF[\xBE\xBF]", "?")
    end
    return (text:gsub("[&<>\"']", ESCAPES))
end

local Markup <const> = {}

--- Markup that goes into a piece as it is: made by the functions below, never from outside.
---@param text string
---@return table
function report_page.markup(text)
    return setmetatable({ text = text }, Markup)
end

local function placed(value)
    if getmetatable(value) == Markup then
        return value.text
    elseif math.type(value) == "integer" then
        return tostring(value)
    end
    return report_page.escape(value == nil and "" or value)
end

--- Fills each %s of a piece of markup with an escaped text, or with markup.
---@param format string
---@param ... any
---@return table markup
function report_page.fill(format, ...)
    local values = table.pack(...)
    for i = 1, values.n do
        values[i] = placed(values[i])
    end
    return report_page.markup(format:format(table.unpack(values, 1, values.n)))
end

--- Pieces of markup one after the other.
---@param list table[]
---@param between? string
---@return table markup
function report_page.joined(list, between)
    local texts = {}
    for i, each in ipairs(list) do
        texts[i] = placed(each)
    end
    return report_page.markup(table.concat(texts, between or ""))
end

---@class trunkhost.ReportPage
---@field private write fun(text: string)
local Page <const> = {}
Page.__index = Page

---@param write fun(text: string)  gets the page in pieces
---@return trunkhost.ReportPage
function report_page.new(write)
    return setmetatable({ write = write, parts = {}, size = 0 }, Page)
end

--- Adds a line: markup with %s for what is escaped.
---@param format string
---@param ... any
function Page:put(format, ...)
    local text <const> = report_page.fill(format, ...).text
    local parts <const> = self.parts
    parts[#parts + 1], parts[#parts + 2] = text, "\n"
    self.size = self.size + #text
    if self.size > CHUNK then
        self:flush()
    end
end

--- Hands on what is not written yet.
function Page:flush()
    self.write(table.concat(self.parts))
    self.parts, self.size = {}, 0
end

return report_page
