#include "command_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "scratch_folder.h"
#include "test.h"

int command_set_up(void **state)
{
    struct command_world *w = calloc(1, sizeof *w);

    w->folder = scratch_create();
    w->path = scratch_path(w->folder, "ledger.db");
    w->key = scratch_path(w->folder, "ledger.key");
    *state = w;
    return 0;
}

int command_tear_down(void **state)
{
    struct command_world *w = *state;

    scratch_destroy(w->folder);
    free(w->path);
    free(w->key);
    free(w->out);
    free(w->err);
    free(w);
    return th_secret_count() != 0;
}

/* Points `fd` at a new descriptor and returns a copy of the old one. */
int command_divert(int fd, int to)
{
    int kept = dup(fd);

    assert_true(kept >= 0);
    assert_true(to >= 0);
    assert_int_equal(dup2(to, fd), fd);
    return kept;
}

void command_restore(int fd, int kept)
{
    assert_int_equal(dup2(kept, fd), fd);
    close(kept);
}

int command_run_to(struct command_world *w, int out, th_command command, const char *name,
                   const char *const *words)
{
    char *argv[16] = {strdup(name)};
    char *err_path = scratch_path(w->folder, "stderr");
    int argc = 1, status, kept_out, kept_err, err;

    while (words[argc - 1]) {
        argv[argc] = strdup(words[argc - 1]);
        argc++;
    }
    fflush(stdout);
    fflush(stderr);
    err = open(err_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    kept_out = command_divert(STDOUT_FILENO, out);
    kept_err = command_divert(STDERR_FILENO, err);
    status = command(argc, argv, w->path);
    fflush(stdout);
    fflush(stderr);
    command_restore(STDOUT_FILENO, kept_out);
    command_restore(STDERR_FILENO, kept_err);
    close(err);
    free(w->err);
    w->err = scratch_read(err_path, &w->err_len);
    unlink(err_path);
    free(err_path);
    while (argc)
        free(argv[--argc]);
    return status;
}

int command_run(struct command_world *w, th_command command, const char *name,
                const char *const *words)
{
    char *out_path = scratch_path(w->folder, "stdout");
    int out = open(out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int status = command_run_to(w, out, command, name, words);

    close(out);
    free(w->out);
    w->out = scratch_read(out_path, &w->out_len);
    unlink(out_path);
    free(out_path);
    return status;
}

void command_complained(struct command_world *w, const char *reason)
{
    assert_int_equal(strncmp(w->err, "trunkhost: ", 11), 0);
    assert_ptr_equal(strchr(w->err, '\n'), w->err + w->err_len - 1); /* one line */
    if (!strstr(w->err, reason))
        fail_msg("\"%s\" does not say \"%s\"", w->err, reason);
}

void command_said(struct command_world *w, const char *text)
{
    if (!w->out || !strstr(w->out, text))
        fail_msg("\"%s\" does not say \"%s\"", w->out ? w->out : "", text);
}

void command_kept_quiet(struct command_world *w, const char *text)
{
    if ((w->out && strstr(w->out, text)) || (w->err && strstr(w->err, text)))
        fail_msg("\"%s%s\" says \"%s\"", w->out ? w->out : "", w->err ? w->err : "", text);
}

static void on_stored(th_ledger_op *op)
{
    (void)op; /* the result is looked at when the loop has ended */
}

/* Fills the ledger the way that a run does. */
void command_store(struct command_world *w, const struct command_entry *entries, size_t count)
{
    uv_loop_t loop;
    th_ledger *ledger = NULL;
    th_error err = {0};

    assert_int_equal(uv_loop_init(&loop), 0);
    if (th_ledger_open(&loop, w->path, &ledger, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < count; i++) {
        th_ledger_op op = {.verb = TH_LEDGER_SECRET_ADD,
                           .account = entries[i].account,
                           .provider = "famulor",
                           .trunk = entries[i].trunk,
                           .field = "sip_password"};
        th_ledger_op current = {
            .verb = TH_LEDGER_SECRET_STATE, .state = TH_CURRENT, .evidence = "reprovisioned"};

        size_t len = entries[i].len ? entries[i].len : strlen(entries[i].secret);

        assert_int_equal(th_secret_copy(entries[i].secret, len, &op.secret, NULL), 0);
        op.cb = current.cb = on_stored;
        th_ledger_submit(ledger, &op);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(op.result, 0);
        if (entries[i].current) {
            current.row = op.row;
            th_ledger_submit(ledger, &current);
            uv_run(&loop, UV_RUN_DEFAULT);
            assert_int_equal(current.result, 0);
        }
        th_secret_unref(op.secret);
    }
    th_ledger_close(ledger);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

void command_store_two(struct command_world *w)
{
    static const struct command_entry two[] = {
        {.account = "famulor-prod", .trunk = "42", .secret = "first-password", .current = true},
        {.account = "vatel", .trunk = "ST_7", .secret = "second-password"},
    };

    command_store(w, two, 2);
}
