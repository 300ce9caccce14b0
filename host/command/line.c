#include "command/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/redact.h"

int th_command_complain(th_error *err)
{
    th_redact_error(err);
    fprintf(stderr, "trunkhost: %s\n", err->message ? err->message : "not enough memory");
    th_error_close(err);
    return TH_COMMAND_ERROR;
}

/* Whether argv[*i] is the option; then *i moves on over its value. */
static bool take(const struct th_command_option *option, int argc, char **argv, int *i)
{
    size_t len = strlen(option->name);

    if (strncmp(argv[*i], option->name, len) != 0)
        return false;
    if (!option->value) {
        if (argv[*i][len] != '\0')
            return false;
        *option->flag = true;
        return true;
    }
    if (argv[*i][len] == '=') {
        *option->value = argv[*i] + len + 1;
        return true;
    }
    if (argv[*i][len] != '\0')
        return false;
    *option->value = *i + 1 < argc ? argv[++*i] : NULL;
    return true;
}

enum { OPTIONS_MOST = 32 }; /* of one command: a bit each says which were given */

int th_command_parse(const char *command, int argc, char **argv, int first,
                     const struct th_command_option *options, const char **words, int most,
                     int *count)
{
    th_error err = {0};
    bool only_words = false;
    uint32_t seen = 0;

    *count = 0;
    for (int i = first; i < argc; i++) {
        const char *given = argv[i];
        const struct th_command_option *option = options;

        if (!only_words && strcmp(given, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && (strcmp(given, "-h") == 0 || strcmp(given, "--help") == 0))
            return TH_COMMAND_HELP;
        if (only_words || given[0] != '-' || given[1] == '\0') {
            if (*count == most) {
                th_fail(&err, TH_INVALID, "%s: unexpected argument %s. See: trunkhost %s --help",
                        command, given, command);
                return th_command_complain(&err);
            }
            words[(*count)++] = given;
            continue;
        }
        while (option->name && !take(option, argc, argv, &i))
            option++;
        if (!option->name)
            th_fail(&err, TH_INVALID, "%s: there is no option %s. See: trunkhost %s --help",
                    command, given, command);
        else if (option->value && !*option->value)
            th_fail(&err, TH_INVALID, "%s: %s needs a value", command, given);
        else if (option->value && option - options < OPTIONS_MOST) {
            uint32_t bit = (uint32_t)1 << (option - options);
            if (seen & bit)
                th_fail(&err, TH_INVALID, "%s: %s is given twice; give it once", command,
                        option->name);
            seen |= bit;
        }
        if (err.kind)
            return th_command_complain(&err);
    }
    return 0;
}

int th_command_number(const char *option, const char *text, int64_t *out, th_error *err)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 15)
        return th_fail(err, TH_INVALID, "%s %s: write a number", option, text);
    *out = strtoll(text, NULL, 10);
    return 0;
}

int th_command_write(th_buf *out, th_error *err)
{
    size_t done = 0;

    while (done < out->len) {
        ssize_t n = write(STDOUT_FILENO, out->data + done, out->len - done);

        if (n < 0 && errno != EINTR)
            return th_fail(err, TH_INVALID, "cannot write to standard output: %s", strerror(errno));
        if (n > 0)
            done += (size_t)n;
    }
    th_buf_clear(out);
    return 0;
}

int th_command_ask(const char *question)
{
    char line[64];
    bool yes;

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return -1;
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin)) {
        fputc('\n', stderr);
        return 0;
    }
    line[strcspn(line, "\r\n")] = '\0';
    yes = strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
    return yes;
}
