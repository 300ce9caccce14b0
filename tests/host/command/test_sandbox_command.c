/*
 * `trunkhost sandbox` and the SPEC of --sandbox.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/sandbox.h"
#include "sandbox/faults.h"
#include "sandbox/sandbox.h"
#include "test.h"

enum { ARGUMENTS = 8 };

typedef struct child {
    pid_t pid;
    FILE *out, *err;
} child;

/* Runs the command in a process of its own, with its two outputs on pipes. */
static void start(child *c, const char *const *arguments)
{
    int out[2], err[2], count = 0;
    char *argv[ARGUMENTS + 2];
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    argv[count++] = strdup("sandbox");
    for (; *arguments; arguments++)
        argv[count++] = strdup(*arguments);
    argv[count] = NULL;
    fflush(NULL);
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        int status = th_sandbox_command(count, argv);
        fflush(NULL);
        _exit(status);
    }
    while (count > 0)
        free(argv[--count]);
    close(out[1]);
    close(err[1]);
    c->out = fdopen(out[0], "r");
    c->err = fdopen(err[0], "r");
}

/* Waits for the end and returns the exit status; the rest of each output, cut at its size. */
static int finish(child *c, char *out, char *err, size_t size)
{
    int status;
    out[fread(out, 1, size - 1, c->out)] = '\0';
    err[fread(err, 1, size - 1, c->err)] = '\0';
    fclose(c->out);
    fclose(c->err);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(quiet_prints_one_line_and_a_signal_ends_it)
{
    static const int signals[] = {SIGTERM, SIGINT};
    static const char *const arguments[] = {"--quiet", "--trunks", "2", NULL};
    for (int i = 0; i < 2; i++) {
        child c;
        char line[128], rest[256], err[256];
        unsigned port = 0;
        start(&c, arguments);
        assert_non_null(fgets(line, sizeof line, c.out));
        assert_int_equal(sscanf(line, "listening on 127.0.0.1:%u\n", &port), 1);
        assert_true(port > 0);
        kill(c.pid, signals[i]);
        assert_int_equal(finish(&c, rest, err, sizeof rest), 0);
        assert_string_equal(rest, "");
        assert_string_equal(err, "");
    }
}

TEST(it_tells_how_to_use_it)
{
    static const char *const arguments[] = {"--token", "t-1", NULL};
    static const char *const expected[] = {"export FAMULOR_TOKEN=t-1\n",
                                           "export AUTOCALLS_TOKEN=t-1\n",
                                           "export VATEL_TOKEN=t-1\n",
                                           "export BOLNA_TOKEN=t-1\n",
                                           "--config sandbox.lua",
                                           "provider = \"bolna_trunk\"",
                                           "/famulor/api\"",
                                           "/vatel/v1\""};
    child c;
    char line[128], rest[4096], err[256];
    start(&c, arguments);
    assert_non_null(fgets(line, sizeof line, c.out));
    kill(c.pid, SIGTERM);
    assert_int_equal(finish(&c, rest, err, sizeof rest), 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (!strstr(rest, expected[i]))
            fail_msg("no \"%s\" in: %s", expected[i], rest);
}

TEST(help_names_every_option_and_fault)
{
    static const char *const arguments[] = {"--help", NULL};
    static const char *const expected[] = {
        "--port",  "--trunks", "--seed",     "--latency", "--limits",      "--fault",
        "--token", "--quiet",  "--eventual", "--page",    "--retry-after", "/_sandbox/state"};
    child c;
    char out[8192], err[256];
    start(&c, arguments);
    assert_int_equal(finish(&c, out, err, sizeof out), 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_non_null(strstr(out, expected[i]));
    for (int i = 0; i < SB_FAULTS; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n  %s ", sb_fault_name(i));
        if (!strstr(out, line))
            fail_msg("--help does not tell of the fault %s", sb_fault_name(i));
    }
}

TEST(wrong_options_are_one_line_and_exit_2)
{
    static const char *const wrong[][3] = {
        {"--port", "70000"},
        {"--port", "x"},
        {"--trunks", "-1"},
        {"--trunks", "1000000"},
        {"--seed", "0x1"},
        {"--latency", "1.5"},
        {"--limits", "fast"},
        {"--fault", "drop"},
        {"--fault", "gremlin=1"},
        {"--eventual", "soon"},
        {"--eventual", "10/"},
        {"--eventual", "10/20/30"},
        {"--page", "-1"},
        {"--retry-after", "date:"},
        {"--retry-after", "tomorrow"},
        {"--retry-after", "epoch:1x"},
        {"--token", "two words"},
        {"--token", ""},
        {"--nothing", NULL},
        {"-x", NULL},
        {"--port", NULL},
        {"argument", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        child c;
        char out[2048], err[2048];
        start(&c, wrong[i]);
        int status = finish(&c, out, err, sizeof out);
        if (status != 2 || *out || strncmp(err, "trunkhost sandbox: ", 19) != 0 ||
            strchr(err, '\n') != err + strlen(err) - 1)
            fail_msg("%s %s: %d, \"%s\", \"%s\"", wrong[i][0], wrong[i][1] ? wrong[i][1] : "",
                     status, out, err);
    }
}

TEST(a_port_in_use_is_said)
{
    th_sandbox_options options;
    th_sandbox *first = NULL, *second = NULL;
    th_error err = {0};
    th_sandbox_defaults(&options);
    assert_int_equal(th_sandbox_start(&options, &first, &err), 0);
    options.port = th_sandbox_port(first);
    assert_true(th_sandbox_start(&options, &second, &err) < 0);
    assert_null(second);
    assert_non_null(strstr(err.message, "Address already in use"));
    th_error_close(&err);
    th_sandbox_stop(first);
}

TEST(a_spec_sets_every_option)
{
    th_sandbox_options options;
    char *storage = NULL;
    th_error err = {0};
    th_sandbox_defaults(&options);
    assert_int_equal(options.trunks, 12);
    assert_string_equal(options.limits, "documented");
    assert_int_equal(th_sandbox_parse("trunks=200,seed=7,latency=5,limits=100/60+20/10,port=8080,"
                                      "fault=lost_reply=0.1+drop@GET=0.2,token=t",
                                      &options, &storage, &err),
                     0);
    assert_int_equal(options.trunks, 200);
    assert_int_equal(options.seed, 7);
    assert_int_equal(options.latency_ms, 5);
    assert_int_equal(options.port, 8080);
    assert_string_equal(options.limits, "100/60+20/10");
    assert_string_equal(options.faults, "lost_reply=0.1+drop@GET=0.2");
    assert_string_equal(options.token, "t");
    free(storage);
    assert_int_equal(th_sandbox_parse("", &options, &storage, &err), 0);
    assert_int_equal(th_sandbox_parse(NULL, &options, &storage, &err), 0);
    free(storage);
}

TEST(a_wrong_spec_is_refused)
{
    static const char *const wrong[] = {"trunks",    "trunks=", "trunks=many",
                                        "color=red", ",",       "seed=1,,"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        th_sandbox_options options;
        char *storage = NULL;
        th_error err = {0};
        th_sandbox_defaults(&options);
        assert_true(th_sandbox_parse(wrong[i], &options, &storage, &err) < 0);
        assert_non_null(err.message);
        th_error_close(&err);
        free(storage);
    }
}
