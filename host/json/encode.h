/*
 * One encoding under way: first the value is checked and copied (json/prepare.c), then lua-cjson
 * writes the copy (json/encode.c). Part of json.
 */
#ifndef TH_JSON_ENCODE_H
#define TH_JSON_ENCODE_H

#include <lua.h>

#include "base/secret.h"
#include "json/json.h"

/* The stack of the protected function that encodes; above ROOT is what the walk needs. */
enum { ENCODING = 1, ARRAY, ROOT };

typedef struct th_json_encoding {
    unsigned flags;
    th_error *err;
    int rc;
    th_secret **secrets; /* a reference to each */
    size_t nsecrets, secrets_cap;
    unsigned depth; /* tables around the value that is looked at */
} th_json_encoding;

/* Replaces the value on top, which lies at ROOT, by what lua-cjson is to see: a copy, with marks in
 * place of what it would spoil (json/write.h). False after a refusal: e->rc and e->err say why. The
 * metatable of arrays lies at ARRAY. May raise when memory runs out. */
bool th_json_prepare(lua_State *L, th_json_encoding *e);

#endif
