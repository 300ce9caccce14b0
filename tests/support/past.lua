--- A ledger with a past that no script has lived: rows as tests want them, written with sqlite3.

local program <const> = require "program"
local lu <const> = require "luaunit"

local past <const> = {}
past.__index = past

past.FIRST, past.KILLED, past.NOW = "20250131T100000Z-aaaaaa", "20250131T110000Z-bbbbbb", "20250131T120000Z-bbcccc"
-- No process has this number.
past.NOBODY = 999999999

local function sql_of(value)
    if type(value) == "string" then
        return value:find "^X'" and value or "'" .. value:gsub("'", "''") .. "'"
    end
    return value == nil and "NULL" or tostring(value)
end

--- An empty ledger.
---@return table
function past.new()
    local folder <const> = program.folder()
    local self <const> = setmetatable({ folder = folder, ledger = folder .. "/ledger.db", seq = 0, statements = {} },
        past)
    self.host = io.open "/proc/sys/kernel/hostname":read "l"
    assert(program.run("--ledger " .. self.ledger .. " secrets init").status == 0)
    return self
end

--- Ends what was started, and removes the ledger.
function past:close()
    if self.sleeper then
        self.sleeper:close()
    end
    program.remove(self.folder)
end

function past:sql(text)
    program.write(self.folder .. "/sql", text)
    assert(os.execute(("sqlite3 -bail %s <%s/sql"):format(self.ledger, self.folder)))
end

function past:insert(into, row)
    local names, values = {}, {}
    for name, value in pairs(row) do
        names[#names + 1], values[#values + 1] = name, sql_of(value)
    end
    self.statements[#self.statements + 1] = ("INSERT INTO %s (%s) VALUES (%s);"):format(into, table.concat(names, ", "),
        table.concat(values, ", "))
end

--- Writes what was inserted.
function past:write()
    self:sql("BEGIN;" .. table.concat(self.statements, "\n") .. "COMMIT;")
    self.statements = {}
end

--- A run on this machine; it has begun at 10:00 unless `more` says otherwise.
function past:run(id, pid, more)
    self.seq = self.seq + 1
    local row <const> = { id = id, script = "/usr/share/trunkhost/scripts/rotate_passwords.lua",
        arguments = [=[["--account","all","it's"]]=], script_hash = "abcdef", host = self.host, pid = pid,
        seq = self.seq, started_at = "2025-01-31T10:00:00.000Z" }
    for name, value in pairs(more or {}) do
        row[name] = value
    end
    self:insert("runs", row)
end

function past:item(id, run, account, trunk, state, more)
    local row <const> = { id = id, run = run, account = account, trunk = trunk, state = state,
        plan = [[{"sip_password":"new"}]], started_at = "2025-01-31T10:00:01.000Z" }
    for name, value in pairs(more or {}) do
        row[name] = value
    end
    self:insert("items", row)
end

--- A write of an item (nil: of none), to a trunk or for a new one.
function past:attempt(id, run, item, trunk, more)
    local row <const> = { id = id, run = run, item = item, account = "famulor-prod", trunk = trunk or "",
        endpoint = trunk and "update" or "create", method = trunk and "PUT" or "POST", state = "sent",
        started_at = "2025-01-31T10:00:02.000Z" }
    for name, value in pairs(more or {}) do
        row[name] = value
    end
    self:insert("attempts", row)
end

function past:password(id, run, attempt, trunk, more)
    local row <const> = { id = id, run = run, attempt = attempt, account = "famulor-prod", provider = "famulor",
        trunk = trunk, field = "sip_password", state = "candidate", sealed = "X'00'",
        created_at = "2025-01-31T10:00:02.000Z", changed_at = "2025-01-31T10:00:02.000Z" }
    for name, value in pairs(more or {}) do
        row[name] = value
    end
    self:insert("secrets", row)
end

--- A run that is at work: a process of its own that has begun one and waits. Returns its id and process.
function past:start_run()
    local pipe <const> = assert(io.popen(("%s --ledger %s -e %s"):format(program.quote(program.executable), self.ledger,
        program.quote [[require "trunkhost.ledger".begin() require "trunkhost.ledger".sync()
            print(require "trunkhost".run().id, ("%d"):format(require "trunkhost".uv.os_getpid())) io.stdout:flush()
            require "trunkhost".sleep(600)]]), "r"))
    local id <const>, pid <const> = pipe:read "l":match "^(%S+)%s+(%d+)$"
    self.sleeper = { close = function()
        os.execute("kill -KILL " .. pid)
        pipe:close()
    end }
    return id, pid
end

--- One run that ended with a failure, one that was killed, and one that is at work (this process).
function past.lived()
    local self <const> = past.new()
    self:run(past.FIRST, past.NOBODY, { status = 1, ended_at = "2025-01-31T10:03:20.000Z" })
    self:item(1, past.FIRST, "famulor-prod", "42", "done", { evidence = "reprovisioned", attempts = 3,
        ended_at = "2025-01-31T10:00:05.000Z" })
    self:attempt(1, past.FIRST, 1, "42", { state = "ok", requests = 3, status = 200,
        ended_at = "2025-01-31T10:00:04.000Z" })
    self:password(1, past.FIRST, 1, "42", { state = "current", evidence = "reprovisioned",
        proven_at = "2025-01-31T10:00:04.000Z", changed_at = "2025-01-31T10:00:04.000Z" })
    self:item(2, past.FIRST, "vatel", "42", "failed", { attempts = 1, ended_at = "2025-01-31T10:00:05.000Z",
        error = [[{"kind":"refused","status":422,"message":"too short"}]] })
    self:item(3, past.FIRST, "vatel", "77", "skipped", { evidence = "it has no password", plan = "null",
        ended_at = "2025-01-31T10:00:05.000Z" })

    local at <const> = "2025-01-31T11:00:00.000Z"
    self:run(past.KILLED, past.NOBODY, { started_at = at })
    self:item(4, past.KILLED, "famulor-prod", "42", "running", { started_at = at })
    self:attempt(2, past.KILLED, 4, "42", { started_at = at })
    self:password(2, past.KILLED, 2, "42", { created_at = at, changed_at = at })
    self:attempt(3, past.KILLED, 4, nil, { started_at = at })
    self:insert("creates", { id = 1, run = past.KILLED, item = 4, attempt = 3, account = "famulor-prod",
        endpoint = "create", natural_key = [[{"phone_number":"4711","b":1,"a":2}]], state = "intended", created_at = at,
        changed_at = at })
    self:attempt(4, past.KILLED, nil, "43", { started_at = at })

    self:run(past.NOW, math.tointeger(require("trunkhost").uv.os_getpid()),
        { started_at = os.date "!%Y-%m-%dT%H:%M:%S.999Z" })
    self:write()
    return self
end

-- ---------------------------------------------------------------------------------------------------
-- Looking back at it

--- Runs `trunkhost --ledger … words`.
function past:look(words, options)
    return program.run(("--ledger %s %s"):format(self.ledger, words), options)
end

--- What the command prints when all is well.
function past:out(words)
    local result <const> = self:look(words)
    lu.assertEquals({ result.status, result.err }, { 0, "" }, words)
    return result.out
end

--- The command ends with status 2 and one line that says this, and prints nothing.
function past:complains(words, reason, options)
    local result <const> = self:look(words, options)
    lu.assertEquals({ result.status, result.out }, { 2, "" }, words)
    lu.assertStrMatches(result.err, "trunkhost: [^\n]*\n")
    lu.assertStrContains(result.err, reason)
end

--- The objects of a command's lines.
function past:objects(words)
    local list <const> = {}
    for line in self:out(words):gmatch "[^\n]+" do
        list[#list + 1] = require("trunkhost").json.decode(line)
    end
    return list
end

--- The lines of a text.
function past.lines(text)
    return select(2, text:gsub("\n", ""))
end

return past
