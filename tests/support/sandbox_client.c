#include "sandbox_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "test.h"

void sandbox_client_open(sandbox_client *client, const char *api, const char *spec)
{
    th_sandbox_options options;
    th_error err = {0};
    char *storage = NULL;
    th_sandbox_defaults(&options);
    *client = (sandbox_client){.api = api, .token = "sandbox", .content_type = "application/json"};
    if (th_sandbox_parse(spec, &options, &storage, &err) != 0 ||
        th_sandbox_start(&options, &client->sandbox, &err) != 0)
        fail_msg("%s", err.message);
    free(storage);
    client->easy = curl_easy_init();
    assert_non_null(client->easy);
}

void sandbox_client_close(sandbox_client *client)
{
    curl_easy_cleanup(client->easy);
    th_sandbox_stop(client->sandbox);
    th_buf_close(&client->text);
    th_buf_close(&client->headers);
    json_decref(client->json);
}

static size_t keep(char *data, size_t size, size_t count, void *ctx)
{
    return th_buf_append(ctx, data, size * count) == 0 ? size * count : 0;
}

static struct curl_slist *headers_for(const sandbox_client *client, const char *body)
{
    char line[256];
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (client->token) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", client->token);
        list = curl_slist_append(list, line);
    }
    /* libcurl would add a type of its own to a body. */
    if (body && client->content_type)
        snprintf(line, sizeof line, "Content-Type: %s", client->content_type);
    else
        snprintf(line, sizeof line, "Content-Type:");
    return curl_slist_append(list, line);
}

long sandbox_client_send(sandbox_client *client, const char *method, const char *path,
                         const char *body)
{
    CURL *easy = client->easy;
    char url[512];
    const char *base = th_sandbox_base_url(client->sandbox, client->api);
    struct curl_slist *headers = headers_for(client, body);
    if (base)
        snprintf(url, sizeof url, "%s%s", base, path);
    else
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", th_sandbox_port(client->sandbox), path);
    curl_easy_reset(easy);
    th_buf_clear(&client->text);
    th_buf_clear(&client->headers);
    json_decref(client->json);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    /* A kept connection that closes without a reply would make libcurl send the request again. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &client->text);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &client->headers);
    if (body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    client->code = curl_easy_perform(easy);
    client->status = 0;
    if (client->code == CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &client->status);
    client->json = client->text.len ? json_loadb(client->text.data, client->text.len,
                                                 JSON_REJECT_DUPLICATES, NULL)
                                    : NULL;
    curl_slist_free_all(headers);
    return client->status;
}

json_t *json_at(json_t *json, const char *path)
{
    char name[64];
    while (json && *path != '\0') {
        size_t length = strcspn(path, ".");
        assert_true(length < sizeof name);
        memcpy(name, path, length);
        name[length] = '\0';
        json = json_is_array(json) && strspn(name, "0123456789") == length
                   ? json_array_get(json, strtoul(name, NULL, 10))
                   : json_object_get(json, name);
        path += length + (path[length] == '.');
    }
    return json;
}

const char *text_at(json_t *json, const char *path)
{
    static char text[256];
    json_t *value = json_at(json, path);
    if (!value)
        snprintf(text, sizeof text, "absent");
    else if (json_is_string(value))
        snprintf(text, sizeof text, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else
        snprintf(text, sizeof text, "%s",
                 json_is_true(value)    ? "true"
                 : json_is_false(value) ? "false"
                 : json_is_null(value)  ? "null"
                                        : "other");
    return text;
}

json_t *sandbox_client_report(sandbox_client *client, const char *what)
{
    char *text = th_sandbox_report(client->sandbox, what);
    assert_non_null(text);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

size_t sandbox_client_violations(sandbox_client *client)
{
    json_t *list = sandbox_client_report(client, "violations");
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

const char *sandbox_client_header(sandbox_client *client, const char *name)
{
    static char value[128];
    size_t length = strlen(name);
    for (const char *line = client->headers.data; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1 + strspn(line + length + 1, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r\n"), line);
            return value;
        }
    }
    return NULL;
}

/* The codes of the violations after the first `before`, each followed by a space. */
static void list_codes(sandbox_client *client, size_t before, char *out, size_t size)
{
    json_t *list = sandbox_client_report(client, "violations");
    *out = '\0';
    for (size_t i = before; i < json_array_size(list); i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s ", text_at(json_array_get(list, i), "code"));
    }
    json_decref(list);
}

void sandbox_client_expect(sandbox_client *client, const sandbox_case *cases)
{
    for (; cases->method; cases++) {
        char codes[512], wanted[64];
        size_t before = sandbox_client_violations(client);
        sandbox_client_send(client, cases->method, cases->path, cases->body);
        const char *body = cases->body ? cases->body : "";
        if (client->status != cases->status)
            fail_msg("%s %s %s: status %ld instead of %ld: %s", cases->method, cases->path, body,
                     client->status, cases->status, client->text.len ? client->text.data : "");
        list_codes(client, before, codes, sizeof codes);
        snprintf(wanted, sizeof wanted, "%s ", cases->violation ? cases->violation : "");
        if (cases->violation ? !strstr(codes, wanted) : *codes != '\0')
            fail_msg("%s %s %s: violations \"%s\" instead of \"%s\"", cases->method, cases->path,
                     body, codes, wanted);
    }
}
