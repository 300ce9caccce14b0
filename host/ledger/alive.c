#include "ledger/alive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double th_time_parse(const char *text)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int ms = 0;

    if (!rest || (*rest == '.' && sscanf(rest, ".%3d", &ms) != 1))
        return -1;
    return (double)timegm(&tm) + ms / 1000.0;
}

/* The number behind `name` at the start of a line of /proc/stat, -1 when there is none. */
static double boot_time(void)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[256];
    double seconds = -1;

    while (file && seconds < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "btime %lf", &seconds) != 1)
            seconds = -1;
    if (file)
        fclose(file);
    return seconds;
}

/* When a process started, in ticks since the boot; negative when that is not known. *over: it has
 * ended, and only its parent has not asked yet how. */
static double start_ticks(pid_t pid, bool *over)
{
    char path[64], text[1024];
    FILE *file;
    size_t len;
    const char *at;
    double ticks = -1;

    *over = false;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    file = fopen(path, "re");
    if (!file)
        return -1;
    len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    /* The name in the second field may contain anything, but no ")" follows it. */
    at = strrchr(text, ')');
    *over = at && (strncmp(at, ") Z", 3) == 0 || strncmp(at, ") X", 3) == 0);
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at && sscanf(at, " %lf", &ticks) == 1 ? ticks : -1;
}

enum { BOOT_ID = 40 };

static void read_boot_id(char boot[static BOOT_ID])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    boot[0] = '\0';
    if (file) {
        if (fscanf(file, "%39s", boot) != 1)
            boot[0] = '\0';
        fclose(file);
    }
}

static double since_boot(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *th_boot_stamp(char out[static TH_PROCESS_NAME])
{
    char boot[BOOT_ID];

    read_boot_id(boot);
    out[0] = '\0';
    if (boot[0])
        snprintf(out, TH_PROCESS_NAME, "%s %.3f", boot, since_boot());
    return out;
}

double th_boot_age(const char *stamp)
{
    char boot[BOOT_ID], own[BOOT_ID];
    double then;

    if (sscanf(stamp, "%39s %lf", boot, &then) != 2)
        return -1;
    read_boot_id(own);
    return strcmp(boot, own) == 0 ? since_boot() - then : -1;
}

static void name_process(double ticks, char out[static TH_PROCESS_NAME])
{
    char boot[BOOT_ID];

    read_boot_id(boot);
    out[0] = '\0';
    if (boot[0] && ticks >= 0)
        snprintf(out, TH_PROCESS_NAME, "%s %.0f", boot, ticks);
}

const char *th_process_name(pid_t pid, char out[static TH_PROCESS_NAME])
{
    bool over;

    name_process(pid > 0 ? start_ticks(pid, &over) : -1, out);
    return out;
}

bool th_process_lives(const char *host, pid_t pid, const char *when, const char *name)
{
    enum { TOLERANCE = 2 }; /* seconds: the boot time is known to a second, clocks are set */
    char own[256] = "", now[TH_PROCESS_NAME];
    double ticks, boot;
    bool over;

    if (pid <= 0 || gethostname(own, sizeof own - 1) || strcmp(own, host) != 0)
        return false;
    if (kill(pid, 0) && errno != EPERM)
        return false;
    ticks = start_ticks(pid, &over);
    if (over)
        return false;
    name_process(ticks, now);
    if (name && name[0] && now[0])
        return strcmp(name, now) == 0;
    boot = boot_time();
    return ticks < 0 || boot < 0 ||
           boot + ticks / (double)sysconf(_SC_CLK_TCK) <= th_time_parse(when) + TOLERANCE;
}
