/* The statements of the ledger's writer. ?n is explained where its name does not say it. */
#include "ledger/writer_impl.h"

/* The secrets of one account, trunk and field, those of row ?1. */
#define FAMILY "(trunk, account, field) = (SELECT trunk, account, field FROM secrets WHERE id = ?1)"

/*
 * Whether the secret s may have reached the platform after c, row ?1, did: one of its attempts was
 * under way when the first of c's was put on record, or still is. Attempts that sent s again have
 * no row of their own and lie before those of the next secret. A dead run has nothing under way.
 * An attempt keeps the newest one that was on record when it ended, so a clock that jumps changes
 * nothing; only attempts of older ledgers are compared by their times.
 */
#define OVERLAPS                                                                                   \
    "EXISTS (SELECT 1 FROM attempts AS a JOIN runs AS r ON r.id = a.run WHERE (a.id = s.attempt"   \
    " OR (a.trunk = s.trunk AND a.account = s.account AND a.id > s.attempt"                        \
    "  AND a.id < coalesce((SELECT min(n.attempt) FROM secrets AS n WHERE n.trunk = s.trunk"       \
    "   AND n.account = s.account AND n.field = s.field AND n.id > s.id), 9223372036854775807)))"  \
    " AND CASE WHEN a.state = 'sent' THEN r.ended_at IS NULL"                                      \
    "  AND lives(r.host, r.pid, r.started_at, r.process)"                                          \
    "  WHEN a.newest IS NOT NULL THEN a.newest >= (SELECT attempt FROM secrets WHERE id = ?1)"     \
    "  ELSE a.ended_at > (SELECT f.started_at"                                                     \
    "  FROM secrets AS c JOIN attempts AS f ON f.id = c.attempt WHERE c.id = ?1) END)"

/* The place of a secret among those of its trunk and field, by when they ceased to be current. */
#define NEXT_TURN                                                                                  \
    "(SELECT 1 + max(o.turn) FROM secrets AS o WHERE o.trunk = secrets.trunk"                      \
    " AND o.account = secrets.account AND o.field = secrets.field)"

/* What ended a row is no evidence for what it becomes when it turns out to be live. */
#define EVIDENCE                                                                                   \
    "coalesce(?3, CASE WHEN ?2 = 'current' AND evidence = 'superseded' THEN '' ELSE evidence END)"

const char *const th_ledger_statements[TH_STATEMENTS] = {
    [TH_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [TH_SQL_COMMIT] = "COMMIT",
    [TH_SQL_ROLLBACK] = "ROLLBACK",
    [TH_SQL_SETTING] = "SELECT value FROM meta WHERE key = ?1",

    [TH_SQL_RUN_BEGIN] =
        "INSERT INTO runs (id, script, arguments, started_at, script_hash, host, pid, resumed_from,"
        " undoes, process, purpose, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " 1 + (SELECT coalesce(max(seq), 0) FROM runs))",
    [TH_SQL_RUN_CONCLUDE] = "UPDATE runs SET conclusion = ?2 WHERE id = ?1",
    [TH_SQL_RUN_END] = "UPDATE runs SET ended_at = ?2, status = ?3 WHERE id = ?1",

    [TH_SQL_ITEM_BEGIN] =
        "INSERT OR IGNORE INTO items (run, account, trunk, state, plan, evidence, started_at,"
        " ended_at, before, undoes, label) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [TH_SQL_ITEM_AGAIN] =
        "UPDATE items SET state = ?4, plan = coalesce(?5, plan), evidence = ?6, error = NULL,"
        " started_at = coalesce(started_at, ?7), ended_at = ?8, before = coalesce(?9, before),"
        " undoes = coalesce(?10, undoes), label = CASE ?11 WHEN '' THEN label ELSE ?11 END"
        " WHERE run = ?1 AND account = ?2 AND trunk = ?3",
    [TH_SQL_ITEM_ROW] = "SELECT id FROM items WHERE run = ?1 AND account = ?2 AND trunk = ?3",
    [TH_SQL_ITEM_END] =
        "UPDATE items SET state = ?2, evidence = ?3, attempts = ?4, error = ?5,"
        " ended_at = ?6, before = coalesce(?7, before), after = coalesce(?8, after) WHERE id = ?1",

    [TH_SQL_ATTEMPT_BEGIN] =
        "INSERT INTO attempts (run, item, account, trunk, endpoint, method, state, started_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'sent', ?7)",
    [TH_SQL_ATTEMPT_END] = "UPDATE attempts SET state = ?2, requests = ?3, status = ?4,"
                           " message = ?5, ended_at = ?6,"
                           " newest = (SELECT max(id) FROM attempts) WHERE id = ?1",
    [TH_SQL_ATTEMPT_TRUNK] = "UPDATE attempts SET trunk = ?2 WHERE id = ?1 AND trunk = ''",

    [TH_SQL_CREATE_INTENT] =
        "INSERT INTO creates (run, item, attempt, account, endpoint, natural_key, state,"
        " created_at, changed_at, changed_boot)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'intended', ?7, ?7, ?8)",
    [TH_SQL_CREATE_END] = "UPDATE creates SET state = ?2, trunk = coalesce(?3, trunk),"
                          " changed_at = ?4, changed_boot = ?5 WHERE id = ?1",
    /* What was sent with a create that had no answer is the trunk's that it is found to have made,
     * or, without one, nobody's. */
    [TH_SQL_CREATE_SECRETS] = "UPDATE secrets SET trunk = coalesce(?2, trunk), changed_at = ?3,"
                              " state = CASE WHEN ?2 IS NULL THEN 'rejected' ELSE state END,"
                              " evidence = CASE WHEN ?2 IS NULL THEN 'absent' ELSE evidence END"
                              " WHERE trunk = '' AND state = 'candidate'"
                              " AND attempt = (SELECT attempt FROM creates WHERE id = ?1)",

    /* The secret of row ?1, beside each of those that it stands among, itself included. A create
     * that has no trunk yet stands beside those of the trunk ?2 that it is about to get, or alone.
     */
    [TH_SQL_SECRET_FAMILY] =
        "SELECT o.state, o.evidence, o.trunk, s.id, s.state FROM secrets AS o"
        " LEFT JOIN secrets AS s ON s.trunk = CASE o.trunk WHEN '' THEN ?2 ELSE o.trunk END"
        "  AND s.account = o.account AND s.field = o.field WHERE o.id = ?1",
    [TH_SQL_SECRET_ADD] =
        "INSERT INTO secrets (run, account, provider, trunk, field, state, sealed, created_at,"
        " changed_at, item, attempt)"
        " VALUES (?1, ?2, ?3, ?4, ?5, 'candidate', ?6, ?7, ?7, ?8, ?9)",
    [TH_SQL_SECRET_STATE] =
        "UPDATE secrets SET state = ?2, evidence = " EVIDENCE ", changed_at = ?4,"
        " turn = CASE ?2 WHEN 'previous' THEN " NEXT_TURN " ELSE turn END,"
        " proven_at = CASE WHEN ?2 = 'current' AND " EVIDENCE " <> ''"
        "  THEN coalesce(proven_at, ?4) ELSE proven_at END WHERE id = ?1",
    [TH_SQL_SECRET_TRUNK] = "UPDATE secrets SET trunk = ?2, changed_at = ?3"
                            " WHERE id = ?1 AND trunk IN ('', ?2)",
    [TH_SQL_SECRET_DELIVERED] = "UPDATE secrets SET delivered_at = ?4 WHERE account = ?1"
                                " AND trunk = ?2 AND field = ?3 AND state = 'current'",

    /* Makes room for another one as the current one of its trunk. */
    [TH_SQL_DEMOTE] = "UPDATE secrets SET state = 'previous', changed_at = ?2,"
                      " turn = " NEXT_TURN " WHERE id = ?1",
    /* The proven row ?1 ends what was over before it was sent. */
    [TH_SQL_SUPERSEDE] = "UPDATE secrets AS s SET state = 'previous', evidence = 'superseded',"
                         " changed_at = ?2 WHERE " FAMILY
                         " AND state = 'candidate' AND trunk <> '' AND id < ?1 AND NOT " OVERLAPS,
    /* Of those that were current, and of those that never were, the newest ?2 stay, and whatever
     * was under way beside row ?1. */
    [TH_SQL_PRUNE] =
        "DELETE FROM secrets WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
        " (PARTITION BY state = 'previous' AND evidence <> 'superseded' ORDER BY CASE WHEN state ="
        "  'previous' AND evidence <> 'superseded' THEN turn END DESC, id DESC) AS place"
        " FROM secrets AS s WHERE " FAMILY " AND trunk <> '' AND state IN ('previous', 'rejected')"
        " AND NOT " OVERLAPS ") WHERE place > ?2)",
};
