---@meta

--- Accounts: one access to a platform, with its token and its trunks.
---
--- The rate limit and the `concurrency` of an account hold for all tasks together. Before a request is sent, it is
--- checked against the description of the provider.

--- A trunk with the platform's field names (docs/providers.md). Integers stay integers; null is `trunkhost.null`.
---@class trunkhost.Trunk
---@field id integer|string
---@field [string] any

--- Fields of a trunk to send: the platform's names, and `trunkhost.null` for null. A password may be a string or a
--- secret; either way it is in the ledger before it is sent.
---@alias trunkhost.Fields table<string, any>

---@class trunkhost.Account
local account = {}

--- All trunks, page by page if the platform has pages: `for trunk in account:trunks() do … end`. The whole list is read
--- before the first trunk comes.
---
--- Raises: `malformed` if the list is incomplete: the platform announces more trunks than it sends, or the list keeps
--- changing; any other kind that a request can raise.
---@async
---@param options? trunkhost.ListOptions
---@return fun(): trunkhost.Trunk?
function account:trunks(options) end

--- One trunk, in full.
---
--- Raises: `not_found` and any other kind that a request can raise.
---@async
---@param id integer|string
---@return trunkhost.Trunk trunk
---@return integer attempts  Requests that were sent.
function account:get(id) end

--- Creates a trunk. The request is sent once. If an earlier create of the same fields had no complete reply, trunkhost
--- looks for its trunk first, and returns it with its passwords set again. The create is sent again only if a list that
--- was begun after the settle time of the platform (`eventual`) does not show the trunk.
---
--- Raises: `unknown_outcome` if no complete reply came, or if an earlier trunk may still appear: run again later;
--- `invalid` with the faults of all fields if nothing was sent.
---@async
---@param fields trunkhost.Fields
---@param options? trunkhost.CallOptions
---@return trunkhost.Trunk trunk
---@return integer attempts  Requests that were sent.
function account:create(fields, options) end

--- Changes a trunk. Sends these fields and no others. Some fields replace a whole list, and some re-create a leg
--- whenever they are sent (docs/providers.md).
---
--- Raises: `invalid` with the faults of all fields if nothing was sent; any other kind, with `ambiguous` if the change
--- may have happened.
---@async
---@param id integer|string
---@param fields trunkhost.Fields
---@param options? trunkhost.CallOptions
---@return trunkhost.Trunk|true trunk  As in the reply; true if the reply has none.
---@return integer attempts  Requests that were sent.
---@return table<string, integer>|false receipt  Field → the row of its password in the ledger; false without passwords.
function account:update(id, fields, options) end

--- Deletes a trunk. If the same request could also delete something else, such as a bought number, the id must be in
--- the list of trunks.
---
--- Raises: `not_found` and any other kind that a request can raise.
---@async
---@param id integer|string
---@param options? trunkhost.CallOptions
---@return any reply  True if the reply has no body.
---@return integer attempts  Requests that were sent.
function account:delete(id, options) end

--- All items of a list endpoint, page by page if it has pages. The result is checked against what the replies say about
--- the whole list (`total`, `has_more`, a next page, the header `Link` …).
---
--- Raises: `malformed` if the list is incomplete; any other kind that a request can raise.
---@async
---@param endpoint string  Its name, such as "list" or "numbers.list".
---@param params? integer|string|table<string, any>  The id in its path, or a table of path parameters.
---@param options? trunkhost.ListOptions
---@return table[]
function account:list(endpoint, params, options) end

--- Calls an endpoint of the provider by its name. For a list this returns one reply, which may be one of several pages:
--- use `account:list` for the whole list.
---
--- Raises: any kind that a request can raise.
---@async
---@param endpoint string  Its name, such as "numbers.add".
---@param params? integer|string|table<string, any>  The id in its path, or a table of path parameters.
---@param fields? trunkhost.Fields  The body.
---@param options? trunkhost.CallOptions
---@return any reply  An object, an array, or true if the reply has no body.
---@return integer attempts  Requests that were sent.
---@return boolean more  Whether the list has another page.
function account:call(endpoint, params, fields, options) end

--- Checks that the platform accepts the token.
---
--- Raises: `auth` if it does not; any other kind that a request can raise.
---@async
---@return table reply
function account:check() end

--- The legs that a change re-creates, which drops their calls. Sends nothing.
---@param trunk trunkhost.Trunk  As it is now.
---@param fields trunkhost.Fields  The fields to send.
---@return trunkhost.Impact
function account:impact(trunk, fields) end

--- The description of its provider.
---@return trunkhost.Provider
function account:describe() end

---@return string
function account:name() end

--- The state of its rate limit.
---@return trunkhost.Pace
function account:pace() end

--- Records in the ledger what is known about a secret that was sent. `job.apply` and `job.verify` call this by
--- themselves.
---@param id integer|string  Of the trunk.
---@param field string
---@param secret trunkhost.Secret  The one that was sent.
---@param state "current"|"rejected"  Proven to be live, or proven not to be.
---@param evidence? string  What proves it.
function account:settle(id, field, secret, state, evidence) end

---@class (exact) trunkhost.ListOptions
---@field query? table<string, any>  Query parameters that the provider's description allows.

---@class (exact) trunkhost.CallOptions
---@field query? table<string, any>  Query parameters that the provider's description allows.
--- Fields that may get a dangerous value: an empty or too short password, authentication switched off, an allow list
--- that admits nearly everyone, a list replaced by an empty one.
---@field grant? string[]
---@field resend? boolean  False: a change whose reply is lost is not sent again but raised. Default: `true`.
--- False: a password that the platform accepts stays a candidate until `account:settle` says more. Default: `true`.
---@field settle? boolean

---@class (exact) trunkhost.Impact
---@field inbound boolean
---@field outbound boolean

---@class trunkhost.Pace
---@field queued integer  Requests that wait for their turn.
---@field in_flight integer  Requests that were sent and have no reply yet.
---@field admitted integer  Requests so far.
---@field limited integer  Answers with the status 429 so far.
---@field wait number  Seconds until the next one may be sent.
---@field waiting_for string  What it waits for, in words; "" if nothing.
