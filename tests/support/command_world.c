#include "command_world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch_folder.h"
#include "secret.h"

int command_set_up(void **state)
{
    struct command_world *w = calloc(1, sizeof(*w));

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
