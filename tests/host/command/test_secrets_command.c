/* `trunkhost secrets`: what a person and a program get from it, on real descriptors. */
#include <fcntl.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/secrets.h"
#include "command_world.h"
#include "ledger/ledger.h"
#include "scratch_folder.h"
#include "test.h"

#define RUN(w, ...)                                                                                \
    command_run(w, th_secrets_command, "secrets", (const char *const[]){__VA_ARGS__, NULL})

static json_t *line_of(const char *text, size_t number)
{
    json_t *value;

    while (number--)
        text = strchr(text, '\n') + 1;
    value =
        json_loads(text, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    return value;
}

static void assert_member(json_t *object, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(object, name)), value);
}

COMMAND_TEST(init_names_both_files_and_refuses_a_second_time)
{
    assert_int_equal(RUN(w, "init"), 0);
    assert_non_null(strstr(w->out, w->path));
    assert_non_null(strstr(w->out, w->key));
    assert_non_null(strstr(w->out, "Back up both"));
    assert_int_equal(scratch_mode(w->path), 0600);
    assert_int_equal(scratch_mode(w->key), 0600);
    assert_int_equal(RUN(w, "init"), 2);
    command_complained(w, "Nothing was changed");
}

COMMAND_TEST(json_lines_keep_the_contract)
{
    const char *start = "{\"account\":\"famulor-prod\",\"trunk\":\"42\",\"field\":\"sip_password\","
                        "\"state\":\"current\",\"secret\":\"first-password\",\"created_at\":\"20";
    json_t *line;

    command_store_two(w);
    assert_int_equal(RUN(w, "export", "--account", "all", "--json"), 0);
    assert_int_equal(strncmp(w->out, start, strlen(start)), 0);
    line = line_of(w->out, 0);
    assert_member(line, "evidence", "reprovisioned");
    json_decref(line);
    line = line_of(w->out, 1);
    assert_member(line, "account", "vatel");
    assert_member(line, "state", "candidate");
    json_decref(line);
    assert_string_equal(w->err, "");
}

COMMAND_TEST(export_can_be_narrowed)
{
    command_store_two(w);
    assert_int_equal(RUN(w, "export", "--account=vatel", "--json"), 0);
    assert_null(strstr(w->out, "first-password"));
    assert_non_null(strstr(w->out, "second-password"));
    assert_int_equal(RUN(w, "export", "--trunk", "42", "--json"), 0);
    assert_non_null(strstr(w->out, "first-password"));
    assert_null(strstr(w->out, "second-password"));
    assert_int_equal(RUN(w, "export", "--account", "vatel", "--trunk", "4711", "--json"), 0);
    assert_string_equal(w->out, "");
    command_complained(w, "has no such secret");
}

COMMAND_TEST(an_account_that_the_ledger_has_never_heard_of_is_an_error)
{
    const struct command_entry entry = {"autocalls", "7", "third-password", 0, true};
    sqlite3 *db = NULL;

    command_store_two(w);
    command_store(w, &entry, 1);
    assert_int_equal(RUN(w, "export", "--account", "vatl", "--json"), 2);
    assert_string_equal(w->out, "");
    command_complained(w, "has no account vatl (did you mean \"vatel\"?); there are: "
                          "autocalls, famulor-prod, vatel\n");
    assert_int_equal(RUN(w, "export", "--account", "elsewhere", "--csv"), 2);
    assert_string_equal(w->out, "");
    /* One without a password is known all the same. */
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO runs (id, script, arguments, started_at) VALUES ('r9', 's',"
                     " '[]', '2025-01-31T10:00:00.000Z'); INSERT INTO items (run, account, trunk,"
                     " state) VALUES ('r9', 'bolna', '1', 'done')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(RUN(w, "export", "--account", "bolna", "--json"), 0);
    assert_string_equal(w->out, "");
    command_complained(w, "has no such secret");
}

COMMAND_TEST(any_byte_survives_json)
{
    char all[128];
    const char *utf8 = "\"q\\ \xc3\xa4\xe2\x82\xac\xf0\x9f\x93\x9e";
    struct command_entry entries[] = {
        {.account = "a", .trunk = "1", .secret = all, .len = sizeof all},
        {.account = "a", .trunk = "2", .secret = utf8},
        {.account = "a", .trunk = "3", .secret = "latin-1: \xe4\xff"},
        {.account = "a", .trunk = "4", .secret = "surrogate: \xed\xa0\x80"},
    };
    json_t *line;

    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    command_store(w, entries, 4);
    assert_int_equal(RUN(w, "export", "--json"), 0);
    line = line_of(w->out, 0);
    assert_int_equal(json_string_length(json_object_get(line, "secret")), sizeof all);
    assert_memory_equal(json_string_value(json_object_get(line, "secret")), all, sizeof all);
    json_decref(line);
    line = line_of(w->out, 1);
    assert_member(line, "secret", utf8);
    assert_null(json_object_get(line, "encoding"));
    json_decref(line);
    line = line_of(w->out, 2);
    assert_member(line, "secret", "bGF0aW4tMTog5P8=");
    assert_member(line, "encoding", "base64");
    json_decref(line);
    line = line_of(w->out, 3);
    assert_member(line, "encoding", "base64");
    json_decref(line);
}

COMMAND_TEST(csv_quotes_what_needs_it_and_nothing_else)
{
    const struct command_entry entries[] = {
        {.account = "a", .trunk = "1", .secret = "plain=+-@"},
        {.account = "a", .trunk = "2", .secret = "with,comma"},
        {.account = "a", .trunk = "3", .secret = "with\"quote"},
        {.account = "a", .trunk = "4", .secret = "two\nlines"},
        {.account = "a", .trunk = "5", .secret = " spaced "},
        {.account = "a", .trunk = "6", .secret = "\xe4\xff"},
    };
    const char *heading = "account,trunk,field,state,secret,created_at,evidence,run\n";

    command_store(w, entries, 6);
    assert_int_equal(RUN(w, "export"), 0);
    assert_int_equal(strncmp(w->out, heading, strlen(heading)), 0);
    assert_non_null(strstr(w->out, "\na,1,sip_password,candidate,plain=+-@,20"));
    assert_non_null(strstr(w->out, "\na,2,sip_password,candidate,\"with,comma\",20"));
    assert_non_null(strstr(w->out, "\na,3,sip_password,candidate,\"with\"\"quote\",20"));
    assert_non_null(strstr(w->out, "\na,4,sip_password,candidate,\"two\nlines\",20"));
    assert_non_null(strstr(w->out, "\na,5,sip_password,candidate,\" spaced \",20"));
    assert_non_null(strstr(w->out, "\na,6,sip_password,candidate,\xe4\xff,20"));
    assert_non_null(strstr(w->out, "Z,,\n"));
}

COMMAND_TEST(a_large_export_is_complete)
{
    enum { COUNT = 500 };
    struct command_entry *entries = calloc(COUNT, sizeof *entries);
    size_t lines = 0;

    for (int i = 0; i < COUNT; i++)
        entries[i] =
            (struct command_entry){.account = "a", .trunk = "1", .secret = "0123456789abcdef"};
    command_store(w, entries, COUNT);
    assert_int_equal(RUN(w, "export", "--json"), 0);
    for (const char *p = w->out; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, COUNT);
    free(entries);
}

COMMAND_TEST(a_terminal_gets_no_password_unless_a_format_is_named)
{
    char seen[4096] = "";
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

    if (master < 0 || grantpt(master) || unlockpt(master))
        skip();
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    command_store_two(w);
    assert_int_equal(command_run_to(w, slave, th_secrets_command, "secrets",
                                    (const char *const[]){"export", "--account", "--csv", NULL}),
                     2);
    command_complained(w, "write --csv or --json");
    assert_int_equal(write(slave, ".", 1), 1);
    assert_int_equal(read(master, seen, sizeof seen - 1), 1); /* nothing else */
    close(slave);
    close(master);
}

COMMAND_TEST(csv_on_a_terminal_steers_nothing)
{
    const struct command_entry entry = {
        .account = "a\x1b[2J", .trunk = "1\x07", .secret = "x\x1b]0;y"};
    char seen[4096] = "";
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

    if (master < 0 || grantpt(master) || unlockpt(master))
        skip();
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    command_store(w, &entry, 1);
    assert_int_equal(command_run_to(w, slave, th_secrets_command, "secrets",
                                    (const char *const[]){"export", "--csv", NULL}),
                     0);
    assert_true(read(master, seen, sizeof seen - 1) > 0);
    assert_null(strchr(seen, 0x1b));
    assert_null(strchr(seen, 0x07));
    assert_non_null(strstr(seen, "a\\x1b[2J,1\\x07,"));
    assert_non_null(strstr(seen, ",x\\x1b]0;y,"));
    close(slave);
    close(master);
    assert_int_equal(RUN(w, "export", "--csv"), 0); /* no terminal: to the byte */
    assert_non_null(strstr(w->out, ",x\x1b]0;y,"));
}

COMMAND_TEST(a_failing_output_is_said)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    if (full < 0)
        skip();
    command_store_two(w);
    assert_int_equal(command_run_to(w, full, th_secrets_command, "secrets",
                                    (const char *const[]){"export", "--json", NULL}),
                     2);
    command_complained(w, "cannot write to standard output: No space left on device");
    close(full);
}

COMMAND_TEST(an_altered_row_is_refused_and_the_others_still_come)
{
    sqlite3 *db = NULL;

    command_store_two(w);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE secrets SET trunk = '43' WHERE trunk = '42'", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(RUN(w, "export", "--json"), 2);
    command_complained(w, "the row was altered");
    assert_null(strstr(w->out, "first-password"));
    assert_non_null(strstr(w->out, "second-password"));
}

COMMAND_TEST(the_key_may_lie_elsewhere)
{
    char *elsewhere = scratch_path(w->folder, "moved.key");

    command_store_two(w);
    assert_int_equal(rename(w->key, elsewhere), 0);
    assert_int_equal(RUN(w, "export", "--json"), 2);
    command_complained(w, w->key);
    assert_int_equal(RUN(w, "export", "--key", elsewhere, "--json"), 0);
    assert_non_null(strstr(w->out, "first-password"));
    free(elsewhere);
}

/* --- use -------------------------------------------------------------------------------------- */

COMMAND_TEST(wrong_use_is_one_line_and_status_2)
{
    assert_int_equal(RUN(w, "exprot"), 2);
    command_complained(w, "there is no command exprot");
    assert_int_equal(RUN(w, "export", "--jason"), 2);
    command_complained(w, "there is no option --jason");
    assert_int_equal(RUN(w, "export", "stray"), 2);
    command_complained(w, "unexpected argument stray");
    assert_int_equal(RUN(w, "export", "--account"), 2);
    command_complained(w, "--account needs a value");
    assert_int_equal(RUN(w, "export", "--json", "--csv"), 2);
    command_complained(w, "exclude each other");
    assert_int_equal(RUN(w, "init", "--account", "a"), 2);
    command_complained(w, "there is no option --account");
    assert_int_equal(RUN(w, "export", "--json"), 2);
    command_complained(w, "it is not there. Make one with: trunkhost secrets init");
    assert_int_equal(access(w->path, F_OK), -1);
}

COMMAND_TEST(help_is_on_standard_output)
{
    assert_int_equal(RUN(w, "--help"), 0);
    assert_non_null(strstr(w->out, "init | export"));
    assert_int_equal(RUN(w, "export", "--help"), 0);
    assert_non_null(strstr(w->out, "--key FILE"));
    assert_int_equal(RUN(w, "init", "-h"), 0);
    assert_non_null(strstr(w->out, "secrets init"));
    assert_string_equal(w->err, "");
    assert_int_equal(access(w->path, F_OK), -1);
}
