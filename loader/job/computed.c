#include "job/computed.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

void computed_free(struct computed_list *list)
{
    free(list->items);
    *list = (struct computed_list){0};
}

void computed_add(struct buf *b, const struct column_rule *rule)
{
    buf_printf(b, "(%s\n) AS ", rule->expression);
    pg_add_ident(b, rule->column);
}

/* Each expression in two kinds of brackets: what is to close one of them cannot fit into the other,
 * and two statements, so that a quote which it leaves open does not end at its second place. The
 * second one takes neither aggregates nor window functions (as no WHERE does) nor functions that
 * return sets (as no CASE does), all of which would change the number of rows. */
static void add_as_columns(struct buf *sql, const struct relation *rel,
                           const struct computed *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_puts(sql, i == 0 ? "SELECT " : ", ");
        computed_add(sql, items[i].rule);
    }
    buf_puts(sql, " FROM ONLY ");
    pg_add_name(sql, rel->schema, rel->name);
    buf_puts(sql, " LIMIT 0");
}

static void add_as_conditions(struct buf *sql, const struct relation *rel,
                              const struct computed *items, size_t count)
{
    buf_puts(sql, "SELECT FROM ONLY ");
    pg_add_name(sql, rel->schema, rel->name);
    for (size_t i = 0; i < count; i++) {
        buf_printf(sql, "%sCASE WHEN true THEN %s\n END IS NULL", i == 0 ? " WHERE " : " AND ",
                   items[i].rule->expression);
    }
    buf_puts(sql, " LIMIT 0");
}

/* A query with parameters, even none, is one statement and not several. */
static bool try_some(struct pg *source, const struct relation *rel, const struct computed *items,
                     size_t count, struct pg_rows **rows, struct err *err)
{
    struct buf sql;
    CLEANUP(pg_rows_free) struct pg_rows *none = NULL;
    buf_init(&sql, BUF_SQL_MAX);
    add_as_conditions(&sql, rel, items, count);
    bool ok = buf_ok(&sql, err) && pg_query(source, buf_str(&sql), 0, NULL, &none, err);
    buf_clear(&sql);
    add_as_columns(&sql, rel, items, count);
    ok = ok && buf_ok(&sql, err) && pg_query(source, buf_str(&sql), 0, NULL, rows, err);
    buf_free(&sql);
    return ok;
}

static const char *hint_for(const char *state)
{
    static const struct {
        const char *state;
        const char *hint;
    } hints[] = {
        {"42P01", "; names are looked up in pg_catalog only: write SCHEMA.TABLE"                 },
        {"42883",
         "; names are looked up in pg_catalog only: write SCHEMA.FUNCTION, OPERATOR(SCHEMA.+)"   },
        {"42704", "; names are looked up in pg_catalog only: write SCHEMA.TYPE"                  },
        {"42803", "; one value is needed for each row: write a sub-query, (SELECT ...)"          },
        {"42P20", "; one value is needed for each row: write a sub-query, (SELECT ...)"          },
        {"0A000", "; one value is needed for each row"                                           },
        {"42501",
         "; GRANT SELECT to the source role on what it reads, BYPASSRLS where policies hide rows"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (strcmp(hints[i].state, state) == 0) {
            return hints[i].hint;
        }
    }
    return "";
}

#define EXPRESSION_SHOWN 120

static void block(const struct computed_trial *t, const struct column_rule *rule,
                  enum err_kind kind, const char *why, const char *hint)
{
    findings_add(t->findings, FINDING_BLOCKER, kind == ERR_AUTH ? ERR_AUTH : ERR_USAGE,
                 "%s:%u: column \"%s\" of table %s.%s cannot be computed as %.*s: %s%s",
                 t->config == NULL ? "job file" : t->config, rule->line, rule->column,
                 t->rel->schema, t->rel->name, EXPRESSION_SHOWN, rule->expression, why, hint);
}

/* "*" is an expression to nobody but the select list. */
static bool take_types(const struct computed_trial *t, struct computed *items, size_t count,
                       const struct pg_rows *rows)
{
    bool whole = pg_columns(rows) == (int)count;
    for (size_t i = 0; whole && i < count; i++) {
        items[i].type_oid = pg_column_type(rows, (int)i, &items[i].typmod);
    }
    if (!whole && count == 1) {
        block(t, items[0].rule, ERR_USAGE, "it stands for more than one column", "");
    }
    return whole;
}

/* *fit false: not all of them work together; of one, a finding says why. */
static bool try_in_savepoint(const struct computed_trial *t, struct computed *items, size_t count,
                             bool *fit, struct err *err)
{
    struct err why;
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    if (!pg_exec(t->source, "SAVEPOINT computed", err)) {
        return false;
    }
    *fit = try_some(t->source, t->rel, items, count, &rows, &why);
    if (*fit) {
        *fit = take_types(t, items, count, rows);
    } else if (pg_is_dead(t->source) || why.kind == ERR_CANCELLED || why.kind == ERR_SYSTEM) {
        *err = why;
        return false;
    } else if (count == 1) {
        block(t, items[0].rule, why.kind, why.msg, hint_for(pg_sqlstate(t->source)));
    }
    return pg_exec(t->source, "ROLLBACK TO SAVEPOINT computed; RELEASE SAVEPOINT computed", err);
}

static bool try_all(const struct computed_trial *t, struct computed_list *list, struct err *err)
{
    bool fit = false;
    if (list->count == 0) {
        return true;
    }
    if (!try_in_savepoint(t, list->items, list->count, &fit, err)) {
        return false;
    }
    for (size_t i = 0; !fit && list->count > 1 && i < list->count; i++) {
        bool this_one = false;
        list->items[i].type_oid = 0;
        if (!try_in_savepoint(t, &list->items[i], 1, &this_one, err)) {
            return false;
        }
    }
    return true;
}

bool computed_try(const struct computed_trial *t, struct computed_list *out, struct err *err)
{
    struct computed_list list = {0};
    size_t columns = t->choice == NULL ? 0 : t->choice->column_count;
    list.items = calloc(columns + 1, sizeof *list.items);
    if (list.items == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < columns; i++) {
        if (t->choice->columns[i]->expression != NULL) {
            list.items[list.count++] = (struct computed){.rule = t->choice->columns[i]};
        }
    }
    if (!try_all(t, &list, err)) {
        computed_free(&list);
        return false;
    }
    *out = list;
    return true;
}
