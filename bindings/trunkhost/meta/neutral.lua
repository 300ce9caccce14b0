---@meta trunkhost.neutral

--- Trunks in neutral fields, and their conversion between platforms: `require "trunkhost.neutral"`.
--- [Mapping](mapping.md) explains it.

---@class trunkhost.NeutralLibrary
--- The fields of a neutral trunk, in reading order.
---@field fields trunkhost.NeutralField[]
local neutral = {}

--- A platform's trunk in full, with the parts that have their own endpoints.
---
--- Raises: any kind that a request can raise.
---@async
---@param account trunkhost.Account
---@param id integer|string
---@return trunkhost.Trunk native
function neutral.read(account, id) end

--- The neutral form of a platform's trunk.
---@param description trunkhost.Provider
---@param native trunkhost.Trunk  In full, from `neutral.read`.
---@return trunkhost.Neutral
function neutral.of(description, native) end

--- What to send to create a trunk, and what becomes of every field.
---@param trunk trunkhost.Neutral
---@param description trunkhost.Provider  The target's.
---@param options? trunkhost.NeutralOptions
---@return trunkhost.MapResult
function neutral.map(trunk, description, options) end

--- Why a trunk must not be created.
---@param result trunkhost.MapResult
---@return trunkhost.Reason[]
function neutral.blocked(result) end

--- The pair of functions of a provider.
---
--- Raises: `invalid` with the code `configuration`: it has none.
---@param description trunkhost.Provider
---@return trunkhost.Mapping
function neutral.mapping(description) end

--- Whether a trunk of the target is the planned one, perhaps not complete yet.
---@param description trunkhost.Provider
---@param mapped trunkhost.Mapped
---@param native trunkhost.Trunk  In full.
---@return boolean
function neutral.twin(description, mapped, native) end

--- The differences between a trunk that was read back and the planned one.
---@param description trunkhost.Provider
---@param planned trunkhost.Neutral
---@param native trunkhost.Trunk  In full.
---@return trunkhost.NeutralDifference[]
function neutral.compare(description, planned, native) end

--- The same for two neutral trunks.
---@param a trunkhost.Neutral
---@param b trunkhost.Neutral
---@return trunkhost.NeutralDifference[]
function neutral.differences(a, b) end

--- The numbers of a trunk in service, in one form. No other trunk may have them at the same time.
---@param trunk trunkhost.Neutral
---@return table<string, boolean>
function neutral.claims(trunk) end

--- An empty neutral trunk.
---@param origin? string  The mapping that makes it.
---@return trunkhost.Neutral
function neutral.new(origin) end

--- A copy without null and "", and with every list and group: for trunks from files.
---@param neutral table
---@return trunkhost.Neutral
function neutral.tidy(neutral) end

--- A deep copy of a value; the marks of JSON arrays stay.
---@param value any
---@return any
function neutral.copy(value) end

--- All mistakes in a neutral trunk.
---@param neutral any
---@return { field: string, rule: string }[]
function neutral.check(neutral) end

--- The facts about a field.
---@param name string  Such as "inbound.mode".
---@return trunkhost.NeutralField?
function neutral.field(name) end

--- The value of a field, from what an operator typed or from a file.
---@param name string
---@param value any
---@return any value  Nil if it does not fit.
---@return string? problem  What is wrong.
function neutral.parse(name, value) end

--- The value of a field, in a form to show and compare.
---@param neutral trunkhost.Neutral
---@param name string
---@return any
function neutral.value(neutral, name) end

--- The names of all fields of these trunks: the common ones, then the extras.
---@param ... trunkhost.Neutral
---@return string[]
function neutral.names(...) end

--- The parameters and body of a step, with ids filled in.
---@param step trunkhost.Step
---@param ids table<string, any>  Name → id; "trunk" is the new trunk.
---@return any params
---@return table body
function neutral.resolve(step, ids) end

--- The part that a step adds or changes, if that was already done.
---@param native trunkhost.Trunk  In full.
---@param step trunkhost.Step
---@return table? part
function neutral.find(native, step) end

--- The trunk as it should be after all requests, without what the platform adds.
---@param trunk trunkhost.Mapped
---@return table native
function neutral.outcome(trunk) end

--- The id that a value of a step refers to, by its name.
---@param value any
---@return string? name  Nil for any other value.
function neutral.refers(value) end

--- A trunk in neutral form. Nil means that the source does not have it, or that the platform decides. docs/mapping.md
--- says what each field means.
---@class trunkhost.Neutral
---@field origin? string  The mapping that made it.
---@field label? string
---@field description? string
---@field vendor? string
---@field numbers trunkhost.NeutralNumber[]
---@field agent_ref? string  The agent for numbers without one of their own.
---@field inbound { mode?: string, username?: string, sources: string[], enabled?: boolean }
---@field outbound { mode?: string, username?: string, enabled?: boolean }
---@field gateways trunkhost.NeutralGateway[]
---@field transport? string
---@field media_encryption? string
---@field codecs? string[]
---@field calling_format? string
---@field caller_id_transforms? table[]
---@field country? string
---@field registration { enabled?: boolean, status?: table }
---@field fixed_source_ip? boolean
---@field channels? integer
---@field active? boolean
---@field extras table<string, any>  Options of one platform only, as they are.
---@field refs table<string, any>  Read-only: ids, times, health.

---@class trunkhost.NeutralNumber
---@field value string  As the source writes it.
---@field kind "e164"|"extension"
---@field routing_key? string  The user part that the carrier sends for it.
---@field name? string
---@field agent_ref? string  The agent that answers it, by its id on the source platform.
---@field extras? table  Options of one platform only.

---@class trunkhost.NeutralGateway
---@field host string
---@field port? integer
---@field priority? integer  The lower comes first.

---@class trunkhost.NeutralField
---@field name string
---@field type string
---@field doc string
---@field choices? string[]
---@field decides? boolean  If it is not sent, the platform decides, so it may come back with a value.

---@class trunkhost.NeutralOptions
---@field set? table<string, any>  Values from the operator, by field.
---@field allow_loss? string[]  Fields that may be lost.
--- True: they will be known when it is sent.
---@field secrets? { inbound?: trunkhost.Secret, outbound?: trunkhost.Secret }|true
---@field same_account? boolean  The agents of the source exist at the target.
---@field inactive_first? boolean  Out of service until everything is in place, if the platform can do that.

--- One trunk may become several, if the target allows one number for each trunk.
---@class trunkhost.MapResult
---@field target string
---@field trunks trunkhost.Mapped[]
---@field findings trunkhost.Finding[]

--- A planned trunk.
---@class trunkhost.Mapped
---@field body table  For `account:create`.
---@field after trunkhost.Step[]  What is sent after it, in order.
---@field makes? table  What a create sets in fields that it does not accept.
---@field number? string  If the target allows one number for each trunk.
---@field grant? string[]  Dangerous fields that are so at the source as well.
---@field secrets { field: string, leg: trunkhost.Leg }[]  Fields of the body that hold passwords.
---@field planned trunkhost.Neutral  How it should read back.

--- What becomes of a field.
---@class trunkhost.Finding
---@field field string
---@field verdict "exact"|"changed"|"lost"|"missing"|"secret"
---@field before any  At the source.
---@field after any  At the target.
---@field rule string  A sentence for the operator.
--- What stops it: a loss that is not allowed, a missing value or secret.
---@field blocks? "loss"|"value"|"secret"
---@field allowed? boolean  The loss was allowed.

---@class trunkhost.Reason
---@field field string
---@field by "loss"|"value"|"secret"  What would remove it: allowing the loss, giving the value, giving the secret.
---@field text string

---@class trunkhost.NeutralDifference
---@field field string
---@field planned any
---@field found any

--- A request after create.
---@class trunkhost.Step
---@field endpoint string
---@field params any
---@field body table
---@field adds? string  The member of the trunk, read in full, that gets a part.
---@field part? string  The member in which one part is changed. Without it and `adds` the trunk itself is.
---@field key? table  The fields that identify the part.
---@field fields? table  What the part has afterwards. Default: the body.
---@field as? string  The name of its id for later steps.

--- How the trunks of a provider become neutral ones, and back.
---@class trunkhost.Mapping
---@field name string
---@field to_neutral fun(native: trunkhost.Trunk): trunkhost.Neutral
---@field to_native fun(trunk: trunkhost.Neutral, options: trunkhost.NeutralOptions): trunkhost.MapResult
---@field parts? table<string, string>  Member → the list endpoint that it is read from, to have the trunk in full.
--- Whether two are the same, by what is unique there; nil: undecided.
---@field same? fun(planned: trunkhost.Neutral, found: trunkhost.Neutral): boolean?
--- Marks of a trunk. Two that are the same share at least one; nil: unknown.
---@field marks? fun(trunk: trunkhost.Neutral): string[]?
---@field edits? table<string, trunkhost.MappingEdits>  Lists that are edited item by item, by the member of `parts`.

--- How one list of a trunk is edited item by item (docs/editing.md).
---@class (exact) trunkhost.MappingEdits
---@field field string  The neutral field that the list is.
---@field key fun(item: table<string, any>): any  What identifies an item.
---@field max? integer  Items at most.
---@field members? table<string, string>  Member of an item → its neutral field.
---@field nameless? string  The neutral field of items without a number.
---@field changes? table<string, boolean>  Members that can be changed in place.
---@field change? fun(id: any, fields: trunkhost.Fields): table  The request that does it: `{ endpoint, params, body }`.
---@field remove? fun(trunk_id: any, id: any): table  The request that removes an item: `{ endpoint, params }`.

return neutral
