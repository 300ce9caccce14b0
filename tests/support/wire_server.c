#include "wire_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, MAX_REQUESTS = 65536 };

struct wire_server {
    const wire_step *steps;
    size_t nsteps;
    char url[64];
    int port, listener;
    int wake[2]; /* a byte here makes the thread look at what it was told */
    pthread_t thread;

    wire_connection *connections[MAX_CONNECTIONS]; /* the thread's */
    size_t nconnections;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    wire_request *requests[MAX_REQUESTS];
    size_t nrequests, naccepted, nopen;
    bool stop, released, close_idle;
    void (*told)(void *ctx);
    void *told_ctx;
};

static void tell(wire_server *server)
{
    pthread_mutex_lock(&server->lock);
    pthread_cond_broadcast(&server->changed);
    if (server->told)
        server->told(server->told_ctx);
    pthread_mutex_unlock(&server->lock);
}

/* --- one connection --------------------------------------------------------------------------- */

static void hang_up(wire_server *server, size_t i, bool reset)
{
    wire_connection_close(server->connections[i], reset);
    server->connections[i] = server->connections[--server->nconnections];
    pthread_mutex_lock(&server->lock);
    server->nopen--;
    pthread_mutex_unlock(&server->lock);
    tell(server);
}

static const wire_step *step_of(wire_server *server, size_t request)
{
    return &server->steps[request < server->nsteps ? request : server->nsteps - 1];
}

/* Takes the next request, when all of it is there, records it, and acts. */
static void take_request(wire_server *server, wire_connection *c)
{
    const wire_step *step = step_of(server, server->nrequests);
    wire_request *request = wire_connection_request(c, step->flags & WIRE_HEAD_ONLY);

    if (!request)
        return;
    pthread_mutex_lock(&server->lock);
    if (server->nrequests == MAX_REQUESTS)
        wire_die("too many requests");
    server->requests[server->nrequests++] = request;
    bool hold = (step->flags & WIRE_HOLD) && !server->released;
    pthread_mutex_unlock(&server->lock);
    c->step = step;
    c->state = WIRE_HELD;
    if (!hold)
        wire_connection_answer(c);
    tell(server);
}

/* Does what can be done without waiting. */
static void serve(wire_server *server, size_t i, short events)
{
    wire_connection *c = server->connections[i];
    bool alive = true;

    if (c->state == WIRE_READING) {
        alive = wire_connection_read(c);
        if (alive)
            take_request(server, c);
    } else if (events & (POLLHUP | POLLERR)) {
        alive = false;
    }
    if (alive && c->state == WIRE_SENDING)
        alive = wire_connection_send(c);
    if (!alive) {
        hang_up(server, i, false);
    } else if (c->state == WIRE_SENDING && wire_connection_sent_all(c)) {
        if (c->step->flags & (WIRE_CLOSE | WIRE_RESET)) {
            hang_up(server, i, c->step->flags & WIRE_RESET);
            return;
        }
        c->state = WIRE_READING;
        take_request(server, c);
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static void accept_one(wire_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    int on = 1;

    if (fd < 0)
        return;
    if (server->nconnections == MAX_CONNECTIONS)
        wire_die("too many connections");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_mutex_lock(&server->lock);
    size_t number = server->naccepted++;
    server->nopen++;
    pthread_mutex_unlock(&server->lock);
    server->connections[server->nconnections++] = wire_connection_open(fd, number);
}

/* Carries out what the test's thread asked for. False when the server is to stop. */
static bool obey(wire_server *server)
{
    char bytes[64];

    (void)!read(server->wake[0], bytes, sizeof bytes);
    pthread_mutex_lock(&server->lock);
    bool stop = server->stop, released = server->released, close_idle = server->close_idle;
    server->close_idle = false;
    pthread_mutex_unlock(&server->lock);
    for (size_t i = server->nconnections; i-- > 0;) {
        wire_connection *c = server->connections[i];
        if (released && c->state == WIRE_HELD)
            wire_connection_answer(c);
        else if (close_idle && c->state == WIRE_READING && c->in_len == 0)
            hang_up(server, i, false);
    }
    return !stop;
}

static void *run(void *ctx)
{
    wire_server *server = ctx;
    struct pollfd *fds = wire_need(calloc(MAX_CONNECTIONS + 2, sizeof *fds));

    for (;;) {
        size_t n = server->nconnections;
        fds[0] = (struct pollfd){.fd = server->wake[0], .events = POLLIN};
        fds[1] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        for (size_t i = 0; i < n; i++) {
            static const short wanted[] = {
                [WIRE_READING] = POLLIN, [WIRE_HELD] = 0, [WIRE_SENDING] = POLLOUT};
            fds[i + 2] = (struct pollfd){.fd = server->connections[i]->fd,
                                         .events = wanted[server->connections[i]->state]};
        }
        if (poll(fds, n + 2, -1) < 0 && errno != EINTR)
            wire_die("poll");
        for (size_t i = n; i-- > 0;) /* from the end: a connection that goes swaps with the last */
            if (fds[i + 2].revents)
                serve(server, i, fds[i + 2].revents);
        if (fds[1].revents)
            accept_one(server);
        if (fds[0].revents && !obey(server))
            break;
    }
    while (server->nconnections > 0)
        hang_up(server, 0, false);
    free(fds);
    return NULL;
}

static void wake(wire_server *server)
{
    (void)!write(server->wake[1], "", 1);
}

/* --- public ----------------------------------------------------------------------------------- */

wire_server *wire_server_start(const wire_step *steps, size_t nsteps)
{
    wire_server *server = wire_need(calloc(1, sizeof *server));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    server->steps = steps;
    server->nsteps = nsteps;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, 1024) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0)
        wire_die("cannot listen on 127.0.0.1");
    server->port = ntohs(address.sin_port);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", server->port);
    if (pipe2(server->wake, O_CLOEXEC) != 0)
        wire_die("pipe");
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    if (pthread_create(&server->thread, NULL, run, server) != 0)
        wire_die("thread");
    return server;
}

void wire_server_stop(wire_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->lock);
    server->stop = true;
    server->told = NULL;
    pthread_mutex_unlock(&server->lock);
    wake(server);
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->wake[0]);
    close(server->wake[1]);
    for (size_t i = 0; i < server->nrequests; i++) {
        free(server->requests[i]->head);
        free(server->requests[i]->body);
        free(server->requests[i]);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    free(server);
}

void wire_server_leave(wire_server **server)
{
    wire_server_stop(*server);
}

const char *wire_server_url(const wire_server *server)
{
    return server->url;
}

int wire_server_port(const wire_server *server)
{
    return server->port;
}

size_t wire_server_requests(wire_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->nrequests;
    pthread_mutex_unlock(&server->lock);
    return n;
}

size_t wire_server_connections(wire_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->naccepted;
    pthread_mutex_unlock(&server->lock);
    return n;
}

const wire_request *wire_server_request(wire_server *server, size_t index)
{
    pthread_mutex_lock(&server->lock);
    const wire_request *request = index < server->nrequests ? server->requests[index] : NULL;
    pthread_mutex_unlock(&server->lock);
    if (!request) {
        fprintf(stderr, "wire_server: there was no request %zu\n", index);
        abort();
    }
    return request;
}

void wire_server_release(wire_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->released = true;
    pthread_mutex_unlock(&server->lock);
    wake(server);
}

void wire_server_close_idle(wire_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->close_idle = true;
    pthread_mutex_unlock(&server->lock);
    wake(server);
}

void wire_server_wait(wire_server *server, size_t requests)
{
    pthread_mutex_lock(&server->lock);
    while (server->nrequests < requests)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void wire_server_wait_closed(wire_server *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->nopen > 0)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void wire_server_notify(wire_server *server, void (*told)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&server->lock);
    server->told = told;
    server->told_ctx = ctx;
    pthread_mutex_unlock(&server->lock);
}
