#include "sandbox/world.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const sb_api *const sb_apis[SB_APIS] = {&sb_famulor, &sb_autocalls,   &sb_vatel,
                                        &sb_bolna,   &sb_bolna_trunk, &sb_tinyline};

enum { TRUNKS_MAX = 100000, LATENCY_MAX = 60000 };

static uint64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int fill(sb_world *world, th_error *err)
{
    int rc = sb_journal_init(&world->journal, monotonic());
    for (size_t i = 0; rc == 0 && i < SB_APIS; i++)
        rc = sb_store_init(&world->stores[i], sb_apis[i], world->trunks, world->seed);
    return rc == 0
               ? 0
               : th_fail(err, TH_INVALID, "not enough memory: start the sandbox with fewer trunks");
}

static void empty(sb_world *world)
{
    for (size_t i = 0; i < SB_APIS; i++)
        sb_store_close(&world->stores[i]);
    sb_journal_close(&world->journal);
}

static int set_limits(sb_world *world, const char *spec, th_error *err)
{
    sb_window windows[SB_WINDOWS];
    size_t count = 0;
    bool documented = strcmp(spec, "documented") == 0;
    if (!documented) {
        int rc = sb_windows_parse(spec, windows, &count, err);
        if (rc != 0)
            return rc;
    }
    for (size_t i = 0; i < SB_APIS; i++) {
        const sb_window *chosen = documented ? sb_apis[i]->windows : windows;
        if (documented)
            for (count = 0; count < SB_WINDOWS && chosen[count].count; count++)
                ;
        if (sb_limit_init(&world->limits[i], chosen, count,
                          documented ? sb_apis[i]->rate_headers : true))
            return th_fail(err, TH_INVALID, "not enough memory for the limits \"%s\"", spec);
    }
    return 0;
}

static int check_token(const char *token, th_error *err)
{
    const char *c = token;
    while (isalnum((unsigned char)*c) || (*c != '\0' && strchr("-._~+/=", *c)))
        c++;
    if (*token != '\0' && *c == '\0')
        return 0;
    return th_fail(err, TH_INVALID, "the token must be letters, digits and -._~+/= only");
}

int sb_world_init(sb_world *world, const th_sandbox_options *options, th_error *err)
{
    const char *token = options->token ? options->token : "sandbox";
    *world = (sb_world){.trunks = options->trunks,
                        .latency_ms = options->latency_ms,
                        .seed = options->seed,
                        .habits = options->habits};
    int rc = check_token(token, err);
    if (rc == 0 && world->trunks > TRUNKS_MAX)
        rc = th_fail(err, TH_INVALID, "%u trunks are too many: at most %d", world->trunks,
                     TRUNKS_MAX);
    if (rc == 0 && world->latency_ms > LATENCY_MAX)
        rc = th_fail(err, TH_INVALID, "a latency of %u ms is too much: at most %d",
                     world->latency_ms, LATENCY_MAX);
    if (rc == 0)
        rc = sb_faults_init(&world->faults, options->faults, world->seed, err);
    if (rc == 0)
        rc = set_limits(world, options->limits ? options->limits : "documented", err);
    if (rc == 0)
        rc = fill(world, err);
    if (rc == 0 &&
        (!(world->token = strdup(token)) ||
         !(world->limits_text = strdup(options->limits ? options->limits : "documented")) ||
         !(world->faults_text = strdup(options->faults ? options->faults : ""))))
        rc = th_fail(err, TH_INVALID, "not enough memory for the sandbox");
    if (rc != 0)
        sb_world_close(world);
    return rc;
}

void sb_world_close(sb_world *world)
{
    empty(world);
    for (size_t i = 0; i < SB_APIS; i++)
        sb_limit_close(&world->limits[i]);
    free(world->token);
    free(world->limits_text);
    free(world->faults_text);
    *world = (sb_world){0};
}

int sb_world_reset(sb_world *world)
{
    empty(world);
    world->kill_at = 0;
    sb_faults_reset(&world->faults);
    for (size_t i = 0; i < SB_APIS; i++)
        sb_limit_reset(&world->limits[i]);
    return fill(world, NULL);
}

int sb_world_renew(sb_world *world, const th_sandbox_options *options, th_error *err)
{
    sb_world fresh;
    th_sandbox_options all = *options;
    all.token = world->token;
    int rc = sb_world_init(&fresh, &all, err);
    if (rc != 0)
        return rc;
    /* Others hold the address of the token. */
    char *token = fresh.token;
    fresh.token = world->token;
    world->token = token;
    sb_world_close(world);
    *world = fresh;
    return 0;
}

int sb_world_set_faults(sb_world *world, const th_sandbox_options *options, th_error *err)
{
    sb_faults fresh;
    int rc = sb_faults_init(&fresh, options->faults, options->seed, err);
    if (rc != 0)
        return rc;
    char *text = strdup(options->faults);
    if (!text)
        return th_fail(err, TH_INVALID, "not enough memory for the faults");
    free(world->faults_text);
    world->faults_text = text;
    world->faults = fresh;
    world->habits = options->habits;
    return 0;
}
