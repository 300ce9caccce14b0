#include "wire/transfer_impl.h"

#include "base/redact.h"
#include "wire/reply_headers.h"

static void clear_results(th_transfer *transfer)
{
    transfer->fate = TH_FATE_UNSENT;
    transfer->status = 0;
    transfer->code = CURLE_OK;
    transfer->kind = TH_OK;
    transfer->problem[0] = '\0';
    th_buf_clear(&transfer->reply);
    th_buf_clear(&transfer->reply_headers);
    th_reply_headers_clear(&transfer->pace, &transfer->json);
    transfer->sent = transfer->repeated = transfer->too_large = transfer->stream_failed = false;
    transfer->given = transfer->taken = 0;
    transfer->head_complete = false;
    transfer->header_bytes = 0;
}

static void put_in_flight(th_easy *easy, th_transfer *transfer)
{
    th_client *client = easy->client;

    easy->transfer = transfer;
    easy->error[0] = '\0';
    easy->next = client->in_flight;
    if (easy->next)
        easy->next->prev = easy;
    client->in_flight = easy;
    client->nin_flight++;
    client->transfers++;
    transfer->easy = easy;
    th_driver_busy(&client->driver, true);
}

/* Takes the easy handle out of libcurl's hands and back into the pool. */
static void take_out_of_flight(th_easy *easy)
{
    th_client *client = easy->client;

    curl_multi_remove_handle(client->driver.multi, easy->curl);
    *(easy->prev ? &easy->prev->next : &client->in_flight) = easy->next;
    if (easy->next)
        easy->next->prev = easy->prev;
    if (--client->nin_flight == 0)
        th_driver_busy(&client->driver, false);
    easy->transfer->easy = NULL;
    th_easy_give(easy);
}

int th_transfer_start(th_client *client, th_transfer *transfer, th_error *err)
{
    clear_results(transfer);
    int rc = th_request_check(client, transfer, err);
    if (rc != 0)
        return rc;
    th_easy *easy = th_easy_take(client);
    if (!easy)
        return th_fail(err, TH_INVALID, "not enough memory for a request");
    CURLcode code = th_request_set(easy, transfer);
    if (code) {
        th_easy_give(easy);
        return th_fail(err, TH_INVALID, "libcurl refuses the request: %s",
                       curl_easy_strerror(code));
    }
    put_in_flight(easy, transfer);
    CURLMcode added = curl_multi_add_handle(client->driver.multi, easy->curl);
    if (added) {
        take_out_of_flight(easy);
        return th_fail(err, TH_INVALID, "libcurl refuses the request: %s",
                       curl_multi_strerror(added));
    }
    return 0;
}

static void settle(th_easy *easy, CURLcode code)
{
    th_transfer *transfer = easy->transfer;
    long status = 0;

    curl_easy_getinfo(easy->curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->status = transfer->pace.status = (int)status;
    th_redact_text(easy->error); /* before it is cut */
    th_transfer_settle(transfer, code, easy->error);
}

void th_transfer_finish(th_easy *easy, CURLcode code)
{
    th_transfer *transfer = easy->transfer;

    if (code == CURLE_OK && !transfer->head_complete) {
        code = CURLE_PARTIAL_FILE; /* libcurl takes a connection that ends inside the head for
                                      success */
    }
    if (code == CURLE_OK) {
        long version = 0;
        curl_easy_getinfo(easy->curl, CURLINFO_HTTP_VERSION, &version);
        th_client_learn_version(easy->client, version);
    }
    settle(easy, code);
    take_out_of_flight(easy);
    transfer->done(transfer);
}

void th_transfer_abort(th_transfer *transfer)
{
    if (transfer->easy) {
        settle(transfer->easy, CURLE_ABORTED_BY_CALLBACK);
        transfer->kind = TH_CANCELLED;
        take_out_of_flight(transfer->easy);
    }
}
