/* Each table in full, and foreign keys by cluster. */
#include "base/str.h"
#include "ui/assess_report_parts.h"
#include "ui/plain.h"
#include "ui/report_parts.h"

#include <stdio.h>
#include <string.h>

static const char *label_of(const char *topic)
{
    static const char *const labels[][2] = {
        {"reason",      "why"     },
        {"unsure",      "unsure"  },
        {"cost",        "cost"    },
        {"change",      "changes" },
        {"blocker",     "blocker" },
        {"aws-utility", "AWS tool"}
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (strcmp(labels[i][0], topic) == 0) {
            return labels[i][1];
        }
    }
    return topic;
}

static void add_mode(const struct assess_table_view *t, struct buf *out)
{
    buf_puts(out, "\n");
    (void)plain_add(out, t->name, PLAIN_ALL);
    buf_printf(out, ": %s%s", t->mode, t->key == NULL ? "" : " by ");
    if (t->key != NULL) {
        (void)plain_add(out, t->key, PLAIN_ALL);
    }
    if (t->collocate_with != NULL) {
        buf_puts(out, ", collocated with ");
        (void)plain_add(out, t->collocate_with, PLAIN_ALL);
    }
    buf_puts(out, "\n");
}

/* Only what was weighed against something. */
static void add_candidates(const struct assess_table_view *t, struct buf *out)
{
    for (size_t i = 0; t->candidate_count > 1 && i < t->candidate_count; i++) {
        const struct assess_candidate_view *c = &t->candidates[i];
        char text[ERR_MSG_MAX];
        (void)snprintf(text, sizeof text, "%.63s %.2f: %.400s", c->column, c->score, c->text);
        assess_line(out, i == 0 ? "weighed" : "", text);
    }
}

static void add_table(const struct assess_table_view *t, struct buf *out)
{
    const char *last = "";
    add_mode(t, out);
    if (t->keys[0] != '\0') {
        assess_line(out, "keys", t->keys);
    }
    if (t->types[0] != '\0') {
        assess_line(out, "types", t->types);
    }
    for (size_t i = 0; i < t->note_count; i++) {
        const char *label = label_of(t->notes[i].topic);
        assess_line(out, strcmp(label, last) == 0 ? "" : label, t->notes[i].text);
        if (t->notes[i].fix != NULL) {
            assess_line(out, "  fix:", t->notes[i].fix);
        }
        last = label;
    }
    add_candidates(t, out);
}

void assess_add_tables(const struct assess_view *v, struct buf *out)
{
    size_t top[ASSESS_REPORT_TABLES];
    size_t count = assess_largest(v, top);
    for (size_t i = 0; i < count; i++) {
        add_table(&v->tables[top[i]], out);
    }
}

/* ---- foreign keys ---- */

static size_t tables_in(const struct assess_view *v, size_t cluster)
{
    size_t count = 0;
    for (size_t i = 0; i < v->table_count; i++) {
        count += v->tables[i].cluster == (int)cluster;
    }
    return count;
}

static void add_link(const struct assess_link_view *l, struct buf *out)
{
    struct buf text;
    buf_init(&text, BUF_SQL_MAX);
    buf_printf(&text, "%s %s %s", l->child, l->columns, l->parent);
    assess_line(out, l->fate, buf_str(&text));
    out->failed = out->failed || text.failed;
    buf_free(&text);
}

void assess_add_links(const struct assess_view *v, struct buf *out)
{
    size_t shown = 0;
    for (size_t c = 0; c < v->cluster_count && shown < ASSESS_REPORT_LINKS; c++) {
        size_t tables = tables_in(v, c);
        buf_printf(out, "\nForeign keys, cluster %zu of %zu: %zu tables\n", c + 1, v->cluster_count,
                   tables);
        for (size_t i = 0; i < v->link_count && shown < ASSESS_REPORT_LINKS; i++) {
            if (v->links[i].cluster == (int)c) {
                add_link(&v->links[i], out);
                shown++;
            }
        }
    }
    if (shown < v->link_count && shown == ASSESS_REPORT_LINKS) {
        buf_printf(out, "  and %zu more foreign keys; --json lists all\n", v->link_count - shown);
    }
}
