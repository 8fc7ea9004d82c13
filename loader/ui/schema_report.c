#include "ui/schema_report.h"

#include "ui/json_text.h"
#include "ui/plain.h"

#include <string.h>

#define TYPES_MAX 96

static const char *const marks[SCHEMA_VIEW_MARKS] = {"carried", "changed", "left out"};

struct type_row {
    const char *type;
    size_t counts[SCHEMA_VIEW_MARKS];
};

/* Types past the table's room share its last row. */
static size_t count_types(const struct schema_view *v, struct type_row rows[TYPES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < v->object_count; i++) {
        const struct schema_object_view *o = &v->objects[i];
        size_t at = 0;
        while (at < n && strcmp(rows[at].type, o->type) != 0) {
            at++;
        }
        if (at == n && n < TYPES_MAX) {
            rows[n++] = (struct type_row){.type = o->type};
        }
        at = at < TYPES_MAX ? at : TYPES_MAX - 1;
        rows[at].counts[o->mark]++;
    }
    return n;
}

static size_t count_mark(const struct schema_view *v, enum schema_view_mark mark)
{
    size_t n = 0;
    for (size_t i = 0; i < v->object_count; i++) {
        n += v->objects[i].mark == mark;
    }
    return n;
}

static void add_row(struct buf *out, const char *name, const size_t counts[SCHEMA_VIEW_MARKS])
{
    buf_printf(out, "  %-30s %9zu %9zu %9zu\n", name, counts[0], counts[1], counts[2]);
}

static void add_counts(const struct schema_view *v, struct buf *out)
{
    struct type_row rows[TYPES_MAX];
    size_t total[SCHEMA_VIEW_MARKS] = {0};
    size_t n = count_types(v, rows);
    buf_printf(out, "\n  %-30s %9s %9s %9s\n", "", marks[0], marks[1], marks[2]);
    for (size_t i = 0; i < n; i++) {
        add_row(out, rows[i].type, rows[i].counts);
        for (int m = 0; m < SCHEMA_VIEW_MARKS; m++) {
            total[m] += rows[i].counts[m];
        }
    }
    add_row(out, "together", total);
    buf_printf(out, "  %zu objects: %zu in pg_dump's table of contents", v->object_count,
               v->entries);
    if (v->object_count > v->entries) {
        buf_printf(out, " and %zu checks within tables", v->object_count - v->entries);
    }
    buf_puts(out, "\n");
}

static void add_objects(const struct schema_view *v, enum schema_view_mark mark, const char *title,
                        struct buf *out)
{
    size_t shown = 0;
    size_t all = count_mark(v, mark);
    for (size_t i = 0; i < v->object_count && shown < SCHEMA_REPORT_LINES; i++) {
        const struct schema_object_view *o = &v->objects[i];
        if (o->mark != mark) {
            continue;
        }
        if (shown++ == 0) {
            buf_printf(out, "\n%s\n", title);
        }
        buf_puts(out, "  ");
        (void)plain_add(out, o->type, PLAIN_ALL);
        buf_puts(out, " ");
        (void)plain_add(out, o->name, PLAIN_ALL);
        buf_puts(out, ": ");
        (void)plain_add(out, o->note == NULL ? "" : o->note, PLAIN_ALL);
        buf_puts(out, "\n");
    }
    if (all > shown) {
        buf_printf(out, "  and %zu more; --json lists all\n", all - shown);
    }
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void add_applied(const struct schema_applied_view *a, bool failed, struct buf *out)
{
    buf_printf(out, "\n%s the rows: ", a->after ? "After" : "Before");
    if (a->made == 0 && a->there == 0 && a->failed == 0 && a->moved == 0 && !failed) {
        buf_printf(out, "nothing to do, all %zu step%s were made by an earlier run\n", a->before,
                   plural(a->before));
        return;
    }
    buf_printf(out, "%zu step%s made", a->made, plural(a->made));
    if (a->before > 0) {
        buf_printf(out, ", %zu by an earlier run", a->before);
    }
    if (a->there > 0) {
        buf_printf(out, ", %zu object%s there already", a->there, plural(a->there));
    }
    if (a->moved > 0) {
        buf_printf(out, ", %zu sequence%s moved", a->moved, plural(a->moved));
    }
    if (a->failed > 0) {
        buf_printf(out, ", %zu failed", a->failed);
    }
    buf_puts(out, "\n");
}

void schema_report_text(const struct schema_view *v, struct buf *out)
{
    bool failed = v->error->kind != ERR_NONE;
    buf_puts(out, "Schema of ");
    (void)plain_add(out, v->source[0] == '\0' ? "the source" : v->source, PLAIN_ALL);
    buf_puts(out, " for ");
    (void)plain_add(out, v->destination[0] == '\0' ? "the destination" : v->destination, PLAIN_ALL);
    buf_puts(out, v->shard_group ? ", a shard group\n" : "\n");
    if (v->planned) {
        add_counts(v, out);
        add_objects(v, SCHEMA_VIEW_CHANGED, "Changed", out);
        add_objects(v, SCHEMA_VIEW_LEFT_OUT, "Left out", out);
    }
    for (size_t i = 0; i < v->warning_count; i++) {
        buf_puts(out, i == 0 ? "\nWarnings\n  " : "  ");
        (void)plain_add(out, v->warnings[i], PLAIN_ALL);
        buf_puts(out, "\n");
    }
    for (size_t i = 0; i < v->part_count; i++) {
        add_applied(&v->parts[i], failed && i + 1 == v->part_count, out);
    }
    if (failed && !v->within_load) {
        buf_puts(out, "\nNot finished: ");
        (void)plain_add(out, v->error->msg, PLAIN_ALL);
        buf_puts(out, v->exit_status == 5 ? "; run the same command again to go on\n" : "\n");
    }
}

/* ---- JSON ---- */

static json_t *object_json(const struct schema_object_view *o)
{
    json_t *j = json_object();
    bool ok = json_put(j, "type", json_text(o->type));
    ok = json_put(j, "name", json_text(o->name)) && ok;
    ok = json_put(j, "mark", json_text(marks[o->mark])) && ok;
    ok = json_put(j, "part", json_text(o->after ? "after" : "before")) && ok;
    ok = json_put(j, "within_table", json_boolean(o->in_table)) && ok;
    ok = json_put(j, "note", json_text(o->note)) && ok;
    if (!ok) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static json_t *part_json(const struct schema_applied_view *a)
{
    json_t *j = json_object();
    bool ok = json_put(j, "part", json_text(a->after ? "after" : "before"));
    ok = json_put(j, "made", json_count(a->made)) && ok;
    ok = json_put(j, "made_before", json_count(a->before)) && ok;
    ok = json_put(j, "there", json_count(a->there)) && ok;
    ok = json_put(j, "failed", json_count(a->failed)) && ok;
    ok = json_put(j, "sequences_moved", json_count(a->moved)) && ok;
    if (!ok) {
        json_decref(j);
        return NULL;
    }
    return j;
}

/* "applied" is the last one of "parts". */
static bool put_parts(const struct schema_view *v, json_t *root)
{
    json_t *parts = json_array();
    bool ok = true;
    for (size_t i = 0; i < v->part_count; i++) {
        ok = json_array_append_new(parts, part_json(&v->parts[i])) == 0 && ok;
    }
    ok = json_put(root, "applied",
                  v->part_count == 0 ? json_null() : part_json(&v->parts[v->part_count - 1])) &&
         ok;
    return json_put(root, "parts", parts) && ok;
}

static bool put_lists(const struct schema_view *v, json_t *root)
{
    json_t *list = json_array();
    json_t *warnings = json_array();
    bool ok = true;
    for (size_t i = 0; i < v->object_count; i++) {
        ok = json_array_append_new(list, object_json(&v->objects[i])) == 0 && ok;
    }
    for (size_t i = 0; i < v->warning_count; i++) {
        ok = json_array_append_new(warnings, json_text(v->warnings[i])) == 0 && ok;
    }
    ok = json_put(root, "objects", list) && ok;
    return json_put(root, "warnings", warnings) && ok;
}

json_t *schema_report_object(const struct schema_view *v)
{
    json_t *root = json_object();
    bool failed = v->error->kind != ERR_NONE;
    bool ok = json_put(root, "source", json_text(v->source));
    ok = json_put(root, "destination", json_text(v->destination)) && ok;
    ok = json_put(root, "shard_group", json_boolean(v->shard_group)) && ok;
    ok = json_put(root, "entries", json_count(v->entries)) && ok;
    ok = json_put(root, "checks_within_tables", json_count(v->object_count - v->entries)) && ok;
    ok = json_put(root, "carried", json_count(count_mark(v, SCHEMA_VIEW_CARRIED))) && ok;
    ok = json_put(root, "changed", json_count(count_mark(v, SCHEMA_VIEW_CHANGED))) && ok;
    ok = json_put(root, "left_out", json_count(count_mark(v, SCHEMA_VIEW_LEFT_OUT))) && ok;
    ok = put_lists(v, root) && ok;
    ok = put_parts(v, root) && ok;
    ok = json_put(root, "error", json_text(failed ? v->error->msg : NULL)) && ok;
    ok = json_put(root, "exit_status", json_integer(v->exit_status)) && ok;
    if (!ok) {
        json_decref(root);
        return NULL;
    }
    return root;
}

void schema_report_json(const struct schema_view *v, struct buf *out)
{
    json_t *root = schema_report_object(v);
    json_line(root, root != NULL, out);
}
