---@meta

--- Requests to any other HTTP API: a PBX, a chat, a webhook.

---@class trunkhost.Http
local http = {}

--- Sends a request. Every status is a result and no error. GET, HEAD, PUT, DELETE and OPTIONS are sent again when the
--- line fails; POST, PATCH and others never. In a dry run only GET, HEAD and OPTIONS are sent.
---
--- Raises: `network`, `tls`, `timeout`; `unknown_outcome` when no answer to a POST came; `invalid` for a URL that is
--- none, and in a dry run.
---@async
---@param request trunkhost.HttpRequest
---@return trunkhost.HttpReply
function http.request(request) end

---@class (exact) trunkhost.HttpRequest
---@field url string  https, or http.
---@field method? string  Default: `"GET"`.
---@field headers? table<string, string|number>
---@field body? string  What is sent, as it is.
---@field json? any  What is sent as JSON, instead of `body`. Secrets in it are sent as texts.
---@field timeout? number  Seconds for each try.
---@field resend? boolean  Whether it is sent again when the line fails. Default: by the method.

---@class trunkhost.HttpReply
---@field status integer
---@field headers table<string, string>  Names are lower-case; one that comes several times is joined with ", ".
---@field body string
---@field json? any  The body decoded, where it is JSON by its type.
