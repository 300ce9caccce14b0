/* What `.dump` of sqlite3 printed of a ledger that a trunkhost of schema 1 had written: one run
 * that ended, with four passwords for trunk 42, one that was refused for trunk 4242, one for trunk
 * 43 and one of a create; and one that was killed after it had sent a password to trunk 43. */
#include "ledger_v1.h"

#include <sqlite3.h>
#include <string.h>

#include "scratch_folder.h"
#include "test.h"

/* clang-format off */
static const char dump[] =
    "PRAGMA journal_mode = WAL;"
    "BEGIN;"
    "CREATE TABLE meta (  key TEXT PRIMARY KEY,  value TEXT NOT NULL) STRICT, WITHOUT ROWID"
    ";"
    "INSERT INTO \"meta\" VALUES('public_key','2K7uGFcEomQsRgvPdmZaoQIWsC/n1STKnxa3MqB3qgI=')"
    ";"
    "CREATE TABLE runs (  id TEXT PRIMARY KEY,  script TEXT NOT NULL,  arguments TEXT NOT N"
    "ULL,  started_at TEXT NOT NULL,  ended_at TEXT,  status INTEGER) STRICT, WITHOUT ROWID"
    ";"
    "INSERT INTO \"runs\" VALUES('20261120T063953Z-ae3fa7','make.lua','[\"first\"]','2026-11-20"
    "T06:39:53.138Z','2026-11-20T06:39:53.142Z',0);"
    "INSERT INTO \"runs\" VALUES('20261120T063953Z-b6f75d','make.lua','[\"second\"]','2026-11-2"
    "0T06:39:53.153Z',NULL,NULL);"
    "CREATE TABLE secrets (  id INTEGER PRIMARY KEY,  run TEXT REFERENCES runs (id),  accou"
    "nt TEXT NOT NULL CHECK (account <> ''),  provider TEXT NOT NULL,  trunk TEXT NOT NULL,"
    "  field TEXT NOT NULL CHECK (field <> ''),  state TEXT NOT NULL    CHECK (state IN ('c"
    "andidate', 'current', 'previous', 'rejected')),  sealed BLOB NOT NULL,  evidence TEXT "
    "NOT NULL DEFAULT '',  created_at TEXT NOT NULL,  changed_at TEXT NOT NULL) STRICT;"
    "INSERT INTO \"secrets\" VALUES(1,'20261120T063953Z-ae3fa7','famulor','famulor','42','sip"
    "_password','previous',X'6640FB51D959392856D2EEFDC19665C82B61A702696211DFCA352A3C4425B6"
    "60E1564B5A708168E735E99432B3A85A32E392CD2D59ABAF808D2D04D8B47E404B0500758709CFFEC00B34"
    "17D6037CF960EF1AE51EA25AF28A120D35BD78','accepted','2026-11-20T06:39:53.138Z','2026-11"
    "-20T06:39:53.140Z');"
    "INSERT INTO \"secrets\" VALUES(2,'20261120T063953Z-ae3fa7','famulor','famulor','42','sip"
    "_password','previous',X'1070D98B37D3EAC9997A2483CAD0D7408AAE1DFE4B04C7B65BA985C2C761BA"
    "3E23C9B8E2EA6480D0AEC8E3BD2F7C4D7106069F8A98600FA80A7D20CA1487AF63E2E362946B669C1CDAA8"
    "D958B1DC39379CF3E7D2F031968827EF5759B091','accepted','2026-11-20T06:39:53.139Z','2026-"
    "11-20T06:39:53.140Z');"
    "INSERT INTO \"secrets\" VALUES(3,'20261120T063953Z-ae3fa7','famulor','famulor','42','sip"
    "_password','previous',X'462C0B8A9CC225C6C34BFAA6EC89C303915B579BD5B7C9CDCADE5A8F1CA1E3"
    "5CDD190E2531264D9F9D8295FD8BA73AB2AD42D79FFEFB32FCF27D30D16CF0038A3B75E9E41E5665CCF592"
    "F994447110BBDFA46330BE579346CEC9C7EEF4','accepted','2026-11-20T06:39:53.140Z','2026-11"
    "-20T06:39:53.141Z');"
    "INSERT INTO \"secrets\" VALUES(4,'20261120T063953Z-ae3fa7','famulor','famulor','42','sip"
    "_password','current',X'330F759B97B577710DF3E867C11A67E45220DD0C0C0BDFAFC3BBBCC34C70644"
    "1CA9C214AAB5AF220141B499E91565D6E963D54DD66F5B6980B07ABC86DFBF1AAB19E0F059C42477AD52BA"
    "4278CC3ACDBF3A9A4D68D298BDE2C6A5AE23B39','accepted','2026-11-20T06:39:53.140Z','2026-1"
    "1-20T06:39:53.141Z');"
    "INSERT INTO \"secrets\" VALUES(5,'20261120T063953Z-ae3fa7','famulor','famulor','4242','s"
    "ip_password','rejected',X'69DB074FE0CF2967A214917747DE2F4C43E9208D8A1D92B0C7B18914AB44"
    "60550745E36B240C4BBDD53D53452061DB994F436A58F09866EE930ABDC6FBBB6E29B63191582F103D2FF4"
    "F6E124464A175A5526238BF9E6E54770B7BFFE53CBE5755953FD','refused','2026-11-20T06:39:53.1"
    "41Z','2026-11-20T06:39:53.141Z');"
    "INSERT INTO \"secrets\" VALUES(6,'20261120T063953Z-ae3fa7','famulor','famulor','43','sip"
    "_password','current',X'942F7D6FFCCEEF43987B905D8BEF31501BF303C3BC7EDC8BF826224B4D9A443"
    "DFC2D4608F414467F8DBCCE5A6AF08D711CABFEE373D80750F53A8E85294EB05C44C6EBFB0021773D376A4"
    "2A17F6DFD903925C85F7549A80A60E89149B8','accepted','2026-11-20T06:39:53.141Z','2026-11-"
    "20T06:39:53.142Z');"
    "INSERT INTO \"secrets\" VALUES(7,'20261120T063953Z-ae3fa7','famulor','famulor','50','sip"
    "_password','current',X'06DD0C9FB30778765DE680EF26112E76276BEDAC9C4C70EB88FB884627EA266"
    "1925A19B8BDDB1DFCDDA6CFB138BBE4C382146A7DB3769761EE2201011614FE344D0BE8443ACF74298FD7D"
    "6AC1703B668C1CC60B21A425BA801D7','accepted','2026-11-20T06:39:53.142Z','2026-11-20T06:"
    "39:53.142Z');"
    "INSERT INTO \"secrets\" VALUES(8,'20261120T063953Z-b6f75d','famulor','famulor','43','sip"
    "_password','candidate',X'DF667EE769728C4B9F0A3C0D454A14A31061665718760D45E474372813F1F"
    "E70066A89A923D41A85805CFB18C2C6D9B73A1BEF2CCFCE04B4CFEF78EAD65D61856C0BCF2BC717FC7AC16"
    "8E8793936CE1B73D63BD635EA9148A78D9F83D118','','2026-11-20T06:39:53.153Z','2026-11-20T0"
    "6:39:53.153Z');"
    "CREATE INDEX secrets_by_trunk ON secrets (account, trunk, field);"
    "CREATE INDEX secrets_by_run ON secrets (run);"
    "CREATE UNIQUE INDEX one_current ON secrets (account, trunk, field)  WHERE state = 'cur"
    "rent' AND trunk <> '';"
    "CREATE TRIGGER live_secrets_stay BEFORE DELETE ON secrets  WHEN old.state IN ('candida"
    "te', 'current')  BEGIN SELECT RAISE (ABORT, 'a secret that may be live is never delete"
    "d'); END;"
    "PRAGMA application_id = 1953655656;"
    "PRAGMA user_version = 1;"
    "COMMIT;";
/* clang-format on */

static const char key_text[] =
    "# A private key for tests.\nQpggQ26PG3kT05zFGNllQkP/k5YxgKRrTd+1EtyMm70=\n";

void ledger_v1_make(const char *path, const char *key)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    scratch_write(path, "", 0, 0600);
    scratch_write(key, key_text, sizeof key_text - 1, 0600);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(db, dump, NULL, NULL, &message))
        fail_msg("%s", message);
    sqlite3_close(db);
}
