#include "ui/check_report.h"

#include "ui/json_text.h"
#include "ui/plain.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LEVEL_COLUMNS 9 /* "blocker" and two spaces */
#define LEFT_COLUMNS  2
#define LABEL_MIN     8
#define LABEL_MAX     32
#define FIX           "fix: "

#define GREEN  "\x1B[32m"
#define YELLOW "\x1B[33m"
#define RED    "\x1B[31m"
#define BOLD   "\x1B[1m"
#define PLAIN  "\x1B[0m"

static const char *mark_name(enum check_mark mark)
{
    static const char *const names[] = {"ok", "warning", "blocker"};
    return names[mark];
}

/* ---- words ---- */

static void capitalise(char *word)
{
    static const char *const names[] = {"tls", "iam", "kms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(word, names[i]) == 0) {
            word[0] = (char)toupper((unsigned char)word[0]);
            word[1] = (char)toupper((unsigned char)word[1]);
            word[2] = (char)toupper((unsigned char)word[2]);
            return;
        }
    }
}

/* "source-iam" is for machines; people read "source IAM". */
static void label_of(const char *check, char out[LABEL_MAX])
{
    (void)snprintf(out, LABEL_MAX, "%s", check);
    for (char *word = out;;) {
        char *dash = strchr(word, '-');
        if (dash == NULL) {
            capitalise(word);
            return;
        }
        *dash = '\0';
        capitalise(word);
        *dash = ' ';
        word = dash + 1;
    }
}

/* ---- wrapping ---- */

struct wrap {
    struct buf *out;
    size_t indent; /* of every line but the first, which begins where it stands */
    size_t column;
};

/* Columns of a piece of text; PLAIN_ALL without memory, which the buffer then knows of. */
static size_t add_piece(struct wrap *w, const char *text, size_t len)
{
    struct buf piece;
    buf_init(&piece, len + 1);
    buf_add(&piece, text, len);
    size_t columns = plain_add(w->out, buf_str(&piece), PLAIN_ALL);
    w->out->failed = w->out->failed || piece.failed;
    buf_free(&piece);
    return columns;
}

static size_t piece_columns(const char *text, size_t len)
{
    struct buf piece;
    buf_init(&piece, len + 1);
    buf_add(&piece, text, len);
    size_t columns = plain_columns(buf_str(&piece));
    buf_free(&piece);
    return columns;
}

static void new_line(struct wrap *w)
{
    buf_printf(w->out, "\n%*s", (int)w->indent, "");
    w->column = w->indent;
}

/* A word longer than a line stays whole, so that a policy or an ARN can be copied as it is. */
static void add_word(struct wrap *w, const char *word, size_t len, bool spaced)
{
    size_t columns = piece_columns(word, len);
    if (spaced && w->column + 1 + columns <= CHECK_REPORT_COLUMNS) {
        buf_puts(w->out, " ");
        w->column++;
    } else if (spaced) {
        new_line(w);
    }
    w->column += add_piece(w, word, len);
}

static void add_wrapped(struct buf *out, const char *text, size_t column, size_t indent)
{
    struct wrap w = {.out = out, .indent = indent, .column = column};
    bool spaced = false;
    text += strspn(text, " ");
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        add_word(&w, text, len, spaced);
        spaced = true;
        text += len;
        text += strspn(text, " ");
    }
    buf_puts(out, "\n");
}

/* ---- text ---- */

static void paint(struct buf *out, bool color, const char *how)
{
    buf_puts(out, color ? how : "");
}

static size_t label_width(const struct check_view *v, size_t side)
{
    char label[LABEL_MAX];
    size_t width = LABEL_MIN;
    for (size_t i = 0; i < v->line_count; i++) {
        label_of(v->lines[i].check, label);
        size_t len = v->lines[i].side == side ? strlen(label) : 0;
        width = len > width ? len : width;
    }
    return width;
}

static void add_line(const struct check_line_view *line, size_t width, bool color, struct buf *out)
{
    static const char *const colors[] = {GREEN, YELLOW, RED};
    char label[LABEL_MAX];
    size_t indent = LEFT_COLUMNS + LEVEL_COLUMNS + width + 2;
    const char *level = mark_name(line->mark);

    label_of(line->check, label);
    buf_printf(out, "%*s", LEFT_COLUMNS, "");
    paint(out, color, colors[line->mark]);
    buf_puts(out, level);
    paint(out, color, PLAIN);
    buf_printf(out, "%*s%-*s", LEVEL_COLUMNS - (int)strlen(level), "", (int)width + 2, label);
    add_wrapped(out, line->text, indent, indent);
    if (line->fix != NULL) {
        indent = LEFT_COLUMNS + LEVEL_COLUMNS + strlen(FIX);
        buf_printf(out, "%*s", (int)indent, FIX);
        add_wrapped(out, line->fix, indent, indent);
    }
}

static void add_side(const struct check_view *v, size_t side, bool color, struct buf *out)
{
    size_t width = label_width(v, side);
    size_t shown = 0;
    size_t hidden = 0;
    for (size_t i = 0; i < v->line_count; i++) {
        if (v->lines[i].side != side) {
            continue;
        }
        if (shown == CHECK_REPORT_LINES) {
            hidden++;
            continue;
        }
        if (shown++ == 0) {
            buf_puts(out, out->len == 0 ? "" : "\n");
            paint(out, color, BOLD);
            (void)plain_add(out, v->sides[side].title, CHECK_REPORT_COLUMNS);
            paint(out, color, PLAIN);
            buf_puts(out, "\n");
        }
        add_line(&v->lines[i], width, color, out);
    }
    if (hidden > 0) {
        buf_printf(out, "%*sand %zu more; --json lists all\n", LEFT_COLUMNS, "", hidden);
    }
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void add_verdict(const struct check_view *v, bool color, struct buf *out)
{
    buf_puts(out, out->len == 0 ? "" : "\n");
    paint(out, color, v->blockers > 0 ? RED : v->warnings > 0 ? YELLOW : GREEN);
    if (v->blockers > 0) {
        buf_printf(out, "%zu blocker%s", v->blockers, plural(v->blockers));
        if (v->warnings > 0) {
            buf_printf(out, ", %zu warning%s", v->warnings, plural(v->warnings));
        }
        buf_puts(out, "; a load would not start");
    } else if (v->warnings > 0) {
        buf_printf(out, "ready to load, with %zu warning%s", v->warnings, plural(v->warnings));
    } else {
        buf_puts(out, "ready to load");
    }
    paint(out, color, PLAIN);
    buf_puts(out, "\n");
}

void check_report_text(const struct check_view *v, bool color, struct buf *out)
{
    for (size_t side = 0; side < v->side_count; side++) {
        add_side(v, side, color, out);
    }
    if (v->left_out > 0) {
        buf_printf(out, "\n%zu more findings were left out\n", v->left_out);
    }
    add_verdict(v, color, out);
}

/* ---- JSON ---- */

static json_t *line_json(const struct check_view *v, const struct check_line_view *line)
{
    json_t *o = json_object();
    bool ok = json_put(o, "side", json_text(v->sides[line->side].name));
    ok = json_put(o, "check", json_text(line->check)) && ok;
    ok = json_put(o, "level", json_text(mark_name(line->mark))) && ok;
    ok = json_put(o, "text", json_text(line->text)) && ok;
    ok = json_put(o, "fix", json_text(line->fix)) && ok;
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

void check_report_json(const struct check_view *v, struct buf *out)
{
    json_t *root = json_object();
    json_t *findings = json_array();
    bool ok = json_put(root, "ready", json_boolean(v->blockers == 0));
    ok = json_put(root, "blockers", json_count(v->blockers)) && ok;
    ok = json_put(root, "warnings", json_count(v->warnings)) && ok;
    for (size_t i = 0; i < v->line_count; i++) {
        ok = json_array_append_new(findings, line_json(v, &v->lines[i])) == 0 && ok;
    }
    ok = json_put(root, "findings", findings) && ok;
    json_line(root, ok, out);
    if (!out->failed) {
        buf_puts(out, "\n");
    }
}
