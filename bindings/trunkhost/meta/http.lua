---@meta

--- Requests to any other HTTP API: a PBX, a chat, a webhook.

---@class trunkhost.Http
local http = {}

--- Makes a client of one API: its address, credentials, limits and connections. It can be kept in a to-be-closed
--- variable; otherwise it is closed when nobody has it any more.
---
--- Raises: `invalid`: an address that is none, `http://` to another machine, a secret that is not there.
---@param options trunkhost.HttpClientOptions
---@return trunkhost.HttpClient
---@see docs/http.md
function http.client(options) end

--- Sends one request to any address. Every status is a result and no error. GET, HEAD and OPTIONS are sent again when
--- the line or the server fails; a write that may have arrived is not, unless it is repeatable. Redirects are not
--- followed. In a dry run only GET is sent.
---
--- Raises: `network`, `tls`, `timeout`; `unknown_outcome` when no complete answer to a write came; `malformed` for a
--- reply that is no HTTP or larger than allowed; `invalid` for a URL that is none, and in a dry run.
---@async
---@param request trunkhost.HttpRequest
---@return trunkhost.HttpReply
function http.request(request) end

--- Percent-encodes everything but letters, digits and `-._~`, so that a text can be a part of a path.
---@param text string|number
---@return string
function http.escape(text) end

--- Where a secret is: one that is there already, an environment variable, a file that only we can read, or a command
--- whose first line it is.
---@alias trunkhost.SecretSource trunkhost.Secret|{ env: string }|{ file: string }|{ command: string[] }

---@class (exact) trunkhost.HttpClientOptions
---@field base_url string|trunkhost.SecretSource  https, or http on this machine. If secret, its host is shown.
---@field token? trunkhost.SecretSource  Sent as a bearer token.
---@field auth? { bearer: trunkhost.SecretSource }|{ basic: any[] }  Basic: the user's name and where the password is.
---@field headers? table<string, string|number|trunkhost.Secret>  Of every request.
---@field query? table<string, any>  Of every request, as that of a call.
---@field rate? trunkhost.RateWindow[]  Requests per seconds; all windows hold. Default: none.
---@field concurrency? integer  Requests at a time. Default: `16`.
---@field timeout? number  Seconds for each try. Default: `30`.
---@field retry? trunkhost.HttpRetry|false  What is repeated; `false`: nothing.
---@field http? "1.1"|"2"  The version of HTTP. Default: what the server has.
---@field ca_file? string  Certificates that are trusted instead of the system's.
---@field max_bytes? integer  Of the body of a reply. Default: 64 MiB; with `to` no bound.
---@field allow_plain_http? boolean  `http://` to other machines: anyone on the way can read and change everything.

---@class (exact) trunkhost.HttpRetry
---@field times? integer  How often a request is sent at most. Without it 5, and 30 for 429 and broken connections.
---@field on? ("network"|"rate_limited"|"timeout"|"unavailable")[]  What is repeated, where it is safe. Without it all.

--- What every request can say.
---@class (exact) trunkhost.HttpSend
---@field query? table<string, any>  Added to the address: texts, numbers, booleans, secrets, lists of these.
---@field headers? table<string, string|number|trunkhost.Secret|false>  `false` leaves out one of the client.
---@field json? any  The body, as JSON. Secrets in it are sent as texts.
---@field form? table<string, any>  The body, as a form of a web page.
---@field body? string  The body, as it is.
---@field from? string  A file that is the body. It is never in memory as a whole.
---@field to? string  A file for the body of a 2xx reply. It is never in memory as a whole, and appears when complete.
---@field timeout? number  Seconds for each try. With `to` or `from` the default is for how long nothing moves.
---@field max_bytes? integer  Of the body of the reply.
---@field decode? "json"|false  The reply must be JSON, or is not looked at. Default: JSON where its type says so.
---@field repeatable? boolean  The write changes nothing more when it is sent again.
---@field idempotency_key? string|true  The header Idempotency-Key, `true`: a random one. It makes a write repeatable.
---@field retry? trunkhost.HttpRetry|false  What is repeated; `false`: nothing.

---@class (exact) trunkhost.HttpRequest: trunkhost.HttpSend
---@field url string|trunkhost.SecretSource  https, or http on this machine. If secret, its host is shown.
---@field method? string  Default: `"GET"`.
---@field resend? boolean  Another word for `repeatable`; `false` also for what changes nothing.

---@class (exact) trunkhost.HttpCall: trunkhost.HttpSend
---@field expect? integer|integer[]|"any"  Statuses that are results, besides 2xx.

---@class (exact) trunkhost.HttpClientRequest: trunkhost.HttpCall
---@field method? string  Default: `"GET"`.
---@field path? string|any[]  As of the methods.

---@class trunkhost.HttpReply
---@field status integer
---@field headers trunkhost.HttpHeaders
---@field body? string  Not with `to`.
---@field json? any  The body decoded.
---@field file? string  With `to`: where the body is.
---@field bytes? integer  With `to`: how large it is.
---@field attempts integer  How often the request was sent.

--- The headers of a reply. Their names are found in any case; `pairs` has them in lower case. One that comes several
--- times is joined with ", ".
---@class trunkhost.HttpHeaders
---@field [string] string
local headers = {}

--- Every value of a header by itself.
---@param name string
---@return string[]
function headers:all(name) end

--- A client of one API. A status other than 2xx, unless it is expected, raises an error object. In a dry run only GET
--- is sent.
---
--- A path is a text that is escaped already (`"users?page=2"`), or a list of parts that are not (`{ "users", name }`).
--- It is below the base; an absolute URL is taken when it leads to the same server.
---@class trunkhost.HttpClient
local client = {}

--- Asks, and asks again when the line or the server fails.
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

--- Sends something, and never again when it may have arrived, unless it is repeatable.
---
--- Raises: `unknown_outcome` when it may have happened, and what asking raises.
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

--- A request of any method.
---
--- Raises: `unknown_outcome` when a write may have happened, and what asking raises.
---@async
---@param request trunkhost.HttpClientRequest
---@return trunkhost.HttpReply
function client:request(request) end

--- How it stands with its limits, as `account:pace()`.
---@return trunkhost.Pace
function client:pace() end

--- Lets go of its connections. What is under way ends; a request afterwards is an error.
function client:close() end
