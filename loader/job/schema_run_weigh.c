/* How much work an item is: those with most go first, and what has little gets little memory. */
#include "base/cleanup.h"
#include "job/schema_run_internal.h"

#include <stdlib.h>

#define PAGE_BYTES UINT64_C(8192)
#define MEMORY_MIN (UINT64_C(8) << 20)
#define MEMORY_MAX (UINT64_C(256) << 20)
/* A server starts another process for an index only where each of them has this much. */
#define PROCESS_BYTES (UINT64_C(32) << 20)

/* ---- sizes, as the source's catalog has them ---- */

static int by_object(const void *x, const void *y)
{
    const struct weight *a = x;
    const struct weight *b = y;
    if (a->class_oid != b->class_oid) {
        return a->class_oid < b->class_oid ? -1 : 1;
    }
    return (a->oid > b->oid) - (a->oid < b->oid);
}

static struct weight *read_weights(struct pg *source, size_t *count)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct err ignored;
    if (pg_is_dead(source) ||
        !pg_query(source,
                  "SELECT c.tableoid, c.oid, c.relpages, a.amname = 'btree'"
                  " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam"
                  " WHERE c.relkind = 'i' AND c.relpages >= 128"
                  " UNION ALL SELECT k.tableoid, k.oid, c.relpages, k.contype IN ('p', 'u')"
                  " FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c"
                  " ON c.oid = CASE k.contype WHEN 'f' THEN k.conrelid ELSE k.conindid END"
                  " WHERE k.contype IN ('p', 'u', 'x', 'f') AND c.relpages >= 128",
                  0, NULL, &r, &ignored)) {
        return NULL;
    }
    size_t rows = pg_rows_count(r);
    struct weight *list = calloc(rows + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < rows; i++) {
        list[i] = (struct weight){.class_oid = (uint32_t)pg_int(r, i, 0),
                                  .oid = (uint32_t)pg_int(r, i, 1),
                                  .bytes = (uint64_t)pg_int(r, i, 2) * PAGE_BYTES,
                                  .is_btree = pg_bool(r, i, 3)};
    }
    *count = list == NULL ? 0 : rows;
    return list;
}

/* ---- the order ---- */

/* A key lets nothing run beside it on its table, so that what comes later can fill all lanes. */
static int by_work(const void *x, const void *y)
{
    const struct due *a = x;
    const struct due *b = y;
    bool key = a->item->work == WORK_KEY;
    if (key != (b->item->work == WORK_KEY)) {
        return key ? -1 : 1;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return (a->item > b->item) - (a->item < b->item);
}

void weigh_order(struct weight *weights, size_t known, struct due *items, size_t count)
{
    qsort(weights, known, sizeof *weights, by_object);
    for (size_t i = 0; i < count; i++) {
        const struct dump_entry *e = items[i].item->entry;
        struct weight key = {.class_oid = e == NULL ? 0 : e->class_oid,
                             .oid = e == NULL ? 0 : e->oid};
        const struct weight *found = bsearch(&key, weights, known, sizeof *weights, by_object);
        items[i].bytes = found == NULL ? 0 : found->bytes;
        items[i].is_btree = found != NULL && found->is_btree;
    }
    qsort(items, count, sizeof *items, by_work);
}

void weigh_due(const struct schema_context *cx, struct due *items, size_t count)
{
    size_t known = 0;
    CLEANUP_FREE struct weight *list = read_weights(cx->source, &known);
    if (list != NULL) {
        weigh_order(list, known, items, count);
    }
}

/* ---- memory ---- */

/* A sort is quickest in runs that stay near the processor's caches, as few as one merge can take at
 * once. The server gives 272 kB to each run that it merges, and what it sorts is at most 2.5 times
 * as large as the index: so the memory is about 1 MB times the root of the index's megabytes. */
static uint64_t memory_for_one(uint64_t bytes)
{
    uint64_t memory = MEMORY_MIN;
    while (memory < MEMORY_MAX && (memory >> 10) * (memory >> 10) < bytes) {
        memory *= 2;
    }
    return memory;
}

/* Indexes of other kinds keep in memory what they would else look for on disk again and again. */
uint64_t weigh_memory(const struct schema_context *cx, const struct due *due, size_t beside)
{
    const struct schema_request *q = &cx->spec->schema;
    bool sorts = due->is_btree && (due->item->work == WORK_INDEX || due->item->work == WORK_KEY);
    if (!sorts || due->bytes == 0 || q->memory_bytes > 0 || cx->group->is_limitless) {
        return 0;
    }
    uint64_t one = memory_for_one(due->bytes);
    uint64_t processes =
        q->workers_given ? (uint64_t)q->workers + 1 : cx->spec->jobs / (beside == 0 ? 1 : beside);
    if (one >= MEMORY_MAX || processes > MEMORY_MAX / PROCESS_BYTES) {
        return 0;
    }
    uint64_t all = processes > 1 ? processes * PROCESS_BYTES : 0;
    return one > all ? one : all;
}
