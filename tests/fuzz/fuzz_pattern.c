/*
 * fuzz_pattern: for any bytes, a pattern is either refused as a mistake of the user, leaving
 * nothing behind, or becomes texts of the form ^(...)$ in which no parenthesis of the user
 * closes the anchoring pair.
 */
#include "pg/pattern.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* The index after the bracket expression that starts at i. */
static size_t skip_brackets(const char *re, size_t i, size_t len)
{
    i += re[i + 1] == '^' ? 2 : 1;
    i += re[i] == ']';
    while (i < len && re[i] != ']') {
        if (re[i] == '[') {
            while (i + 1 < len && !(re[i] == ':' && re[i + 1] == ']')) {
                i++;
            }
            i++;
        } else if (re[i] == '\\') {
            i++;
        }
        i++;
    }
    require(i < len);
    return i + 1;
}

/* Reads the regular expression as the server would, apart from our own reader. */
static void require_anchored(const char *re)
{
    size_t len = strlen(re);
    size_t depth = 0;

    require(len > 4 && strncmp(re, "^(", 2) == 0 && strcmp(re + len - 2, ")$") == 0);
    for (size_t i = 2; i < len - 2;) {
        if (re[i] == '[') {
            i = skip_brackets(re, i, len - 2);
            continue;
        }
        if (re[i] == '\\') {
            require(re[i + 1] != 'c' && i + 1 < len - 2);
            i++;
        } else if (re[i] == '(') {
            depth++;
        } else if (re[i] == ')') {
            require(depth > 0);
            depth--;
        }
        i++;
    }
    require(depth == 0);
}

static void check(bool ok, struct pattern *p, const struct err *err)
{
    if (!ok) {
        require(err->kind == ERR_USAGE && err->msg[0] != '\0');
        require(p->name == NULL && p->schema == NULL);
        return;
    }
    require(err->kind == ERR_NONE && p->name != NULL);
    require_anchored(p->name);
    if (p->schema != NULL) {
        require_anchored(p->schema);
    }
    pattern_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* exact, so that ASan sees one byte too many */
    struct pattern p = {0};
    struct err err = {0};

    require(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    bool ok = pattern_parse(text, "db", &p, &err);
    check(ok, &p, &err);
    err = (struct err){0};
    ok = pattern_parse_schema(text, &p, &err);
    require(p.schema == NULL);
    check(ok, &p, &err);
    free(text);
    return 0;
}
