/* The program: options, commands, or a script run to its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/pool.h"
#include "command/sandbox.h"
#include "command/secrets.h"
#include "library.h"
#include "options.h"
#include "runtime/runtime.h"

/* No core dump may hold a password. A limit of 1 also stops dumps that are piped to a program. */
static void forbid_core_dumps(void)
{
    struct rlimit limit = {1, 1};
    setrlimit(RLIMIT_CORE, &limit);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker attaches to its own process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Whoever starts us may have closed them; then our own files would land there. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) < 0)
            _exit(TH_EXIT_ERROR);
}

static bool readable(const char *path)
{
    return access(path, R_OK) == 0;
}

/* Puts the folder of the running program into `folder`; false when it cannot be known. */
static bool program_folder(char *folder, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", folder, size - 1);
    if (len <= 0)
        return false;
    folder[len] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* As a path; among the installed scripts, beside the program wherever it was moved to; and in the
 * source tree for a program that runs where it was built, but never for an installed one. */
static char *find_script(const char *name)
{
    char folder[4096], *path = NULL;
    if (readable(name) || strchr(name, '/'))
        return strdup(name);
    bool known = program_folder(folder, sizeof folder);
    bool in_build = known && strcmp(folder, TH_BUILD_DIR) == 0;
    if (known && asprintf(&path, "%s/../share/trunkhost/scripts/%s", folder, name) > 0 &&
        readable(path))
        return path;
    free(path);
    if (asprintf(&path, "%s/%s", in_build ? TH_SOURCE_SCRIPTS_DIR : TH_SCRIPTS_DIR, name) > 0 &&
        readable(path))
        return path;
    free(path);
    return strdup(name);
}

/* What was printed and cannot be written any more is no success; that nobody wanted to read it is.
 */
static int finish_output(bool log_json, int status)
{
    th_error err = {0};
    int problem = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;
    if (problem == 0 || problem == EPIPE)
        return status;
    th_fail(&err, TH_INVALID, "cannot write to standard output: %s", strerror(problem));
    th_report(log_json, &err);
    return status < TH_EXIT_ERROR ? TH_EXIT_ERROR : status;
}

static const char prompt[] = "return require('trunkhost.commands.interactive')(...)";

/* The script is `name`, at `path` (freed here), or options->code; argv are its arguments. A prompt
 * may have none: `name` is NULL then. */
static int run(const th_options *options, const char *name, char *path, int argc, char **argv)
{
    th_error err = {0};
    th_runtime *runtime = NULL;
    th_pool pool = {0};
    th_runtime_options own = options->runtime;
    own.allocator = th_pool_allocate;
    own.allocator_ctx = &pool;
    own.open_library = th_library_open;
    if (th_runtime_create(&own, &runtime, &err) != 0) {
        th_report(options->runtime.log_json, &err);
        th_pool_close(&pool);
        free(path);
        return TH_EXIT_ERROR;
    }
    int status =
        th_runtime_run(runtime, &(th_script){.path = path,
                                             .name = name,
                                             .code = options->code,
                                             .argc = argc,
                                             .argv = argv,
                                             .prompt = options->interactive ? prompt : NULL});
    bool stuck = false;
    if (th_runtime_destroy(runtime, &stuck) != 0)
        status = TH_EXIT_ERROR;
    status = finish_output(options->runtime.log_json, status);
    free(path);
    if (stuck) {
        fflush(NULL);
        _exit(status);
    }
    th_pool_close(&pool);
    return status;
}

/* Parts of the program that are written in Lua: trunkhost.commands.NAME returns a function of the
 * arguments. */
static int run_library(const th_options *options, const char *name, int argc, char **argv)
{
    char code[100];
    th_options own = *options;
    snprintf(code, sizeof code, "return require('trunkhost.commands.%s')(...)", name);
    own.code = code;
    own.runtime.sandbox |= strcmp(name, "rehearse") == 0; /* never on anything else */
    bool looks_back = strcmp(name, "runs") == 0 || strcmp(name, "explain") == 0 ||
                      strcmp(name, "secrets_list") == 0;
    own.runtime.patient = looks_back; /* a long ledger takes its time */
    if (looks_back && !own.runtime.ledger)
        own.runtime.sandbox = false; /* its ledger would be a new one, without a past */
    own.interactive = false;
    char *shown = NULL; /* "secrets list", "secrets export" */
    if (strcmp(name, "secrets_list") != 0)
        shown = strdup(name);
    else if (asprintf(&shown, "secrets %s", argv[0]) < 0)
        shown = NULL;
    return run(&own, name, shown, argc, argv);
}

/* The text of -e, or the path of a script, with what comes before it. */
static int check(const th_options *options, const char *name)
{
    char *path = options->code ? NULL : find_script(name);
    char *with_code[] = {(char[]){"-e"}, (char *)(uintptr_t)options->code};
    char *with_path[] = {path};
    int status =
        run_library(options, "check", options->code ? 2 : 1, options->code ? with_code : with_path);
    free(path);
    return status;
}

static int usage_error(const th_options *options, const char *message)
{
    th_report_text(options->runtime.log_json, message);
    return TH_EXIT_ERROR;
}

/* The commands that are written in Lua. */
static const char *const library_commands[] = {"doctor", "explain", "init", "rehearse",
                                               "report", "runs",    NULL};

/* `secrets list`, and `secrets export` whose output would be shown on a terminal. */
static bool lists_secrets(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[0], "secrets") != 0)
        return false;
    if (strcmp(argv[1], "list") == 0)
        return true;
    bool lists = strcmp(argv[1], "export") == 0 && isatty(STDOUT_FILENO);
    for (int i = 2; i < argc; i++)
        lists = lists && strcmp(argv[i], "--json") != 0 && strcmp(argv[i], "--csv") != 0 &&
                strcmp(argv[i], "-h") != 0 && strcmp(argv[i], "--help") != 0;
    return lists;
}

static int with_ledger(const th_options *options,
                       int (*command)(int argc, char **argv, const char *ledger_path), int argc,
                       char **argv)
{
    char *path =
        options->runtime.ledger ? strdup(options->runtime.ledger) : th_ledger_default_path();
    int status =
        path ? command(argc, argv, path)
             : usage_error(
                   options,
                   "cannot tell where the ledger is: XDG_STATE_HOME, STATE_DIRECTORY and HOME "
                   "are not set; use --ledger FILE");
    free(path);
    return status;
}

int main(int argc, char **argv)
{
    th_options options;
    th_error err = {0};
    fill_standard_descriptors();
    forbid_core_dumps();
    if (th_options_parse(argc, argv, &options, &err) != 0) {
        th_report(options.runtime.log_json, &err);
        return TH_EXIT_ERROR;
    }
    if (options.help) {
        th_options_help();
        return finish_output(options.runtime.log_json, TH_EXIT_OK);
    }
    if (options.version) {
        puts("trunkhost " TH_VERSION);
        return finish_output(options.runtime.log_json, TH_EXIT_OK);
    }
    if (options.code && options.check)
        return check(&options, "-e");
    if (options.code)
        return run(&options, "-e", strdup("-e"), argc - options.rest, argv + options.rest);
    if (options.rest >= argc && options.interactive && !options.check)
        return run(&options, NULL, strdup("-i"), 0, argv + argc);
    if (options.rest >= argc)
        return usage_error(&options, "name a script or a command; see trunkhost --help");
    const char *command = argv[options.rest];
    if (options.check)
        return check(&options, command);
    if (options.interactive)
        return run(&options, command, find_script(command), argc - options.rest - 1,
                   argv + options.rest + 1);
    if (strcmp(command, "sandbox") == 0)
        return th_sandbox_command(argc - options.rest, argv + options.rest);
    if (lists_secrets(argc - options.rest, argv + options.rest))
        return run_library(&options, "secrets_list", argc - options.rest - 1,
                           argv + options.rest + 1);
    if (strcmp(command, "secrets") == 0)
        return with_ledger(&options, th_secrets_command, argc - options.rest, argv + options.rest);
    for (size_t i = 0; library_commands[i]; i++)
        if (strcmp(command, library_commands[i]) == 0)
            return run_library(&options, command, argc - options.rest - 1, argv + options.rest + 1);
    return run(&options, command, find_script(command), argc - options.rest - 1,
               argv + options.rest + 1);
}
