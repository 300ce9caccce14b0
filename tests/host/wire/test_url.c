/* Which URLs a token may be sent to. */
#include <string.h>

#include "test.h"
#include "wire/url.h"

TEST(https_goes_anywhere_and_http_to_loopback)
{
    const char *const good[] = {"https://app.famulor.de/api",
                                "https://app.famulor.de:8443/api?x=http://evil.example",
                                "https://[2001:db8::1]/",
                                "HTTPS://EXAMPLE.COM",
                                "http://127.0.0.1:8080/",
                                "http://127.255.3.4/",
                                "http://127.1/",
                                "http://[::1]:8080/",
                                "http://localhost/",
                                "http://LocalHost:1/"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        th_error err = {0};
        if (th_url_check(good[i], &err) != 0)
            fail_msg("%s: %s", good[i], err.message);
        assert_null(err.message);
    }
}

TEST(everything_else_is_refused_with_the_reason)
{
    static const struct {
        const char *url, *reason;
    } bad[] = {
        {"http://app.famulor.de/api", "plain http to app.famulor.de"},
        {"http://127.0.0.1.evil.example/", "plain http"},
        {"http://localhost.evil.example/", "plain http"},
        {"http://evil.example/127.0.0.1", "plain http"},
        {"http://128.0.0.1/", "plain http"},
        {"http://10.0.0.1/", "plain http"},
        {"http://[::2]/", "plain http"},
        {"http://[::ffff:127.0.0.1]/", "plain http"},
        {"http://127.0.0.1@evil.example/", "user name"},
        {"https://user:s3cret@app.famulor.de/", "user name"},
        {"https://token@app.famulor.de/", "user name"},
        {"ftp://app.famulor.de/", "https://"},
        {"file:///etc/shadow", "https://"},
        {"app.famulor.de/api", "must begin with https://"},
        {"//app.famulor.de/api", "must begin with https://"},
        {"", "must begin with https://"},
        {"https://", "cannot be read"},
        {"https:///evil.example/", "names no host"},
        {"https:/evil.example/?x=://", "must begin with https://"},
        {"https://app.famulor.de\\@evil.example/", "'\\'"},
        {"http://127.0.0.1\\.evil.example/", "'\\'"},
        {"https://exa mple.com/", "cannot be read"},
        {"https://example.com:99999/", "cannot be read"},
        {"https://example.com/\r\nX: y", "cannot be read"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        th_error err = {0};
        if (th_url_check(bad[i].url, &err) != -TH_INVALID || !strstr(err.message, bad[i].reason))
            fail_msg("%s: %s", bad[i].url, err.message ? err.message : "accepted");
        assert_null(strstr(err.message, "s3cret"));
        assert_int_equal(err.kind, TH_INVALID);
        th_error_close(&err);
    }
}

TEST(an_address_in_parts_names_one_server_in_one_way)
{
    static const struct {
        const char *url, *origin, *path, *query;
        bool loopback;
    } same[] = {
        {"HTTPS://API.Example.com:443", "https://api.example.com", "/", NULL, false},
        {"https://api.example.com:08443/a/../B%2f?x=1?#part", "https://api.example.com:8443",
         "/a/../B%2f", "x=1?", false},
        {"http://0x7f.1:80/x", "http://127.0.0.1", "/x", NULL, true},
        {"http://LocalHost:8080?x", "http://localhost:8080", "/", "x", true},
        {"https://[2001:DB8::1]/", "https://[2001:db8::1]", "/", NULL, false},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        th_url url;
        assert_int_equal(th_url_parse(same[i].url, "the URL", &url, NULL), 0);
        assert_string_equal(url.origin, same[i].origin);
        assert_string_equal(url.path, same[i].path);
        assert_true((url.query == NULL) == (same[i].query == NULL));
        if (url.query)
            assert_string_equal(url.query, same[i].query);
        assert_int_equal(url.loopback, same[i].loopback);
        assert_false(url.user);
        th_url_close(&url);
    }
}
