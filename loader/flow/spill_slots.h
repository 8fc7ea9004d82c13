/*
 * spill_slots.h: which slots of a spill file are taken. Pure; not thread-safe, the spill has a
 * lock.
 */
#ifndef FLOW_SPILL_SLOTS_H
#define FLOW_SPILL_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slots {
    uint64_t *words; /* a bit a slot, set when taken */
    size_t words_count;
    size_t word_lowest; /* no slot of a word before this one is free */
    uint64_t count;     /* slots that the file has */
    uint64_t taken;
};

void slots_free(struct slots *s); /* zeroed is allowed */

/* The file has so many slots now; it never shrinks. False without memory: then nothing changed. */
bool slots_grow(struct slots *s, uint64_t count);

/* The lowest free one, taken. False when none is. */
bool slots_take(struct slots *s, uint64_t *number);

/* A certain one. False when there is no such slot, or it is taken. */
bool slots_claim(struct slots *s, uint64_t number);

/* Asserts that it is taken. */
void slots_give(struct slots *s, uint64_t number);

#endif
