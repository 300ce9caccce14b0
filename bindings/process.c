/*
 * A child process: the one way to start another program. It gets no descriptor of ours but its
 * pipes. The loop goes on while it runs, and it may have a time limit.
 *
 * It leads a session of its own: a Ctrl-C on our terminal, which lets what was begun end, does not
 * reach it, and what it has started ends with it.
 */
#include "process.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What does not end by SIGTERM is killed. */
static const uint64_t grace_ns = 2000 * 1000000ull;

/* What it has left behind in the background may hold its output open: nobody waits for that. */
static const uint64_t linger_ns = 1000 * 1000000ull;

/* A piece of its input. */
struct piece {
    uv_write_t write;
    th_child *child;
    th_buf text;
};

struct th_children {
    th_guest base; /* first */
    uv_loop_t *loop;
    th_timers *timers;
    th_sched *sched;
    unsigned running;
};

/* They were told to end, and are killed if they do not. */
static bool children_close(th_guest *guest)
{
    const struct th_children *children = (struct th_children *)guest;
    while (children->running > 0)
        uv_run(children->loop, UV_RUN_ONCE);
    return true;
}

static void children_destroy(th_guest *guest)
{
    free(guest);
}

/* Made for the first child. */
static struct th_children *children_of(lua_State *L)
{
    static const char key = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &key); // children
    struct th_children *children = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (children)
        return children;
    children = calloc(1, sizeof *children);
    if (!children)
        luaL_error(L, "not enough memory");
    children->base.close = children_close;
    children->base.destroy = children_destroy;
    th_runtime *runtime = th_runtime_of(L);
    children->loop = &runtime->loop;
    children->timers = runtime->timers;
    children->sched = runtime->sched;
    th_guest_add(&runtime->guests, &children->base);
    lua_pushlightuserdata(L, children);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
    return children;
}

static void child_free(th_child *child)
{
    th_buf_close(&child->printed);
    th_buf_close(&child->complained);
    sodium_free(child->vault);
    free(child->name);
    free(child);
}

static void handle_closed(uv_handle_t *handle)
{
    th_child *child = handle->data;
    if (--child->open == 0 && child->released)
        child_free(child);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, handle_closed);
}

static void part_ended(th_child *child)
{
    if (--child->waits == 0 && !child->released) {
        th_timer_stop(child->children->timers, &child->limit);
        th_task_wake(child->children->sched, child->waker);
    }
}

/* Stops listening to one of its outputs. */
static void end_output(th_child *child, uv_pipe_t *pipe)
{
    if (!uv_is_closing((uv_handle_t *)pipe)) {
        close_handle((uv_handle_t *)pipe);
        part_ended(child);
    }
}

static void process_gone(th_child *child)
{
    child->exited = true;
    child->children->running--;
    th_timer_stop(child->children->timers, &child->limit);
    close_handle((uv_handle_t *)&child->process);
}

/* SIGTERM was not enough. Nobody waits for one that even SIGKILL does not end. */
static void on_grace(th_timer *timer)
{
    th_child *child = timer->ctx;
    uv_kill(-child->process.pid, SIGKILL);
    if (!child->ending) {
        child->ending = true;
        th_timer_start(child->children->timers, timer, grace_ns, on_grace, child);
        return;
    }
    process_gone(child);
    part_ended(child);
}

/* Ends it and all that it has started. */
static void end_process(th_child *child)
{
    if (child->exited || !uv_is_active((uv_handle_t *)&child->process))
        return;
    uv_kill(-child->process.pid, SIGTERM);
    th_timer_start(child->children->timers, &child->limit, grace_ns, on_grace, child);
}

static void on_limit(th_timer *timer)
{
    th_child *child = timer->ctx;
    if (!child->exited) {
        child->timed_out = true;
        end_process(child);
    }
    end_output(child, &child->out);
    end_output(child, &child->err);
}

static void process_exited(uv_process_t *process, int64_t status, int signal)
{
    th_child *child = process->data;
    if (child->timed_out || child->overflowed || child->released)
        uv_kill(-process->pid, SIGKILL); /* what it has started */
    process_gone(child);
    child->status = status;
    child->signal = signal;
    close_handle((uv_handle_t *)&child->in);
    if (child->waits > 1 && !child->patient && !child->released)
        th_timer_start(child->children->timers, &child->limit, linger_ns, on_limit, child);
    part_ended(child);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    th_child *child = handle->data;
    if (child->vault && handle == (uv_handle_t *)&child->out) {
        *buf = uv_buf_init(child->vault + child->vault_len,
                           (unsigned)(TH_CHILD_VAULT - child->vault_len));
        return;
    }
    buf->base = malloc(suggested);
    buf->len = buf->base ? suggested : 0;
}

static void read_vault(th_child *child, ssize_t n)
{
    child->vault_len += n > 0 ? (size_t)n : 0;
    if (child->vault_len == TH_CHILD_VAULT) {
        child->overflowed = true;
        end_process(child);
        end_output(child, &child->err);
    }
    if (n < 0 || child->overflowed)
        end_output(child, &child->out);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    th_child *child = stream->data;
    if (child->vault && stream == (uv_stream_t *)&child->out) {
        read_vault(child, n);
        return;
    }
    th_buf *text = stream == (uv_stream_t *)&child->out ? &child->printed : &child->complained;
    size_t most = child->patient ? SIZE_MAX : TH_CHILD_OUTPUT;
    if (n > 0 && text->len < most) {
        size_t room = most - text->len;
        th_buf_append(text, buf->base, (size_t)n < room ? (size_t)n : room);
    }
    /* It may print back what it was given. */
    if (buf->base)
        explicit_bzero(buf->base, n > 0 ? (size_t)n : 0);
    free(buf->base);
    if (n < 0)
        end_output(child, (uv_pipe_t *)stream);
}

static void input_may_end(th_child *child)
{
    if (child->input_ended && child->writing == 0)
        close_handle((uv_handle_t *)&child->in);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status; /* a child that does not read its input is judged by its exit status */
    struct piece *piece = (struct piece *)write;
    th_child *child = piece->child;
    th_buf_close(&piece->text);
    free(piece);
    child->writing--;
    input_may_end(child);
}

void th_child_write(th_child *child, th_buf *text)
{
    struct piece *piece = NULL;
    if (!uv_is_closing((uv_handle_t *)&child->in) && text->len > 0)
        piece = calloc(1, sizeof *piece);
    if (!piece) {
        th_buf_close(text);
        return;
    }
    piece->child = child;
    piece->text = *text;
    *text = (th_buf){.sensitive = true};
    uv_buf_t bytes = uv_buf_init(piece->text.data, (unsigned)piece->text.len);
    child->writing++;
    int rc = uv_write(&piece->write, (uv_stream_t *)&child->in, &bytes, 1, on_written);
    if (rc != 0)
        on_written(&piece->write, rc);
}

void th_child_close_input(th_child *child)
{
    if (!child->exited && child->limit_ns)
        th_timer_start(child->children->timers, &child->limit, child->limit_ns, on_limit, child);
    child->input_ended = true;
    input_may_end(child);
}

void th_child_cancel(void *ptr)
{
    th_child *child = ptr;
    th_timer_stop(child->children->timers, &child->limit);
    end_process(child);
}

void th_child_release(void *ptr)
{
    th_child *child = ptr;
    child->released = true;
    th_child_cancel(child);
    if (child->feed)
        child->feed->child = NULL;
    if (child->open == 0) {
        child_free(child);
        return;
    }
    uv_handle_t *const handles[] = {(uv_handle_t *)&child->in, (uv_handle_t *)&child->out,
                                    (uv_handle_t *)&child->err};
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
        if (handles[i]->loop) /* begun */
            close_handle(handles[i]);
    /* One that runs is reaped first. */
    if (child->process.loop && !uv_is_active((uv_handle_t *)&child->process))
        close_handle((uv_handle_t *)&child->process);
}

void th_child_describe(const void *ptr, th_buf *out)
{
    const th_child *child = ptr;
    th_buf_printf(out, "%s (process %d)", child->name, child->process.pid);
}

/* Attaches one that is not started yet. */
th_child *th_child_create(lua_State *L, const struct th_wait_ops *ops, const char *name,
                          double seconds)
{
    struct th_children *children = children_of(L);
    th_child *child = calloc(1, sizeof *child);
    if (!child)
        luaL_error(L, "not enough memory");
    child->children = children;
    child->printed.sensitive = child->complained.sensitive = true;
    child->limit_ns = (uint64_t)(seconds * 1e9);
    th_task_attach(L, ops, child);
    child->waker = th_task_waker(L);
    child->name = strdup(name);
    return child;
}

/* Pipes proper and not the socket pairs that libuv would make: a shell script may open /dev/stdin
 * or /dev/stderr, which does not work with sockets. Returns the child's end. */
static int open_pipe(th_child *child, uv_pipe_t *pipe, bool input, int *end)
{
    int fds[2];
    int rc = uv_pipe(fds, input ? 0 : UV_NONBLOCK_PIPE, input ? UV_NONBLOCK_PIPE : 0);
    if (rc != 0)
        return rc;
    *end = fds[input ? 0 : 1];
    uv_pipe_init(child->children->loop, pipe, 0);
    pipe->data = child;
    child->open++;
    rc = uv_pipe_open(pipe, fds[input ? 1 : 0]);
    if (rc != 0)
        close(fds[input ? 1 : 0]);
    return rc;
}

int th_child_spawn(th_child *child, char **argv, char **env, const char *cwd)
{
    uv_pipe_t *pipes[3] = {&child->in, &child->out, &child->err};
    int ends[3] = {-1, -1, -1}, rc = 0;
    uv_stdio_container_t stdio[3];
    uv_process_options_t options = {
        .file = argv[0],
        .args = argv,
        .env = env,
        .cwd = cwd,
        .exit_cb = process_exited,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
    };
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = open_pipe(child, pipes[i], i == 0, &ends[i]);
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = ends[i];
    }
    if (rc == 0) {
        /* Sockets with our token's requests, the ledger and its locks are none of its business. */
        close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        child->process.data = child;
        rc = uv_spawn(child->children->loop, &child->process, &options);
        child->open++; /* the handle is there even when the process is not */
        child->children->running += rc == 0;
    }
    for (int i = 0; i < 3; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return rc;
}

void th_child_start(th_child *child, th_buf *input)
{
    child->waits = 3;
    uv_read_start((uv_stream_t *)&child->out, on_alloc, on_read);
    uv_read_start((uv_stream_t *)&child->err, on_alloc, on_read);
    th_child_write(child, input);
    if (child->feed)
        child->feed->child = child;
    if (!child->feed || child->feed->closed)
        th_child_close_input(child);
}
