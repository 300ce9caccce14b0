#include "command/sandbox.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "sandbox/sandbox.h"

static const char help[] =
    "Usage: trunkhost sandbox [OPTION…]\n"
    "\n"
    "Serves fakes of the Famulor, Autocalls, Vatel and Bolna trunk APIs on this machine, as they "
    "are\n"
    "documented, from memory. Nothing leaves the machine, and nothing is kept. Ctrl-C ends it.\n"
    "\n"
    "      --port N          port on 127.0.0.1 (default: any free one)\n"
    "      --trunks N        trunks of each API at the start (default 12)\n"
    "      --seed N          the same seed gives the same trunks, ids, passwords and faults "
    "(default 1)\n"
    "      --latency MS      time that each reply takes (default 0)\n"
    "      --limits LIMITS   documented (default), none, or requests/seconds for every API,\n"
    "                        such as 20/2 or 100/60+20/10 (both hold)\n"
    "      --fault FAULTS    what goes wrong, as NAME=RATE or NAME@METHOD=RATE with a rate from 0 "
    "to 1,\n"
    "                        separated by commas, such as lost_reply=0.1,error_after@PUT=0.05\n"
    "      --eventual MS     a create or a change shows in lists and gets only after that time;\n"
    "                        CREATE/CHANGE for a time each, such as 3000/0 (default 0)\n"
    "      --page N          lists of trunks come in pages of N (default: as documented)\n"
    "      --retry-after R   what each 429 and 503 says in Retry-After: documented (default), "
    "none,\n"
    "                        N (seconds), date:N or epoch:N (the time of day in N seconds)\n"
    "      --token TOKEN     bearer token that is accepted (default \"sandbox\")\n"
    "  -q, --quiet           print only the line \"listening on 127.0.0.1:PORT\"\n"
    "  -h, --help            this text\n"
    "\n"
    "Faults before the request is carried out:\n"
    "  drop             the connection is closed\n"
    "  html             503 with an HTML page, as from a proxy\n"
    "  limit            429\n"
    "  busy             503\n"
    "  timeout_before   504, as from a proxy\n"
    "  error_before     500\n"
    "  refuse           422\n"
    "  error_200        200 with an error object\n"
    "  empty_before     200 or 201 with {}\n"
    "  blank_before     200 or 201 without a body\n"
    "  accepted_before  202 to a write\n"
    "  unchanged        200 to a change, and the trunk as it was\n"
    "  other_before     the reply shows another trunk\n"
    "Faults after it was carried out:\n"
    "  lost_reply       the connection is closed without a reply\n"
    "  timeout_after    504, as from a proxy\n"
    "  error_after      500\n"
    "  cut_body         the reply ends in the middle\n"
    "  empty_after      the reply is {}\n"
    "  blank_after      the reply has no body\n"
    "  accepted_after   202 to a write\n"
    "  other_after      the reply shows another trunk\n"
    "  slow             the reply takes 50 ms and twice the latency longer\n"
    "Faults of lists:\n"
    "  short_list       the last trunk is missing, and the reply counts it\n"
    "  shifting_list    a trunk is skipped between two pages, and the total changes\n"
    "  empty_page       an empty page that says there are more\n"
    "  same_page        the page number is ignored: the first page comes again\n"
    "Other faults:\n"
    "  touched          something else moves updated_at before the request is served\n"
    "  auth_failed      Vatel: a carrier refuses the credentials that were just changed\n"
    "\n"
    "Without a token, for people and tests:\n"
    "  GET  /_sandbox/state       every trunk with its live passwords\n"
    "  GET  /_sandbox/log         every request in order, and whether it was carried out\n"
    "  GET  /_sandbox/violations  requests that the documentation does not allow\n"
    "  GET  /_sandbox/counts      requests, replies and faults for each API\n"
    "  POST /_sandbox/reset       back to the start, or to another one\n"
    "  POST /_sandbox/faults      other faults from now on\n"
    "  POST /_sandbox/kill        kill the client at its next or a later request\n";

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'o'},
    {"trunks", required_argument, NULL, 'o'},
    {"seed", required_argument, NULL, 'o'},
    {"latency", required_argument, NULL, 'o'},
    {"limits", required_argument, NULL, 'o'},
    {"fault", required_argument, NULL, 'o'},
    {"token", required_argument, NULL, 'o'},
    {"eventual", required_argument, NULL, 'o'},
    {"page", required_argument, NULL, 'o'},
    {"retry-after", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int usage_error(th_error *err)
{
    fprintf(stderr, "trunkhost sandbox: %s\n", err->message ? err->message : "failed");
    th_error_close(err);
    return 2;
}

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, th_sandbox_options *options, bool *quiet)
{
    th_error err = {0};
    int letter, index = 0;
    optind = 0; /* starts getopt anew, whatever was parsed before */
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":qh", long_options, &index)) != -1) {
        switch (letter) {
        case 'o':
            if (th_sandbox_option(options, long_options[index].name, optarg, &err) != 0)
                return usage_error(&err);
            break;
        case 'q':
            *quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case ':':
            th_fail(&err, TH_INVALID, "%s needs a value; see --help", argv[optind - 1]);
            return usage_error(&err);
        default:
            th_fail(&err, TH_INVALID, "%s is not an option of the sandbox; see --help",
                    argv[optind - 1]);
            return usage_error(&err);
        }
    }
    if (optind < argc) {
        th_fail(&err, TH_INVALID, "\"%s\" is one argument too many; see --help", argv[optind]);
        return usage_error(&err);
    }
    return -1;
}

static void print_directions(const th_sandbox *sandbox)
{
    static const struct {
        const char *api, *variable;
    } accounts[] = {{"famulor", "FAMULOR_TOKEN"},
                    {"autocalls", "AUTOCALLS_TOKEN"},
                    {"vatel", "VATEL_TOKEN"},
                    {"bolna", "BOLNA_TOKEN"},
                    {"bolna_trunk", "BOLNA_TOKEN"}};
    size_t count = sizeof accounts / sizeof accounts[0];
    printf("\n# In the shell from which you run trunkhost:\n");
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(accounts[i].variable, accounts[i - 1].variable) != 0)
            printf("export %s=%s\n", accounts[i].variable, th_sandbox_token(sandbox));
    printf("\n-- Save this as sandbox.lua and run: trunkhost --config sandbox.lua list_trunks.lua "
           "--account all\n");
    printf("return { accounts = {\n");
    for (size_t i = 0; i < count; i++)
        printf("    %s = { provider = \"%s\", token = { env = \"%s\" },\n        base_url = \"%s\" "
               "},\n",
               accounts[i].api, accounts[i].api, accounts[i].variable,
               th_sandbox_base_url(sandbox, accounts[i].api));
    printf("} }\n");
    printf(
        "\n# What it holds and what it saw: http://127.0.0.1:%u/_sandbox/state, log, violations, "
        "counts\n# Ctrl-C ends it.\n",
        th_sandbox_port(sandbox));
}

int th_sandbox_command(int argc, char **argv)
{
    th_sandbox_options options;
    th_sandbox *sandbox = NULL;
    th_error err = {0};
    sigset_t ending;
    bool quiet = false;
    int number = 0;

    th_sandbox_defaults(&options);
    int status = parse(argc, argv, &options, &quiet);
    if (status >= 0)
        return status;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL); /* before there are threads, so that sigwait gets them */
    if (th_sandbox_start(&options, &sandbox, &err) != 0)
        return usage_error(&err);
    printf("listening on 127.0.0.1:%u\n", th_sandbox_port(sandbox));
    if (!quiet)
        print_directions(sandbox);
    fflush(stdout);
    sigwait(&ending, &number);
    th_sandbox_stop(sandbox);
    return 0;
}
