--- Comma-separated values as RFC 4180 has them.

local csv <const> = {}

--- One record, without the end of its line.
---@param values string[]
---@return string
function csv.record(values)
    local cells = {}
    for i, value in ipairs(values) do
        if value:find '[",\r\n]' or value:find "^%s" or value:find "%s$" then
            value = '"' .. value:gsub('"', '""') .. '"'
        end
        cells[i] = value
    end
    return table.concat(cells, ",")
end

--- One field that begins at `at`: its text, and where the character after it is.
local function field(text, at)
    if text:sub(at, at) ~= '"' then
        local stop = text:find("[,\r\n]", at) or #text + 1
        local value = text:sub(at, stop - 1)
        if value:find('"', 1, true) then
            return nil, 'a quote inside a field that is not quoted'
        end
        return value, stop
    end
    local parts, from = {}, at + 1
    while true do
        local quote = text:find('"', from, true)
        if not quote then
            return nil, "a quoted field does not end"
        end
        parts[#parts + 1] = text:sub(from, quote - 1)
        if text:sub(quote + 1, quote + 1) ~= '"' then
            local after = text:sub(quote + 1, quote + 1)
            if after ~= "" and not after:find "[,\r\n]" then
                return nil, "text after the end of a quoted field"
            end
            return table.concat(parts), quote + 1
        end
        parts[#parts + 1] = '"'
        from = quote + 2
    end
end

local function line_of(text, at)
    return select(2, text:sub(1, at - 1):gsub("\n", "")) + 1
end

--- All records of a text: each a list of its fields, with `line`, where it begins. Empty lines are left out.
--- Nil and what is wrong, with its line, when it is not CSV.
---@param text string
---@return { [integer]: string, line: integer }[]? records, string? problem
function csv.parse(text)
    local records, at, line = {}, 1, 1
    text = text:gsub("^\xEF\xBB\xBF", "")
    while at <= #text do
        local record, begin = { line = line }, at
        while true do
            local value, stop = field(text, at)
            if not value then
                return nil, ("line %d: %s"):format(line_of(text, at), stop)
            end
            record[#record + 1] = value
            if text:sub(stop, stop) == "," then
                at = stop + 1
            else
                at = stop + (text:sub(stop, stop + 1) == "\r\n" and 2 or 1)
                break
            end
        end
        line = line + select(2, text:sub(begin, at - 1):gsub("\n", ""))
        if #record > 1 or record[1] ~= "" then
            records[#records + 1] = record
        end
    end
    return records
end

return csv
