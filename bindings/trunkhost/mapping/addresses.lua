--- Addresses, ranges and host names in allow lists: normal forms, and ranges split and merged.

local addresses <const> = {}

local function v4(text)
    local a, b, c, d = text:match "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$"
    if not a then
        return nil
    end
    local number = 0
    for _, part in ipairs { a, b, c, d } do
        if tonumber(part) > 255 then
            return nil
        end
        number = number << 8 | math.tointeger(tonumber(part))
    end
    return number
end

local function v4_text(number)
    return ("%d.%d.%d.%d"):format(number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255)
end

local function groups_of(text)
    local groups = {}
    if text == "" then
        return groups
    end
    for part in (text .. ":"):gmatch "([^:]*):" do
        local last = part:find(".", 1, true) and v4(part)
        if last then
            groups[#groups + 1], groups[#groups + 2] = last >> 16, last & 0xffff
        elseif part:find "^%x%x?%x?%x?$" then
            groups[#groups + 1] = tonumber(part, 16)
        else
            return nil
        end
    end
    return groups
end

--- Eight numbers of 16 bits, or nil.
local function v6(text)
    local head, tail = text:match "^(.-)::(.*)$"
    local front, back = groups_of(head or text), groups_of(tail or "")
    if not front or not back or #front + #back > 8 or not head and #front ~= 8 or head and #front + #back == 8 then
        return nil
    end
    local groups = table.move(front, 1, #front, 1, {})
    for _ = 1, 8 - #front - #back do
        groups[#groups + 1] = 0
    end
    return table.move(back, 1, #back, #groups + 1, groups)
end

--- As RFC 5952 says: lower case, with the longest run of zeros left out.
local function v6_text(groups)
    local best, length, i = nil, 1, 1
    while i <= 8 do
        local j = i
        while j <= 8 and groups[j] == 0 do
            j = j + 1
        end
        if j - i > length then
            best, length = i, j - i
        end
        i = math.max(j, i + 1)
    end
    local function part(from, to)
        local list = {}
        for k = from, to do
            list[#list + 1] = ("%x"):format(groups[k])
        end
        return table.concat(list, ":")
    end
    return best and part(1, best - 1) .. "::" .. part(best + length, 8) or part(1, 8)
end

local function v6_network(groups, prefix)
    local network = {}
    for i = 1, 8 do
        local bits = math.min(16, math.max(0, prefix - 16 * (i - 1)))
        network[i] = groups[i] & (0xffff << (16 - bits) & 0xffff)
    end
    return network
end

---@class trunkhost.Range
---@field v6 boolean
---@field first integer|integer[]  the network's address: a number, or eight groups
---@field prefix integer

--- An address or a range; nil for anything else, such as a host name.
---@param text string
---@return trunkhost.Range?
function addresses.range(text)
    local address, digits = text:match "^([^/]+)/(%d+)$"
    address = address or text
    local number = v4(address)
    local groups = not number and address:find(":", 1, true) and v6(address)
    local bits = number and 32 or 128
    local prefix = digits and math.tointeger(tonumber(digits)) or bits
    if not number and not groups or prefix > bits then
        return nil
    elseif number then
        return { v6 = false, first = number & ~((1 << 32 - prefix) - 1), prefix = prefix }
    end
    return { v6 = true, first = v6_network(groups, prefix), prefix = prefix }
end

local function text_of(range)
    local bits = range.v6 and 128 or 32
    local text = range.v6 and v6_text(range.first) or v4_text(range.first)
    return range.prefix == bits and text or ("%s/%d"):format(text, range.prefix)
end

--- The normal form: a single address has no /32, names are in lower case.
---@param text string
---@return string
function addresses.normal(text)
    local range = addresses.range(text)
    return range and text_of(range) or text:lower()
end

--- Why the text is no address, range or host name; nil when it is one. A name must not end in a number: 10.0 is what a
--- spreadsheet leaves of an address.
---@param text string
---@return string?
function addresses.fault(text)
    if addresses.range(text) then
        return nil
    end
    local rest = text:gsub("^([%w_][%w_%-]*)%.", "")
    while rest ~= text do
        text, rest = rest, rest:gsub("^([%w_][%w_%-]*)%.", "")
    end
    if text:find "^[%w_][%w_%-]*$" and not text:find "^%d+$" then
        return nil
    end
    return "is not a host name, an address or a range"
end

---@param text string
---@return boolean
function addresses.is_name(text)
    return addresses.range(text) == nil
end

--- The single addresses of the ranges; nil and the item at fault when one is a name or has more than 16 addresses.
---@param list string[]
---@return string[]? singles, string? culprit
function addresses.singles(list)
    local singles = {}
    for _, item in ipairs(list) do
        local range = addresses.range(item)
        local free = range and (range.v6 and 128 or 32) - range.prefix
        if not range or free > 4 then
            return nil, item
        end
        for i = 0, (1 << free) - 1 do
            if range.v6 then
                local groups = table.move(range.first, 1, 8, 1, {})
                groups[8] = groups[8] + i
                singles[#singles + 1] = v6_text(groups)
            else
                singles[#singles + 1] = v4_text(range.first + i)
            end
        end
    end
    return singles
end

--- IPv4 as sorted spans that do not touch, and everything else as a set of texts.
local function spans_of(list)
    local spans, others = {}, {}
    for _, item in ipairs(list) do
        local range = addresses.range(item)
        if range and not range.v6 then
            spans[#spans + 1] = { range.first, range.first + (1 << 32 - range.prefix) - 1 }
        else
            others[#others + 1] = addresses.normal(item)
        end
    end
    table.sort(spans, function(a, b) return a[1] < b[1] end)
    local merged = {}
    for _, span in ipairs(spans) do
        local last = merged[#merged]
        if last and span[1] <= last[2] + 1 then
            last[2] = math.max(last[2], span[2])
        else
            merged[#merged + 1] = { span[1], span[2] }
        end
    end
    table.sort(others)
    return merged, others
end

--- The one address, range or name that means the same as the list, never a wider one.
---@param list string[]
---@return string?
function addresses.one(list)
    if #list == 1 then
        return list[1]
    end
    local spans, others = spans_of(list)
    if #spans + #others ~= 1 then
        return nil
    elseif others[1] then
        return others[1]
    end
    local first, size = spans[1][1], spans[1][2] - spans[1][1] + 1
    if size & (size - 1) ~= 0 or first % size ~= 0 then
        return nil
    end
    local prefix = 32
    while size > 1 do
        size, prefix = size >> 1, prefix - 1
    end
    return text_of { v6 = false, first = first, prefix = prefix }
end

--- A text that is equal for lists of the same addresses, however they are divided into ranges.
---@param list string[]
---@return string
function addresses.coverage(list)
    local spans, others = spans_of(list)
    local parts = {}
    for i, span in ipairs(spans) do
        parts[i] = ("%d-%d"):format(span[1], span[2])
    end
    local before
    for _, other in ipairs(others) do
        if other ~= before then
            parts[#parts + 1] = other
        end
        before = other
    end
    return table.concat(parts, " ")
end

local function is_within(span, spans)
    for _, other in ipairs(spans) do
        if other[1] <= span[1] and span[2] <= other[2] then
            return true
        end
    end
    return false
end

--- Whether a list allows an address that another one does not.
---@param before string[]
---@param after string[]
---@return boolean
function addresses.is_wider(before, after)
    local old, old_others = spans_of(before)
    local new, new_others = spans_of(after)
    local known = {}
    for _, other in ipairs(old_others) do
        known[other] = true
    end
    for _, span in ipairs(new) do
        if not is_within(span, old) then
            return true
        end
    end
    for _, other in ipairs(new_others) do
        if not known[other] then
            return true
        end
    end
    return false
end

--- A host with an optional port, `[address]:port` for IPv6.
---@param text string
---@return string host, integer? port
function addresses.host_port(text)
    local host, port = text:match "^%[(.*)%]:(%d+)$"
    if not host and not addresses.range(text) then
        host, port = text:match "^(.*):(%d+)$"
    end
    return host or text, port and math.tointeger(tonumber(port))
end

---@param host string
---@param port integer?
---@return string
function addresses.join(host, port)
    if not port then
        return host
    end
    return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

return addresses
