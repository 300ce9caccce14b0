/*
 * require "trunkhost.ledger": what the job engine keeps in the ledger, and finds there again.
 * An account is given by name or as an account; a trunk is the item's key. What waits does so until
 * it is on disk; what does not wait is written in order and in time, and a failure shows in sync()
 * and at the end of the run.
 *
 *   begin(resumed_from?, undoes?, purpose?) → run
 *                                       waits: the run is recorded, and which one it continues or
 *                                       takes back. purpose: JSON or a table, what later runs need
 *                                       to know of it. Before that nothing need be sent; what else
 *                                       writes does it at its first use
 *
 *   lock(account) → true                waits, and begins the run. Raises an error with the code
 *                                       "locked" when another process changes the account:
 *                                       uncaught, the program says by whom and exits with 75
 *
 *   sync()                              waits: all is on disk; raises what could not be written
 *
 *   item_begin(account, trunk, plan?, before?, undoes?, label?) → id
 *                                       waits. From here on the task, and what it spawns, works on
 *                                       this item: every write that it sends is recorded in it.
 *                                       plan: JSON, or a table (secrets in it become "[secret]");
 *                                       before: JSON; undoes: the id of the item it takes back
 *   item_end(state, evidence?, attempts?, error?, before?, after?)
 *                                       does not wait; ends the task's item. state: done, failed,
 *                                       unknown, skipped, or planned (nothing was sent after all).
 *                                       error: JSON, a table or an error object
 *   conclude(conclusion)                does not wait; what the job came to, as JSON or a table
 *
 *   item(id?) → id or nil               the task's; with an id, from here on it works on that one,
 *                                       which another task has begun
 *
 *   settle(secret_id, state, evidence)  a secret of secrets{} or of a receipt: "current" or
 *                                       "rejected"
 *   create_end(create_id, state, trunk?) a create of creates{}: landed, absent or unknown
 *   delivered(account, trunk, field)    the current secret was handed on
 *
 * What is on disk (sync() first for what was written a moment ago). Each of the first five takes a
 * filter, a table of conditions which all hold, and returns a list of rows in the order in which
 * they were made. What a row does not have is nil. Filter: run, account, trunk, after (an id),
 * limit, and what stands behind the function.
 *
 *   runs{}          { id, script, arguments = { … }, script_hash, host, pid, resumed_from, undoes,
 *                   purpose, started_at, ended_at, seq, status, life = "ended" | "alive" | "died",
 *                   conclusion, items = { done = n, … } }, the newest first; after: a seq
 *   items{}         { id, run, account, trunk, label, state, evidence, attempts, error, plan,
 *                   started_at, ended_at, left }; error and plan are tables. left: of one that its
 *                   run has left half-way, whether anything was "sent" to the platform or "unsent".
 *                   attention: only those that need a person
 *   attempts{}      { id, item, run, account, trunk, endpoint, method, state, status, message,
 *                   requests, started_at, ended_at }. item: of this one; loose: outside of items
 *   creates{}       { id, run, account, endpoint, key = { … }, state, source, parent, trunk,
 *                   created_at, changed_at, age }. source: the key of their item; parent: the trunk
 *                   that was to get a part; age: seconds since it got its state (negative: the
 *                   clock was put back). unsettled: of which it is not known what became
 *   secrets{}       { id, run, attempt, account, provider, trunk, field, state, evidence,
 *                   created_at, changed_at, proven_at, delivered_at }. field; unsettled: candidates;
 *                   undelivered: current, not handed on
 *                   as_text in a filter: what is JSON in the ledger comes as that, not as tables
 *
 *   run(id) → as runs{}, or nil and why. id may be the start of one, or "last".
 *   look(ledger?)   for a command, before the others: opens the ledger (default: the run's) to read
 *                   only, as of this moment, and makes none; raises when it is not there
 *   backup(ledger, file)
 *                   copies it to a new file, and checks the copy
 *   know_account(account)
 *                   raises, with what there is, when the ledger has never heard of it
 *
 *   accounts_of(run) → { { account, items = { done = n, … } }, … }
 *   followers(run) → { { id, resumed_from, undoes, started_at, ended_at, status }, … }: runs that
 *               went on with it, or took it back
 *   undo_items(run) → as items{}, of those that were begun, the newest first; besides, before and
 *               after (tables), undone and undone_by (state and run of the latest attempt at
 *               taking it back), followed_by (a run that has changed the same since)
 *   unfinished(account) → { { trunk, candidates = n, run }, … }: trunks with secrets that may be
 *               live, or with an item that a run (the newest: run) has left half-way
 *   passwords_of(run) → { { account, field, states = { current = n, … }, delivered = n }, … }: how
 *               many it has sent, by what they are now; delivered: of the current ones
 *   secret_age(account, trunk, field) → seconds since the current one was proven, or nil;
 *               math.huge when it claims to be proven in the future: a clock was wrong
 *   open_secret(account, trunk, field, "current" | "previous" | "candidate") → secret; or nil,
 *               why and kind ("not_found": there is none; "invalid": no private key here, or
 *               damaged)
 */
#include <lauxlib.h>

#include "ledger_lua.h"
#include "library.h"

int th_open_ledger(lua_State *L)
{
    lua_newtable(L);
    th_open_ledger_writes(L);
    th_open_ledger_looks(L);
    th_open_ledger_tells(L);
    return 1;
}
