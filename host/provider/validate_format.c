#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mangled.h"
#include "provider/validate_impl.h"

static bool all_digits(const char *text)
{
    return text[0] && text[strspn(text, "0123456789")] == '\0';
}

bool th_range_parse(const char *text, bool with_prefix, th_range *out)
{
    char address[INET6_ADDRSTRLEN + 1];
    size_t len = with_prefix ? strcspn(text, "/") : strlen(text);
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    out->v6 = strchr(address, ':') != NULL;
    if (inet_pton(out->v6 ? AF_INET6 : AF_INET, address, out->address) != 1)
        return false;
    out->prefix = out->v6 ? 128 : 32;
    if (text[len] == '\0')
        return true;
    const char *digits = text + len + 1;
    bool padded = digits[0] == '0' && digits[1] != '\0';
    if (!all_digits(digits) || strlen(digits) > 3 || padded || atoi(digits) > out->prefix)
        return false;
    out->prefix = atoi(digits);
    return true;
}

/* Labels of letters, digits, `-` and `_`, 63 at most each; a name whose last label is a number
 * would be an address, and then it must be a right one. */
static bool is_host_name(const char *text, size_t len)
{
    if (len == 0 || len > 253)
        return false;
    size_t label = 0;
    bool number = true;
    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch == '.') {
            if (label == 0 || text[i - 1] == '-')
                return false;
            label = 0;
            number = true;
            continue;
        }
        if (ch >= 0x80 || (!isalnum(ch) && ch != '_' && (ch != '-' || label == 0)))
            return false;
        number = number && isdigit(ch);
        if (++label > 63)
            return false;
    }
    return label > 0 && !number && text[len - 1] != '-';
}

static const char *host_fault(const char *text)
{
    th_range range;
    if (th_range_parse(text, false, &range) || is_host_name(text, strlen(text)))
        return NULL;
    if (strstr(text, "://") || strncmp(text, "sip:", 4) == 0)
        return "must be a host name or an IP address alone, not a URI";
    const char *colon = strchr(text, ':');
    if (colon && all_digits(colon + 1))
        return "must be a host name or an IP address without a port";
    return "must be a host name or an IP address";
}

static const char *host_port_fault(const char *text)
{
    static const char rule[] = "must be a host name or an IP address, with a port from 1 to 65535 "
                               "or without ([address]:port for IPv6)";
    const char *colon = strrchr(text, ':');
    char host[256];
    size_t len;
    if (text[0] == '[' && colon && colon > text + 1 && colon[-1] == ']') {
        len = (size_t)(colon - text) - 2; /* without the brackets */
        text++;
    } else if (!colon || host_fault(text) == NULL) {
        return host_fault(text) ? rule : NULL;
    } else {
        len = (size_t)(colon - text);
    }
    if (len >= sizeof host || !all_digits(colon + 1) || strlen(colon + 1) > 5)
        return rule;
    memcpy(host, text, len);
    host[len] = '\0';
    int port = atoi(colon + 1);
    return port >= 1 && port <= 65535 && host_fault(host) == NULL ? NULL : rule;
}

static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;
    for (; text[i] && form[i]; i++)
        if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    return !text[i] && !form[i];
}

/* `+`, then least … 15 digits that do not begin with 0. */
static bool is_international(const char *text, size_t least)
{
    size_t digits = strlen(text) - 1;
    return text[0] == '+' && all_digits(text + 1) && text[1] != '0' && digits >= least &&
           digits <= 15;
}

static bool is_extension(const char *text)
{
    size_t len = strlen(text);
    if (len < 1 || len > 15)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch >= 0x80 || (!isalnum(ch) && !strchr("._-*#", ch)))
            return false;
    }
    return true;
}

/* A number or extension as somebody may have typed it: "+49 (30) 123456", 1000, *21, anna. */
static const char *phone_number_fault(const char *text)
{
    bool odd = text[strspn(text, "+0 ()/.-_")] == '\0' || text[0] == ' ' ||
               text[strlen(text) - 1] == ' '; /* zeros alone call nobody */
    for (size_t i = 0; text[i]; i++) {
        unsigned char ch = (unsigned char)text[i];
        odd = odd || ch >= 0x80 ||
              (!isalnum(ch) && !strchr("._-*#()/ ", ch) && !(ch == '+' && i == 0));
    }
    if (th_mangled_number(text))
        return "must be a number as +4930123456 or an extension; this is what a spreadsheet makes "
               "of one";
    return odd ? "must be a number as +4930123456 or an extension" : NULL;
}

static bool is_country(const char *text)
{
    return text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z' && !text[2];
}

const char *th_format_fault(enum th_format format, const char *text)
{
    th_range range;
    switch (format) {
    case TH_FORMAT_NONE:
        return NULL;
    case TH_FORMAT_HOST:
        return host_fault(text);
    case TH_FORMAT_HOST_PORT:
        return host_port_fault(text);
    case TH_FORMAT_IP:
        return th_range_parse(text, false, &range) ? NULL
                                                   : "must be an IPv4 or IPv6 address, not a range";
    case TH_FORMAT_CIDR:
        return th_range_parse(text, true, &range)
                   ? NULL
                   : "must be an IPv4 or IPv6 address or a range such as 192.0.2.0/28";
    case TH_FORMAT_SOURCE:
        return th_range_parse(text, true, &range) || !host_fault(text)
                   ? NULL
                   : "must be a host name, an IP address or a range such as 192.0.2.0/28";
    case TH_FORMAT_E164:
        return is_international(text, 7)
                   ? NULL
                   : "must be a number as +4930123456: a plus sign and 7 to 15 digits";
    case TH_FORMAT_UUID:
        return is_uuid(text) ? NULL
                             : "must be a UUID, such as 3c90c3cc-0d44-4b50-8888-8dd25736052a";
    case TH_FORMAT_COUNTRY:
        return is_country(text) ? NULL
                                : "must be a two-letter country code in capitals, such as DE";
    case TH_FORMAT_NUMBER_OR_EXTENSION:
        return (is_international(text, 1) || is_extension(text)) && !th_mangled_number(text)
                   ? NULL
                   : "must be an extension of 1 to 15 characters, or a number as +4930123456";
    case TH_FORMAT_PHONE_NUMBER:
        return phone_number_fault(text);
    }
    return NULL;
}
