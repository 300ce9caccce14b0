#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/memory.h"

enum {
    OPT_LEDGER = 256,
    OPT_SANDBOX,
    OPT_CHECK,
    OPT_LOG_LEVEL,
    OPT_LOG_FORMAT,
    OPT_MAX_MEMORY,
    OPT_DRAIN
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"ledger", required_argument, NULL, OPT_LEDGER},
    {"sandbox", optional_argument, NULL, OPT_SANDBOX},
    {"dry-run", no_argument, NULL, 'n'},
    {"check", no_argument, NULL, OPT_CHECK},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
    {"drain", required_argument, NULL, OPT_DRAIN},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int parse_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    bool sound = end != text && (*end == '\0' || strcmp(end, "s") == 0);
    return sound && *out > 0 && *out <= 86400 ? 0 : -1;
}

/* Also for what is wrong before that option, or with it. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--log-format=json") == 0 ||
            (i > 1 && strcmp(argv[i], "json") == 0 && strcmp(argv[i - 1], "--log-format") == 0))
            return true;
    return false;
}

/* Length of the scheme of an address, as in postgresql://host; 0 for a path. */
static size_t scheme_length(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return strncmp(text + n, "://", 3) == 0 ? n : 0;
}

/* An option that takes one value, and was given two: nobody can know which one is meant. */
static int refuse_twice(int c, unsigned *seen, th_error *err)
{
    static const struct {
        int c;
        const char *name;
    } once[] = {{'c', "--config"},
                {OPT_LEDGER, "--ledger"},
                {OPT_LOG_LEVEL, "--log-level"},
                {OPT_LOG_FORMAT, "--log-format"},
                {OPT_MAX_MEMORY, "--max-memory"},
                {OPT_DRAIN, "--drain"},
                {OPT_SANDBOX, "--sandbox"}};
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        if (once[i].c != c)
            continue;
        if (*seen & 1u << i)
            return th_fail(err, TH_INVALID, "%s is given twice; give it once", once[i].name);
        *seen |= 1u << i;
    }
    return 0;
}

int th_options_parse(int argc, char **argv, th_options *options, th_error *err)
{
    int c, level;
    unsigned seen = 0;
    size_t scheme;
    bool json = false;
    memset(options, 0, sizeof *options);
    options->runtime.log_level = TH_LOG_INFO;
    options->runtime.log_json = wants_json(argc, argv);
    opterr = 0;
    optind = 1;
    /* "+": stops at the script, whose own options are not ours. ":": a missing value is told apart.
     */
    while ((c = getopt_long(argc, argv, "+:c:e:inVh", long_options, NULL)) != -1) {
        const char *value = optarg ? optarg : "";
        if (refuse_twice(c, &seen, err) != 0)
            return -TH_INVALID;
        switch (c) {
        case 'c':
            options->runtime.config = optarg;
            break;
        case 'e':
            options->code = optarg;
            break;
        case 'i':
            options->interactive = true;
            break;
        case 'n':
            options->runtime.dry_run = true;
            break;
        case 'V':
            options->version = true;
            break;
        case 'h':
            options->help = true;
            break;
        case OPT_LEDGER:
            if ((scheme = scheme_length(value)) > 0) /* what follows it may hold a password */
                return th_fail(err, TH_INVALID,
                               "--ledger %.*s://…: the ledger is a file; write its path",
                               (int)scheme, value);
            options->runtime.ledger = optarg;
            break;
        case OPT_SANDBOX:
            options->runtime.sandbox = true;
            options->runtime.sandbox_spec = optarg;
            break;
        case OPT_CHECK:
            options->check = true;
            break;
        case OPT_LOG_LEVEL:
            if ((level = th_log_level_parse(value)) < 0)
                return th_fail(err, TH_INVALID,
                               "--log-level %s: write debug, info, warn, error or off", value);
            options->runtime.log_level = (enum th_log_level)level;
            break;
        case OPT_LOG_FORMAT:
            if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
                return th_fail(err, TH_INVALID, "--log-format %s: write text or json", value);
            json = strcmp(value, "json") == 0;
            break;
        case OPT_MAX_MEMORY:
            if (th_memory_parse(value, &options->runtime.max_memory, err) != 0)
                return -TH_INVALID;
            break;
        case OPT_DRAIN:
            if (parse_seconds(value, &options->runtime.drain_seconds) != 0)
                return th_fail(err, TH_INVALID, "--drain %s: write seconds, such as 60 or 2.5",
                               value);
            break;
        case ':':
            return th_fail(err, TH_INVALID, "%s needs a value", argv[optind - 1]);
        default:
            return th_fail(
                err, TH_INVALID,
                "unknown option %s before the script (the script's own options go after its "
                "name); see trunkhost --help",
                argv[optind - 1]);
        }
        if (options->code)
            break; /* what follows -e CODE are its arguments */
    }
    if (options->code && optind < argc && strcmp(argv[optind], "--") == 0)
        optind++; /* as behind the last option; a script's own "--" is the script's */
    options->runtime.log_json = json; /* what comes later may be for the script */
    options->rest = optind;
    return 0;
}

void th_options_help(void)
{
    fputs(
        "Usage: trunkhost [option...] SCRIPT.lua [script option...]\n"
        "       trunkhost [option...] -e CODE [argument...]\n"
        "       trunkhost [option...] -i [SCRIPT.lua | -e CODE] [argument...]\n"
        "       trunkhost [option...] COMMAND ...\n"
        "\n"
        "Changes SIP trunks in bulk through the HTTP APIs of voice platforms.\n"
        "If there is no such file, SCRIPT is one of the installed scripts:\n"
        "  rotate_passwords.lua   give trunks new passwords\n"
        "  list_trunks.lua        list the trunks of accounts\n"
        "  migrate_trunks.lua     copy or move trunks to another account\n"
        "  export_trunks.lua      write trunks to a file that you can edit\n"
        "  apply_trunks.lua       apply the edits in such a file\n"
        "  disable_carrier.lua    disable every trunk of one carrier on Bolna\n"
        "SCRIPT --help shows the options of a script.\n"
        "\n"
        "Commands (see COMMAND --help):\n"
        "  doctor                 check that a run has everything it needs\n"
        "  init [DIR]             write a configuration, a first job and editor settings to DIR\n"
        "  rehearse SCRIPT        test a script against every fault, and kill it at every request\n"
        "  report [RUN]           write an HTML report of a run\n"
        "  sandbox                start a server with fake platforms\n"
        "  runs                   list runs and their results; back up the ledger\n"
        "  explain TRUNK          show the history of a trunk and of its passwords\n"
        "  secrets                create the ledger's keys; list, show or export passwords\n"
        "\n"
        "Options:\n"
        "  -c, --config FILE      configuration with the accounts (default: $TRUNKHOST_CONFIG,\n"
        "                         ~/.config/trunkhost/config.lua or /etc/trunkhost/config.lua)\n"
        "      --ledger FILE      database of runs and passwords (default:\n"
        "                         ~/.local/state/trunkhost/ledger.db; in a systemd unit\n"
        "                         $STATE_DIRECTORY/ledger.db)\n"
        "      --sandbox[=SPEC]   run against fake platforms in this process; example of a SPEC:\n"
        "                         trunks=200,seed=7,limits=none,fault=lost_reply=0.1\n"
        "  -n, --dry-run          send only GET requests, whatever the script does\n"
        "      --check            check SCRIPT for mistakes, do not run it\n"
        "  -e CODE                run CODE instead of a script\n"
        "  -i                     run SCRIPT or CODE, if given, then read Lua from a prompt\n"
        "      --log-level LEVEL  debug, info (default), warn, error or off\n"
        "      --log-format FORM  text (default) or json\n"
        "      --max-memory SIZE  memory limit of the script, such as 512M (default: none)\n"
        "      --drain SECONDS    how long requests in progress may take to finish after a\n"
        "                         signal or the deadline (default: 60)\n"
        "  -V, --version          print the version\n"
        "  -h, --help             print this help\n"
        "\n"
        "Exit status: 0 every item is done; 1 an item failed or is unknown; 2 error in usage,\n"
        "configuration or script; 3 halted by a limit, the deadline or a signal, can be resumed;\n"
        "75 another run holds the lock.\n",
        stdout);
}
