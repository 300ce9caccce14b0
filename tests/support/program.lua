--- Runs the program under test as a person would, and tells what it did.

local lu <const> = require "luaunit"

local program <const> = {}

local executable <const> = os.getenv "TRUNKHOST" or "build/release/trunkhost"
program.executable = executable

--- How many times as fast the clock of the programs runs that are started here. A test that waits for pauses between
--- tries or for a registration raises it; one that is about limits of a platform or about times of day does not.
program.haste = 1

--- A folder of one's own, removed by the caller with program.remove.
---@return string
function program.folder()
    return program.shell("mktemp -d"):match "[^\n]+"
end

---@param path string
function program.remove(path)
    assert(path:match "^/tmp/%w")
    os.execute("rm -rf '" .. path .. "'")
end

--- A folder that is made before each of these tests and removed after it.
---@param tests table
---@return string
function program.folder_for_each(tests)
    local path <const> = program.folder()
    program.remove(path)
    function tests.setUp() os.execute("mkdir -m 700 " .. path) end
    function tests.tearDown() program.remove(path) end
    return path
end

---@param path string
function program.exists(path)
    local file <const> = io.open(path, "r")
    return file ~= nil and file:close()
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

--- The environment of a program that is started here: nothing of whoever runs the tests.
---@param home string
---@param more? table<string, string>
---@return table<string, string>
function program.environment(home, more)
    local env = { HOME = home, PATH = os.getenv "PATH", TZ = "UTC", LC_ALL = "C.UTF-8",
        TRUNKHOST_HASTE = program.haste ~= 1 and tostring(program.haste) or nil }
    for _, name in ipairs { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS" } do
        env[name] = os.getenv(name)
    end
    for name, value in pairs(more or {}) do env[name] = value end
    return env
end

--- The same as words of `env -i`.
---@return string
function program.environment_words(home, more)
    local words = {}
    for name, value in pairs(program.environment(home, more)) do
        words[#words + 1] = program.quote(name .. "=" .. value)
    end
    return table.concat(words, " ")
end

--- What a command of the shell writes to standard output.
---@param command string
---@return string
function program.shell(command)
    local pipe <const> = assert(io.popen(command, "r"))
    local text = pipe:read "a"
    pipe:close()
    return text
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
    local _, how, status = os.execute(("env -i %s %s %s %s >%s/out 2>%s/err <%s"):format(
        program.environment_words(folder, options.env), options.around or "", program.quote(executable), arguments,
        folder, folder, options.stdin or "/dev/null"))
    local result = { status = how == "signal" and 128 + status or status,
        out = program.read(folder .. "/out"), err = program.read(folder .. "/err") }
    program.remove(folder)
    return result
end

--- Fails the test unless the program has ended with 0; returns what it was given.
---@generic T : Result
---@param result T
---@return T
function program.ok(result)
    lu.assertEquals(result.status, 0, result.err .. result.out)
    return result
end

return program
