--- What goes on with a run, as somebody would type it.

local function quoted(word)
    return word:find "[^%w@%%+=:,./_-]" and "'" .. word:gsub("'", "'\\''") .. "'" or word
end

local resume_command <const> = {}

--- A word for a shell.
---@param word string
---@return string
resume_command.quoted = quoted

--- "trunkhost --ledger l.db rotate_passwords.lua --resume 20261120T063458Z-a32bcd"
---@param host_options string[]  words before the script
---@param script string
---@param id string
---@return string
function resume_command.text(host_options, script, id)
    local words = { "trunkhost" }
    for _, word in ipairs(host_options) do
        words[#words + 1] = quoted(word)
    end
    words[#words + 1] = script == "-e" and "-e '...'" or quoted(script)
    return table.concat(words, " ") .. " --resume " .. id
end

return resume_command
