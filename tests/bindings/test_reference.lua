--- The annotations that editors and docs/lua-api.md are made from say what the library has: no more, no less, and
--- truly which functions wait.

package.path = "tests/support/?.lua;tests/docs/?.lua;" .. package.path
local lu <const> = require "luaunit"
local api_page <const> = require "api_page"
local core <const> = require "trunkhost.core"
local program <const> = require "program"
local reference <const> = require "trunkhost.reference.reference"
local trunkhost <const> = require "trunkhost"

-- The walk needs accounts to open: once more, with fake ones.
if not core.run().sandbox then
    local result <const> = program.run("--sandbox=limits=none --log-level error " .. program.quote(arg[0]))
    core.write("out", result.out)
    core.write("err", result.err)
    os.exit(result.status)
end

local found <const> = reference.load()
local tests = {}

local function sorted(set)
    local list <const> = {}
    for name in pairs(set) do
        list[#list + 1] = name
    end
    table.sort(list)
    return list
end

--- A local variable of the library's own, wherever a function or those that it calls has it.
local function private(fn, wanted, seen)
    seen = seen or {}
    seen[fn] = true
    for i = 1, 255 do
        local name <const>, value <const> = debug.getupvalue(fn, i)
        if not name then
            return nil
        elseif name == wanted then
            return value
        elseif type(value) == "function" and not seen[value] then
            local inner <const> = private(value, wanted, seen)
            if inner ~= nil then
                return inner
            end
        end
    end
end

--- The documented members of a class, those of its parents included.
local function documented(class)
    return sorted((assert(reference.members(class), class)))
end

local function same(class, names)
    lu.assertEquals(names, documented(class), class .. ": left is what there is, right is what is written in "
        .. "bindings/trunkhost/meta/" .. found.classes[class].file)
end

--- What scripts see of a value: the members of a table, or the methods of an object.
local function members(value)
    local meta <const> = debug.getmetatable(value)
    local methods <const> = meta and meta.__index
    local names <const> = {}
    for name in pairs(type(methods) == "table" and methods or value) do
        if type(name) == "string" and not name:find "^_" then
            names[name] = true
        end
    end
    return sorted(names)
end

-- ---------------------------------------------------------------------------------------------------
-- What there is

local function check_signature(class, name, fn, value)
    local what <const> = class .. "." .. name
    lu.assertEquals(type(value), "function", what)
    local about <const> = debug.getinfo(value, "uS")
    if about.what == "C" then
        return
    end
    local first <const>, names, said = found.classes[class].fields[name].method and 2 or 1, {}, {}
    for i = first, about.nparams do
        names[#names + 1] = (debug.getlocal(value, i))
    end
    for i, param in ipairs(fn.params) do
        said[i] = param.name
    end
    -- The library's own callers may hand over more than is meant for scripts, and what is forwarded as it is, is "...".
    local count <const> = math.min(#names, #said)
    lu.assertTrue(count == #said or about.isvararg and not fn.vararg, what .. " takes fewer parameters")
    lu.assertEquals({ table.unpack(names, 1, count) }, { table.unpack(said, 1, count) }, what .. ": its parameters")
    lu.assertTrue(about.isvararg or not fn.vararg, what .. " takes no further arguments")
end

local function check_module(class, value, seen)
    if seen[class] then
        return
    end
    seen[class] = true
    if class ~= "trunkhost.Library" then
        same(class, members(value))
    end
    for name, field in pairs(found.classes[class].fields) do
        local member <const> = value[name]
        if field.fn then
            check_signature(class, name, field.fn, member)
        elseif found.classes[field.type] and type(member) == "table" and not debug.getmetatable(member) then
            check_module(field.type, member, seen)
        end
    end
end

function tests.test_every_member_of_the_library_is_written_down_and_no_other()
    local names <const> = {}
    for name in pairs(trunkhost) do
        names[name] = true
    end
    for name in pairs(assert(private(debug.getmetatable(trunkhost).__index, "lazy"))) do
        names[name] = true
    end
    same("trunkhost.Library", sorted(names))
end

function tests.test_modules_have_the_members_and_parameters_that_are_written_down()
    local seen <const> = {}
    for name, class in pairs(found.modules) do
        check_module(class, require(name), seen)
    end
    for _, class in ipairs { "Json", "Http", "Job", "Log", "Process", "Csv", "Table" } do
        lu.assertTrue(seen["trunkhost." .. class], class .. " was not looked at")
    end
end

function tests.test_objects_have_the_methods_that_are_written_down()
    local nursery <close> = trunkhost.nursery()
    local semaphore <const> = trunkhost.semaphore(1)
    local objects <const> = {
        Account = trunkhost.account "famulor", Secret = trunkhost.secret(), Nursery = nursery,
        Task = nursery:spawn(function() end), Semaphore = semaphore, Queue = trunkhost.queue(),
        Permit = semaphore:acquire(), HttpClient = trunkhost.http.client { base_url = "http://127.0.0.1:9" },
    }
    for name, object in pairs(objects) do
        local class <const> = "trunkhost." .. name
        same(class, members(object))
        local methods <const> = debug.getmetatable(object).__index
        for method, field in pairs(found.classes[class].fields) do
            lu.assertTrue(field.method, class .. "." .. method)
            check_signature(class, method, field.fn, methods[method])
        end
    end
end

function tests.test_the_parser_has_the_methods_that_are_written_down()
    local parser <const> = trunkhost.options()
    local objects <const> = { Parser = parser, ParserElement = parser:option "--thing" }
    for name, object in pairs(objects) do
        for method in pairs(found.classes["trunkhost." .. name].fields) do
            lu.assertEquals(type(object[method]), "function", method)
        end
    end
end

function tests.test_every_standard_option_is_a_member_of_the_options()
    local names <const> = { resumed = true, undoes = true, what = true }
    for _, option in ipairs(trunkhost.options { secrets = true }._options) do
        for _, alias in ipairs(option._public_aliases) do
            local long <const> = alias:match "^%-%-(.+)$"
            if long and long ~= "help" then
                names[long:gsub("-", "_")] = true
            end
        end
    end
    same("trunkhost.Options", sorted(names))
    local options <const> = trunkhost.options { secrets = true }:parse {}
    for name, field in pairs(found.classes["trunkhost.Options"].fields) do
        lu.assertEquals(tostring(options[name] ~= nil), tostring(not field.optional or field.default ~= nil), name)
        if field.default then
            lu.assertEquals(("`%s`"):format(options[name]), field.default, name)
        end
    end
end

function tests.test_tables_that_are_checked_have_the_members_that_are_written_down()
    same("trunkhost.JobSpec", sorted(private(trunkhost.job.run, "MEMBERS")))
    same("trunkhost.RetryOptions", sorted(private(trunkhost.retry, "OPTIONS")))
    same("trunkhost.InspectOptions", sorted(private(trunkhost.inspect, "DEFAULTS")))
    local known <const> = private(require("trunkhost.http.options").check, "KNOWN")
    same("trunkhost.HttpClientOptions", sorted(known.client))
    same("trunkhost.HttpRequest", sorted(known.request))
    same("trunkhost.HttpCall", sorted(known.call))
    same("trunkhost.HttpClientRequest", sorted(known["client:request"]))
    same("trunkhost.Command", sorted(private(trunkhost.process.run, "OPTIONS")))
    same("trunkhost.AccountConfig", sorted(private(require("trunkhost.account.config").get, "ACCOUNT")))
end

function tests.test_defaults_are_those_that_are_written_down()
    for name, value in pairs(private(trunkhost.inspect, "DEFAULTS")) do
        lu.assertEquals(found.classes["trunkhost.InspectOptions"].fields[name].default, ("`%d`"):format(value))
    end
end

function tests.test_results_have_the_members_that_are_written_down()
    local account <const> = trunkhost.account "famulor"
    local trunk <const> = account:trunks()()
    same("trunkhost.Run", sorted(trunkhost.run()))
    same("trunkhost.Pace", sorted(account:pace()))
    same("trunkhost.Impact", sorted(account:impact(trunk, { sip_password = "0123456789abcdef" })))
    same("trunkhost.Ended", sorted(trunkhost.process.run { "true" }))
    local before <const> = trunkhost.job.before(account, trunk)
    same("trunkhost.Applied", sorted(trunkhost.job.apply(account, before, { nickname = "Renamed" })))
    lu.assertItemsEquals(sorted(reference.members "trunkhost.CsvRecord"), { "line" })
    local reply <const> = trunkhost.http.request { url = core.sandbox("famulor").base_url .. "/nothing" }
    reply.file, reply.bytes = "where it is", 0 -- where `to` was given
    same("trunkhost.HttpReply", sorted(reply))
end

function tests.test_errors_have_the_members_and_kinds_that_are_written_down()
    local kinds, names = {}, {}
    for name in program.read "host/base/error.h":gmatch "\n    TH_([%u_]+),%s+/%*" do
        kinds[name:lower()] = true
    end
    lu.assertTrue(kinds.refused)
    lu.assertEquals(sorted(kinds), (function(list) table.sort(list) return list end)
        { table.unpack(found.aliases["trunkhost.ErrorKind"].values) })
    local source <const> = program.read "host/lua/error.c"
    for _, setter in ipairs { 'set_text%(L, "(%l+)"', 'lua_setfield%(L, %-2, "(%l+)"',
        'strcmp%(lua_tostring%(L, 2%), "(%l+)"' } do
        for name in source:gmatch(setter) do
            names[name] = true
        end
    end
    same("trunkhost.Error", sorted(names))
    local _, err <const> = pcall(core.error, "refused", "no")
    for name, field in pairs(found.classes["trunkhost.Error"].fields) do
        lu.assertTrue(err[name] ~= nil or field.optional, name)
    end
end

--- The lists of names that the parser of descriptions knows are those of the classes.
function tests.test_descriptions_of_providers_have_the_members_that_are_written_down()
    local by_names, lists = {}, 0
    for name, class in pairs(found.classes) do
        if class.file == "provider.lua" or name == "trunkhost.RateWindow" then
            by_names[table.concat(documented(name), " ")] = name
        end
    end
    local count = 0
    for _ in pairs(by_names) do
        count = count + 1
    end
    for _, part in ipairs { "", "_endpoint", "_object", "_rule", "_use" } do
        local source <const> = program.read(("host/provider/parse%s.c"):format(part))
        for name, list in source:gmatch "static const char %*const ([%l_]+)%[%] = (%b{})" do
            if name == "known" or name:find "members$" then
                local words <const> = {}
                for word in list:gmatch '"([%l_]+)"' do
                    words[word] = true
                end
                local text <const> = table.concat(sorted(words), " ")
                lu.assertNotNil(by_names[text], ("no class of provider.lua has just: %s"):format(text))
                lists = lists + 1
            end
        end
    end
    lu.assertEquals(lists, count)
end

-- ---------------------------------------------------------------------------------------------------
-- What waits

--- What a call says at a place that cannot wait.
local function refused(fn)
    local message
    table.sort({ 1, 2 }, function()
        local ok <const>, err <const> = pcall(fn)
        message = not ok and tostring(err) or nil
        return false
    end)
    return message ~= nil and message:find "^cannot .* inside " ~= nil
        or message ~= nil and message:find ": cannot .* inside " ~= nil
end

local function nothing() end

-- They need a trunk that is on its way, and tests/scripts/test_migrate*.lua and test_apply_trunks.lua wait in them.
local ELSEWHERE <const> = {
    ["migration:apply"] = true, ["migration:verify"] = true, ["application:prepare"] = true,
    ["application:apply"] = true, ["application:verify"] = true, ["trunkhost.apply.undo"] = true,
    ["old:secret"] = true, -- ends the run where there is none
}

local folder <const> = program.folder_for_each(tests)

--- One call of every function. A new function needs a line here.
local function calls()
    local headers <const> = trunkhost.http.request { url = core.sandbox("famulor").base_url .. "/nothing" }.headers
    local account <const> = trunkhost.account "famulor"
    local job <const>, json <const>, queue <const> = trunkhost.job, trunkhost.json, trunkhost.queue(1)
    local held <const> = trunkhost.semaphore(1)
    held:acquire()
    local permit <const> = trunkhost.semaphore(1):acquire()
    local parser <const> = trunkhost.options()
    local element <const> = parser:option "--thing"
    local task <const> = trunkhost.spawn(trunkhost.sleep, 3600)
    local nursery <const> = trunkhost.nursery()
    local secret <const> = trunkhost.secret()
    local client <const> = trunkhost.http.client { base_url = "http://127.0.0.1:9" }
    local trunk <const> = account:trunks()()
    local csv <const>, duration <const> = require "trunkhost.csv", require "trunkhost.duration"
    local migrate <const>, trunk_secrets <const> = require "trunkhost.migrate", require "trunkhost.trunk_secrets"
    local neutral <const> = require "trunkhost.neutral"
    local blank <const> = neutral.new()
    local moving <const> = trunkhost.options()
    migrate.add_options(moving)
    local function between()
        return moving:parse { "--from", "famulor", "--to", "autocalls", "--secrets", "generate" }
    end
    local moved <const> = migrate.check_options(between())
    local apply <const>, export <const> = require "trunkhost.apply", require "trunkhost.export"
    local writing <const>, applying <const> = trunkhost.options { job = false }, trunkhost.options()
    export.add_options(writing)
    apply.add_options(applying)
    local exported <const> = export.check_options(writing:parse { "--account", "famulor", "--force",
        "-o", folder .. "/x.jsonl" })
    local rows_found <const> = export.read(exported)
    export.write(exported, rows_found)
    local applied <const> = apply.check_options(applying:parse { folder .. "/x.jsonl" })
    local application <const> = apply.new(applied)
    local rows <const> = application:items(account)
    application:prepare(rows)
    local migration <const> = migrate.new(moved)
    local password_file <const> = folder .. "/passwords.csv"
    program.write(password_file, "trunk,field,password\n42,sip_password,0123456789ab\n", "600")
    local file <const> = require("trunkhost.passwords").read(password_file)
    local old <const> = require("trunkhost.rollback").of { rollback = true }
    local reader <const> = csv.open(password_file)
    nursery:spawn(trunkhost.sleep, 3600)
    local functions <const> = {
        ["trunkhost.account"] = function() trunkhost.account "famulor" end,
        ["trunkhost.accounts"] = trunkhost.accounts,
        ["trunkhost.options"] = trunkhost.options,
        ["trunkhost.secret"] = trunkhost.secret,
        ["trunkhost.is_error"] = function() trunkhost.is_error() end,
        ["trunkhost.spawn"] = function() trunkhost.spawn(nothing) end,
        ["trunkhost.map"] = function() trunkhost.map({ 1 }, nothing) end,
        ["trunkhost.nursery"] = function() trunkhost.nursery(nothing) end,
        ["trunkhost.timeout"] = function() trunkhost.timeout(1, nothing) end,
        ["trunkhost.sleep"] = function() trunkhost.sleep(0) end,
        ["trunkhost.now"] = trunkhost.now,
        ["trunkhost.retry"] = function() trunkhost.retry {} end,
        ["trunkhost.semaphore"] = function() trunkhost.semaphore(1) end,
        ["trunkhost.queue"] = trunkhost.queue,
        ["trunkhost.await"] = function() trunkhost.await(nothing) end,
        ["trunkhost.run"] = trunkhost.run,
        ["trunkhost.inspect"] = function() trunkhost.inspect {} end,
        ["trunkhost.log.debug"] = function() trunkhost.log.debug "here" end,
        ["trunkhost.log.info"] = function() trunkhost.log.info "here" end,
        ["trunkhost.log.warn"] = function() trunkhost.log.warn "here" end,
        ["trunkhost.log.error"] = function() trunkhost.log.error "here" end,
        ["trunkhost.process.run"] = function() trunkhost.process.run { "true" } end,
        ["trunkhost.http.request"] = function() trunkhost.http.request { url = "http://127.0.0.1:9" } end,
        ["trunkhost.http.client"] = function() trunkhost.http.client { base_url = "http://127.0.0.1:9" } end,
        ["trunkhost.http.escape"] = function() trunkhost.http.escape "a b" end,
        ["trunkhost.json.encode"] = function() json.encode {} end,
        ["trunkhost.json.decode"] = function() json.decode "{}" end,
        ["trunkhost.json.array"] = function() json.array {} end,
        ["trunkhost.json.is_array"] = function() json.is_array {} end,
        ["trunkhost.table.screen"] = function() require("trunkhost.table").screen "out" end,
        ["trunkhost.table.render"] = function() require("trunkhost.table").render({}, {}) end,
        ["trunkhost.table.write"] = function()
            require("trunkhost.table").write({}, function() return function() end end)
        end,
        ["trunkhost.table.paint"] = function() require("trunkhost.table").paint "x" end,
        ["trunkhost.table.sentence"] = function() require("trunkhost.table").sentence("x", {}) end,
        ["trunkhost.json_line.object"] = function() require("trunkhost.json_line").object { n = 0 } end,
        ["trunkhost.json_line.raw"] = function() require("trunkhost.json_line").raw "1" end,
        ["trunkhost.duration.parse"] = function() duration.parse "1s" end,
        ["trunkhost.duration.until_instant"] = function() duration.until_instant "1s" end,
        ["trunkhost.duration.window"] = function() duration.window "02:00-05:00" end,
        ["trunkhost.rollback.of"] = function() require("trunkhost.rollback").of {} end,
        ["trunkhost.duration.format"] = function() duration.format(1) end,
        ["trunkhost.passwords.read"] = function() require("trunkhost.passwords").read(password_file) end,
        ["trunkhost.trunk_secrets.of"] = function() trunk_secrets.of(account:describe(), trunk) end,
        ["trunkhost.trunk_secrets.has"] = function() trunk_secrets.has(trunk, {}) end,
        ["trunkhost.trunk_secrets.serves"] = function() trunk_secrets.serves({ legs = {} }, {}) end,
        ["trunkhost.trunk_secrets.holds"] = function() trunk_secrets.holds(trunk) end,
        ["trunkhost.trunk_secrets.present"] = function() trunk_secrets.present(1) end,
        ["trunkhost.apply.add_options"] = function() apply.add_options(trunkhost.options()) end,
        ["trunkhost.apply.check_options"] = function() apply.check_options(applied) end,
        ["trunkhost.apply.new"] = function() apply.new(applied) end,
        ["trunkhost.export.add_options"] = function() export.add_options(trunkhost.options()) end,
        ["trunkhost.export.check_options"] = function() export.check_options(exported) end,
        ["trunkhost.export.read"] = function() export.read(exported) end,
        ["trunkhost.export.write"] = function() export.write(exported, rows_found) end,
        ["trunkhost.migrate.add_options"] = function() migrate.add_options(trunkhost.options()) end,
        ["trunkhost.migrate.check_options"] = function() migrate.check_options(between()) end,
        ["trunkhost.migrate.new"] = function() migrate.new(moved) end,
        ["trunkhost.migrate.undo"] = function() migrate.undo(moved) end,
        ["trunkhost.neutral.read"] = function() neutral.read(account, 42) end,
        ["trunkhost.neutral.of"] = function() neutral.of(account:describe(), trunk) end,
        ["trunkhost.neutral.map"] = function() neutral.map(blank, account:describe(), {}) end,
        ["trunkhost.neutral.blocked"] = function() neutral.blocked { findings = {} } end,
        ["trunkhost.neutral.mapping"] = function() neutral.mapping(account:describe()) end,
        ["trunkhost.neutral.twin"] = function()
            neutral.twin(account:describe(), { planned = blank, after = {} }, trunk)
        end,
        ["trunkhost.neutral.compare"] = function() neutral.compare(account:describe(), blank, trunk) end,
        ["trunkhost.neutral.differences"] = function() neutral.differences(blank, blank) end,
        ["trunkhost.neutral.claims"] = function() neutral.claims(blank) end,
        ["trunkhost.neutral.new"] = function() neutral.new() end,
        ["trunkhost.neutral.tidy"] = function() neutral.tidy {} end,
        ["trunkhost.neutral.copy"] = function() neutral.copy {} end,
        ["trunkhost.neutral.check"] = function() neutral.check(blank) end,
        ["trunkhost.neutral.field"] = function() neutral.field "label" end,
        ["trunkhost.neutral.parse"] = function() neutral.parse("label", "x") end,
        ["trunkhost.neutral.value"] = function() neutral.value(blank, "label") end,
        ["trunkhost.neutral.names"] = function() neutral.names(blank) end,
        ["trunkhost.neutral.resolve"] = function() neutral.resolve({ body = {} }, {}) end,
        ["trunkhost.neutral.find"] = function() neutral.find({}, { body = {} }) end,
        ["trunkhost.neutral.outcome"] = function() neutral.outcome { body = {}, after = {} } end,
        ["trunkhost.neutral.refers"] = function() neutral.refers(1) end,
        ["trunkhost.csv.rows"] = function() csv.rows(password_file) end,
        ["trunkhost.csv.open"] = function() csv.open(password_file) end,
        ["trunkhost.csv.parse"] = function() require("trunkhost.csv").parse "a,b\n" end,
        ["trunkhost.csv.guard"] = function() csv.guard "007" end, ["trunkhost.csv.bare"] = function() csv.bare "'7" end,
        ["trunkhost.csv.print"] = function() csv.print {} end,
        ["trunkhost.csv.record"] = function() require("trunkhost.csv").record { "a" } end,
        ["trunkhost.job.trunks"] = function() job.trunks(trunkhost.options():parse { "--account", "famulor" }) end,
        ["trunkhost.job.before"] = function() job.before(account, trunk) end,
        ["trunkhost.job.apply"] = function() job.apply(account, trunk, { nickname = "x" }) end,
        ["trunkhost.job.verify"] = function()
            local before <const> = { id = "x", register = true, outbound_registration_status = "registered" }
            job.verify(trunkhost.account "vatel",
                { fields = { outbound_sip_password = "0123456789ab" }, before = before, evidence = "accepted" })
        end,
        ["trunkhost.job.recent"] = function() job.recent(account, 42, "sip_password", 1) end,
        ["trunkhost.job.failed"] = function() job.failed("refused", "no") end,
        ["trunkhost.job.unknown"] = function() job.unknown "no" end,
        ["trunkhost.job.run"] = function()
            job.run { name = "x", options = trunkhost.options():parse { "--account", "famulor", "-y" }, plan = nothing }
        end,
    }
    local objects <const> = {
        Account = {
            trunks = function() account:trunks() end, get = function() account:get(42) end,
            create = function() account:create {} end, update = function() account:update(42, {}) end,
            delete = function() account:delete(42) end, list = function() account:list "list" end,
            call = function() account:call("get", 42) end, check = function() account:check() end,
            impact = function() account:impact(trunk, {}) end, describe = function() account:describe() end,
            name = function() account:name() end, pace = function() account:pace() end,
            settle = function() account:settle(42, "sip_password", secret, "current") end,
        },
        Secret = { reveal = function() secret:reveal() end, length = function() secret:length() end },
        Task = {
            await = function() task:await() end, done = function() task:done() end,
            cancel = function() trunkhost.spawn(nothing):cancel() end,
        },
        Nursery = {
            spawn = function() nursery:spawn(nothing) end, wait = function() nursery:wait() end,
            live = function() nursery:live() end, cancel = function() nursery:cancel() end,
        },
        Semaphore = {
            acquire = function() held:acquire() end, with = function() held:with(nothing) end,
            release = function() trunkhost.semaphore(1):release() end,
        },
        Permit = { release = function() permit:release() end },
        Queue = {
            get = function() trunkhost.queue():get() end, close = function() trunkhost.queue():close() end,
            put = function() queue:put(1) queue:put(1) end,
        },
        Parser = {
            option = function() parser:option "--a" end, flag = function() parser:flag "--b" end,
            argument = function() parser:argument "c" end, group = function() parser:group "d" end,
            mutex = function() parser:mutex() end, parse = function() trunkhost.options():parse {} end,
            get_help = function() parser:get_help() end, get_usage = function() parser:get_usage() end,
        },
        ParserElement = {},
        HttpHeaders = { all = function() headers:all "date" end },
        HttpClient = {
            pace = function() client:pace() end, request = function() client:request {} end,
            close = function() trunkhost.http.client({ base_url = "http://127.0.0.1:9" }):close() end,
        },
        CsvReader = { row = function() reader:row() end, record = function() reader:record() end },
        Passwords = {
            assign = function() file:assign({}, { famulor = true }) end, of = function() file:of {} end,
            previous = function() file:previous {} end,
        },
        Rollback = { has = function() old:has(account, 42, "sip_password") end },
        Application = {
            items = function() application:items(account) end, plan = function() application:plan(rows[1]) end,
        },
        Migration = {
            prepare = function() migration:prepare {} end, plan = function() migration:plan {} end,
            write_mapping = function() migration:write_mapping() end,
        },
    }
    for _, method in ipairs { "get", "head", "post", "put", "patch", "delete" } do
        objects.HttpClient[method] = function() client[method](client, "x") end
    end
    for name in pairs(found.classes["trunkhost.ParserElement"].fields) do
        objects.ParserElement[name] = function() element[name](element, 1) end
    end
    for class, methods in pairs(objects) do
        for name, fn in pairs(methods) do
            functions[found.classes["trunkhost." .. class].fields[name].fn.name] = fn
        end
    end
    return functions
end

function tests.test_just_the_functions_that_are_said_to_wait_refuse_a_place_that_cannot()
    local functions <const>, said, differ = calls(), {}, {}
    for name, class in pairs(found.classes) do
        for member, field in pairs(class.fields) do
            if field.fn and field.type == "function" and not ELSEWHERE[field.fn.name] then
                said[field.fn.name] = field.fn.waits
                lu.assertNotNil(functions[field.fn.name], ("%s.%s has no line in this test"):format(name, member))
            end
        end
    end
    for name, fn in pairs(functions) do
        local waits <const> = refused(fn)
        if waits ~= said[name] then
            differ[name] = waits and "waits, which is not said" or "is said to wait, and does not"
        end
    end
    lu.assertEquals(differ, {})
end

-- ---------------------------------------------------------------------------------------------------
-- What it is written with

local BUILT_IN <const> = {
    ["any"] = true, ["nil"] = true, ["boolean"] = true, ["string"] = true, ["number"] = true, ["integer"] = true,
    ["function"] = true, ["table"] = true, ["userdata"] = true, ["lightuserdata"] = true, ["thread"] = true,
    ["true"] = true, ["false"] = true, ["unknown"] = true, ["..."] = true,
}

--- Names of types that nothing explains.
local function unknown_types(text, generics, list)
    for _, item in ipairs(reference.split(text)) do
        local inner <const> = item:match "^(.*)%[%]$"
        local name <const> = item:match "^%.%.%.(.+)$" or item
        local shape <const>, signature <const> = reference.shape(item), reference.signature(item)
        if inner then
            unknown_types(inner, generics, list)
        elseif shape then
            for _, field in pairs(shape.fields) do
                unknown_types(field.type, generics, list)
            end
            if shape.index then
                unknown_types(shape.index, generics, list)
            end
        elseif signature then
            for _, param in ipairs(signature.params) do
                unknown_types(param.type, generics, list)
            end
            for _, result in ipairs(signature.returns) do
                unknown_types(result.type, generics, list)
            end
        elseif not BUILT_IN[name] and not found.classes[name] and not found.aliases[name] and not generics[name]
            and not name:find '^"' then
            list[#list + 1] = name
        end
    end
    return list
end

function tests.test_every_type_that_is_named_is_there()
    for _, alias in pairs(found.aliases) do
        lu.assertEquals(unknown_types(alias.type, {}, {}), {}, alias.name)
    end
    for name, class in pairs(found.classes) do
        lu.assertTrue(not class.parent or found.classes[class.parent] ~= nil, name)
        for member, field in pairs(class.fields) do
            local fn <const> = field.fn
            local where <const> = name .. "." .. member
            lu.assertEquals(unknown_types(field.type, {}, {}), {}, where)
            for _, value in ipairs(fn and table.move(fn.returns, 1, #fn.returns, #fn.params + 1,
                { table.unpack(fn.params) }) or {}) do
                lu.assertEquals(unknown_types(value.type, fn.generics or {}, {}), {}, where)
            end
        end
    end
end

function tests.test_every_function_and_member_is_explained()
    -- What the name says alone.
    local plain <const> = { name = true, doc = true, source = true, get_help = true, get_usage = true }
    for name, class in pairs(found.classes) do
        local explained <const> = class.doc ~= "" or class.path
        for member, field in pairs(class.fields) do
            local is_clear <const> = field.doc ~= "" or plain[member] or name == "trunkhost.Log"
                or explained and field.type ~= "function" or name == "trunkhost.JobResult"
            lu.assertTrue(is_clear or field.type:find "trunkhost%." ~= nil or not field.fn,
                ("%s.%s is not explained"):format(name, member))
        end
    end
end

function tests.test_what_says_that_it_raises_kinds_names_real_ones()
    local kinds <const> = {}
    for _, kind in ipairs(found.aliases["trunkhost.ErrorKind"].values) do
        kinds[kind] = true
    end
    local names, some = { fn = true, configuration = true }, 0
    for _, class in pairs(found.classes) do
        for name in pairs(class.fields) do
            names[name] = true
        end
    end
    for _, class in pairs(found.classes) do
        for _, field in pairs(class.fields) do
            local raises <const> = field.fn and field.fn.raises or ""
            for word in raises:gmatch "`([%l_]+)`" do
                lu.assertTrue(kinds[word] or names[word],
                    ("%s: there is no kind of error %s"):format(field.fn.name, word))
                some = some + 1
            end
        end
    end
    lu.assertTrue(some > 20)
end

function tests.test_the_page_of_the_reference_is_the_one_that_the_annotations_make()
    lu.assertTrue(program.read(api_page.path) == api_page.text(),
        ("%s is not what bindings/trunkhost/meta/ says; make it again: %s"):format(api_page.path, api_page.command))
end

function tests.test_mistakes_in_annotations_are_named_with_file_and_line()
    local function parse(source)
        local ok <const>, problem <const> = pcall(reference.parse, { { name = "x.lua", source = source } })
        lu.assertFalse(ok)
        return problem
    end
    lu.assertEquals(parse "---@meta\n---@clas x", "x.lua:2: there is no annotation @clas")
    lu.assertEquals(parse "---@class A\nlocal a = {}\nfunction a.b(c) end",
        "x.lua:3: the parameter c of a.b has no @param")
    lu.assertEquals(parse "---@class A\n---@field b\n", "x.lua:2: a field without a name or a type: b")
    lu.assertEquals(parse "---@class A\n---@class A\n", "x.lua:2: the class A is there already")
    lu.assertEquals(parse "---@class A\n---@field b ,\n", "x.lua:2: ',' does not begin with a type")
end

function tests.test_types_are_taken_apart()
    lu.assertEquals(reference.split "trunkhost.MapOptions?", { "trunkhost.MapOptions", "nil" })
    lu.assertEquals(reference.split '"a"|"b|c"|(integer|string)?', { '"a"', '"b|c"', "integer", "string", "nil" })
    lu.assertEquals(reference.split "fun(a: b|c): d|e", { "fun(a: b|c): d|e" })
    lu.assertEquals(reference.split "table<string, A|B>|A[]", { "table<string, A|B>", "A[]" })
    local shape <const> = reference.shape "{ a: integer, b?: string|{ c: any }, [string]: boolean }"
    lu.assertEquals(shape.order, { "a", "b" })
    lu.assertTrue(shape.fields.b.optional)
    lu.assertEquals(shape.fields.b.type, "string|{ c: any }")
    lu.assertEquals(shape.index, "boolean")
    lu.assertNil(reference.shape "integer")
    local fn <const> = reference.signature "async fun(item: any, n?: integer, ...: any): A?, string"
    lu.assertEquals({ #fn.params, fn.params[2].optional, fn.vararg, fn.waits, #fn.returns, fn.returns[1].type },
        { 2, true, true, true, 2, "A?" })
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "reference", tests } })
