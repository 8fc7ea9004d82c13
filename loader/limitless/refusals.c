#include "limitless/refusals.h"

#include <stdio.h>
#include <string.h>

#define PLACE_MAX 600
#define NAME_ROOM 300
#define SHOWN     "\"%.100s\""

struct check {
    const struct refusal_facts *facts;
    struct findings *findings;
    const struct ddl_table *table;
    char place[PLACE_MAX]; /* "job.yaml:12: table public.orders" */
};

static void name_place(const struct refusal_facts *f, const struct ddl_table *t,
                       char out[PLACE_MAX])
{
    const char *config = f->config == NULL ? "job file" : f->config;
    const struct relation_name *n = &t->name;
    if (t->line > 0) {
        (void)snprintf(out, PLACE_MAX, "%.300s:%u: table %.130s.%.130s", config, t->line, n->schema,
                       n->name);
    } else {
        (void)snprintf(out, PLACE_MAX, "table %.130s.%.130s", n->schema, n->name);
    }
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The rest are types that no server hashes. */
static bool can_be_key(const char *type)
{
    static const char *const cannot[] = {"hstore",   "ltree",   "json",    "xml",    "point",
                                         "line",     "lseg",    "box",     "path",   "polygon",
                                         "circle",   "money",   "bit",     "varbit", "bit varying",
                                         "tsvector", "tsquery", "jsonpath"};
    return !is_one_of(type, cannot, sizeof cannot / sizeof cannot[0]);
}

bool refusals_may_have_extension(const char *name)
{
    static const char *const list[] = {"aurora_limitless_fdw",
                                       "aws_s3",
                                       "aws_commons",
                                       "btree_gin",
                                       "btree_gist",
                                       "citext",
                                       "hstore",
                                       "ip4r",
                                       "ltree",
                                       "pg_trgm",
                                       "pg_buffercache",
                                       "pg_prewarm",
                                       "pgcrypto",
                                       "pgstattuple",
                                       "pg_stat_statements",
                                       "plpgsql",
                                       "postgis",
                                       "unaccent",
                                       "uuid-ossp",
                                       "vector"};
    return is_one_of(name, list, sizeof list / sizeof list[0]);
}

/* The slices of a table get a suffix to its name, and PostgreSQL's names have 63 bytes: so those
 * are what counts. */
static void check_name(struct check *c)
{
    size_t length = strlen(c->table->name.name);
    if (length > REFUSAL_NAME_MAX) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s: the name of a sharded table may have %d characters, and this one has "
                     "%zu; give it another name with to: in the job file",
                     c->place, REFUSAL_NAME_MAX, length);
    }
}

/* ---- the shard key ---- */

static bool is_left_out(const struct ddl_table *t, const char *name)
{
    return definition_column(t->from, name) != NULL;
}

static void check_key_type(struct check *c, const struct definition_column *from, const char *name)
{
    if (from->generated != '\0' && !c->table->is_reshaped) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s: shard key column " SHOWN " is a generated one, which cannot be a key; "
                     "choose another, or compute it with an expression in the job file",
                     c->place, name);
    }
    if (from->base_kind == 'e' && c->facts->server_version < 160010) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s: shard key column " SHOWN " is of the enum type %s, which a shard group "
                     "takes from version 16.10 on; choose another column, or compute one with an "
                     "expression in the job file",
                     c->place, name, from->type);
    } else if (!can_be_key(from->base_type)) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s: shard key column " SHOWN " is of type %s, which cannot be a shard key; "
                     "choose another column, or compute one with an expression in the job file",
                     c->place, name, from->type);
    }
}

/* The type of a computed column is a text: "ltree", "public.ltree", "bit varying(8)". */
static void check_computed_type(struct check *c, const struct ddl_column *column)
{
    char type[NAME_ROOM];
    const char *dot = strrchr(column->type, '.');
    const char *name = dot == NULL ? column->type : dot + 1;
    (void)snprintf(type, sizeof type, "%.*s", (int)strcspn(name, "("), name);
    if (!can_be_key(type)) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s: shard key column " SHOWN " is computed as %s, which cannot be a shard "
                     "key; give it another type in the job file",
                     c->place, column->name, column->type);
    }
}

static void check_key_column(struct check *c, const char *name)
{
    const struct ddl_column *column = ddl_column_find(c->table, name);
    if (column == NULL) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE, "%s: shard key column " SHOWN " %s",
                     c->place, name,
                     is_left_out(c->table, name)
                         ? "is renamed or left out by the job file; keep it, or choose another"
                         : "does not exist; choose a column that does, or compute it with an "
                           "expression under columns: in the job file");
    } else if (column->is_computed) {
        check_computed_type(c, column);
    } else {
        check_key_type(c, column->from, name);
    }
}

/* A column that joins the primary key becomes NOT NULL with it. */
static void check_primary_key(struct check *c)
{
    const struct ddl_table *t = c->table;
    const char *key[DDL_KEY_MAX];
    size_t count = 0;
    enum ddl_key state = ddl_primary_key(t, key, &count);
    for (size_t i = 0; state == DDL_KEY_EXTENDED && i < t->shard_key_count; i++) {
        const struct ddl_column *column = ddl_column_find(t, t->shard_key[i]);
        bool may_be_null = column != NULL && !column->is_computed && !column->from->not_null;
        if (may_be_null) {
            findings_add(
                c->findings, FINDING_BLOCKER, ERR_USAGE,
                "%s: the primary key has to hold the shard key, and shard key column " SHOWN
                " may be NULL; make it NOT NULL at the source, compute it without "
                "NULLs (coalesce) in the job file, or choose another",
                c->place, column->name);
        }
    }
}

static void check_shard_key(struct check *c)
{
    const struct ddl_table *t = c->table;
    if (t->shard_key_count == 0) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s is to be sharded, and no shard key is given; add shard-key: to its rule",
                     c->place);
    }
    for (size_t i = 0; i < t->shard_key_count; i++) {
        check_key_column(c, t->shard_key[i]);
    }
    check_primary_key(c);
}

/* ---- collocation ---- */

bool refusals_same_table(const char *wish, const struct ddl_table *t,
                         const struct relation_name *name)
{
    const char *dot = strchr(wish, '.');
    if (dot == NULL) {
        return strcmp(wish, name->name) == 0 && strcmp(t->name.schema, name->schema) == 0;
    }
    size_t len = (size_t)(dot - wish);
    return strlen(name->schema) == len && strncmp(wish, name->schema, len) == 0 &&
           strcmp(dot + 1, name->name) == 0;
}

static const char *column_type(const struct ddl_table *t, const char *name)
{
    const struct ddl_column *c = ddl_column_find(t, name);
    return c == NULL ? NULL : c->type != NULL ? c->type : c->from->type;
}

/* Column no of the key is another one; theirs is key, of this type. */
static void block_other_key(struct check *c, size_t no, const char *key, const char *type)
{
    const struct ddl_table *t = c->table;
    char ours[NAME_ROOM] = "has fewer columns";
    if (no < t->shard_key_count) {
        const char *our_type = column_type(t, t->shard_key[no]);
        (void)snprintf(ours, sizeof ours, "has \"%.100s\" of type %.100s", t->shard_key[no],
                       our_type == NULL ? "?" : our_type);
    }
    findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s cannot be collocated with %s, which has another shard key: \"%.100s\" of type"
                 " %.100s, where this one %s; collocated tables have key columns of the same names "
                 "and types, in the same order",
                 c->place, t->collocate_with, key, type, ours);
}

static void compare_keys(struct check *c, const struct ddl_table *other)
{
    const struct ddl_table *t = c->table;
    if (t->shard_key_count != other->shard_key_count) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s cannot be collocated with %s: its shard key has %zu column%s, and the "
                     "other's %zu",
                     c->place, t->collocate_with, t->shard_key_count,
                     t->shard_key_count == 1 ? "" : "s", other->shard_key_count);
        return;
    }
    for (size_t i = 0; i < t->shard_key_count; i++) {
        const char *ours = column_type(t, t->shard_key[i]);
        const char *theirs = column_type(other, other->shard_key[i]);
        bool same_name = strcmp(t->shard_key[i], other->shard_key[i]) == 0;
        if (ours != NULL && theirs != NULL && (!same_name || strcmp(ours, theirs) != 0)) {
            block_other_key(c, i, other->shard_key[i], theirs);
            return;
        }
    }
}

/* "HASH (a, b)": the next name from *at on, without quotes. False at the end. */
static bool next_key(const char **at, char *out, size_t room)
{
    const char *p = *at + strspn(*at, ", ");
    size_t len = 0;
    bool quoted = *p == '"';
    p += quoted;
    while (*p != '\0' && (quoted ? *p != '"' || p[1] == '"' : *p != ',' && *p != ')')) {
        p += quoted && *p == '"';
        if (len + 1 < room) {
            out[len++] = *p;
        }
        p++;
    }
    out[len] = '\0';
    *at = p + (quoted && *p == '"');
    return len > 0;
}

static const struct column *find_column(const struct relation *rel, const char *name)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        if (strcmp(rel->columns[i].name, name) == 0) {
            return &rel->columns[i];
        }
    }
    return NULL;
}

static void compare_with_there(struct check *c, const struct limitless_table *other)
{
    const struct ddl_table *t = c->table;
    const struct relation *rel = relation_list_find(c->facts->there, other->schema, other->name);
    const char *at = strchr(other->distribution_key, '(');
    char name[NAME_ROOM];
    size_t i = 0;
    if (at == NULL || rel == NULL) {
        return; /* the server will say */
    }
    for (at++; next_key(&at, name, sizeof name); i++) {
        const struct column *theirs = find_column(rel, name);
        const char *ours = i < t->shard_key_count ? column_type(t, t->shard_key[i]) : "";
        bool same_name = i < t->shard_key_count && strcmp(t->shard_key[i], name) == 0;
        if (theirs != NULL && ours != NULL &&
            (!same_name || strcmp(ours, theirs->type_name) != 0)) {
            block_other_key(c, i, name, theirs->type_name);
            return;
        }
    }
    if (i < t->shard_key_count) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s cannot be collocated with %s, which has a shard key that is shorter: "
                     "%.200s; collocated tables have key columns of the same names and types, in "
                     "the same order",
                     c->place, t->collocate_with, other->distribution_key);
    }
}

static void block_collocation(struct check *c, const char *why)
{
    findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s cannot be collocated with %s, which %s; name a sharded table", c->place,
                 c->table->collocate_with, why);
}

/* The one that it names among those to be made; NULL: none of them. */
static const struct ddl_table *collocated_with(const struct refusal_facts *f,
                                               const struct ddl_table *t)
{
    for (size_t i = 0; t->collocate_with != NULL && i < f->count; i++) {
        if (refusals_same_table(t->collocate_with, t, &f->tables[i].name)) {
            return &f->tables[i];
        }
    }
    return NULL;
}

/* Each table waits for the one that it names, so that none of a circle could be made first. Said
 * once, by the first of its tables. */
static void check_circle(struct check *c)
{
    const struct ddl_table *first = c->table;
    const struct ddl_table *last = first;
    const struct ddl_table *t = collocated_with(c->facts, first);
    for (size_t steps = 0; t != NULL && t != first; steps++) {
        if (t < first || steps == c->facts->count) {
            return;
        }
        last = t;
        t = collocated_with(c->facts, t);
    }
    if (t == NULL || last == first) {
        return; /* no circle, or of itself, which is said elsewhere */
    }
    char other[PLACE_MAX];
    name_place(c->facts, last, other);
    findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s is to be collocated with %s, and in the end %s with it in turn; leave out "
                 "collocate-with: of one of them",
                 c->place, first->collocate_with, other);
}

static void check_collocation(struct check *c)
{
    const struct refusal_facts *f = c->facts;
    const struct ddl_table *t = c->table;
    for (size_t i = 0; i < f->count; i++) {
        if (!refusals_same_table(t->collocate_with, t, &f->tables[i].name)) {
            continue;
        }
        if (&f->tables[i] == t) {
            block_collocation(c, "is the table itself");
        } else if (f->tables[i].mode != TABLE_SHARDED) {
            block_collocation(c, "will not be sharded");
        } else {
            compare_keys(c, &f->tables[i]);
        }
        return;
    }
    for (size_t i = 0; i < f->modes->count; i++) {
        const struct limitless_table *m = &f->modes->items[i];
        if (!refusals_same_table(t->collocate_with, t,
                                 &(struct relation_name){m->schema, m->name})) {
            continue;
        }
        if (m->mode != TABLE_SHARDED) {
            block_collocation(c, "is not sharded");
        } else {
            compare_with_there(c, m);
        }
        return;
    }
    block_collocation(c, "does not exist, and is not made by this load");
}

/* ---- all kinds ---- */

static void check_reference(struct check *c)
{
    const char *key[DDL_KEY_MAX];
    size_t count = 0;
    enum ddl_key state = ddl_primary_key(c->table, key, &count);
    if (count == 0) {
        findings_add(
            c->findings, FINDING_BLOCKER, ERR_USAGE,
            "%s is to be a reference table, which needs a primary key, and %s; %s", c->place,
            state == DDL_KEY_LOST ? "the job file leaves out a column of it"
                                  : "there is none at the source",
            state == DDL_KEY_LOST ? "keep that column" : "add one there, or choose another mode");
    }
}

/* The slices of sharded tables are in schemas shard_1, shard_2, ... */
static void check_schema(struct check *c)
{
    static const char own[] = "shard_";
    const char *schema = c->table->name.schema;
    const char *number = schema + sizeof own - 1;
    if (strncmp(schema, own, sizeof own - 1) == 0 && *number != '\0' &&
        strspn(number, "0123456789") == strlen(number)) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s cannot be made in schema \"%s\", since a shard group keeps parts of "
                     "tables in schemas of such names; give it another schema in the job file: "
                     "to: {schema: ...}",
                     c->place, schema);
    }
}

static void check_exclusions(struct check *c)
{
    if (c->table->from->exclusions != NULL) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s has EXCLUDE constraints (%s), which a shard group does not have; to load "
                     "it without them, create the table there yourself",
                     c->place, c->table->from->exclusions);
    }
    if (c->table->from->key.without_overlaps) {
        findings_add(c->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s has a primary key WITHOUT OVERLAPS, which a shard group does not have; to "
                     "load it, create the table there yourself",
                     c->place);
    }
}

static void check_table(struct check *c)
{
    const struct ddl_table *t = c->table;
    if (t->mode == TABLE_SHARDED) {
        check_name(c);
        check_shard_key(c);
    } else if (t->mode == TABLE_REFERENCE) {
        check_reference(c);
    }
    if (t->mode == TABLE_SHARDED && t->collocate_with != NULL) {
        check_collocation(c);
        check_circle(c);
    }
    check_schema(c);
    check_exclusions(c);
}

void refusals_check(const struct refusal_facts *facts, struct findings *findings)
{
    for (size_t i = 0; i < facts->count; i++) {
        struct check c = {.facts = facts, .findings = findings, .table = &facts->tables[i]};
        name_place(facts, c.table, c.place);
        check_table(&c);
    }
}
