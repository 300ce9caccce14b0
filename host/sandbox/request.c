#include "sandbox/request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes in place. plus: a query writes a space as a plus sign. */
static int decode(char *text, bool plus)
{
    char *out = text;
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            int high = hex(text[1]);
            int low = high < 0 ? -1 : hex(text[2]);
            if (low < 0 || high + low == 0)
                return -1;
            *out++ = (char)(high * 16 + low);
            text += 2;
        } else {
            *out++ = plus && *text == '+' ? ' ' : *text;
        }
    }
    *out = '\0';
    return 0;
}

static int split_query(sb_request *request, char *query)
{
    for (char *next; query; query = next) {
        next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        char *value = strchr(query, '=');
        if (value)
            *value++ = '\0';
        if (request->nquery == SB_PARAMETERS || decode(query, true) != 0 ||
            (value && decode(value, true) != 0))
            return -1;
        request->query[request->nquery++] = (sb_parameter){query, value ? value : ""};
    }
    return 0;
}

int sb_request_split(sb_request *request)
{
    request->nsegments = request->nquery = 0;
    free(request->text);
    request->text = strdup(request->target);
    if (!request->text || request->text[0] != '/')
        return -1;
    char *query = strchr(request->text, '?');
    if (query)
        *query++ = '\0';
    for (char *segment = request->text + 1, *next; segment; segment = next) {
        next = strchr(segment, '/');
        if (next)
            *next++ = '\0';
        if (request->nsegments == SB_SEGMENTS || decode(segment, false) != 0)
            return -1;
        request->segments[request->nsegments++] = segment;
    }
    return query ? split_query(request, query) : 0;
}

const char *sb_request_parameter(const sb_request *request, const char *name)
{
    for (size_t i = 0; i < request->nquery; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

bool sb_request_is_json(const sb_request *request)
{
    static const char json[] = "application/json";
    const char *type = request->content_type;
    if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    type += sizeof json - 1;
    type += strspn(type, " \t");
    return *type == '\0' || *type == ';';
}

void sb_request_close(sb_request *request)
{
    free(request->target);
    free(request->authorization);
    free(request->content_type);
    free(request->host);
    free(request->text);
    th_buf_close(&request->body);
    *request = (sb_request){0};
}
