#include "base/clock.h"

#include <stdio.h>
#include <time.h>

uint64_t clock_mono_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

const char *clock_iso(int64_t wall_ms, char out[CLOCK_ISO_MAX])
{
    /* Rounds down for times before 1970 too, so that the rest is never negative. */
    int64_t ms = (wall_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm utc;
    size_t used = 0;

    if (gmtime_r(&seconds, &utc) != NULL) {
        used = strftime(out, CLOCK_ISO_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    (void)snprintf(out + used, CLOCK_ISO_MAX - used, ".%03dZ", (int)ms);
    return out;
}
