/* Requests to any other HTTP API: the same engine and the same care, without a provider
 * description. */
#ifndef TH_HTTP_H
#define TH_HTTP_H

#include <lua.h>

/*
 * Lua: http_send(client, request) → reply. For bindings/http*.lua, which have checked the members.
 *
 *   client   a userdata of http_client.h, or nil: not paced, and to any host
 *   request  method      upper case
 *            url, shown  where it goes, and how that is said to people
 *            headers     { name, value, name, value, … }; a value is a text or a secret
 *            json | body | from   a value, a text, or the path of a file
 *            to          the path of a file for the body of a 2xx reply
 *            max_bytes   of the reply's body
 *            timeout     seconds; stalls = true: of silence, not for the whole
 *            repeatable  whether the request may be sent again after it may have arrived
 *            times       transfers at the most; once: a list of kinds that are not repeated
 *            expect      a table whose keys are the statuses that are results besides 2xx, or
 *                        true: all
 *            decode      true: the body must be JSON; false: it is not looked at; nil: when it says so
 *            lenient     true: a body that says so and is not JSON is no error
 *            secrets     a list of those that no message may quote, besides those of headers and json
 *
 * The reply: status, attempts, headers (lower-case name → text), repeated (lower-case name → list,
 * of the headers that came more than once), body or bytes, json. Raises an error object.
 */
int th_http_send(lua_State *L);

#endif
