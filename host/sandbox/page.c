/*
 * Lists of trunks: all at once, or in pages, and what can be wrong with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/api.h"

sb_page sb_page_make(sb_call *call, size_t number, size_t size, size_t count)
{
    sb_page page = {.number = number, .size = size ? size : count, .total = count};
    page.paged = size > 0;
    if (page.size == 0)
        page.size = 1;
    if (number > 1 && sb_meets(call, SB_SAME_PAGE))
        page.number = 1;
    page.first = (page.number - 1) * page.size;
    if (page.first > count)
        page.first = count;
    page.end = count - page.first > page.size ? page.first + page.size : count;
    page.more = page.end < count;
    if (page.number > 1 && page.first < page.end && sb_meets(call, SB_SHIFTING_LIST)) {
        page.first++; /* one before it has gone since the last page was read: nobody sees this one */
        page.total--;
        page.end += page.end < count;
    }
    if (page.first < page.end && sb_meets(call, SB_EMPTY_PAGE)) {
        page.end = page.first;
        page.more = true;
    }
    if (page.first < page.end && sb_meets(call, SB_SHORT_LIST)) {
        page.end--;
        page.paged = true; /* the reply says how many there are */
    }
    page.last = page.total ? (page.total + page.size - 1) / page.size : 1;
    if (page.more && page.last <= page.number)
        page.last = page.number + 1;
    page.paged |= page.more;
    return page;
}

sb_page sb_page_asked(sb_call *call, size_t count)
{
    const char *text = sb_request_parameter(call->request, "page");
    size_t number = text && !sb_format_id(text) ? strtoul(text, NULL, 10) : 1;
    return sb_page_make(call, number ? number : 1, call->page, count);
}

json_t *sb_page_items(const sb_page *page, json_t *map, const char *const *view)
{
    json_t *list = json_array(), *record;
    const char *id;
    size_t i = 0;
    json_object_foreach(map, id, record)
    {
        if (i >= page->first && i < page->end)
            json_array_append_new(list, sb_pick(record, view));
        i++;
    }
    return list;
}

/* The address of a page as the platform would write it. */
static void address(const sb_call *call, size_t number, char *out, size_t size)
{
    const char *target = call->request->target;
    snprintf(out, size, "http://%s%.*s?page=%zu",
             call->request->host ? call->request->host : "127.0.0.1", (int)strcspn(target, "?"),
             target, number);
}

json_t *sb_page_envelope(const sb_call *call, const sb_page *page, json_t *list)
{
    char next[512];
    if (!page->paged)
        return json_pack("{s:o}", "data", list);
    address(call, page->number + 1, next, sizeof next);
    return json_pack("{s:o, s:{s:s?}, s:{s:I, s:I, s:I, s:I}}", "data", list, "links", "next",
                     page->more ? next : NULL, "meta", "current_page", (json_int_t)page->number,
                     "last_page", (json_int_t)page->last, "per_page", (json_int_t)page->size,
                     "total", (json_int_t)page->total);
}

void sb_page_headers(sb_call *call, const sb_page *page)
{
    char next[512];
    if (!page->paged)
        return;
    sb_reply_header(call, "X-Total-Count", "%zu", page->total);
    address(call, page->number + 1, next, sizeof next);
    if (page->more)
        sb_reply_header(call, "Link", "<%s>; rel=\"next\"", next);
}
