/* What a proposal costs, what changes on the way, and what stands in the way. */
#include "base/buf.h"
#include "limitless/assess_internal.h"
#include "limitless/refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX  4096
#define NAMES_MAX 5

static const struct survey_table *table_of(const struct work *w, size_t table)
{
    return &w->survey->tables[table];
}

/* UTF-8: every byte that does not go on with a character begins one. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0u) != 0x80u;
    }
    return n;
}

/* ---- keys ---- */

static void add_columns(const struct survey_table *t, const size_t *columns, size_t count,
                        struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ",
                   columns[i] == SURVEY_NONE ? "(expression)" : t->columns[columns[i]].name);
    }
}

static bool key_has_name(const struct survey_table *t, const struct survey_key *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->columns[i] != SURVEY_NONE && strcmp(t->columns[k->columns[i]].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* As load --with-schema does it, loader/ddl/marks_keys.c. */
static void tell_key(struct work *w, size_t table, const struct survey_key *k)
{
    const struct survey_table *t = table_of(w, table);
    const struct assess_table *a = &w->out->tables[table];
    bool replaced = a->expression != NULL && a->steps == 0;
    bool holds = key_has_name(t, k, a->key);
    struct buf columns;
    buf_init(&columns, LIST_MAX);
    add_columns(t, k->columns, k->count, &columns);
    if (k->primary && !holds) {
        note_add(w, table, ASSESS_COST,
                 "primary key %s (%s) grows by %s: without it uniqueness is checked within a "
                 "shard only",
                 k->name, buf_str(&columns), a->key);
    } else if (!k->primary && replaced && (holds || k->partial || key_has(k, SURVEY_NONE))) {
        note_add(w, table, ASSESS_COST,
                 "unique key %s (%s) is left out, since the job file computes %s", k->name,
                 buf_str(&columns), a->key);
    } else if (!holds) {
        note_add(w, table, ASSESS_COST,
                 "unique key %s (%s) becomes an index that is not unique, since it does not hold "
                 "%s; add a unique one that does by hand",
                 k->name, buf_str(&columns), a->key);
    }
    buf_free(&columns);
}

static void tell_computed(struct work *w, size_t table)
{
    const struct assess_table *a = &w->out->tables[table];
    if (a->steps > 0) {
        note_add(w, table, ASSESS_COST,
                 "column %s %s is added and computed while loading, and from then on the "
                 "application has to fill it: %s",
                 a->key, a->key_type, a->expression);
    } else {
        note_add(w, table, ASSESS_COST,
                 "%s becomes NOT NULL with the primary key; no NULL was seen, but a load that "
                 "meets one fails",
                 a->key);
    }
}

static void tell_sharded(struct work *w, size_t table)
{
    const struct survey_table *t = table_of(w, table);
    const struct assess_table *a = &w->out->tables[table];
    for (size_t i = 0; i < t->key_count; i++) {
        tell_key(w, table, &t->keys[i]);
    }
    if (a->expression != NULL) {
        tell_computed(w, table);
    }
}

/* ---- foreign keys ---- */

static const char *why_lost(const struct work *w, const struct survey_link *l)
{
    const struct assess_table *child = &w->out->tables[l->child];
    const struct assess_table *parent = &w->out->tables[l->parent];
    if (parent->is_left_out) {
        return "that table cannot be there";
    }
    if (child->mode == TABLE_SHARDED && parent->mode == TABLE_SHARDED) {
        return child->group == parent->group
                   ? "it points at rows of other shards"
                   : "the two tables are not collocated; collocation asks for key columns of the "
                     "same name and type, which renaming one of them in the job file can give";
    }
    return parent->mode == TABLE_STANDARD  ? "only standard tables may point at a standard table"
           : parent->mode == TABLE_SHARDED ? "only collocated tables may point at a sharded table"
                                           : "a standard table may not point at a reference table";
}

static void tell_action(struct work *w, const struct survey_link *l)
{
    enum table_mode mode = w->out->tables[l->child].mode;
    bool delete_lost = l->on_delete == 'd' || (l->on_delete == 'n' && mode == TABLE_SHARDED);
    bool update_lost = l->on_update == 'd' || l->on_update == 'n' ||
                       (l->on_update == 'c' && mode != TABLE_STANDARD);
    if (delete_lost || update_lost) {
        note_add(w, l->child, ASSESS_COST, "foreign key %s loses its ON %s action", l->name,
                 delete_lost && update_lost ? "DELETE and ON UPDATE"
                 : delete_lost              ? "DELETE"
                                            : "UPDATE");
    }
}

static void tell_link(struct work *w, size_t link)
{
    const struct survey_link *l = &w->survey->links[link];
    enum assess_link_fate fate = w->out->links[link];
    const char *key = w->out->tables[l->child].key;
    if (w->out->tables[l->child].is_left_out) {
        return;
    }
    if (fate == ASSESS_LINK_LOST) {
        note_add(w, l->child, ASSESS_COST,
                 "foreign key %s to %s is lost, and joins over it cross shards: %s", l->name,
                 l->parent_name, why_lost(w, l));
        return;
    }
    if (fate == ASSESS_LINK_GROWS) {
        note_add(w, l->child, ASSESS_COST,
                 "foreign key %s to %s grows by %s on both sides: add it so by hand, since it is "
                 "left out as it is",
                 l->name, l->parent_name, key);
    }
    if (fate == ASSESS_LINK_GROWS && w->out->tables[l->child].steps == 0) {
        note_add(w, l->child, ASSESS_UNSURE,
                 "a row and its parent by foreign key %s must have the same %s; where they may "
                 "differ, the foreign key is lost and joins over it cross shards",
                 l->name, key);
    }
    if (fate == ASSESS_LINK_OUTSIDE) {
        note_add(w, l->child, ASSESS_COST,
                 "foreign key %s to %s, which is not among the selected tables, is left out",
                 l->name, l->parent_name);
    } else {
        tell_action(w, l);
    }
    if (!l->validated && fate != ASSESS_LINK_OUTSIDE) {
        note_add(w, l->child, ASSESS_UNSURE,
                 "foreign key %s is NOT VALID: rows may lack their parent, and then have no "
                 "computed key",
                 l->name);
    }
}

/* ---- changes and blockers ---- */

static void tell_change(struct work *w, size_t table, bool happens, const char *text)
{
    if (happens) {
        note_add(w, table, ASSESS_CHANGE, "%s", text);
    }
}

static void tell_changes(struct work *w, size_t table)
{
    const struct survey_table *t = table_of(w, table);
    bool identity = false;
    for (size_t i = 0; i < t->column_count; i++) {
        identity = identity || t->columns[i].identity;
    }
    tell_change(w, table, identity, "identity columns become columns with a sequence's default");
    tell_change(w, table, t->partition_by != NULL || t->kind == 'p',
                "its partitions become one table");
    tell_change(w, table, t->inherits || t->has_children,
                "inheritance ends: every table is one of its own");
    tell_change(w, table, t->persistence == 'u', "it is UNLOGGED, and becomes an ordinary table");
    tell_change(w, table, t->options != NULL, "its storage parameters are left out");
    tell_change(w, table, t->rules > 0, "its rules are left out");
    if (t->triggers != NULL) {
        note_add(w, table, ASSESS_CHANGE,
                 "its triggers are left out, so that the application has to do their work: %s",
                 t->triggers);
    }
    if (t->policies > 0) {
        note_add(w, table, ASSESS_CHANGE,
                 "it has %u row security polic%s; the first versions of Limitless refuse them",
                 t->policies, t->policies == 1 ? "y" : "ies");
    }
}

/* The first characters of the name, and a mark that makes two of them differ. */
static void shorten(struct work *w, size_t table)
{
    const struct survey_table *t = table_of(w, table);
    unsigned long long hash = 1469598103934665603ull;
    size_t len = 0;
    for (const char *c = t->name; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 1099511628211ull;
    }
    for (size_t n = 0; t->name[len] != '\0'; len++) {
        n += ((unsigned char)t->name[len] & 0xc0u) != 0x80u;
        if (n > ASSESS_NAME_MAX - 9) {
            break;
        }
    }
    w->out->tables[table].rename =
        note_text(w, "%.*s_%08llx", (int)len, t->name, hash & 0xffffffffull);
}

static void tell_blockers(struct work *w, size_t table)
{
    const struct survey_table *t = table_of(w, table);
    size_t length = characters(t->name);
    if (w->out->tables[table].mode == TABLE_SHARDED && length > ASSESS_NAME_MAX) {
        shorten(w, table);
        note_fix(w, table,
                 "its name has %zu characters, and that of a sharded table may have %d\n"
                 "the job file calls it %s; take another name there if you like",
                 length, ASSESS_NAME_MAX, w->out->tables[table].rename);
    }
    if (t->exclusions != NULL) {
        note_fix(w, table,
                 "it has EXCLUDE constraints (%s), which a shard group does not have\n"
                 "load --with-schema leaves them out; else create the table there without them",
                 t->exclusions);
    }
    if (!is_stored(t)) {
        note_fix(w, table,
                 "it is a %s, and a load writes its rows into a table\n"
                 "create that table there, or leave this one out",
                 t->kind == 'f'   ? "foreign table"
                 : t->kind == 'm' ? "materialized view"
                                  : "view");
    }
    if (t->column_count == 0) {
        note_add(w, table, ASSESS_UNSURE,
                 "it has no columns, and whether a shard group takes that is documented nowhere");
    }
    if (!t->can_select) {
        note_fix(w, table,
                 "the role may not read all of it\n"
                 "GRANT SELECT, or leave it out");
    }
}

/* ---- AWS's utility ---- */

const char *assess_utility_refuses(const struct survey_column *c)
{
    static const char *const types[] = {"box",     "circle",   "line",         "lseg",
                                        "path",    "pg_lsn",   "pg_snapshot",  "polygon",
                                        "tsquery", "tsvector", "txid_snapshot"};
    if (c->category == 'A') {
        return "array";
    }
    if (c->base_kind == 'e') {
        return "enum";
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(c->base_type, types[i]) == 0) {
            return types[i];
        }
    }
    return NULL;
}

static void tell_utility(struct work *w, size_t table)
{
    const struct survey_table *t = table_of(w, table);
    const struct assess_table *a = &w->out->tables[table];
    struct buf list;
    size_t count = 0;
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < t->column_count; i++) {
        const char *family = assess_utility_refuses(&t->columns[i]);
        if (family != NULL && count++ < NAMES_MAX) {
            buf_printf(&list, "%s%.63s (%s)", count == 1 ? "" : ", ", t->columns[i].name, family);
        }
        if (strcmp(t->columns[i].base_type, "varbit") == 0) {
            note_add(w, table, ASSESS_UTILITY, "%.63s would lose leading zeroes (varbit)",
                     t->columns[i].name);
        }
    }
    if (count > 0) {
        note_add(w, table, ASSESS_UTILITY, "types that it cannot load: %s%s", buf_str(&list),
                 count > NAMES_MAX ? ", ..." : "");
    }
    buf_free(&list);
    if (!has_primary_key(t)) {
        note_add(w, table, ASSESS_UTILITY, "there is no primary key");
    }
    if (a->expression != NULL && a->steps > 0) {
        note_add(w, table, ASSESS_UTILITY, "it cannot compute a shard key");
    }
    if (a->rename != NULL) {
        note_add(w, table, ASSESS_UTILITY, "it cannot give a table another name");
    }
}

/* ---- the database ---- */

static void tell_extensions(struct work *w)
{
    for (size_t i = 0; i < w->survey->extension_count; i++) {
        const char *name = w->survey->extensions[i].name;
        if (!refusals_may_have_extension(name)) {
            note_fix(w, SURVEY_NONE,
                     "extension %s is not on AWS's list for shard groups\n"
                     "do without what it brings; tables that use its types are left out",
                     name);
        }
    }
}

static void tell_count(struct work *w, uint64_t count, const char *what)
{
    if (count > 0) {
        note_add(w, SURVEY_NONE, ASSESS_CHANGE, "%llu %s", (unsigned long long)count, what);
    }
}

static void tell_others(struct work *w)
{
    const struct survey_counts *n = &w->survey->counts;
    tell_count(w, n->materialized_views,
               "materialized views: a shard group cannot refresh them; make tables of them");
    tell_count(w, n->foreign_tables, "foreign tables: there are no foreign servers there");
    tell_count(w, n->event_triggers, "event triggers are left out");
    tell_count(w, n->publications, "publications are left out: nothing replicates from there");
    tell_count(w, n->large_objects, "large objects are not moved");
    tell_count(w, n->statistics, "extended statistics are left out");
}

static size_t count_blind(const struct work *w, bool hidden)
{
    size_t count = 0;
    for (size_t t = 0; t < w->survey->table_count; t++) {
        const struct survey_table *table = table_of(w, t);
        bool any = false;
        for (size_t i = 0; i < table->column_count; i++) {
            any = any || table->columns[i].has_stats;
        }
        count += hidden ? table->hidden_stats
                        : !any && !table->hidden_stats && table->bytes > 0 && table->rows > 0 &&
                              is_stored(table);
    }
    return count;
}

static void tell_unsure(struct work *w)
{
    size_t blind = count_blind(w, false);
    size_t hidden = count_blind(w, true);
    if (w->survey->table_count > 1 && w->no_links) {
        note_add(
            w, SURVEY_NONE, ASSESS_UNSURE,
            "no foreign keys are declared, so that what belongs together is guessed from equal "
            "column names and types; that is a hint only");
    }
    if (blind > 0) {
        note_add(w, SURVEY_NONE, ASSESS_UNSURE,
                 "%zu table%s no statistics: run ANALYZE, or assess with --sample", blind,
                 blind == 1 ? " has" : "s have");
    }
    if (hidden > 0) {
        note_add(w, SURVEY_NONE, ASSESS_UNSURE,
                 "of %zu table%s the role may not read every column, and pg_stats hides those",
                 hidden, hidden == 1 ? "" : "s");
    }
    if (w->out->group_count == 0) {
        note_add(w, SURVEY_NONE, ASSESS_REASON,
                 "no table is large enough to be spread (%.0f rows or %u MB); all of them fit on "
                 "one shard, and one ordinary server would do",
                 w->large_rows, ASSESS_LARGE_BYTES >> 20);
    }
}

static void tell_utility_limits(struct work *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->survey->link_count; i++) {
        kept += w->out->links[i] == ASSESS_LINK_KEPT || w->out->links[i] == ASSESS_LINK_GROWS;
    }
    if (kept > 0) {
        note_add(w, SURVEY_NONE, ASSESS_UTILITY,
                 "it fails where the destination has foreign keys: %zu would have to wait", kept);
    }
    if (w->survey->table_count > ASSESS_UTILITY_TABLES) {
        note_add(w, SURVEY_NONE, ASSESS_UTILITY,
                 "it takes at most %d tables a call, or whole schemas", ASSESS_UTILITY_TABLES);
    }
    if (!w->survey->is_aws) {
        note_add(w, SURVEY_NONE, ASSESS_UTILITY,
                 "it reads from RDS and Aurora only, and this server does not look like one");
    }
}

void explain_all(struct work *w)
{
    for (size_t t = 0; t < w->survey->table_count; t++) {
        if (w->out->tables[t].mode == TABLE_SHARDED) {
            tell_sharded(w, t);
        }
    }
    for (size_t i = 0; i < w->survey->link_count; i++) {
        tell_link(w, i);
    }
    for (size_t t = 0; t < w->survey->table_count; t++) {
        if (w->out->tables[t].is_left_out) {
            tell_left_out(w, t);
        } else {
            tell_changes(w, t);
            tell_blockers(w, t);
        }
        tell_utility(w, t);
    }
    tell_extensions(w);
    tell_others(w);
    tell_unsure(w);
    tell_utility_limits(w);
}
