#include "cli/job_file_keys.h"

#include "cli/nearest.h"

#include <stdlib.h>
#include <string.h>

/* ---- twins ---- */

struct place {
    const struct tree_node *key;
    size_t number;
    bool fold;
};

static int letter(char c, bool fold)
{
    return fold && c == '_' ? '-' : (unsigned char)c;
}

static int compare_text(const char *a, const char *b, bool fold)
{
    while (*a != '\0' && letter(*a, fold) == letter(*b, fold)) {
        a++;
        b++;
    }
    return letter(*a, fold) - letter(*b, fold);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int order = compare_text(x->key->text, y->key->text, x->fold);
    return order != 0 ? order : x->number < y->number ? -1 : x->number > y->number;
}

/* Sorting keeps a map of a hundred thousand keys from taking minutes. */
static void note_twins(struct job_reader *r, const struct tree_node *map, bool fold)
{
    struct place *places = calloc(map->count + 1, sizeof *places);
    size_t count = 0;
    if (places == NULL) {
        job_out_of_memory(r);
        return;
    }
    for (const struct tree_node *k = map->first; k != NULL; k = k->next) {
        if (!k->bad) {
            places[count] = (struct place){.key = k, .number = count, .fold = fold};
            count++;
        }
    }
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 1; i < count; i++) {
        const struct tree_node *a = places[i - 1].key;
        const struct tree_node *b = places[i].key;
        if (compare_text(a->text, b->text, fold) == 0) {
            job_note(&r->notes, b->line, b->column,
                     "this key stands here a second time, first in line %u; leave one out",
                     a->line);
        }
    }
    free(places);
}

bool job_check_map(struct job_reader *r, const struct tree_node *map, const char *what, bool fold)
{
    if (map->bad) {
        return false;
    }
    if (map->kind != TREE_MAP) {
        job_note(&r->notes, map->line, map->column, "%s has to be a map: lines of KEY: VALUE",
                 what);
        return false;
    }
    note_twins(r, map, fold);
    return r->failure.kind == ERR_NONE;
}

/* ---- known keys ---- */

static const struct job_key *find(const struct job_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (compare_text(keys->keys[i].name, name, true) == 0) {
            return &keys->keys[i];
        }
    }
    return NULL;
}

static const char *nearest_key(const struct job_keys *keys, const char *name)
{
    const char *best = NULL;
    size_t len = strlen(name);
    size_t limit = nearest_limit(len);
    for (size_t i = 0; i < keys->count; i++) {
        size_t distance = nearest_distance(name, len, keys->keys[i].name);
        if (distance < limit) {
            best = keys->keys[i].name;
            limit = distance;
        }
    }
    return best;
}

static void note_unknown(struct job_reader *r, const struct tree_node *key,
                         const struct job_keys *keys)
{
    char shown[JOB_SHOWN_MAX + 4];
    char known[ERR_MSG_MAX / 2] = "";
    const char *near = nearest_key(keys, key->text);
    size_t len = 0;
    for (size_t i = 0; i < keys->count && len < sizeof known; i++) {
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i == 0 ? "" : ", ",
                                keys->keys[i].name);
    }
    /* Where connection strings stand, a key may be a piece of one. */
    bool plain = !keys->secret || (near != NULL && strlen(key->text) <= strlen(near) + 2);
    if (near != NULL) {
        job_note(&r->notes, key->line, key->column, "unknown key%s%s%s in %s; did you mean %s?",
                 plain ? " \"" : "", plain ? job_shown(key->text, shown) : "", plain ? "\"" : "",
                 keys->what, near);
    } else {
        job_note(&r->notes, key->line, key->column, "unknown key%s%s%s in %s; known are %s",
                 plain ? " \"" : "", plain ? job_shown(key->text, shown) : "", plain ? "\"" : "",
                 keys->what, known);
    }
}

void job_take_map(struct job_reader *r, const struct tree_node *map, const struct job_keys *keys,
                  void *into)
{
    if (!job_check_map(r, map, keys->what, true)) {
        return;
    }
    for (const struct tree_node *k = map->first; k != NULL && r->failure.kind == ERR_NONE;
         k = k->next) {
        const struct job_key *known = k->bad ? NULL : find(keys, k->text);
        if (known != NULL) {
            known->take(r, k, into);
        } else if (!k->bad) {
            note_unknown(r, k, keys);
        }
    }
}

void job_take_entries(struct job_reader *r, const struct tree_node *map, const char *what,
                      void (*take)(struct job_reader *r, const struct tree_node *key, void *into),
                      void *into)
{
    if (!job_check_map(r, map, what, false)) {
        return;
    }
    for (const struct tree_node *k = map->first; k != NULL && r->failure.kind == ERR_NONE;
         k = k->next) {
        if (!k->bad) {
            take(r, k, into);
        }
    }
}
