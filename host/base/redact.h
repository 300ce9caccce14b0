/*
 * The one redactor: what leaves the process goes through it, and every secret that is alive is
 * blotted out by asterisks, as many as it had characters.
 *
 * A secret is found as it is, and percent-encoded (also in part, and with + for a blank), escaped as
 * in JSON or HTML, as a part of something in base64 (user:password of an Authorization header; both
 * alphabets, padded or not), and in up to three of these one inside of the other. Ones shorter than
 * TH_SECRET_KNOWN_LEAST are not looked for.
 *
 * Any thread. Where memory runs out, a text that would have to be unescaped to be looked at becomes
 * asterisks as a whole.
 */
#ifndef TH_REDACT_H
#define TH_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/secret.h"

/* For what the host makes. In place; whether there was a secret. */
bool th_redact(char *text, size_t len);
/* The same for a NUL-terminated text, or NULL. */
bool th_redact_text(char *text);
/*
 * The same for the Lua string at idx, which is replaced where it holds a secret. `printed`: a script
 * prints it by itself, and what it has revealed is its own affair. Raises when memory runs out.
 */
void th_redact_value(lua_State *L, int idx, bool printed);

/*
 * For words of a server that knows the secrets of a call: besides, every part of eight characters
 * or more of them is hidden (a server may have cut what it quotes), and those that are shorter than
 * TH_SECRET_KNOWN_LEAST.
 */
struct th_secret_list {
    const th_secret *const *secrets; /* borrowed; NULLs are passed over */
    size_t n;
};
void th_redact_words(char *text, size_t len, const struct th_secret_list *own);

/* Everything in it that is text, and its causes. */
void th_redact_error(th_error *err);

#endif
