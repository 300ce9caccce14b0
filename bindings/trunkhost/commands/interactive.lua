--- `trunkhost -i [SCRIPT | -e CODE]`: a prompt. What is typed runs as a task, so it may wait like a script.

local core <const> = require "trunkhost.core"
local inspect <const> = require "trunkhost.inspect"
local line_editor <const> = require "trunkhost.line_editor"
local prompt_read <const> = require "trunkhost.prompt.read"
local text_width <const> = require "trunkhost.text.width"

local GREEN <const>, RED <const>, CYAN <const> = 32, 31, 36

local function say(text)
    core.write("err", text .. "\n")
end

-- ---------------------------------------------------------------------------------------------------
-- What it is connected to

--- What stands before the cursor, and its colour: nobody should take production for the sandbox.
local function prompt_text()
    local run <const> = core.run()
    if run.sandbox then
        return run.dry_run and "sandbox dry-run>" or "sandbox>", GREEN
    elseif run.dry_run then
        return "dry-run>", CYAN
    end
    return "live>", RED
end

local function account_list(is_sandbox)
    local configuration <const> = require("trunkhost.account.config").get()
    local list <const> = {}
    for i, name in ipairs(require("trunkhost.accounts").names()) do
        local account <const> = configuration.accounts[name]
        local notes <const> = {}
        if account and account.provider ~= name then
            notes[#notes + 1] = account.provider
        end
        if account and account.base_url and not is_sandbox then
            notes[#notes + 1] = account.base_url
        end
        list[i] = #notes > 0 and ("%s (%s)"):format(name, table.concat(notes, ", ")) or name
    end
    return #list > 0 and table.concat(list, ", ") or "none; see docs/getting-started.md, or try --sandbox"
end

local function greet()
    local run <const> = core.run()
    local what = "LIVE: what you type here changes real trunks."
    if run.sandbox then
        what = "The sandbox: every platform here is a fake one"
            .. (run.dry_run and ", and nothing but GET is sent." or ".")
    elseif run.dry_run then
        what = "Dry run: nothing but GET is sent."
    end
    local list <const> = text_width.plain(account_list(run.sandbox)) -- says first if there is no knowing
    say(what)
    say("Accounts: " .. list)
    say "TAB completes, Ctrl-C stops a call, Ctrl-D ends. See docs/interactive.md."
end

-- ---------------------------------------------------------------------------------------------------
-- From lines to functions

--- Called at the end of what was typed: its local variables become variables of the session.
local function keep_locals()
    for i = 1, math.maxinteger do
        local name <const>, value <const> = debug.getlocal(2, i)
        if not name then
            return
        elseif name:find "^[%a_]" then
            _G[name] = value
        end
    end
end

--- A constant that is known when it is compiled is no variable any more.
local function without_const(source)
    return (source:gsub("%f[%w_]local%s+[^=\n]*", function(declaration)
        return (declaration:gsub("<%s*const%s*>", ""))
    end))
end

--- The function, or nil and what is wrong, and whether more lines could mend it.
---@param source string
---@return function? chunk, string? problem, boolean? incomplete
local function compile(source)
    local expression <const> = source:match "^%s*=(.*)$" or source
    local value <const> = load("return " .. expression, "@stdin", "t")
    if value then
        return value
    end
    local chunk <const>, problem <const> = load(source, "@stdin", "t")
    if not chunk then
        return nil, problem, problem:find "<eof>$" ~= nil
    end
    -- One that ends with `return` has no place for it.
    return load(without_const(source) .. "\n;(...)()", "@stdin", "t") or chunk
end

---@class Session
---@field reader PromptReader
---@field watch? table  of a terminal: what Ctrl-C is for

--- The next function to run; nil at the end of input, false when there is none this time.
local function next_chunk(session)
    local prompt <const>, colour <const> = prompt_text()
    local more <const> = ("."):rep(#prompt - 1) .. ">"
    local lines <const> = {}
    repeat
        local line <const> = session.reader:read(#lines == 0 and prompt or more, colour)
        if not line then
            if #lines == 0 or line == false then
                return line
            end
            break
        end
        lines[#lines + 1] = line
        local chunk <const>, problem <const>, incomplete <const> = compile(table.concat(lines, "\n"))
        if not incomplete then
            session.reader:remember(lines)
            return chunk or false, problem
        end
    until false
    return false, (select(2, compile(table.concat(lines, "\n"))))
end

-- ---------------------------------------------------------------------------------------------------
-- Running one

--- Whether a traceback tells more than the line that was typed.
local function tells_more(traceback)
    for line in traceback:gmatch "\n\t([^\n]*)" do
        if not line:find "^%[C%]:" and not line:find "^stdin:%d+: in main chunk" and not line:find "^%(%.%.%.tail" then
            return true
        end
    end
    return false
end

local function report(problem, traceback, before)
    local text = type(problem) == "string" and problem or core.is_error(problem) and tostring(problem)
        or "an error that is " .. inspect(problem)
    text = text:gsub("[^\n]+", text_width.plain)
    if traceback and not core.is_error(problem) and tells_more(traceback) then
        text = text .. "\n" .. traceback
    end
    say((before or "") .. text)
end

--- As of a script that ends with this error.
local function status_of(problem)
    if core.stopping() then
        return 3
    elseif core.is_error(problem) then
        return problem.code == "locked" and 75 or problem.kind == "auth" and 1 or 2
    end
    return 2
end

local function is_task(value)
    local meta <const> = debug.getmetatable(value)
    return type(value) == "userdata" and meta.__name == "trunkhost.task"
end

local function show(values)
    local texts <const> = {}
    for i = 1, values.n do
        texts[i] = inspect(values[i], { width = core.columns "out" or 80 })
    end
    if values.n > 0 then
        core.write("out", table.concat(texts, "\n") .. "\n", true)
    end
    if values[1] ~= nil and not is_task(values[1]) then -- a task's error is told when nobody holds it any more
        _G._ = values[1]
    end
end

--- Runs it to its end or to Ctrl-C. Without a terminal its error ends the session.
local function run(session, chunk, ...)
    local task <const>, watch <const> = core.spawn(chunk, ...), session.watch
    if watch then
        watch:watch(task)
    end
    core.join({ task }, nil, true)
    local values <const> = table.pack(pcall(task.await, task))
    if values[1] then
        show(table.pack(table.unpack(values, 2, values.n)))
    elseif watch and watch:interrupted() then
        say "\ninterrupted" -- behind the ^C that the terminal shows
    else
        report(values[2], core.traceback(task), watch and "" or "trunkhost: ")
    end
    if not values[1] and not watch then
        os.exit(status_of(values[2]))
    end
end

-- ---------------------------------------------------------------------------------------------------

--- Says what would be lost, once; true when the session may end.
local function may_end(watch, was_told)
    local others <const> = watch:others()
    if others == 0 or was_told then
        return true
    end
    say(("%d task%s still run%s; Ctrl-D again cancels %s and ends."):format(others, others == 1 and "" or "s",
        others == 1 and "s" or "", others == 1 and "it" or "them"))
    return false
end

local function define_globals()
    local trunkhost <const> = require "trunkhost"
    _G.trunkhost = trunkhost
    _G.account = trunkhost.account
    _G.accounts = trunkhost.accounts
end

--- Lines that are typed: until Ctrl-D, whatever happens to them.
local function converse(session, script, ...)
    local watch <close> = line_editor.session()
    session.watch = watch
    greet()
    if script then
        run(session, script, ...)
    end
    local was_told = false
    while true do
        local chunk <const>, problem <const> = next_chunk(session)
        if chunk then
            run(session, chunk, keep_locals)
        elseif problem then
            report(problem)
        elseif chunk == nil then
            if may_end(watch, was_told) then
                os.exit(0)
            end
        end
        was_told = chunk == nil
    end
end

--- Lines of a file or a pipe: as a script, which its first error ends.
local function read_through(session, script, ...)
    if script then
        run(session, script, ...)
    end
    while true do
        local chunk <const>, problem <const> = next_chunk(session)
        if chunk == nil then
            return
        elseif problem then
            report(problem, nil, "trunkhost: ")
            os.exit(2)
        elseif chunk then
            run(session, chunk, keep_locals)
        end
    end
end

---@param script? function  runs before the first prompt
---@param ... any  its arguments
return function(script, ...)
    define_globals()
    local reader <close> = prompt_read.open()
    local session <const> = { reader = reader }
    if core.is_terminal "in" then
        return converse(session, script, ...)
    end
    return read_through(session, script, ...)
end
