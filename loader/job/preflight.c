/* The list, and how a message becomes a finding. */
#include "job/preflight.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096 /* as in base/findings.c: names of a few hundred columns included */

void check_list_free(struct check_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].text);
        free(l->items[i].fix);
    }
    free(l->items);
    *l = (struct check_list){0};
}

static void count_level(struct check_list *l, const struct check_note *note)
{
    l->warnings += note->level == CHECK_WARNING ? 1 : 0;
    if (note->level == CHECK_BLOCKER) {
        l->first_blocker = l->blockers == 0 ? note->kind : l->first_blocker;
        l->blockers++;
    }
}

/* Room grows by doubling, and is full when the count is a power of two. */
static bool make_room(struct check_list *l)
{
    if (l->count == CHECK_MAX) {
        return false;
    }
    if (l->count > 0 && (l->count & (l->count - 1)) != 0) {
        return true;
    }
    struct check *grown = realloc(l->items, (l->count == 0 ? 1 : 2 * l->count) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    l->items = grown;
    return true;
}

static void add(struct check_list *l, const struct check_note *note, const char *text)
{
    count_level(l, note);
    struct check c = {.side = note->side,
                      .level = note->level,
                      .kind = note->level == CHECK_BLOCKER ? note->kind : ERR_NONE,
                      .id = note->id,
                      .text = str_copy(text),
                      .fix = str_copy(note->fix)};
    if (c.text == NULL || (note->fix != NULL && c.fix == NULL) || !make_room(l)) {
        free(c.text);
        free(c.fix);
        l->left_out++;
        return;
    }
    l->items[l->count++] = c;
}

void check_add(struct check_list *l, const struct check_note *note, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add(l, note, text);
}

/*
 * Messages have it in one line: "what is wrong; what to do". One of AWS has the service's own words
 * before "(request ID)", and those may hold a semicolon; the explanation of a refused token begins
 * its advice with "To check:"; and a search for credentials lists where it looked.
 */
size_t check_split(const char *msg, const char **fix)
{
    const char *from = strstr(msg, " (request ");
    const char *mark = strstr(from == NULL ? msg : from, "; ");
    const char *list = strstr(msg, ". To check: ");
    if (strstr(msg, ". Looked at: ") != NULL) {
        *fix = NULL;
        return strlen(msg);
    }
    if (list != NULL) {
        *fix = list + strlen(". To ");
        return (size_t)(list - msg);
    }
    *fix = mark == NULL ? NULL : mark + 2;
    return mark == NULL ? strlen(msg) : (size_t)(mark - msg);
}

void check_add_err(struct check_list *l, const struct check_note *note, const struct err *err)
{
    struct check_note mine = *note;
    const char *fix = NULL;
    size_t len = check_split(err->msg, &fix);
    mine.kind = err->kind;
    mine.fix = fix == NULL ? note->fix : fix;
    check_add(l, &mine, "%.*s", (int)len, err->msg);
}
