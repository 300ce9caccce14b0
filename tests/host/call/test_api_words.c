/* A platform's words in an error: whole until the secrets are out of them, then of a bearable
 * length. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "provider_fixture.h"
#include "test.h"

static const char password[] = "Correct-Horse-Battery";

struct refused {
    lua_State *L;
    th_provider *provider;
    th_transfer transfer;
    struct th_call call;
    th_error err;
};

/* The platform refuses with these words; the call had sent the password. */
static void refuse(struct refused *r, const char *words)
{
    *r = (struct refused){.L = provider_state()};
    r->provider = provider_shipped(r->L, "famulor");
    r->transfer.fate = TH_FATE_REPLIED;
    r->transfer.status = 422;
    th_buf_printf(&r->transfer.reply, "{\"message\":\"%s\"}", words);
    r->call.endpoint = th_provider_endpoint(r->provider, "update");
    r->call.secrets = calloc(TH_CALL_SECRETS, sizeof *r->call.secrets);
    assert_non_null(r->call.secrets);
    assert_int_equal(th_secret_copy(password, strlen(password), &r->call.secrets[0].secret, NULL),
                     0);
    r->call.nsecrets = 1;
    th_reply_explain(r->L, r->provider, r->call.endpoint, &r->transfer, &r->err);
    th_call_quote(&r->call, &r->err);
}

static void refuse_end(struct refused *r)
{
    th_error_close(&r->err);
    th_call_drop_secrets(&r->call);
    th_buf_close(&r->transfer.reply);
    th_provider_destroy(r->L, r->provider);
    lua_close(r->L);
}

TEST(a_password_across_the_cut_leaves_no_part_of_itself)
{
    char words[600];
    struct refused r;

    for (int before = 270; before <= 310; before++) {
        snprintf(words, sizeof words, "%0*d%s is too weak", before, 0, password);
        refuse(&r, words);
        assert_null(strstr(r.err.message, "Co"));
        assert_true(strlen(r.err.message) <= 300 + strlen("…"));
        refuse_end(&r);
    }
}

TEST(words_are_cut_between_characters)
{
    static const char *const wanted[] = {"0…", "00…", "000…"};
    char words[600];
    struct refused r;

    for (int shift = 0; shift < 3; shift++) { /* the cut meets each byte of a character of three */
        size_t len = (size_t)snprintf(words, sizeof words, "%0*d", 298 + shift, 0);
        for (int i = 0; i < 30; i++, len += 3)
            memcpy(words + len, "€", 4);
        refuse(&r, words);
        assert_int_equal(strlen(r.err.message),
                         (shift == 0 ? 298 : 298 + (size_t)shift) + strlen("…"));
        assert_string_equal(r.err.message + 297, wanted[shift]);
        refuse_end(&r);
    }
}

TEST(words_that_fit_are_whole)
{
    char words[400];
    struct refused r;

    snprintf(words, sizeof words, "%0300d", 0);
    refuse(&r, words);
    assert_string_equal(r.err.message, words);
    refuse_end(&r);
}
