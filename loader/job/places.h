/*
 * places.h: what becomes of the writers when the destination takes fewer connections than there are
 * of them: SQLSTATE 53300, by max_connections or the CONNECTION LIMIT of a role or database.
 *
 * As long as one writer has a connection, those that get none are parked: they hold no rows, and
 * one of them at a time tries again after PLACES_RETRY_NS. A writer is parked only while another
 * one is connected, and one that loses its connection with nobody else connected is never parked:
 * so there is always one that goes on, or goes on trying. The control connection goes before
 * writers: while it has no place none of them dials, and one gives its place up.
 *
 * Knows no server; times, monotonic, come in. Thread-safe, with a lock of its own; every call is
 * short.
 */
#ifndef JOB_PLACES_H
#define JOB_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#define PLACES_RETRY_NS 30000000000ull
/* While another one tries, or the control connection waits: then it may be known how that went. */
#define PLACES_LOOK_NS 1000000000ull

struct places;

struct places *places_new(unsigned writers); /* NULL without memory */
void places_free(struct places *p);          /* NULL is allowed */

/* May this writer dial? False: it is parked until *until_ns. */
bool places_may_dial(struct places *p, unsigned writer, uint64_t now_ns, uint64_t *until_ns);
/* How that ended. refused: there was no place for it; true: it is parked until *until_ns, false: it
 * is the last one, and goes on trying. */
void places_taken(struct places *p, unsigned writer, uint64_t now_ns);
void places_failed(struct places *p, unsigned writer);
bool places_refused(struct places *p, unsigned writer, uint64_t now_ns, uint64_t *until_ns);
/* It has its connection no more. */
void places_left(struct places *p, unsigned writer);

/* The control connection was refused for want of a place, again (each time one more writer leaves);
 * or it has one. */
void places_want_control(struct places *p, uint64_t now_ns);
void places_have_control(struct places *p);
/* Between two transactions: is this the writer to leave for it? */
bool places_should_leave(struct places *p, unsigned writer);

struct places_view {
    unsigned connected; /* writers */
    unsigned parked;
    unsigned fewest;     /* connected ones when a writer was last parked */
    uint64_t full_ns;    /* since when there is no place for some; 0: there is, as far as known */
    uint64_t refused_ns; /* when one was last refused */
    bool ever_full;
};
void places_look(struct places *p, struct places_view *out);

#endif
