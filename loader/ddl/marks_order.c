/* The order of tables on a shard group. */
#include "ddl/marks_group.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* The items anew, so that each table comes after the one that it is collocated with, and what needs
 * a table, as a function with a row of it does, still after that table. */
struct ordering {
    const struct group_input *in;
    struct schema_item *items;
    size_t count;
    struct schema_item *waiting;
    size_t waiting_count;
    bool *made;  /* of in->tables */
    bool *waits; /* of the dump's entries */
};

static const struct group_table *table_of_item(const struct group_input *in,
                                               const struct schema_item *item)
{
    bool is_table = item->entry != NULL && strcmp(item->type, "TABLE") == 0;
    return is_table ? group_table_of(in, item->entry->oid) : NULL;
}

static bool table_has_to_wait(const struct ordering *o, const struct group_table *t)
{
    const struct group_table *first =
        t == NULL || t->collocated == t->oid ? NULL : group_table_of(o->in, t->collocated);
    return first != NULL && !o->made[first - o->in->tables];
}

static bool has_to_wait(const struct ordering *o, const struct schema_item *item)
{
    const struct dump_toc *toc = o->in->toc;
    const struct dump_entry *e = item->entry;
    bool waits = table_has_to_wait(o, table_of_item(o->in, item));
    for (size_t i = 0; !waits && e != NULL && item->part == SCHEMA_BEFORE && i < e->need_count;
         i++) {
        const struct dump_entry *n = dump_toc_find(toc, e->needs[i]);
        waits = n != NULL && o->waits[n - toc->entries];
    }
    return waits;
}

static void set_waiting(struct ordering *o, const struct schema_item *item, bool waits)
{
    if (item->entry != NULL) {
        o->waits[item->entry - o->in->toc->entries] = waits;
    }
}

static void put_item(struct ordering *o, const struct schema_item *item)
{
    const struct group_table *t = table_of_item(o->in, item);
    o->items[o->count++] = *item;
    set_waiting(o, item, false);
    if (t != NULL) {
        o->made[t - o->in->tables] = true;
    }
}

/* all: also those that wait for each other in a circle; the server says what is wrong with them. */
static void put_waiting(struct ordering *o, bool all)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < o->waiting_count; i++) {
            struct schema_item item = o->waiting[i];
            if (!all && has_to_wait(o, &item)) {
                continue;
            }
            memmove(&o->waiting[i], &o->waiting[i + 1],
                    (o->waiting_count - i - 1) * sizeof *o->waiting);
            o->waiting_count--;
            put_item(o, &item);
            moved = true;
            break;
        }
    }
}

bool group_order_tables(const struct group_input *in, struct schema_plan *plan)
{
    CLEANUP_FREE struct schema_item *waiting = calloc(plan->count + 1, sizeof *waiting);
    CLEANUP_FREE bool *made = calloc(in->table_count + 1, sizeof *made);
    CLEANUP_FREE bool *waits = calloc(in->toc->count + 1, sizeof *waits);
    struct ordering o = {.in = in, .waiting = waiting, .made = made, .waits = waits};
    o.items = calloc(plan->count + 1, sizeof *o.items);
    if (o.items == NULL || waiting == NULL || made == NULL || waits == NULL) {
        free(o.items);
        return false;
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct schema_item *item = &plan->items[i];
        if (has_to_wait(&o, item)) {
            waiting[o.waiting_count++] = *item;
            set_waiting(&o, item, true);
            continue;
        }
        put_item(&o, item);
        if (o.waiting_count > 0 && table_of_item(in, item) != NULL) {
            put_waiting(&o, false);
        }
    }
    put_waiting(&o, true);
    free(plan->items);
    plan->items = o.items;
    plan->room = plan->count + 1;
    return true;
}
