#include "ledger/schema.h"

#include <stdio.h>

#include "ledger/file.h"
#include "ledger/sql.h"

enum {
    APPLICATION_ID = 0x74726b68, /* "trkh": tells a ledger from another program's database */
};

/*
 * Step i brings version i to version i + 1. A step that has been released is never edited: what
 * must change is changed by a further step.
 *
 * one_current holds what the export relies on: a trunk has at most one current secret per field. A
 * create that has not answered has no trunk yet, so several of those may stand side by side.
 */
static const char *const steps[] = {
    "CREATE TABLE meta ("
    "  key TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE runs ("
    "  id TEXT PRIMARY KEY,"
    "  script TEXT NOT NULL,"
    "  arguments TEXT NOT NULL,"
    "  started_at TEXT NOT NULL,"
    "  ended_at TEXT,"
    "  status INTEGER"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE secrets ("
    "  id INTEGER PRIMARY KEY,"
    "  run TEXT REFERENCES runs (id),"
    "  account TEXT NOT NULL CHECK (account <> ''),"
    "  provider TEXT NOT NULL,"
    "  trunk TEXT NOT NULL,"
    "  field TEXT NOT NULL CHECK (field <> ''),"
    "  state TEXT NOT NULL"
    "    CHECK (state IN ('candidate', 'current', 'previous', 'rejected')),"
    "  sealed BLOB NOT NULL,"
    "  evidence TEXT NOT NULL DEFAULT '',"
    "  created_at TEXT NOT NULL,"
    "  changed_at TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX secrets_by_trunk ON secrets (account, trunk, field);"
    "CREATE INDEX secrets_by_run ON secrets (run);"
    "CREATE UNIQUE INDEX one_current ON secrets (account, trunk, field)"
    "  WHERE state = 'current' AND trunk <> '';"
    "CREATE TRIGGER live_secrets_stay BEFORE DELETE ON secrets"
    "  WHEN old.state IN ('candidate', 'current')"
    "  BEGIN SELECT RAISE (ABORT, 'a secret that may be live is never deleted'); END;",

    /* Version 2: what a run does, item by item and request by request. */
    "ALTER TABLE runs ADD COLUMN script_hash TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN host TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE runs ADD COLUMN pid INTEGER;"
    "ALTER TABLE runs ADD COLUMN resumed_from TEXT REFERENCES runs (id);"

    "CREATE TABLE items ("
    "  id INTEGER PRIMARY KEY,"
    "  run TEXT NOT NULL REFERENCES runs (id),"
    "  account TEXT NOT NULL CHECK (account <> ''),"
    "  trunk TEXT NOT NULL CHECK (trunk <> ''),"
    "  state TEXT NOT NULL"
    "    CHECK (state IN ('planned', 'running', 'done', 'failed', 'unknown', 'skipped')),"
    "  evidence TEXT NOT NULL DEFAULT '',"
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  error TEXT,"
    "  plan TEXT,"
    "  started_at TEXT,"
    "  ended_at TEXT,"
    "  UNIQUE (run, account, trunk)"
    ") STRICT;"
    "CREATE INDEX items_by_run ON items (run);"
    "CREATE INDEX items_by_trunk ON items (trunk, account);"
    "CREATE INDEX items_running ON items (account) WHERE state = 'running';"

    "CREATE TABLE attempts ("
    "  id INTEGER PRIMARY KEY,"
    "  run TEXT NOT NULL REFERENCES runs (id),"
    "  item INTEGER REFERENCES items (id),"
    "  account TEXT NOT NULL CHECK (account <> ''),"
    "  trunk TEXT NOT NULL,"
    "  endpoint TEXT NOT NULL,"
    "  method TEXT NOT NULL,"
    "  state TEXT NOT NULL"
    "    CHECK (state IN ('sent', 'ok', 'refused', 'ambiguous', 'unsent')),"
    "  requests INTEGER NOT NULL DEFAULT 0,"
    "  status INTEGER,"
    "  message TEXT NOT NULL DEFAULT '',"
    "  started_at TEXT NOT NULL,"
    "  ended_at TEXT"
    ") STRICT;"
    "CREATE INDEX attempts_by_trunk ON attempts (trunk, account);"
    "CREATE INDEX attempts_by_item ON attempts (item) WHERE item IS NOT NULL;"

    "CREATE TABLE creates ("
    "  id INTEGER PRIMARY KEY,"
    "  run TEXT NOT NULL REFERENCES runs (id),"
    "  item INTEGER REFERENCES items (id),"
    "  attempt INTEGER REFERENCES attempts (id),"
    "  account TEXT NOT NULL CHECK (account <> ''),"
    "  endpoint TEXT NOT NULL,"
    "  natural_key TEXT NOT NULL,"
    "  state TEXT NOT NULL CHECK (state IN ('intended', 'landed', 'absent', 'unknown')),"
    "  trunk TEXT NOT NULL DEFAULT '',"
    "  created_at TEXT NOT NULL,"
    "  changed_at TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX creates_by_trunk ON creates (trunk, account) WHERE trunk <> '';"
    "CREATE INDEX creates_by_run ON creates (run);"
    "CREATE INDEX creates_unsettled ON creates (account)"
    "  WHERE state IN ('intended', 'unknown');"

    "ALTER TABLE secrets ADD COLUMN item INTEGER REFERENCES items (id);"
    "ALTER TABLE secrets ADD COLUMN attempt INTEGER REFERENCES attempts (id);"
    "ALTER TABLE secrets ADD COLUMN proven_at TEXT;"
    "ALTER TABLE secrets ADD COLUMN delivered_at TEXT;"
    "UPDATE secrets SET proven_at = changed_at WHERE state = 'current' AND evidence <> '';"
    "UPDATE secrets SET state = 'previous', evidence = 'superseded',"
    "  changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    "  WHERE state = 'candidate' AND EXISTS (SELECT 1 FROM secrets AS live"
    "    WHERE live.account = secrets.account AND live.trunk = secrets.trunk"
    "    AND live.field = secrets.field AND live.trunk <> ''"
    "    AND live.state = 'current' AND live.evidence <> '' AND live.id > secrets.id);"
    "DROP INDEX secrets_by_run;"
    "DROP INDEX secrets_by_trunk;"
    "CREATE INDEX secrets_by_trunk ON secrets (trunk, account, field);"
    "CREATE INDEX secrets_unproven ON secrets (account, trunk, field) WHERE state = 'candidate';",

    /* Version 3: what is needed to take a run back. */
    "ALTER TABLE runs ADD COLUMN undoes TEXT REFERENCES runs (id);"
    "ALTER TABLE items ADD COLUMN before TEXT;"
    "ALTER TABLE items ADD COLUMN after TEXT;"
    "ALTER TABLE items ADD COLUMN undoes INTEGER REFERENCES items (id);"
    "CREATE INDEX items_undoing ON items (undoes) WHERE undoes IS NOT NULL;",

    /* Version 4: what a report of a run has to say besides. */
    "ALTER TABLE runs ADD COLUMN conclusion TEXT;"
    "ALTER TABLE items ADD COLUMN label TEXT NOT NULL DEFAULT '';",

    /* Version 5: the order of runs, of attempts and of replaced passwords, and whether a process
     * still runs, no longer depend on the time of day, which can jump. Old runs that claim to have
     * begun in the future come first: the clock was wrong then. */
    "ALTER TABLE runs ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE runs ADD COLUMN process TEXT NOT NULL DEFAULT '';"
    "UPDATE runs SET seq = o.place FROM (SELECT id, row_number() OVER (ORDER BY"
    "  started_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), started_at, id) AS place"
    "  FROM runs) AS o WHERE o.id = runs.id;"
    "CREATE INDEX runs_in_order ON runs (seq);"
    "ALTER TABLE attempts ADD COLUMN newest INTEGER;"
    "ALTER TABLE secrets ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;"
    "UPDATE secrets SET turn = o.place FROM (SELECT id, row_number() OVER (ORDER BY changed_at, id)"
    "  AS place FROM secrets WHERE state = 'previous') AS o WHERE o.id = secrets.id;",

    /* Version 6: how long ago a create has ended, by a clock that nobody sets (th_boot_stamp). */
    "ALTER TABLE creates ADD COLUMN changed_boot TEXT NOT NULL DEFAULT '';",

    /* Version 7: what later runs need to know of a run is on record when it begins. Of earlier runs
     * it is read once out of their arguments; a run that was resumed has those of the first. */
    "ALTER TABLE runs ADD COLUMN purpose TEXT;"
    "UPDATE runs SET purpose = (SELECT json_patch('{}', json_object("
    "  'deliver', json(CASE WHEN max(w.value = '--deliver' OR w.value LIKE '--deliver=%')"
    "    THEN 'true' ELSE 'false' END),"
    "  'rollback', json(CASE WHEN max(w.value = '--rollback') THEN 'true' ELSE 'false' END),"
    "  'undo', json(CASE WHEN max(w.value = '--undo' OR w.value LIKE '--undo=%')"
    "    THEN 'true' ELSE 'false' END),"
    "  'from', max(CASE WHEN w.value LIKE '--from=%' THEN substr(w.value, 8)"
    "    WHEN p.value = '--from' THEN w.value END),"
    "  'to', max(CASE WHEN w.value LIKE '--to=%' THEN substr(w.value, 6)"
    "    WHEN p.value = '--to' THEN w.value END)))" /* without those that are null */
    "  FROM json_each(runs.arguments) AS w LEFT JOIN json_each(runs.arguments) AS p"
    "  ON p.key = w.key - 1) WHERE json_valid(arguments) AND json_type(arguments) = 'array'"
    "  AND json_array_length(arguments) > 0;"
    "WITH RECURSIVE up(id, at) AS (SELECT id, resumed_from FROM runs WHERE resumed_from IS NOT NULL"
    "  UNION ALL SELECT up.id, r.resumed_from FROM up JOIN runs AS r ON r.id = up.at"
    "    WHERE r.resumed_from IS NOT NULL)"
    "  UPDATE runs SET purpose = r.purpose FROM up JOIN runs AS r ON r.id = up.at"
    "    WHERE up.id = runs.id AND r.resumed_from IS NULL;",
};

enum { VERSION = sizeof steps / sizeof steps[0] };

int th_database_version(void)
{
    return VERSION;
}

int th_schema_identify(sqlite3 *db, const char *path, int *version, th_error *err)
{
    int id = 0, tables = 0, rc;
    char reason[120];

    if ((rc = th_database_number(db, path, "SELECT count(*) FROM sqlite_schema", &tables, err)) ||
        (rc = th_database_number(db, path, "PRAGMA application_id", &id, err)) ||
        (rc = th_database_number(db, path, "PRAGMA user_version", version, err)))
        return rc;
    if (id != APPLICATION_ID && (id != 0 || *version != 0 || tables != 0))
        return th_ledger_file_refuse(err, path, "it is a database of another program",
                                     "Name another with --ledger");
    if (*version > VERSION) {
        snprintf(reason, sizeof reason,
                 "it was written by a newer trunkhost (schema %d, this one knows %d)", *version,
                 (int)VERSION);
        return th_ledger_file_refuse(err, path, reason,
                                     "Update trunkhost, or name another with --ledger");
    }
    return 0;
}

/* All missing steps in one transaction. The version is read again inside it: another process may
 * have done the work while this one waited for the lock. */
int th_schema_migrate(sqlite3 *db, const char *path, th_error *err)
{
    char sql[100];
    int version = 0;
    int rc = th_database_execute(db, path, "BEGIN IMMEDIATE", err);

    if (rc)
        return rc;
    rc = th_schema_identify(db, path, &version, err);
    for (int i = version; !rc && i < VERSION; i++)
        rc = th_database_execute(db, path, steps[i], err);
    if (!rc && version < VERSION) {
        snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 (int)APPLICATION_ID, (int)VERSION);
        rc = th_database_execute(db, path, sql, err);
    }
    if (!rc)
        rc = th_database_execute(db, path, "COMMIT", err);
    if (rc && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
