--- The parts of a prompt that need no terminal: what TAB finds, and what is kept of what was typed.

package.path = "tests/support/?.lua;" .. package.path
local complete <const> = require "trunkhost.prompt.complete"
local lu <const> = require "luaunit"
local program <const> = require "program"
local prompt_history <const> = require "trunkhost.prompt.history"
local trunkhost <const> = require "trunkhost"

for _, name in ipairs { "FAMULOR_TOKEN", "BOLNA_TOKEN", "VATEL_TOKEN" } do
    trunkhost.uv.os_setenv(name, "never-sent") -- an account is there when its token is
end

local tests = {}

local folder

function tests.setUp()
    _G.trunkhost, _G.account = trunkhost, trunkhost.account
end

function tests.tearDown()
    _G.trunkhost, _G.account, _G.line, _G.trap, _G.word = nil, nil, nil, nil, nil
    if folder then program.remove(folder) end
    folder = nil
end

-- --- completion ------------------------------------------------------------------------------------

local function inserts(text)
    return (complete(text, 80))
end

local function lists(text)
    local _, list = complete(text, 80)
    local names = {}
    for name in (list or ""):gmatch "%S+" do names[#names + 1] = name end
    table.sort(names)
    return names
end

function tests.test_a_name_is_completed_as_far_as_it_is_certain()
    lu.assertEquals(inserts "trunkh", "ost")
    lu.assertEquals(inserts "x = 1 + math.flo", "or")
    lu.assertEquals(inserts "string.form", "at")
    lu.assertEquals(inserts "print(math.max(math.hu", "ge")
    lu.assertNil(inserts "coroutine.")
    lu.assertEquals(lists "table.conc", {}) -- one that is certain is no list
    lu.assertEquals(lists "math.m", { "max", "maxinteger", "min", "mininteger", "modf" })
    lu.assertEquals(inserts "repea", "t ")
    lu.assertNil(inserts "no_such_name")
    lu.assertNil(inserts "no.such.name")
end

function tests.test_what_the_library_loads_later_is_found_without_being_loaded()
    package.loaded["trunkhost.retry"] = nil
    lu.assertEquals(inserts "trunkhost.ret", "ry")
    lu.assertNil(package.loaded["trunkhost.retry"])
    lu.assertEquals(inserts "trunkhost.job.ver", "ify")
    lu.assertEquals(lists "trunkhost.log.", { "debug", "error", "info", "warn" })
end

function tests.test_methods_come_behind_a_colon()
    _G.line = trunkhost.account "vatel"
    lu.assertEquals(inserts "line:tr", "unks")
    lu.assertEquals(inserts 'trunkhost.account "famulor":tr', "unks")
    lu.assertEquals(inserts 'account("famulor"):imp', "act")
    _G.word = "text"
    lu.assertEquals(inserts "word:repeat", nil)
    lu.assertEquals(inserts "word:upp", "er")
    lu.assertEquals(lists "trunkhost:null", {}) -- no function
    lu.assertNil(inserts "line:trunks():x") -- what a call returns is not known
end

function tests.test_accounts_are_named_in_quotes_and_fields_in_a_change()
    lu.assertEquals(inserts 'account "vat', 'el"')
    lu.assertEquals(inserts "trunkhost.account('famu", "lor'")
    lu.assertEquals(inserts 'account "b', "olna")
    lu.assertEquals(lists 'account "bolna', { "bolna", "bolna_trunk" })
    _G.line = trunkhost.account "vatel"
    lu.assertEquals(inserts 'line:update("x", { outbound_sip_us', "ername = ")
    lu.assertEquals(inserts "line:create { enabled = true, outbound_sip_us", "ername = ")
    lu.assertNil(inserts 'line:update("x", { name = "outbound_sip_us')
    lu.assertEquals(inserts 'line:update("x", { name = outbound_sip_us', nil)
end

function tests.test_looking_calls_nothing()
    local function never() error "was called" end
    _G.trap = setmetatable({ inner = setmetatable({}, { __index = never }) }, { __index = never, __pairs = never })
    lu.assertEquals(inserts "trap.inn", "er")
    lu.assertNil(inserts "trap.missing.x")
    lu.assertNil(inserts "trap.inner.x")
end

function tests.test_at_the_beginning_of_a_line_it_indents()
    lu.assertEquals(inserts "", "    ")
    lu.assertEquals(inserts "    ", "    ")
end

function tests.test_the_list_fits_the_terminal()
    for _, columns in ipairs { 20, 40, 80, 5 } do
        local _, found <const> = complete("string.", columns)
        for text in found:gmatch "[^\r\n]+" do
            lu.assertTrue(#text <= math.max(columns, #"packsize  "), text)
        end
    end
end

-- --- history ---------------------------------------------------------------------------------------

function tests.test_lines_that_may_hold_a_secret_are_not_kept()
    for _, line in ipairs { " os.exit()", "", "   ", [[s = trunkhost.secret { from = "hunter2" }]],
        [[line:update(42, { sip_password = 'hunter2' })]], [[t = { ["X-Api-Key"] = "k" }]], "PASSWORD=[[hunter2]]",
        [[headers = { Authorization = "Basic abc" }]], [[h = { 'Bearer abc' }]], [[my_token = "abc"]],
        [[request { headers = { ["x-auth-token"] = "abc" } }]] } do
        lu.assertFalse(prompt_history.may_keep(line), line)
    end
    for _, line in ipairs { "1 + 1", "line:update(42, { sip_password = trunkhost.secret() })", "s:reveal()",
        [[for trunk in account "bolna":trunks() do print(trunk.name) end]], "token = read()", [[from = "Berlin"]] } do
        lu.assertTrue(prompt_history.may_keep(line), line)
    end
end

function tests.test_lines_that_belong_together_are_kept_as_one_where_that_means_the_same()
    lu.assertEquals(prompt_history.entries { "for i = 1, 2 do", "print(i)", "end" }, { "for i = 1, 2 do print(i) end" })
    for _, lines in ipairs { { "f = function() -- why", "end" }, { "text = [[", "]]" }, { 'text = "a\\', 'b"' } } do
        lu.assertEquals(prompt_history.entries(lines), lines)
    end
end

function tests.test_the_file_stays_short_and_its_owners()
    folder = program.folder()
    local lines = {}
    for i = 1, 2500 do lines[i] = "line_" .. i end
    os.execute("mkdir -p " .. folder .. "/state")
    program.write(folder .. "/state/history", table.concat(lines, "\n") .. "\n", "644")
    local history <const> = prompt_history.open(folder .. "/state/history")
    lu.assertEquals({ #history.lines, history.lines[1], history.lines[1000] }, { 1000, "line_1501", "line_2500" })
    lu.assertTrue(history:add "one more")
    lu.assertTrue(history:add "one more") -- at once again: kept once
    local _, count <const> = program.read(folder .. "/state/history"):gsub("\n", "")
    lu.assertEquals(count, 1001)
    lu.assertTrue(os.execute(("test $(stat -c %%a %s/state/history) = 600"):format(folder)))
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "prompt", tests } })
