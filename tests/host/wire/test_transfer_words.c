/* What an operator reads when a certificate and the machine's clock do not go together. */
#include <string.h>
#include <time.h>

#include "test.h"
#include "wire/transfer_impl.h"

static void settle(th_transfer *transfer, const char *words)
{
    *transfer = (th_transfer){.url = "https://api.example.com:8443/x"};
    th_transfer_settle(transfer, CURLE_PEER_FAILED_VERIFICATION, words);
    assert_int_equal(transfer->kind, TH_TLS);
}

TEST(a_certificate_of_another_time_names_the_clock_and_its_time)
{
    static const char *const words[] = {
        "SSL certificate problem: certificate is not yet valid",
        "SSL certificate problem: certificate has expired",
        "SSL routines: tlsv1 alert certificate expired",
    };
    th_transfer transfer;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char day[16];
        time_t now = time(NULL);
        struct tm utc;
        assert_true(strftime(day, sizeof day, "%Y-%m", gmtime_r(&now, &utc)) > 0);
        settle(&transfer, words[i]);
        assert_non_null(
            strstr(transfer.problem, "(api.example.com:8443); the clock of this machine says "));
        assert_non_null(strstr(transfer.problem, day));
        assert_non_null(strstr(transfer.problem, "UTC: check whether that is right"));
    }
}

TEST(another_fault_of_a_certificate_says_nothing_of_the_clock)
{
    th_transfer transfer;

    settle(&transfer, "SSL certificate problem: self-signed certificate");
    assert_null(strstr(transfer.problem, "clock"));
}
