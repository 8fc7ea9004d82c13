/* Tables that a shard group cannot have at all, and what to do about them. */
#include "base/buf.h"
#include "limitless/assess_internal.h"
#include "limitless/refusals.h"

#include <string.h>

#define LIST_MAX  4096
#define NAMES_MAX 5

/* Base types need a superuser, and extensions are those of AWS's list. */
static bool is_refused(const struct survey_type *t)
{
    return t->extension == NULL || !refusals_may_have_extension(t->extension);
}

bool can_stand(const struct survey_table *t)
{
    for (size_t i = 0; i < t->type_count; i++) {
        if (is_refused(&t->types[i])) {
            return false;
        }
    }
    return true;
}

static void add_type(const struct survey_table *t, const struct survey_type *type, struct buf *out)
{
    const struct survey_column *c = &t->columns[type->column];
    buf_printf(out, "%.63s (", c->name);
    if (strcmp(c->type, type->name) != 0) {
        buf_printf(out, "%.130s with ", c->type);
    }
    if (type->extension == NULL) {
        buf_printf(out, "the base type %.130s)", type->name);
    } else {
        buf_printf(out, "%.130s of extension %.63s)", type->name, type->extension);
    }
}

void tell_left_out(struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    struct buf list;
    size_t count = 0;
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < t->type_count; i++) {
        if (is_refused(&t->types[i]) && count++ < NAMES_MAX) {
            buf_puts(&list, count == 1 ? "" : ", ");
            add_type(t, &t->types[i], &list);
        }
    }
    if (count > 0) {
        note_fix(w, table,
                 "a shard group cannot have types of its columns: %s%s\n"
                 "give these columns other types at the source; as it is, the job file leaves the "
                 "table out",
                 buf_str(&list), count > NAMES_MAX ? ", ..." : "");
    }
    buf_free(&list);
}

bool may_stand(const struct work *w, size_t table)
{
    return is_stored(&w->survey->tables[table]) && !w->out->tables[table].is_left_out;
}
