/* What a list's reply says about the whole list: how many items there are, and whether more follow.
 * Platforms say it in different words and places, so the usual ones are recognized. */
#include <ctype.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "call/api.h"
#include "json/json.h"

enum sign {
    TOTAL,     /* items of the whole list */
    COUNT,     /* items of the whole list or of this page */
    LAST_PAGE, /* pages of the whole list */
    PAGE_SIZE, /* items that fit in one page */
    MORE,      /* true, 1 or "true": another page follows */
    LAST,      /* false: another page follows */
    NEXT,      /* the next page's address, number or cursor */
    INSIDE,    /* an object whose members are such signs */
};

/* Names in lower case, without _, - and @. */
static const struct {
    const char *name;
    enum sign sign;
} signs[] = {
    {"total", TOTAL},
    {"totalcount", TOTAL},
    {"totalitems", TOTAL},
    {"totalresults", TOTAL},
    {"totalrecords", TOTAL},
    {"totalelements", TOTAL},
    {"totalentries", TOTAL},
    {"totalsize", TOTAL},
    {"totalhits", TOTAL},
    {"totaltrunks", TOTAL},
    {"recordstotal", TOTAL},
    {"itemstotal", TOTAL},
    {"count", COUNT},
    {"itemcount", COUNT},
    {"resultcount", COUNT},
    {"numresults", COUNT},
    {"lastpage", LAST_PAGE},
    {"totalpages", LAST_PAGE},
    {"pagecount", LAST_PAGE},
    {"numpages", LAST_PAGE},
    {"pages", LAST_PAGE},
    {"perpage", PAGE_SIZE},
    {"pagesize", PAGE_SIZE},
    {"limit", PAGE_SIZE},
    {"hasmore", MORE},
    {"hasnext", MORE},
    {"hasnextpage", MORE},
    {"hasmorepages", MORE},
    {"hasmoreitems", MORE},
    {"hasmoreresults", MORE},
    {"more", MORE},
    {"moreresults", MORE},
    {"partial", MORE},
    {"incomplete", MORE},
    {"truncated", MORE},
    {"istruncated", MORE},
    {"incompleteresults", MORE},
    {"last", LAST},
    {"islast", LAST},
    {"islastpage", LAST},
    {"next", NEXT},
    {"nextpage", NEXT},
    {"nextpageurl", NEXT},
    {"nextpageuri", NEXT},
    {"nexturl", NEXT},
    {"nexturi", NEXT},
    {"nextlink", NEXT},
    {"nextcursor", NEXT},
    {"nextpagetoken", NEXT},
    {"nexttoken", NEXT},
    {"nextoffset", NEXT},
    {"nextstart", NEXT},
    {"nextpagelink", NEXT},
    {"nextpagepath", NEXT},
    {"odata.nextlink", NEXT},
    {"continuationtoken", NEXT},
    {"meta", INSIDE},
    {"metadata", INSIDE},
    {"pagination", INSIDE},
    {"paginator", INSIDE},
    {"paging", INSIDE},
    {"pager", INSIDE},
    {"page", INSIDE},
    {"pageinfo", INSIDE},
    {"listinfo", INSIDE},
    {"resultinfo", INSIDE},
    {"responsemetadata", INSIDE},
    {"links", INSIDE},
    {"cursor", INSIDE},
    {"cursors", INSIDE},
};

enum { SIGN_MAX = 32, DEPTH = 3 };

static int sign_of(const char *name)
{
    char plain[SIGN_MAX];
    size_t len = 0;
    for (; *name && len + 1 < sizeof plain; name++)
        if (!strchr("_-@", *name))
            plain[len++] = (char)tolower((unsigned char)*name);
    plain[len] = '\0';
    for (size_t i = 0; !*name && i < sizeof signs / sizeof signs[0]; i++)
        if (strcmp(plain, signs[i].name) == 0)
            return (int)signs[i].sign;
    return -1;
}

/* A count: an integer of 0 or more, also as a text of digits; else -1. */
static lua_Integer count_at(lua_State *L, int idx)
{
    if (lua_type(L, idx) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, idx, &len);
        if (len == 0 || len > 15 || strspn(text, "0123456789") != len)
            return -1;
        return strtoll(text, NULL, 10);
    }
    return lua_isinteger(L, idx) && lua_tointeger(L, idx) >= 0 ? lua_tointeger(L, idx) : -1;
}

/* A yes is 1, a no is 0, also as a number or a text; else -1. */
static int truth_at(lua_State *L, int idx)
{
    if (lua_isboolean(L, idx))
        return lua_toboolean(L, idx);
    if (lua_type(L, idx) == LUA_TSTRING) {
        const char *text = lua_tostring(L, idx);
        if (strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0)
            return 1;
        if (strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0)
            return 0;
    }
    lua_Integer n = count_at(L, idx);
    return n < 0 ? -1 : n > 0;
}

/* In the table of facts at the index: the greatest number that was named, with its name. */
static void note_count(lua_State *L, int facts, const char *fact, const char *name, lua_Integer n)
{
    if (n < 0)
        return;
    if (lua_getfield(L, facts, fact) != LUA_TNUMBER || lua_tointeger(L, -1) < n) {
        lua_pushinteger(L, n);
        lua_setfield(L, facts, fact);
        lua_pushfstring(L, "%s_name", fact);
        lua_pushstring(L, name);
        lua_rawset(L, facts);
    }
    lua_pop(L, 1);
}

/* A yes is not taken back by a no in another place. */
static void note_more(lua_State *L, int facts, const char *name, bool more)
{
    lua_getfield(L, facts, "more");
    bool known = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (known)
        return;
    lua_pushboolean(L, more);
    lua_setfield(L, facts, "more");
    lua_pushstring(L, name);
    lua_setfield(L, facts, "more_name");
}

static void note_member(lua_State *L, int facts, const char *name, int depth);

/* The object is on top of the stack. */
static void note_members(lua_State *L, int facts, int depth)
{
    if (!lua_istable(L, -1) || depth == 0 || !lua_checkstack(L, 10) || th_json_is_array(L, -1))
        return;
    lua_pushnil(L);
    while (lua_next(L, -2)) { // object name value
        if (lua_type(L, -2) == LUA_TSTRING)
            note_member(L, facts, lua_tostring(L, -2), depth);
        lua_pop(L, 1);
    }
}

/* The member's value is on top of the stack. */
static void note_member(lua_State *L, int facts, const char *name, int depth)
{
    int said;
    switch (sign_of(name)) {
    case TOTAL:
        note_count(L, facts, "total", name, count_at(L, -1));
        break;
    case COUNT:
        note_count(L, facts, "count", name, count_at(L, -1));
        break;
    case LAST_PAGE:
        note_count(L, facts, "pages", name, count_at(L, -1));
        break;
    case PAGE_SIZE:
        note_count(L, facts, "size", name, count_at(L, -1));
        break;
    case MORE:
        said = truth_at(L, -1);
        if (said >= 0)
            note_more(L, facts, name, said);
        break;
    case LAST:
        if (lua_isboolean(L, -1)) /* a number or an address is that of the last page */
            note_more(L, facts, name, !lua_toboolean(L, -1));
        break;
    case NEXT:
        note_more(L, facts, name, th_json_says_yes(L, -1));
        break;
    case INSIDE:
        note_members(L, facts, depth - 1);
        break;
    default:
        break;
    }
}

/* The value of a header among lines of "Name: value\n", or NULL. */
static const char *header(const char *lines, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = lines; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncasecmp(at, name, len) == 0 && at[len] == ':')
            return at + len + 1 + strspn(at + len + 1, " \t");
    return NULL;
}

/* Whether "next" is among the relations of one of the links: rel=next, rel="prev next", rel='next'. */
static bool line_has_next(const char *line)
{
    for (const char *at = strcasestr(line, "rel="); at; at = strcasestr(at, "rel=")) {
        at += 4;
        char quote = *at == '"' || *at == '\'' ? *at++ : '\0';
        const char ends[] = {quote ? quote : ';', quote ? quote : ',', '\0'};
        size_t len = strcspn(at, ends);
        for (size_t word; len > 0; at += word, len -= word) {
            size_t blanks = strspn(at, " \t");
            at += blanks < len ? blanks : len;
            len -= blanks < len ? blanks : len;
            word = strcspn(at, " \t");
            word = word < len ? word : len;
            if (word == 4 && strncasecmp(at, "next", 4) == 0)
                return true;
        }
    }
    return false;
}

static bool has_next_link(const char *lines)
{
    bool next = false;
    for (const char *at = header(lines, "Link"); at && !next; at = header(at, "Link")) {
        char *line = strndup(at, strcspn(at, "\n"));
        next = line && line_has_next(line);
        free(line);
        at = strchr(at, '\n');
    }
    return next;
}

/* A count at the beginning of a header's value, or -1. */
static lua_Integer header_count(const char *value)
{
    size_t digits = value ? strspn(value, "0123456789") : 0;
    return digits > 0 && digits <= 15 ? strtoll(value, NULL, 10) : -1;
}

static void note_headers(lua_State *L, int facts, const th_transfer *transfer)
{
    static const struct {
        const char *name, *fact;
    } counts[] = {
        {"X-Total-Count", "total"},
        {"X-Total", "total"},
        {"X-Pagination-Total-Count", "total"},
        {"X-WP-Total", "total"},
        {"X-Total-Pages", "pages"},
        {"X-WP-TotalPages", "pages"},
    };
    const char *lines = transfer->reply_headers.data;
    if (transfer->status == 206)
        note_more(L, facts, "HTTP status 206, a part", true);
    if (!lines)
        return;
    if (has_next_link(lines))
        note_more(L, facts, "the header Link", true);
    if (header_count(header(lines, "X-Next-Page")) > 0)
        note_more(L, facts, "X-Next-Page", true);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        note_count(L, facts, counts[i].fact, counts[i].name,
                   header_count(header(lines, counts[i].name)));
    const char *range = header(lines, "Content-Range"); /* items 0-24/319 */
    size_t len = range ? strcspn(range, "\n/") : 0;
    if (range && range[len] == '/')
        note_count(L, facts, "total", "Content-Range", header_count(range + len + 1));
}

bool th_list_facts(lua_State *L, int idx, const th_endpoint *endpoint, const th_transfer *transfer)
{
    bool more = false, named = false;
    lua_pushvalue(L, idx);
    lua_newtable(L); // envelope facts
    lua_insert(L, -2);
    const int facts = lua_gettop(L) - 1; // facts envelope
    note_members(L, facts, DEPTH);
    if (endpoint->page_more && lua_istable(L, -1)) {
        lua_pushstring(L, endpoint->page_more);
        named = lua_rawget(L, -2) != LUA_TNIL;
        more = th_json_says_yes(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1); // facts
    if (named) {   /* where the description names a member, its word counts */
        lua_pushboolean(L, more);
        lua_setfield(L, facts, "more");
        lua_pushstring(L, endpoint->page_more);
        lua_setfield(L, facts, "more_name");
    }
    note_headers(L, facts, transfer);
    return more;
}
