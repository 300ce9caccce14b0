#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wire/transfer_impl.h"
#include "wire/url.h"

static enum th_kind kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return TH_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return TH_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
        return TH_TLS;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, which is anything at all */
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
        return TH_MALFORMED;
    default:
        return TH_NETWORK;
    }
}

/* "api.example.com:8443" of "https://api.example.com:8443/x?y" */
static void host_of(const char *text, char *host, size_t size)
{
    th_url url;

    if (th_url_parse(text, "", &url, NULL) == 0)
        snprintf(host, size, "%s%s%s", url.host, url.port ? ":" : "", url.port ? url.port : "");
    else
        snprintf(host, size, "the server");
    th_url_close(&url);
}

/* libcurl's words without its prefixes that tell an operator nothing. */
static const char *plain_words(const char *words)
{
    static const char *const prefixes[] = {"SSL: ", "SSL "};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(words, prefixes[i], len) == 0)
            return words + len;
    }
    return words;
}

/* A certificate is valid from a time to a time, as this machine's clock has it, which may be the one
 * that is wrong. */
static void add_clock(char *problem, size_t size)
{
    static const char *const words[] = {"not yet valid", "expired"};
    const time_t now = time(NULL);
    const size_t len = strlen(problem);
    char text[32];
    struct tm utc;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(problem, words[i]) && gmtime_r(&now, &utc) &&
            strftime(text, sizeof text, "%Y-%m-%d %H:%M", &utc) > 0) {
            snprintf(problem + len, size - len,
                     "; the clock of this machine says %s UTC: check whether that is right", text);
            return;
        }
    }
}

static void describe(th_transfer *transfer, const char *words)
{
    char host[128];
    char *problem = transfer->problem;
    const size_t size = sizeof transfer->problem;

    host_of(transfer->url, host, sizeof host);
    if (transfer->repeated) {
        snprintf(problem, size, "the server closed the connection without a reply");
    } else if (transfer->kind == TH_CANCELLED) {
        snprintf(problem, size, "stopped while the request was under way");
    } else if (transfer->stream_failed) {
        snprintf(problem, size, "the file on this side of the request failed");
    } else if (transfer->too_large) {
        snprintf(problem, size, "the reply is larger than allowed");
    } else {
        snprintf(problem, size, "%s",
                 words[0] ? plain_words(words) : curl_easy_strerror(transfer->code));
    }
    for (char *c = problem; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
    size_t len = strlen(problem);
    if (!strstr(problem, name))
        snprintf(problem + len, size - len, " (%s)", host);
    if (transfer->kind == TH_TLS)
        add_clock(problem, size);
}

void th_transfer_settle(th_transfer *transfer, CURLcode code, const char *words)
{
    transfer->code = code;
    if (code == CURLE_OK) {
        transfer->fate = TH_FATE_REPLIED;
        transfer->kind = TH_OK;
        return;
    }
    /* on_send ran, so something may have left, even when this failure was one of connecting: then
     * it was libcurl's second attempt. */
    transfer->fate = transfer->sent ? TH_FATE_LOST : TH_FATE_UNSENT;
    /* A header longer than libcurl takes (100 KiB) is "not enough memory" to it. */
    bool long_header = code == CURLE_OUT_OF_MEMORY && transfer->sent && !transfer->head_complete;
    transfer->too_large |= code == CURLE_FILESIZE_EXCEEDED || long_header;
    if (transfer->stream_failed)
        transfer->kind = TH_REFUSED;
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        transfer->kind = transfer->repeated ? TH_NETWORK : TH_CANCELLED;
    else
        transfer->kind = transfer->too_large ? TH_MALFORMED : kind_of(code);
    describe(transfer, words);
}
