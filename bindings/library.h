/* The Lua half of the library, compiled into the program, and its C modules. */
#ifndef TH_LIBRARY_H
#define TH_LIBRARY_H

#include <lua.h>
#include <stddef.h>

#include "wire/transfer.h"

struct th_lua_module {
    const char *name; /* "trunkhost.job" */
    const char *source;
    size_t length;
};

/* Ends with a NULL name. Made at build time from bindings/. */
extern const struct th_lua_module th_lua_modules[];

/* Makes all of it to be found by require. Leaves the stack as it was; may raise. */
void th_library_open(lua_State *L);

/* C modules: each pushes its module table. */
int th_open_core(lua_State *L);
/* print and os.exit as this program needs them; there before any module is. */
void th_open_globals(lua_State *L);
/* Of these, what prints. */
void th_open_printing(lua_State *L);
int th_open_ledger(lua_State *L);
int th_open_uv(lua_State *L);
int th_open_line_editor(lua_State *L);
/* Its other half: sets its functions in the table at the top of the stack. */
void th_open_session(lua_State *L);

/* Parts of trunkhost.core: each sets its functions in the table at the top of the stack. */
void th_open_tokens(lua_State *L);
void th_open_process(lua_State *L);
void th_open_prompt(lua_State *L);
void th_open_private_files(lua_State *L);
void th_open_versions(lua_State *L);
void th_open_digests(lua_State *L);
void th_open_mangled(lua_State *L);
void th_open_output(lua_State *L);
void th_open_accounts(lua_State *L);
void th_open_http(lua_State *L);
void th_open_urls(lua_State *L);

/* What accounts and clients of other APIs share (accounts.c). */
enum { TH_WINDOWS_MAX = 8 };
/* Reads rate, concurrency, ca_file, timeout and http, which have been checked, from the table at
 * idx. out borrows windows and the strings of the table. */
void th_read_connection(lua_State *L, int idx, th_window windows[TH_WINDOWS_MAX],
                        th_connection_options *out);
/* Pushes { queued, in_flight, admitted, limited, wait, waiting_for }. */
void th_pace_push(lua_State *L, const th_pacer *pacer);

#endif
