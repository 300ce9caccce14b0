/*
 * A child process that handles secrets. It gets them as JSON on its standard input, never in its
 * arguments or its environment, and no descriptor of ours besides; or it prints one, which is read
 * into locked memory. The loop goes on while it runs, and it has a time limit.
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

#include "../host/json.h"
#include "error_lua.h"
#include "library.h"
#include "redact.h"
#include "secret.h"

enum { TOKEN_SECONDS = 30 };
enum { VAULT_SIZE = TH_SECRET_MAX + 2 };
enum { OUTPUT_MAX = 16 * 1024 }; /* of what it prints; the rest is read and dropped */

/* What does not end by SIGTERM is killed. */
static const uint64_t grace_ns = 2000 * 1000000ull;

/* What it has left behind in the background may hold its output open: nobody waits for that. */
static const uint64_t linger_ns = 1000 * 1000000ull;

struct th_child {
    uv_process_t process;
    uv_pipe_t in, out, err;
    th_runtime *runtime;
    th_waker waker;
    th_timer limit;
    uint64_t limit_ns; /* from when it has been given everything */
    th_feed *feed;     /* NULL: everything is known at the start; borrowed, the task holds it */
    th_buf printed, complained;
    char *vault; /* locked memory for VAULT_SIZE bytes of its output, which is a secret; or NULL */
    size_t vault_len;
    char *name;
    unsigned open;    /* uv handles that are not closed yet */
    unsigned waits;   /* process, out and err: what must end before the task goes on */
    unsigned writing; /* pieces that are on their way to it */
    bool input_ended, released, exited, timed_out, overflowed, ending;
    int64_t status;
    int signal;
};

/* A piece of its input. */
struct piece {
    uv_write_t write;
    th_child *child;
    th_buf text;
};

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
        th_timer_stop(child->runtime->timers, &child->limit);
        th_task_wake(child->runtime->sched, child->waker);
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
    child->runtime->children--;
    th_timer_stop(child->runtime->timers, &child->limit);
    close_handle((uv_handle_t *)&child->process);
}

/* SIGTERM was not enough. Nobody waits for one that even SIGKILL does not end. */
static void on_grace(th_timer *timer)
{
    th_child *child = timer->ctx;
    uv_kill(-child->process.pid, SIGKILL);
    if (!child->ending) {
        child->ending = true;
        th_timer_start(child->runtime->timers, timer, grace_ns, on_grace, child);
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
    th_timer_start(child->runtime->timers, &child->limit, grace_ns, on_grace, child);
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
    if (child->waits > 1 && !child->released)
        th_timer_start(child->runtime->timers, &child->limit, linger_ns, on_limit, child);
    part_ended(child);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    th_child *child = handle->data;
    if (child->vault && handle == (uv_handle_t *)&child->out) {
        *buf =
            uv_buf_init(child->vault + child->vault_len, (unsigned)(VAULT_SIZE - child->vault_len));
        return;
    }
    buf->base = malloc(suggested);
    buf->len = buf->base ? suggested : 0;
}

static void read_vault(th_child *child, ssize_t n)
{
    child->vault_len += n > 0 ? (size_t)n : 0;
    if (child->vault_len == VAULT_SIZE) {
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
    if (n > 0 && text->len < OUTPUT_MAX) {
        size_t room = OUTPUT_MAX - text->len;
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
    if (!child->exited)
        th_timer_start(child->runtime->timers, &child->limit, child->limit_ns, on_limit, child);
    child->input_ended = true;
    input_may_end(child);
}

static void child_cancel(void *ptr)
{
    th_child *child = ptr;
    th_timer_stop(child->runtime->timers, &child->limit);
    end_process(child);
}

static void child_release(void *ptr)
{
    th_child *child = ptr;
    child->released = true;
    child_cancel(child);
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

static void child_describe(const void *ptr, th_buf *out)
{
    const th_child *child = ptr;
    th_buf_printf(out, "%s (process %d)", child->name, child->process.pid);
}

static const struct th_wait_ops child_ops = {.name = "a command",
                                             .cancel = child_cancel,
                                             .release = child_release,
                                             .describe = child_describe};

static void push_buf(lua_State *L, const th_buf *buf)
{
    lua_pushlstring(L, buf->data ? buf->data : "", buf->len);
}

static int child_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_child *child = th_task_op(L);
    th_scrub_output(L, 2, &child->printed, child->printed.len == OUTPUT_MAX);
    th_scrub_output(L, 2, &child->complained, child->complained.len == OUTPUT_MAX);
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, (lua_Integer)child->status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, child->signal);
    lua_setfield(L, -2, "signal");
    lua_pushboolean(L, child->timed_out);
    lua_setfield(L, -2, "timed_out");
    push_buf(L, &child->printed);
    lua_setfield(L, -2, "out");
    push_buf(L, &child->complained);
    lua_setfield(L, -2, "err");
    th_task_release(L);
    return 1;
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
    uv_pipe_init(&child->runtime->loop, pipe, 0);
    pipe->data = child;
    child->open++;
    rc = uv_pipe_open(pipe, fds[input ? 1 : 0]);
    if (rc != 0)
        close(fds[input ? 1 : 0]);
    return rc;
}

static int spawn(th_child *child, char **argv)
{
    uv_pipe_t *pipes[3] = {&child->in, &child->out, &child->err};
    int ends[3] = {-1, -1, -1}, rc = 0;
    uv_stdio_container_t stdio[3];
    uv_process_options_t options = {
        .file = argv[0],
        .args = argv,
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
        rc = uv_spawn(&child->runtime->loop, &child->process, &options);
        child->open++; /* the handle is there even when the process is not */
        child->runtime->children += rc == 0;
    }
    for (int i = 0; i < 3; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return rc;
}

static void start(th_child *child, th_buf *input)
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

/* Pushes a userdata that holds the words at idx as an argument vector; they live as long as the
 * table. */
static char **push_argv(lua_State *L, int idx)
{
    luaL_checktype(L, idx, LUA_TTABLE);
    int n = (int)luaL_len(L, idx);
    luaL_argcheck(L, n > 0, idx, "the command is empty");
    const char **argv = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *argv, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, idx, i + 1);
        argv[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    argv[n] = NULL;
    return (char **)(uintptr_t)argv;
}

/* Attaches one that is not started yet. */
static th_child *create(lua_State *L, const struct th_wait_ops *ops, const char *name,
                        double seconds)
{
    th_child *child = calloc(1, sizeof *child);
    if (!child)
        luaL_error(L, "not enough memory");
    child->runtime = th_runtime_of(L);
    child->printed.sensitive = child->complained.sensitive = true;
    child->limit_ns = (uint64_t)(seconds * 1e9);
    th_task_attach(L, ops, child);
    child->waker = th_task_waker(L);
    child->name = strdup(name);
    return child;
}

/*
 * run_command(words, input, seconds) → { status, signal, timed_out, out, err }
 * words: the program and its arguments; input: a value that it reads as one line of JSON, secrets
 * in clear, or a feed; seconds: killed after that long, counted from the end of its input. What it
 * prints comes back without the secrets that it was given. Raises when it cannot be started.
 */
static int run_command(lua_State *L)
{
    luaL_checkany(L, 2);
    double seconds = luaL_optnumber(L, 3, 60);
    th_task_may_wait(L, "run a command");
    char **argv = push_argv(L, 1);
    th_buf input = {.sensitive = true};
    th_child *child = create(L, &child_ops, argv[0], seconds);
    th_error err = {0};
    th_feed *feed = th_feed_test(L, 2);
    if (feed && feed->child) {
        th_fail(&err, TH_INVALID, "another command reads this feed already");
        return th_error_raise(L, &err);
    }
    if (!feed && th_json_encode(L, 2, TH_JSON_SECRETS, &input, &err) != 0)
        return th_error_raise(L, &err);
    if (!feed)
        th_buf_putc(&input, '\n');
    int rc = spawn(child, argv);
    if (rc != 0) {
        th_buf_close(&input);
        th_fail(&err, TH_INVALID, "cannot run %s: %s", argv[0], uv_strerror(rc));
        return th_error_raise(L, &err);
    }
    child->feed = feed;
    start(child, feed ? &feed->waiting : &input);
    return th_task_park(L, 0, child_done);
}

/* --- a token ---------------------------------------------------------------------------------- */

static bool token_interrupt(void *ptr)
{
    child_cancel(ptr);
    return true;
}

static const struct th_wait_ops token_ops = {.name = "a token command",
                                             .cancel = child_cancel,
                                             .release = child_release,
                                             .describe = child_describe,
                                             .interrupt = token_interrupt};

/* The end of what it has said on standard error, on one line, without what it has printed. Pushes
 * it. */
static const char *push_complaint(lua_State *L, th_child *child)
{
    enum { SHOWN = 300 };
    char *text = child->complained.data;
    size_t len = child->complained.len;
    th_secret *secret = NULL;
    th_buf_putc(&child->complained, '\0');
    if (!text || child->complained.len == len) {
        lua_pushliteral(L, "");
        return lua_tostring(L, -1);
    }
    text = child->complained.data;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    size_t kept = child->vault_len < TH_SECRET_MAX ? child->vault_len : TH_SECRET_MAX;
    while (kept > 0 && (unsigned char)child->vault[kept - 1] <= ' ')
        kept--;
    if (kept > 0 && th_secret_copy(child->vault, kept, &secret, NULL) == 0)
        th_redact_words(text, len, &(struct th_secret_list){(const th_secret *[]){secret}, 1});
    th_secret_unref(secret);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    size_t from = len > SHOWN ? len - SHOWN : 0;
    while (from < len && ((text[from] & 0xc0) == 0x80 || text[from] == ' '))
        from++;
    if (len == from)
        lua_pushliteral(L, "");
    else
        lua_pushfstring(L, ": %s%s", from > 0 ? "…" : "",
                        lua_pushlstring(L, text + from, len - from));
    return lua_tostring(L, -1);
}

static int judge_token(lua_State *L, th_child *child, th_secret **secret, th_error *err)
{
    const char *said = push_complaint(L, child);
    const char *end = memchr(child->vault, '\n', child->vault_len);
    size_t len = end ? (size_t)(end - child->vault) : child->vault_len;
    if (child->overflowed)
        return th_fail(err, TH_INVALID, "%s printed too much for a token", child->name);
    if (child->timed_out)
        return th_fail(err, TH_TIMEOUT,
                       "%s, which should print the token, did not end within %g s and was killed%s",
                       child->name, (double)child->limit_ns / 1e9, said);
    if (child->status != 0 || child->signal != 0)
        return th_fail(err, TH_INVALID, "%s, which should print the token, failed (%s %d)%s",
                       child->name, child->signal ? "signal" : "status",
                       child->signal ? child->signal : (int)child->status, said);
    while (len > 0 && child->vault[len - 1] == '\r')
        len--;
    if (len == 0)
        return th_fail(err, TH_INVALID, "the token from %s is empty%s", child->name, said);
    return th_secret_copy(child->vault, len, secret, err);
}

static int token_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_child *child = th_task_op(L);
    th_secret *secret = NULL;
    th_error err = {0};
    if (child->waits > 0) {
        th_task_release(L);
        th_runtime_admit(L, "wait for a token");
        return luaL_error(L, "the wait for a token was interrupted");
    }
    int rc = judge_token(L, child, &secret, &err);
    th_task_release(L);
    if (rc == 0) {
        th_secret_give(L, secret);
        return 1;
    }
    th_error_set_code(&err, "configuration");
    return th_error_raise(L, &err);
}

/*
 * token_from_command(words, seconds) → secret: the first line that it prints. No shell. Read into
 * locked memory; what it says on standard error is quoted when it fails. Killed after so long.
 */
static int token_from_command(lua_State *L)
{
    double seconds = luaL_optnumber(L, 2, TOKEN_SECONDS);
    th_error err = {0};
    th_task_may_wait(L, "run a command for a token");
    th_runtime_admit(L, "run a command for a token");
    char **argv = push_argv(L, 1);
    th_child *child = create(L, &token_ops, argv[0], seconds);
    child->vault = sodium_malloc(VAULT_SIZE);
    if (!child->vault)
        return luaL_error(L, "not enough locked memory for a token");
    int rc = spawn(child, argv);
    if (rc != 0) {
        th_fail(&err, TH_INVALID, "cannot run %s for the token: %s", argv[0], uv_strerror(rc));
        th_error_set_code(&err, "configuration");
        return th_error_raise(L, &err);
    }
    th_buf nothing = {0};
    start(child, &nothing);
    return th_task_park(L, 0, token_done);
}

void th_open_process(lua_State *L)
{
    lua_pushcfunction(L, token_from_command);
    lua_setfield(L, -2, "token_from_command");
    lua_pushcfunction(L, run_command);
    lua_setfield(L, -2, "run_command");
    th_feed_open(L);
}
