#include "wire_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 65536 };

void wire_die(const char *what)
{
    fprintf(stderr, "wire_server: %s: %s\n", what, strerror(errno));
    abort();
}

void *wire_need(void *memory)
{
    if (!memory)
        wire_die("memory");
    return memory;
}

wire_connection *wire_connection_open(int fd, size_t number)
{
    wire_connection *c = wire_need(calloc(1, sizeof *c));

    c->fd = fd;
    c->number = number;
    return c;
}

void wire_connection_close(wire_connection *c, bool reset)
{
    if (reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static char *composed(const wire_step *step, bool with_body, size_t *len)
{
    const char *body = step->body ? step->body : "";
    char *text = NULL;
    int n = asprintf(&text, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %zu\r\n\r\n%s", step->status,
                     step->headers ? step->headers : "", strlen(body) + step->fill,
                     with_body ? body : "");

    if (n < 0)
        wire_die("memory");
    *len = (size_t)n;
    return text;
}

void wire_connection_answer(wire_connection *c)
{
    const wire_step *step = c->step;

    c->state = WIRE_SENDING;
    c->out_sent = c->out_len = 0;
    c->fill_left = c->head ? 0 : step->fill;
    free(c->out);
    c->out = NULL;
    if (step->reply) {
        c->out_len = step->reply_len ? step->reply_len : strlen(step->reply);
        c->out = wire_need(malloc(c->out_len + 1));
        memcpy(c->out, step->reply, c->out_len);
    } else if (step->status) {
        size_t len;
        char *text = composed(step, !c->head, &len);
        c->out = wire_need(malloc(len + 1));
        memcpy(c->out, text, len);
        c->out_len = len;
        free(text);
    }
}

/* The value of a header in a head, or NULL; ends at the line's end. */
static const char *find_header(const char *head, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 2 + len + 1 + strspn(line + 2 + len + 1, " \t");
    return NULL;
}

bool wire_connection_read(wire_connection *c)
{
    if (c->in_cap - c->in_len < CHUNK + 1) {
        c->in_cap = c->in_cap * 2 + CHUNK + 1;
        c->in = wire_need(realloc(c->in, c->in_cap));
    }
    ssize_t n = recv(c->fd, c->in + c->in_len, CHUNK, MSG_DONTWAIT);
    if (n > 0)
        c->in_len += (size_t)n;
    return n > 0 || (n < 0 && errno == EAGAIN);
}

bool wire_connection_send(wire_connection *c)
{
    static const char filler[1024] = {[0 ... 1023] = 'x'};
    ssize_t n = 0;

    if (c->out_sent < c->out_len) {
        size_t len = c->step->flags & WIRE_DRIP ? 1 : c->out_len - c->out_sent;
        n = send(c->fd, c->out + c->out_sent, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        c->out_sent += n > 0 ? (size_t)n : 0;
    } else if (c->fill_left > 0) {
        size_t len = c->fill_left < sizeof filler ? c->fill_left : sizeof filler;
        n = send(c->fd, filler, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        c->fill_left -= n > 0 ? (size_t)n : 0;
    }
    return n >= 0 || errno == EAGAIN;
}

bool wire_connection_sent_all(const wire_connection *c)
{
    return c->out_sent == c->out_len && c->fill_left == 0;
}

wire_request *wire_connection_request(wire_connection *c, bool head_only)
{
    if (c->in_len == 0)
        return NULL;
    c->in[c->in_len] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return NULL;
    size_t head_len = (size_t)(end - c->in) + 4;
    char *head = wire_need(strndup(c->in, head_len));
    const char *length = find_header(head, "Content-Length");
    size_t body_len = length && !head_only ? strtoul(length, NULL, 10) : 0;
    if (c->in_len < head_len + body_len) {
        free(head);
        return NULL;
    }
    wire_request *request = wire_need(calloc(1, sizeof *request));
    request->head = head;
    request->body = wire_need(calloc(1, body_len + 1));
    memcpy(request->body, c->in + head_len, body_len);
    request->body_len = body_len;
    request->connection = c->number;
    sscanf(request->head, "%15s %255s", request->method, request->target);
    c->head = strcmp(request->method, "HEAD") == 0;
    c->in_len = head_only ? 0 : c->in_len - head_len - body_len;
    memmove(c->in, c->in + head_len + body_len, c->in_len);
    return request;
}

const char *wire_request_header(const wire_request *request, const char *name, char *value,
                                size_t size)
{
    const char *found = find_header(request->head, name);

    if (!found)
        return NULL;
    snprintf(value, size, "%.*s", (int)strcspn(found, "\r"), found);
    return value;
}
