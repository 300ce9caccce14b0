#include "call/account.h"

#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "call/headers.h"
#include "call/stop_request.h"
#include "wire/url.h"

/* curl copies the line; ours is wiped. */
static int make_headers(th_account *account, const th_secret *token, th_error *err)
{
    char whose[80];
    snprintf(whose, sizeof whose, "account %.60s", account->name);
    int rc = th_token_check(token, whose, err);
    if (rc != 0)
        return rc;
    size_t len;
    const char *bytes = th_secret_bytes(token, &len);
    th_buf line = {.sensitive = true};
    rc = th_buf_puts(&line, "Authorization: Bearer ") || th_buf_append(&line, bytes, len);
    for (int with_body = 0; rc == 0 && with_body < 2; with_body++) {
        struct curl_slist **list = with_body ? &account->body_headers : &account->headers;
        const char *fixed[] = {line.data, "Accept: application/json",
                               with_body ? "Content-Type: application/json" : NULL};
        for (int i = 0; i < 3 && fixed[i]; i++) {
            struct curl_slist *longer = curl_slist_append(*list, fixed[i]);
            if (!longer)
                rc = -1;
            else
                *list = longer;
        }
    }
    th_buf_close(&line);
    return rc == 0 ? 0 : th_fail(err, TH_INVALID, "not enough memory");
}

static th_account *of_guest(th_guest *guest)
{
    return (th_account *)((char *)guest - offsetof(th_account, guest));
}

/* Requests that wait because the platform says so ask again whether they may. */
static void account_stopping(th_guest *guest)
{
    th_pacer_ask(of_guest(guest)->pacer);
}

static bool account_close(th_guest *guest)
{
    th_account *account = of_guest(guest);
    th_client_destroy(account->client);
    th_pacer_destroy(account->pacer);
    th_provider_destroy(account->runtime->L, account->provider);
    account->client = NULL;
    account->pacer = NULL;
    account->provider = NULL;
    return true;
}

static void account_destroy(th_guest *guest)
{
    th_account *account = of_guest(guest);
    th_headers_free(account->headers);
    th_headers_free(account->body_headers);
    th_secret_unref(account->token);
    free(account->name);
    free(account->token_source);
    free(account->base_url);
    free(account);
}

static void paused(void *owner, uint64_t until, const th_window *window)
{
    th_account *account = owner;
    th_stop_tell_pause(&account->runtime->stop, account->name, &account->told_pause, until, window);
}

int th_account_create(th_runtime *runtime, const th_account_options *options, th_account **out,
                      th_error *err)
{
    int rc = 0;
    th_account *account = calloc(1, sizeof *account);
    if (!account) {
        th_provider_destroy(runtime->L, options->provider);
        return th_fail(err, TH_INVALID, "not enough memory");
    }
    th_provider *provider = options->provider;
    account->runtime = runtime;
    account->provider = provider;
    account->max_wait = options->max_wait;
    const char *base = options->base_url ? options->base_url : th_provider_base_url(provider);
    account->name = strdup(options->name);
    account->base_url = strdup(base);
    account->token = th_secret_ref(options->token);
    if (options->token_source)
        account->token_source = strdup(options->token_source);
    if (!account->name || !account->base_url) {
        rc = th_fail(err, TH_INVALID, "not enough memory");
        goto fail;
    }
    size_t len = strlen(account->base_url);
    while (len > 0 && account->base_url[len - 1] == '/')
        account->base_url[--len] = '\0';
    if ((rc = th_url_check(account->base_url, err)) != 0)
        goto fail;
    if ((rc = make_headers(account, options->token, err)) != 0)
        goto fail;
    account->get = th_provider_endpoint(provider, "get");
    account->create = th_provider_endpoint(provider, "create");
    account->update = th_provider_endpoint(provider, "update");
    account->delete_ = th_provider_endpoint(provider, "delete");

    const th_connection_options *own = &options->connection;
    size_t nwindows = own->nwindows;
    const th_window *windows = own->windows;
    if (!windows)
        windows = th_provider_windows(provider, &nwindows);
    unsigned concurrency = own->concurrency ? own->concurrency : th_provider_concurrency(provider);
    rc = th_pacer_create(runtime->timers, windows, nwindows, concurrency, &account->pacer, err);
    if (rc != 0)
        goto fail;
    th_pacer_on_pause(account->pacer, paused, account);
    th_client_options client = own->transfer;
    client.concurrency = concurrency;
    if ((rc = th_client_create(&runtime->loop, &client, &account->client, err)) != 0)
        goto fail;
    account->guest.stopping = account_stopping;
    account->guest.close = account_close;
    account->guest.destroy = account_destroy;
    th_guest_add(&runtime->guests, &account->guest);
    *out = account;
    return 0;

fail:
    th_error_set_account(err, options->name);
    account_close(&account->guest);
    account_destroy(&account->guest);
    return rc;
}

bool th_account_same_token(const th_account *a, const th_account *b)
{
    const char *first = a->headers->data, *second = b->headers->data; /* the line with the token */
    size_t len = strlen(first);
    return strlen(second) == len && sodium_memcmp(first, second, len) == 0;
}
