#include "aws/profile.h"

#include "aws/profile_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the lists ---- */

void section_free(struct profile_section *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].name);
        secret_free(&s->items[i].value);
    }
    free(s->items);
    free(s->name);
    *s = (struct profile_section){.kind = s->kind};
}

void profiles_free(struct profiles *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        section_free(&p->items[i]);
    }
    free(p->items);
    *p = (struct profiles){0};
}

struct profile_section *profiles_section(const struct profiles *p, const char *kind,
                                         const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->items[i].kind, kind) == 0 && strcmp(p->items[i].name, name) == 0) {
            return &p->items[i];
        }
    }
    return NULL;
}

struct profile_property *section_property(const struct profile_section *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->items[i].name, name) == 0) {
            return &s->items[i];
        }
    }
    return NULL;
}

bool profiles_reserve(struct profiles *p, size_t more, struct err *err)
{
    if (more == 0) {
        return true;
    }
    struct profile_section *grown = realloc(p->items, (p->count + more) * sizeof *grown);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    p->items = grown;
    return true;
}

bool section_reserve(struct profile_section *s, size_t more, struct err *err)
{
    if (more == 0) {
        return true;
    }
    struct profile_property *grown = realloc(s->items, (s->count + more) * sizeof *grown);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    s->items = grown;
    return true;
}

/* ---- one file onto another ---- */

static bool reserve_all(struct profiles *p, const struct profiles *more, struct err *err)
{
    for (size_t i = 0; i < more->count; i++) {
        const struct profile_section *from = &more->items[i];
        struct profile_section *to = profiles_section(p, from->kind, from->name);
        if (to != NULL && !section_reserve(to, from->count, err)) {
            return false;
        }
    }
    return profiles_reserve(p, more->count, err);
}

/* The room was reserved, so this cannot fail. */
static void move_properties(struct profile_section *to, struct profile_section *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct profile_property *property = section_property(to, from->items[i].name);
        if (property == NULL) {
            to->items[to->count++] = from->items[i];
            from->items[i] = (struct profile_property){0};
        } else {
            struct secret old = property->value;
            property->value = from->items[i].value;
            from->items[i].value = old;
        }
    }
}

static void move_sections(struct profiles *p, struct profiles *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct profile_section *to = profiles_section(p, from->items[i].kind, from->items[i].name);
        if (to == NULL) {
            p->items[p->count++] = from->items[i];
            from->items[i] = (struct profile_section){0};
        } else {
            move_properties(to, &from->items[i]);
        }
    }
}

bool profiles_read(struct profiles *p, enum profile_file file, const char *path, const char *text,
                   size_t len, struct err *err)
{
    struct profiles fresh = {0};
    bool ok = profile_parse(&fresh, file, path, (struct text){text, len}, err) &&
              reserve_all(p, &fresh, err);

    if (ok) {
        move_sections(p, &fresh);
    }
    profiles_free(&fresh);
    return ok;
}

/* ---- looking up ---- */

const struct profile_section *profiles_find(const struct profiles *p, const char *kind,
                                            const char *name)
{
    return profiles_section(p, kind, name);
}

const char *profile_value(const struct profile_section *section, const char *name)
{
    const struct profile_property *property =
        section == NULL ? NULL : section_property(section, name);
    return property == NULL ? NULL : secret_reveal(&property->value);
}

bool profile_nested(const struct profile_section *section, const char *parent, const char *name,
                    char *out, size_t size)
{
    const char *line = profile_value(section, parent);
    struct text found = {NULL, 0};

    if (line == NULL || line[0] != '\n') {
        return false;
    }
    while (*line == '\n') {
        struct text key;
        struct text value;
        size_t len = strcspn(++line, "\n");
        if (text_split_property(text_cut_comment((struct text){line, len}, true), &key, &value) &&
            key.len == strlen(name) && strncasecmp(key.at, name, key.len) == 0) {
            found = value;
        }
        line += len;
    }
    if (found.at == NULL || found.len >= size) {
        return false;
    }
    memcpy(out, found.at, found.len);
    out[found.len] = '\0';
    return true;
}
