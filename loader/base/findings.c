#include "base/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 4096 /* a sentence or two, names of a few hundred columns included */

void findings_free(struct findings *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].text);
    }
    free(f->items);
    *f = (struct findings){0};
}

/* The cut is shown, so that nobody takes half a list for all of it. */
static char *format(const char *fmt, va_list args)
{
    char *text = malloc(TEXT_MAX);
    if (text == NULL) {
        return NULL;
    }
    int len = vsnprintf(text, TEXT_MAX, fmt, args);
    if (len < 0) {
        free(text);
        return NULL;
    }
    if (len >= TEXT_MAX) {
        (void)snprintf(text + TEXT_MAX - sizeof "...", sizeof "...", "...");
        return text;
    }
    char *fitted = realloc(text, (size_t)len + 1);
    return fitted == NULL ? text : fitted;
}

/* Room grows by doubling, and is full when the count is a power of two. */
static bool make_room(struct findings *f)
{
    if (f->count == FINDINGS_MAX) {
        return false;
    }
    if (f->count > 0 && (f->count & (f->count - 1)) != 0) {
        return true;
    }
    size_t room = f->count == 0 ? 1 : 2 * f->count;
    struct finding *items = realloc(f->items, room * sizeof *items);
    if (items == NULL) {
        return false;
    }
    f->items = items;
    return true;
}

void findings_add(struct findings *f, enum finding_level level, enum err_kind kind, const char *fmt,
                  ...)
{
    if (level == FINDING_BLOCKER) {
        f->blockers++;
        f->blockers_auth += kind == ERR_AUTH;
    }
    if (!make_room(f)) {
        f->left_out++;
        return;
    }

    va_list args;
    va_start(args, fmt);
    char *text = format(fmt, args);
    va_end(args);
    if (text == NULL) {
        f->left_out++;
        return;
    }
    f->items[f->count++] = (struct finding){.level = level, .kind = kind, .text = text};
}

enum err_kind findings_kind(const struct findings *f)
{
    if (f->blockers == 0) {
        return ERR_NONE;
    }
    return f->blockers_auth == f->blockers ? ERR_AUTH : ERR_USAGE;
}
