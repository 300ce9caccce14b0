/*
 * measure CPUS FILE COMMAND…
 *
 * Runs the command on these processors (0, or 0,1) and writes what it used to FILE, in one line:
 * wall µs, user µs, system µs, peak memory KiB. Exits with the command's status.
 *
 * It is a program and not a line of shell because Linux counts the peak memory of whoever starts a
 * command into the command's own (it survives exec), and this starter is smaller than any of them.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long wall_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static long long tv_us(struct timeval tv)
{
    return tv.tv_sec * 1000000LL + tv.tv_usec;
}

static void child(const char *cpus, char **argv)
{
    cpu_set_t set;
    char *end;
    CPU_ZERO(&set);
    do {
        CPU_SET((size_t)strtoul(cpus, &end, 10), &set);
        cpus = end + 1;
    } while (*end == ',');
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        perror("measure: cannot pin the command to its processors");
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int status = 0;
    FILE *out;
    if (argc < 4) {
        fprintf(stderr, "usage: measure CPUS FILE COMMAND...\n");
        return 2;
    }
    long long begin = wall_us();
    pid_t pid = fork();
    if (pid < 0) {
        perror("measure");
        return 2;
    }
    if (pid == 0)
        child(argv[1], argv + 3);
    if (wait4(pid, &status, 0, &usage) < 0) {
        perror("measure");
        return 2;
    }
    long long wall = wall_us() - begin;
    out = fopen(argv[2], "w");
    if (out == NULL) {
        perror(argv[2]);
        return 2;
    }
    fprintf(out, "%lld %lld %lld %ld\n", wall, tv_us(usage.ru_utime), tv_us(usage.ru_stime),
            usage.ru_maxrss);
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
