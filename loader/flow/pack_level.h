/*
 * pack_level.h: how hard to compress, from what was waited for. Pure.
 *
 * Level 0 is not to compress: batches go to disk as they are. That is where a run begins, since
 * compressing costs far more of a processor than writing. A higher level is for when processors
 * have time to spare, when the disk is what readers wait for, or when its space gets short; a
 * lower one for when packing is what readers wait for, or when packers have to wait for a
 * processor, which others then wait for as well. One step at a time, looked at once a second.
 */
#ifndef FLOW_PACK_LEVEL_H
#define FLOW_PACK_LEVEL_H

#define PACK_LEVEL_START    0
#define PACK_LEVEL_AUTO_MAX 9

struct pack_times {  /* shares of the time since the last look, 0..1 */
    double packing;  /* of the packers' time */
    double spilling; /* likewise */
    double readers_waiting;
    double processor_waiting; /* of the time that a packer wanted a processor: without one */
    double disk_used;         /* of the space that may be used */
};

/* From 0 to PACK_LEVEL_AUTO_MAX. */
int pack_level_next(int level, const struct pack_times *t);

#endif
