/*
 * Secrets: passwords and tokens. Their bytes live in locked memory that never reaches swap or a
 * core dump and is wiped when the last reference goes. Nothing in the host prints one: while it is
 * alive, redact.h keeps it out of every output.
 *
 * Reference counted and used by the loop thread; th_secret_bytes may be read by another thread that
 * holds a reference. The counter itself is atomic.
 */
#ifndef TH_SECRET_H
#define TH_SECRET_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct th_secret th_secret;

enum { TH_SECRET_MAX = 4096 }; /* bytes */

/* Draws `length` characters (1 … TH_SECRET_MAX), each uniformly from `alphabet`
 * (NULL: A–Z a–z 0–9; else at least 2 different visible ASCII characters, no space; one that is
 * repeated counts once). The caller owns one reference. */
int th_secret_random(size_t length, const char *alphabet, th_secret **out, th_error *err);
/* Copies bytes that came from elsewhere (a file, a script). 1 … TH_SECRET_MAX bytes. */
int th_secret_copy(const void *bytes, size_t len, th_secret **out, th_error *err);

th_secret *th_secret_ref(th_secret *secret);
void th_secret_unref(th_secret *secret); /* NULL is fine */

/* Points into the locked memory; valid while a reference is held. Not NUL-terminated. */
const char *th_secret_bytes(const th_secret *secret, size_t *len);
/* A script has its text, and may print it; see redact.h. */
void th_secret_mark_revealed(th_secret *secret);
/* Constant-time comparison. */
bool th_secret_equal(const th_secret *a, const th_secret *b);

/* Secrets that are alive now; 0 at the end of a clean run. */
size_t th_secret_count(void);

/* Lua: pushes a userdata that holds a reference of its own and prints as [secret]. */
void th_secret_push(lua_State *L, th_secret *secret);
/* The same with the caller's own reference, which is given away also when this raises. */
void th_secret_give(lua_State *L, th_secret *secret);
/* The secret at idx (borrowed: valid while that value is), or NULL when it is something else. */
th_secret *th_secret_test(lua_State *L, int idx);

#endif
