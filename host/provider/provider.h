/* clang-format off */
/*
 * A provider is one Lua file that returns a description of one platform API. This is the
 * description parsed into C and checked, and what C derives from it: a validated request, its path,
 * the legs that a change re-creates.
 *
 * The Lua form. A name that is not listed here is a fault, and so is a missing one that is not
 * called optional. Tables are read raw: metatables do not count. `doc` and `source` are sentences
 * for people: what it is, and which page and field say so.
 *
 *   return {
 *     name = "famulor",              -- [a-z][a-z0-9_]*
 *     title = "Famulor",
 *     base_url = "https://…/api",    -- https, or http to loopback; no slash at the end
 *     token_env = "FAMULOR_TOKEN",   -- where the token is without a configuration (optional)
 *     auth = "bearer",               -- the only kind there is
 *     id = "integer",                -- integer | uuid | string: what {id} in a path accepts
 *     limits = {                     -- the documented ones, or a cautious default
 *       { 100, per = 60 },           -- requests per seconds; all windows hold; there may be none
 *       { 20, per = 10 },
 *       concurrency = 8,             -- optional, default 8
 *       source = "…",                -- where the figures come from, or "assumption: …"
 *     },
 *     objects = {                    -- JSON objects that bodies and lists are made of
 *       trunk = {                    -- "trunk" must be there; at most 64 fields each
 *         fields = {
 *           sip_username = {         -- all members but type are optional
 *             type = "string",       -- string | integer | number | boolean | object | list
 *             min = 3, max = 128,    -- characters of a string, value of a number, items of a list
 *             create = "required",   -- required | optional; nil: not accepted on create
 *             update = true,         -- accepted on update
 *             read = true,           -- comes back in replies; "detail": but not in list items;
 *                                    --   false or nil: write-only
 *             nullable = true,       -- null is accepted
 *             enum = { "a", "b" },   -- the strings that are accepted
 *             format = "host",       -- host | host_port | ip | cidr | source | e164 | uuid |
 *                                    --   country | number_or_extension | phone_number (host_port:
 *                                    --   a host with an optional port; source: a host, an address
 *                                    --   or a range; phone_number: any way to write a number)
 *             of = "gateway",        -- list: a name in `objects`, or string | integer | number |
 *                                    --   boolean; object: a name in `objects`. Needed where the
 *                                    --   field can be sent
 *             item_format = "ip",    -- list of strings: the format of each
 *             secret = true,         -- write-only secret: goes through the ledger; shorter than
 *                                    --   `min` is too short, refused unless granted
 *             replaces = true,       -- sending this list replaces the whole list: on update an
 *                                    --   empty one is refused unless granted
 *             recreates = { "inbound", "outbound" }, -- legs that a change re-creates
 *             default = false,       -- what the platform assumes when it is not given on create
 *             clears = "",           -- value that clears the field: on update refused unless granted
 *             off = "none",          -- value that switches authentication off: refused unless granted
 *             admits = true,         -- says who may call in: a value (or item) that lets nearly
 *                                    --   everyone in is refused unless granted
 *             doc = "…", source = "…",
 *           }, …
 *         },
 *         rules = {                  -- rules across fields (optional); `because` is optional
 *           -- these fields must be there when … (on: optional, default both)
 *           { need = { "allowed_inbound_ips" }, when = { inbound_authorization_type = "ip" },
 *             on = { "create", "update" }, because = "…" },
 *           -- all or none, and null in all or in none
 *           { together = { "auth_username", "auth_password" }, because = "…" },
 *           -- no other value when …
 *           { only = { transport = "transport-tls" }, when = { media_encryption = "sdes" } },
 *         },
 *         doc = "…", source = "…",
 *       },
 *       gateway = { fields = { … } },
 *     },
 *     endpoints = {                  -- list and get must be there; create, update, delete and check
 *                                    --   are known by name; others are free: [a-z][a-z0-9_.]*
 *       list   = { "GET", "/sip-trunks", reply = "data", returns = "list" },
 *       get    = { "GET", "/sip-trunks/{id}", reply = "data" },
 *       create = { "POST", "/sip-trunks", body = "trunk", mode = "create", reply = "data" },
 *       update = { "PUT", "/sip-trunks/{id}", body = "trunk", mode = "update", reply = "data",
 *                  repeatable = true, empty = "refuse" },
 *       delete = { "DELETE", "/phone-numbers/{id}", repeatable = true, guard = "list" },
 *       check  = { "GET", "/user/me" },
 *       ["numbers.add"] = { "POST", "/sip-trunks/{id}/numbers", body = "phone_number", mode = "create" },
 *       -- All members but method and path are optional:
 *       -- body        a name in `objects`
 *       -- mode        create | update: which fields of the body are accepted. Items of lists and
 *       --             inner objects are whole objects: the rules of create hold for them in both
 *       -- reply       the envelope member to unwrap; "data?": an envelope or the bare value
 *       -- returns     object | list | none | message (an object with a text in `message`), or a name
 *       --             in `objects`: an object of that kind, with its id; where the path ends with a
 *       --             parameter, of that id. Default: object; of get, create and update: trunk.
 *       --             A reply of another form is malformed
 *       -- repeatable  sending it again changes nothing more (PUT, PATCH, DELETE); GET always is,
 *       --             POST never
 *       -- query       accepted query parameters, each with a type (string | integer | boolean |
 *       --             uuid) or the list of its values:
 *       --             { is_active = "boolean", type = { "inbound", "outbound" } }
 *       -- params      types of path parameters other than {id} (string | integer | uuid):
 *       --             { assignment_id = "uuid" }
 *       -- empty       "refuse": a body without any field is refused here
 *       -- pages       a list that comes in pages:
 *       --             { number = "page_number", size = "page_size", per_page = 50, more = "has_more" }
 *       --             number: query parameter of the page, from 1; more: member of the envelope that
 *       --             says whether there is another. Without size and per_page (both or none) the
 *       --             first page is asked for without any parameter and the platform sets the size
 *       --             Other members that usually speak of the whole list (total, next, meta, …) need
 *       --             no word here: api_list.c knows them
 *       -- guard       the id must be in what this endpoint (a list) returns, looked at first
 *       -- status      what a status means here when it is not what it usually means:
 *       --             { [403] = "refused" }; { [202] = "done" }: a write that is answered 202 has
 *       --             happened. Without it 202 (Accepted) leaves open whether it will
 *       -- doc, source
 *     },
 *     errors = {
 *       message = { "message", "detail", "error" }, -- where the text of a refusal lies, first wins
 *       faults = "errors",           -- member that maps fields to texts (optional)
 *       code = "code",               -- member with the platform's own code (optional)
 *       retry_after = "retry_after", -- seconds, for a 429 without the header (optional)
 *     },
 *     evidence = {                   -- what shows that a write took effect. All are optional; {}: only
 *                                    --   that the platform accepted it
 *       infrastructure = { inbound = "inbound_trunk_id", outbound = "outbound_trunk_id" },
 *                                    -- fields that change when that leg is re-created
 *       updated = "updated_at",      -- field that changes with every write
 *       registration = {
 *         inbound = "inbound_registration_status", outbound = "outbound_registration_status",
 *         when = { outbound = { register = true } }, -- per leg: its status says something while this
 *                                    --   condition holds (optional)
 *         idle = "not_registered",   -- a leg without a condition says nothing when this was its
 *                                    --   status before the change: nobody registers on it (optional)
 *         settled = { "registered", "failed", "auth_failed" }, -- it changes no more by itself
 *         proven = "registered",     -- the new secret works
 *         refused = "auth_failed",   -- the new secret does not
 *       },
 *     },
 *     secrets = {                    -- the secrets of a trunk, for rotation; there may be none
 *       { field = "auth_password", legs = { "inbound", "outbound" },
 *         with = { "auth_username" },      -- sent along with their present value (optional)
 *         when = { auth_type = "userpass" }, present = { "auth_username" }, -- (both optional) else
 *         otherwise = "…",                 --   the trunk has none, for this reason; needed with them
 *         min = 12 },                      -- shortest generated one (optional)
 *     },
 *     eventual = 300,                -- seconds after which what was made shows in the lists at the
 *                                    --   latest, 0 to 86400 (optional, default 300): a create that had
 *                                    --   no answer is proven absent only by a list begun later
 *     label = "nickname",            -- the field that people know a trunk by (optional)
 *     mapping = "vatel",             -- how its trunks become neutral ones and back (optional): one that is
 *                                    --   built in, by name, or a table with the two functions
 *                                    --   { to_neutral = fn, to_native = fn, … } (docs/mapping.md)
 *   }
 *
 * A condition (`when`) is a table field → value; all must hold; null is trunkhost.null. On create a
 * field that is not given counts as its `default`. Absent, null and "" all mean "not present".
 */
/* clang-format on */
#ifndef TH_PROVIDER_H
#define TH_PROVIDER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/pacer.h"

enum th_type { TH_STRING, TH_INTEGER, TH_NUMBER, TH_BOOLEAN, TH_OBJECT, TH_LIST, TH_UUID };

enum th_format {
    TH_FORMAT_NONE,
    TH_FORMAT_HOST,
    TH_FORMAT_HOST_PORT,
    TH_FORMAT_IP,
    TH_FORMAT_CIDR,
    TH_FORMAT_SOURCE,
    TH_FORMAT_E164,
    TH_FORMAT_UUID,
    TH_FORMAT_COUNTRY,
    TH_FORMAT_NUMBER_OR_EXTENSION,
    TH_FORMAT_PHONE_NUMBER,
};

enum th_leg { TH_INBOUND = 1, TH_OUTBOUND = 2 };

enum th_method { TH_GET, TH_POST, TH_PUT, TH_PATCH, TH_DELETE };

enum th_mode { TH_MODE_NONE, TH_MODE_CREATE, TH_MODE_UPDATE };

typedef struct th_object th_object;

typedef struct th_field {
    const char *name;
    enum th_type type;
    bool create, required, update, read, nullable, secret, replaces;
    bool detail; /* read, but not in list items */
    bool admits;
    bool has_min, has_max;
    double min, max;
    const char *const *choices; /* NULL, or a NULL-ended list of the enumeration */
    enum th_format format;
    const th_object *of;    /* items of a list, or the object itself; NULL = scalar items */
    enum th_type item_type; /* list without `of` */
    enum th_format item_format;
    unsigned recreates; /* th_leg bits */
    const char *clears; /* NULL, or the string that clears the field */
    const char *off;    /* NULL, or the string that switches authentication off */
} th_field;

typedef struct th_endpoint {
    const char *name;
    enum th_method method;
    const char *path;
    const th_object *body; /* NULL: no body */
    enum th_mode mode;
    const char *reply; /* envelope member, NULL = bare */
    bool reply_optional;
    bool returns_list, returns_nothing, returns_message;
    const th_object *returns; /* NULL: no object that is known */
    bool accepted_is_done;    /* 202 says that it has happened */
    bool repeatable, refuse_empty;
    const char *guard;
    const char *const *query; /* NULL or NULL-ended: the names of the accepted parameters */
    const char *page_number, *page_size, *page_more; /* NULL: not paged, the platform's size */
    unsigned per_page;                               /* 0: the platform's */

    /* for th_path_build, th_query_build and th_endpoint_kind */
    const struct th_segment *segments;
    size_t nsegments;
    const struct th_parameter *parameters; /* one for each name in query */
    const struct th_status *statuses;
    size_t nstatuses;
} th_endpoint;

/* Members of an error body: where a classifier finds what a refusal says. */
typedef struct th_error_paths {
    const char *const *message; /* NULL-ended; the first that holds a text wins */
    const char *faults;         /* NULL, or the member that maps fields to their texts */
    const char *code;           /* NULL, or the member with the platform's own code */
    const char *retry_after;    /* NULL, or the member with the seconds to wait */
} th_error_paths;

/* All pointers in these structs point into memory that the provider owns. */
typedef struct th_provider th_provider;

/*
 * Parses the description table at idx. Lists every fault at once in err->faults (field = the path
 * in the table, as `objects.trunk.fields.sip_username.type`), kind TH_INVALID. Keeps a reference to
 * the Lua table in the registry: th_provider_push. The caller owns the provider. Never raises a Lua
 * error.
 */
int th_provider_parse(lua_State *L, int idx, th_provider **out, th_error *err);
/* Frees it and drops the reference to the table. NULL is fine. */
void th_provider_destroy(lua_State *L, th_provider *provider);
/* Pushes the description table. */
void th_provider_push(lua_State *L, const th_provider *provider);

const char *th_provider_name(const th_provider *provider);
const char *th_provider_base_url(const th_provider *provider);
enum th_type
th_provider_id_type(const th_provider *provider); /* TH_INTEGER, TH_UUID or TH_STRING */
const th_window *th_provider_windows(const th_provider *provider, size_t *count);
unsigned th_provider_concurrency(const th_provider *provider);
const th_error_paths *th_provider_error_paths(const th_provider *provider);
const th_endpoint *th_provider_endpoint(const th_provider *provider,
                                        const char *name); /* or NULL */
/* NULL-ended, sorted; for "did you mean". */
const char *const *th_provider_endpoint_names(const th_provider *provider);
const th_object *th_provider_object(const th_provider *provider, const char *name); /* or NULL */
const char *th_object_name(const th_object *object);
const th_field *th_object_field(const th_object *object, const char *name); /* or NULL */
/* NULL-ended, sorted. */
const char *const *th_object_field_names(const th_object *object);

/* "GET", "POST", … */
const char *th_method_name(enum th_method method);
/* What this status means at this endpoint when the description says so, else TH_OK: what it usually
 * means. */
enum th_kind th_endpoint_kind(const th_endpoint *endpoint, int status);

/*
 * Checks the table at idx as the body of the endpoint: every field known, accepted in this mode, of
 * its type, within its lengths and enumeration, every required one there, every rule across fields
 * kept, no dangerous change (promise 6 of the docs: an empty or too short secret, authentication
 * switched off, a field cleared that a trunk cannot do without, an allow list that admits nearly
 * everyone, a list replaced by an empty one) without a grant. grants: NULL-ended list of field
 * names that may do the dangerous thing (top-level names: "gateways" also grants for its items), or
 * NULL.
 *
 * On success returns 0 and pushes a normalised deep copy (a list field becomes a JSON array even
 * when it is empty, integral floats for an integer field become integers; secrets are the same
 * userdata); nil for an endpoint without a body, which accepts nil and an empty table. On failure
 * pushes nothing, and err lists every fault, sorted by field, with all of them in its one-line
 * message. Strings and secrets are both accepted for a secret field; only lengths of a secret are
 * looked at, and nothing of its value gets into a message. A Lua error is raised only when memory
 * is short, and only after every check has passed, so that err holds nothing then.
 */
int th_validate(lua_State *L, const th_provider *provider, const th_endpoint *endpoint, int idx,
                const char *const *grants, th_error *err);

/*
 * Appends the endpoint's path (below base_url) to out. The value at params_idx is a table parameter
 * → value, or the value itself where the path has one parameter, or nil where it has none. A value
 * is a string or an integer (an integral float is taken as the integer, so `42.0` never gets into a
 * path) of the declared type; a string is percent-encoded, and refused when it is empty, a dot
 * segment, or contains a slash, a backslash or a control character. On failure (TH_INVALID, every
 * fault listed) out is what it was. Never raises a Lua error.
 */
int th_path_build(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                  int params_idx, th_buf *out, th_error *err);

/* Appends "?a=b&c=d" (sorted by name; nothing when there is no parameter) for the table at idx (nil
 * is fine) to out, each name accepted by the endpoint and each value of its type. A parameter of
 * the endpoint's pages is accepted too. Failures as above. Never raises a Lua error. */
int th_query_build(lua_State *L, const th_endpoint *endpoint, int idx, th_buf *out, th_error *err);

/* The legs that sending the fields at fields_idx re-creates on the trunk at trunk_idx (th_leg
 * bits): a field counts when it differs from the trunk's value (lists and objects by content; null
 * is the same as absent), or when that cannot be read. Without a table at trunk_idx every field
 * counts. Never raises a Lua error. */
unsigned th_impact(lua_State *L, const th_provider *provider, int trunk_idx, int fields_idx);

#endif
