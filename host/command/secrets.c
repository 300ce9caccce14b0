#include "command/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/line.h"
#include "command/secrets_impl.h"
#include "ledger/ledger.h"

static const char help[] =
    "Usage: trunkhost [--ledger FILE] secrets init | export | list | show | rekey [option…]\n"
    "\n"
    "The ledger keeps every password that trunkhost has sent, sealed to a key.\n"
    "\n"
    "  init     make the ledger and its key pair\n"
    "  list     list the passwords and what proves them; shows none\n"
    "  show     print the password of one trunk, after asking\n"
    "  export   print the passwords, for another program\n"
    "  rekey    make a new key pair and seal every password to it\n"
    "\n"
    "`trunkhost secrets export --help` lists the options of export, and so on.\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv, const char *ledger);
} commands[] = {
    {"init", th_secrets_init},
    {"export", th_secrets_export},
    {"show", th_secrets_show},
    {"rekey", th_secrets_rekey},
};

int th_secrets_command(int argc, char **argv, const char *ledger_path)
{
    const char *command = argc > 1 ? argv[1] : "";
    char *standard = NULL;
    th_error err = {0};
    int rc;

    if (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(command, commands[i].name) != 0)
            continue;
        if (!ledger_path && !(ledger_path = standard = th_ledger_default_path())) {
            th_fail(&err, TH_INVALID,
                    "none of XDG_STATE_HOME, STATE_DIRECTORY and HOME is set. Name the ledger with "
                    "--ledger");
            return th_command_complain(&err);
        }
        rc = commands[i].run(argc, argv, ledger_path);
        free(standard);
        return rc;
    }
    if (command[0])
        th_fail(&err, TH_INVALID, "secrets: there is no command %s. See: trunkhost secrets --help",
                command);
    else
        th_fail(&err, TH_INVALID,
                "secrets: say init, list, show, export or rekey. See: trunkhost "
                "secrets --help");
    return th_command_complain(&err);
}
