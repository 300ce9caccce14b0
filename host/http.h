/* Requests to any other HTTP API: the same engine and the same care, without a provider
 * description. */
#ifndef TH_HTTP_H
#define TH_HTTP_H

#include <lua.h>

/*
 * Lua: request { method=, url=, headers=, body= | json=, timeout=, resend= } → { status, headers,
 * body, json } Any status is a result, not an error; header names are lower-case. GET, HEAD, PUT
 * and DELETE are repeated when the line fails; POST and PATCH never: their loss raises
 * `unknown_outcome`.
 */
int th_http_request(lua_State *L);

#endif
