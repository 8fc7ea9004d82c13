#include "job/order.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct order_table *find(const struct order_table *tables, size_t count, uint32_t oid)
{
    for (size_t i = 0; i < count; i++) {
        if (tables[i].root_oid == oid) {
            return &tables[i];
        }
    }
    return NULL;
}

/* The first foreign key of a loaded table whose parent is not loaded whole: such a key is worth
 * checking while the rows arrive. NULL: there is none. */
static const struct foreign_key *find_open_parent(const struct foreign_key_list *keys,
                                                  const struct order_table *tables, size_t count)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct foreign_key *k = &keys->items[i];
        if (find(tables, count, k->child_oid) == NULL) {
            continue;
        }
        const struct order_table *parent = find(tables, count, k->parent_oid);
        if (parent == NULL || parent->partial) {
            return k;
        }
    }
    return NULL;
}

static const struct order_table *find_deferrable(const struct order_table *tables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tables[i].deferrable) {
            return &tables[i];
        }
    }
    return NULL;
}

static void decide(const struct spec *spec, const struct foreign_key_list *keys,
                   const struct order_table *tables, size_t count, struct findings *findings,
                   struct order *out)
{
    const struct foreign_key *open = find_open_parent(keys, tables, count);
    const struct order_table *deferrable = find_deferrable(tables, count);
    const char *why = "all parents are loaded whole and the role may set session_replication_role";
    char text[160];

    out->disable = false;
    if (spec->triggers == TRIGGERS_KEEP) {
        why = "--triggers keep";
    } else if (spec->triggers == TRIGGERS_DISABLE) {
        why = "--triggers disable";
        out->disable = true;
        if (deferrable != NULL) {
            findings_add(findings, FINDING_WARNING, ERR_NONE,
                         "--triggers disable leaves deferrable unique, primary key and exclusion "
                         "constraints unchecked, such as those of %s",
                         deferrable->name);
        }
        if (!out->may_disable) {
            findings_add(findings, FINDING_BLOCKER, ERR_AUTH,
                         "--triggers disable: the destination role may not set "
                         "session_replication_role; GRANT SET ON PARAMETER session_replication_role"
                         " to it (PostgreSQL 15 and later), or use --triggers keep");
        }
    } else if (spec->mode == MODE_APPEND) {
        why = "the mode is append";
    } else if (!out->may_disable) {
        why = "the destination role may not set session_replication_role";
    } else if (open != NULL) {
        (void)snprintf(text, sizeof text, "%.60s references %.60s, which is not loaded whole",
                       open->child, open->parent);
        why = text;
    } else if (deferrable != NULL) {
        (void)snprintf(text, sizeof text,
                       "a deferrable constraint of %.100s is checked by a trigger",
                       deferrable->name);
        why = text;
    } else {
        out->disable = true;
    }
    (void)snprintf(out->why, sizeof out->why, "%s", why);
}

static void set_level(struct order_table *tables, size_t count, uint32_t oid, unsigned level)
{
    for (size_t i = 0; i < count; i++) {
        if (tables[i].root_oid == oid) {
            tables[i].level = level;
        }
    }
}

static void note_self(struct order_table *tables, size_t count, const struct foreign_key *k,
                      struct findings *findings)
{
    size_t members = 0;
    for (size_t i = 0; i < count; i++) {
        if (tables[i].root_oid == k->child_oid) {
            tables[i].single_chunk = true;
            members++;
        }
    }
    if (members > 1) {
        findings_add(
            findings, FINDING_BLOCKER, ERR_USAGE,
            "table %s references itself (%s) and its rows come from %zu tables; they cannot"
            " arrive in one statement: use --triggers disable, or drop the constraint"
            " until the load is done",
            k->child, k->name, members);
    }
}

/* Raises children above their parents until nothing moves. Returns false when something still
 * moves after as many rounds as there are tables: then there is a cycle. */
static bool settle(const struct foreign_key_list *keys, struct order_table *tables, size_t count)
{
    for (size_t round = 0; round <= count; round++) {
        bool moved = false;
        for (size_t i = 0; i < keys->count; i++) {
            const struct foreign_key *k = &keys->items[i];
            const struct order_table *child = find(tables, count, k->child_oid);
            const struct order_table *parent = find(tables, count, k->parent_oid);
            if (child == NULL || parent == NULL || k->child_oid == k->parent_oid ||
                child->level > parent->level) {
                continue;
            }
            set_level(tables, count, k->child_oid, parent->level + 1);
            moved = true;
        }
        if (!moved) {
            return true;
        }
    }
    return false;
}

#define NAMES_BYTES_MAX 2000u

/* Members of cycles keep climbing, so they are the ones above any honest level. */
static void name_cycle(const struct order_table *tables, size_t count, struct findings *findings)
{
    struct buf names;
    size_t left_out = 0;
    buf_init(&names, (size_t)2 * NAMES_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (tables[i].level < count || find(tables, i, tables[i].root_oid) != NULL) {
            continue;
        }
        if (names.len + strlen(tables[i].name) > NAMES_BYTES_MAX) {
            left_out++;
        } else {
            buf_printf(&names, "%s%s", names.len == 0 ? "" : ", ", tables[i].name);
        }
    }
    if (left_out > 0) {
        buf_printf(&names, " and %zu more", left_out);
    }
    findings_add(
        findings, FINDING_BLOCKER, ERR_USAGE,
        "with --triggers keep parents load before children, but these tables reference each"
        " other in a cycle (or depend on one that does): %s; use --triggers disable, or"
        " drop one of the constraints until the load is done",
        buf_str(&names));
    buf_free(&names);
}

static bool is_early(const struct order_table *tables, size_t count, uint32_t oid)
{
    const struct order_table *t = find(tables, count, oid);
    return t != NULL && t->reference;
}

/* Reference tables first, and before them what they reference: a key that is kept in force is
 * worth more than the order of modes. */
static void spread_early(const struct foreign_key_list *keys, struct order_table *tables,
                         size_t count)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < keys->count; i++) {
            const struct foreign_key *k = &keys->items[i];
            if (!is_early(tables, count, k->child_oid) || is_early(tables, count, k->parent_oid)) {
                continue;
            }
            for (size_t t = 0; t < count; t++) {
                bool parent = tables[t].root_oid == k->parent_oid;
                tables[t].reference = tables[t].reference || parent;
                moved = moved || parent;
            }
        }
    }
}

static void put_early_first(struct order_table *tables, size_t count)
{
    unsigned levels = 0;
    for (size_t i = 0; i < count; i++) {
        if (tables[i].reference && tables[i].level >= levels) {
            levels = tables[i].level + 1;
        }
    }
    for (size_t i = 0; i < count; i++) {
        tables[i].level += tables[i].reference ? 0 : levels;
    }
}

void order_tables(const struct spec *spec, const struct foreign_key_list *keys,
                  struct order_table *tables, size_t count, struct findings *findings,
                  struct order *out)
{
    decide(spec, keys, tables, count, findings, out);
    if (out->disable) {
        put_early_first(tables, count);
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i].child_oid == keys->items[i].parent_oid) {
            note_self(tables, count, &keys->items[i], findings);
        }
    }
    if (!settle(keys, tables, count)) {
        name_cycle(tables, count, findings);
        return;
    }
    spread_early(keys, tables, count);
    put_early_first(tables, count);
}
