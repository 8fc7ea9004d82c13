/* What hangs from what: entries that are left out because of others. */
#include "ddl/marks_group.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "ddl/edit.h"

#include <stdlib.h>
#include <string.h>

/* Is e impossible without it? Parts of tables are needed by nobody here, and a table is made
 * without its access method. */
static bool is_ground(const char *type, const struct dump_entry *e)
{
    static const char *const parts[] = {
        "ACL",
        "COMMENT",
        "CONSTRAINT",
        "CHECK CONSTRAINT",
        "FK CONSTRAINT",
        "DEFAULT",
        "INDEX",
        "INDEX ATTACH",
        "POLICY",
        "ROW SECURITY",
        "RULE",
        "SECURITY LABEL",
        "SEQUENCE OWNED BY",
        "STATISTICS",
        "TABLE ATTACH",
        "TRIGGER",
        "PUBLICATION TABLE",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(parts[i], type) == 0) {
            return false;
        }
    }
    return strcmp(type, "ACCESS METHOD") != 0 || strcmp(e->type, "TABLE") != 0;
}

static bool has_text(const struct dump_entry *e)
{
    return strcmp(e->type, "VIEW") == 0 || strcmp(e->type, "FUNCTION") == 0 ||
           strcmp(e->type, "PROCEDURE") == 0 || strcmp(e->type, "RULE") == 0;
}

/* Names that a body or a definition holds are the source's. */
static bool uses_changed_table(const struct group_input *in, const struct dump_entry *e,
                               const struct dump_entry *needed)
{
    const struct group_table *t =
        strcmp(needed->type, "TABLE") == 0 ? group_table_of(in, needed->oid) : NULL;
    return t != NULL && (has_text(e) || strcmp(e->type, "ACL") == 0) &&
           (t->ddl->is_renamed || t->ddl->is_reshaped);
}

/* A view that groups by a primary key may show the table's other columns as well, and ON CONFLICT
 * names a key: only a key that is there as it was will do. */
static bool uses_changed_key(const struct dump_entry *e, const struct dump_entry *needed,
                             const struct schema_item *item)
{
    return item->mark != SCHEMA_CARRIED && strcmp(needed->type, "CONSTRAINT") == 0 && has_text(e);
}

bool group_has_needs(struct group_marking *m, size_t no, struct schema_item *item, bool *failed)
{
    const struct dump_toc *toc = m->in->toc;
    const struct dump_entry *e = &toc->entries[no];
    for (size_t i = 0; i < e->need_count; i++) {
        const struct dump_entry *n = dump_toc_find(toc, e->needs[i]);
        size_t at = n == NULL ? 0 : m->item_of[n - toc->entries];
        if (at == 0) {
            continue;
        }
        const struct schema_item *needed = &m->plan->items[at - 1];
        if (needed->mark == SCHEMA_LEFT_OUT && is_ground(n->type, e)) {
            *failed = !schema_item_leave(item, "it needs %s %s, which is left out", n->type,
                                         needed->name);
            return false;
        }
        if (uses_changed_table(m->in, e, n)) {
            *failed = !schema_item_leave(item, "the job file changes table %s, which it uses",
                                         needed->name);
            return false;
        }
        if (uses_changed_key(e, n, needed)) {
            *failed = !schema_item_leave(item,
                                         "it relies on the key of %s alone, which is not the same "
                                         "key there",
                                         needed->name);
            return false;
        }
        if (needed->part == SCHEMA_AFTER) {
            item->part = SCHEMA_AFTER;
        }
    }
    return true;
}

bool group_is_of_partition(const struct group_input *in, const struct dump_entry *e)
{
    uint32_t rel = strcmp(e->type, "TABLE") == 0 ? e->oid : 0;
    const struct fact_constraint *c =
        e->class_oid == CATALOG_CONSTRAINT ? fact_constraint_of(in->facts, e->oid) : NULL;
    const struct fact_index *x =
        strcmp(e->type, "INDEX") == 0 ? fact_index_of(in->facts, e->oid) : NULL;
    const struct fact_class *table = fact_class_of(in->facts, c != NULL   ? c->rel
                                                              : x != NULL ? x->rel
                                                                          : rel);
    return table != NULL && table->root != 0;
}

/* ---- views in two pieces ---- */

/* A view that needs what pg_dump makes after it comes first as a stand-in, and again as a rule. */
static const struct dump_entry *first_form(const struct dump_toc *toc,
                                           const struct dump_entry *rule)
{
    static const char suffix[] = " _RETURN";
    size_t len = strlen(rule->name);
    size_t end = sizeof suffix - 1;
    if (strcmp(rule->type, "RULE") != 0 || len <= end ||
        strcmp(rule->name + len - end, suffix) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < toc->count; i++) {
        const struct dump_entry *e = &toc->entries[i];
        if (strcmp(e->type, "VIEW") == 0 && strcmp(e->schema, rule->schema) == 0 &&
            strlen(e->name) == len - end && strncmp(e->name, rule->name, len - end) == 0) {
            return e;
        }
    }
    return NULL;
}

/* A stand-in without its rule would be a view of other rows. *more: one was found. */
static bool doom_stand_ins(struct group_marking *m, bool *more)
{
    const struct dump_toc *toc = m->in->toc;
    *more = false;
    for (size_t i = 0; i < m->plan->count; i++) {
        const struct schema_item *item = &m->plan->items[i];
        const struct dump_entry *view =
            item->mark == SCHEMA_LEFT_OUT ? first_form(toc, item->entry) : NULL;
        char **doomed = view == NULL ? NULL : &m->doomed[view - toc->entries];
        if (doomed == NULL || *doomed != NULL) {
            continue;
        }
        *doomed = str_copy(item->note);
        *more = true;
        if (*doomed == NULL) {
            return false;
        }
    }
    return true;
}

bool group_mark_entries(const struct group_input *in, struct schema_plan *plan)
{
    size_t count = in->toc->count;
    CLEANUP_FREE size_t *item_of = calloc(count + 1, sizeof *item_of);
    CLEANUP_FREE char **doomed = calloc(count + 1, sizeof *doomed);
    struct group_marking m = {.in = in, .plan = plan, .item_of = item_of, .doomed = doomed};
    bool ok = item_of != NULL && doomed != NULL;
    bool more = ok;
    while (ok && more) {
        schema_plan_free(plan);
        memset(item_of, 0, count * sizeof *item_of);
        for (size_t i = 0; ok && i < count; i++) {
            ok = group_mark_entry(&m, i);
        }
        ok = ok && doom_stand_ins(&m, &more);
    }
    for (size_t i = 0; doomed != NULL && i < count; i++) {
        free(doomed[i]);
    }
    return ok;
}
