---@meta

--- The job engine for bulk changes: plan, question, canary, waves, limits, ledger, report and exit status.

---@class trunkhost.Job
---@field new_secret trunkhost.NewSecret  In the changes of a plan: a new password, generated when it is sent.
local job = {}

--- Runs a job from its options to its exit status.
---
--- Raises: a string, if the script has a mistake: an unknown member of the job, an item without a key, two items with
--- the same key, a wrong plan. Errors of the platform make items fail and are not raised.
---@async
---@param spec trunkhost.JobSpec
---@return trunkhost.JobResult
---@see docs/writing-scripts.md#the-parts-of-a-job
function job.run(spec) end

--- The trunks that the options choose, as in a job.
---@async
---@param chosen trunkhost.Options  What the parser returned.
---@return trunkhost.Entry[] entries
---@return trunkhost.Unlisted[] failures  Accounts that could not be listed.
function job.trunks(chosen) end

--- Reads the trunk in full, as it is now: the start of every change.
---
--- Raises: any kind that a request can raise, after a few tries.
---@async
---@param account trunkhost.Account
---@param trunk trunkhost.Trunk  As in the list.
---@return trunkhost.Trunk
function job.before(account, trunk) end

--- Sends fields and returns when the change is certain. A repeatable change is sent again until the platform confirms
--- it; then the trunk is compared with the one before.
---
--- Raises: what the platform refused; `unknown_outcome` if it stays unknown.
---@async
---@param account trunkhost.Account
---@param before trunkhost.Trunk  In full, just read by `job.before`.
---@param fields trunkhost.Fields  What changes, and nothing else.
---@return trunkhost.Applied
function job.apply(account, before, fields) end

--- Waits until the carrier accepts the new passwords, if the platform shows that.
---
--- Raises: `refused` if the carrier does not accept them, `unknown_outcome` if it does not answer.
---@async
---@param account trunkhost.Account
---@param applied trunkhost.Applied  What `job.apply` returned.
---@param seconds? number  The longest wait. Default: `60`.
---@return trunkhost.Evidence
function job.verify(account, applied, seconds) end

--- Whether a password was set and verified recently, so that it need not change.
---@param account trunkhost.Account
---@param id integer|string  Of the trunk.
---@param field string
---@param seconds number  The age limit.
---@return string? reason  Such as "rotated 12 days ago"; nil if it is older or not in the ledger.
function job.recent(account, id, field, seconds) end

--- In `apply` and `verify`: ends the item as failed.
---
--- Raises: an error object of that kind, always.
---@param kind trunkhost.ErrorKind
---@param message string  What failed, on what, and what to do next.
---@param members? table<string, any>  More members of the error object.
function job.failed(kind, message, members) end

--- In `apply` and `verify`: ends the item as unknown, because the change may have happened.
---
--- Raises: `unknown_outcome`, always.
---@param message string
---@param members? table<string, any>  More members of the error object.
function job.unknown(message, members) end

--- The only value of its kind: `job.new_secret`.
---@class trunkhost.NewSecret

--- The items of a job and their names. Each member has a default that fits trunks.
---@class trunkhost.Source
--- The items: a list, an iterator, or a function that returns either. A function with a parameter is called once for
--- every account, any other once. Default: every trunk, as `{ account =, trunk = }`.
---@field items? any[]|fun(account?: trunkhost.Account): any
--- The name of the item in the report and the ledger. It must not change between runs. Default: the id of the trunk.
---@field key? fun(item: any): string|integer
--- The account of an item, or its name. Default: its member `account`, or the account in whose list it was.
---@field account? fun(item: any): trunkhost.Account|string|nil
--- The trunk of an item, whose fields `--match` compares. Default: its member `trunk`, or the item itself.
---@field trunk? fun(item: any): trunkhost.Trunk|integer|string

--- A job. If `apply` or `verify` raises an error object, the item fails; any other error is a mistake in the script and
--- ends the run.
---@class (exact) trunkhost.JobSpec : trunkhost.Source
---@field name string  Its name.
---@field options? trunkhost.Options  What the parser returned. Default: the standard options.
--- Says what to change in an item. It only reads: it may send nothing but GET.
---@field plan fun(item: any): trunkhost.Plan
--- Makes the change. Without an error the item counts as done. Default: sends the planned changes.
---@field apply? async fun(item: any, plan: trunkhost.Plan): trunkhost.Applied?
--- Returns the evidence, and raises an error if the change does not work. Default: `job.verify` of what `job.apply`
--- returned.
---@field verify? async fun(item: any, plan: trunkhost.Plan, applied: trunkhost.Applied): trunkhost.Evidence?
--- Checks all chosen items before any is planned. failed: account name → why it could not be listed.
---@field check? fun(items: any[], failed: table<string, trunkhost.Error>)
--- How to undo an item with `--undo RUN`; true: put the old values of the changed fields back. Without it the job
--- cannot be undone.
---@field undo? boolean|fun(item: any, record: trunkhost.UndoRecord): trunkhost.Applied?
---@field view? trunkhost.JobView  Shows the plan in its own way.

--- Shows a plan that does not fit the standard table.
---@class trunkhost.JobView
--- Prints the plan. full: it is a dry run. The last argument are the failures, as in `summary`.
---@field show fun(entries: trunkhost.Entry[], todo: trunkhost.Entry[], screen: trunkhost.Screen, full: boolean, ...)
--- Returns one sentence for the question with `--quiet`.
---@field summary fun(entries: trunkhost.Entry[], todo: trunkhost.Entry[], failures: trunkhost.Unlisted[]): string

--- An account whose trunks could not be listed.
---@class trunkhost.Unlisted
---@field account trunkhost.Account
---@field error trunkhost.Error

--- What a job's `undo` gets besides the item. It contains no password.
---@class trunkhost.UndoRecord
---@field key string  Which item it is.
---@field account? trunkhost.Account  Nil if it belongs to none.
---@field run string  The run that is undone.
---@field changes any  What was planned.
---@field before table<string, any>  The changed fields as they were just before.
---@field after table<string, any>  The same as they were read back; empty if the job did not report them.
---@field evidence? trunkhost.Evidence  What proved the change.
---@field created { account: string, trunk: string }[]  What the item created on the accounts of the job.

--- What to do with an item: `changes`, or `skip`, or `failed`. The script may add members for its `apply` and `verify`.
---@class trunkhost.Plan
---@field changes? trunkhost.Fields  Field → its new value, or `job.new_secret`.
---@field skip? string  The reason why there is nothing to do.
---@field failed? trunkhost.Error  It is impossible, and that is known before anything is sent.
---@field note? string  The changes in words, for the plan's table.
---@field impact? trunkhost.Impact  Which legs are re-created. Default: `account:impact`.
---@field anew? boolean  Set a new password even if only the present one has to be delivered.
--- Field → the old password, if known, for `--restore-on-failure`.
---@field previous? table<string, trunkhost.Secret>
---@field told? fun(): string?  Text for its row in the report when it is done.
---@field tells? fun(): any[]  More names and values, in turns, for the item's JSON line.
---@field [string] any

--- A trunk of an account: the items of a job that has no `items`.
---@class trunkhost.Item
---@field account trunkhost.Account
---@field trunk trunkhost.Trunk  As in the account's list.

--- What was sent, and what is known about it. Your own `apply` may return a table with only `evidence` and `attempts`.
---@class trunkhost.Applied
---@field evidence trunkhost.Evidence
---@field attempts integer  Requests that were sent.
---@field trunk any  The trunk afterwards, as far as the platform shows it.
---@field before trunkhost.Trunk  The trunk just before it.
---@field fields trunkhost.Fields  What was sent.
---@field receipt table<string, integer>  Field → the row of its password in the ledger, until its state is recorded.
---@field [string] any

--- What proves a change, the strongest first.
---@alias trunkhost.Evidence
---| "registered" # The carrier accepts the new password.
---| "reprovisioned" # The platform made new infrastructure.
---| "updated_at" # The trunk's time of change moved.
---| "accepted" # The platform's word, and no more.

--- A trunk that was chosen.
---@class trunkhost.Entry
---@field account trunkhost.Account
---@field trunk trunkhost.Trunk
---@field item any
---@field key string  Its name in the report and the ledger.
---@field label string  The trunk's name; "" if it has none.
---@field [string] any

--- How a job has ended: numbers of items.
---@class trunkhost.JobResult
---@field total integer
---@field done integer
---@field failed integer
---@field unknown integer
---@field skipped integer
---@field left integer  Not tried, because the job was halted.
---@field halted boolean
