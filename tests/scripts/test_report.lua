--- A run as a page of HTML: it says what happened, what needs a person comes first, and the page is safe to open and to
--- hand on: nothing from outside acts in it, nothing is fetched, no password is in it.

package.path = "tests/support/?.lua;" .. package.path
local trunkhost <const> = require "trunkhost"
local lu <const> = require "luaunit"
local html_page <const> = require "html_page"
local migration <const> = require "migration"
local program <const> = require "program"
local report_page <const> = require "trunkhost.report.page"
local report_words <const> = require "trunkhost.report.words"
local rotation <const> = require "rotation"
local sandbox_process <const> = require "sandbox_process"

local APIS <const> = { "famulor", "autocalls", "vatel", "bolna", "bolna_trunk" }
local ROTATE <const> = "rotate_passwords.lua --yes --json --canary 0 "

program.haste = 10

local tests = {}

local sandbox <const>, start <const> = sandbox_process.on_demand(tests)

local function summary_of(result)
    return trunkhost.json.decode(result.out:match '[^\n]*"summary"[^\n]*')
end

--- The page of a run, read strictly.
local function report(arguments)
    local result = program.ok(sandbox:run("report " .. (arguments or "")))
    lu.assertEquals(result.err, "")
    local page = html_page.parse(result.out)
    page.source = result.out
    return page
end

local function verdict_of(page)
    return html_page.all(page, "p", "verdict")[1].text:match "^%S+ (.*)$"
end

local function titles_of(page)
    local list = {}
    for i, element in ipairs(html_page.all(page, "h2")) do list[i] = element.text end
    return table.concat(list, ", ")
end

local function cards_of(page)
    local list = {}
    for i, element in ipairs(html_page.all(page, "article", "card")) do list[i] = element.text end
    return list
end

local function rows_of(page)
    local found = {}
    for _, element in ipairs(html_page.all(page, "tr")) do
        local state = element.attributes["data-state"]
        if state then found[#found + 1] = { state = state, text = element.text, id = element.attributes.id } end
    end
    return found
end

--- Not one that was ever live or sent, nor as a page would write it.
local function assert_no_password(page, before)
    local number = 0
    local function check(password, place)
        number = number + 1
        lu.assertNil(page.source:find(password, 1, true), place)
        lu.assertNil(page.source:find(report_page.escape(password), 1, true), place)
    end
    for place, password in pairs(before) do check(password, place) end
    for place, password in pairs(rotation.live(sandbox:ask "state", APIS)) do check(password, place) end
    for account, trunks in pairs(sandbox:current_secrets()) do
        for trunk, secrets in pairs(trunks) do
            for password in pairs(secrets.all) do check(password, account .. " " .. trunk) end
        end
    end
    lu.assertTrue(number > 20)
end

-- --- what it says ----------------------------------------------------------------------------------

function tests.test_a_run_in_which_all_went_well_says_so_and_shows_every_trunk()
    start "--trunks 4 --limits none"
    local run = summary_of(sandbox:run(ROTATE .. "--account famulor"))
    local page = report()
    lu.assertEquals(verdict_of(page), "4 of 4 done.")
    lu.assertEquals(titles_of(page),
        "Nothing needs a person, In numbers, What ran, Trunk by trunk, Passwords, What the words mean")
    lu.assertStrContains(page.text, "run " .. run.run)
    lu.assertStrContains(page.text, "rotate_passwords.lua --yes --json --canary 0 --account famulor")
    lu.assertEquals(#rows_of(page), 4)
    local first = rows_of(page)[1]
    lu.assertStrContains(first.text, "42")
    lu.assertStrContains(first.text, "Front desk")
    lu.assertStrContains(first.text, "its legs were made anew")
    lu.assertStrContains(first.text, "new sip_password")
    lu.assertStrContains(page.source, ('<meta name="generator" content="trunkhost %s">'):format(
        require "trunkhost.core".versions().trunkhost))
    lu.assertEquals(html_page.all(page, "html")[1].attributes.lang, "en")
    -- By the start of its id as well.
    lu.assertEquals(verdict_of(report(run.run:sub(1, -2))), "4 of 4 done.")
end

-- 42 is done, 43 is refused, of the others nobody knows.
local NIGHT <const> = [[
local trunkhost = require "trunkhost"
local job = trunkhost.job
job.run {
    name = "night",
    plan = function(item)
        return item.trunk.id == 46 and { skip = "it is as it should be" }
            or { changes = { sip_password = job.new_secret } }
    end,
    apply = function(item)
        item.account:update(item.trunk.id, { sip_password = trunkhost.secret {} })
        if item.trunk.id == 43 then job.failed("refused", "the carrier says no") end
        if item.trunk.id ~= 42 then job.unknown "nobody has answered" end
    end,
}]]

function tests.test_what_needs_a_person_comes_first_with_what_to_do()
    start "--trunks 6 --limits none"
    local before = rotation.live(sandbox:ask "state", APIS)
    local script = sandbox.folder .. "/night.lua"
    program.write(script, NIGHT)
    local result = sandbox:run(script .. " --account famulor --yes --json --canary 0")
    lu.assertEquals(result.status, 1, result.err)
    local page = report()
    lu.assertEquals(verdict_of(page), "1 of 6 done; 1 failed, 3 are unknown, 1 skipped. 4 need a person.")
    lu.assertStrContains(titles_of(page), "What needs a person, In numbers")
    local cards = cards_of(page)
    lu.assertStrContains(cards[1], "3 unknown")
    lu.assertStrContains(cards[1], "Leave the other side as it is")
    lu.assertStrContains(cards[1], "nobody has answered")
    lu.assertStrContains(cards[1], (" --ledger %s explain 45 --account famulor"):format(sandbox:ledger_path()))
    lu.assertStrContains(cards[1], "PUT update: taken, HTTP 200")
    lu.assertStrContains(cards[2], "1 failed: refused")
    lu.assertStrContains(cards[2], "the carrier says no")
    -- The same words as at the end of the run.
    local command = result.err:match "To settle it: (.- %-%-resume %S+)%."
    lu.assertNotNil(command, result.err)
    lu.assertStrContains(page.text, command)
    -- Each link leads to the row of its trunk.
    local links, states = html_page.all(page, "a"), {}
    lu.assertEquals(#links, 4)
    for _, link in ipairs(links) do
        lu.assertNotNil(page.ids[link.attributes.href:match "^#(.+)$"], link.attributes.href)
    end
    for _, row in ipairs(rows_of(page)) do states[row.text:match "^%d+"] = row.state end
    lu.assertEquals(states, { ["42"] = "done", ["43"] = "failed", ["45"] = "unknown", ["46"] = "skipped",
        ["48"] = "unknown", ["49"] = "unknown" })
    assert_no_password(page, before)
end

function tests.test_a_halted_run_says_why_how_many_are_left_and_how_to_go_on()
    start "--trunks 8 --limits none --fault refuse@PUT=1"
    local result = sandbox:run(ROTATE .. "--account famulor --max-failures 2 -j 1")
    lu.assertEquals(result.status, 3)
    local page = report()
    lu.assertEquals(verdict_of(page), "Halted: 0 of 8 done; 2 failed, 6 were not tried. 2 need a person.")
    local text = table.concat(cards_of(page), "\n")
    lu.assertStrContains(text, "Halted: 2 failed or unknown, the limit of --max-failures")
    lu.assertStrContains(text, "6 not tried")
    lu.assertStrContains(page.text, result.err:match "to resume: (trunkhost .- %-%-resume %S+)")
end

function tests.test_what_was_settled_by_a_later_run_needs_nobody_any_more()
    start "--trunks 3 --limits none --fault refuse@PUT=1"
    local first = summary_of(sandbox:run(ROTATE .. "--account famulor"))
    lu.assertEquals(verdict_of(report()), "0 of 3 done; 3 failed. 3 need a person.")
    sandbox:tell "faults"
    local second = summary_of(sandbox:run("rotate_passwords.lua --yes --json --resume last"))
    lu.assertEquals(second.done, 3)
    local page = report(first.run)
    lu.assertEquals(verdict_of(page), "0 of 3 done; 3 failed. All of these were settled since.")
    lu.assertStrContains(titles_of(page), "Nothing needs a person")
    lu.assertStrContains(page.text, "gone on with by run " .. second.run)
    lu.assertStrContains(report().text, "Went on withrun " .. first.run)
end

function tests.test_a_token_that_is_refused_says_which_account_could_not_be_listed()
    start "--trunks 3 --limits none"
    local result = sandbox:run(ROTATE .. "--account vatel", { token = "another" })
    lu.assertEquals(result.status, 1)
    local page = report()
    lu.assertStrContains(table.concat(cards_of(page), "\n"), "The trunks of vatel could not be listed")
    lu.assertStrContains(page.text, "The platform refused the token")
    lu.assertEquals(verdict_of(page), "0 of 1 done; 1 failed. 1 needs a person.")
end

function tests.test_a_killed_run_says_so_and_names_what_it_left_half_way()
    start "--trunks 12 --limits none --latency 40"
    local pid = io.popen(("echo $$; exec %s -c %s --ledger %s %s --account famulor -j 3 2>/dev/null"):format(
        program.quote(program.executable), sandbox:config(), sandbox:ledger_path(), ROTATE))
    local id, writes = pid:read "l", 0
    for _ = 1, 4000 do
        writes = 0
        for _, request in ipairs(sandbox:ask "log") do writes = writes + (request.method ~= "GET" and 1 or 0) end
        if writes >= 4 then break end
        trunkhost.sleep(0.003)
    end
    lu.assertTrue(writes >= 4)
    os.execute("kill -KILL " .. id)
    pid:close()
    local page = report()
    lu.assertStrContains(verdict_of(page), "Killed before its end: ")
    lu.assertStrContains(verdict_of(page), "left half-way")
    lu.assertStrContains(table.concat(cards_of(page), "\n"), "what was left half-way comes first")
    lu.assertStrContains(page.text, "there is no end on record")
    lu.assertStrContains(page.text, "rotate_passwords.lua --resume ")
end

function tests.test_a_migration_shows_what_stopped_and_what_was_changed_and_lost()
    start "--trunks 5 --limits none"
    migration.empty(sandbox, "vatel")
    lu.assertEquals(migration.run(sandbox, "famulor", "vatel", "--secrets generate").status, 1)
    local stopped = report()
    lu.assertEquals(verdict_of(stopped), "0 of 5 done; 5 failed. 5 need a person.")
    lu.assertStrContains(cards_of(stopped)[1], "not created: ")
    lu.assertEquals(#rows_of(stopped), 5)
    local result = program.ok(migration.run(sandbox, "famulor", "vatel", migration.consent(sandbox, "vatel")))
    local page = report()
    lu.assertEquals(verdict_of(page), "5 of 5 done.")
    local row = rows_of(page)[1]
    lu.assertStrContains(row.text, "as trunk " .. result.items["42"].target)
    lu.assertStrContains(row.text, "label lost: Front desk")
    lu.assertStrContains(row.text, "calling_format lost")
    lu.assertStrContains(titles_of(page), "What was created")
end

function tests.test_a_script_without_a_job_has_a_report_as_well()
    start "--trunks 2 --limits none"
    local code = [[local t = require "trunkhost" local a = t.account "famulor"
        a:update(42, { sip_password = t.secret {} })]]
    lu.assertEquals(sandbox:run("-e " .. program.quote(code)).status, 0)
    local page = report()
    lu.assertEquals(verdict_of(page), "Ended; there was nothing to do.")
    lu.assertStrContains(page.text, "sip_password")
end

function tests.test_the_verdict_is_one_sentence_for_each_way_to_end()
    local function said(told)
        told.counts, told.total, told.left = told.counts or {}, told.total or 0, told.left or 0
        return (report_words.verdict(told))
    end
    lu.assertEquals(said { life = "ended", status = 75 },
        "Locked out: another run was at work on an account, and nothing was sent.")
    lu.assertEquals(said { life = "ended", status = 2 }, "Ended with exit status 2 before anything was begun.")
    lu.assertEquals(said { life = "died" }, "Killed before anything was begun.")
    lu.assertEquals(said { life = "alive", counts = { done = 3, running = 2 }, total = 9, left = 4 },
        "Still at work: 3 of 9 done; 2 were left half-way, 4 were not tried.")
    lu.assertEquals(said { life = "ended", status = 1, counts = { done = 196, failed = 3, unknown = 1 }, total = 200,
        person = 4 }, "196 of 200 done; 3 failed, 1 is unknown. 4 need a person.")
end

-- --- what is safe ----------------------------------------------------------------------------------

local NAMES <const> = {
    "<script>alert(1)</script>", [["'><img src=x onerror=alert(2)>]], "&lt;b&gt; & \\", "rtl \u{202E}gnol\u{202C} abc",
    "</style></script><h1>x", "%s %d %%",
}

function tests.test_names_of_trunks_mean_nothing_to_a_browser()
    start "--trunks 6 --limits none"
    local code = ([[local t = require "trunkhost" local a, names = t.account "bolna", t.json.decode(%q)
        local i = 0
        for trunk in a:trunks() do
            i = i + 1
            if names[i] then a:update(trunk.id, { name = names[i] }) end
        end]]):format(trunkhost.json.encode(NAMES))
    program.ok(sandbox:run("-e " .. program.quote(code)))
    sandbox:tell("faults", { fault = "refuse@PATCH=0.5" })
    sandbox:run(ROTATE .. "--account bolna")
    local page = report()
    -- Not one element that the page does not make itself.
    lu.assertEquals(#html_page.all(page, "script"), 1)
    lu.assertEquals(#html_page.all(page, "img"), 0)
    lu.assertEquals(#html_page.all(page, "h1"), 1)
    for i, name in ipairs(NAMES) do
        lu.assertStrContains(page.text, i == 4 and "rtl ?gnol? abc" or name)
    end
    lu.assertNotStrContains(page.source, "\u{202E}")
end

function tests.test_whatever_comes_from_outside_is_escaped()
    local escape = report_page.escape
    lu.assertEquals(escape [[<a href="x" onclick='y'>&amp;]],
        "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;amp;")
    lu.assertEquals(escape "a\0b\27[31m\u{85}", "a\\x00b\\x1b[31m\\x85")
    lu.assertEquals(escape "\xFF<", "\\xff&lt;")
    lu.assertEquals(escape "\u{202E}x\u{2066}y\u{61C}z\u{FFFE}", "?x?y?z?")
    lu.assertEquals(escape "Zürich 東京 مكتب", "Zürich 東京 مكتب")
    lu.assertEquals(report_page.fill("<b>%s</b>%s", "<i>", report_page.markup "<br>").text, "<b>&lt;i&gt;</b><br>")
end

--- Base64 of the SHA-256 of a text, by another program than the one under test.
local function digest(text)
    local folder = program.folder()
    program.write(folder .. "/text", text)
    local base64 = program.shell(("openssl dgst -sha256 -binary %s/text | base64"):format(folder)):match "[^\n]+"
    program.remove(folder)
    return base64
end

function tests.test_the_page_needs_and_admits_nothing_from_elsewhere()
    start "--trunks 3 --limits none"
    sandbox:run(ROTATE .. "--account famulor")
    local page = report()
    local policy
    for _, element in ipairs(page.elements) do
        local attributes = element.attributes
        policy = policy or attributes["http-equiv"] == "Content-Security-Policy" and attributes.content
        for name, value in pairs(attributes) do
            lu.assertFalse(name == "style" or name:find "^on" ~= nil, name)
            lu.assertFalse(name == "src" or name == "href" and not value:find "^#", name .. "=" .. value)
        end
        lu.assertNil((" link img iframe object form base "):find(" " .. element.name .. " ", 1, true), element.name)
    end
    local style, script = html_page.all(page, "style")[1].text, html_page.all(page, "script")[1].text
    lu.assertEquals(policy, ("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; \z
        form-action 'none'"):format(digest(style), digest(script)))
    for _, text in ipairs { style, script } do
        lu.assertNil(text:find "url%(" or text:find "@import" or text:find "https?:" or text:find "innerHTML", nil)
    end
    for _, media in ipairs { "prefers%-color%-scheme:dark", "@media print", "max%-width" } do
        lu.assertNotNil(style:find(media), media)
    end
end

function tests.test_tables_have_heads_and_states_are_words()
    start "--trunks 3 --limits none"
    sandbox:run(ROTATE .. "--account all")
    local page = report()
    for _, table_of in ipairs(html_page.all(page, "table")) do
        lu.assertTrue(page.source:find('<thead role="rowgroup"><tr role="row">', table_of.at, true) ~= nil)
    end
    for _, head in ipairs(html_page.all(page, "th")) do
        lu.assertNotNil(head.attributes.scope)
    end
    for _, section in ipairs(html_page.all(page, "section")) do
        lu.assertNotNil(page.ids[section.attributes["aria-labelledby"]])
    end
    for _, row in ipairs(rows_of(page)) do
        lu.assertStrContains(row.text, row.state)
    end
    lu.assertStrContains(html_page.all(page, "svg")[1].attributes["aria-label"], " done")
end

function tests.test_no_password_is_in_the_page()
    start "--trunks 6 --limits none --fault refuse@PUT=0.3,lost_reply=0.2 --seed 9"
    local before = rotation.live(sandbox:ask "state", APIS)
    sandbox:run(ROTATE .. "--account all")
    assert_no_password(report(), before)
end

-- --- where it goes ---------------------------------------------------------------------------------

local function mode_of(path)
    return program.shell("stat -c %a " .. program.quote(path)):match "%d+"
end

local function entries_of(folder)
    return program.shell("ls -A " .. program.quote(folder))
end

function tests.test_the_file_is_private_whole_and_never_replaced_by_accident()
    start "--trunks 2 --limits none"
    sandbox:run(ROTATE .. "--account famulor")
    local folder = sandbox.folder .. "/out"
    os.execute("mkdir " .. folder)
    local path = folder .. "/night.html"
    local result = sandbox:run(("report last -o %s"):format(path))
    lu.assertEquals({ result.status, result.out, result.err }, { 0, "", "" })
    lu.assertEquals(mode_of(path), "600")
    html_page.parse(program.read(path))
    program.write(path, "mine")
    local again = sandbox:run(("report --out %s"):format(path))
    lu.assertEquals(again.status, 2)
    lu.assertStrContains(again.err, "there is such a file; --force replaces it")
    lu.assertEquals(program.read(path), "mine")
    lu.assertEquals(sandbox:run(("report --force --out %s"):format(path)).status, 0)
    html_page.parse(program.read(path))
    lu.assertEquals(entries_of(folder), "night.html\n")
end

function tests.test_a_report_that_cannot_be_written_leaves_nothing_behind()
    start "--trunks 2 --limits none"
    sandbox:run(ROTATE .. "--account famulor")
    local folder = sandbox.folder .. "/out"
    os.execute("mkdir " .. folder)
    local nowhere = sandbox:run(("report -o %s/none/night.html"):format(folder))
    lu.assertEquals(nowhere.status, 2)
    lu.assertStrContains(nowhere.err, "cannot write " .. folder .. "/none/night.html")
    lu.assertEquals(select(2, nowhere.err:gsub("\n", "")), 1, nowhere.err)
    lu.assertEquals(entries_of(folder), "")
    local full = sandbox:run("report", { around = [[sh -c 'exec "$@" >/dev/full' sh]] })
    lu.assertEquals(full.status, 2)
    lu.assertStrContains(full.err, "cannot write to standard output")
end

function tests.test_a_page_is_not_for_a_terminal()
    start "--trunks 2 --limits none"
    sandbox:run(ROTATE .. "--account famulor")
    local text = program.shell(("script -qec '%s --ledger %s report' /dev/null </dev/null; echo status $?"):format(
        program.executable, sandbox:ledger_path()))
    lu.assertStrContains(text, "name a file with -o FILE.html")
    lu.assertStrContains(text, "status 2")
    lu.assertNotStrContains(text, "<html")
end

function tests.test_a_run_that_is_not_there_is_a_usage_error_and_looking_makes_no_ledger()
    start "--trunks 2 --limits none"
    local none = sandbox:run "report"
    lu.assertEquals(none.status, 2)
    lu.assertStrContains(none.err, "it is not there")
    lu.assertNil(io.open(sandbox:ledger_path()))
    sandbox:run(ROTATE .. "--account famulor")
    local requests = #sandbox:ask "log"
    for _, words in ipairs { "1999", "--frce", "last more" } do
        local result = sandbox:run("report " .. words)
        lu.assertEquals(result.status, 2, words)
        lu.assertEquals(result.out, "")
        lu.assertEquals(select(2, result.err:gsub("\n", "")), 1, result.err)
    end
    lu.assertStrContains(sandbox:run("report 1999").err, "has no run 1999")
    lu.assertStrContains(sandbox:run("report --frce").err, "--force")
    lu.assertEquals(sandbox:run("report").status, 0)
    lu.assertEquals(#sandbox:ask "log", requests, "it has asked a platform")
end

function tests.test_many_items_need_no_memory_and_half_a_file_does_not_stay()
    start "--trunks 2 --limits none"
    local code = [[local ledger, items = require "trunkhost.ledger", {}
        ledger.begin()
        for i = 1, 20000 do items[i] = i end
        require "trunkhost".map(items, function(i)
            ledger.item_begin("famulor", i)
            ledger.item_end("skipped", ("a reason that takes some room, number %d "):format(i):rep(4))
        end, { concurrency = 1000 })]]
    lu.assertEquals(sandbox:run("-e " .. program.quote(code)).status, 0)
    local path = sandbox.folder .. "/large.html"
    local result = sandbox:run(("--max-memory 8M report -o %s"):format(path))
    lu.assertEquals(result.status, 0, result.err)
    local page = program.read(path)
    lu.assertTrue(#page > 8 * 1024 * 1024, #page)
    lu.assertEquals(select(2, page:gsub('data%-state="skipped"', "")), 20000)
    -- No file may grow beyond 4 MiB: as a disk that is full.
    os.remove(path)
    local full = sandbox:run("report -o " .. path, { around = [[sh -c 'trap "" XFSZ; ulimit -f 8192; exec "$@"' sh]] })
    lu.assertEquals(full.status, 2)
    lu.assertStrContains(full.err, "cannot write " .. path)
    lu.assertNotStrContains(entries_of(sandbox.folder), "large.html")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "report", tests } })
