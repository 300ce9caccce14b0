/* The Lua half of the library, compiled into the program, and its C modules. */
#ifndef TH_LIBRARY_H
#define TH_LIBRARY_H

#include <lua.h>
#include <stddef.h>

struct th_lua_module {
    const char *name; /* "trunkhost.job" */
    const char *source;
    size_t length;
};

/* Ends with a NULL name. Made at build time from bindings/. */
extern const struct th_lua_module th_lua_modules[];

/* C modules: each pushes its module table. */
int th_open_core(lua_State *L);
/* print and os.exit as this program needs them; there before any module is. */
void th_open_globals(lua_State *L);
int th_open_ledger(lua_State *L);
int th_open_uv(lua_State *L);

/* Parts of trunkhost.core: each sets its functions in the table at the top of the stack. */
void th_open_tokens(lua_State *L);
void th_open_process(lua_State *L);
void th_open_prompt(lua_State *L);
void th_open_private_files(lua_State *L);
void th_open_versions(lua_State *L);
void th_open_accounts(lua_State *L);

#endif
