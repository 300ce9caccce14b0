/*
 * A strict reader of JSON (RFC 8259) that builds Lua values as it goes. One pass, no recursion, no
 * memory but Lua's, and time linear in the length of the text. Part of json.
 */
#ifndef TH_JSON_READ_H
#define TH_JSON_READ_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct th_json_reader {
    lua_State *L;
    const char *begin, *p, *end; /* the text, which needs no NUL at its end; p is what comes next */
    const char *mark;            /* NULL, or what is read where a string is broken */
    const char *reason;          /* static: "a comma must not stand before ]" */
    const char *at;              /* the byte that it is about */
} th_json_reader;

/* Pushes the value of the text. False: reason and at say why not, and the stack is left as it is.
 * The metatable of arrays lies at `arrays`. Raises when memory runs out. */
bool th_json_read(th_json_reader *r, int arrays);

/* --- the parts, which return false after th_json_fail ----------------------------------------- */

/* Notes why reading ends. Always false. */
static inline bool th_json_fail(th_json_reader *r, const char *at, const char *reason)
{
    r->at = at;
    r->reason = reason;
    return false;
}
/* At the opening quote; pushes the string and moves behind the closing quote. */
bool th_json_read_string(th_json_reader *r);
/* At a digit or a minus sign; pushes the number and moves behind it. */
bool th_json_read_number(th_json_reader *r);

#endif
