#include "pg/types.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* A database of some 300,000 user types is no longer one that a person made. */
#define TYPES_MAX 1000000u

#define MULTIRANGE_VERSION 140000

/*
 * Every table has a row type and an array of it. They are left out unless something is declared
 * with them, or a database of 100,000 tables would be read four times over.
 */
#define TYPES_SQL_START                                                                 \
    "WITH used AS (SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a"             \
    "    WHERE a.attnum > 0 AND NOT a.attisdropped"                                     \
    "  UNION SELECT t.typbasetype FROM pg_catalog.pg_type t WHERE t.typbasetype <> 0"   \
    "  UNION SELECT r.rngsubtype FROM pg_catalog.pg_range r),"                          \
    " needed AS (SELECT oid FROM used UNION SELECT t.typelem FROM pg_catalog.pg_type t" \
    "    JOIN used u ON u.oid = t.oid WHERE t.typelem <> 0)"                            \
    " SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory,"                    \
    "  t.typsend::oid <> 0, t.typreceive::oid <> 0, coalesce(e.oid, 0),"                \
    "  t.typbasetype, t.typtypmod, t.typnotnull,"

#define TYPES_SQL_END                                                                                    \
    "  x.extname, x.extversion"                                                                          \
    " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace" /* int2vector, \
                                                                                             point       \
                                                                                             and         \
                                                                                             others      \
                                                                                             have        \
                                                                                             typelem     \
                                                                                             too;        \
                                                                                             only        \
                                                                                             true        \
                                                                                             arrays      \
                                                                                             are         \
                                                                                             read        \
                                                                                             by          \
                                                                                             array_in    \
                                                                                           */            \
    " LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem"                                               \
    "  AND t.typinput = 'pg_catalog.array_in'::regproc"                                                  \
    " LEFT JOIN pg_catalog.pg_class c"                                                                   \
    "  ON c.oid = CASE WHEN t.typrelid <> 0 THEN t.typrelid ELSE e.typrelid END"                         \
    " LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid"                                             \
    " LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::regclass"                    \
    "  AND d.objid = t.oid AND d.deptype = 'e'"                                                          \
    "  AND d.refclassid = 'pg_catalog.pg_extension'::regclass"                                           \
    " LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid"

#define TYPES_SQL_WHERE                                                            \
    " WHERE c.oid IS NULL OR c.relkind = 'c' OR t.oid IN (SELECT oid FROM needed)" \
    " ORDER BY t.oid"

static const char types_sql[] =
    TYPES_SQL_START " coalesce(r.rngsubtype, m.rngtypid, 0)," TYPES_SQL_END
                    " LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid" TYPES_SQL_WHERE;

static const char types_sql_without_multiranges[] =
    TYPES_SQL_START " coalesce(r.rngsubtype, 0)," TYPES_SQL_END TYPES_SQL_WHERE;

static const char attributes_sql[] =
    "SELECT t.oid, a.attname, a.atttypid, a.atttypmod FROM pg_catalog.pg_type t"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid"
    " WHERE t.oid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY t.oid, a.attnum";

static const char labels_sql[] = "SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum"
                                 " ORDER BY enumtypid, enumsortorder";

enum type_column {
    TYPE_OID,
    TYPE_SCHEMA,
    TYPE_NAME,
    TYPE_KIND,
    TYPE_CATEGORY,
    TYPE_SEND,
    TYPE_RECEIVE,
    TYPE_ELEMENT,
    TYPE_BASE,
    TYPE_BASE_TYPMOD,
    TYPE_NOT_NULL,
    TYPE_SUBTYPE,
    TYPE_EXTENSION,
    TYPE_EXTENSION_VERSION,
};

static uint32_t oid_at(const struct pg_rows *rows, size_t row, int column)
{
    return (uint32_t)pg_int(rows, row, column);
}

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory for the list of types");
}

static bool read_type(const struct pg_rows *rows, size_t row, struct type_info *t)
{
    *t = (struct type_info){
        .oid = oid_at(rows, row, TYPE_OID),
        .schema = str_copy(pg_text(rows, row, TYPE_SCHEMA)),
        .name = str_copy(pg_text(rows, row, TYPE_NAME)),
        .kind = pg_text(rows, row, TYPE_KIND)[0],
        .category = pg_text(rows, row, TYPE_CATEGORY)[0],
        .has_send = pg_bool(rows, row, TYPE_SEND),
        .has_receive = pg_bool(rows, row, TYPE_RECEIVE),
        .element_oid = oid_at(rows, row, TYPE_ELEMENT),
        .base_oid = oid_at(rows, row, TYPE_BASE),
        .base_typmod = (int32_t)pg_int(rows, row, TYPE_BASE_TYPMOD),
        .not_null = pg_bool(rows, row, TYPE_NOT_NULL),
        .subtype_oid = oid_at(rows, row, TYPE_SUBTYPE),
    };
    if (!pg_null(rows, row, TYPE_EXTENSION)) {
        t->extension = str_copy(pg_text(rows, row, TYPE_EXTENSION));
        t->extension_version = str_copy(pg_text(rows, row, TYPE_EXTENSION_VERSION));
        if (t->extension == NULL || t->extension_version == NULL) {
            return false;
        }
    }
    return t->schema != NULL && t->name != NULL;
}

static bool load_types(struct pg *pg, struct type_set *set, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    const char *sql =
        set->server_version >= MULTIRANGE_VERSION ? types_sql : types_sql_without_multiranges;

    if (!pg_query(pg, sql, 0, NULL, &rows, err)) {
        return false;
    }
    size_t count = pg_rows_count(rows);
    if (count > TYPES_MAX) {
        return err_set(err, ERR_DATA, "the database has %zu types; at most %u are supported", count,
                       TYPES_MAX);
    }
    set->items = calloc(count + 1, sizeof set->items[0]);
    if (set->items == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        set->count = i + 1; /* so that a half-read one is freed too */
        if (!read_type(rows, i, &set->items[i])) {
            return no_memory(err);
        }
    }
    return true;
}

/* The rows of one type stand together: how many of them start at row. */
static size_t run_length(const struct pg_rows *rows, size_t row)
{
    size_t end = row + 1;

    while (end < pg_rows_count(rows) && oid_at(rows, end, 0) == oid_at(rows, row, 0)) {
        end++;
    }
    return end - row;
}

/* The set is ours until it is handed out; type_set_find gives back one of its own items. */
static struct type_info *own_item(struct type_set *set, uint32_t oid)
{
    const struct type_info *found = type_set_find(set, oid);
    return found == NULL ? NULL : &set->items[found - set->items];
}

static bool read_labels(const struct pg_rows *rows, size_t row, size_t count, struct type_info *t)
{
    t->labels = calloc(count, sizeof t->labels[0]);
    if (t->labels == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        t->labels[i] = str_copy(pg_text(rows, row + i, 1));
        t->label_count = i + 1;
        if (t->labels[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool read_attributes(const struct pg_rows *rows, size_t row, size_t count,
                            struct type_info *t)
{
    t->attributes = calloc(count, sizeof t->attributes[0]);
    if (t->attributes == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        t->attributes[i] = (struct type_attribute){
            .name = str_copy(pg_text(rows, row + i, 1)),
            .type_oid = oid_at(rows, row + i, 2),
            .typmod = (int32_t)pg_int(rows, row + i, 3),
        };
        t->attribute_count = i + 1;
        if (t->attributes[i].name == NULL) {
            return false;
        }
    }
    return true;
}

/* Hands the rows of each type, whose OID is their first column, to read. */
static bool spread(struct type_set *set, const struct pg_rows *rows,
                   bool (*read)(const struct pg_rows *rows, size_t row, size_t count,
                                struct type_info *t),
                   struct err *err)
{
    size_t length = 0;

    for (size_t row = 0; row < pg_rows_count(rows); row += length) {
        length = run_length(rows, row);
        struct type_info *t = own_item(set, oid_at(rows, row, 0));
        if (t != NULL && !read(rows, row, length, t)) {
            return no_memory(err);
        }
    }
    return true;
}

static bool load_labels(struct pg *pg, struct type_set *set, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;

    return pg_query(pg, labels_sql, 0, NULL, &rows, err) && spread(set, rows, read_labels, err);
}

static bool load_attributes(struct pg *pg, struct type_set *set, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(buf_free) struct buf oids;
    const char *separator = "{";

    buf_init(&oids, BUF_SQL_MAX);
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].kind == 'c') {
            buf_printf(&oids, "%s%u", separator, set->items[i].oid);
            separator = ",";
        }
    }
    buf_puts(&oids, separator[0] == '{' ? "{}" : "}");
    if (!buf_ok(&oids, err)) {
        return false;
    }
    const char *params[] = {buf_str(&oids)};
    return pg_query(pg, attributes_sql, 1, params, &rows, err) &&
           spread(set, rows, read_attributes, err);
}

bool type_set_load(struct pg *pg, struct type_set *out, struct err *err)
{
    CLEANUP(type_set_free) struct type_set set = {.server_version = pg_version(pg)};

    if (!load_types(pg, &set, err) || !load_labels(pg, &set, err) ||
        !load_attributes(pg, &set, err)) {
        return err_wrap(err, "reading the types of the %s", pg_side(pg));
    }
    *out = set;
    set = (struct type_set){0};
    return true;
}
