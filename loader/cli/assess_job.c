#include "cli/assess_job.h"

#include "cli/job_file.h"
#include "cli/utf8.h"
#include "cli/yaml_text.h"
#include "limitless/limitless.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COMMENT_BYTES 160
#define COMMENTS_MAX  4

/* ---- texts ---- */

/* Characters that some reader of YAML takes for a line's end, or does not take at all. */
static bool is_plain(uint32_t c)
{
    return c >= 0x20 && (c < 0x7F || c > 0xA0) && c != 0x2028 && c != 0x2029 && c != 0xFEFF &&
           c != 0xFFFE && c != 0xFFFF;
}

/* One line that no reader of YAML can take for more than a comment. */
static void add_comment(struct buf *out, const char *indent, const char *topic, const char *text)
{
    size_t left = strlen(text);
    size_t begin = out->len;
    buf_printf(out, "%s# %s%s", indent, topic, topic[0] == '\0' ? "" : ": ");
    while (left > 0 && out->len - begin < COMMENT_BYTES) {
        uint32_t character = 0;
        size_t len = utf8_next(text, left, &character);
        if (len > 0 && is_plain(character)) {
            buf_add(out, text, len);
        } else {
            buf_puts(out, "?");
        }
        len = len == 0 ? 1 : len;
        text += len;
        left -= len;
    }
    buf_puts(out, left == 0 ? "\n" : " ...\n");
}

/* Part of a pattern: what is not plain stands in double quotes, which take everything literally. */
static void add_part(struct buf *out, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (name[0] != '\0' && name[strspn(name, plain)] == '\0') {
        buf_puts(out, name);
        return;
    }
    buf_puts(out, "\"");
    for (; *name != '\0'; name++) {
        buf_printf(out, *name == '"' ? "\"%c" : "%c", *name);
    }
    buf_puts(out, "\"");
}

static void add_joined(struct buf *out, const char *schema, const char *name, bool pattern)
{
    struct buf text;
    buf_init(&text, BUF_SQL_MAX);
    if (pattern) {
        add_part(&text, schema);
        buf_puts(&text, ".");
        add_part(&text, name);
    } else {
        buf_printf(&text, "%s.%s", schema, name);
    }
    yaml_add_text(out, buf_str(&text), false);
    out->failed = out->failed || text.failed;
    buf_free(&text);
}

/* ---- one table ---- */

/* How much is told, for files that would otherwise be too large to be read again. */
enum detail { DETAIL_FULL, DETAIL_SHARDED, DETAIL_NONE };

static void add_comments(const struct assess_table *a, enum detail detail, struct buf *out)
{
    unsigned added = 0;
    if (detail == DETAIL_NONE || (detail == DETAIL_SHARDED && a->mode != TABLE_SHARDED)) {
        return;
    }
    for (size_t i = 0; i < a->notes.count && added < COMMENTS_MAX; i++) {
        const struct assess_note *n = &a->notes.items[i];
        bool wanted =
            n->topic == ASSESS_UNSURE || n->topic == ASSESS_BLOCKER || n->topic == ASSESS_REASON;
        if (wanted) {
            add_comment(out, "  ", n->topic == ASSESS_REASON ? "" : assess_topic_name(n->topic),
                        n->text);
            added++;
        }
    }
}

static void add_columns(const struct assess_table *a, struct buf *out)
{
    buf_puts(out, "    columns:\n      ");
    yaml_add_text(out, a->key, false);
    buf_puts(out, ":\n        expression: ");
    yaml_add_text(out, a->expression, false);
    buf_puts(out, "\n        type: ");
    yaml_add_text(out, a->key_type, false);
    buf_puts(out, "\n");
}

/* A name with a dot in it cannot be told from a schema's: the tables are then apart. */
static void add_collocation(const struct assess_result *r, const struct assess_table *a,
                            struct buf *out)
{
    const struct survey_table *head = &r->survey.tables[a->collocate_with];
    const char *rename = r->proposal.tables[a->collocate_with].rename;
    const char *name = rename == NULL ? head->name : rename;
    if (strchr(head->schema, '.') != NULL || strchr(name, '.') != NULL) {
        add_comment(out, "    ", "", "not collocated: there is a dot in the other table's name");
        return;
    }
    buf_puts(out, "    collocate-with: ");
    add_joined(out, head->schema, name, false);
    buf_puts(out, "\n");
}

static void add_table(const struct assess_result *r, size_t table, enum detail detail,
                      struct buf *out)
{
    const struct survey_table *t = &r->survey.tables[table];
    const struct assess_table *a = &r->proposal.tables[table];
    add_comments(a, detail, out);
    buf_puts(out, "  ");
    add_joined(out, t->schema, t->name, true);
    buf_printf(out, ":\n    mode: %s\n", table_mode_name(a->mode));
    if (a->rename != NULL) {
        buf_puts(out, "    to:\n      table: ");
        yaml_add_text(out, a->rename, false);
        buf_puts(out, "\n");
    }
    if (a->key != NULL) {
        buf_puts(out, "    shard-key: [");
        yaml_add_text(out, a->key, false);
        buf_puts(out, "]\n");
    }
    if (a->collocate_with != SURVEY_NONE) {
        add_collocation(r, a, out);
    }
    if (a->expression != NULL) {
        add_columns(a, out);
    }
}

/* ---- the file ---- */

static void add_patterns(const char *key, const struct text_list *list, bool *any, struct buf *out)
{
    if (list->count == 0) {
        return;
    }
    buf_printf(out, "%s  %s:\n", *any ? "" : "select:\n", key);
    *any = true;
    for (size_t i = 0; i < list->count; i++) {
        buf_puts(out, "    - ");
        yaml_add_text(out, list->items[i], false);
        buf_puts(out, "\n");
    }
}

/* In the words of its first blocker. */
static void add_left_out(const struct assess_result *r, size_t table, struct buf *out)
{
    const struct survey_table *t = &r->survey.tables[table];
    const struct assess_notes *notes = &r->proposal.tables[table].notes;
    for (size_t i = 0; i < notes->count; i++) {
        if (notes->items[i].topic == ASSESS_BLOCKER) {
            add_comment(out, "    ", "", notes->items[i].text);
            break;
        }
    }
    buf_puts(out, "    - ");
    add_joined(out, t->schema, t->name, true);
    buf_puts(out, "\n");
}

/* The caller's, and tables that a shard group cannot have. */
static void add_excluded(const struct spec *spec, const struct assess_result *r, bool *any,
                         struct buf *out)
{
    bool begun = spec->tables_out.count > 0;
    add_patterns("exclude-tables", &spec->tables_out, any, out);
    for (size_t i = 0; i < r->survey.table_count; i++) {
        if (r->proposal.tables[i].is_left_out) {
            if (!begun) {
                buf_printf(out, "%s  exclude-tables:\n", *any ? "" : "select:\n");
            }
            begun = true;
            *any = true;
            add_left_out(r, i, out);
        }
    }
}

static void add_head(const struct spec *spec, const struct assess_result *r, struct buf *out)
{
    bool any = false;
    add_comment(out, "", "Proposed by sluice assess for", r->source);
    buf_puts(out, "# Change what you know better, then: sluice load --with-schema --config FILE\n"
                  "# --source ... --destination ...\n"
                  "version: 1\n");
    add_patterns("tables", &spec->tables, &any, out);
    add_excluded(spec, r, &any, out);
    add_patterns("schemas", &spec->schemas, &any, out);
    add_patterns("exclude-schemas", &spec->schemas_out, &any, out);
}

static bool has_rule(const struct assess_result *r, size_t table)
{
    char kind = r->survey.tables[table].kind;
    return (kind == 'r' || kind == 'p') && !r->proposal.tables[table].is_left_out;
}

static void make(const struct spec *spec, const struct assess_result *r, enum detail detail,
                 struct buf *out)
{
    bool any = false;
    add_head(spec, r, out);
    for (size_t i = 0; i < r->survey.table_count; i++) {
        if (has_rule(r, i)) {
            buf_puts(out, any ? "" : "tables:\n");
            any = true;
            add_table(r, i, detail, out);
        }
    }
}

void assess_job_text(const struct spec *spec, const struct assess_result *r, struct buf *out)
{
    make(spec, r, DETAIL_FULL, out);
    for (int d = DETAIL_SHARDED; d <= DETAIL_NONE && out->len > JOB_FILE_BYTES_MAX; d++) {
        buf_clear(out);
        make(spec, r, (enum detail)d, out);
    }
}

static bool write_file(const char *path, const struct buf *text, struct err *err)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL && errno == EEXIST) {
        return err_set(err, ERR_USAGE, "--out: %.500s is there already; take another name", path);
    }
    if (file == NULL) {
        (void)err_set_errno(err, "--out: cannot make %.500s", path);
        err->kind = ERR_USAGE; /* the path is what has to be mended */
        return false;
    }
    bool ok = fwrite(buf_str(text), 1, text->len, file) == text->len;
    ok = fclose(file) == 0 && ok;
    return ok || err_set_errno(err, "--out: cannot write %.500s", path);
}

bool assess_job_write(const char *path, const struct spec *spec, const struct assess_result *r,
                      struct err *err)
{
    struct buf text;
    buf_init(&text, BUF_SQL_MAX);
    assess_job_text(spec, r, &text);
    bool ok = buf_ok(&text, err) && write_file(path, &text, err);
    buf_free(&text);
    return ok;
}
