#include "runtime/record.h"

#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/report.h"

/* Fake passwords must never mix with real ones. */
static int choose_temporary(th_record *record, th_error *err)
{
    char folder[] = "/tmp/trunkhost-sandbox-XXXXXX";
    if (!mkdtemp(folder))
        return th_fail(err, TH_INVALID,
                       "cannot make a temporary folder for the sandbox's ledger: %s",
                       strerror(errno));
    record->folder = strdup(folder);
    if (asprintf(&record->path, "%s/ledger.db", folder) < 0)
        record->path = NULL;
    return 0;
}

int th_record_choose(th_record *record, const char *path, bool sandbox, th_error *err)
{
    int rc = 0;
    if (path)
        record->path = strdup(path);
    else if (sandbox)
        rc = choose_temporary(record, err);
    else if (!(record->path = th_ledger_default_path()))
        rc = th_fail(err, TH_INVALID,
                     "no place for the ledger: none of XDG_STATE_HOME, STATE_DIRECTORY and HOME is "
                     "set; name one with --ledger FILE");
    if (rc == 0 && !record->path)
        rc = th_fail(err, TH_INVALID, "not enough memory");
    return rc;
}

void th_record_name(th_record *record)
{
    time_t now = time(NULL);
    struct tm tm;
    char when[32];
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(record->run, sizeof record->run, "%s-%06x", when, randombytes_random() & 0xffffff);
}

/* When the disk was full, the next use of the ledger tries again. */
static void run_begun(th_ledger_op *op)
{
    th_record *record = op->ctx;
    if (op->result != 0) {
        record->begun = false;
        th_error_move(&record->error, &op->err);
    }
    th_error_close(&op->err);
    free(op);
}

static int record_run(th_record *record, th_error *err)
{
    th_script *script = record->script;
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    th_ledger_op run = {.verb = TH_LEDGER_RUN_BEGIN,
                        .run = record->run,
                        .script = script->path ? script->path : "-e",
                        .arguments = script->arguments ? script->arguments : "[]",
                        .script_hash = th_script_hash(script),
                        .host = host,
                        .pid = getpid(),
                        .resumed_from = record->resumed_from,
                        .undoes_run = record->undoes,
                        .purpose = record->purpose,
                        .cb = run_begun,
                        .ctx = record};
    th_ledger_op *op = th_ledger_op_copy(&run);
    if (!op)
        return th_fail(err, TH_INVALID, "not enough memory");
    th_error_close(&record->error);
    th_ledger_submit(record->ledger, op);
    record->begun = true;
    return 0;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int open_ledger(th_record *record, th_error *err)
{
    if (record->ended)
        return th_fail(err, TH_INVALID, "the run has ended");
    if (record->ledger)
        return 0;
    return th_ledger_open(record->loop, record->path, &record->ledger, err);
}

int th_record_ledger(th_record *record, th_ledger **out, th_error *err)
{
    int rc = open_ledger(record, err);
    if (rc == 0 && !record->begun)
        rc = record_run(record, err);
    if (rc == 0)
        *out = record->ledger;
    return rc;
}

int th_record_view(th_record *record, th_ledger_view **out, th_error *err)
{
    int rc = record->view && !record->ended ? 0 : open_ledger(record, err);
    if (rc == 0 && !record->view)
        rc = th_ledger_view_look(record->path, &record->view, err);
    if (rc == 0)
        *out = record->view;
    return rc;
}

static void on_synced(th_ledger_op *op)
{
    *(bool *)op->ctx = true;
}

static void say_unwritten(const th_record *record, const th_error *why)
{
    th_error err = {0};
    th_fail(&err, TH_INVALID,
            "the ledger %s could not be brought up to date: %s. Passwords that were "
            "sent are in it as candidates; fix the cause and run again",
            record->path, why->message ? why->message : "not enough memory");
    th_report(record->log_json, &err);
}

/* Waits until all is on disk. */
static void sync_ledger(th_record *record)
{
    bool synced = false;
    th_ledger_op sync = {.verb = TH_LEDGER_SYNC, .cb = on_synced, .ctx = &synced};
    th_ledger_submit(record->ledger, &sync);
    while (!synced)
        uv_run(record->loop, UV_RUN_ONCE);
    th_error_close(&sync.err);
}

int th_record_close(th_record *record, int status)
{
    int rc = 0;
    th_ledger_view_close(record->view);
    if (record->ledger) {
        if (record->begun) /* a failure to begin it is known by now, or comes first */
            th_ledger_note(
                record->ledger,
                &(th_ledger_op){.verb = TH_LEDGER_RUN_END, .run = record->run, .status = status});
        sync_ledger(record);
        const th_error *failure = th_ledger_failure(record->ledger);
        if (!failure && record->error.kind)
            failure = &record->error;
        if (failure) {
            say_unwritten(record, failure);
            rc = -1;
        }
        th_ledger_close(record->ledger);
    }
    th_error_close(&record->error);
    while (record->nlocks > 0)
        th_lock_release(record->locks[--record->nlocks]);
    free(record->locks);
    return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void th_record_destroy(th_record *record)
{
    if (record->folder)
        nftw(record->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(record->folder);
    free(record->path);
    free(record->resumed_from);
    free(record->purpose);
    free(record->undoes);
}

/* --- locks ------------------------------------------------------------------------------------ */

int th_record_lock(th_record *record, const char *account, th_error *err)
{
    int rc = open_ledger(record, err);
    for (size_t i = 0; rc == 0 && i < record->nlocks; i++)
        if (strcmp(th_lock_account(record->locks[i]), account) == 0)
            return 0;
    if (rc != 0)
        return rc;
    th_lock **locks = realloc(record->locks, (record->nlocks + 1) * sizeof *locks);
    if (!locks)
        return th_fail(err, TH_INVALID, "not enough memory");
    record->locks = locks;
    rc = th_lock_take(record->path, account, record->run, &locks[record->nlocks], err);
    if (rc == 0)
        record->nlocks++;
    return rc;
}
