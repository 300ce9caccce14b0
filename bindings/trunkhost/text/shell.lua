--- Commands as somebody types them in a shell.

local shell <const> = {}

--- A word for a shell.
---@param word string
---@return string
function shell.quote(word)
    return word:find "^[%w@%%+=:,./_-]+$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

--- What resumes a run: "trunkhost --ledger l.db rotate_passwords.lua --resume 20261120T063458Z-a32bcd"
---@param host_options string[]  words before the script
---@param script string
---@param id string
---@return string
function shell.resume(host_options, script, id)
    local words = { "trunkhost" }
    for _, word in ipairs(host_options) do
        words[#words + 1] = shell.quote(word)
    end
    words[#words + 1] = script == "-e" and "-e '...'" or shell.quote(script)
    return table.concat(words, " ") .. " --resume " .. id
end

return shell
