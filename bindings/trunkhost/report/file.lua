--- A file that only its owner can read and that is there whole or not at all, written piece by piece.

local uv <const> = require "trunkhost.uv"

local report_file <const> = {}

---@param path string
---@return boolean
function report_file.exists(path)
    return uv.fs_lstat(path) ~= nil
end

local function write_all(fd, text)
    while #text > 0 do
        local written <const>, problem <const> = uv.fs_write(fd, text)
        if not written then
            error(problem, 0)
        end
        text = written < #text and text:sub(written + 1) or ""
    end
end

local function check(result, problem)
    if result == nil then
        error(problem, 0)
    end
end

--- A link takes no name that somebody else has taken meanwhile; where there are none, a look has to do.
local function put_in_place(beside, path, force)
    if not force then
        local linked <const>, problem <const>, code <const> = uv.fs_link(beside, path)
        if linked then
            uv.fs_unlink(beside)
            return
        elseif code == "EEXIST" or report_file.exists(path) then
            error("there is such a file by now; --force replaces it", 0)
        elseif code ~= "EPERM" and code ~= "ENOTSUP" and code ~= "ENOSYS" then
            error(problem, 0)
        end
    end
    check(uv.fs_rename(beside, path))
end

--- Writes a file by way of another one beside it. `fill` is called with a function that takes pieces of text.
---@param path string
---@param force boolean?  replace one that is there
---@param fill fun(write: fun(text: string))
---@return boolean? ok, string? problem
function report_file.write(path, force, fill)
    local fd <const>, beside <const> = uv.fs_mkstemp(path .. ".XXXXXX") -- mode 0600
    if not fd then
        return nil, ("cannot write %s: %s"):format(path, beside)
    end
    local ok, problem = xpcall(function()
        fill(function(text) write_all(fd, text) end)
        check(uv.fs_fsync(fd))
    end, function(err) return type(err) == "string" and err or tostring(err) end)
    uv.fs_close(fd)
    if ok then
        ok, problem = pcall(put_in_place, beside, path, force)
    end
    if not ok then
        uv.fs_unlink(beside)
        return nil, ("cannot write %s: %s"):format(path, problem)
    end
    return true
end

return report_file
