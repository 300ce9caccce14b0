/*
 * A ledger of its own and a command that is run on it in this process, on real descriptors: what a
 * person and a program get from it.
 */
#ifndef TH_TEST_COMMAND_WORLD_H
#define TH_TEST_COMMAND_WORLD_H

#include <stdbool.h>
#include <stddef.h>

struct command_world {
    char *folder, *path, *key;
    char *out, *err; /* what the last command printed */
    size_t out_len, err_len;
};

typedef int (*th_command)(int argc, char **argv, const char *ledger_path);

/* Fixtures for test.h; the latter fails when a secret is left. */
int command_set_up(void **state);
int command_tear_down(void **state);
#define COMMAND_TEST(name)                                                                         \
    TEST_WITH(command_set_up, command_tear_down, name, struct command_world *w)

/* Points `fd` at `to` and returns a copy of what it was; and back. */
int command_divert(int fd, int to);
void command_restore(int fd, int kept);

/* Runs the command `name` with these words (ended by NULL) on the ledger, standard output into
 * w->out. Returns its exit status. */
int command_run(struct command_world *w, th_command command, const char *name,
                const char *const *words);
/* The same with standard output as `out`; w->out stays as it was. */
int command_run_to(struct command_world *w, int out, th_command command, const char *name,
                   const char *const *words);

/* The last command printed one line of complaint that says this. */
void command_complained(struct command_world *w, const char *reason);
/* Its standard output contains this. */
void command_said(struct command_world *w, const char *text);
void command_kept_quiet(struct command_world *w, const char *text);

/* A password as a run leaves it in the ledger. */
struct command_entry {
    const char *account, *trunk, *secret;
    size_t len; /* 0: that of the text */
    bool current;
};
void command_store(struct command_world *w, const struct command_entry *entries, size_t count);
/* Stores "first-password", current, of trunk 42 on famulor-prod, and "second-password", a
 * candidate, of trunk ST_7 on vatel. */
void command_store_two(struct command_world *w);

#endif
