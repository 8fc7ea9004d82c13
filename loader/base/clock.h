/* clock.h: the only place that asks what time it is. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000u

uint64_t clock_mono_ns(void); /* never goes back; unrelated to the date */
int64_t clock_wall_ms(void);  /* Unix time */

#define CLOCK_ISO_MAX 32
/* "2026-11-22T08:28:52.123Z" for a Unix time in milliseconds; returns out. */
const char *clock_iso(int64_t wall_ms, char out[CLOCK_ISO_MAX]);

#endif
