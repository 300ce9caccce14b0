/* `trunkhost secrets show`, `init --public-only` and `rekey`: who gets to see a password. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/secrets.h"
#include "command_world.h"
#include "scratch_folder.h"
#include "test.h"

#define RUN(w, ...)                                                                                \
    command_run(w, th_secrets_command, "secrets", (const char *const[]){__VA_ARGS__, NULL})

/* --- show ------------------------------------------------------------------------------------- */

COMMAND_TEST(without_a_terminal_show_needs_yes)
{
    command_store_two(w);
    assert_int_equal(RUN(w, "show", "--account", "famulor-prod", "42"), 2);
    command_complained(w, "there is no terminal to ask on. Add --yes");
    assert_string_equal(w->out, "");
    assert_int_equal(RUN(w, "show", "--account", "famulor-prod", "42", "--yes"), 0);
    assert_string_equal(w->out, "first-password\n");
    assert_int_equal(RUN(w, "show", "--account", "famulor-prod", "42", "sip_password", "-y"), 0);
    assert_string_equal(w->out, "first-password\n");
}

COMMAND_TEST(show_says_what_it_does_not_have)
{
    command_store_two(w);
    assert_int_equal(RUN(w, "show", "--account", "vatel", "ST_7", "--yes"), 2);
    command_complained(w, "has no proven password of trunk ST_7 on vatel");
    command_kept_quiet(w, "second-password");
    assert_int_equal(RUN(w, "show", "--account", "vatel", "42", "--yes"), 2);
    command_complained(w, "has no password of trunk 42 on vatel");
    assert_int_equal(RUN(w, "show", "--account", "famulor-prod", "42", "pin", "--yes"), 2);
    command_complained(w, "has no pin of trunk 42");
    assert_int_equal(RUN(w, "show", "42", "--yes"), 2);
    command_complained(w, "which account?");
    assert_int_equal(RUN(w, "show", "--account", "vatel"), 2);
    command_complained(w, "which trunk?");
    assert_int_equal(unlink(w->key), 0);
    assert_int_equal(RUN(w, "show", "--account", "famulor-prod", "42", "--yes"), 2);
    command_complained(w, "there is no private key");
}

/* Shows trunk 42's password to a terminal on which somebody types `answer`. What the terminal gets
 * to see goes into `seen`. */
static int show_to(struct command_world *w, const char *answer, char *seen, size_t room)
{
    char words[][16] = {"secrets", "show", "--account", "famulor-prod", "42"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4]};
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, kept[3], status;
    size_t len = 0;
    ssize_t n;

    if (master < 0 || grantpt(master) || unlockpt(master))
        return -1;
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(write(master, answer, strlen(answer)), (ssize_t)strlen(answer));
    fflush(stderr);
    fflush(stdout);
    clearerr(stdin);
    for (int fd = 0; fd < 3; fd++)
        kept[fd] = command_divert(fd, slave);
    status = th_secrets_command(5, argv, w->path);
    fflush(stderr);
    for (int fd = 0; fd < 3; fd++)
        command_restore(fd, kept[fd]);
    close(slave); /* then reading ends with all that was written */
    while (len + 1 < room && (n = read(master, seen + len, room - 1 - len)) > 0)
        len += (size_t)n;
    seen[len] = '\0';
    close(master);
    return status;
}

COMMAND_TEST(on_a_terminal_show_asks_first)
{
    char seen[2000];
    int status;

    command_store_two(w);
    status = show_to(w, "n\n", seen, sizeof seen);
    if (status < 0)
        skip();
    assert_int_equal(status, 2);
    assert_non_null(strstr(seen, "show the password of trunk 42 on famulor-prod? [y/N] "));
    assert_null(strstr(seen, "first-password"));
    assert_int_equal(show_to(w, "\n", seen, sizeof seen), 2);
    assert_null(strstr(seen, "first-password"));
    assert_int_equal(show_to(w, "y\n", seen, sizeof seen), 0);
    assert_non_null(strstr(seen, "first-password"));
}

/* --- keys elsewhere --------------------------------------------------------------------------- */

COMMAND_TEST(a_public_only_ledger_writes_its_private_key_where_it_is_told)
{
    char *file = scratch_path(w->folder, "vault.key");

    assert_int_equal(RUN(w, "init", "--public-only", "--key-out", file), 0);
    assert_int_equal(access(w->key, F_OK), -1);
    assert_int_equal(scratch_mode(file), 0600);
    command_store_two(w);
    assert_int_equal(access(w->key, F_OK), -1); /* using it makes none either */
    assert_int_equal(RUN(w, "export", "--json"), 2);
    assert_int_equal(RUN(w, "export", "--json", "--key", file), 0);
    command_said(w, "first-password");
    assert_int_equal(RUN(w, "init", "--public-only", "--key-out", file), 2);
    command_complained(w, "Nothing was changed");
    free(file);
}

COMMAND_TEST(a_private_key_on_standard_output_is_all_that_is_there)
{
    char *file = scratch_path(w->folder, "vault.key");

    assert_int_equal(RUN(w, "init", "--public-only"), 0);
    assert_non_null(strstr(w->err, "Public key"));
    scratch_write(file, w->out, w->out_len, 0600);
    command_store_two(w);
    assert_int_equal(RUN(w, "export", "--json", "--key", file), 0);
    command_said(w, "first-password");
    free(file);
}

COMMAND_TEST(a_private_key_that_cannot_be_written_makes_no_ledger_that_nobody_can_read)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    char *file = scratch_path(w->folder, "taken.key"), *kept;
    size_t len = 0;

    if (full >= 0) {
        assert_int_equal(command_run_to(w, full, th_secrets_command, "secrets",
                                        (const char *const[]){"init", "--public-only", NULL}),
                         2);
        command_complained(w, "cannot write to standard output");
        close(full);
    }
    scratch_write(file, "precious", 8, 0600);
    assert_int_equal(RUN(w, "init", "--public-only", "--key-out", file), 2);
    command_complained(w, "File exists. Nothing was changed");
    kept = scratch_read(file, &len);
    assert_string_equal(kept, "precious");
    assert_int_equal(RUN(w, "init"), 0); /* there are no keys yet */
    free(kept);
    free(file);
}

COMMAND_TEST(a_public_key_that_was_made_elsewhere_is_taken)
{
    char *other = scratch_path(w->folder, "vault.db"), *key = scratch_path(w->folder, "vault.key");
    char public_key[45] = "";
    const char *at;

    assert_int_equal(RUN(w, "init", "--ledger", other), 0);
    at = strstr(w->out, "Public key   ");
    assert_non_null(at);
    memcpy(public_key, at + 13, 44);
    assert_int_equal(RUN(w, "init", "--public-only", "--public-key", "nonsense"), 2);
    command_complained(w, "nonsense is no public key");
    assert_int_equal(RUN(w, "init", "--public-only", "--public-key",
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                     2);
    command_complained(w, "is no public key");
    assert_int_equal(RUN(w, "init", "--public-key", public_key), 2);
    command_complained(w, "--public-key needs --public-only");
    assert_int_equal(RUN(w, "init", "--public-only", "--public-key", public_key), 0);
    assert_int_equal(access(w->key, F_OK), -1);
    command_store_two(w);
    assert_int_equal(RUN(w, "export", "--key", key, "--json"), 0);
    command_said(w, "first-password");
    free(other);
    free(key);
}

COMMAND_TEST(rekey_says_where_the_new_key_is)
{
    command_store_two(w);
    assert_int_equal(RUN(w, "rekey"), 0);
    command_said(w, "2 passwords are sealed to a new key");
    command_said(w, w->key);
    assert_int_equal(RUN(w, "export", "--json"), 0);
    command_said(w, "first-password");
    assert_int_equal(RUN(w, "rekey", "--key", "/nowhere.key"), 2);
    command_complained(w, "/nowhere.key");
}
