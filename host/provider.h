/*
 * A provider is one Lua file that returns a description of one platform API. This is the description
 * parsed into C and checked, and what C derives from it: a validated request, the legs that a change
 * re-creates, what a reply proves.
 *
 * The Lua form (every name that is not listed is a fault; so is a missing one without "optional"):
 *
 *   return {
 *     name = "famulor",                    -- [a-z][a-z0-9_]*
 *     title = "Famulor",
 *     base_url = "https://app.famulor.de/api",
 *     token_env = "FAMULOR_TOKEN",         -- where the token is without a configuration (optional)
 *     auth = "bearer",
 *     id = "integer",                      -- integer | uuid | string: what {id} in a path accepts
 *     limits = {                           -- the documented ones, or a cautious default
 *       { 100, per = 60 }, { 20, per = 10 },
 *       concurrency = 8,                   -- optional, default 8
 *       source = "Authentication guide",   -- where the figures come from, or "assumption: …"
 *     },
 *     objects = {                          -- JSON objects that bodies and lists are made of
 *       trunk = {                          -- "trunk" must be there
 *         fields = {
 *           sip_username = {
 *             type = "string",             -- string | integer | number | boolean | object | list
 *             min = 3, max = 128,          -- characters of a string, value of a number, items of a list
 *             create = "required",         -- required | optional | nil: not accepted on create
 *             update = true,               -- accepted on update
 *             read = true,                 -- comes back in replies; false = write-only
 *             nullable = true,             -- null is accepted
 *             enum = { "a", "b" },
 *             format = "host",             -- host | ip | cidr | e164 | uuid | country | number_or_extension
 *             of = "gateway" | "string",   -- list and object: a name in `objects`, or a scalar type
 *             item_format = "ip",          -- list of strings: the format of each
 *             secret = true,               -- write-only secret: goes through the ledger
 *             replaces = true,             -- sending this list replaces the whole list
 *             recreates = { "inbound", "outbound" }, -- legs that a change re-creates
 *             default = false,             -- what the platform assumes when it is not given
 *             clears = "",                 -- a value that clears the field: refused unless granted
 *             doc = "…",                   -- a sentence for people
 *           }, …
 *         },
 *         rules = {                        -- rules across fields (optional)
 *           { need = { "allowed_inbound_ips" }, when = { inbound_authorization_type = "ip" },
 *             on = { "create", "update" }, because = "…" },
 *           { together = { "auth_username", "auth_password" }, because = "…" },
 *           { only = { transport = "transport-tls" }, when = { media_encryption = "sdes" }, because = "…" },
 *           -- { guard = "allowed_inbound_ips" }: a list whose entries must not admit everyone
 *         },
 *       },
 *       assignment = { fields = { … } },
 *     },
 *     endpoints = {                        -- list, get, create, update, delete, check; others are free
 *       list   = { "GET", "/user/phone-numbers/sip-trunks", reply = "data", returns = "list" },
 *       get    = { "GET", "/user/phone-numbers/sip-trunks/{id}", reply = "data" },
 *       create = { "POST", "…", body = "trunk", mode = "create", reply = "data" },
 *       update = { "PUT", "…/{id}", body = "trunk", mode = "update", reply = "data", repeatable = true },
 *       delete = { "DELETE", "/user/phone-numbers/{id}", repeatable = true, guard = "list" },
 *       check  = { "GET", "/user/me" },
 *       ["numbers.add"] = { "POST", "/sip-trunks/trunks/{id}/numbers", body = "number", mode = "create" },
 *       -- reply: name of the envelope member to unwrap; reply = "data?": an envelope or the bare value
 *       -- returns: object (default) | list | none
 *       -- repeatable: sending it again changes nothing (PUT, PATCH, DELETE); GET always is, POST never
 *       -- query = { "is_active" }: accepted query parameters
 *       -- params = { assignment_id = "uuid" }: types of path parameters other than {id}
 *       -- empty = "refuse": a body without any field is refused here
 *       -- pages = { number = "page_number", size = "page_size", per_page = 50, more = "has_more" }
 *       -- guard = "list": the id must be in the trunk list first
 *     },
 *     errors = {                           -- where the text of a refusal lies, first match wins
 *       message = { "message", "detail", "error" }, faults = "errors", code = "code",
 *     },
 *     evidence = {                         -- what shows that a write took effect (optional members)
 *       infrastructure = { inbound = "inbound_trunk_id", outbound = "outbound_trunk_id" },
 *       updated = "updated_at",
 *       registration = { inbound = "inbound_registration_status", outbound = "outbound_registration_status",
 *                        when = { register = true }, settled = { "registered", "failed", "auth_failed" },
 *                        proven = "registered", refused = "auth_failed" },
 *     },
 *     secrets = {                          -- the secrets of a trunk, for rotation
 *       { field = "sip_password", legs = { "inbound", "outbound" },
 *         with = { "auth_username" },      -- fields that are sent along with their present value
 *         when = { auth_type = "userpass" }, present = { "auth_username" }, -- else the trunk has none …
 *         otherwise = "…",                 -- … and this is the reason that the operator reads
 *         min = 12 },                      -- shortest generated one (optional)
 *     },
 *     label = "nickname",                  -- the field that people know a trunk by (optional)
 *   }
 *
 * A condition (`when`) is a table field → value; all must hold; null is trunkhost.null.
 */
#ifndef TH_PROVIDER_H
#define TH_PROVIDER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "pacer.h"

enum th_type { TH_STRING, TH_INTEGER, TH_NUMBER, TH_BOOLEAN, TH_OBJECT, TH_LIST, TH_UUID };

enum th_leg { TH_INBOUND = 1, TH_OUTBOUND = 2 };

enum th_method { TH_GET, TH_POST, TH_PUT, TH_PATCH, TH_DELETE };

enum th_mode { TH_MODE_NONE, TH_MODE_CREATE, TH_MODE_UPDATE };

typedef struct th_object th_object;

typedef struct th_field {
    const char *name;
    enum th_type type;
    bool create, required, update, read, nullable, secret, replaces;
    bool has_min, has_max;
    double min, max;
    const char *const *choices; /* NULL, or a NULL-ended list of the enumeration */
    const char *format;         /* NULL or a name of the list above */
    const th_object *of;        /* items of a list, or the object itself; NULL = scalar items */
    enum th_type item_type;     /* list without `of` */
    const char *item_format;
    unsigned recreates;         /* th_leg bits */
    const char *clears;         /* NULL, or the string that clears the field */
} th_field;

typedef struct th_endpoint {
    const char *name;
    enum th_method method;
    const char *path;
    const th_object *body; /* NULL: no body */
    enum th_mode mode;
    const char *reply; /* envelope member, NULL = bare */
    bool reply_optional;
    bool returns_list, returns_nothing;
    bool repeatable, refuse_empty;
    const char *guard;
    const char *const *query; /* NULL or NULL-ended */
    const char *page_number, *page_size, *page_more;
    unsigned per_page;
} th_endpoint;

/* All pointers in these structs point into memory that the provider owns. */
typedef struct th_provider th_provider;

/*
 * Parses the description table at idx. Lists every fault at once in err->faults (field = the path in the
 * table, as `objects.trunk.fields.sip_username.type`), kind TH_INVALID. Keeps a reference to the Lua
 * table in the registry: th_provider_push. The caller owns the provider.
 */
int th_provider_parse(lua_State *L, int idx, th_provider **out, th_error *err);
void th_provider_destroy(lua_State *L, th_provider *provider);
/* Pushes the description table. */
void th_provider_push(lua_State *L, const th_provider *provider);

const char *th_provider_name(const th_provider *provider);
const char *th_provider_base_url(const th_provider *provider);
const char *th_provider_token_env(const th_provider *provider); /* NULL: none */
const th_window *th_provider_windows(const th_provider *provider, size_t *count);
unsigned th_provider_concurrency(const th_provider *provider);
const th_endpoint *th_provider_endpoint(const th_provider *provider, const char *name); /* or NULL */
/* NULL-ended, sorted; for "did you mean". */
const char *const *th_provider_endpoint_names(const th_provider *provider);
const th_object *th_provider_object(const th_provider *provider, const char *name);
const th_field *th_object_field(const th_object *object, const char *name); /* or NULL */

/*
 * Checks the table at idx as the body of the endpoint: every field known, accepted in this mode, of its
 * type, within its lengths and enumeration, every required one there, every rule across fields kept, no
 * dangerous change (promise 6 of the docs: an empty or too short secret, authentication switched off, an
 * allow list that accepts everyone, a list replaced by an empty one) without a grant.
 * grants: NULL-ended list of field names that may do the dangerous thing, or NULL.
 *
 * On success pushes a normalised shallow copy (an empty Lua table for a list field becomes a JSON array,
 * integral floats for an integer field become integers). On failure pushes nothing; err lists every fault.
 * Strings and secrets are both accepted for a secret field; only lengths of a secret are looked at.
 */
int th_validate(lua_State *L, const th_provider *provider, const th_endpoint *endpoint, int idx,
                const char *const *grants, th_error *err);

/* Checks one path parameter and appends its percent-encoded text to out. `value` at idx may be a string
 * or an integer (an integral float is taken as the integer). type: of {id} or of `params`. */
int th_path_build(lua_State *L, const th_provider *provider, const th_endpoint *endpoint, int params_idx,
                  struct th_buf *out, th_error *err);

/* The legs that sending the fields at fields_idx re-creates on the trunk at trunk_idx (th_leg bits):
 * a field counts when it differs from the trunk's value or cannot be read. */
unsigned th_impact(lua_State *L, const th_provider *provider, int trunk_idx, int fields_idx);

#endif
