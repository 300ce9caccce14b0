/* `trunkhost runs` and `trunkhost explain`: what people and programs get to see of the past. */
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "command/explain.h"
#include "command/runs.h"
#include "command_world.h"
#include "ledger/ledger.h"
#include "scratch_folder.h"

#define RUNS(w, ...)                                                                               \
    command_run(w, th_runs_command, "runs", (const char *const[]){__VA_ARGS__, NULL})
#define EXPLAIN(w, ...)                                                                            \
    command_run(w, th_explain_command, "explain", (const char *const[]){__VA_ARGS__, NULL})

/* --- a past ----------------------------------------------------------------------------------- */

struct past {
    uv_loop_t loop;
    th_ledger *ledger;
};

static void begin_past(struct command_world *w, struct past *past)
{
    th_error err = {0};

    assert_int_equal(uv_loop_init(&past->loop), 0);
    if (th_ledger_open(&past->loop, w->path, &past->ledger, &err))
        fail_msg("%s", err.message);
}

static void end_past(struct past *past)
{
    th_ledger_close(past->ledger);
    uv_run(&past->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&past->loop), 0);
}

static void on_done(th_ledger_op *op)
{
    (void)op;
}

static int64_t perform(struct past *past, th_ledger_op op)
{
    op.cb = on_done;
    th_ledger_submit(past->ledger, &op);
    uv_run(&past->loop, UV_RUN_DEFAULT);
    if (op.result)
        fail_msg("%s", op.err.message);
    return op.row;
}

static void begin_run(struct past *past, const char *run, int64_t pid)
{
    char host[256] = "";

    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    perform(past, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN,
                                 .run = run,
                                 .script = "/usr/share/trunkhost/scripts/rotate_passwords.lua",
                                 .arguments = "[\"--account\",\"all\",\"it's\"]",
                                 .script_hash = "abcdef",
                                 .host = host,
                                 .pid = pid});
}

static void end_run(struct past *past, const char *run, int status)
{
    perform(past, (th_ledger_op){.verb = TH_LEDGER_RUN_END, .run = run, .status = status});
}

static int64_t item(struct past *past, const char *run, const char *account, const char *trunk,
                    enum th_item_state state, const char *evidence, const char *error)
{
    int64_t row =
        perform(past, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                     .run = run,
                                     .account = account,
                                     .trunk = trunk,
                                     .item_state = state == TH_ITEM_SKIPPED ? TH_ITEM_SKIPPED
                                                                            : TH_ITEM_RUNNING,
                                     .evidence = evidence,
                                     .plan = "{\"sip_password\":\"new\"}"});

    if (state != TH_ITEM_RUNNING && state != TH_ITEM_SKIPPED)
        perform(past, (th_ledger_op){.verb = TH_LEDGER_ITEM_END,
                                     .row = row,
                                     .item_state = state,
                                     .evidence = evidence,
                                     .error = error,
                                     .attempts = 1});
    return row;
}

static int64_t attempt(struct past *past, const char *run, int64_t in, const char *trunk)
{
    return perform(past, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                                        .run = run,
                                        .item = in,
                                        .account = "famulor-prod",
                                        .trunk = trunk,
                                        .endpoint = trunk ? "update" : "create",
                                        .method = trunk ? "PUT" : "POST"});
}

static int64_t password(struct past *past, const char *run, int64_t of, const char *trunk,
                        const char *text)
{
    th_ledger_op op = {.verb = TH_LEDGER_SECRET_ADD,
                       .run = run,
                       .attempt = &of,
                       .account = "famulor-prod",
                       .provider = "famulor",
                       .trunk = trunk,
                       .field = "sip_password"};
    int64_t row;

    assert_int_equal(th_secret_copy(text, strlen(text), &op.secret, NULL), 0);
    row = perform(past, op);
    th_secret_unref(op.secret);
    return row;
}

/* One run that ended with a failure, one that was killed, one that is this process. */
static void live_a_past(struct command_world *w)
{
    struct past past = {0};
    const char *first = "20250131T100000Z-aaaaaa", *killed = "20250131T110000Z-bbbbbb";
    int64_t row, sent, create;

    begin_past(w, &past);
    begin_run(&past, first, 999999999);
    row = item(&past, first, "famulor-prod", "42", TH_ITEM_RUNNING, NULL, NULL);
    sent = attempt(&past, first, row, "42");
    password(&past, first, sent, "42", "very-secret-one");
    perform(&past, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_END,
                                  .row = sent,
                                  .attempt_state = TH_ATTEMPT_OK,
                                  .attempts = 3,
                                  .status = 200});
    perform(&past, (th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                  .row = 1,
                                  .state = TH_CURRENT,
                                  .evidence = "reprovisioned"});
    perform(&past, (th_ledger_op){.verb = TH_LEDGER_ITEM_END,
                                  .row = row,
                                  .item_state = TH_ITEM_DONE,
                                  .evidence = "reprovisioned",
                                  .attempts = 3});
    item(&past, first, "vatel", "42", TH_ITEM_FAILED, NULL,
         "{\"kind\":\"refused\",\"status\":422,\"message\":\"too short\"}");
    item(&past, first, "vatel", "77", TH_ITEM_SKIPPED, "it has no password", NULL);
    end_run(&past, first, 1);

    begin_run(&past, killed, 999999999);
    row = item(&past, killed, "famulor-prod", "42", TH_ITEM_RUNNING, NULL, NULL);
    sent = attempt(&past, killed, row, "42");
    password(&past, killed, sent, "42", "very-secret-two");
    sent = attempt(&past, killed, row, NULL);
    create = perform(&past, (th_ledger_op){.verb = TH_LEDGER_CREATE_INTENT,
                                           .run = killed,
                                           .item = row,
                                           .attempt = &sent,
                                           .account = "famulor-prod",
                                           .endpoint = "create",
                                           .natural_key = "{\"phone_number\":\"4711\"}"});
    assert_int_equal(create, 1);
    attempt(&past, killed, 0, "43");

    begin_run(&past, "20250131T120000Z-bbcccc", getpid());
    end_past(&past);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static json_t *line_at(const char *text, size_t number)
{
    json_t *value;
    json_error_t error;

    while (number--)
        text = strchr(text, '\n') + 1;
    value = json_loads(text, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s: %s", error.text, text);
    return value;
}

static const char *member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    assert_non_null(value);
    return json_is_string(value) ? json_string_value(value) : "(no text)";
}

/* The text from the line of this run on. */
static const char *line_of(const char *text, const char *run)
{
    char start[80];

    snprintf(start, sizeof start, "{\"run\":\"%s\"", run);
    text = strstr(text, start);
    assert_non_null(text);
    return text;
}

/* --- runs ------------------------------------------------------------------------------------- */

static void the_newest_runs_come_first_and_say_how_they_ended(void **state)
{
    struct command_world *w = *state;
    const char *first, *second, *third;

    live_a_past(w);
    assert_int_equal(RUNS(w, NULL), 0);
    assert_int_equal(lines_of(w->out), 4);
    third = strstr(w->out, "20250131T120000Z-bbcccc");
    second = strstr(w->out, "20250131T110000Z-bbbbbb");
    first = strstr(w->out, "20250131T100000Z-aaaaaa");
    assert_true(third && second && first);
    assert_true(third < second && second < first);
    assert_non_null(strstr(third, "running"));
    assert_non_null(strstr(second, "killed"));
    assert_non_null(strstr(second, "1 half-way"));
    assert_non_null(strstr(first, "some failed"));
    assert_non_null(strstr(first, "1 done, 1 failed, 1 skipped"));
    command_said(w, "rotate_passwords.lua --account all 'it'\\''s'");
    assert_int_equal(RUNS(w, "--limit", "1"), 0);
    assert_int_equal(lines_of(w->out), 2);
    assert_int_equal(RUNS(w, "--limit=0"), 0);
    assert_int_equal(lines_of(w->out), 4);
}

static void runs_as_json_are_one_object_a_line(void **state)
{
    struct command_world *w = *state;
    json_t *run;

    live_a_past(w);
    assert_int_equal(RUNS(w, "--json"), 0);
    assert_int_equal(lines_of(w->out), 3);
    run = line_at(w->out, 0);
    assert_string_equal(member(run, "life"), "alive");
    assert_true(json_is_null(json_object_get(run, "status")));
    json_decref(run);
    run = line_at(w->out, 1);
    assert_string_equal(member(run, "life"), "died");
    assert_true(json_is_null(json_object_get(run, "ended_at")));
    json_decref(run);
    run = line_at(w->out, 2);
    assert_string_equal(member(run, "run"), "20250131T100000Z-aaaaaa");
    assert_string_equal(member(run, "life"), "ended");
    assert_int_equal(json_integer_value(json_object_get(run, "status")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(run, "arguments"), 2)),
                        "it's");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(run, "items"), "skipped")),
                     1);
    json_decref(run);
}

static void a_process_of_that_number_that_began_later_is_not_the_run(void **state)
{
    struct command_world *w = *state;
    struct past past = {0};
    sqlite3 *db = NULL;

    begin_past(w, &past);
    begin_run(&past, "r1", getpid());
    begin_run(&past, "r2", getpid());
    begin_run(&past, "r3", getpid());
    end_past(&past);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE runs SET process = process || '0' WHERE id = 'r1';"
                                  "UPDATE runs SET process = '',"
                                  " started_at = '2020-01-31T23:59:59.123Z' WHERE id = 'r3'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(RUNS(w, "--json"), 0);
    assert_non_null(strstr(line_of(w->out, "r1"), "\"life\":\"died\""));
    assert_non_null(strstr(line_of(w->out, "r2"), "\"life\":\"alive\""));
    assert_non_null(strstr(line_of(w->out, "r3"), "\"life\":\"died\""));
}

static void a_clock_that_jumps_changes_neither_the_last_run_nor_which_are_alive(void **state)
{
    struct command_world *w = *state;
    struct past past = {0};
    sqlite3 *db = NULL;

    begin_past(w, &past);
    begin_run(&past, "r1", getpid());
    begin_run(&past, "r2", getpid());
    end_past(&past);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE runs SET started_at = '2099-01-31T23:59:59.123Z'"
                                  " WHERE id = 'r1';"
                                  "UPDATE runs SET started_at = '2020-01-31T23:59:59.123Z'"
                                  " WHERE id = 'r2'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(RUNS(w, "--json"), 0);
    assert_ptr_equal(line_of(w->out, "r2"), w->out);
    assert_non_null(strstr(line_of(w->out, "r1"), "\"life\":\"alive\""));
    assert_non_null(strstr(line_of(w->out, "r2"), "\"life\":\"alive\""));
    assert_int_equal(RUNS(w, "show", "last"), 0);
    command_said(w, "r2");
}

static void a_killed_run_is_no_longer_at_work_before_its_parent_has_asked_for_it(void **state)
{
    struct command_world *w = *state;
    struct past past = {0};
    siginfo_t info;
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    begin_past(w, &past);
    begin_run(&past, "r1", child);
    end_past(&past);
    assert_int_equal(RUNS(w, NULL), 0);
    command_said(w, "running");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(RUNS(w, NULL), 0);
    command_said(w, "killed");
    assert_int_equal(RUNS(w, "show", "r1"), 0);
    command_said(w, "Ended     no: killed\n");
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A platform that has taken a password, and a carrier that registers with it a while later. */
static void explain_has_each_proof_at_its_own_time(void **state)
{
    struct command_world *w = *state;
    struct past past = {0};
    int64_t row, sent;
    sqlite3 *db = NULL;
    const char *line;

    begin_past(w, &past);
    begin_run(&past, "r1", getpid());
    row = item(&past, "r1", "famulor-prod", "42", TH_ITEM_RUNNING, NULL, NULL);
    sent = attempt(&past, "r1", row, "42");
    row = password(&past, "r1", sent, "42", "very-secret-one");
    for (const char *const *proof = (const char *const[]){"accepted", "registered", NULL}; *proof;
         proof++)
        perform(&past, (th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                      .row = row,
                                      .state = TH_CURRENT,
                                      .evidence = *proof});
    end_run(&past, "r1", 0);
    end_past(&past);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE secrets SET created_at = '2025-01-31T10:00:00.000Z',"
                                  " proven_at = '2025-01-31T10:00:01.000Z',"
                                  " changed_at = '2025-01-31T10:00:09.000Z'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(EXPLAIN(w, "42"), 0);
    line = strstr(w->out, "2025-01-31 10:00:01.000");
    assert_non_null(line);
    assert_null(memmem(line, strcspn(line, "\n"), "registered", 10));
    line = strstr(w->out, "2025-01-31 10:00:09.000");
    assert_non_null(line);
    assert_non_null(memmem(line, strcspn(line, "\n"), "registered", 10));
    command_said(w, "secret 1 is current since 2025-01-31 10:00:01 UTC (registered, known since "
                    "2025-01-31 10:00:09 UTC).\n");
    /* Its time goes when another one takes its place, and with it that of the proof. */
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE secrets SET state = 'previous',"
                                  " changed_at = '2025-01-31T11:00:00.000Z'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(EXPLAIN(w, "42"), 0);
    line = strstr(w->out, "2025-01-31 10:00:01.000");
    assert_non_null(line);
    assert_null(memmem(line, strcspn(line, "\n"), "registered", 10));
    line = strstr(w->out, "2025-01-31 11:00:00.000");
    assert_non_null(line);
    assert_non_null(memmem(line, strcspn(line, "\n"), "until then proven by: registered", 32));
}

static void one_run_is_shown_with_its_items(void **state)
{
    struct command_world *w = *state;

    live_a_past(w);
    assert_int_equal(RUNS(w, "show", "20250131T1000"), 0);
    command_said(w, "Run       20250131T100000Z-aaaaaa\n");
    command_said(w, "Script    rotate_passwords.lua --account all 'it'\\''s'\n");
    command_said(w, "SHA-256   abcdef\n");
    command_said(w, "some failed (exit status 1)");
    command_said(w, "Items     1 done, 1 failed, 1 skipped\n");
    command_said(w, "refused (HTTP 422): too short\n");
    command_said(w, "it has no password\n");
    assert_int_equal(RUNS(w, "show", "20250131T11"), 0);
    command_said(w, "Ended     no: killed\n");
    command_said(w,
                 "It is not known whether this create has happened (create on famulor-prod, item "
                 "42): {\"phone_number\":\"4711\"}\n");
    command_said(w, "1 request outside of items");
    command_kept_quiet(w, "very-secret");
}

static void a_run_as_json_has_everything_that_it_did(void **state)
{
    struct command_world *w = *state;
    json_t *line;

    live_a_past(w);
    assert_int_equal(RUNS(w, "show", "20250131T110000Z-bbbbbb", "--json"), 0);
    assert_int_equal(lines_of(w->out), 6);
    line = line_at(w->out, 0);
    assert_string_equal(member(line, "event"), "run");
    json_decref(line);
    line = line_at(w->out, 1);
    assert_string_equal(member(line, "event"), "item");
    assert_string_equal(member(line, "state"), "running");
    assert_string_equal(member(json_object_get(line, "plan"), "sip_password"), "new");
    json_decref(line);
    line = line_at(w->out, 2);
    assert_string_equal(member(line, "event"), "create");
    assert_string_equal(member(line, "source"), "42");
    json_decref(line);
    for (size_t i = 3; i < 6; i++) {
        line = line_at(w->out, i);
        assert_string_equal(member(line, "event"), "attempt");
        assert_string_equal(member(line, "state"), "sent");
        json_decref(line);
    }
    command_kept_quiet(w, "very-secret");
}

static void a_run_is_named_by_as_much_as_only_it_begins_with(void **state)
{
    struct command_world *w = *state;

    live_a_past(w);
    assert_int_equal(RUNS(w, "show", "last"), 0);
    command_said(w, "20250131T120000Z-bbcccc");
    assert_int_equal(RUNS(w, "show", "20250131T1"), 2);
    command_complained(w, "several runs begin with 20250131T1");
    assert_int_equal(RUNS(w, "show", "2024"), 2);
    command_complained(w, "has no run 2024. See: trunkhost runs");
    assert_int_equal(RUNS(w, "show", ""), 2);
    command_complained(w, "has no run");
    assert_int_equal(RUNS(w, "show", "%"), 2);
    command_complained(w, "has no run %");
}

static void of_many_items_those_are_shown_that_need_a_person(void **state)
{
    struct command_world *w = *state;
    struct past past = {0};
    char trunk[16];

    begin_past(w, &past);
    begin_run(&past, "r1", 1);
    for (int i = 0; i < 100; i++) {
        snprintf(trunk, sizeof trunk, "trunk%03d", i);
        item(&past, "r1", "vatel", trunk, i == 50 ? TH_ITEM_UNKNOWN : TH_ITEM_DONE, NULL, NULL);
    }
    end_run(&past, "r1", 1);
    end_past(&past);
    assert_int_equal(RUNS(w, "show", "r1"), 0);
    command_said(w, "trunk050");
    command_said(w, "… and 99 more; --all shows them.\n");
    command_kept_quiet(w, "trunk051");
    assert_int_equal(RUNS(w, "show", "r1", "--all"), 0);
    command_said(w, "trunk051");
    assert_int_equal(RUNS(w, "show", "r1", "--json"), 0);
    assert_int_equal(lines_of(w->out), 101);
}

static void a_backup_is_made_once(void **state)
{
    struct command_world *w = *state;
    char *copy = scratch_path(w->folder, "copy.db");
    struct stat st;

    live_a_past(w);
    assert_int_equal(RUNS(w, "backup", copy), 0);
    command_said(w, copy);
    command_said(w, "private key");
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(RUNS(w, "backup", copy), 2);
    command_complained(w, "it is there already");
    assert_int_equal(RUNS(w, "backup", "/nowhere/copy.db"), 2);
    command_complained(w, "cannot write the backup /nowhere/copy.db: No such file or directory");
    assert_int_equal(RUNS(w, "--ledger", copy, "--limit", "1"), 0);
    command_said(w, "20250131T120000Z-bbcccc");
    free(copy);
}

/* --- explain ---------------------------------------------------------------------------------- */

static void a_trunk_is_explained_in_order_of_time_without_its_passwords(void **state)
{
    struct command_world *w = *state;
    const char *at;
    static const char *const order[] = {
        "item begun",       "3 requests", "reprovisioned", "item ended", "20250131T110000Z-bbbbbb",
        "no end on record",
    };

    live_a_past(w);
    assert_int_equal(EXPLAIN(w, "42", "--account", "famulor-prod"), 0);
    at = w->out;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("\"%s\" is not where it should be in\n%s", order[i], w->out);
    }
    command_said(w, "PUT update");
    command_said(w, "ok, HTTP 200");
    command_said(w, "sip_password, secret 1");
    command_said(w, "sip_password on famulor-prod: secret 1 is current since 20");
    command_said(w, "sip_password on famulor-prod: secret 2 may be live");
    command_said(w, "{\"phone_number\":\"4711\"}"); /* of an item of that name */
    command_kept_quiet(w, "very-secret");
    command_kept_quiet(w, "vatel");
    assert_int_equal(EXPLAIN(w, "42"), 0);
    command_said(w, "refused (HTTP 422): too short");
}

static void an_explanation_as_json_is_one_event_a_line(void **state)
{
    struct command_world *w = *state;
    size_t kinds[4] = {0};
    static const char *const names[] = {"item", "secret", "attempt", "create"};

    live_a_past(w);
    assert_int_equal(EXPLAIN(w, "42", "--json"), 0);
    for (size_t i = 0; i < lines_of(w->out); i++) {
        json_t *line = line_at(w->out, i);

        for (int k = 0; k < 4; k++)
            kinds[k] += strcmp(member(line, "event"), names[k]) == 0;
        json_decref(line);
    }
    assert_int_equal(kinds[0], 3);
    assert_int_equal(kinds[1], 2);
    assert_int_equal(kinds[2], 3);
    assert_int_equal(kinds[3], 1);
    command_kept_quiet(w, "very-secret");
}

static void a_trunk_that_nothing_is_known_of_is_said(void **state)
{
    struct command_world *w = *state;

    live_a_past(w);
    assert_int_equal(EXPLAIN(w, "4711"), 2);
    command_complained(w, "knows nothing of a trunk 4711");
    assert_int_equal(EXPLAIN(w, "42", "--account=nobody"), 2);
    command_complained(w, "knows nothing of a trunk 42 on nobody");
}

/* --- use -------------------------------------------------------------------------------------- */

static void wrong_use_is_one_line_and_status_2(void **state)
{
    struct command_world *w = *state;

    assert_int_equal(RUNS(w, "sohw"), 2);
    command_complained(w, "there is no command sohw");
    assert_int_equal(RUNS(w, "--limit", "many"), 2);
    command_complained(w, "--limit many: write a number");
    assert_int_equal(RUNS(w, "--limit"), 2);
    command_complained(w, "--limit needs a value");
    assert_int_equal(RUNS(w, "show"), 2);
    command_complained(w, "the id of a run is missing");
    assert_int_equal(RUNS(w, "show", "a", "b"), 2);
    command_complained(w, "unexpected argument b");
    assert_int_equal(RUNS(w, "backup"), 2);
    command_complained(w, "the file is missing");
    assert_int_equal(RUNS(w, "--jsno"), 2);
    command_complained(w, "there is no option --jsno");
    assert_int_equal(EXPLAIN(w, NULL), 2);
    command_complained(w, "which trunk?");
    assert_int_equal(EXPLAIN(w, "42", "--acount", "x"), 2);
    command_complained(w, "there is no option --acount");
    assert_int_equal(RUNS(w, NULL), 2);
    command_complained(w, "it is not there. Make one with: trunkhost secrets init");
    assert_int_equal(access(w->path, F_OK), -1);
}

static void an_empty_ledger_says_so(void **state)
{
    struct command_world *w = *state;
    struct past past = {0};

    begin_past(w, &past);
    end_past(&past);
    assert_int_equal(RUNS(w, NULL), 0);
    assert_string_equal(w->out, "");
    assert_non_null(strstr(w->err, "has no runs yet"));
    assert_int_equal(RUNS(w, "show", "last"), 2);
    command_complained(w, "has no runs yet");
}

static void help_is_on_standard_output(void **state)
{
    struct command_world *w = *state;

    assert_int_equal(RUNS(w, "--help"), 0);
    command_said(w, "runs show RUN");
    assert_int_equal(RUNS(w, "show", "-h"), 0);
    command_said(w, "`last`");
    assert_int_equal(RUNS(w, "backup", "--help"), 0);
    command_said(w, "must not be there");
    assert_int_equal(EXPLAIN(w, "--help"), 0);
    command_said(w, "explain TRUNK");
    assert_string_equal(w->err, "");
}

static void a_failing_output_is_said(void **state)
{
    struct command_world *w = *state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    if (full < 0)
        skip();
    live_a_past(w);
    assert_int_equal(
        command_run_to(w, full, th_runs_command, "runs", (const char *const[]){"--json", NULL}), 2);
    command_complained(w, "cannot write to standard output: No space left on device");
    assert_int_equal(
        command_run_to(w, full, th_explain_command, "explain", (const char *const[]){"42", NULL}),
        2);
    command_complained(w, "cannot write to standard output");
    close(full);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, command_set_up, command_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_runs_come_first_and_say_how_they_ended),
        TEST(runs_as_json_are_one_object_a_line),
        TEST(a_process_of_that_number_that_began_later_is_not_the_run),
        TEST(a_clock_that_jumps_changes_neither_the_last_run_nor_which_are_alive),
        TEST(a_killed_run_is_no_longer_at_work_before_its_parent_has_asked_for_it),
        TEST(one_run_is_shown_with_its_items),
        TEST(explain_has_each_proof_at_its_own_time),
        TEST(a_run_as_json_has_everything_that_it_did),
        TEST(a_run_is_named_by_as_much_as_only_it_begins_with),
        TEST(of_many_items_those_are_shown_that_need_a_person),
        TEST(a_backup_is_made_once),
        TEST(a_trunk_is_explained_in_order_of_time_without_its_passwords),
        TEST(an_explanation_as_json_is_one_event_a_line),
        TEST(a_trunk_that_nothing_is_known_of_is_said),
        TEST(wrong_use_is_one_line_and_status_2),
        TEST(an_empty_ledger_says_so),
        TEST(help_is_on_standard_output),
        TEST(a_failing_output_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
