/*
 * split.h: where to cut a table into chunks. Pure arithmetic, no SQL.
 *
 * The chunks of a table never overlap and leave nothing out, whatever the sizes and samples say:
 * bounds are half-open, the first chunk has no lower and the last no upper bound, and rows with a
 * NULL key have a chunk of their own. There are no sentinels: an open end is a NULL pointer. The
 * sizes only decide how even the chunks are.
 */
#ifndef JOB_SPLIT_H
#define JOB_SPLIT_H

#include "base/err.h"
#include "ends/chunk_kind.h"

#include <stddef.h>
#include <stdint.h>

struct cut {
    enum chunk_kind kind;
    char *lower;    /* inclusive; NULL = open */
    char *upper;    /* exclusive; NULL = open */
    uint64_t bytes; /* planned share of the table's size; the cuts' bytes add up to table_bytes */
};

struct cut_list {
    struct cut *items;
    size_t count;
};

void cut_list_free(struct cut_list *list);

struct split_input {
    enum chunk_kind kind;      /* CHUNK_WHOLE, CHUNK_TID or CHUNK_KEY */
    uint64_t table_bytes;      /* with TOAST */
    uint64_t chunk_bytes;      /* wished; >= 1 */
    uint64_t heap_pages;       /* TID */
    const char *const *sample; /* KEY: ascending bounds as catalog_sample gives them; may repeat */
    size_t sample_count;
    bool nullable;   /* KEY: add a chunk for NULL */
    size_t cuts_max; /* >= 2; chunks grow rather than exceed it */
};

/* How many chunks the table should become, before any sample is taken: 1..cuts_max. */
size_t split_wanted(uint64_t table_bytes, uint64_t chunk_bytes, size_t cuts_max);

/* At least one cut always. A TID chunk has at least one page. ERR_SYSTEM without memory. */
bool split_table(const struct split_input *in, struct cut_list *out, struct err *err) MUST_CHECK;

#endif
