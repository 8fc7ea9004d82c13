/* A loaded set of types: finding in it, and giving it back. */
#include "pg/type_builtin.h"
#include "pg/types.h"

#include <stdlib.h>

/* Far more than a person writes; it ends a walk through a set that is not well formed. */
#define NESTING_MAX 64

static void free_type(struct type_info *t)
{
    for (size_t i = 0; t->labels != NULL && i < t->label_count; i++) {
        free(t->labels[i]);
    }
    for (size_t i = 0; t->attributes != NULL && i < t->attribute_count; i++) {
        free(t->attributes[i].name);
    }
    free(t->labels);
    free(t->attributes);
    free(t->schema);
    free(t->name);
    free(t->extension);
    free(t->extension_version);
}

void type_set_free(struct type_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        free_type(&set->items[i]);
    }
    free(set->items);
    *set = (struct type_set){0};
}

const struct type_info *type_set_find(const struct type_set *set, uint32_t oid)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle].oid < oid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->items[low].oid == oid ? &set->items[low] : NULL;
}

uint32_t type_names_object(const struct type_set *set, uint32_t oid, bool *is_array)
{
    bool through_array = false;

    for (int depth = 0; depth < NESTING_MAX && oid != 0; depth++) {
        if (type_is_object_name(oid)) {
            *is_array = through_array;
            return oid;
        }
        const struct type_info *type = type_set_find(set, oid);
        if (type == NULL) {
            return 0;
        }
        through_array = through_array || type->element_oid != 0;
        oid = type->kind == 'd' ? type->base_oid : type->element_oid;
    }
    return 0;
}
