---@meta

--- Requests to any other HTTP API: a PBX, a chat, a webhook.

---@class trunkhost.Http
local http = {}

--- Makes a client of one API: its address, credentials, limits and connections. It can be a to-be-closed variable;
--- otherwise it is closed when it is no longer used.
---
--- Raises: `invalid`: a wrong address, `http://` to another machine, a missing secret.
---@param options trunkhost.HttpClientOptions
---@return trunkhost.HttpClient
---@see docs/http.md
function http.client(options) end

--- Sends one request to any address. Every status is a result, not an error. GET, HEAD and OPTIONS are sent again if
--- the connection or the server fails; a write that may have arrived is not, unless it is repeatable. Redirects are not
--- followed. In a dry run only GET is sent.
---
--- Raises: `network`, `tls`, `timeout`; `unknown_outcome` if no complete reply to a write came; `malformed` for a reply
--- that is not HTTP or too large; `invalid` for a wrong URL, and in a dry run.
---@async
---@param request trunkhost.HttpRequest
---@return trunkhost.HttpReply
function http.request(request) end

--- Percent-encodes everything but letters, digits and `-._~`, so that a string can be a part of a path.
---@param text string|number
---@return string
function http.escape(text) end

--- Where a secret comes from: a secret, an environment variable, a file that only its owner can read, or the first line
--- that a command prints.
---@alias trunkhost.SecretSource trunkhost.Secret|{ env: string }|{ file: string }|{ command: string[] }

---@class (exact) trunkhost.HttpClientOptions
---@field base_url string|trunkhost.SecretSource  https, or http on this machine. If secret, its host is shown.
---@field token? trunkhost.SecretSource  Sent as a bearer token.
---@field auth? { bearer: trunkhost.SecretSource }|{ basic: any[] }  Basic: user name and source of the password.
---@field headers? table<string, string|number|trunkhost.Secret>  For every request.
---@field query? table<string, any>  For every request, as in a call.
---@field rate? trunkhost.RateWindow[]  Requests per seconds; all windows hold. Default: none.
---@field concurrency? integer  Requests at a time. Default: `16`.
---@field timeout? number  Seconds for each try. Default: `30`.
---@field retry? trunkhost.HttpRetry|false  What is repeated; `false`: nothing.
---@field http? "1.1"|"2"  The version of HTTP. Default: the server decides.
---@field ca_file? string  Certificates that are trusted instead of the system's.
---@field max_bytes? integer  Limit for the body of a reply. Default: 64 MiB; with `to` none.
---@field allow_plain_http? boolean  `http://` to other machines: anyone on the way can read and change everything.

---@class (exact) trunkhost.HttpRetry
---@field times? integer  The most times that a request is sent. Default: 5, and 30 for 429 and broken connections.
---@field on? ("network"|"rate_limited"|"timeout"|"unavailable")[]  What is repeated, where it is safe. Default: all.

--- The options of every request.
---@class (exact) trunkhost.HttpSend
---@field query? table<string, any>  Added to the address: strings, numbers, booleans, secrets, lists of these.
---@field headers? table<string, string|number|trunkhost.Secret|false>  `false` leaves out one of the client.
---@field json? any  The body, as JSON. Secrets in it are sent as strings.
---@field form? table<string, any>  The body, encoded as a web form.
---@field body? string  The body, as it is.
---@field from? string  A file that is the body. It is never in memory as a whole.
---@field to? string  A file for the body of a 2xx reply. It is never in memory as a whole, and appears when complete.
---@field timeout? number  Seconds for each try. With `to` or `from` the default limits the time without progress.
---@field max_bytes? integer  Limit for the body of the reply.
---@field decode? "json"|false  The reply must be JSON, or is not decoded. Default: decoded if its type is JSON.
---@field repeatable? boolean  Sending the write again changes nothing more.
---@field idempotency_key? string|true  The header Idempotency-Key, `true`: a random one. It makes a write repeatable.
---@field retry? trunkhost.HttpRetry|false  What is repeated; `false`: nothing.

---@class (exact) trunkhost.HttpRequest: trunkhost.HttpSend
---@field url string|trunkhost.SecretSource  https, or http on this machine. If secret, its host is shown.
---@field method? string  Default: `"GET"`.
---@field resend? boolean  The same as `repeatable`; `false` also for GET.

---@class (exact) trunkhost.HttpCall: trunkhost.HttpSend
---@field expect? integer|integer[]|"any"  Statuses that are results, besides 2xx.

---@class (exact) trunkhost.HttpClientRequest: trunkhost.HttpCall
---@field method? string  Default: `"GET"`.
---@field path? string|any[]  As in the methods.

---@class trunkhost.HttpReply
---@field status integer
---@field headers trunkhost.HttpHeaders
---@field body? string  Not with `to`.
---@field json? any  The body decoded.
---@field file? string  With `to`: where the body is.
---@field bytes? integer  With `to`: its size.
---@field attempts integer  How often the request was sent.

--- The headers of a reply. Names may be written in any case; `pairs` has them in lower case. One that comes several
--- times is joined with ", ".
---@class trunkhost.HttpHeaders
---@field [string] string
local headers = {}

--- All values of a header.
---@param name string
---@return string[]
function headers:all(name) end

--- A client of one API. A status other than 2xx, unless it is expected, raises an error object. In a dry run only GET
--- is sent.
---
--- A path is a string that is already escaped (`"users?page=2"`), or a list of parts that are not
--- (`{ "users", name }`). It is below the base; an absolute URL is accepted if it leads to the same server.
---@class trunkhost.HttpClient
local client = {}

--- Sends a GET request, and sends it again if the connection or the server fails.
---
--- Raises: `refused`, `auth`, `not_found`, `conflict`, `rate_limited`, `unavailable`, `network`, `tls`, `timeout`,
--- `malformed`; `invalid` for a path that leaves the base.
---@async
---@param path? string|any[]
---@param call? trunkhost.HttpCall
---@return trunkhost.HttpReply
function client:get(path, call) end

--- As `get`, without a body in the reply.
---@async
---@param path? string|any[]
---@param call? trunkhost.HttpCall
---@return trunkhost.HttpReply
function client:head(path, call) end

--- Sends a POST request. If it may have arrived, it is not sent again, unless it is repeatable.
---
--- Raises: `unknown_outcome` if it may have happened; what `get` raises.
---@async
---@param path? string|any[]
---@param call? trunkhost.HttpCall
---@return trunkhost.HttpReply
function client:post(path, call) end

--- As `post`.
---@async
---@param path? string|any[]
---@param call? trunkhost.HttpCall
---@return trunkhost.HttpReply
function client:put(path, call) end

--- As `post`.
---@async
---@param path? string|any[]
---@param call? trunkhost.HttpCall
---@return trunkhost.HttpReply
function client:patch(path, call) end

--- As `post`.
---@async
---@param path? string|any[]
---@param call? trunkhost.HttpCall
---@return trunkhost.HttpReply
function client:delete(path, call) end

--- Sends a request with any method.
---
--- Raises: `unknown_outcome` if a write may have happened; what `get` raises.
---@async
---@param request trunkhost.HttpClientRequest
---@return trunkhost.HttpReply
function client:request(request) end

--- The state of its limits, as `account:pace()`.
---@return trunkhost.Pace
function client:pace() end

--- Closes its connections. Requests under way end; a later request is an error.
function client:close() end
