#include "runtime/signals.h"

#include <signal.h>
#include <stdio.h>

#include "base/redact.h"

static void on_stop(uv_signal_t *handle, int number)
{
    const th_signals *signals = handle->data;
    th_stop_signal(signals->stop, number);
}

static void on_describe(uv_signal_t *handle, int number)
{
    (void)number;
    const th_stop *stop = ((th_signals *)handle->data)->stop;
    th_buf text = {0};
    th_sched_describe(stop->sched, &text);
    th_progress_hide(stop->terminal);
    th_redact_text(text.data);
    fputs(text.data ? text.data : "no task waits\n", stderr);
    th_progress_show(stop->terminal);
    th_buf_close(&text);
}

int th_signals_open(th_signals *signals, uv_loop_t *loop, th_stop *stop, th_error *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    signals->stop = stop;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a ledger at its size limit is an error, not a death */
    for (int i = 0; i < 3; i++) {
        uv_signal_t *handle = &signals->handles[i];
        int rc = uv_signal_init(loop, handle);
        if (rc == 0) {
            signals->open++;
            handle->data = signals;
            rc = uv_signal_start(handle, i < 2 ? on_stop : on_describe, numbers[i]);
            uv_unref((uv_handle_t *)handle);
        }
        if (rc != 0)
            return th_fail(err, TH_INVALID, "cannot watch for signals: %s", uv_strerror(rc));
    }
    return 0;
}

void th_signals_close(th_signals *signals)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < signals->open; i++)
        uv_close((uv_handle_t *)&signals->handles[i], NULL);
}
