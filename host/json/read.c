/*
 * Arrays, objects, and what stands between values.
 *
 * The stack holds, for each array or object that is open, its table (nil before it is made) and the
 * items that are not in the table yet. Most tables are made when all of their items are known, in
 * the right size; a longer one takes its items in chunks.
 */
#include "json/read.h"

#include <stdint.h>
#include <string.h>

#include "json/json.h"

enum {
    CHUNK = 32, /* items of one table that wait on the stack */
    SLOTS = 16, /* of the stack, for the next value and the key after it */
};

struct frame {
    int table;            /* stack index */
    bool object;          /* its items are pairs: key value */
    unsigned waiting;     /* items above the table */
    lua_Integer stored;   /* items of an array that are in the table */
    uint32_t keys[CHUNK]; /* where the waiting keys are in the text */
};

typedef struct reading {
    th_json_reader *r;
    int arrays; /* stack index of their metatable */
    unsigned depth;
    struct frame frames[TH_JSON_DEPTH];
} reading;

static bool fail(reading *d, const char *reason)
{
    return th_json_fail(d->r, d->r->p, reason);
}

static struct frame *innermost(reading *d)
{
    return &d->frames[d->depth - 1];
}

static void make_table(lua_State *L, const struct frame *frame, int arrays)
{
    const int items = (int)frame->waiting;
    lua_createtable(L, frame->object ? 0 : items, frame->object ? items : 0);
    if (!frame->object) {
        lua_pushvalue(L, arrays);
        lua_setmetatable(L, -2);
    }
    lua_replace(L, frame->table);
}

/* Puts the waiting items into their table. */
static bool store(reading *d)
{
    lua_State *L = d->r->L;
    struct frame *frame = innermost(d);
    if (lua_isnil(L, frame->table))
        make_table(L, frame, d->arrays);
    int at = frame->table + 1;
    for (unsigned i = 0; i < frame->waiting; i++) {
        if (!frame->object) {
            lua_pushvalue(L, at++);
            lua_rawseti(L, frame->table, ++frame->stored);
            continue;
        }
        lua_pushvalue(L, at);
        if (lua_rawget(L, frame->table) != LUA_TNIL)
            return th_json_fail(d->r, d->r->begin + frame->keys[i],
                                "a key appears twice in one object");
        lua_pop(L, 1);
        lua_pushvalue(L, at++);
        lua_pushvalue(L, at++);
        lua_rawset(L, frame->table);
    }
    lua_settop(L, frame->table);
    frame->waiting = 0;
    return true;
}

static bool enter(reading *d, bool object)
{
    if (d->depth == TH_JSON_DEPTH)
        return fail(d, "it is nested deeper than 256 levels");
    lua_pushnil(d->r->L);
    struct frame *frame = &d->frames[d->depth++];
    frame->table = lua_gettop(d->r->L);
    frame->object = object;
    frame->waiting = 0;
    frame->stored = 0;
    d->r->p++;
    return true;
}

static bool leave(reading *d)
{
    if (!store(d))
        return false;
    d->depth--;
    d->r->p++;
    return true;
}

/* The value on top is complete. */
static bool add(reading *d)
{
    return d->depth == 0 || ++innermost(d)->waiting < CHUNK || store(d);
}

static bool key(reading *d)
{
    th_json_reader *r = d->r;
    if (*r->p != '"')
        return fail(d, *r->p == '}' ? "a comma must not stand before }"
                                    : "a key in double quotes was expected");
    struct frame *frame = innermost(d);
    frame->keys[frame->waiting] = (uint32_t)(r->p - r->begin);
    return th_json_read_string(r);
}

static bool word(reading *d, const char *text)
{
    th_json_reader *r = d->r;
    const size_t len = strlen(text);
    if ((size_t)(r->end - r->p) < len || memcmp(r->p, text, len) != 0)
        return fail(d, "a value was expected: words other than true, false and null are not JSON");
    r->p += len;
    if (text[0] == 'n')
        th_json_push_null(r->L);
    else
        lua_pushboolean(r->L, text[0] == 't');
    return true;
}

static bool scalar(reading *d)
{
    switch (*d->r->p) {
    case '"':
        return th_json_read_string(d->r);
    case '-':
    case '0' ... '9':
        return th_json_read_number(d->r);
    case 't':
        return word(d, "true");
    case 'f':
        return word(d, "false");
    case 'n':
        return word(d, "null");
    case ']':
        return fail(d, d->depth && !innermost(d)->object ? "a comma must not stand before ]"
                                                         : "a value was expected");
    case 'N':
    case 'I':
        return fail(d, "a value was expected: NaN and Infinity are not JSON");
    case '\'':
        return fail(d, "a value was expected: strings stand in double quotes");
    default:
        return fail(d, "a value was expected");
    }
}

enum want { VALUE, FIRST_ITEM, FIRST_KEY, KEY, COLON, AFTER };

/* A value, or the bracket that opens one. */
static bool value(reading *d, enum want *want)
{
    const char ch = *d->r->p;
    if (!lua_checkstack(d->r->L, SLOTS))
        return fail(d, "there is not enough memory to read it");
    if (ch == '{' || ch == '[') {
        *want = ch == '{' ? FIRST_KEY : FIRST_ITEM;
        return enter(d, ch == '{');
    }
    *want = AFTER;
    return scalar(d) && add(d);
}

static bool after_value(reading *d, enum want *want)
{
    if (d->depth == 0)
        return fail(d, "there is more text after the end of the value");
    const bool object = innermost(d)->object;
    if (*d->r->p == ',') {
        d->r->p++;
        *want = object ? KEY : VALUE;
        return true;
    }
    if (*d->r->p != (object ? '}' : ']'))
        return fail(d, object ? "a comma or } was expected" : "a comma or ] was expected");
    return leave(d) && add(d);
}

static bool step(reading *d, enum want *want)
{
    const char ch = *d->r->p;
    switch (*want) {
    case FIRST_ITEM:
    case FIRST_KEY:
        if (ch == (*want == FIRST_KEY ? '}' : ']')) {
            *want = AFTER;
            return leave(d) && add(d);
        }
        if (*want == FIRST_ITEM)
            return value(d, want);
        /* fall through */
    case KEY:
        *want = COLON;
        return key(d);
    case COLON:
        if (ch != ':')
            return fail(d, "a colon was expected after the key");
        d->r->p++;
        *want = VALUE;
        return true;
    case AFTER:
        return after_value(d, want);
    case VALUE:
    default:
        return value(d, want);
    }
}

bool th_json_read(th_json_reader *r, int arrays)
{
    reading d; /* its frames are set as they are entered */
    d.r = r;
    d.arrays = arrays;
    d.depth = 0;
    if (r->end - r->begin > INT32_MAX / 2)
        return fail(&d, "it is larger than 1 GiB");
    if (r->end - r->begin >= 3 && memcmp(r->begin, "\xef\xbb\xbf", 3) == 0)
        return fail(&d, "it starts with a byte order mark");
    enum want want = VALUE;
    for (;;) {
        while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
            r->p++;
        if (r->p == r->end)
            break;
        if (!step(&d, &want))
            return false;
    }
    if (want == AFTER && d.depth == 0)
        return true;
    return fail(&d,
                d.depth ? "the text ends before its last bracket is closed" : "the text is empty");
}
