---@meta

--- The engine of bulk changes: plan, question, canary, waves, limits, ledger, report and exit status.

---@class trunkhost.Job
---@field new_secret trunkhost.NewSecret  In the changes of a plan: a password that is drawn only when it is sent.
local job = {}

--- Runs a job from its options to its exit status.
---
--- Raises: a text, when the script has a mistake: a member of the job that does not exist, an item without a key, two
--- with the same one, a plan that is none. Errors of the platform are the failures of items and are not raised.
---@async
---@param spec trunkhost.JobSpec
---@return trunkhost.JobResult
---@see docs/writing-scripts.md#the-parts-of-a-job
function job.run(spec) end

--- The trunks that options choose, as a job would have them.
---@async
---@param chosen trunkhost.Options  What the parser has returned.
---@return trunkhost.Entry[] entries
---@return trunkhost.Unlisted[] failures  Accounts that could not be listed.
function job.trunks(chosen) end

--- The trunk in full, as it is now: what every change starts from.
---
--- Raises: every kind that a request can, after a few tries.
---@async
---@param account trunkhost.Account
---@param trunk trunkhost.Trunk  As the list has it.
---@return trunkhost.Trunk
function job.before(account, trunk) end

--- Sends fields until it is certain what has become of them: an answer that leaves doubt is settled by looking, and
--- where looking shows nothing, by sending the very same again.
---
--- Raises: what the platform refused; `unknown_outcome` when nobody can tell.
---@async
---@param account trunkhost.Account
---@param before trunkhost.Trunk  In full, as `job.before` has just read it.
---@param fields trunkhost.Fields  What is to change, and nothing else.
---@return trunkhost.Applied
function job.apply(account, before, fields) end

--- Waits for the carrier's answer to new passwords where the platform shows it.
---
--- Raises: `refused` when the carrier does not accept them, `unknown_outcome` when its answer does not come.
---@async
---@param account trunkhost.Account
---@param applied trunkhost.Applied  What `job.apply` has returned.
---@param seconds? number  The longest wait. Default: `60`.
---@return trunkhost.Evidence
function job.verify(account, applied, seconds) end

--- Whether a password was set and proven lately, so that it need not be changed.
---@param account trunkhost.Account
---@param id integer|string  Of the trunk.
---@param field string
---@param seconds number  How old it may become.
---@return string? reason  As "rotated 12 days ago"; nil when it is older or the ledger does not know it.
function job.recent(account, id, field, seconds) end

--- In `apply` and `verify`: ends the item as failed.
---
--- Raises: an error object of that kind, always.
---@param kind trunkhost.ErrorKind
---@param message string  What failed, on what, and what to do next.
---@param members? table<string, any>  What else the error object has.
function job.failed(kind, message, members) end

--- In `apply` and `verify`: ends the item as unknown, because the change may have happened.
---
--- Raises: `unknown_outcome`, always.
---@param message string
---@param members? table<string, any>  What else the error object has.
function job.unknown(message, members) end

--- The only value of its kind: `job.new_secret`.
---@class trunkhost.NewSecret

--- How a job names what it goes through. Each member has a default that fits trunks.
---@class trunkhost.Source
--- What it goes through: a list, an iterator, or a function that returns either. A function with a parameter is called
--- for every account, any other once. Default: every trunk, as `{ account =, trunk = }`.
---@field items? any[]|fun(account?: trunkhost.Account): any
--- What names the item in the report and the ledger, today and tomorrow. Default: the id of the trunk.
---@field key? fun(item: any): string|integer
--- The account of an item, or its name. Default: its member `account`, or the account in whose list it was.
---@field account? fun(item: any): trunkhost.Account|string|nil
--- The trunk of an item, at whose fields `--match` looks. Default: its member `trunk`, or the item itself.
---@field trunk? fun(item: any): trunkhost.Trunk|integer|string

--- What a job is. In `apply` and `verify` an error object that is raised is the item's failure; any other error is a
--- mistake in the script and ends the run.
---@class (exact) trunkhost.JobSpec : trunkhost.Source
---@field name string  What it is called.
---@field options? trunkhost.Options  What the parser has returned. Default: the standard options.
--- Says what is to be done with an item. It only looks: nothing but GET may be sent.
---@field plan fun(item: any): trunkhost.Plan
--- Makes the change. What comes back without an error counts as done. Default: sends the planned changes.
---@field apply? async fun(item: any, plan: trunkhost.Plan): trunkhost.Applied?
--- Returns what proves the change, and raises when it does not work. Default: `job.verify`, of what
--- `job.apply` has returned.
---@field verify? async fun(item: any, plan: trunkhost.Plan, applied: trunkhost.Applied): trunkhost.Evidence?
--- Looks at all chosen items before any is planned. failed: account name → why it could not be listed.
---@field check? fun(items: any[], failed: table<string, trunkhost.Error>)
--- How an item is taken back with `--undo RUN`; true: by putting back what the changed fields were. Without it the job
--- cannot be taken back.
---@field undo? boolean|fun(item: any, record: trunkhost.UndoRecord): trunkhost.Applied?
---@field view? trunkhost.JobView  Shows the plan in its own way.

--- How a plan is shown that the table does not tell.
---@class trunkhost.JobView
--- Prints the plan. full: it is a dry run. The last one are the failures, as `summary` has them.
---@field show fun(entries: trunkhost.Entry[], todo: trunkhost.Entry[], screen: trunkhost.Screen, full: boolean, ...)
--- Returns one sentence, which is asked about with `--quiet`.
---@field summary fun(entries: trunkhost.Entry[], todo: trunkhost.Entry[], failures: trunkhost.Unlisted[]): string

--- An account whose trunks could not be listed.
---@class trunkhost.Unlisted
---@field account trunkhost.Account
---@field error trunkhost.Error

--- What a job's `undo` gets besides the item. None of it has a password.
---@class trunkhost.UndoRecord
---@field key string  Which item it is.
---@field account? trunkhost.Account  Nil where it belongs to none.
---@field run string  The run that is taken back.
---@field changes any  What was planned.
---@field before table<string, any>  The changed fields as they were just before.
---@field after table<string, any>  The same as they were read back; empty where the job has told nothing of them.
---@field evidence? trunkhost.Evidence  What has proven the change.
---@field created { account: string, trunk: string }[]  What the item has created on the accounts of the job.

--- What is to be done with an item: `changes`, or `skip`, or `failed`. It may have members of the script's own, which
--- `apply` and `verify` get to see.
---@class trunkhost.Plan
---@field changes? trunkhost.Fields  Field → its new value, or `job.new_secret`.
---@field skip? string  Nothing is to be done, for this reason.
---@field failed? trunkhost.Error  It cannot be done, and that is known before anything is sent.
---@field note? string  The changes in words, for the plan's table.
---@field impact? trunkhost.Impact  Which legs are re-created. Default: `account:impact`.
---@field anew? boolean  Also where only the present password has to be delivered.
--- Field → the old password, where it is known, for `--restore-on-failure`.
---@field previous? table<string, trunkhost.Secret>
---@field told? fun(): string?  What its row in the report says when it is done.
---@field tells? fun(): any[]  Names and values, in turns, that the item's JSON line has besides.
---@field [string] any

--- A trunk of an account, which is what a job goes through unless it has `items` of its own.
---@class trunkhost.Item
---@field account trunkhost.Account
---@field trunk trunkhost.Trunk  As the account's list shows it.

--- What was sent, and what is known of it. An `apply` of the script's own may return a table with nothing but
--- `evidence` and `attempts`.
---@class trunkhost.Applied
---@field evidence trunkhost.Evidence
---@field attempts integer  Requests that were sent.
---@field trunk any  The trunk after it, as far as the platform has told.
---@field before trunkhost.Trunk  The trunk just before it.
---@field fields trunkhost.Fields  What was sent.
---@field [string] any

--- What proves a change, the strongest first.
---@alias trunkhost.Evidence
---| "registered" # The carrier accepts the new password.
---| "reprovisioned" # The platform has made new infrastructure.
---| "updated_at" # The trunk's time of change is another.
---| "accepted" # The platform's word, and no more.

--- A trunk that was chosen.
---@class trunkhost.Entry
---@field account trunkhost.Account
---@field trunk trunkhost.Trunk
---@field item any
---@field key string  What names it.
---@field label string  What people call it; "" where it has no label.
---@field [string] any

--- How a job has ended: numbers of items.
---@class trunkhost.JobResult
---@field total integer
---@field done integer
---@field failed integer
---@field unknown integer
---@field skipped integer
---@field left integer  Not begun, because the job was halted.
---@field halted boolean
