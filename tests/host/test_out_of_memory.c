/*
 * Every allocation of Lua is made to fail in turn, once (Lua collects garbage and tries again, so
 * both) and for good from there on. Whatever fails: the program ends by itself, says so, gives back
 * all that it took, and has sent nothing that the ledger does not know.
 *
 * The runs are in child processes, whose death is a finding. MEMORY_STRIDE=1 in the environment
 * tries every allocation where otherwise each so many-th has to do: 10 minutes instead of one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "library.h"
#include "runtime/runtime.h"
#include "scratch_folder.h"
#include "test.h"

enum {
    BATCH = 200,   /* runs in one child */
    PATIENCE = 60, /* seconds for one run; only a hang takes so long */
};

/* An allocator that fails where it is told to, and knows what was not given back. */
struct failing {
    size_t count, fail_at;
    bool for_good;
    long blocks;
};

static void *allocate(void *ctx, void *block, size_t old, size_t size)
{
    struct failing *failing = ctx;
    if (size == 0) {
        failing->blocks -= block != NULL;
        free(block);
        return NULL;
    }
    if (!block || size > old) {
        size_t n = ++failing->count;
        if (n == failing->fail_at ||
            (n > failing->fail_at && failing->fail_at && failing->for_good) ||
            (failing->fail_at && n == failing->fail_at + 1))
            return NULL;
    }
    failing->blocks += block == NULL;
    return realloc(block, size);
}

struct scenario {
    const char *name;
    const char *code;
    bool sandbox;
    unsigned stride; /* of the allocations that are made to fail */
    unsigned from;   /* the first one; what comes before is the same in another scenario */
    int status;      /* of the undisturbed run */
    bool may_exit;   /* luv calls Lua unprotected: the process may end in the middle, by exit */
};

/* What a run leaves for the parent. */
struct outcome {
    size_t at; /* the run that is under way */
    bool for_good;
    size_t count;   /* allocations of it */
    bool done;      /* there are no more */
    size_t refused; /* runs that ended for want of memory */
    char why[2000];
};

static void complain(struct outcome *outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(outcome->why, sizeof outcome->why, format, args);
    va_end(args);
}

/* When memory runs out in the middle of it, lua-cjson 2.1.0 loses its buffer, and luv the copies of
 * its arguments and handles that it has not put into a userdata yet. */
const char *__lsan_default_suppressions(void); // NOLINT(bugprone-reserved-identifier)
const char *__lsan_default_suppressions(void)  // NOLINT(bugprone-reserved-identifier)
{
    return "leak:liblua5.4-cjson\nleak:luv_";
}

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static long rows(const char *ledger, const char *table)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    char sql[100];
    long count = 0;
    snprintf(sql, sizeof sql, "SELECT count (*) FROM %s", table);
    if (access(ledger, R_OK) == 0 &&
        sqlite3_open_v2(ledger, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        count = (long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

/* Writes that have reached the fake platforms. */
static long writes(th_sandbox *sandbox)
{
    long count = 0;
    char *text = th_sandbox_report(sandbox, "log");
    json_t *log = text ? json_loads(text, 0, NULL) : NULL;
    json_t *entry;
    size_t i;
    json_array_foreach(log, i, entry)
    {
        const char *method = json_string_value(json_object_get(entry, "method"));
        count += method && strcmp(method, "GET") != 0;
    }
    json_decref(log);
    free(text);
    return count;
}

static bool intact(const char *ledger)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool good = access(ledger, R_OK) != 0;
    if (!good && sqlite3_open_v2(ledger, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        good = strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return good;
}

/* Returns what the descriptor was. */
static int redirect(int fd, const char *path)
{
    fflush(NULL);
    int was = dup(fd), file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (was < 0 || file < 0 || dup2(file, fd) < 0)
        abort();
    close(file);
    return was;
}

static void restore(int fd, int was)
{
    fflush(NULL);
    dup2(was, fd);
    close(was);
}

/* One run from beginning to end; false when it broke a promise, which outcome says. */
static bool run(const struct scenario *scenario, const char *folder, struct failing *failing,
                struct outcome *outcome)
{
    char *ledger = scratch_path(folder, "ledger.db");
    char *said = scratch_path(folder, "said");
    th_runtime_options options = {.ledger = ledger,
                                  .sandbox = scenario->sandbox,
                                  .sandbox_spec = "trunks=2,limits=none",
                                  .log_level = TH_LOG_INFO,
                                  .allocator = allocate,
                                  .allocator_ctx = failing,
                                  .open_library = th_library_open};
    th_runtime *runtime = NULL;
    th_error err = {0};
    int status = TH_EXIT_ERROR;
    long sent = 0;
    unlink(ledger);
    unlink(said);
    int out = redirect(STDOUT_FILENO, said), err_out = redirect(STDERR_FILENO, said);
    bool stuck = false;
    if (th_runtime_create(&options, &runtime, &err) != 0) {
        th_report(false, &err);
    } else {
        status = th_runtime_run(
            runtime, &(th_script){.path = "test", .name = "test", .code = scenario->code});
        sent = runtime->sandbox ? writes(runtime->sandbox) : 0;
        th_runtime_destroy(runtime, &stuck);
    }
    restore(STDERR_FILENO, err_out);
    restore(STDOUT_FILENO, out);
    size_t len;
    char *text = scratch_read(said, &len);
    bool told = text && strstr(text, "not enough memory");
    if (stuck)
        complain(outcome, "a call did not end");
    else if (failing->blocks != 0)
        complain(outcome, "%ld blocks of Lua were not given back", failing->blocks);
    else if (failing->fail_at == 0 && status != scenario->status)
        complain(outcome, "the undisturbed run ended with %d: %s", status, text);
    else if (status != scenario->status && !told)
        complain(outcome, "it ended with %d and did not say why: %s", status, text);
    else if (th_secret_count() > 0)
        complain(outcome, "%zu secrets were not given back and wiped", th_secret_count());
    else if (sent > rows(ledger, "attempts"))
        complain(outcome, "%ld writes were sent and %ld are in the ledger", sent,
                 rows(ledger, "attempts"));
    else if (!intact(ledger))
        complain(outcome, "the ledger is damaged");
    outcome->refused += told;
    outcome->count = failing->count;
    free(text);
    free(said);
    free(ledger);
    return !outcome->why[0];
}

/* In a child: the runs from `at` on; returns when one breaks a promise or all have been tried. */
static void work(const struct scenario *scenario, const char *folder, unsigned stride,
                 struct outcome *outcome)
{
    int before = 0;
    for (int i = 0; i < BATCH; i++, outcome->at += stride) {
        struct failing failing = {.fail_at = outcome->at, .for_good = outcome->for_good};
        alarm(PATIENCE);
        if (!run(scenario, folder, &failing, outcome))
            break;
        if (i == 1)
            before = descriptors();
        outcome->done = failing.count < outcome->at || outcome->at == 0;
        if (outcome->done)
            break; /* it came to its end before */
    }
    alarm(0);
    if (before && descriptors() > before)
        complain(outcome, "%d descriptors are open that were not", descriptors() - before);
}

/* The program has left by exit, said why, and the ledger is as after a kill. */
static bool left_well(const char *folder)
{
    char *ledger = scratch_path(folder, "ledger.db"), *said = scratch_path(folder, "said");
    size_t len;
    char *text = scratch_read(said, &len);
    bool well = text && strstr(text, "not enough memory") && intact(ledger);
    free(text);
    free(said);
    free(ledger);
    return well;
}

/* One batch; false when there is nothing left to try. */
static bool batch(const struct scenario *scenario, const char *folder, unsigned stride,
                  struct outcome *outcome)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        work(scenario, folder, stride, outcome);
        exit(outcome->why[0] ? 1 : 0); /* not _exit: leaks are looked for on the way out */
    }
    waitpid(pid, &status, 0);
    if (scenario->may_exit && WIFEXITED(status) && WEXITSTATUS(status) == TH_EXIT_ERROR &&
        left_well(folder)) {
        outcome->refused++;
        outcome->at += stride;
        return true;
    }
    if (status != 0)
        fail_msg("%s, allocation %zu fails %s: %s (%s %d)", scenario->name, outcome->at,
                 outcome->for_good ? "and all after it" : "once",
                 outcome->why[0] ? outcome->why : "the program died",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return !outcome->done;
}

static void sweep(const struct scenario *scenario)
{
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(outcome != MAP_FAILED);
    const char *asked = getenv("MEMORY_STRIDE");
    unsigned stride = asked ? (unsigned)strtoul(asked, NULL, 10) : scenario->stride;
    char *folder = scratch_create();
    size_t runs = 0, all = 0;
    if (getenv("UNDER_VALGRIND"))
        stride *= 293;
    batch(scenario, folder, 1, outcome); /* undisturbed */
    all = outcome->count;
    for (int for_good = 0; for_good < 2; for_good++) {
        *outcome = (struct outcome){.at = scenario->from, .for_good = for_good, .count = all};
        while (batch(scenario, folder, stride, outcome))
            continue;
        runs += (outcome->at - scenario->from) / stride;
        assert_true(outcome->refused > 0);
    }
    print_message("%s: %zu allocations, %zu runs\n", scenario->name, all, runs);
    scratch_destroy(folder);
    munmap(outcome, sizeof *outcome);
}

TEST(every_allocation_of_a_script_that_prints_may_fail)
{
    sweep(&(struct scenario){.name = "print", .code = "print(1)", .stride = 1, .from = 1});
}

TEST(every_allocation_of_tasks_may_fail)
{
    sweep(&(struct scenario){
        .name = "tasks",
        .code = "local trunkhost = require 'trunkhost'\n"
                "local t = trunkhost.spawn(function(a) trunkhost.sleep(0) return a end, 1)\n"
                "t:await()\n"
                "trunkhost.map({1, 2, 3}, function(x) trunkhost.sleep(0) return x end)\n"
                "print(pcall(trunkhost.timeout, 0, trunkhost.sleep, 1))\n"
                "local co = coroutine.wrap(function() trunkhost.sleep(0) coroutine.yield(1) end)\n"
                "co()\n"
                "local q = trunkhost.queue(1)\n"
                "trunkhost.nursery(function(n) n:spawn(function() q:put(1) q:put(2) end)\n"
                "  return q:get() + q:get() end)\n",
        .stride = 3,
        .from = 600});
}

TEST(every_allocation_of_an_error_with_a_traceback_may_fail)
{
    sweep(&(struct scenario){
        .name = "error",
        .code = "local trunkhost = require 'trunkhost'\n"
                "local function deep() error { code = 42 } end\n"
                "trunkhost.nursery(function(n)\n"
                "  n:spawn(function() local _ <close> = setmetatable({}, { __close = function()\n"
                "    error 'closing' end }) trunkhost.sleep(3600) end)\n"
                "  n:spawn(function() trunkhost.sleep(0) deep() end)\n"
                "end)\n",
        .status = TH_EXIT_ERROR,
        .stride = 3,
        .from = 600});
}

TEST(every_allocation_of_a_log_line_and_a_secret_may_fail)
{
    sweep(&(struct scenario){
        .name = "log",
        .code = "local trunkhost = require 'trunkhost'\n"
                "local s = trunkhost.secret { length = 20 }\n"
                "trunkhost.log.info('x', { a = 1, b = { 'c' }, s = s, f = print })\n"
                "trunkhost.json.decode(trunkhost.json.encode { a = { 1, 2, { b = 'c' } } })\n"
                "print(s, s:reveal())\n",
        .stride = 3,
        .from = 600});
}

TEST(every_allocation_of_a_request_may_fail)
{
    sweep(&(struct scenario){
        .name = "request",
        .code = "local trunkhost = require 'trunkhost'\n"
                "local fake = require('trunkhost.core').sandbox('famulor')\n"
                "local reply = trunkhost.http.request { \n"
                "  url = fake.base_url:match '^http://[^/]+' .. '/_sandbox/counts' }\n"
                "assert(reply.status == 200, reply.status)\n",
        .sandbox = true,
        .stride = 7,
        .from = 600});
}

TEST(every_allocation_of_a_listing_and_an_update_may_fail)
{
    sweep(&(struct scenario){
        .name = "account",
        .code = "local trunkhost = require 'trunkhost'\n"
                "local account = trunkhost.account 'famulor'\n"
                "for trunk in account:trunks() do\n"
                "  account:update(trunk.id, { sip_password = trunkhost.secret {} })\n"
                "  break\n"
                "end\n"
                "print(pcall(account.get, account, 'nonsense'))\n",
        .sandbox = true,
        .stride = 7,
        .from = 600});
}

TEST(every_allocation_of_files_timers_and_commands_may_fail)
{
    sweep(&(struct scenario){
        .name = "libuv",
        .code = "local trunkhost = require 'trunkhost'\n"
                "local uv, await, q = trunkhost.uv, trunkhost.await, trunkhost.queue()\n"
                "assert(await(uv.fs_stat, '/').mode)\n"
                "local timer = uv.new_timer()\n"
                "timer:start(0, 0, function() timer:close() q:put(1) end)\n"
                "q:get()\n"
                "assert(trunkhost.process.run { 'echo', 'x' }.out == 'x\\n')\n",
        .stride = 7,
        .from = 600,
        .may_exit = true});
}

TEST(every_allocation_of_a_job_may_fail)
{
    sweep(&(struct scenario){
        .name = "job",
        .code = "local trunkhost = require 'trunkhost'\n"
                "trunkhost.job.run { name = 'test',\n"
                "  options = { account = { 'famulor' }, yes = true, json = true },\n"
                "  plan = function() return { changes = { nickname = 'x' } } end,\n"
                "  apply = function(item) item.account:update(item.trunk.id,\n"
                "    { nickname = 'x', sip_password = trunkhost.secret {} }) end }\n",
        .sandbox = true,
        .stride = 41,
        .from = 600});
}
