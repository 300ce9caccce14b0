/*
 * The API client: one call of a provider's endpoint, from Lua values to Lua values.
 *
 * validate → encode → secrets durable in the ledger → pacer → transfer (repeated where that is
 * safe) → decode → classify. The calling task waits once, for the whole.
 */
#ifndef TH_API_H
#define TH_API_H

#include <lua.h>

#include "call/account.h"

/* Pushes the account as a userdata ("trunkhost.account"); its methods come from bindings/. */
void th_account_push(lua_State *L, th_account *account);
th_account *th_account_check(lua_State *L, int arg);

/*
 * Lua: call(account, endpoint, params, fields, options) → value, attempts, more
 *   endpoint  name, as "numbers.add"
 *   params    the trunk's id, or a table of path parameters; nil for paths without one
 *   fields    the body, or nil
 *   options   { query = {…}, grant = { field… }, resend = false, settle = false } or nil;
 *             resend = false: an ambiguous write is not repeated but raised at once;
 *             settle = false: a yes leaves its secrets candidates, until settle() says what they are
 *             judge: a function of the reply that returns why it is not what was asked for, or nil
 *
 * Raises an error object. The value is what lies in the envelope: an object, an array, or true where
 * the platform answers without one. more: there is another page of this list. A list is followed
 * by a fourth result, what the reply says of the whole list (th_list_facts). An update with secrets
 * has a receipt in place of `more`: field → row in the ledger.
 */
int th_api_call(lua_State *L);

/*
 * Lua: settle(account, trunk, field, secret, state, evidence): records in the ledger what is now
 * known of a secret that was sent: "current" (proven live), "rejected" (proven not live).
 */
int th_api_settle(lua_State *L);

/* Makes the metatables. */
void th_api_open(lua_State *L);

/* --- api_reply.c: what a reply says ----------------------------------------------------------- */

/* Decodes the body and unwraps the envelope; pushes the value (true for an empty one), and for an
 * endpoint that returns a list also the facts of th_list_facts. *more: the member that the
 * description names says that there is another page. On failure pushes nothing; err is
 * TH_MALFORMED, as for a write or a list whose reply says that there was an error. */
int th_reply_push(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                  const th_transfer *transfer, bool *more, th_error *err);

/* Adds the platform's own words, error code and field faults to err, from the body of a refusal,
 * and the kind where the status means something else than usual at this endpoint. The words are
 * whole and may quote what was sent: th_call_quote comes next. */
void th_reply_explain(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                      const th_transfer *transfer, th_error *err);

/* Adds to err the platform's own words from a 2xx reply that is not what the API promises: those of
 * an error object, or the title of a page. They may quote what was sent: th_call_quote comes next.
 */
void th_reply_quote(lua_State *L, const th_provider *provider, const th_transfer *transfer,
                    th_error *err);

/* Takes the wait that the body of a 429 names where the description says into transfer->pace, as if
 * Retry-After had named it. Never raises. */
void th_reply_retry_after(lua_State *L, const th_provider *provider, th_transfer *transfer);

/* --- api_list.c: what a reply says of the whole list ------------------------------------------ */

/*
 * Pushes a table of what the envelope at idx (of any type) and the headers say. All members are
 * optional, and each has a companion `<member>_name`, the words that said so:
 *   total   items of the whole list
 *   count   items of this page or of the whole list: at least so many
 *   pages   pages of the whole list
 *   size    items that fit in one page
 *   more    whether another page follows
 * Returns what the member says that the description names for `more`.
 */
bool th_list_facts(lua_State *L, int idx, const th_endpoint *endpoint, const th_transfer *transfer);

#endif
