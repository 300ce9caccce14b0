--- Runs the program under test as a person would, and tells what it did.

local program <const> = {}

local executable <const> = os.getenv "TRUNKHOST" or "build/release/trunkhost"
program.executable = executable

--- How many times as fast the clock of the programs runs that are started here. A test that waits for pauses between
--- tries or for a registration raises it; one that is about limits of a platform or about times of day does not.
program.haste = 1

--- A folder of one's own, removed by the caller with program.remove.
---@return string
function program.folder()
    local pipe <const> = assert(io.popen("mktemp -d", "r"))
    local path = pipe:read "l"
    pipe:close()
    return path
end

---@param path string
function program.remove(path)
    assert(path:match "^/tmp/%w")
    os.execute("rm -rf '" .. path .. "'")
end

---@param path string
---@param text string
---@param mode? string  as for chmod
function program.write(path, text, mode)
    local file <const> = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    if mode then
        os.execute(("chmod %s '%s'"):format(mode, path))
    end
end

---@param path string
---@return string
function program.read(path)
    local file <const> = assert(io.open(path, "r"))
    local text = file:read "a"
    file:close()
    return text
end

---@param word string
---@return string
function program.quote(word)
    return "'" .. word:gsub("'", "'\\''") .. "'"
end

---@class Result
---@field status integer  exit status
---@field out string
---@field err string

--- Runs `trunkhost arguments…` in a clean environment and waits for it.
---@param arguments string  as on a shell's command line
---@param options? { env: table<string, string>, stdin: string, around: string }  around: a command that runs it
---@return Result
function program.run(arguments, options)
    options = options or {}
    local folder <const> = program.folder()
    local env = { "HOME=" .. folder, "PATH=" .. os.getenv "PATH", "TZ=UTC", "LC_ALL=C.UTF-8" }
    for _, name in ipairs { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS" } do
        local value = os.getenv(name)
        if value then env[#env + 1] = name .. "=" .. value end
    end
    if program.haste ~= 1 then
        env[#env + 1] = ("TRUNKHOST_HASTE=%d"):format(program.haste)
    end
    for name, value in pairs(options.env or {}) do
        env[#env + 1] = name .. "=" .. value
    end
    for i, word in ipairs(env) do env[i] = program.quote(word) end
    local _, how, status = os.execute(("env -i %s %s %s %s >%s/out 2>%s/err <%s"):format(table.concat(env, " "),
        options.around or "", program.quote(executable), arguments, folder, folder, options.stdin or "/dev/null"))
    local result = { status = how == "signal" and 128 + status or status,
        out = program.read(folder .. "/out"), err = program.read(folder .. "/err") }
    program.remove(folder)
    return result
end

return program
