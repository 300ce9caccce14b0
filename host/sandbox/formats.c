#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/check.h"

static bool is_address(const char *text, int *family)
{
    unsigned char address[16];
    *family = AF_INET;
    if (inet_pton(AF_INET, text, address) == 1)
        return true;
    *family = AF_INET6;
    return inet_pton(AF_INET6, text, address) == 1;
}

const char *sb_format_ip(const char *text)
{
    int family;
    return is_address(text, &family) ? NULL : "must be an IP address";
}

const char *sb_format_ip_or_cidr(const char *text)
{
    static const char rule[] = "must be an IP address or a CIDR range";
    char address[64];
    int family;
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof address)
        return rule;
    memcpy(address, text, length);
    address[length] = '\0';
    if (!is_address(address, &family))
        return rule;
    if (!slash)
        return NULL;
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits < 1 || digits > 3 || slash[1 + digits] != '\0')
        return rule;
    return atoi(slash + 1) <= (family == AF_INET ? 32 : 128) ? NULL : rule;
}

const char *sb_format_host(const char *text)
{
    bool empty_label = true;
    for (const char *c = text; *c != '\0'; c++) {
        bool dot = *c == '.';
        if (!dot && !isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            return "must be a host name or address without a port";
        if (dot && empty_label)
            return "must be a host name without an empty label";
        empty_label = dot;
    }
    return *text ? NULL : "must not be empty";
}

static size_t digits_after_plus(const char *text)
{
    if (text[0] != '+' || text[1] < '1' || text[1] > '9')
        return 0;
    size_t digits = strspn(text + 1, "0123456789");
    return text[1 + digits] == '\0' ? digits : 0;
}

const char *sb_format_e164(const char *text)
{
    size_t digits = digits_after_plus(text);
    return digits >= 7 && digits <= 15 ? NULL
                                       : "must be a number in E.164 form, such as +4930231250";
}

const char *sb_format_country(const char *text)
{
    bool fits =
        strlen(text) == 2 && isupper((unsigned char)text[0]) && isupper((unsigned char)text[1]);
    return fits ? NULL : "must be a country code of two capital letters";
}

const char *sb_format_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool fits = strlen(text) == sizeof shape - 1;
    for (size_t i = 0; fits && i < sizeof shape - 1; i++)
        fits = shape[i] == '-' ? text[i] == '-' : strchr("0123456789abcdef", text[i]) != NULL;
    return fits ? NULL : "must be a UUID";
}

const char *sb_format_ulid(const char *text)
{
    bool fits = strlen(text) == 26 && strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == 26;
    return fits ? NULL : "must be an id as the API returned it";
}

const char *sb_format_id(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    bool fits = digits > 0 && digits <= 18 && text[digits] == '\0' && text[0] != '0';
    return fits ? NULL : "must be an integer";
}

const char *sb_format_codecs(const char *text)
{
    bool empty = true;
    for (; *text != '\0'; text++) {
        if (*text == ',' && empty)
            break;
        if (*text != ',' && !isalnum((unsigned char)*text) && *text != '.' && *text != '-')
            break;
        empty = *text == ',';
    }
    return *text == '\0' && !empty ? NULL : "must be codec names, separated by commas";
}

const char *sb_format_pcm(const char *text)
{
    static const char *const lists[] = {"PCMU", "PCMA", "PCMU,PCMA", "PCMA,PCMU", NULL};
    return sb_one_of(text, lists) ? NULL : "must be PCMU, PCMA or both, separated by a comma";
}
