/* The fuzzer's checks over texts that are broken in a fixed pseudo-random way, on every test run.
 */
#include <string.h>

#include "../fuzz/fuzz_json.c"
#include "test.h"

static const char *const seeds[] = {
    "{\"id\":42,\"name\":\"Berlin\",\"ips\":[\"192.0.2.1\"],\"on\":true,\"x\":null,\"f\":false}",
    "[1,-2,3.25,1e3,1E-2,0.1,-0,9007199254740993,-9223372036854775808,999999999999999]",
    "[[],{},[[]],[[],[{}]],{\"a\":[],\"b\":{}}]",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 \xc3\xa9\xf0\x9f\x98\x80\"",
    "{\"a\":{\"a\":1,\"b\":2},\"b\":{\"a\":[{\"a\":1},{\"a\":2}]},\"\\u0063\":0}",
    " [ 1 , { \"k\" : [ ] } , \"s\" ] \n",
    "1.7976931348623157e308",
};

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static size_t mutate(char *text, size_t len, size_t room, uint32_t *random)
{
    static const char interesting[] = "{}[]\",:0123456789-+.eE\\u/tfn \n\xc3\xff\x01";
    size_t at = next_random(random) % (len + 1), n;
    switch (next_random(random) % 4) {
    case 0: /* another byte */
        if (at < len)
            text[at] = interesting[next_random(random) % (sizeof interesting - 1)];
        return len;
    case 1: /* one more byte */
        if (len == room)
            return len;
        memmove(text + at + 1, text + at, len - at);
        text[at] = interesting[next_random(random) % (sizeof interesting - 1)];
        return len + 1;
    case 2: /* a piece less */
        n = next_random(random) % 4;
        if (n > len - at)
            n = len - at;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    default: /* a piece twice */
        n = next_random(random) % 12;
        if (n > len - at || len + n > room)
            return len;
        memmove(text + at + n, text + at, len - at);
        return len + n;
    }
}

TEST(mutated_texts_are_read_as_jansson_reads_them)
{
    uint32_t random = 2463534242u;
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        LLVMFuzzerTestOneInput((const uint8_t *)seeds[s], strlen(seeds[s]));
        for (int i = 0; i < 5000; i++) {
            char text[256];
            size_t len = strlen(seeds[s]);
            memcpy(text, seeds[s], len);
            for (uint32_t n = next_random(&random) % 4; n != UINT32_MAX; n--)
                len = mutate(text, len, sizeof text, &random);
            LLVMFuzzerTestOneInput((const uint8_t *)text, len);
        }
    }
    lua_close(shared);
}
