#include "job/object_names.h"

#include "base/buf.h"
#include "base/cleanup.h"

struct value {
    const char *name;
    const char *type_name;
    const char *expression; /* NULL: the column of that name */
    uint32_t type_oid;
};

/* The different values, as one text array. */
static void values_sql(const struct relation *rel, const struct value *v, bool is_array,
                       const char *filter, struct buf *sql)
{
    buf_printf(sql, "SELECT coalesce(array_agg(DISTINCT s.v), '{}') FROM (SELECT (%s",
               is_array ? "unnest(" : "(");
    if (v->expression == NULL) {
        pg_add_ident(sql, v->name);
    } else {
        buf_printf(sql, "%s\n", v->expression);
    }
    buf_puts(sql, "))::text AS v FROM ONLY ");
    pg_add_name(sql, rel->schema, rel->name);
    buf_printf(sql, " WHERE (%s\n)) s WHERE s.v IS NOT NULL", filter[0] == '\0' ? "true" : filter);
}

static bool ask_destination(const struct object_names *o, const char *type, const char *values,
                            struct err *err)
{
    struct buf sql;
    const char *const params[] = {values};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    buf_init(&sql, 1024);
    /* As one array: its elements go through the type's own input function, as in COPY. A cast from
     * text is another function, which does not know "-". */
    buf_puts(&sql, "SELECT cardinality($1::pg_catalog.");
    pg_add_ident(&sql, type);
    buf_puts(&sql, "[])");
    bool ok = buf_ok(&sql, err) && pg_query(o->destination, buf_str(&sql), 1, params, &r, err);
    buf_free(&sql);
    return ok;
}

static bool check_value(const struct object_names *o, const struct relation *rel,
                        const struct value *c, const char *filter, struct err *err)
{
    bool is_array = false;
    struct err why;
    uint32_t oid = type_names_object(o->source_types, c->type_oid, &is_array);
    const struct type_info *type = oid == 0 ? NULL : type_set_find(o->source_types, oid);
    if (type == NULL) {
        return true;
    }
    struct buf sql;
    CLEANUP(pg_rows_free) struct pg_rows *values = NULL;
    buf_init(&sql, BUF_SQL_MAX);
    values_sql(rel, c, is_array, filter, &sql);
    bool ok = buf_ok(&sql, err) && pg_query_row(o->source, buf_str(&sql), 0, NULL, &values, err);
    buf_free(&sql);
    if (!ok) {
        return err_wrap(err, "reading column \"%s\" of table %s.%s", c->name, rel->schema,
                        rel->name);
    }
    if (ask_destination(o, type->name, pg_text(values, 0, 0), &why)) {
        return true;
    }
    if (pg_is_dead(o->destination) || why.kind == ERR_CANCELLED) {
        *err = why;
        return false;
    }
    findings_add(o->findings, FINDING_BLOCKER, ERR_USAGE,
                 "table %s.%s: column \"%s\" (%s) names something that the destination does not "
                 "have: %s",
                 rel->schema, rel->name, c->name, c->type_name, why.msg);
    return true;
}

static bool is_loaded(const struct object_names *o, const struct column *c)
{
    const struct column_rule *rule = choice_column(o->choice, c->name);
    return c->can_select && !c->generated && (rule == NULL || !rule->leave_out) &&
           choice_computed(o->choice, c->name) == NULL;
}

bool object_names_check(const struct object_names *o, const struct relation *rel,
                        const char *filter, struct err *err)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        const struct column *c = &rel->columns[i];
        struct value v = {.name = c->name, .type_name = c->type_name, .type_oid = c->type_oid};
        if (is_loaded(o, c) && !check_value(o, rel, &v, filter, err)) {
            return false;
        }
    }
    for (size_t i = 0; o->computed != NULL && i < o->computed->count; i++) {
        const struct computed *c = &o->computed->items[i];
        struct value v = {.name = c->rule->column,
                          .type_name = "computed",
                          .expression = c->rule->expression,
                          .type_oid = c->type_oid};
        if (!check_value(o, rel, &v, filter, err)) {
            return false;
        }
    }
    return true;
}
