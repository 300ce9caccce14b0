--- A platform that quotes whatever it was sent, in every form that it may be escaped in: none of it may leave the
--- program, by whatever way.

package.path = "tests/support/?.lua;" .. package.path
local http_server <const> = require "http_server"
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local tests = {}

local TOKEN <const> = 'tok/en+live=51H"7&x'
local PASSWORD <const> = 'Pa/ss "w0rd\\" <4> & 100%'
local PROXY <const> = "pr0xy-Secr3t"

-- --- the forms -------------------------------------------------------------------------------------

local ALPHABET <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
    local out <const> = {}
    for at = 1, #text, 3 do
        local a, b, c = text:byte(at, at + 2)
        local bits <const> = a << 16 | (b or 0) << 8 | (c or 0)
        for i = 0, 3 do
            local digit <const> = bits >> (18 - 6 * i) & 63
            out[#out + 1] = (i == 2 and not b or i == 3 and not c) and "=" or ALPHABET:sub(digit + 1, digit + 1)
        end
    end
    return table.concat(out)
end

local function percent(text, format)
    return (text:gsub("[^%w]", function(c) return format:format(c:byte()) end))
end

local NAMED <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["/"] = "&sol;" }

local FORMS <const> = {
    plain = function(text) return text end,
    ["percent, upper case"] = function(text) return percent(text, "%%%02X") end,
    ["percent, lower case"] = function(text) return percent(text, "%%%02x") end,
    ["percent, + for a blank"] = function(text) return (percent(text, "%%%02X"):gsub("%%20", "+")) end,
    json = function(text) return trunkhost.json.encode(text):sub(2, -2) end,
    ["json, with \\/"] = function(text) return (trunkhost.json.encode(text):sub(2, -2):gsub("/", "\\/")) end,
    ["json, \\u"] = function(text)
        return (text:gsub("[^%w ]", function(c) return ("\\u%04x"):format(c:byte()) end))
    end,
    ["html, named"] = function(text) return (text:gsub("[&<>\"/]", NAMED)) end,
    ["html, decimal"] = function(text) return (text:gsub(".", function(c) return ("&#%d;"):format(c:byte()) end)) end,
    ["html, hexadecimal"] = function(text)
        return (text:gsub(".", function(c) return ("&#x%x;"):format(c:byte()) end))
    end,
    ["base64"] = base64,
    ["Basic, 1"] = function(text) return base64("abc:" .. text) end,
    ["Basic, 2"] = function(text) return base64("abcd:" .. text) end,
    ["Basic, 3"] = function(text) return (base64("abcde:" .. text):gsub("=", "")) end,
    ["base64url"] = function(text)
        return (base64("?" .. text):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
    end,
    ["percent of json"] = function(text) return percent(trunkhost.json.encode(text):sub(2, -2), "%%%02X") end,
    ["cut"] = function(text) return text:sub(1, 12) .. "…" end,
}

--- Nothing of eight characters or more of any form, as it is or as JSON or HTML would show it.
local function assert_clean(text, secrets, where)
    for _, secret in ipairs(secrets) do
        for name, form in pairs(FORMS) do
            local quoted <const> = form(secret)
            for _, shown in ipairs { quoted, trunkhost.json.encode(quoted):sub(2, -2), FORMS["html, named"](quoted) } do
                -- The ends of base64 may belong to its neighbours.
                local core <const> = name:find "[Bb]as" and shown:sub(9, -5) or shown
                if text:find(core, 1, true) then
                    lu.fail(("%s shows the %s form of a secret: %s"):format(where, name, text))
                end
            end
        end
    end
end

-- --- the platform ----------------------------------------------------------------------------------

local TRUNK <const> = [[{"id":42,"allowed_inbound_ips":null,"sip_address":"sip.example.com","sip_username":"myuser",
"inbound_authorization_type":"auth","phone_number":"1000","updated_at":"2026-01-01T08:00:01Z","nickname":"Front desk",
"sip_calling_format":"+e164","created_at":"2026-01-01T08:00:01Z","country_code":"US","outbound_proxy":false}]]

--- Lists a trunk unless `refuses_all`, and refuses everything else with a quote of what it was sent.
local function start(refuses_all)
    local form = "plain"
    local server <const> = http_server.start(function(request)
        if request.method == "GET" and not refuses_all and not request.target:find "/42" then
            return { headers = { "Content-Type: application/json" }, body = '{"data":[' .. TRUNK .. "]}" }
        elseif request.method == "GET" and not refuses_all then
            return { headers = { "Content-Type: application/json" }, body = '{"data":' .. TRUNK .. "}" }
        end
        local token <const> = (request.headers.authorization or ""):gsub("^Bearer ", "")
        local body = request.body ~= "" and trunkhost.json.decode(request.body) or {}
        local quote <const> = ("not allowed: %s and %s"):format(FORMS[form](token),
            FORMS[form](body.sip_password or ""))
        return { status = refuses_all and 403 or 422, headers = { "Content-Type: application/json" },
            body = trunkhost.json.encode { message = quote, code = FORMS[form](token),
                errors = { sip_password = { quote } } } }
    end)
    return server, function(name) form = name end
end

local function with_world(refuses_all, fn)
    local folder <const> = program.folder()
    local server <const>, choose <const> = start(refuses_all)
    program.write(folder .. "/token", TOKEN .. "\n", "600")
    program.write(folder .. "/passwords.csv",
        'trunk,field,password\n42,sip_password,"' .. PASSWORD:gsub('"', '""') .. '"\n', "600")
    program.write(folder .. "/config.lua", ([[return { accounts = { main = { provider = "famulor",
        token = { file = "%s/token" }, base_url = "%s" } } }]]):format(folder, server.url))
    local world <const> = { folder = folder, choose = choose, server = server }
    function world.run(words)
        local env <const> = program.environment(folder, { XDG_STATE_HOME = folder .. "/state",
            http_proxy = "http://user:" .. PROXY .. "@proxy.example.com:3128" })
        local command <const> = { program.executable, "-c", folder .. "/config.lua", env = env, timeout = 60 }
        return trunkhost.process.run(table.move(words, 1, #words, #command + 1, command))
    end
    local ok, err = pcall(fn, world)
    server:stop()
    program.remove(folder)
    if not ok then error(err, 0) end
end

local function names_of_forms()
    local names <const> = {}
    for name in pairs(FORMS) do names[#names + 1] = name end
    table.sort(names)
    return names
end

-- --- the outputs -----------------------------------------------------------------------------------

local READERS <const> = {
    { "list_trunks.lua" },
    { "list_trunks.lua", "--json" },
    { "--log-format", "json", "list_trunks.lua" },
    { "--log-level", "debug", "list_trunks.lua" },
    { "doctor" },
    { "doctor", "--json" },
    { "doctor", "--quiet" },
    { "rotate_passwords.lua", "--yes", "--quiet" },
    { "rotate_passwords.lua", "--yes", "--json" },
    { "-e", [[local ok, err = pcall(function() return require "trunkhost".account "main":get(42) end)
        local t = require "trunkhost"
        print(err, err.message, err.code, err.fields and t.json.encode(err.fields), err.traceback, err.cause)
        io.write(tostring(err)) io.stderr:write(tostring(err)) t.log.error(err.message, { why = err.message })
        error(err)]] },
    { "-e", [[local ok, err = pcall(function() require "trunkhost".account "main":get(42) end)
        error("mine: " .. tostring(err))]] },
}

function tests.test_a_token_that_a_platform_quotes_leaves_by_no_way()
    with_world(true, function(world)
        for i, form in ipairs(names_of_forms()) do
            world.choose(form)
            -- Each form by some of the ways, each way with some of the forms: all pairs would take minutes.
            for way = i % 3 + 1, #READERS, 3 do
                local words <const> = READERS[way]
                local result <const> = world.run(words)
                local text <const> = result.out .. result.err
                lu.assertStrContains(text, "not allowed: ", false, table.concat(words, " "))
                assert_clean(text, { TOKEN }, table.concat(words, " ") .. " of " .. form)
            end
        end
    end)
end

local function ledger_bytes(folder)
    local parts <const> = {}
    for _, name in ipairs { "ledger.db", "ledger.db-wal" } do
        local file <const> = io.open(folder .. "/state/trunkhost/" .. name, "rb")
        if file then
            parts[#parts + 1] = file:read "a"
            file:close()
        end
    end
    return table.concat(parts)
end

function tests.test_a_password_that_a_platform_quotes_leaves_by_no_way()
    with_world(false, function(world)
        for n, form in ipairs(names_of_forms()) do
            world.choose(form)
            os.execute("rm -rf '" .. world.folder .. "/state'")
            local rotate <const> = { "rotate_passwords.lua", "--yes", "--canary", "0", "--passwords",
                world.folder .. "/passwords.csv" }
            local before <const> = n % 3 == 0 and { "--log-format", "json", "--log-level", "debug" } or {}
            local words <const> = table.move(rotate, 1, #rotate, #before + 1, before)
            if n % 3 == 1 then words[#words + 1] = "--json" end
            local rotated <const> = world.run(words)
            lu.assertEquals(rotated.status, 1, rotated.err)
            lu.assertStrContains(rotated.out .. rotated.err, "not allowed: ")
            assert_clean(rotated.out .. rotated.err, { TOKEN, PASSWORD }, "a rotation, " .. form)
            local page <const> = world.folder .. "/report.html"
            os.remove(page)
            for _, look in ipairs { { "runs", "show", "last" }, { "runs", "show", "last", "--json" },
                { "explain", "42" }, { "report", "last", "--out", page } } do
                local result <const> = program.ok(world.run(look))
                assert_clean(result.out .. result.err, { TOKEN, PASSWORD }, table.concat(look, " ") .. ", " .. form)
            end
            lu.assertStrContains(program.read(page), "not allowed: ")
            assert_clean(program.read(page), { TOKEN, PASSWORD }, "the report, " .. form)
            lu.assertStrContains(ledger_bytes(world.folder), "not allowed: ")
            assert_clean(ledger_bytes(world.folder), { TOKEN, PASSWORD }, "the ledger, " .. form)
        end
    end)
end

function tests.test_a_script_prints_what_it_has_revealed_and_nothing_else()
    local code <const> = [[
        local t = require "trunkhost"
        local kept, shown = t.secret { length = 24 }, t.secret { length = 24 }
        local text = shown:reveal()
        print(text) io.write(text, "\n")
        t.log.warn("logged " .. text)
        local copy = {} for i = 1, 24 do copy[i] = text:sub(i, i) end
        assert(#table.concat(copy) == kept:length())]]
    local result <const> = program.ok(program.run("-e " .. program.quote(code)))
    local first <const>, second <const> = result.out:match "^(%w+)\n(%w+)\n$"
    lu.assertEquals(#first, 24)
    lu.assertEquals(first, second)
    lu.assertStrContains(result.err, "logged " .. ("*"):rep(24))
end

function tests.test_what_an_own_client_of_another_api_sends_is_not_printed()
    local server <const> = http_server.start(function(request)
        return { status = 400, headers = { "Content-Type: application/json" },
            body = trunkhost.json.encode { message = "bad " .. request.headers.authorization .. " "
                .. (request.headers["x-api-key"] or "") } }
    end)
    local folder <const> = program.folder()
    program.write(folder .. "/client.lua", ([[
        local t = require "trunkhost"
        local client = t.http.client { base_url = "%s",
            auth = { basic = { "user", t.secret { from = "b4sic-Passw0rd" } } },
            headers = { ["X-Api-Key"] = "plain-k3y-of-a-script" } }
        local ok, err = pcall(client.get, client, "/x")
        print(err) print(err.message)
        local reply = t.http.request { url = "%s/y", headers = { Authorization = "Bearer plain-t0ken-of-a-script" } }
        error(err)]]):format(server.url, server.url))
    local result <const> = trunkhost.process.run { program.executable, folder .. "/client.lua", timeout = 60,
        env = { HOME = folder, PATH = os.getenv "PATH", ASAN_OPTIONS = os.getenv "ASAN_OPTIONS" } }
    server:stop()
    program.remove(folder)
    local text <const> = result.out .. result.err
    lu.assertStrContains(text, "HTTP status 400: bad *****")
    lu.assertNotStrContains(text, "plain-k3y")
    assert_clean(text, { "b4sic-Passw0rd", "plain-k3y-of-a-script" }, "a client")
end

-- --- the proxy -------------------------------------------------------------------------------------

function tests.test_no_password_of_a_proxy_is_shown_whether_or_not_its_address_can_be_read()
    local ways <const> = { "doctor", "doctor --json" }
    for i, address in ipairs { "http://someone:%s@proxy.example.com:3128", "someone:%s@proxy.example.com",
        "http://someone:%s@proxy.example.com:notaport", "http://someone:%s@", "http://someone:%s",
        "http://us er:%s@proxy.example.com",
        "http://someone:%s@[::1", "//someone:%s@proxy.example.com", "http://someone:%s@proxy.example.com:99999" } do
        local env <const> = { https_proxy = address:format(PROXY), FAMULOR_TOKEN = TOKEN }
        local raised <const> = program.run("-e 'error(os.getenv [[https_proxy]])'", { env = env })
        assert_clean(raised.out .. raised.err, { PROXY }, address)
        local looked <const> = program.run(ways[i % 2 + 1] .. " --offline", { env = env })
        assert_clean(looked.out .. looked.err, { PROXY }, address)
        lu.assertNotStrContains(looked.out .. looked.err, "someone")
        local sent <const> = program.run("-e 'require [[trunkhost]].http.request { url = [[https://127.0.0.2:9/]] }'",
            { env = env })
        assert_clean(sent.out .. sent.err, { PROXY }, address)
    end
end

function tests.test_an_address_of_a_proxy_that_cannot_be_read_stops_the_request_with_the_variable_named()
    local result <const> = program.run("list_trunks.lua", { env = { FAMULOR_TOKEN = TOKEN,
        https_proxy = "http://user:" .. PROXY .. "@proxy.example.com:notaport" } })
    lu.assertNotEquals(result.status, 0)
    lu.assertStrContains(result.err, "https_proxy")
    lu.assertStrContains(result.err, "nothing was sent")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "redaction", tests } })
