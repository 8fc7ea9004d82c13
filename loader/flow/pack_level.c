#include "flow/pack_level.h"

#include <stdbool.h>

#define BUSY       0.85
#define IDLE       0.50
#define NOTHING    0.02 /* of the time at work: then there is nothing to judge by */
#define WAITING    0.10
#define CROWDED    0.15 /* waiting for a processor */
#define ROOMY      0.05
#define DISK_SHORT 0.50

static int within(int level, int least)
{
    int most = PACK_LEVEL_AUTO_MAX;
    return level < least ? least : level > most ? most : level;
}

int pack_level_next(int level, const struct pack_times *t)
{
    double busy = t->packing + t->spilling;
    int least = t->disk_used > DISK_SHORT ? 1 : 0;
    if (t->readers_waiting > WAITING && busy > BUSY) {
        /* Too slow: by packing, or by a disk that fewer bytes would help. */
        return within(level + (t->packing >= t->spilling ? -1 : 1), least);
    }
    if (t->processor_waiting > CROWDED) {
        return within(level - 1, least);
    }
    bool spare = busy > NOTHING && busy < IDLE && t->processor_waiting < ROOMY;
    return within(spare ? level + 1 : level, least);
}
