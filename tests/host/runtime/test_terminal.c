/* Standard error as people see it: the progress line fits the terminal, also after that was made
 * smaller, never garbles a log line, and leaves no control characters where there is no terminal.
 */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/terminal.h"
#include "scratch_folder.h"
#include "test.h"

#define LINE "23/46  22 done  1 failed  1.6/s  14 s left  waiting for rate window (famulor)"

struct screen {
    int keyboard; /* the other side */
    FILE *out;
    th_terminal terminal;
    char said[4000];
};

static void resize(struct screen *s, unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};

    assert_int_equal(ioctl(s->keyboard, TIOCSWINSZ, &size), 0);
}

static void open_screen(struct screen *s, unsigned short columns)
{
    int slave;

    *s = (struct screen){0};
    assert_int_equal(openpty(&s->keyboard, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(fcntl(s->keyboard, F_SETFL, O_NONBLOCK), 0);
    resize(s, columns);
    s->out = fdopen(slave, "w");
    assert_non_null(s->out);
    th_terminal_init(&s->terminal, s->out, TH_LOG_INFO, false);
}

static void close_screen(struct screen *s)
{
    fclose(s->out);
    close(s->keyboard);
}

/* What has come since. */
static const char *said(struct screen *s)
{
    ssize_t len;

    fflush(s->out);
    len = read(s->keyboard, s->said, sizeof s->said - 1);
    s->said[len > 0 ? len : 0] = '\0';
    return s->said;
}

static int set_up(void **state)
{
    static struct screen screen;

    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    *state = &screen;
    return 0;
}

#define SCREEN_TEST(name) TEST_WITH(set_up, NULL, name, struct screen *s)

SCREEN_TEST(the_progress_line_fits_and_follows_a_resize)
{
    open_screen(s, 100);
    th_progress_set(&s->terminal, LINE, true);
    assert_string_equal(said(s), "\r\033[K" LINE);
    resize(s, 20);
    th_progress_set(&s->terminal, LINE, true);
    assert_string_equal(said(s), "\r\033[K23/46  22 done  1 f"); /* one less than it has columns */
    resize(s, 60);
    th_progress_set(&s->terminal, LINE, true);
    assert_int_equal(strlen(said(s)), strlen("\r\033[K") + 59);
    /* Characters count, not bytes, and none is cut in two. */
    resize(s, 4);
    th_progress_set(&s->terminal, "äöüß", true);
    assert_string_equal(said(s), "\r\033[Käöü");
    th_progress_end(&s->terminal);
    assert_string_equal(said(s), "\r\033[K");
    close_screen(s);
}

SCREEN_TEST(it_does_not_matter_that_the_resize_comes_with_a_signal)
{
    open_screen(s, 100);
    th_progress_set(&s->terminal, LINE, true);
    said(s);
    resize(s, 10);
    assert_int_equal(raise(SIGWINCH), 0);
    th_log(&s->terminal, TH_LOG_WARN, NULL, 0, "something");
    assert_non_null(strstr(said(s), "something"));
    assert_non_null(strstr(s->said, "\r\033[K23/46  22"));
    assert_null(strstr(s->said, "22 done"));
    close_screen(s);
}

SCREEN_TEST(a_log_line_stands_alone_and_the_progress_below_it)
{
    const char *line;

    open_screen(s, 100);
    th_progress_set(&s->terminal, LINE, true);
    said(s);
    th_log(&s->terminal, TH_LOG_WARN, NULL, 0, "the platform is slow\033[2J");
    line = said(s);
    assert_int_equal(strncmp(line, "\r\033[K\033[33m", 9), 0);
    assert_non_null(strstr(line, "warn  the platform is slow\\x1b[2J\033[0m\r\n\r\033[K" LINE));
    close_screen(s);
}

SCREEN_TEST(no_color_takes_the_colours_and_nothing_else)
{
    setenv("NO_COLOR", "1", 1);
    open_screen(s, 100);
    th_progress_set(&s->terminal, LINE, true);
    assert_string_equal(said(s), "\r\033[K" LINE);
    th_log(&s->terminal, TH_LOG_ERROR, NULL, 0, "something");
    assert_null(strstr(said(s), "\033[3"));
    assert_null(strstr(s->said, "\033[0m"));
    assert_non_null(strstr(s->said, "error something\r\n\r\033[K" LINE));
    close_screen(s);
    /* It has to say something (no-color.org). */
    setenv("NO_COLOR", "", 1);
    open_screen(s, 100);
    th_log(&s->terminal, TH_LOG_ERROR, NULL, 0, "something");
    assert_non_null(strstr(said(s), "\033[31m"));
    close_screen(s);
}

SCREEN_TEST(a_terminal_that_can_do_nothing_gets_no_control_characters)
{
    setenv("TERM", "dumb", 1);
    open_screen(s, 100);
    th_progress_set(&s->terminal, LINE, true);
    th_log(&s->terminal, TH_LOG_WARN, NULL, 0, "something");
    th_progress_end(&s->terminal);
    assert_null(strchr(said(s), '\033'));
    assert_non_null(strstr(s->said, "warn  something\r\n"));
    close_screen(s);
}

SCREEN_TEST(a_file_gets_log_lines_and_no_control_characters)
{
    char *folder = scratch_create(), *path = scratch_path(folder, "log");
    th_terminal terminal;
    FILE *file = fopen(path, "w+");
    char text[400] = "";

    assert_non_null(file);
    th_terminal_init(&terminal, file, TH_LOG_INFO, false);
    th_progress_set(&terminal, LINE, true);
    th_log(&terminal, TH_LOG_WARN, NULL, 0, "something");
    th_progress_set(&terminal, LINE " again", true);
    th_progress_end(&terminal);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_string_equal(text + strlen("00:00:00 "), "warn  something\n");
    fclose(file);
    free(path);
    scratch_destroy(folder);
}
