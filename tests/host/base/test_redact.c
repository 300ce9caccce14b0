/* The redactor: every form that a secret may be quoted in, and what it must leave alone. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/redact.h"
#include "base/secret_known.h"
#include "test.h"

static th_secret *make(const char *text)
{
    th_error err = {0};
    th_secret *secret = NULL;
    assert_int_equal(th_secret_copy(text, strlen(text), &secret, &err), 0);
    return secret;
}

static int nothing_is_left(void **state)
{
    (void)state;
    return th_secret_count() == 0 ? 0 : -1;
}

#define REDACT_TEST(name) TEST_BETWEEN(NULL, nothing_is_left, name)

/* --- the forms -------------------------------------------------------------------------------- */

/* Each writes what `text` becomes into out. */
typedef void (*form)(const char *text, char *out);

static void plain(const char *text, char *out)
{
    strcpy(out, text);
}

static void percent_upper(const char *text, char *out)
{
    for (; *text; text++)
        out += isalnum((unsigned char)*text)
                   ? sprintf(out, "%c", *text)
                   : sprintf(out, "%%%02X", (unsigned)(unsigned char)*text);
    *out = '\0';
}

static void percent_lower(const char *text, char *out)
{
    for (; *text; text++)
        out += isalnum((unsigned char)*text)
                   ? sprintf(out, "%c", *text)
                   : sprintf(out, "%%%02x", (unsigned)(unsigned char)*text);
    *out = '\0';
}

static void percent_all(const char *text, char *out)
{
    for (; *text; text++)
        out += sprintf(out, "%%%02x", (unsigned)(unsigned char)*text);
}

static void percent_form(const char *text, char *out)
{
    percent_upper(text, out);
    for (char *blank; (blank = strstr(out, "%20"));) {
        *blank = '+';
        memmove(blank + 1, blank + 3, strlen(blank + 3) + 1);
    }
}

/* Only what ends a value in a query. */
static void percent_partial(const char *text, char *out)
{
    for (; *text; text++)
        out += strchr("&= %\"", *text) ? sprintf(out, "%%%02X", (unsigned)(unsigned char)*text)
                                       : sprintf(out, "%c", *text);
    *out = '\0';
}

static void json(const char *text, char *out)
{
    for (; *text; text++)
        out += sprintf(out, strchr("\"\\", *text) ? "\\%c" : "%c", *text);
    *out = '\0';
}

static void json_slash(const char *text, char *out)
{
    for (; *text; text++)
        out += sprintf(out, strchr("\"\\/", *text) ? "\\%c" : "%c", *text);
    *out = '\0';
}

/* The next character of UTF-8. */
static unsigned next(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    unsigned code = p[0];
    if (p[0] >= 0xf0) {
        code = (p[0] & 7u) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
        *text += 4;
    } else if (p[0] >= 0xe0) {
        code = (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
        *text += 3;
    } else if (p[0] >= 0xc0) {
        code = (p[0] & 31u) << 6 | (p[1] & 63u);
        *text += 2;
    } else {
        *text += 1;
    }
    return code;
}

static void json_ascii(const char *text, char *out)
{
    while (*text) {
        unsigned code = next(&text);
        if (code >= 0x10000)
            out += sprintf(out, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
                           0xdc00 + ((code - 0x10000) & 0x3ff));
        else if (code >= 0x80 || strchr("\"\\<>&'", (int)code))
            out += sprintf(out, "\\u%04x", code);
        else
            out += sprintf(out, "%c", (char)code);
    }
    *out = '\0';
}

static void html_named(const char *text, char *out)
{
    for (; *text; text++)
        out += *text == '&'    ? sprintf(out, "&amp;")
               : *text == '<'  ? sprintf(out, "&lt;")
               : *text == '>'  ? sprintf(out, "&gt;")
               : *text == '"'  ? sprintf(out, "&quot;")
               : *text == '\'' ? sprintf(out, "&#39;")
                               : sprintf(out, "%c", *text);
    *out = '\0';
}

static void html_decimal(const char *text, char *out)
{
    while (*text)
        out += sprintf(out, "&#%u;", next(&text));
}

static void html_hex(const char *text, char *out)
{
    while (*text)
        out += sprintf(out, "&#x%X;", next(&text));
}

static void in_base64(const char *before, const char *text, const char *behind, int variant,
                      char *out)
{
    char whole[600];
    int len = sprintf(whole, "%s%s%s", before, text, behind);
    sodium_bin2base64(out, 1000, (const unsigned char *)whole, (size_t)len, variant);
}

static void base64(const char *text, char *out)
{
    in_base64("", text, "", sodium_base64_VARIANT_ORIGINAL, out);
}

static void basic_0(const char *text, char *out)
{
    in_base64("ab:", text, "", sodium_base64_VARIANT_ORIGINAL, out);
}

static void basic_1(const char *text, char *out)
{
    in_base64("abc:", text, "", sodium_base64_VARIANT_ORIGINAL_NO_PADDING, out);
}

static void basic_2(const char *text, char *out)
{
    in_base64("abcd:", text, "!", sodium_base64_VARIANT_URLSAFE, out);
}

static void base64url(const char *text, char *out)
{
    in_base64("x", text, "", sodium_base64_VARIANT_URLSAFE_NO_PADDING, out);
}

static const struct {
    const char *name;
    form write;
} forms[] = {{"plain", plain},
             {"percent, upper case", percent_upper},
             {"percent, lower case", percent_lower},
             {"percent, every character", percent_all},
             {"percent, + for a blank", percent_form},
             {"percent, in part", percent_partial},
             {"JSON", json},
             {"JSON with \\/", json_slash},
             {"JSON in ASCII", json_ascii},
             {"HTML, named", html_named},
             {"HTML, decimal", html_decimal},
             {"HTML, hexadecimal", html_hex},
             {"base64", base64},
             {"Basic, first alignment", basic_0},
             {"Basic, second alignment", basic_1},
             {"Basic, third alignment", basic_2},
             {"base64url", base64url}};

enum { FORMS = sizeof forms / sizeof forms[0] };

static const char *const secrets[] = {
    "abcdefghijklmnopqrstuvwxyz012345",
    "sk_live_51H/x+Q==&'<\">",
    "pass word \"quoted\\\" & 100%",
    "ends in a backslash\\",
    "Gr\xc3\xbc\xc3\x9f\x65-\xe2\x82\xac-\xf0\x9f\x98\x80/+",
    "%41%42 looks&amp;escaped\\u0041",
    "s3cr3t",
};

enum { SECRETS = sizeof secrets / sizeof secrets[0] };

/* The quote is gone, and what stands around it is there. */
static void assert_gone(const char *quote, const char *name, const char *secret)
{
    char text[9000];
    size_t len = (size_t)snprintf(text, sizeof text, "refused: <%s> is not allowed", quote);
    assert_true(len < sizeof text);
    th_redact(text, len);
    if (strstr(text, quote) || strncmp(text, "refused: <*", 10) != 0 ||
        strcmp(text + len - 16, "> is not allowed") != 0)
        fail_msg("%s of %s: %s", name, secret, text);
}

REDACT_TEST(every_form_of_every_secret_is_hidden)
{
    for (size_t i = 0; i < SECRETS; i++) {
        th_secret *secret = make(secrets[i]);
        for (size_t f = 0; f < FORMS; f++) {
            char quote[2000] = "";
            forms[f].write(secrets[i], quote);
            assert_gone(quote, forms[f].name, secrets[i]);
        }
        th_secret_unref(secret);
    }
}

REDACT_TEST(a_form_within_a_form_is_hidden)
{
    for (size_t i = 0; i < SECRETS; i++) {
        th_secret *secret = make(secrets[i]);
        for (size_t f = 0; f < FORMS; f++) {
            for (size_t g = 0; g < FORMS; g++) {
                char inner[2000] = "", quote[8000] = "", name[100];
                if (strncmp(forms[f].name, "base64", 6) == 0 || strlen(secrets[i]) > 32)
                    continue;
                forms[f].write(secrets[i], inner);
                if (strncmp(forms[g].name, "b", 1) == 0 || strncmp(forms[g].name, "B", 1) == 0) {
                    if (strlen(inner) > 500 || strncmp(forms[f].name, "B", 1) == 0)
                        continue;
                }
                forms[g].write(inner, quote);
                snprintf(name, sizeof name, "%s in %s", forms[f].name, forms[g].name);
                assert_gone(quote, name, secrets[i]);
            }
        }
        th_secret_unref(secret);
    }
}

/* --- what is left alone ----------------------------------------------------------------------- */

REDACT_TEST(other_text_stays_as_it_is)
{
    th_secret *secret = make("abcdefghijklmnop");
    const char *text =
        "50% of {\"a\\u0041\":\"&amp;\"} dXNlcjpwYXNz abcdefghijklmno \xc3\xa4 %zz \\u12";
    char copy[200];
    strcpy(copy, text);
    assert_false(th_redact(copy, strlen(copy)));
    assert_string_equal(copy, text);
    th_secret_unref(secret);
}

REDACT_TEST(a_secret_that_is_gone_is_not_looked_for)
{
    char text[] = "abcdefghijklmnop";
    th_secret *first = make(text), *second = make(text);
    th_secret_unref(first);
    char copy[] = "abcdefghijklmnop";
    assert_true(th_redact(copy, strlen(copy)));
    th_secret_unref(second);
    assert_false(th_redact(text, strlen(text)));
}

REDACT_TEST(very_short_ones_and_short_words_are_not_looked_for)
{
    th_secret *few = make("a1b2c"), *word = make("sandbox");
    char text[] = "a1b2c of the sandbox";
    assert_false(th_redact(text, strlen(text)));
    th_secret_unref(few);
    th_secret_unref(word);
}

/* Masking only what lies between the quotes keeps a line of JSON readable. */
REDACT_TEST(a_line_of_json_stays_one)
{
    th_secret *secret = make("ends in a \\");
    char text[] = "{\"message\":\"ends in a \\\\\"}";
    th_redact(text, strlen(text));
    assert_string_equal(text, "{\"message\":\"************\"}");
    th_secret_unref(secret);
}

REDACT_TEST(a_long_text_is_searched_to_its_end)
{
    enum { LEN = 300000 };
    th_secret *secret = make("abcdefghijklmnop");
    for (size_t at = 0; at + 60 < LEN; at += 8191) {
        char *text = malloc(LEN + 1);
        memset(text, '.', LEN);
        text[LEN] = '\0';
        memcpy(text + at, "%61bcdefghijklmno%70", 20);
        assert_true(th_redact(text, LEN));
        assert_null(strstr(text, "bcdefgh"));
        assert_int_equal(strspn(text, "."), at);
        assert_int_equal(strspn(text + at, "*"), 20);
        free(text);
    }
    th_secret_unref(secret);
}

REDACT_TEST(among_many_each_is_found)
{
    enum { MANY = 5000 };
    th_secret **all = calloc(MANY, sizeof *all);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            char text[40];
            snprintf(text, sizeof text, "the-same-beginning-%0*d", 4 + i % 9, i);
            all[i] = make(text);
        }
        for (int i = 0; i < MANY; i += 7) {
            char text[60];
            int len = snprintf(text, sizeof text, "(the-same-beginning-%0*d)", 4 + i % 9, i);
            assert_true(th_redact(text, (size_t)len));
            assert_int_equal(strspn(text + 1, "*"), len - 2);
        }
        for (int i = 0; i < MANY; i++)
            th_secret_unref(all[i]);
    }
    free(all);
}

/* --- the words of a server -------------------------------------------------------------------- */

static void assert_hidden(const char *secret, const char *text, const char *wanted)
{
    th_secret *made = make(secret);
    const th_secret *list[] = {NULL, made};
    char words[200];
    snprintf(words, sizeof words, "%s", text);
    th_redact_words(words, strlen(words), &(struct th_secret_list){list, 2});
    assert_string_equal(words, wanted);
    th_secret_unref(made);
}

REDACT_TEST(neither_a_secret_nor_eight_characters_of_it_stay_in_words)
{
    assert_hidden("abcdefghijklmnop", "bad: abcdefghijklmnop!", "bad: ****************!");
    assert_hidden("abcdefghijklmnop", "bad: abcdefgh...", "bad: ********...");
    assert_hidden("abcdefghijklmnop", "ends with ijklmnop", "ends with ********");
    assert_hidden("abcdefghijklmnop", "ghijklmnoghijklmno", "******************");
    assert_hidden("abcdefghijklmnop", "abcdefg is short", "abcdefg is short");
    assert_hidden("abababababababab", "xababababx", "x********x");
    assert_hidden("secret", "a secret, secre", "a ******, secre");
    assert_hidden("pin", "a pin", "a ***");
    assert_hidden("a/b/c/d/e/f/g", "cut: a\\/b\\/c\\/d\\/…", "cut: ************…");
    assert_hidden("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
                  "********");
    assert_hidden("abcdefghijklmnop", "", "");
}

REDACT_TEST(all_texts_of_an_error_are_looked_at)
{
    th_secret *secret = make("abcdefghijklmnop");
    th_error err = {0}, cause = {0};
    th_fail(&cause, TH_REFUSED, "because of abcdefghijklmnop");
    th_fail(&err, TH_REFUSED, "no abcdefghijklmnop");
    th_error_set_code(&err, "abcdefghijklmnop");
    th_error_set_request(&err, "GET", "/x/abcdefghijklmnop");
    th_error_advise(&err, "use abcdefghijklmnop");
    th_error_fault(&err, "abcdefghijklmnop", "must be abcdefghijklmnop");
    th_error_set_cause(&err, &cause);
    th_redact_error(&err);
    assert_string_equal(err.message, "no ****************");
    assert_string_equal(err.code, "****************");
    assert_string_equal(err.request, "GET /x/****************");
    assert_string_equal(err.advice, "use ****************");
    assert_string_equal(err.faults[0].field, "****************");
    assert_string_equal(err.faults[0].rule, "must be ****************");
    assert_string_equal(err.cause->message, "because of ****************");
    th_error_close(&err);
    th_secret_unref(secret);
}
