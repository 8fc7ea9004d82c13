/*
 * why.h: which side a load is bound by, judged from where its threads' time went. Pure.
 *
 * Shares are of the time that threads of one kind spent on anything: one without work is not
 * counted, so that the end of a load, when streams have nothing left, looks like nothing else.
 */
#ifndef UI_WHY_H
#define UI_WHY_H

#include "base/buf.h"
#include "ui/view.h"

enum why_group { WHY_READERS, WHY_WRITERS, WHY_PACKERS, WHY_GROUPS };

enum why {
    WHY_NOTHING, /* nothing was measured */
    WHY_BALANCED,
    WHY_DESTINATION,
    WHY_COMMIT,
    WHY_SOURCE,
    WHY_RATE,       /* --max-rate */
    WHY_MEMORY,     /* readers have no room while writers have no rows */
    WHY_SPILL_READ, /* getting back what was put aside */
    WHY_DISK_FULL,
    WHY_PACKING, /* compressing makes room more slowly than readers fill it */
};

#define WHY_SHORT_MAX 48

/* Nanoseconds of all activities of one kind of threads; having nothing to do is none. */
uint64_t why_sum_ns(const struct spent *s, enum why_group group);
/* 0..100, of its own group. */
unsigned why_percent(const struct spent *s, enum activity what);

enum why why_judge(const struct spent *s);
/* "destination": for programs. */
const char *why_name(enum why why);
/* What threads do then: "sending"; and for programs: "send". */
const char *why_activity(enum activity what);
/* The same where packers may be at work: then what readers wait for is room. */
const char *why_activity_in(const struct spent *s, enum activity what);
const char *why_activity_name(enum activity what);

enum why_length {
    WHY_FULL,  /* "destination-bound: writers 94% sending; spilling (1.2 GB on disk, level 3)" */
    WHY_SHORT, /* "destination-bound: 94% sending": at most 30 columns */
    WHY_HEAD,  /* "destination-bound" */
    WHY_LENGTHS
};
/* What the last seconds were bound by; nothing while nothing was measured. */
enum why why_now(const struct progress_view *v);
void why_live(const struct progress_view *v, enum why_length length, struct buf *out);

/* A sentence on the whole run, in lines, without full stop; nothing when nothing was measured. */
void why_verdict(const struct summary_view *v, struct buf *out);

/* "92% sending": what took most of a table's time; "" when nothing was measured. */
void why_table(const struct spent *s, char out[WHY_SHORT_MAX]);

#endif
