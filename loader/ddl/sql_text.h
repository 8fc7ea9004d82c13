/*
 * sql_text.h: SQL scripts cut into words and statements as psql cuts them, so that nothing inside a
 * string, a quoted name, a dollar-quoted body, a comment or a BEGIN ATOMIC body is taken for
 * something else. Pure; tokens and pieces borrow from the text.
 */
#ifndef DDL_SQL_TEXT_H
#define DDL_SQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum sql_kind {
    SQL_WORD,    /* a key word or a name without quotes */
    SQL_NAME,    /* "quoted" */
    SQL_STRING,  /* '...', E'...', $tag$...$tag$ */
    SQL_NUMBER,  /* digits */
    SQL_SYMBOL,  /* one character of anything else */
    SQL_COMMENT, /* -- to the end of the line, or a block */
    SQL_BROKEN,  /* what is not closed before the text's end */
    SQL_END,
};

struct sql_token {
    enum sql_kind kind;
    const char *at;
    size_t len;
};

struct sql_lexer {
    const char *at;
    const char *end;
    bool backslashes; /* standard_conforming_strings is off: '...' has escapes */
};

void sql_lexer_open(struct sql_lexer *lx, const char *text, size_t len);
struct sql_token sql_next(struct sql_lexer *lx);      /* comments included */
struct sql_token sql_next_word(struct sql_lexer *lx); /* comments skipped */
/* A word that is this key word (upper case), whatever its case is in the text. */
bool sql_is(const struct sql_token *t, const char *word);
bool sql_is_symbol(const struct sql_token *t, char c);
/* The name that a word or quoted name stands for; the caller frees; NULL without memory. */
char *sql_name(const struct sql_token *t);

enum sql_piece_kind {
    SQL_PIECE_STATEMENT, /* without its semicolon */
    SQL_PIECE_COMMENT,   /* between statements */
    SQL_PIECE_META,      /* a line that begins with a backslash, for psql */
    SQL_PIECE_BROKEN,    /* the script ends within it */
    SQL_PIECE_END,
};

struct sql_piece {
    enum sql_piece_kind kind;
    const char *at;
    size_t len;
};

/* The next piece; lx->at is behind it then. */
struct sql_piece sql_next_piece(struct sql_lexer *lx);

#endif
