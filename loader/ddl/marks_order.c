/* The order of tables on a shard group. */
#include "ddl/marks_group.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* The items anew, so that each table comes after the one that it is collocated with. */
struct ordering {
    const struct group_input *in;
    struct schema_item *items;
    size_t count;
    struct schema_item *waiting;
    size_t waiting_count;
    bool *made; /* of in->tables */
};

static const struct group_table *table_of_item(const struct group_input *in,
                                               const struct schema_item *item)
{
    bool is_table = item->entry != NULL && strcmp(item->type, "TABLE") == 0;
    return is_table ? group_table_of(in, item->entry->oid) : NULL;
}

static bool has_to_wait(const struct ordering *o, const struct group_table *t)
{
    const struct group_table *first =
        t == NULL || t->collocated == t->oid ? NULL : group_table_of(o->in, t->collocated);
    return first != NULL && !o->made[first - o->in->tables];
}

static void put_item(struct ordering *o, const struct schema_item *item)
{
    const struct group_table *t = table_of_item(o->in, item);
    o->items[o->count++] = *item;
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
            if (!all && has_to_wait(o, table_of_item(o->in, &item))) {
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
    CLEANUP_FREE struct schema_item *waiting = calloc(in->table_count + 1, sizeof *waiting);
    CLEANUP_FREE bool *made = calloc(in->table_count + 1, sizeof *made);
    struct ordering o = {.in = in, .waiting = waiting, .made = made};
    o.items = calloc(plan->count + 1, sizeof *o.items);
    if (o.items == NULL || waiting == NULL || made == NULL) {
        free(o.items);
        return false;
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct group_table *t = table_of_item(in, &plan->items[i]);
        if (has_to_wait(&o, t)) {
            waiting[o.waiting_count++] = plan->items[i];
            continue;
        }
        put_item(&o, &plan->items[i]);
        if (t != NULL) {
            put_waiting(&o, false);
        }
    }
    put_waiting(&o, true);
    free(plan->items);
    plan->items = o.items;
    plan->room = plan->count + 1;
    return true;
}
