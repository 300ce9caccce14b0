#include "runtime/terminal.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/columns.h"
#include "base/redact.h"
#include "json/json.h"

static const uint64_t redraw_ns = 100 * 1000000ull;
static const uint64_t plain_line_ns = 60 * 1000000000ull;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void th_terminal_init(th_terminal *terminal, FILE *out, enum th_log_level level, bool json)
{
    memset(terminal, 0, sizeof *terminal);
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = term && strcmp(term, "dumb") == 0;
    terminal->out = out;
    terminal->tty = isatty(fileno(out)) && !dumb;
    terminal->colour = terminal->tty && !(no_colour && *no_colour);
    terminal->level = level;
    terminal->json = json;
}

int th_log_level_parse(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return strcmp(name, "off") == 0 ? TH_LOG_OFF : -1;
}

/* --- progress --------------------------------------------------------------------------------- */

int th_terminal_columns(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void draw(th_terminal *terminal)
{
    size_t room = (size_t)th_terminal_columns(terminal->out) - 1;
    size_t fits = th_columns_fit(terminal->progress, strlen(terminal->progress), room);
    fprintf(terminal->out, "\r\033[K%.*s", (int)fits, terminal->progress);
    fflush(terminal->out);
    terminal->drawn = true;
}

void th_progress_hide(th_terminal *terminal)
{
    if (terminal->typed)
        terminal->typed->hide(terminal->typed->ctx);
    if (terminal->drawn) {
        fputs("\r\033[K", terminal->out);
        fflush(terminal->out);
        terminal->drawn = false;
    }
}

void th_progress_show(th_terminal *terminal)
{
    if (terminal->typed)
        terminal->typed->show(terminal->typed->ctx);
    else if (terminal->tty && terminal->progress[0] && !terminal->drawn)
        draw(terminal);
}

void th_terminal_type(th_terminal *terminal, const struct th_typed_line *typed)
{
    if (typed)
        th_progress_hide(terminal);
    terminal->typed = typed;
    if (!typed)
        th_progress_show(terminal);
}

void th_progress_set(th_terminal *terminal, const char *text, bool now)
{
    uint64_t time = uv_hrtime();
    bool first = !terminal->progress[0];
    snprintf(terminal->progress, sizeof terminal->progress, "%s", text);
    th_redact_text(terminal->progress);
    if (terminal->typed)
        return; /* shown when the line is done */
    if (terminal->tty) {
        if (!text[0])
            th_progress_hide(terminal);
        else if (now || first || time - terminal->drawn_at >= redraw_ns) {
            draw(terminal);
            terminal->drawn_at = time;
        }
        return;
    }
    if (first)
        terminal->drawn_at = time; /* a run of less than a minute needs no line */
    if (text[0] && time - terminal->drawn_at >= plain_line_ns) {
        fprintf(terminal->out, "%s\n", text);
        fflush(terminal->out);
        terminal->drawn_at = time;
    }
}

void th_progress_end(th_terminal *terminal)
{
    th_progress_hide(terminal);
    terminal->progress[0] = '\0';
}

/* --- log -------------------------------------------------------------------------------------- */

/* Control characters of a message (it may quote a reply) must not steer somebody's terminal. */
static void append_plain(th_buf *line, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n' || c == '\t')
            th_buf_putc(line, ' ');
        else if (c < 0x20 || c == 0x7F)
            th_buf_printf(line, "\\x%02x", c);
        else
            th_buf_putc(line, (char)c);
    }
}

static void append_json_string(th_buf *line, const char *text)
{
    th_buf_putc(line, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            th_buf_printf(line, "\\%c", c);
        else if (c < 0x20)
            th_buf_printf(line, "\\u%04x", c);
        else
            th_buf_putc(line, (char)c);
    }
    th_buf_putc(line, '"');
}

/* key=value in the order of the keys, so that equal lines look equal. */
static void append_fields(lua_State *L, int fields, bool json, th_buf *line)
{
    int top = lua_gettop(L);
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort"); // table sort
    lua_newtable(L);             // table sort keys
    int n = 0;
    lua_pushnil(L);
    while (lua_next(L, fields)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) {
            lua_pushvalue(L, -1);
            lua_rawseti(L, top + 3, ++n);
        }
    }
    lua_pushvalue(L, top + 2);
    lua_pushvalue(L, top + 3);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, top + 3, i);
        const char *key = lua_tostring(L, -1);
        lua_pushvalue(L, -1);
        lua_rawget(L, fields); // … key value
        if (json) {
            th_buf_putc(line, ',');
            append_json_string(line, key);
            th_buf_putc(line, ':');
        } else {
            th_buf_putc(line, ' ');
            append_plain(line, key);
            th_buf_putc(line, '=');
        }
        th_error err = {0};
        bool text = lua_type(L, -1) == LUA_TSTRING && !json;
        int rc = text ? 0 : th_json_encode(L, -1, TH_JSON_REDACT, line, &err);
        th_error_close(&err);
        if (text) {
            append_plain(line, lua_tostring(L, -1));
        } else if (rc != 0) {
            lua_getglobal(L, "tostring");
            lua_pushvalue(L, -2);
            const char *shown = lua_pcall(L, 1, 1, 0) == LUA_OK ? lua_tostring(L, -1) : NULL;
            if (json)
                append_json_string(line, shown ? shown : "?");
            else
                append_plain(line, shown ? shown : "?");
            lua_pop(L, 1);
        }
        lua_pop(L, 2);
    }
    lua_settop(L, top);
}

static bool shown(const th_terminal *terminal, enum th_log_level level)
{
    return level >= terminal->level && level < TH_LOG_OFF;
}

static void begin_line(const th_terminal *terminal, enum th_log_level level, const char *message,
                       th_buf *line)
{
    static const char *const colours[] = {"\033[2m", "", "\033[33m", "\033[31m"};
    struct timespec now;
    struct tm tm;
    char when[40];
    clock_gettime(CLOCK_REALTIME, &now);
    if (terminal->json) {
        gmtime_r(&now.tv_sec, &tm);
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
        th_buf_printf(line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":", when,
                      now.tv_nsec / 1000000, level_names[level]);
        append_json_string(line, message);
    } else {
        localtime_r(&now.tv_sec, &tm);
        strftime(when, sizeof when, "%H:%M:%S", &tm);
        th_buf_printf(line, "%s%s %-5s ", terminal->colour ? colours[level] : "", when,
                      level_names[level]);
        append_plain(line, message);
    }
}

static void end_line(const th_terminal *terminal, th_buf *line)
{
    if (terminal->json)
        th_buf_puts(line, "}");
    else if (terminal->colour)
        th_buf_puts(line, "\033[0m");
    th_buf_putc(line, '\n');
    if (line->data)
        th_redact(line->data, line->len);
}

bool th_log_line(const th_terminal *terminal, enum th_log_level level, const char *message,
                 th_buf *line)
{
    if (!shown(terminal, level))
        return false;
    if (terminal->tty)
        th_buf_puts(line, "\r\033[K"); /* over the progress, which is drawn again sometime */
    begin_line(terminal, level, message, line);
    end_line(terminal, line);
    return line->data != NULL;
}

struct fields {
    bool json;
    th_buf *line;
};

/* fields, light userdata */
static int append_fields_protected(lua_State *L)
{
    const struct fields *into = lua_touserdata(L, 2);
    append_fields(L, 1, into->json, into->line);
    return 0;
}

void th_log(th_terminal *terminal, enum th_log_level level, lua_State *L, int fields,
            const char *format, ...)
{
    if (!shown(terminal, level))
        return;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&message, format, args);
    va_end(args);
    if (len < 0)
        return;
    th_buf line = {0};
    begin_line(terminal, level, message, &line);
    if (fields) {
        struct fields into = {terminal->json, &line};
        lua_pushcfunction(L, append_fields_protected);
        lua_pushvalue(L, fields);
        lua_pushlightuserdata(L, &into);
        if (lua_pcall(L, 2, 0, 0) != LUA_OK)
            lua_pop(L, 1); /* the message alone, or with some of them */
    }
    end_line(terminal, &line);
    th_progress_hide(terminal);
    if (line.data)
        fwrite(line.data, 1, line.len, terminal->out);
    else
        fputs("not enough memory for a line of the log\n", terminal->out);
    fflush(terminal->out);
    th_progress_show(terminal);
    th_buf_close(&line);
    free(message);
}
