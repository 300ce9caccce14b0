---@meta

--- Accounts: an account is the trunks of one customer at one platform, with the token that opens them.
---
--- Every request holds the rate limit and the `concurrency` of its account, for all tasks together. Before anything is
--- sent, what is to be sent is held against the description of the provider.

--- A trunk as its platform describes it, with the platform's own field names (docs/providers.md). Integers stay
--- integers; what is null is `trunkhost.null`.
---@class trunkhost.Trunk
---@field id integer|string
---@field [string] any

--- Fields of a trunk to send: the platform's own names, and `trunkhost.null` for null. A password may be a text or a
--- secret; either is in the ledger before it is sent.
---@alias trunkhost.Fields table<string, any>

---@class trunkhost.Account
local account = {}

--- All trunks, page by page where the platform has pages: `for trunk in account:trunks() do … end`. The whole list is
--- read before the first trunk comes.
---
--- Raises: `malformed` when the list is not whole: the platform names more trunks than it sends, or the list changes
--- all the time; every other kind that a request can.
---@async
---@param options? trunkhost.ListOptions
---@return fun(): trunkhost.Trunk?
function account:trunks(options) end

--- One trunk, in full.
---
--- Raises: `not_found` and every other kind that a request can.
---@async
---@param id integer|string
---@return trunkhost.Trunk trunk
---@return integer attempts  Requests that were sent.
function account:get(id) end

--- Creates a trunk. It is sent once. Where an earlier create of the same fields had no complete answer, it is looked
--- for first: a trunk that it has made is returned, with its passwords set again. It is sent again only when a list
--- that was begun after the settle time of the platform (`eventual`) does not show it.
---
--- Raises: `unknown_outcome` when no complete answer came, or when an earlier one may still show: run again later;
--- `invalid` with the faults of all fields when nothing was sent.
---@async
---@param fields trunkhost.Fields
---@param options? trunkhost.CallOptions
---@return trunkhost.Trunk trunk
---@return integer attempts  Requests that were sent.
function account:create(fields, options) end

--- Changes a trunk. Sends these fields and no others; some replace a whole list, and some re-create a leg by being
--- there (docs/providers.md).
---
--- Raises: `invalid` with the faults of all fields when nothing was sent; any other kind, with `ambiguous` where the
--- change may have happened.
---@async
---@param id integer|string
---@param fields trunkhost.Fields
---@param options? trunkhost.CallOptions
---@return trunkhost.Trunk|true trunk  As the platform answers; true where it answers without one.
---@return integer attempts  Requests that were sent.
function account:update(id, fields, options) end

--- Deletes a trunk. Where the same request would also release things that are no trunks, the id is looked up in the
--- list of trunks first.
---
--- Raises: `not_found` and every other kind that a request can.
---@async
---@param id integer|string
---@param options? trunkhost.CallOptions
---@return any reply  True where the platform answers without a body.
---@return integer attempts  Requests that were sent.
function account:delete(id, options) end

--- All items of a list endpoint of the provider's description, page by page where it has pages. What the replies say of
--- the whole list (`total`, `has_more`, a next page, the header `Link` …) is held against what came.
---
--- Raises: `malformed` when the list is not whole; every other kind that a request can.
---@async
---@param endpoint string  Its name, as "list" or "numbers.list".
---@param params? integer|string|table<string, any>  The id in its path, or a table of path parameters.
---@param options? trunkhost.ListOptions
---@return table[]
function account:list(endpoint, params, options) end

--- Calls an endpoint of the provider's description by its name. Of a list this is one reply, which may be one page of
--- many: use `account:list` for the whole list.
---
--- Raises: every kind that a request can.
---@async
---@param endpoint string  Its name, as "numbers.add".
---@param params? integer|string|table<string, any>  The id in its path, or a table of path parameters.
---@param fields? trunkhost.Fields  The body.
---@param options? trunkhost.CallOptions
---@return any reply  An object, an array, or true where the platform answers without a body.
---@return integer attempts  Requests that were sent.
---@return boolean more  There is another page of this list.
function account:call(endpoint, params, fields, options) end

--- Asks the platform whether the token is good.
---
--- Raises: `auth` when it is not, and every other kind that a request can.
---@async
---@return table reply
function account:check() end

--- Which legs a change re-creates, which drops their calls. Sends nothing.
---@param trunk trunkhost.Trunk  As it is now.
---@param fields trunkhost.Fields  What is to be sent.
---@return trunkhost.Impact
function account:impact(trunk, fields) end

--- The description of its provider.
---@return trunkhost.Provider
function account:describe() end

---@return string
function account:name() end

--- How its rate limit stands.
---@return trunkhost.Pace
function account:pace() end

--- Records in the ledger what is known now of a secret that was sent: `job.apply` and `job.verify` do so by themselves.
---@param id integer|string  Of the trunk.
---@param field string
---@param secret trunkhost.Secret  The very one that was sent.
---@param state "current"|"rejected"  It is proven to be live, or not to be.
---@param evidence? string  What proves it.
function account:settle(id, field, secret, state, evidence) end

---@class (exact) trunkhost.ListOptions
---@field query? table<string, any>  Query parameters, as far as the provider's description has them.

---@class (exact) trunkhost.CallOptions
---@field query? table<string, any>  Query parameters, as far as the provider's description has them.
--- Fields that may be set to something dangerous: an empty or too short password, authentication switched off, a list
--- that lets nearly everyone in or that is replaced by an empty one.
---@field grant? string[]
---@field resend? boolean  False: a change whose answer is lost is raised at once and not sent again. Default: `true`.
--- False: a password that the platform accepts stays a candidate until `account:settle` says more. Default: `true`.
---@field settle? boolean

---@class (exact) trunkhost.Impact
---@field inbound boolean
---@field outbound boolean

---@class trunkhost.Pace
---@field queued integer  Requests that wait for their turn.
---@field in_flight integer  Requests that were sent and not answered yet.
---@field admitted integer  Requests so far.
---@field limited integer  Answers with the status 429 so far.
---@field wait number  Seconds until the next one may be sent.
---@field waiting_for string  What holds it back, for people; "" when nothing does.
