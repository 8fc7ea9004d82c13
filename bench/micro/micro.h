/*
 * micro.h: what the micro-benchmarks share: the table that they print, and rows that look like a
 * real table's. One process, one thread unless a benchmark says otherwise.
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include "flow/batch.h"

#include <stddef.h>
#include <stdint.h>

#define MICRO_ROOM    262144u
#define MICRO_REPEATS 9

/* One thing that is measured: run does it ops times. */
struct micro {
    const char *name;
    uint64_t ops;
    uint64_t bytes; /* that one moves; 0: none, no rate is shown */
    void (*run)(void *context, uint64_t ops);
    void *context;
};

void micro_title(void);
/* Once to warm up, then MICRO_REPEATS times; prints median, rate, and from best to worst in percent
 * of the median. */
void micro_measure(const struct micro *m);

/* Ends the program when ok is false: a benchmark of what fails says nothing. */
void micro_require(int ok, const char *what);

/* A SEALED batch, nearly full of rows as COPY sends them in binary: a key, a number, a time, words,
 * a short code. Another seed, other rows. */
struct batch *micro_rows(uint64_t seed);
void micro_reuse(struct batch *b); /* to FILLING, whatever it was */

#endif
