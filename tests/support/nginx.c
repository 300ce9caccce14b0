#include "nginx.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch_folder.h"

struct nginx {
    char *folder, *ca;
    int ports[NGINX_PORTS];
    char urls[NGINX_PORTS][64];
    pid_t pid;
};

static void die(const char *what)
{
    fprintf(stderr, "nginx for tests: %s\n", what);
    abort();
}

/* --- certificates ----------------------------------------------------------------------------- */

static const char make_certificates[] =
    "set -e; cd \"$1\"; exec 2>openssl.log\n"
    "new='req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -batch'\n"
    "openssl $new -x509 -days 2 -subj '/CN=test authority' -keyout ca.key -out ca.pem\n"
    "openssl $new -x509 -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
    "-keyout stranger.key -out stranger.pem\n"
    "sign() {\n"
    "  openssl $new -subj \"/CN=$1\" -keyout \"$1.key\" -out \"$1.csr\"\n"
    "  echo \"subjectAltName=$2\" >\"$1.ext\"\n"
    "  openssl x509 -req -in \"$1.csr\" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
    "-extfile \"$1.ext\" -out \"$1.pem\"\n"
    "}\n"
    "sign localhost DNS:localhost,IP:127.0.0.1\n"
    "sign other DNS:other.example\n";

static int run_and_wait(const char *script, const char *argument)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", script, "sh", argument, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- the server ------------------------------------------------------------------------------- */

/* Bound and listening: nginx inherits it, so that nobody has to wait until it has started. (Without
 * a master process, nginx 1.22 crashes on inherited sockets.) */
static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("cannot listen on 127.0.0.1");
    *port = ntohs(address.sin_port);
    return fd;
}

static void write_with_names(FILE *file, const nginx *server, const char *text)
{
    while (*text) {
        if (text[0] == '@' && text[1] >= '0' && text[1] < '0' + NGINX_PORTS && text[2] == '@') {
            fprintf(file, "127.0.0.1:%d", server->ports[text[1] - '0']);
            text += 3;
        } else if (strncmp(text, "@dir@", 5) == 0) {
            fputs(server->folder, file);
            text += 5;
        } else {
            fputc(*text++, file);
        }
    }
}

static void write_configuration(const nginx *server, const char *servers)
{
    static const char head[] =
        "daemon off; worker_processes 1; user root root; pid @dir@/pid;\n"
        "error_log @dir@/error.log info;\n"
        "events { worker_connections 1024; }\n"
        "http {\n"
        "  access_log off; default_type application/json; keepalive_requests 1000000;\n"
        "  client_body_temp_path @dir@/body; proxy_temp_path @dir@/proxy;\n"
        "  fastcgi_temp_path @dir@/fastcgi; uwsgi_temp_path @dir@/uwsgi;\n"
        "  scgi_temp_path @dir@/scgi;\n"
        "  ssl_certificate @dir@/localhost.pem; ssl_certificate_key @dir@/localhost.key;\n";
    char *path = scratch_path(server->folder, "nginx.conf");
    FILE *file = fopen(path, "w");

    if (!file)
        die("cannot write its configuration");
    write_with_names(file, server, head);
    write_with_names(file, server, servers);
    fputs("}\n", file);
    fclose(file);
    free(path);
}

static void become_nginx(const nginx *server, const int *listeners)
{
    char inherited[64] = "";

    prctl(PR_SET_PDEATHSIG, SIGTERM); /* not to be left behind by a test that crashes */
    for (size_t i = 0; i < NGINX_PORTS; i++) {
        int fd = dup(listeners[i]); /* without close-on-exec */
        char number[16];
        snprintf(number, sizeof number, "%d;", fd);
        strcat(inherited, number);
    }
    setenv("NGINX", inherited, 1);
    char *configuration = scratch_path(server->folder, "nginx.conf");
    char *log = scratch_path(server->folder, "start.log");
    if (!freopen(log, "w", stderr))
        _exit(127);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    execlp("nginx", "nginx", "-p", server->folder, "-c", configuration, "-e", log, (char *)NULL);
    _exit(127);
}

nginx *nginx_start(const char *servers)
{
    nginx *server = calloc(1, sizeof *server);
    int listeners[NGINX_PORTS];

    if (!server)
        die("memory");
    server->folder = scratch_create();
    server->ca = scratch_path(server->folder, "ca.pem");
    if (run_and_wait(make_certificates, server->folder) != 0)
        die("openssl cannot make certificates; is it installed?");
    for (size_t i = 0; i < NGINX_PORTS; i++) {
        listeners[i] = listen_somewhere(&server->ports[i]);
        snprintf(server->urls[i], sizeof server->urls[i], "https://localhost:%d", server->ports[i]);
    }
    write_configuration(server, servers);
    server->pid = fork();
    if (server->pid == 0)
        become_nginx(server, listeners);
    if (server->pid < 0)
        die("fork");
    for (size_t i = 0; i < NGINX_PORTS; i++)
        close(listeners[i]);
    return server;
}

void nginx_stop(nginx *server)
{
    int status;

    if (!server)
        return;
    if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
        char *log = nginx_file(server, "start.log");
        fprintf(stderr, "%s", log);
        die("it has ended by itself; is nginx-light installed?");
    }
    kill(server->pid, SIGTERM); /* the master takes its worker along */
    waitpid(server->pid, &status, 0);
    scratch_destroy(server->folder);
    free(server->ca);
    free(server);
}

int nginx_port(const nginx *server, size_t index)
{
    return server->ports[index];
}

const char *nginx_url(const nginx *server, size_t index)
{
    return server->urls[index];
}

const char *nginx_ca(const nginx *server)
{
    return server->ca;
}

char *nginx_file(const nginx *server, const char *name)
{
    size_t len;
    char *path = scratch_path(server->folder, name);
    char *text = scratch_read(path, &len);

    free(path);
    return text ? text : strdup("");
}
