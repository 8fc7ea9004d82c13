#include "cli/config_origin.h"

#include "base/str.h"

#include <stdlib.h>

static bool add_text(struct text_list *list, const char *text, struct err *err)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    char *copy = str_copy(text);
    list->items = items == NULL ? list->items : items;
    if (items == NULL || copy == NULL) {
        free(copy);
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    list->items[list->count++] = copy;
    return true;
}

bool origin_add(struct option_origin *o, const char *text, const char *env, struct err *err)
{
    return add_text(&o->texts, text, err) && add_text(&o->envs, env == NULL ? "" : env, err);
}

void config_origins_free(struct config_origins *o)
{
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < OPTIONS_MAX; i++) {
        text_list_free(&o->options[i].texts);
        text_list_free(&o->options[i].envs);
    }
    free(o->rules);
    o->rules = NULL;
    o->rule_count = 0;
}
