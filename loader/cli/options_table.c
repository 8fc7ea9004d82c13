#include "cli/options_table.h"

#include <string.h>

static const struct option_part *const parts[] = {&options_servers, &options_tables, &options_job,
                                                  &options_other};
#define PARTS (sizeof parts / sizeof parts[0])

size_t options_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < PARTS; i++) {
        count += parts[i]->count;
    }
    return count;
}

const struct option_row *option_at(size_t index)
{
    size_t part = 0;
    while (part < PARTS && index >= parts[part]->count) {
        index -= parts[part++]->count;
    }
    return part < PARTS ? &parts[part]->rows[index] : NULL;
}

size_t option_index(const struct option_row *row)
{
    size_t index = 0;
    while (option_at(index) != row) {
        index++;
    }
    return index;
}

const struct option_row *option_named(const char *name, size_t len)
{
    const struct option_row *row = option_at(0);
    for (size_t i = 0; row != NULL; row = option_at(++i)) {
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0) {
            return row;
        }
    }
    return NULL;
}
