/* trunkhost.core: SHA-256 as web pages write it. */
#include <lauxlib.h>
#include <sodium.h>

#include "library.h"

/* sha256(text) → base64 */
static int core_sha256(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char digest[crypto_hash_sha256_BYTES];
    char base64[sodium_base64_ENCODED_LEN(sizeof digest, sodium_base64_VARIANT_ORIGINAL)];
    crypto_hash_sha256(digest, (const unsigned char *)text, len);
    sodium_bin2base64(base64, sizeof base64, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    lua_pushstring(L, base64);
    return 1;
}

void th_open_digests(lua_State *L)
{
    static const luaL_Reg functions[] = {{"sha256", core_sha256}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0); // core
}
