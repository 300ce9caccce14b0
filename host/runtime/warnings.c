#include "runtime/warnings.h"

#include <string.h>

static void on_warning(void *ctx, const char *text, int more)
{
    th_warnings *warnings = ctx;
    if (warnings->text.len == 0 && !more && text[0] == '@') {
        warnings->on = strcmp(text, "@on") == 0 || (warnings->on && strcmp(text, "@off") != 0);
        return;
    }
    th_buf_puts(&warnings->text, text);
    if (more)
        return;
    if (warnings->on && warnings->text.data)
        th_log(warnings->terminal, TH_LOG_WARN, NULL, 0, "%s", warnings->text.data);
    th_buf_close(&warnings->text);
}

void th_warnings_open(th_warnings *warnings, lua_State *L, th_terminal *terminal)
{
    warnings->terminal = terminal;
    lua_setwarnf(L, on_warning, warnings);
}

void th_warnings_close(th_warnings *warnings)
{
    th_buf_close(&warnings->text);
}
