/* The ledger of a run: which one it is, that the run is recorded in it, and whom it keeps out. */
#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"

int th_runtime_choose_ledger(th_runtime *runtime, th_error *err)
{
    if (runtime->options.sandbox) {
        /* Fake passwords must never mix with real ones. */
        char folder[] = "/tmp/trunkhost-sandbox-XXXXXX";
        if (runtime->options.ledger) {
            runtime->ledger_path = strdup(runtime->options.ledger);
        } else if (!mkdtemp(folder)) {
            return th_fail(err, TH_INVALID,
                           "cannot make a temporary folder for the sandbox's ledger: %s",
                           strerror(errno));
        } else {
            runtime->ledger_folder = strdup(folder);
            if (asprintf(&runtime->ledger_path, "%s/ledger.db", folder) < 0)
                runtime->ledger_path = NULL;
        }
    } else if (runtime->options.ledger) {
        runtime->ledger_path = strdup(runtime->options.ledger);
    } else {
        runtime->ledger_path = th_ledger_default_path();
        if (!runtime->ledger_path)
            return th_fail(err, TH_INVALID,
                           "no place for the ledger: none of XDG_STATE_HOME, STATE_DIRECTORY and "
                           "HOME is set; name one "
                           "with --ledger FILE");
    }
    return runtime->ledger_path ? 0 : th_fail(err, TH_INVALID, "not enough memory");
}

/* --- what ran --------------------------------------------------------------------------------- */

static int hash_file(const char *path, unsigned char *hash)
{
    crypto_hash_sha256_state state;
    unsigned char block[16 * 1024];
    size_t len;
    int failed;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return -1;
    crypto_hash_sha256_init(&state);
    while ((len = fread(block, 1, sizeof block, file)) > 0)
        crypto_hash_sha256_update(&state, block, len);
    failed = ferror(file);
    fclose(file);
    crypto_hash_sha256_final(&state, hash);
    return failed ? -1 : 0;
}

const char *th_runtime_script_hash(th_runtime *runtime)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    int rc = 0;
    if (runtime->script_hash[0])
        return runtime->script_hash;
    if (runtime->code)
        crypto_hash_sha256(hash, (const unsigned char *)runtime->code, strlen(runtime->code));
    else
        rc = runtime->script ? hash_file(runtime->script, hash) : -1;
    if (rc == 0)
        sodium_bin2hex(runtime->script_hash, sizeof runtime->script_hash, hash, sizeof hash);
    return runtime->script_hash;
}

/* When the disk was full, the next use of the ledger tries again. */
static void run_begun(th_ledger_op *op)
{
    th_runtime *runtime = op->ctx;
    if (op->result != 0) {
        runtime->run_recorded = false;
        th_error_move(&runtime->run_error, &op->err);
    }
    th_error_close(&op->err);
    free(op);
}

static int record_run(th_runtime *runtime, th_error *err)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    th_ledger_op run = {.verb = TH_LEDGER_RUN_BEGIN,
                        .run = runtime->run,
                        .script = runtime->script ? runtime->script : "-e",
                        .arguments = runtime->arguments ? runtime->arguments : "[]",
                        .script_hash = th_runtime_script_hash(runtime),
                        .host = host,
                        .pid = getpid(),
                        .resumed_from = runtime->resumed_from,
                        .undoes_run = runtime->undoes,
                        .cb = run_begun,
                        .ctx = runtime};
    th_ledger_op *op = th_ledger_op_copy(&run);
    if (!op)
        return th_fail(err, TH_INVALID, "not enough memory");
    th_error_close(&runtime->run_error);
    th_ledger_submit(runtime->ledger, op);
    runtime->run_recorded = true;
    return 0;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int open_ledger(th_runtime *runtime, th_error *err)
{
    if (runtime->ended)
        return th_fail(err, TH_INVALID, "the run has ended");
    if (runtime->ledger)
        return 0;
    return th_ledger_open(&runtime->loop, runtime->ledger_path, &runtime->ledger, err);
}

int th_runtime_ledger(th_runtime *runtime, th_ledger **out, th_error *err)
{
    int rc = open_ledger(runtime, err);
    if (rc == 0 && !runtime->run_recorded)
        rc = record_run(runtime, err);
    if (rc == 0)
        *out = runtime->ledger;
    return rc;
}

int th_runtime_view(th_runtime *runtime, th_ledger_view **out, th_error *err)
{
    int rc = open_ledger(runtime, err);
    if (rc == 0 && !runtime->view)
        rc = th_ledger_view_look(runtime->ledger_path, &runtime->view, err);
    if (rc == 0)
        *out = runtime->view;
    return rc;
}

static void on_synced(th_ledger_op *op)
{
    *(bool *)op->ctx = true;
}

static void say_unwritten(const th_runtime *runtime, const th_error *why)
{
    th_error err = {0};
    th_fail(&err, TH_INVALID,
            "the ledger %s could not be brought up to date: %s. Passwords that were "
            "sent are in it as candidates; fix the cause and run again",
            runtime->ledger_path, why->message ? why->message : "not enough memory");
    th_report(runtime->options.log_json, &err);
}

/* Waits until all is on disk. */
static void sync_ledger(th_runtime *runtime)
{
    bool synced = false;
    th_ledger_op sync = {.verb = TH_LEDGER_SYNC, .cb = on_synced, .ctx = &synced};
    th_ledger_submit(runtime->ledger, &sync);
    while (!synced)
        uv_run(&runtime->loop, UV_RUN_ONCE);
    th_error_close(&sync.err);
}

int th_runtime_close_ledger(th_runtime *runtime)
{
    int rc = 0;
    th_ledger_view_close(runtime->view);
    if (runtime->ledger) {
        if (runtime->run_recorded) /* a failure to begin it is known by now, or comes first */
            th_ledger_note(runtime->ledger, &(th_ledger_op){.verb = TH_LEDGER_RUN_END,
                                                            .run = runtime->run,
                                                            .status = runtime->exit_status});
        sync_ledger(runtime);
        const th_error *failure = th_ledger_failure(runtime->ledger);
        if (!failure && runtime->run_error.kind)
            failure = &runtime->run_error;
        if (failure) {
            say_unwritten(runtime, failure);
            rc = -1;
        }
        th_ledger_close(runtime->ledger);
    }
    th_error_close(&runtime->run_error);
    while (runtime->nlocks > 0)
        th_lock_release(runtime->locks[--runtime->nlocks]);
    free(runtime->locks);
    return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void th_runtime_forget_ledger(th_runtime *runtime)
{
    if (runtime->ledger_folder)
        nftw(runtime->ledger_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(runtime->ledger_folder);
    free(runtime->ledger_path);
    free(runtime->resumed_from);
    free(runtime->undoes);
}

/* --- locks ------------------------------------------------------------------------------------ */

int th_runtime_lock(th_runtime *runtime, const char *account, th_error *err)
{
    int rc = open_ledger(runtime, err);
    for (size_t i = 0; rc == 0 && i < runtime->nlocks; i++)
        if (strcmp(th_lock_account(runtime->locks[i]), account) == 0)
            return 0;
    if (rc != 0)
        return rc;
    th_lock **locks = realloc(runtime->locks, (runtime->nlocks + 1) * sizeof *locks);
    if (!locks)
        return th_fail(err, TH_INVALID, "not enough memory");
    runtime->locks = locks;
    rc = th_lock_take(runtime->ledger_path, account, runtime->run, &locks[runtime->nlocks], err);
    if (rc == 0)
        runtime->nlocks++;
    return rc;
}

void th_runtime_unlock(th_runtime *runtime, const char *account)
{
    for (size_t i = 0; i < runtime->nlocks; i++) {
        if (strcmp(th_lock_account(runtime->locks[i]), account) == 0) {
            th_lock_release(runtime->locks[i]);
            runtime->locks[i] = runtime->locks[--runtime->nlocks];
            return;
        }
    }
}
