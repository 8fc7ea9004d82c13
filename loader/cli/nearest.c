#include "cli/nearest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, one row of the matrix at a time. Neither is longer than NEAREST_MAX. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[NEAREST_MAX + 1];

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = least(changed, 1 + least(row[j], row[j - 1]));
        }
    }
    return row[b_len];
}

size_t nearest_distance(const char *name, size_t len, const char *known)
{
    len = least(len, NEAREST_MAX);
    if (len >= 3 && strncmp(known, name, len) == 0) {
        return 0;
    }
    return edit_distance(name, len, known, least(strlen(known), NEAREST_MAX));
}

size_t nearest_limit(size_t len)
{
    len = least(len, NEAREST_MAX);
    return len < 4 ? 2 : len / 3 + 1 > 3 ? len / 3 + 1 : 3;
}
