--- Lists that a platform hands out page by page.

local core <const> = require "trunkhost.core"

local pages <const> = {}

local MAX_PAGES <const> = 100000

--- Reads page after page until the platform says that there is no more.
---@param account trunkhost.Account
---@param endpoint string
---@param params any
---@param options? { query: table }
---@param paging { number: string, size: string?, per_page: integer? }  of the provider's description
---@return table[]
function pages.all(account, endpoint, params, options, paging)
    local items = {}
    for page = 1, MAX_PAGES do
        local query = {}
        for name, value in pairs(options and options.query or {}) do
            query[name] = value
        end
        if page > 1 or paging.size then
            query[paging.number] = page
        end
        if paging.size then
            query[paging.size] = paging.per_page
        end
        local list, _, more = account:call(endpoint, params, nil, { query = query })
        table.move(list, 1, #list, #items + 1, items)
        if not more or #list == 0 then
            return items
        end
    end
    core.error("malformed", ("'%s' did not end after %d pages"):format(endpoint, MAX_PAGES),
        { account = account:name() })
end

return pages
