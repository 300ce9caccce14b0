#include "sandbox/kill_client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The inode of the socket that is connected from one port of 127.0.0.1 to the other; 0: none. */
static unsigned long socket_between(unsigned from, unsigned to)
{
    FILE *table = fopen("/proc/net/tcp", "re");
    char line[256];
    unsigned long found = 0;
    while (table && !found && fgets(line, sizeof line, table)) {
        unsigned local_host, local, remote_host, remote, state;
        unsigned long inode;
        if (sscanf(line, " %*d: %x:%x %x:%x %x %*s %*s %*s %*s %*s %lu", &local_host, &local,
                   &remote_host, &remote, &state, &inode) == 6 &&
            local == from && remote == to && local_host == htonl(INADDR_LOOPBACK))
            found = inode;
    }
    if (table)
        fclose(table);
    return found;
}

static bool holds(const char *pid, unsigned long inode)
{
    char path[300], wanted[64], target[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *folder = opendir(path);
    bool found = false;
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder)
        closedir(folder);
    return found;
}

void sb_kill_client(struct MHD_Connection *connection, unsigned port)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_in address;
    if (!info || info->client_addr->sa_family != AF_INET)
        return;
    memcpy(&address, info->client_addr, sizeof address);
    unsigned long inode = socket_between(ntohs(address.sin_port), port);
    DIR *processes = inode ? opendir("/proc") : NULL;
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        if (isdigit((unsigned char)entry->d_name[0]) && holds(entry->d_name, inode)) {
            kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
            break;
        }
    }
    if (processes)
        closedir(processes);
}
