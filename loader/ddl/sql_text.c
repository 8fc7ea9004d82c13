#include "ddl/sql_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- tokens ---- */

void sql_lexer_open(struct sql_lexer *lx, const char *text, size_t len)
{
    *lx = (struct sql_lexer){.at = text, .end = text + len};
}

static bool is_start(char c)
{
    return isalpha((unsigned char)c) != 0 || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_part(char c)
{
    return is_start(c) || isdigit((unsigned char)c) != 0;
}

static char look(const struct sql_lexer *lx, size_t ahead)
{
    if ((size_t)(lx->end - lx->at) <= ahead) {
        return '\0';
    }
    return lx->at[ahead];
}

/* From the opening quote to behind the closing one; false when there is none. */
static bool skip_quoted(struct sql_lexer *lx, char quote, bool escapes)
{
    for (lx->at++; lx->at < lx->end; lx->at++) {
        if (escapes && *lx->at == '\\') {
            lx->at += lx->at + 1 < lx->end;
        } else if (*lx->at == quote && look(lx, 1) == quote) {
            lx->at++;
        } else if (*lx->at == quote) {
            lx->at++;
            return true;
        }
    }
    return false;
}

/* 0: what begins here is no dollar quote. */
static size_t dollar_tag(const struct sql_lexer *lx)
{
    size_t n = 1;
    if (look(lx, 1) != '$' && !is_start(look(lx, 1))) {
        return 0;
    }
    while (is_part(look(lx, n))) {
        n++;
    }
    return look(lx, n) == '$' ? n + 1 : 0;
}

static bool skip_dollars(struct sql_lexer *lx, size_t tag)
{
    const char *open = lx->at;
    for (lx->at += tag; (size_t)(lx->end - lx->at) >= tag; lx->at++) {
        if (memcmp(lx->at, open, tag) == 0) {
            lx->at += tag;
            return true;
        }
    }
    lx->at = lx->end;
    return false;
}

/* Block comments nest. */
static bool skip_block(struct sql_lexer *lx)
{
    size_t depth = 0;
    while (lx->at < lx->end) {
        if (look(lx, 0) == '/' && look(lx, 1) == '*') {
            depth++;
            lx->at += 2;
        } else if (look(lx, 0) == '*' && look(lx, 1) == '/') {
            depth--;
            lx->at += 2;
            if (depth == 0) {
                return true;
            }
        } else {
            lx->at++;
        }
    }
    return false;
}

static void skip_line(struct sql_lexer *lx)
{
    const char *eol = memchr(lx->at, '\n', (size_t)(lx->end - lx->at));
    lx->at = eol == NULL ? lx->end : eol;
}

static enum sql_kind skip_word(struct sql_lexer *lx)
{
    bool escapes = (*lx->at == 'E' || *lx->at == 'e') && look(lx, 1) == '\'';
    if (escapes) {
        lx->at++;
        return skip_quoted(lx, '\'', true) ? SQL_STRING : SQL_BROKEN;
    }
    while (lx->at < lx->end && (is_part(*lx->at) || *lx->at == '$')) {
        lx->at++;
    }
    return SQL_WORD;
}

static enum sql_kind skip_number(struct sql_lexer *lx)
{
    while (lx->at < lx->end && (is_part(*lx->at) || *lx->at == '.')) {
        lx->at++;
    }
    return SQL_NUMBER;
}

static enum sql_kind skip_token(struct sql_lexer *lx)
{
    char c = *lx->at;
    size_t tag = c == '$' ? dollar_tag(lx) : 0;
    if (c == '-' && look(lx, 1) == '-') {
        skip_line(lx);
        return SQL_COMMENT;
    }
    if (c == '/' && look(lx, 1) == '*') {
        return skip_block(lx) ? SQL_COMMENT : SQL_BROKEN;
    }
    if (c == '\'') {
        return skip_quoted(lx, c, lx->backslashes) ? SQL_STRING : SQL_BROKEN;
    }
    if (c == '"') {
        return skip_quoted(lx, c, false) ? SQL_NAME : SQL_BROKEN;
    }
    if (tag > 0) {
        return skip_dollars(lx, tag) ? SQL_STRING : SQL_BROKEN;
    }
    if (is_start(c)) {
        return skip_word(lx);
    }
    if (isdigit((unsigned char)c) != 0) {
        return skip_number(lx);
    }
    lx->at++;
    return SQL_SYMBOL;
}

struct sql_token sql_next(struct sql_lexer *lx)
{
    while (lx->at < lx->end && isspace((unsigned char)*lx->at) != 0) {
        lx->at++;
    }
    struct sql_token t = {.kind = SQL_END, .at = lx->at};
    if (lx->at < lx->end) {
        t.kind = skip_token(lx);
    }
    t.len = (size_t)(lx->at - t.at);
    return t;
}

struct sql_token sql_next_word(struct sql_lexer *lx)
{
    struct sql_token t;
    do {
        t = sql_next(lx);
    } while (t.kind == SQL_COMMENT);
    return t;
}

bool sql_is(const struct sql_token *t, const char *word)
{
    return t->kind == SQL_WORD && strlen(word) == t->len && strncasecmp(t->at, word, t->len) == 0;
}

bool sql_is_symbol(const struct sql_token *t, char c)
{
    return t->kind == SQL_SYMBOL && *t->at == c;
}

char *sql_name(const struct sql_token *t)
{
    char *out = malloc(t->len + 1);
    size_t n = 0;
    bool quoted = t->kind == SQL_NAME;
    for (size_t i = quoted ? 1 : 0; out != NULL && i + (quoted ? 1 : 0) < t->len; i++) {
        i += quoted && t->at[i] == '"'; /* doubled */
        out[n++] = t->at[i];
    }
    if (out != NULL) {
        out[n] = '\0';
    }
    return out;
}

/* ---- statements ---- */

struct statement {
    size_t parens;
    size_t blocks; /* BEGIN ATOMIC ... END, and CASE ... END within */
    size_t words;
    bool create; /* CREATE [OR REPLACE] FUNCTION or PROCEDURE: it may have a body of statements */
    bool routine;
};

/* As psql does: only a routine has semicolons of its own outside quotes and parentheses. */
static void see_word(struct statement *s, const struct sql_token *t)
{
    if (s->words == 0) {
        s->create = sql_is(t, "CREATE");
    } else if (s->create && !s->routine && s->words <= 3) {
        s->routine = sql_is(t, "FUNCTION") || sql_is(t, "PROCEDURE");
        s->create = s->routine || sql_is(t, "OR") || sql_is(t, "REPLACE");
    } else if (s->routine && s->parens == 0) {
        if (sql_is(t, "BEGIN") || (s->blocks > 0 && sql_is(t, "CASE"))) {
            s->blocks++;
        } else if (s->blocks > 0 && sql_is(t, "END")) {
            s->blocks--;
        }
    }
    s->words++;
}

static void see(struct statement *s, const struct sql_token *t)
{
    if (t->kind == SQL_WORD) {
        see_word(s, t);
    } else if (sql_is_symbol(t, '(')) {
        s->parens++;
    } else if (sql_is_symbol(t, ')') && s->parens > 0) {
        s->parens--;
    }
}

static struct sql_piece piece(enum sql_piece_kind kind, const char *at, const char *end)
{
    return (struct sql_piece){.kind = kind, .at = at, .len = (size_t)(end - at)};
}

struct sql_piece sql_next_piece(struct sql_lexer *lx)
{
    struct statement s = {.parens = 0};
    struct sql_token t = sql_next(lx);
    const char *start = t.at;
    const char *end = t.at;
    if (t.kind == SQL_COMMENT) {
        return piece(SQL_PIECE_COMMENT, t.at, lx->at);
    }
    if (sql_is_symbol(&t, '\\')) {
        skip_line(lx);
        return piece(SQL_PIECE_META, t.at, lx->at);
    }
    if (t.kind == SQL_END) {
        return piece(SQL_PIECE_END, t.at, t.at);
    }
    for (; t.kind != SQL_END && t.kind != SQL_BROKEN; t = sql_next(lx)) {
        if (sql_is_symbol(&t, ';') && s.parens == 0 && s.blocks == 0) {
            return piece(SQL_PIECE_STATEMENT, start, end);
        }
        see(&s, &t);
        end = t.kind == SQL_COMMENT ? end : lx->at;
    }
    return piece(SQL_PIECE_BROKEN, start, lx->end);
}
