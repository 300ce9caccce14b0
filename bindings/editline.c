#include "editline.h"

#include <dlfcn.h>
#include <histedit.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "runtime/terminal.h"

enum { HISTORY_LINES = 1000 };

/* The functions that are used. The library is opened by name: if it were linked, it and the two
 * libraries that it needs would slow down the start of every script. */
#define EACH_FUNCTION(of)                                                                          \
    of(el_init) of(el_end) of(el_gets) of(el_set) of(el_wset) of(el_get) of(el_source)             \
        of(el_resize) of(el_line) of(el_wline) of(el_insertstr) of(history_init) of(history_end)   \
            of(history)
#define MEMBER(name) __typeof__(name) *(name);
static struct {
    EACH_FUNCTION(MEMBER)
} lib;

struct th_editline {
    EditLine *el;
    History *history;
    FILE *out;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    bool its_turn; /* the thread's */
    bool ending;   /* the thread shall return */
    bool stopping; /* editing shall end */
    bool active;   /* a line is being edited */
    bool hidden;   /* but not shown */

    enum th_edit_event event; /* the latest one of the thread */
    th_buf input;             /* bytes that were fed; read up to `at` */
    size_t at;
    th_buf text;         /* the line, or the text before the cursor */
    th_buf insert, list; /* the answer to COMPLETE */
    char prompt[96];     /* with colour codes */
    int prompt_columns;
};

/* --- taking turns ----------------------------------------------------------------------------- */

/* On the thread: reports an event and waits for the next turn. */
static void yield_turn(th_editline *e, enum th_edit_event event)
{
    pthread_mutex_lock(&e->mutex);
    e->event = event;
    e->its_turn = false;
    pthread_cond_broadcast(&e->turn);
    while (!e->its_turn)
        pthread_cond_wait(&e->turn, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

/* Runs the thread until its next event. */
static enum th_edit_event give_turn(th_editline *e)
{
    pthread_mutex_lock(&e->mutex);
    e->its_turn = true;
    pthread_cond_broadcast(&e->turn);
    while (e->its_turn)
        pthread_cond_wait(&e->turn, &e->mutex);
    enum th_edit_event event = e->event;
    pthread_mutex_unlock(&e->mutex);
    return event;
}

static void *edit_lines(void *ctx)
{
    th_editline *e = ctx;
    pthread_mutex_lock(&e->mutex);
    while (!e->its_turn)
        pthread_cond_wait(&e->turn, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
    while (!e->ending) {
        int len = 0;
        const char *line = lib.el_gets(e->el, &len);
        th_buf_clear(&e->text);
        if (line && len > 0)
            th_buf_append(&e->text, line, (size_t)len - (line[len - 1] == '\n'));
        e->active = false;
        yield_turn(e, line ? TH_EDIT_LINE : TH_EDIT_END);
    }
    pthread_mutex_lock(&e->mutex);
    e->its_turn = false;
    pthread_cond_broadcast(&e->turn);
    pthread_mutex_unlock(&e->mutex);
    return NULL;
}

/* --- what libedit calls ----------------------------------------------------------------------- */

static th_editline *editline_of(EditLine *el)
{
    void *e = NULL;
    lib.el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static char *show_prompt(EditLine *el)
{
    return editline_of(el)->prompt;
}

/* The next character that was fed. */
static int next_character(EditLine *el, wchar_t *out)
{
    th_editline *e = editline_of(el);
    for (;;) {
        if (e->stopping)
            return -1;
        mbstate_t state = {0};
        size_t left = e->input.len - e->at;
        size_t used = left ? mbrtowc(out, e->input.data + e->at, left, &state) : (size_t)-2;
        if (used == (size_t)-1) { /* not UTF-8 */
            e->at++;
            *out = L'?';
            return 1;
        }
        if (used != (size_t)-2) {
            e->at += used ? used : 1;
            return 1;
        }
        yield_turn(e, TH_EDIT_MORE);
    }
}

/* --- on the screen ---------------------------------------------------------------------------- */

/* The columns that are taken once this character follows, as libedit shows it. */
static int columns_with(int taken, wchar_t character)
{
    if (character == L'\t')
        return taken / 8 * 8 + 8;
    int width = wcwidth(character);
    return taken + (width >= 0 ? width : character < 0x80 ? 2 : 8);
}

/* Columns from the start of the prompt to this place in the line. */
static int columns_before(const th_editline *e, const wchar_t *place)
{
    int columns = e->prompt_columns;
    for (const wchar_t *at = lib.el_wline(e->el)->buffer; at < place; at++)
        columns = columns_with(columns, *at);
    return columns;
}

void th_editline_hide(th_editline *e)
{
    if (!e->active || e->hidden)
        return;
    int rows = columns_before(e, lib.el_wline(e->el)->cursor) / th_terminal_columns(e->out);
    fputc('\r', e->out);
    if (rows > 0)
        fprintf(e->out, "\033[%dA", rows);
    fputs("\033[J", e->out);
    fflush(e->out);
    e->hidden = true;
}

void th_editline_show(th_editline *e)
{
    if (!e->active || !e->hidden)
        return;
    e->hidden = false;
    lib.el_set(e->el, EL_REFRESH);
}

/* Writes after the line, as a terminal shows ^C. */
static void write_behind(th_editline *e, const char *mark)
{
    const LineInfoW *line = lib.el_wline(e->el);
    int width = th_terminal_columns(e->out), columns = columns_before(e, line->lastchar);
    for (int row = columns_before(e, line->cursor) / width; row < columns / width; row++)
        fputs("\r\n", e->out);
    fputc('\r', e->out);
    if (columns % width > 0)
        fprintf(e->out, "\033[%dC", columns % width);
    fprintf(e->out, "%s\r\n", mark);
    fflush(e->out);
}

static unsigned char on_tab(EditLine *el, int key)
{
    (void)key;
    th_editline *e = editline_of(el);
    const LineInfo *line = lib.el_line(el);
    th_buf_clear(&e->text);
    th_buf_append(&e->text, line->buffer, (size_t)(line->cursor - line->buffer));
    th_buf_clear(&e->insert);
    th_buf_clear(&e->list);
    yield_turn(e, TH_EDIT_COMPLETE);
    if (e->stopping)
        return CC_NORM;
    if (e->list.len > 0) {
        write_behind(e, "");
        fputs(e->list.data, e->out);
        fputs("\r\n", e->out);
        lib.el_set(el, EL_REFRESH);
    }
    if (e->insert.len > 0)
        lib.el_insertstr(el, e->insert.data);
    return e->insert.len > 0 ? CC_REFRESH : e->list.len > 0 ? CC_NORM : CC_ERROR;
}

/* --- create and destroy ----------------------------------------------------------------------- */

static int open_library(th_error *err)
{
#define SYMBOL(name) {#name, (void **)&lib.name},
    static const struct {
        const char *name;
        void **place;
    } symbols[] = {EACH_FUNCTION(SYMBOL)};
    void *handle = dlopen(TH_EDIT_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return th_fail(err, TH_UNAVAILABLE, "%s is not installed", TH_EDIT_LIBRARY);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name)))
            return th_fail(err, TH_UNAVAILABLE, "%s has no %s", TH_EDIT_LIBRARY, symbols[i].name);
    return 0;
}

static int start_thread(th_editline *e, th_error *err)
{
    sigset_t all, before;
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->turn, NULL);
    sigfillset(&all); /* signals are handled by the thread of the loop */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&e->thread, NULL, edit_lines, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : th_fail(err, TH_UNAVAILABLE, "no thread for it: %s", strerror(rc));
}

int th_editline_create(FILE *in, FILE *out, th_editline **editline, th_error *err)
{
    HistEvent event;
    int rc = open_library(err);
    if (rc != 0)
        return rc;
    th_editline *e = calloc(1, sizeof *e);
    if (!e)
        return th_fail(err, TH_UNAVAILABLE, "not enough memory");
    e->out = out;
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the encoding and the width of characters */
    e->el = lib.el_init("trunkhost", in, out, out);
    e->history = lib.history_init();
    if (!e->el || !e->history) {
        rc = th_fail(err, TH_UNAVAILABLE, "the terminal cannot be used for it");
        goto fail;
    }
    lib.history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    lib.history(e->history, &event, H_SETUNIQUE, 1);
    lib.el_set(e->el, EL_CLIENTDATA, e);
    lib.el_set(e->el, EL_PROMPT_ESC, show_prompt, '\1');
    lib.el_set(e->el, EL_HIST, lib.history, e->history);
    lib.el_set(e->el, EL_EDITOR, "emacs");
    lib.el_set(e->el, EL_SIGNAL, 0);
    lib.el_set(e->el, EL_GETCFN, next_character);
    /* The narrow form of this call leaks its texts. */
    lib.el_wset(e->el, EL_ADDFN, L"complete", L"Complete the name before the cursor", on_tab);
    lib.el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    lib.el_source(e->el, NULL);                         /* ~/.editrc: the user's own keys */
    lib.el_set(e->el, EL_BIND, "^I", "complete", NULL); /* in the key map that it chose */
    if ((rc = start_thread(e, err)) != 0)
        goto fail;
    *editline = e;
    return 0;

fail:
    if (e->history)
        lib.history_end(e->history);
    if (e->el)
        lib.el_end(e->el);
    free(e);
    return rc;
}

void th_editline_destroy(th_editline *e)
{
    th_editline_stop(e, NULL);
    e->ending = true;
    give_turn(e);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->turn);
    pthread_mutex_destroy(&e->mutex);
    lib.history_end(e->history);
    lib.el_end(e->el);
    th_buf_close(&e->input);
    th_buf_close(&e->text);
    th_buf_close(&e->insert);
    th_buf_close(&e->list);
    free(e);
}

/* --- one line --------------------------------------------------------------------------------- */

void th_editline_remember(th_editline *e, const char *line)
{
    HistEvent event;
    lib.history(e->history, &event, H_ENTER, line);
}

void th_editline_begin(th_editline *e, const char *prompt, int colour)
{
    if (colour)
        snprintf(e->prompt, sizeof e->prompt, "\1\033[%dm\1%s\1\033[0m\1 ", colour, prompt);
    else
        snprintf(e->prompt, sizeof e->prompt, "%s ", prompt);
    e->prompt_columns = (int)strlen(prompt) + 1;
    lib.el_set(e->el, EL_PREP_TERM, 1); /* the terminal no longer echoes keys */
    /* Earlier output may have ended in the middle of a row: this starts a new one then. */
    fprintf(e->out, "%*s\r\033[J", th_terminal_columns(e->out) - 1, "");
    fflush(e->out);
    e->active = true;
    e->hidden = e->stopping = false;
}

enum th_edit_event th_editline_feed(th_editline *e, const char *bytes, size_t len)
{
    if (e->at == e->input.len) {
        th_buf_clear(&e->input);
        e->at = 0;
    }
    th_buf_append(&e->input, bytes, len);
    return give_turn(e);
}

enum th_edit_event th_editline_answer(th_editline *e, const char *insert, const char *list)
{
    th_buf_puts(&e->insert, insert ? insert : "");
    th_buf_puts(&e->list, list ? list : "");
    return give_turn(e);
}

const char *th_editline_text(const th_editline *e, size_t *len)
{
    *len = e->text.len;
    return e->text.data ? e->text.data : "";
}

void th_editline_stop(th_editline *e, const char *mark)
{
    th_buf_clear(&e->input);
    e->at = 0;
    if (!e->active)
        return;
    if (!e->hidden)
        write_behind(e, mark ? mark : "");
    e->stopping = true;
    while (e->active)
        give_turn(e);
    e->stopping = false;
}

void th_editline_resized(th_editline *e)
{
    if (!e->active)
        return;
    bool was_hidden = e->hidden;
    th_editline_hide(e); /* where the terminal has moved it: wrapped at the new width */
    lib.el_resize(e->el);
    if (!was_hidden)
        th_editline_show(e);
}

void th_editline_suspend(th_editline *e)
{
    if (e->active)
        lib.el_set(e->el, EL_PREP_TERM, 0);
}

void th_editline_resume(th_editline *e)
{
    if (!e->active)
        return;
    lib.el_set(e->el, EL_PREP_TERM, 1);
    lib.el_set(e->el, EL_REFRESH);
}
