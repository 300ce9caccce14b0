/*
 * What a running sandbox can be told: another world, other faults, and to kill a client at a known
 * request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox_client.h"
#include "test.h"

static long tell(sandbox_client *client, const char *path, const char *body)
{
    const char *api = client->api;
    client->api = "";
    long status = sandbox_client_send(client, "POST", path, body);
    client->api = api;
    return status;
}

static size_t trunks(sandbox_client *client)
{
    json_t *state = sandbox_client_report(client, "state");
    size_t count = json_array_size(json_at(state, "famulor.trunks"));
    json_decref(state);
    return count;
}

static char *report(const char *spec)
{
    sandbox_client client;
    sandbox_client_open(&client, "", spec);
    char *text = th_sandbox_report(client.sandbox, "state");
    sandbox_client_close(&client);
    return text;
}

TEST(a_reset_can_bring_another_world)
{
    SANDBOX(client, "famulor", "trunks=2,limits=none");
    const char *token = th_sandbox_token(client.sandbox);
    assert_int_equal(tell(&client, "/_sandbox/reset",
                          "{\"trunks\":5,\"seed\":9,\"fault\":\"drop@PUT=1\",\"limits\":\"1/60\"}"),
                     200);
    assert_ptr_equal(th_sandbox_token(client.sandbox), token);
    char *wanted = report("trunks=5,seed=9"), *got = th_sandbox_report(client.sandbox, "state");
    assert_string_equal(got, wanted);
    free(wanted);
    free(got);
    assert_int_equal(sandbox_client_send(&client, "PUT", "/user/phone-numbers/sip-trunks/42", "{}"),
                     0);
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 200);
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 429);
    /* What is not named stays as it was told last. */
    assert_int_equal(tell(&client, "/_sandbox/reset", "{\"trunks\":3}"), 200);
    assert_int_equal(trunks(&client), 3);
    assert_int_equal(sandbox_client_send(&client, "PUT", "/user/phone-numbers/sip-trunks/42", "{}"),
                     0);
    assert_int_equal(tell(&client, "/_sandbox/reset", NULL), 200);
    assert_int_equal(trunks(&client), 3);
}

TEST(other_faults_leave_the_world_alone)
{
    static const char change[] = "{\"sip_password\":\"changed\"}",
                      trunk[] = "/user/phone-numbers/sip-trunks/42";
    SANDBOX(client, "famulor", "trunks=2,fault=lost_reply@PUT=1");
    assert_int_equal(sandbox_client_send(&client, "PUT", trunk, change), 0);
    assert_int_equal(tell(&client, "/_sandbox/faults", "{}"), 200);
    assert_int_equal(sandbox_client_send(&client, "GET", trunk, NULL), 200);
    json_t *all = sandbox_client_report(&client, "state");
    assert_string_equal(text_at(all, "famulor.trunks.0.sip_password"), "changed");
    json_decref(all);
    assert_int_equal(tell(&client, "/_sandbox/faults", "{\"fault\":\"error_before=1\",\"seed\":4}"),
                     200);
    assert_int_equal(sandbox_client_send(&client, "GET", trunk, NULL), 500);
}

TEST(a_wrong_command_changes_nothing)
{
    static const struct {
        const char *path, *body, *words;
    } cases[] = {
        {"/_sandbox/reset", "{\"trunks\":-1}", "whole number"},
        {"/_sandbox/reset", "{\"trunks\":true}", "a number or a text"},
        {"/_sandbox/reset", "{\"trunks\":1,\"port\":1}", "\"port\" cannot be set here"},
        {"/_sandbox/reset", "{\"trunks\":1,\"fault\":\"rain=1\"}", "rain=1"},
        {"/_sandbox/reset", "{\"trunks\":1,\"limits\":\"few\"}", "few"},
        {"/_sandbox/reset", "[]", "JSON object"},
        {"/_sandbox/faults", "{\"trunks\":1}", "\"trunks\" cannot be set here"},
        {"/_sandbox/faults", "{\"fault\":\"drop=2\"}", "drop=2"},
        {"/_sandbox/kill", "{\"request\":1}", "which request"},
        {"/_sandbox/kill", "{\"request\":0,\"moment\":\"after\"}", "which request"},
        {"/_sandbox/kill", "{\"request\":1,\"moment\":\"soon\"}", "which request"},
        {"/_sandbox/kill", "{\"moment\":\"after\"}", "which request"},
    };
    SANDBOX(client, "famulor", "trunks=2");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (tell(&client, cases[i].path, cases[i].body) != 400 ||
            !strstr(client.text.data, cases[i].words))
            fail_msg("%s %s: %ld %s", cases[i].path, cases[i].body, client.status,
                     client.text.data);
    }
    /* A page in a browser can send this type to any port without being asked. */
    client.content_type = "text/plain";
    assert_int_equal(tell(&client, "/_sandbox/reset", "{\"trunks\":1}"), 400);
    assert_int_equal(trunks(&client), 2);
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 200);
}

/* Two requests on two connections, as a process of its own; returns how many were answered, or -1
 * when it was killed. */
static int other_process(unsigned port)
{
    static const char request[] =
        "PUT /famulor/api/user/phone-numbers/sip-trunks/42 HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer sandbox\r\nContent-Type: application/json\r\n"
        "Content-Length: 26\r\n\r\n{\"sip_password\":\"changed\"}";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int answered = 0;
        for (int i = 0; i < 2; i++) {
            char reply[64];
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                send(fd, request, sizeof request - 1, 0) > 0)
                answered += recv(fd, reply, sizeof reply, 0) > 0;
        }
        /* SIGKILL may be on its way, and comes before this call returns to the program. */
        _exit(answered);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? -1 : WEXITSTATUS(status);
}

TEST(a_client_is_killed_before_or_after_its_request_is_carried_out)
{
    for (int before = 0; before < 2; before++) {
        sandbox_client client;
        char body[64];
        sandbox_client_open(&client, "famulor", "trunks=2,limits=none");
        snprintf(body, sizeof body, "{\"request\":2,\"moment\":\"%s\"}",
                 before ? "before" : "after");
        assert_int_equal(tell(&client, "/_sandbox/kill", body), 200);
        assert_int_equal(other_process(th_sandbox_port(client.sandbox)), -1);
        json_t *log = sandbox_client_report(&client, "log");
        assert_string_equal(text_at(log, "0.status"), "200");
        assert_string_equal(text_at(log, "1.status"), "0");
        assert_string_equal(text_at(log, "1.applied"), before ? "false" : "true");
        json_decref(log);
        /* Once is all. */
        assert_int_equal(other_process(th_sandbox_port(client.sandbox)), 2);
        assert_int_equal(tell(&client, "/_sandbox/kill", body), 200);
        assert_int_equal(tell(&client, "/_sandbox/kill", NULL), 200);
        assert_int_equal(other_process(th_sandbox_port(client.sandbox)), 2);
        sandbox_client_close(&client);
    }
}
