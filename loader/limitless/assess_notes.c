/* Notes, and memory that the whole run shares. */
#include "base/buf.h"
#include "limitless/assess_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX      (64u << 10)
#define NOTES_AT_ONCE 4

void *work_items(struct work *w, size_t count, size_t size)
{
    void *items = calloc(count + 1, size);
    w->failed = w->failed || items == NULL;
    return items;
}

static char *vtext(struct work *w, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = len < 0 || len > (int)TEXT_MAX ? NULL : malloc((size_t)len + 1);
    if (text == NULL) {
        w->failed = true;
        return NULL;
    }
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    return text;
}

char *note_text(struct work *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = vtext(w, fmt, args);
    va_end(args);
    return text;
}

static struct assess_notes *notes_of(struct work *w, size_t table)
{
    return table == SURVEY_NONE ? &w->out->notes : &w->out->tables[table].notes;
}

static void add(struct work *w, size_t table, struct assess_note note)
{
    struct assess_notes *n = notes_of(w, table);
    if (n->count % NOTES_AT_ONCE == 0) {
        struct assess_note *grown = realloc(n->items, (n->count + NOTES_AT_ONCE) * sizeof *grown);
        if (grown == NULL) {
            w->failed = true;
            free(note.text);
            free(note.fix);
            return;
        }
        n->items = grown;
    }
    n->items[n->count++] = note;
    w->out->topics[note.topic]++;
    if (table != SURVEY_NONE && note.topic == ASSESS_UNSURE) {
        w->out->tables[table].is_unsure = true;
    }
}

static bool is_there(const struct assess_notes *n, enum assess_topic topic, const char *text)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->items[i].topic == topic && strcmp(n->items[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

void note_add(struct work *w, size_t table, enum assess_topic topic, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = vtext(w, fmt, args);
    va_end(args);
    if (text == NULL || is_there(notes_of(w, table), topic, text)) {
        free(text);
        return;
    }
    add(w, table, (struct assess_note){.topic = topic, .text = text});
}

void note_fix(struct work *w, size_t table, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = vtext(w, fmt, args);
    va_end(args);
    char *end = text == NULL ? NULL : strrchr(text, '\n');
    if (end == NULL) {
        free(text);
        return;
    }
    *end = '\0';
    char *fix = note_text(w, "%s", end + 1);
    if (fix == NULL) {
        free(text);
        return;
    }
    add(w, table, (struct assess_note){.topic = ASSESS_BLOCKER, .text = text, .fix = fix});
}
