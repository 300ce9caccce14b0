--- A long test in several processes at once: each takes every n-th piece of the work, and the first says how it went.

local json <const> = require "trunkhost.json"
local lu <const> = require "luaunit"
local program <const> = require "program"
local sandbox_process <const> = require "sandbox_process"

local workers <const> = {}

--- Which of how many this process is; nil in the one that the test was started as.
---@return integer? index, integer? count
function workers.part()
    local index, count = (os.getenv "TEST_PART" or ""):match "^(%d+)/(%d+)$"
    return math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
end

--- Does a part with a sandbox of its own, prints what it returns, and ends with the exit status. The sandbox is
--- stopped in any case: whoever waits for this process's output would wait for the sandbox's too.
---@param arguments string  of the sandbox
---@param work fun(sandbox: table): any
function workers.work(arguments, work)
    local sandbox = sandbox_process.start(arguments)
    local ok, result = xpcall(work, function(why)
        return debug.traceback(type(why) == "table" and why.msg or tostring(why))
    end, sandbox)
    sandbox:stop()
    print(result)
    os.exit(ok and 0 or 1)
end

--- Runs the script that many times at once, each with its part, until all have ended. What they print goes to
--- standard output once all of it is there.
---@param script string   path, as on a command line
---@param count integer
---@return { failed: boolean, out: string }[]
function workers.run(script, count)
    local pipes, results = {}, {}
    for i = 1, count do
        pipes[i] = assert(io.popen(("TEST_PART=%d/%d %s %s 2>&1"):format(i, count, program.quote(program.executable),
            program.quote(script)), "r"))
    end
    for i, pipe in ipairs(pipes) do
        local out = pipe:read "a"
        local failed = not pipe:close()
        -- luaunit takes minutes to look through a message of megabytes.
        if failed and #out > 8000 then
            out = out:sub(1, 4000) .. "…" .. out:sub(-4000)
        end
        results[i] = { failed = failed, out = out }
    end
    return results
end

--- Runs it, adds up the numbers that the workers print behind these words ("before 12 after 13"), and prints them.
---@param script string
---@param count integer
---@param words string[]
---@return table<string, integer> numbers, integer sum
function workers.tally(script, count, words)
    local numbers, sum = {}, 0
    for _, word in ipairs(words) do numbers[word] = 0 end
    for _, worker in ipairs(workers.run(script, count)) do
        lu.assertFalse(worker.failed, worker.out)
        for word, number in worker.out:gmatch "(%l%w+) (%d+)" do
            if numbers[word] then -- else it is a word of a warning
                numbers[word], sum = numbers[word] + number, sum + number
            end
        end
    end
    print(("%d points: %s"):format(sum, json.encode(numbers)))
    return numbers, sum
end

return workers
