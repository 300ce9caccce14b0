#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
                               "--log-level %s: there are debug, info, warn, error and off", value);
            options->runtime.log_level = (enum th_log_level)level;
            break;
        case OPT_LOG_FORMAT:
            if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
                return th_fail(err, TH_INVALID, "--log-format %s: there are text and json", value);
            json = strcmp(value, "json") == 0;
            break;
        case OPT_MAX_MEMORY:
            if (th_memory_parse(value, &options->runtime.max_memory, err) != 0)
                return -TH_INVALID;
            break;
        case OPT_DRAIN:
            if (parse_seconds(value, &options->runtime.drain_seconds) != 0)
                return th_fail(err, TH_INVALID, "--drain %s: write seconds, as 60 or 2.5", value);
            break;
        case ':':
            return th_fail(err, TH_INVALID, "%s needs a value", argv[optind - 1]);
        default:
            return th_fail(
                err, TH_INVALID,
                "unknown option %s before the script (options of the script come after its "
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
        "A SCRIPT that is not a file here is looked up among the installed ones:\n"
        "  rotate_passwords.lua   gives every trunk a new password\n"
        "  list_trunks.lua        shows the trunks of an account\n"
        "  migrate_trunks.lua     moves trunks from one account to another\n"
        "  export_trunks.lua      writes trunks to a file that people edit\n"
        "  apply_trunks.lua       brings trunks to what such a file says\n"
        "  disable_carrier.lua    switches off every trunk of one carrier on Bolna\n"
        "SCRIPT --help tells its own options.\n"
        "\n"
        "Commands (COMMAND --help tells more):\n"
        "  doctor                 look whether a run would find all that it needs\n"
        "  init [DIR]             write a configuration, a first job and editor settings to DIR\n"
        "  rehearse SCRIPT        try a script under every fault, and killed at every request\n"
        "  report [RUN]           what a run has done, as a page of HTML to show to somebody\n"
        "  sandbox                serve fake platforms to try things on\n"
        "  runs                   what ran, and what became of it; back the ledger up\n"
        "  explain TRUNK          what happened to a trunk, and what its passwords are proven by\n"
        "  secrets                make the ledger's keys; list, show or hand out its passwords\n"
        "\n"
        "Options:\n"
        "  -c, --config FILE      the accounts (default: $TRUNKHOST_CONFIG, then\n"
        "                         ~/.config/trunkhost/config.lua, /etc/trunkhost/config.lua)\n"
        "      --ledger FILE      where passwords are kept\n"
        "                         (default: ~/.local/state/trunkhost/ledger.db, in a unit of\n"
        "                         systemd $STATE_DIRECTORY/ledger.db)\n"
        "      --sandbox[=SPEC]   run on fake platforms inside this process; SPEC is for example\n"
        "                         trunks=200,seed=7,limits=none,fault=lost_reply=0.1\n"
        "  -n, --dry-run          send nothing but GET, whatever the script does\n"
        "      --check            look for mistakes in SCRIPT and do not run it\n"
        "  -e CODE                run CODE instead of a script\n"
        "  -i                     a prompt: run what is typed, after SCRIPT or CODE if there is "
        "one\n"
        "      --log-level LEVEL  debug, info (default), warn, error, off\n"
        "      --log-format FORM  text (default) or json\n"
        "      --max-memory SIZE  what the script may use, as 512M (default: no limit)\n"
        "      --drain SECONDS    after a signal or the deadline, what is under way has so long\n"
        "                         to end before it is cut off (default: 60)\n"
        "  -V, --version          print the version\n"
        "  -h, --help             print this help\n"
        "\n"
        "Exit status: 0 every item done; 1 some item failed or is unknown; 2 wrong usage,\n"
        "configuration or script; 3 halted by a limit, a deadline or a signal, can be run again;\n"
        "75 another run holds the lock.\n",
        stdout);
}
