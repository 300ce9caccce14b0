#include "base/redact.h"

#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact_impl.h"
#include "base/secret_known.h"

enum {
    LEVELS = 3,        /* escapes, one inside of the other */
    PIECE = 1 << 16,   /* bytes that are looked at together */
    OVERLAP = 1 << 14, /* of two pieces: a secret may lie across */
    LONG = 1 << 14,    /* a longer text is looked at one level less deep */
    PART_SHOWN = 8,    /* characters: from here on a part of a secret is worth hiding */
    BASE64_LEAST = TH_SECRET_KNOWN_LEAST * 4 / 3,
};

struct search {
    unsigned char *found; /* per byte of the text, 1: hide it; NULL: nothing yet */
    size_t len;
    bool revealed; /* hide also what was revealed */
    bool failed;   /* memory was short */
    struct th_secret_list own;
};

/* --- looking ---------------------------------------------------------------------------------- */

static void mark(struct search *search, const struct th_view *view, size_t at, size_t len)
{
    size_t from = view->from ? view->from[at] : at;
    size_t to = view->to ? view->to[at + len - 1] : at + len;
    if (!search->found && !(search->found = calloc(search->len, 1)))
        search->failed = true;
    else
        memset(search->found + from, 1, to - from);
}

static void find_known(struct search *search, const struct th_view *view)
{
    for (size_t i = 0; i + TH_SECRET_KNOWN_LEAST <= view->len; i++) {
        size_t len = th_secret_known_at(view->bytes + i, view->len - i, search->revealed);
        if (len)
            mark(search, view, i, len);
    }
}

static void find_parts(struct search *search, const struct th_view *view, const th_secret *secret)
{
    size_t least = secret->len < PART_SHOWN ? secret->len : PART_SHOWN;
    for (size_t at = 0; at + least <= view->len;) {
        const unsigned char *text = view->bytes + at;
        size_t longest = 0, left = view->len - at;
        for (size_t from = 0; from + least <= secret->len; from++) {
            size_t same = 0, most = secret->len - from < left ? secret->len - from : left;
            while (same < most && text[same] == (unsigned char)secret->bytes[from + same])
                same++;
            longest = same > longest ? same : longest;
        }
        if (longest >= least)
            mark(search, view, at, longest);
        at += longest >= least ? longest : 1;
    }
}

static void look(struct search *search, const struct th_view *view, unsigned levels);

/* A run of its characters may begin within a group, and with something else before it: all four
 * ways to cut it into groups are tried. */
static void look_into_base64(struct search *search, const struct th_view *view, unsigned levels)
{
    struct th_view decoded = {0};
    for (size_t at = 0, end; at < view->len; at = end + 1) {
        for (end = at; end < view->len && th_is_base64(view->bytes[end]);)
            end++;
        if (end - at < BASE64_LEAST)
            continue;
        if (!decoded.bytes && !th_view_open(&decoded, view->len)) {
            search->failed = true;
            return;
        }
        for (size_t shift = 0; shift < 4 && shift < end - at; shift++) {
            th_view_base64(view, at + shift, end, &decoded);
            look(search, &decoded, levels);
        }
    }
    th_view_close(&decoded);
}

static void look_behind(struct search *search, const struct th_view *view, enum th_escape escape,
                        unsigned levels)
{
    struct th_view decoded;
    if (!th_view_has(view, escape))
        return;
    if (!th_view_open(&decoded, view->len)) {
        search->failed = true;
        return;
    }
    if (th_view_decode(view, escape, &decoded))
        look(search, &decoded, levels);
    th_view_close(&decoded);
}

static void look(struct search *search, const struct th_view *view, unsigned levels)
{
    find_known(search, view);
    for (size_t i = 0; i < search->own.n; i++)
        if (search->own.secrets[i])
            find_parts(search, view, search->own.secrets[i]);
    if (levels == 0)
        return;
    for (enum th_escape escape = 0; escape < TH_ESCAPES; escape++)
        look_behind(search, view, escape, levels - 1);
    /* What comes out of it is mostly noise, which is not worth another look for base64. */
    look_into_base64(search, view, levels > 1 ? 1 : 0);
}

/* Fills search->found for the text. The lock keeps the secrets alive meanwhile. */
static void search_text(struct search *search, const char *text)
{
    th_secret_lock();
    if (th_secret_any_known() || search->own.n > 0) {
        unsigned char *found = NULL;
        size_t whole = search->len;
        for (size_t at = 0; at < whole && !search->failed; at += PIECE - OVERLAP) {
            size_t len = whole - at < PIECE ? whole - at : PIECE;
            struct th_view view = {.bytes = (unsigned char *)(uintptr_t)(text + at), .len = len};
            search->len = len;
            search->found = NULL;
            look(search, &view, whole > LONG ? LEVELS - 1 : LEVELS);
            if (search->found && !found && !(found = calloc(whole, 1)))
                search->failed = true;
            for (size_t i = 0; search->found && found && i < len; i++)
                found[at + i] |= search->found[i];
            free(search->found);
            if (at + len == whole)
                break;
        }
        search->found = found;
        search->len = whole;
    }
    th_secret_unlock();
}

/* --- hiding ----------------------------------------------------------------------------------- */

/* Whole characters: half of one is not UTF-8. */
static void widen(struct search *search, const char *text)
{
    unsigned char *found = search->found;
    for (size_t i = 1; i < search->len; i++)
        if (found[i - 1] && ((unsigned char)text[i] & 0xc0) == 0x80)
            found[i] = 1;
    for (size_t i = search->len - 1; i > 0; i--)
        if (found[i] && ((unsigned char)text[i] & 0xc0) == 0x80)
            found[i - 1] = 1;
}

static bool hide(struct search *search, char *text)
{
    if (search->failed) {
        memset(text, '*', search->len);
    } else if (search->found) {
        widen(search, text);
        for (size_t i = 0; i < search->len; i++)
            if (search->found[i])
                text[i] = '*';
    }
    bool any = search->failed || search->found;
    free(search->found);
    return any;
}

bool th_redact(char *text, size_t len)
{
    struct search search = {.len = len, .revealed = true};
    search_text(&search, text);
    return hide(&search, text);
}

bool th_redact_text(char *text)
{
    return text && th_redact(text, strlen(text));
}

void th_redact_value(lua_State *L, int idx, bool printed)
{
    size_t len;
    idx = lua_absindex(L, idx);
    const char *text = lua_tolstring(L, idx, &len);
    struct search search = {.len = len, .revealed = !printed};
    search_text(&search, text);
    bool clean = !search.found && !search.failed;
    free(search.found);
    if (clean)
        return;
    luaL_checkstack(L, 2, NULL);
    char *copy = lua_newuserdatauv(L, len + 1, 0);
    memcpy(copy, text, len);
    search = (struct search){.len = len, .revealed = !printed};
    search_text(&search, copy);
    hide(&search, copy);
    lua_pushlstring(L, copy, len);
    lua_replace(L, idx);
    lua_pop(L, 1);
}

void th_redact_words(char *text, size_t len, const struct th_secret_list *own)
{
    struct search search = {.len = len, .revealed = true, .own = *own};
    search_text(&search, text);
    hide(&search, text);
}

void th_redact_error(th_error *err)
{
    for (; err; err = err->cause) {
        th_redact_text(err->message);
        th_redact_text(err->code);
        th_redact_text(err->request);
        th_redact_text(err->advice);
        for (size_t i = 0; i < err->nfaults; i++) {
            th_redact_text(err->faults[i].field);
            th_redact_text(err->faults[i].rule);
        }
    }
}
