#include "ddl/edit.h"

#include "ddl/sql_text.h"

#include <stdlib.h>
#include <string.h>

static struct sql_lexer lexer(const char *text)
{
    struct sql_lexer lx;
    sql_lexer_open(&lx, text, strlen(text));
    return lx;
}

bool edit_begins(const char *statement, const char *first, const char *second)
{
    struct sql_lexer lx = lexer(statement);
    struct sql_token a = sql_next_word(&lx);
    struct sql_token b = sql_next_word(&lx);
    return sql_is(&a, first) && (second == NULL || sql_is(&b, second));
}

static bool is_name(const struct sql_token *t)
{
    return t->kind == SQL_WORD || t->kind == SQL_NAME;
}

/* ---- roles ---- */

char *edit_owner(const char *statement)
{
    struct sql_lexer lx = lexer(statement);
    struct sql_token last[3] = {{.kind = SQL_END}, {.kind = SQL_END}, {.kind = SQL_END}};
    struct sql_token t = sql_next_word(&lx);
    if (!sql_is(&t, "ALTER")) {
        return NULL;
    }
    for (; t.kind != SQL_END; t = sql_next_word(&lx)) {
        last[0] = last[1];
        last[1] = last[2];
        last[2] = t;
    }
    return sql_is(&last[0], "OWNER") && sql_is(&last[1], "TO") && is_name(&last[2])
               ? sql_name(&last[2])
               : NULL;
}

char *edit_grantee(const char *statement)
{
    struct sql_lexer lx = lexer(statement);
    struct sql_token t = sql_next_word(&lx);
    struct sql_token found = {.kind = SQL_END};
    size_t parens = 0;
    bool authorization = sql_is(&t, "SET");
    for (; t.kind != SQL_END; t = sql_next_word(&lx)) {
        parens += sql_is_symbol(&t, '(');
        parens -= sql_is_symbol(&t, ')') && parens > 0;
        bool before =
            authorization ? sql_is(&t, "AUTHORIZATION") : sql_is(&t, "TO") || sql_is(&t, "FROM");
        if (parens == 0 && before) {
            found = sql_next_word(&lx);
        }
    }
    return is_name(&found) && !sql_is(&found, "PUBLIC") ? sql_name(&found) : NULL;
}

char *edit_default_role(const char *statement)
{
    struct sql_lexer lx = lexer(statement);
    struct sql_token t = sql_next_word(&lx);
    for (; t.kind != SQL_END; t = sql_next_word(&lx)) {
        if (sql_is(&t, "ROLE")) {
            t = sql_next_word(&lx);
            return is_name(&t) ? sql_name(&t) : NULL;
        }
    }
    return NULL;
}

/* ---- words taken out and put in ---- */

struct editing {
    const struct edit *e;
    struct buf out;
    const char *from; /* copied up to here */
    struct sql_lexer lx;
    struct sql_token last; /* the word before */
    size_t parens;
    bool index; /* CREATE INDEX */
    bool changed;
};

/* Everything up to at is kept, what is from there to the lexer's place is left out. */
static void drop(struct editing *d, const char *at)
{
    buf_add(&d->out, d->from, (size_t)(at - d->from));
    d->from = d->lx.at;
    while (*d->from == ' ') {
        d->from++;
    }
}

static void put(struct editing *d, const char *text)
{
    buf_puts(&d->out, text);
    if (*d->from != '\0' && *d->from != ' ' && *d->from != '\n' && *d->from != '(') {
        buf_puts(&d->out, " ");
    }
}

/* schema.name from the lexer's place. */
static void replace_name(struct editing *d, const char *text)
{
    struct sql_token first = sql_next_word(&d->lx);
    struct sql_lexer after = d->lx;
    struct sql_token dot = sql_next_word(&after);
    if (sql_is_symbol(&dot, '.')) {
        (void)sql_next_word(&after);
        d->lx = after;
    }
    const char *end = d->lx.at;
    buf_add(&d->out, d->from, (size_t)(first.at - d->from));
    buf_puts(&d->out, text);
    d->from = end;
}

/* A parenthesised group behind WITH. */
static void drop_group(struct editing *d, const char *at)
{
    struct sql_lexer ahead = d->lx;
    struct sql_token t = sql_next_word(&ahead);
    if (!sql_is_symbol(&t, '(')) {
        return;
    }
    for (size_t depth = 0; t.kind != SQL_END; t = sql_next_word(&ahead)) {
        depth += sql_is_symbol(&t, '(');
        depth -= sql_is_symbol(&t, ')');
        if (depth == 0) {
            break;
        }
    }
    d->lx = ahead;
    drop(d, at);
    d->changed = true;
}

/* Behind ALTER TABLE and behind ON of CREATE INDEX stands ONLY, and then the table's name. */
static void see_table(struct editing *d)
{
    struct sql_lexer ahead = d->lx;
    struct sql_token only = sql_next_word(&ahead);
    if (sql_is(&only, "ONLY") && d->e->drop_only) {
        d->lx = ahead;
        drop(d, only.at);
    }
    if (d->e->table != NULL) {
        replace_name(d, d->e->table);
    }
}

static void see_number(struct editing *d, const char *max)
{
    struct sql_lexer ahead = d->lx;
    struct sql_token n = sql_next_word(&ahead);
    bool larger = n.kind == SQL_NUMBER &&
                  (n.len > strlen(max) || (n.len == strlen(max) && strncmp(n.at, max, n.len) > 0));
    if (larger) {
        d->lx = ahead;
        drop(d, n.at);
        put(d, max);
        d->changed = true;
    }
}

static void drop_nulls(struct editing *d, const char *at)
{
    struct sql_lexer ahead = d->lx;
    struct sql_token no = sql_next_word(&ahead);
    struct sql_token distinct = sql_next_word(&ahead);
    if (sql_is(&no, "NOT") && sql_is(&distinct, "DISTINCT")) {
        d->lx = ahead;
        drop(d, at);
    }
}

/* ON DELETE and ON UPDATE of a foreign key: CASCADE, RESTRICT, NO ACTION, SET NULL and SET DEFAULT
 * with or without columns. */
static bool drop_action(struct editing *d, const char *at)
{
    struct sql_lexer ahead = d->lx;
    struct sql_token on = sql_next_word(&ahead);
    struct sql_token action = sql_next_word(&ahead);
    if (!(sql_is(&on, "DELETE") && d->e->drop_on_delete) &&
        !(sql_is(&on, "UPDATE") && d->e->drop_on_update)) {
        return false;
    }
    if (sql_is(&action, "SET") || sql_is(&action, "NO")) {
        (void)sql_next_word(&ahead);
    }
    d->lx = ahead;
    struct sql_token columns = sql_next_word(&ahead);
    if (sql_is(&action, "SET") && sql_is_symbol(&columns, '(')) {
        while (columns.kind != SQL_END && !sql_is_symbol(&columns, ')')) {
            columns = sql_next_word(&ahead);
        }
        d->lx = ahead;
    }
    drop(d, at);
    d->changed = true;
    return true;
}

static bool is_dropped(const struct editing *d, const struct sql_token *t)
{
    const struct edit *e = d->e;
    return (sql_is(t, "UNIQUE") && e->drop_unique) ||
           (sql_is(t, "CYCLE") && e->drop_cycle && !sql_is(&d->last, "NO")) ||
           (sql_is(t, "UNLOGGED") && e->drop_unlogged && sql_is(&d->last, "CREATE")) ||
           (sql_is(t, "LEAKPROOF") && e->drop_leakproof && !sql_is(&d->last, "NOT"));
}

static void see_word(struct editing *d, const struct sql_token *t)
{
    const struct edit *e = d->e;
    d->index = d->index ||
               (sql_is(t, "INDEX") && (sql_is(&d->last, "CREATE") || sql_is(&d->last, "UNIQUE")));
    if (sql_is(t, "ON") && !d->index && drop_action(d, t->at)) {
        return;
    }
    if ((sql_is(t, "TABLE") && sql_is(&d->last, "ALTER")) || (sql_is(t, "ON") && d->index)) {
        d->index = d->index && !sql_is(t, "ON");
        see_table(d);
    } else if (sql_is(t, "REFERENCES") && e->other != NULL) {
        replace_name(d, e->other);
    } else if (is_dropped(d, t)) {
        drop(d, t->at);
        d->changed = true;
    } else if (sql_is(t, "NULLS") && e->drop_unique) {
        drop_nulls(d, t->at);
    } else if (sql_is(t, "WITH") && e->drop_parameters) {
        drop_group(d, t->at);
    } else if (sql_is(t, "CACHE") && e->cache_max != NULL) {
        see_number(d, e->cache_max);
    }
}

char *edit_statement(const char *statement, const struct edit *e, bool *changed)
{
    struct editing d = {.e = e, .from = statement, .lx = lexer(statement)};
    buf_init(&d.out, BUF_SQL_MAX);
    for (struct sql_token t = sql_next_word(&d.lx); t.kind != SQL_END; t = sql_next_word(&d.lx)) {
        d.parens += sql_is_symbol(&t, '(');
        d.parens -= sql_is_symbol(&t, ')') && d.parens > 0;
        /* schema.cycle is a name: words that are not reserved come without quotes. */
        bool in_name = sql_is_symbol(&d.last, '.') || *d.lx.at == '.';
        if (t.kind == SQL_WORD && d.parens == 0 && !in_name) {
            see_word(&d, &t);
        }
        d.last = t;
    }
    buf_puts(&d.out, d.from);
    while (d.out.len > 0 &&
           (d.out.data[d.out.len - 1] == ' ' || d.out.data[d.out.len - 1] == '\n')) {
        d.out.data[--d.out.len] = '\0';
    }
    *changed = *changed || d.changed;
    return buf_take(&d.out);
}

/* ---- checks ---- */

/* ::type, ::schema.type, ::character varying(10), ::type[] */
static bool skip_cast(struct sql_lexer *lx, struct sql_token *t)
{
    if (!sql_is_symbol(t, ':')) {
        return true;
    }
    *t = sql_next_word(lx);
    if (!sql_is_symbol(t, ':')) {
        return false;
    }
    *t = sql_next_word(lx);
    while (is_name(t) || sql_is_symbol(t, '.') || sql_is_symbol(t, '[') || sql_is_symbol(t, ']')) {
        *t = sql_next_word(lx);
    }
    return true;
}

/* A column or a literal, in any number of parentheses. */
static bool skip_operand(struct sql_lexer *lx, struct sql_token *t, bool literal)
{
    size_t open = 0;
    for (; sql_is_symbol(t, '('); *t = sql_next_word(lx)) {
        open++;
    }
    if (literal && sql_is_symbol(t, '-')) {
        *t = sql_next_word(lx);
    }
    bool constant = t->kind == SQL_STRING || t->kind == SQL_NUMBER || sql_is(t, "true") ||
                    sql_is(t, "false") || sql_is(t, "NULL");
    if (literal ? !constant : !is_name(t) || constant) {
        return false;
    }
    *t = sql_next_word(lx);
    if (!skip_cast(lx, t)) {
        return false;
    }
    for (; open > 0 && sql_is_symbol(t, ')'); *t = sql_next_word(lx)) {
        open--;
    }
    return open == 0 && skip_cast(lx, t);
}

static bool is_operator(const struct sql_token *t)
{
    return t->kind == SQL_SYMBOL && strchr("+-*/<>=~!@#%^&|`?", *t->at) != NULL;
}

bool edit_is_simple_check(const char *definition)
{
    struct sql_lexer lx = lexer(definition);
    struct sql_token t = sql_next_word(&lx);
    size_t open = 0;
    if (!sql_is(&t, "CHECK")) {
        return false;
    }
    for (t = sql_next_word(&lx); open < 2 && sql_is_symbol(&t, '('); t = sql_next_word(&lx)) {
        open++;
    }
    if (open == 0 || !skip_operand(&lx, &t, false) || !is_operator(&t)) {
        return false;
    }
    while (is_operator(&t)) {
        t = sql_next_word(&lx);
    }
    if (!skip_operand(&lx, &t, true)) {
        return false;
    }
    for (; sql_is_symbol(&t, ')'); t = sql_next_word(&lx)) {
        open--;
    }
    return open == 0 && (t.kind == SQL_END || sql_is(&t, "NOT") || sql_is(&t, "NO"));
}
