--- Whether the answer to a create shows what was sent, and not something that was there before.

local alike <const> = require "trunkhost.change.alike"
local core <const> = require "trunkhost.core"
local pages <const> = require "trunkhost.call.pages"

--- Whether the answer is a thing of the kind that was sent. Where the description does not say what an endpoint
--- returns, a field tells that every such thing has.
local function is_of_kind(endpoint, known, object, answer)
    if endpoint == "create" or known.returns == known.body then
        return true
    end
    for name, field in pairs(object.fields) do
        if field.create == "required" and field.read and answer[name] ~= nil then
            return true
        end
    end
    return false
end

--- What an answer shows that was not sent, in words.
local function difference(object, fields, answer)
    local names = {}
    for name, sent in pairs(fields) do
        local field = object.fields[name]
        if field and field.read and not field.secret and not core.is_secret(sent)
            and not alike.may_be({ [name] = sent }, answer) then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names[1] and ("the reply shows another %s than was sent"):format(table.concat(names, ", "))
end

--- A function that says what is wrong with the answer to a create that is sent now, nil for nothing.
---@param account trunkhost.Account
---@param endpoint string
---@param fields table?
---@return fun(answer: any): string?
return function(account, endpoint, fields)
    local description <const> = account:describe()
    local known <const>, there <const> = description.endpoints[endpoint], pages.known(account)
    local object <const> = description.objects[known.body]
    return function(answer)
        if type(answer) ~= "table" then
            return nil
        elseif endpoint == "create" then
            local id <const> = tostring(answer.id)
            if there[id] then
                return ("the reply is trunk %s, which was there before"):format(id)
            end
        end
        local wrong <const> = object and is_of_kind(endpoint, known, object, answer)
            and difference(object, fields or {}, answer)
        if endpoint == "create" and not wrong then
            pages.known(account)[tostring(answer.id)] = true
        end
        return wrong or nil
    end
end
