#include "pg/pattern.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX_BYTES                                                  \
    4096u /* names end at 63 bytes; this leaves room for long alternatives \
           */
#define REGEX_MAX_BYTES (4 * (size_t)PATTERN_MAX_BYTES) /* a byte becomes two at most */
#define PARTS_MAX       3                               /* database, schema, name */

struct part {
    struct buf regex; /* without the anchors */
    struct buf plain; /* the name that the part spells when it holds no wildcard */
    bool wildcard;
};

/* Where the reading stands. The first thing that is wrong sets why and ends it. */
struct scan {
    const char *at;
    const char *why;
    struct part parts[PARTS_MAX];
    size_t part;    /* the one being read */
    unsigned depth; /* parentheses open in it: balanced, they cannot close the anchoring ones */
};

static void scan_init(struct scan *s, const char *text)
{
    *s = (struct scan){.at = text};
    for (size_t i = 0; i < PARTS_MAX; i++) {
        buf_init(&s->parts[i].regex, REGEX_MAX_BYTES);
        buf_init(&s->parts[i].plain, REGEX_MAX_BYTES);
    }
}

static void scan_free(struct scan *s)
{
    for (size_t i = 0; i < PARTS_MAX; i++) {
        buf_free(&s->parts[i].regex);
        buf_free(&s->parts[i].plain);
    }
}

/* Only ASCII folds: so does the server where a character takes more than one byte. */
static char fold(char c)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *at = c == '\0' ? NULL : strchr(upper, c);

    if (at == NULL) {
        return c;
    }
    return "abcdefghijklmnopqrstuvwxyz"[at - upper];
}

static void add_literal(struct part *p, char c)
{
    if (strchr("|*+?()[]{}.^$\\", c) != NULL) {
        buf_puts(&p->regex, "\\");
    }
    buf_add(&p->regex, &c, 1);
    buf_add(&p->plain, &c, 1);
}

static void add_special(struct part *p, const char *regex, size_t len)
{
    p->wildcard = true;
    buf_add(&p->regex, regex, len);
}

/* At an opening quote. A doubled quote inside stands for one. */
static void scan_quoted(struct scan *s)
{
    struct part *p = &s->parts[s->part];

    for (s->at++; *s->at != '\0'; s->at++) {
        if (*s->at == '"' && s->at[1] != '"') {
            s->at++;
            return;
        }
        if (*s->at == '"') {
            s->at++;
        }
        add_literal(p, *s->at);
    }
    s->why = "a double quote is not closed";
}

/* At a backslash. \c would swallow the next character, a parenthesis too, unseen by us. */
static void scan_escape(struct scan *s)
{
    char next = s->at[1];

    if (next == '\0' || next == '"' || next == 'c') {
        s->why = "a backslash must be followed by the character that it escapes";
        return;
    }
    add_special(&s->parts[s->part], s->at, 2);
    s->at += 2;
}

/* At the [ of a class such as [:digit:] inside brackets. */
static void scan_class(struct scan *s)
{
    const char *end = s->at[1] == ':' ? strstr(s->at, ":]") : NULL;

    if (end == NULL || strcspn(s->at, "\".") < (size_t)(end - s->at)) {
        s->why = "inside brackets only [:name:] may open another one";
        return;
    }
    add_special(&s->parts[s->part], s->at, (size_t)(end + 2 - s->at));
    s->at = end + 2;
}

/* One character inside brackets. */
static void scan_member(struct scan *s)
{
    if (*s->at == '[') {
        scan_class(s);
    } else if (*s->at == '\\') {
        scan_escape(s);
    } else if (*s->at == '"' || *s->at == '.') {
        s->why = "quotes and dots cannot be used inside brackets";
    } else {
        char c = fold(*s->at);
        add_special(&s->parts[s->part], &c, 1);
        s->at++;
    }
}

/* At an opening bracket. [] is literal, as psql has it for the names of array types. */
static void scan_bracket(struct scan *s)
{
    struct part *p = &s->parts[s->part];

    if (s->at[1] == ']') {
        add_literal(p, '[');
        add_literal(p, ']');
        s->at += 2;
        return;
    }
    size_t head = s->at[1] == '^' ? 2 : 1;
    head += s->at[head] == ']'; /* in first place it is a member, not the end */
    add_special(p, s->at, head);
    s->at += head;
    while (s->why == NULL && *s->at != '\0' && *s->at != ']') {
        scan_member(s);
    }
    if (s->why == NULL && *s->at == '\0') {
        s->why = "a bracket is not closed";
    }
    if (s->why == NULL) {
        add_special(p, s->at, 1);
        s->at++;
    }
}

static void scan_parenthesis(struct scan *s)
{
    bool opens = *s->at == '(';

    if (!opens && s->depth == 0) {
        s->why = "a parenthesis is closed that was not opened";
        return;
    }
    s->depth = opens ? s->depth + 1 : s->depth - 1;
    add_special(&s->parts[s->part], s->at, 1);
    s->at++;
}

static void end_part(struct scan *s)
{
    if (s->depth > 0) {
        s->why = "a parenthesis is not closed";
    } else if (s->parts[s->part].regex.len == 0) {
        s->why = "a name is empty";
    }
}

static void scan_dot(struct scan *s)
{
    end_part(s);
    if (s->why == NULL && s->part + 1 == PARTS_MAX) {
        s->why = "there are too many dots (a dot inside a name needs double quotes)";
    }
    s->part += s->why == NULL;
    s->at++;
}

static void scan_one(struct scan *s)
{
    struct part *p = &s->parts[s->part];

    switch (*s->at) {
    case '"':
        scan_quoted(s);
        return;
    case '.':
        scan_dot(s);
        return;
    case '\\':
        scan_escape(s);
        return;
    case '[':
        scan_bracket(s);
        return;
    case '(':
    case ')':
        scan_parenthesis(s);
        return;
    case '*':
        add_special(p, ".*", 2);
        break;
    case '?':
        add_special(p, ".", 1);
        break;
    case '|':
    case '+':
    case '{':
    case '}':
    case '^':
        add_special(p, s->at, 1);
        break;
    default:
        add_literal(p, fold(*s->at));
        break;
    }
    s->at++;
}

static bool scan_all(struct scan *s, const char *text, struct err *err)
{
    scan_init(s, text);
    if (strlen(text) > PATTERN_MAX_BYTES) {
        s->why = "it is too long";
    }
    while (s->why == NULL && *s->at != '\0') {
        scan_one(s);
    }
    if (s->why == NULL) {
        end_part(s);
    }
    if (s->why != NULL) {
        return err_set(err, ERR_USAGE, "pattern '%.200s': %s", text, s->why);
    }
    return true;
}

/* NULL without memory. */
static char *anchored(const struct part *p)
{
    CLEANUP(buf_free) struct buf b = {0};

    buf_init(&b, REGEX_MAX_BYTES);
    buf_puts(&b, "^(");
    buf_add(&b, p->regex.data, p->regex.len);
    buf_puts(&b, ")$");
    return p->regex.failed ? NULL : buf_take(&b);
}

/* Hands the last part on as the name and, where there is one, the part before it as the schema. */
static bool finish(const struct scan *s, struct pattern *out, struct err *err)
{
    char *name = anchored(&s->parts[s->part]);
    char *schema = s->part > 0 ? anchored(&s->parts[s->part - 1]) : NULL;

    if (name == NULL || (s->part > 0 && schema == NULL)) {
        free(name);
        free(schema);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = (struct pattern){schema, name, s->parts[s->part].wildcard};
    return true;
}

void pattern_free(struct pattern *p)
{
    if (p == NULL) {
        return;
    }
    free(p->schema);
    free(p->name);
    *p = (struct pattern){0};
}

static bool names_database(const struct part *p, const char *database)
{
    return !p->wildcard && database != NULL && strcmp(buf_str(&p->plain), database) == 0;
}

bool pattern_parse(const char *text, const char *database, struct pattern *out, struct err *err)
{
    CLEANUP(scan_free) struct scan s = {0};

    if (!scan_all(&s, text, err)) {
        return false;
    }
    if (s.part == PARTS_MAX - 1 && !names_database(&s.parts[0], database)) {
        return err_set(err, ERR_USAGE,
                       "pattern '%.200s': of three names the first must be the database's own"
                       " (a dot inside a name needs double quotes)",
                       text);
    }
    return finish(&s, out, err);
}

bool pattern_parse_schema(const char *text, struct pattern *out, struct err *err)
{
    CLEANUP(scan_free) struct scan s = {0};

    if (!scan_all(&s, text, err)) {
        return false;
    }
    if (s.part > 0) {
        return err_set(err, ERR_USAGE,
                       "pattern '%.200s': a schema pattern has no dot outside double quotes", text);
    }
    return finish(&s, out, err);
}
