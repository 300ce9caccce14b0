--- trunkhost --check: it finds mistakes before they meet a trunk, and none where there is none.

package.path = "tests/support/?.lua;tests/docs/?.lua;" .. package.path
local check <const> = require "trunkhost.check.check"
local lu <const> = require "luaunit"
local markdown <const> = require "markdown"
local program <const> = require "program"

local tests = {}

local HEAD <const> = [[
local trunkhost <const> = require "trunkhost"
local account <const> = trunkhost.account "famulor"
local parser <const> = trunkhost.options { description = "An example." }
parser:option "--since-date" :argname "DATE"
parser:flag "-a --all-carriers"
local options <const> = parser:parse()
]]

--- Each: a script with one mistake, the line behind HEAD that it is in, and words that must be in what is said.
local SEEDED <const> = {
    { "trunkhost.mapp({ 1 }, print)", 1, "did you mean 'map'" },
    { "trunkhost.http.reqest { url = 'http://127.0.0.1' }", 1, "did you mean 'request'" },
    { "account:gett(42)", 1, "did you mean 'get'" },
    { "for trunk in account.trunks() do\n    print(trunk.id)\nend", 1, "colon" },
    { "for _, trunk in ipairs(account:trunks()) do\n    print(trunk.id)\nend", 1, "function" },
    { "account:update(42)", 1, "fields" },
    { "account:get(42, 43)", 1, "id" },
    { "trunkhost.sleep('5')", 1, "number" },
    { "print(1)\nprnt(2)", 2, "did you mean 'print'" },
    { "local total = 0\ntotl = total + 1", 2, "local totl" },
    { "print(('x'):foramt())", 1, "did you mean 'format'" },
    { "local t = {}\ntable.insrt(t, 1)", 2, "did you mean 'insert'" },
    { "trunkhost.map({ 1 }, print, { concurency = 4 })", 1, "did you mean 'concurrency'" },
    { "trunkhost.map({ 1 }, print, { concurrency = '4' })", 1, "integer" },
    { "print(options.since)", 1, "since" },
    { "print(options.all_carrier)", 1, "did you mean 'all_carriers'" },
    { "trunkhost.options { descripton = 'x' }", 1, "did you mean 'description'" },
    { "table.sort({ 3, 1 }, function(a, b)\n    trunkhost.sleep(1)\n    return a < b\nend)", 2, "table.sort" },
    { "local text = ('a'):gsub('.', function(id)\n    return account:get(id).label\nend)\nprint(text)", 2, "gsub" },
    { "local function wait()\n    trunkhost.sleep(1)\nend\ntable.sort({}, function(a, b)\n    wait()\n"
        .. "    return a < b\nend)", 5, "wait" },
    { "return setmetatable({}, { __gc = function()\n    account:delete(1)\nend })", 2, "__gc" },
    { "trunkhost.uv.new_timer():start(1, 0, function()\n    trunkhost.sleep(1)\nend)", 2, "luv" },
    { "trunkhost.job.run { name = 'x', options = options }", 1, "plan is missing" },
    { "trunkhost.job.run { name = 'x', plan = function(item)\n    return { change = { a = 1 } }\nend }", 2,
        "did you mean 'changes'" },
    { "trunkhost.job.run { name = 'x', aply = print, plan = function() return { skip = 'no' } end }", 1,
        "did you mean 'apply'" },
    { "trunkhost.job.run { name = 'x', plan = function(item)\n    item.account:update(item.trunk.id, {})\n"
        .. "    return { skip = 'done' }\nend }", 2, "apply" },
    { "trunkhost.job.run { name = 'x', plan = function(item)\n    return { changes = 'all' }\nend }", 2, "changes" },
    { "trunkhost.job.run { name = 'x', plan = function(item)\n    return item.acount:name() and { skip = 'x' }\nend }",
        2, "did you mean 'account'" },
    { "local ok, err = pcall(account.get, account, 1)\nif not ok and err.kind == 'unkown_outcome' then\n"
        .. "    print 'look'\nend", 2, "did you mean 'unknown_outcome'" },
    { "if trunkhost.is_error(1) == 'not-found' then\n    print 'gone'\nend", 1, "did you mean 'not_found'" },
    { "trunkhost.retry { times = 3, on = { 'network', 'unknown_outcome' } }", 1, "looked up" },
    { "print(trunkhost.secret { length = 20 }:reveal())", 1, "secret is shown" },
    { "trunkhost.secret { lenght = 20 }", 1, "did you mean 'length'" },
    { "pcall(account:get(42))", 1, "before" },
    { "trunkhost.nursery(function(nursery)\n    nursery.spawn(print)\nend)", 2, "colon" },
    { "trunkhost:now()", 1, "dot" },
    { "account:get(account)", 1, "id" },
    { "print(math.flor(1.5))", 1, "did you mean 'floor'" },
    { "local task = trunkhost.spawn(print)\ntask:awiat()", 2, "did you mean 'await'" },
    { "if print(1) then", 2, "end" },
    { "local function work() trunkhost.sleep(1) end\ntrunkhost.spawn(work())", 2, "hand over the function" },
    { "trunkhost.nursery(function(nursery)\n    nursery:spawn(trunkhost.sleep(1))\nend)", 2,
        "hand over the function" },
    { "local function plan() return { skip = 'no' } end\ntrunkhost.job.run { name = 'x', plan = plan() }", 2,
        "a function, not a table" },
    { "for i, trunk in account:trunks() do\n    print(i, trunk)\nend", 1, "'trunk' is always nil" },
    { "local a = trunkhost.account\na:get(1)", 2, "call it, as in a(…)" },
    { "print(trunkhost.accounts[1])", 1, "call it" },
    { "print(#account:trunks())", 1, "counts the items of a list" },
    { "print(require 'trunkhost.neutrl')", 1, "did you mean 'trunkhost.neutral'" },
    { "print(require 'trunkhst')", 1, "did you mean 'trunkhost'" },
    { "print('the password is ' .. trunkhost.secret())", 1, "cannot be joined" },
    { "local name = 'x'\nprint(name.upper())", 2, "name:upper(…)" },
    { "trunkhost.map({ 1 }, work)\nlocal function work() end", 1, "`local work` comes later, in line 8" },
    { "parser:flag '--all'\n    :descripton 'x'", 2, "did you mean 'description'" },
    { "trunkhost.retry { tries = 3 }", 1, "there are: jitter, longest, on, pause, times" },
    { "trunkhost.job.run { name = 'x', plan = function(item)\n    if item then return { skip = 'x' } end\nend }", 1,
        "without a `return`" },
    { "trunkhost.job.run { name = 'x', plan = function(account, trunk)\n    return { skip = trunk .. account }\nend }",
        1, "'trunk' is always nil: `plan` is called with one value" },
    { "local function plan()\n    return { skip = 1 }\nend\ntrunkhost.job.run { name = 'x', plan = plan }", 2,
        "what `plan` returns: skip must be a text" },
    { "trunkhost.log('x')", 1, "trunkhost.log cannot be called (there are: debug, error, info, warn)" },
    { "account:update(1, { nickname = nil })", 1, "trunkhost.null" },
    { "trunkhost.job.run { name = 'x', plan = function() return { skip = 'x' } end,\n"
        .. "apply = function(item, plan) return item.account:update(1, plan.change) end }", 2,
        "did you mean 'changes'" },
}

--- Scripts in the documents that show what a mistake looks like.
local WRONG_ON_PURPOSE <const> = { ["careless.lua"] = true, ["first_try.lua"] = true }

local function findings_of(text)
    local findings <const>, whole <const> = check.text(text, "=script.lua")
    lu.assertTrue(whole, "luacheck is a library that the tests need")
    return findings
end

local function lines(text)
    return select(2, text:gsub("\n", ""))
end

local function words_of(findings)
    local list = {}
    for i, finding in ipairs(findings) do
        list[i] = ("%d: %s"):format(finding.line, finding.message)
    end
    return table.concat(list, "\n")
end

local function assert_clean(text, name)
    lu.assertEquals(words_of(findings_of(text)), "", name)
end

function tests.test_every_seeded_mistake_is_found_at_its_line()
    lu.assertTrue(#SEEDED >= 30)
    assert_clean(HEAD .. "print(options.since_date, options.all_carriers, account)", "without a mistake")
    for _, seeded in ipairs(SEEDED) do
        local code <const>, line <const>, words <const> = table.unpack(seeded)
        local found = findings_of(HEAD .. code .. "\n")
        lu.assertEquals(#found, 1, code .. "\n" .. words_of(found))
        lu.assertEquals(found[1].line, lines(HEAD) + line, code)
        lu.assertStrContains(found[1].message, words)
    end
end

function tests.test_the_shipped_scripts_have_none()
    local pipe <const> = assert(io.popen "ls scripts/*.lua")
    local count = 0
    for path in pipe:lines() do
        assert_clean(program.read(path), path)
        count = count + 1
    end
    pipe:close()
    lu.assertTrue(count >= 4)
end

function tests.test_the_scripts_in_the_documents_have_none()
    local pipe <const> = assert(io.popen "ls README.md docs/*.md")
    local count = 0
    for path in pipe:lines() do
        for _, block in ipairs(markdown.read(path).blocks) do
            local is_script = block.action == "file" and block.language == "lua" and block.text:find "require"
            if is_script and not WRONG_ON_PURPOSE[block.argument] then
                assert_clean(block.text, ("%s:%d"):format(path, block.line))
                count = count + 1
            end
        end
    end
    pipe:close()
    lu.assertTrue(count > 10)
end

--- What is right, and looks like the mistakes above.
local RIGHT <const> = [[
#!/usr/bin/env trunkhost
local trunkhost <const> = require "trunkhost"
local uv <const> = trunkhost.uv
local account = trunkhost.account "famulor"
account = trunkhost.account "vatel"
account.mine = 1
local queue <const> = trunkhost.queue()
local timer <const> = uv.new_timer()
timer:start(1, 0, function() queue:put(1) trunkhost.spawn(trunkhost.sleep, 1) end)
print(trunkhost.await(uv.fs_stat, "/"), trunkhost.accounts())
local ok, trunk = pcall(account.get, account, 42)
local list <const> = trunkhost.map(trunkhost.account("bolna"):trunks(), function(each) return each.id end)
table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
local function helper(x) return x and trunkhost.sleep(x) end
for i, id in ipairs(list) do helper(i, id) end
local t <const> = { reveal = function() end, kind = "trunk" }
if t.kind == "trunks" then print(t:reveal()) end
trunkhost.job.run {
    name = "x",
    items = function() return list end,
    key = function(item) return item.whatever end,
    plan = function(item) return { changes = {}, mine = item, notes = "of my own" } end,
    apply = function(item, plan) account:update(item.id, plan.changes, plan.notes) end,
}
trunkhost.job.run { name = "y", plan = function(item)
    if item.trunk.id then return { skip = "x" } elseif ok then error "no" else trunkhost.job.failed("invalid", "no") end
end }
local function both(item, depth) return depth and { skip = "x" } or both(item, 1) end
trunkhost.job.run { name = "z", plan = both }
function string.trim(text) return text:match "^%s*(.-)%s*$" end
print(("x"):trim(), string.trim "x", account:get(1, nil), #trunkhost.secret():reveal() > 3)
for i, trunk in pairs(list) do print(i, trunk) end
for trunk, _ in trunkhost.account("famulor"):trunks() do print(trunk.id) end
local secret <const> = trunkhost.secret { from = nil }
print(secret == trunkhost.secret(), ("x"):rep(2) .. #list)
do
    local _ENV <const> = { print = print, x = 1 }
    print(x)
end
goto done
::done::
return ok, trunk, ("x"):rep(3):upper(), select("#", ...)
]]

function tests.test_what_is_right_is_left_alone()
    assert_clean(RIGHT, "RIGHT")
end

function tests.test_the_program_names_file_line_and_column_and_runs_nothing()
    local folder <const> = program.folder()
    program.write(folder .. "/job.lua", "print 'it ran'\nlocal trunkhost = require 'trunkhost'\ntrunkhost.slep(1)\n")
    local result = program.run("--check " .. folder .. "/job.lua")
    lu.assertEquals(result.status, 2)
    lu.assertStrContains(result.err, folder .. "/job.lua:3:1: trunkhost has no 'slep' (did you mean 'sleep'?)")
    lu.assertEquals(result.out, "")
    program.write(folder .. "/job.lua", "print 'it ran'\n")
    result = program.run("--check " .. folder .. "/job.lua")
    lu.assertEquals(result.status, 0)
    lu.assertEquals(result.out .. result.err, "")
    program.remove(folder)
    lu.assertEquals(program.run("--check list_trunks.lua").status, 0, "an installed script")
    lu.assertEquals(program.run("--check " .. folder .. "/none.lua").status, 2)
    lu.assertEquals(program.run("--check -e 'print(trunkhost)'").status, 2)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "check", tests } })
