#include "cli/job_file_rules.h"

#include <stdlib.h>
#include <string.h>

/* ---- one column ---- */

struct column_reading {
    struct column_rule *column;
    const struct tree_node *leave_out, *type; /* keys; NULL: not there */
};

static void take_sql(struct job_reader *r, const struct tree_node *key, char **slot,
                     const char *what)
{
    const char *text = job_text(r, key->value, false);
    if (text != NULL && text[strspn(text, " \t\r\n")] == '\0') {
        job_note(&r->notes, key->value->line, key->value->column, "%s is wanted here", what);
    } else if (text != NULL) {
        (void)job_keep(r, slot, text);
    }
}

static void take_expression(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct column_reading *c = into;
    take_sql(r, key, &c->column->expression, "an SQL expression over the source's row");
}

static void take_type(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct column_reading *c = into;
    c->type = key;
    take_sql(r, key, &c->column->type, "the name of a type, as bigint,");
}

static void take_leave_out(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct column_reading *c = into;
    c->leave_out = key;
    (void)job_bool(r, key->value, &c->column->leave_out);
}

static void take_rename(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct column_reading *c = into;
    const char *name = job_name(r, key->value);
    if (name != NULL) {
        (void)job_keep(r, &c->column->rename, name);
    }
}

static const struct job_key column_keys[] = {
    {"expression", "text",       take_expression},
    {"type",       "text",       take_type      },
    {"leave-out",  "true|false", take_leave_out },
    {"rename",     "text",       take_rename    },
};
const struct job_keys job_column_keys = {column_keys, sizeof column_keys / sizeof column_keys[0],
                                         "a column", false};

static void check_column(struct job_reader *r, const struct tree_node *key,
                         const struct column_reading *c)
{
    const struct column_rule *rule = c->column;
    unsigned wishes = (rule->expression != NULL ? 1u : 0) + (rule->rename != NULL ? 1u : 0) +
                      (rule->leave_out ? 1u : 0);
    if (wishes > 1) {
        job_note(&r->notes, key->line, key->column,
                 "only one of expression, rename and leave-out can be said of a column");
    } else if (c->type != NULL && rule->expression == NULL) {
        job_note(&r->notes, c->type->line, c->type->column,
                 "type is that of a computed column; add expression, or leave it out");
    } else if (key->value->kind == TREE_MAP && key->value->count == 0) {
        job_note(&r->notes, key->line, key->column,
                 "nothing is said of this column; write expression, rename or leave-out");
    }
}

/* ---- all of a table ---- */

/* NULL: noted. */
static struct column_rule *add_column(struct job_reader *r, const struct tree_node *key,
                                      struct table_rule *rule)
{
    const char *name = job_name(r, key);
    if (name == NULL) {
        return NULL;
    }
    if (rule->column_count >= JOB_COLUMNS_MAX) {
        if (rule->column_count == JOB_COLUMNS_MAX) {
            job_note(&r->notes, key->line, key->column, "a table has at most %d columns",
                     JOB_COLUMNS_MAX);
        }
        return NULL;
    }
    struct column_rule *columns =
        realloc(rule->columns, (rule->column_count + 1) * sizeof *columns);
    if (columns == NULL) {
        job_out_of_memory(r);
        return NULL;
    }
    rule->columns = columns;
    struct column_rule *c = &columns[rule->column_count++];
    *c = (struct column_rule){.line = key->line};
    return job_keep(r, &c->column, name) ? c : NULL;
}

static void take_column(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    struct column_reading c = {.column = add_column(r, key, rule->rule)};
    if (c.column != NULL) {
        job_take_map(r, key->value, &job_column_keys, &c);
        check_column(r, key, &c);
    }
}

/* Its name on the destination, as far as this rule says; NULL: it says nothing of it. */
static const char *destination_name(const struct column_rule *c)
{
    return c->rename != NULL ? c->rename : c->expression != NULL ? c->column : NULL;
}

static void check_names(struct job_reader *r, const struct tree_node *map,
                        const struct table_rule *rule)
{
    char shown[JOB_SHOWN_MAX + 4];
    const struct tree_node *key = map->first;
    for (size_t i = 0; i < rule->column_count && key != NULL; i++) {
        const struct column_rule *c = &rule->columns[i];
        const char *name = destination_name(c);
        while (key != NULL && strcmp(key->text, c->column) != 0) {
            key = key->next; /* one that was refused */
        }
        for (size_t j = 0; j < i && name != NULL && key != NULL; j++) {
            const char *other = destination_name(&rule->columns[j]);
            if (other != NULL && strcmp(name, other) == 0 &&
                strcmp(c->column, rule->columns[j].column) != 0) {
                job_note(&r->notes, key->line, key->column,
                         "two columns would be named %s, this one and that of line %u",
                         job_shown(name, shown), rule->columns[j].line);
                break;
            }
        }
    }
}

void job_take_columns(struct job_reader *r, const struct tree_node *key, void *into)
{
    struct rule_reading *rule = into;
    job_take_entries(r, key->value, "columns", take_column, into);
    if (key->value->kind == TREE_MAP) {
        check_names(r, key->value, rule->rule);
    }
}
