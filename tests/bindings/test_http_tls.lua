--- TLS of trunkhost.http.client: whom it trusts, and that a certificate that is not trusted is no reason for a repeat.

package.path = "tests/support/?.lua;" .. package.path
local lu <const> = require "luaunit"
local program <const> = require "program"
local trunkhost <const> = require "trunkhost"

local http <const>, uv <const> = trunkhost.http, trunkhost.uv
local tests = {}

local folder, server, url

--- A server of OpenSSL with a certificate for localhost that it has signed itself.
function tests.setUp()
    folder = program.folder()
    local made <const> = trunkhost.process.run { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", folder .. "/key.pem", "-out", folder .. "/cert.pem" }
    assert(made.status == 0, made.err)
    local lines <const>, pipe <const> = trunkhost.queue(), uv.new_pipe(false)
    server = uv.spawn("openssl", { stdio = { nil, pipe, nil }, args = { "s_server", "-accept", "127.0.0.1:0", "-www",
        "-cert", folder .. "/cert.pem", "-key", folder .. "/key.pem" } }, function() server:close() end)
    pipe:read_start(function(_, text)
        if text then
            lines:put(text)
        else
            pipe:close()
        end
    end)
    local port
    repeat
        port = lines:get():match "ACCEPT [^\n]*:(%d+)"
    until port
    url = "https://localhost:" .. port
end

function tests.tearDown()
    server:kill "sigterm"
    program.remove(folder)
end

function tests.test_an_authority_of_ones_own_is_trusted_by_ca_file()
    for _, version in ipairs { "1.1", "2" } do
        local client <close> = http.client { base_url = url, ca_file = folder .. "/cert.pem", http = version }
        lu.assertEquals(client:get("/").status, 200)
    end
end

function tests.test_a_certificate_that_is_not_trusted_ends_it_at_once()
    local stranger <close> = http.client { base_url = url }
    local ok <const>, err <const> = pcall(stranger.post, stranger, "/", { json = {} })
    lu.assertFalse(ok)
    lu.assertEquals(trunkhost.is_error(err), "tls")
    lu.assertFalse(err.ambiguous)
    lu.assertEquals(err.attempts, 0)
    lu.assertStrContains(err.message, "POST " .. url)
    local other <close> = http.client { base_url = (url:gsub("localhost", "127.0.0.1")),
        ca_file = folder .. "/cert.pem" }
    lu.assertEquals(trunkhost.is_error(select(2, pcall(other.get, other, "/"))), "tls")
end

function tests.test_a_ca_file_that_cannot_be_read_is_told()
    local ok <const>, err <const> = pcall(http.client, { base_url = url, ca_file = folder .. "/none.pem" })
    lu.assertFalse(ok)
    lu.assertEquals(trunkhost.is_error(err), "invalid")
    lu.assertStrContains(err.message, "none.pem")
end

local runner <const> = lu.LuaUnit.new()
os.exit(runner:runSuiteByInstances { { "http_tls", tests } })
