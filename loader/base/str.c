#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KB UINT64_C(1024)
#define MB (KB * KB)
#define GB (KB * MB)
#define TB (KB * GB)

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"",   1 },
    {"B",  1 },
    {"kB", KB},
    {"MB", MB},
    {"GB", GB},
    {"TB", TB},
};

static const struct unit duration_units[] = {
    {"",    1000    },
    {"ms",  1       },
    {"s",   1000    },
    {"min", 60000   },
    {"m",   60000   },
    {"h",   3600000 },
    {"d",   86400000},
};

#define UNITS(table) (table), sizeof(table) / sizeof((table)[0])

/* Reads digits only, no sign and no space; returns the first byte after them, or NULL when
 * there is no digit or the number is too large. */
static const char *read_digits(const char *text, uint64_t *number)
{
    uint64_t sum = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (sum > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        sum = sum * 10 + digit;
    }
    if (at == text) {
        return NULL;
    }
    *number = sum;
    return at;
}

static bool read_with_unit(const char *text, const struct unit *units, size_t count,
                           uint64_t *result)
{
    uint64_t number = 0;
    const char *rest = read_digits(text, &number);
    if (rest == NULL) {
        return false;
    }
    if (*rest == ' ' && rest[1] != '\0') {
        rest++;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(rest, units[i].name) == 0) {
            bool fits = number <= UINT64_MAX / units[i].factor;
            *result = fits ? number * units[i].factor : 0;
            return fits;
        }
    }
    return false;
}

/* A size that --chunk-size takes back: exact, in the largest unit that divides it. */
static const char *exact_size(uint64_t bytes, char out[STR_HUMAN_MAX])
{
    size_t i = sizeof size_units / sizeof size_units[0] - 1;
    while (i > 1 && (bytes == 0 || bytes % size_units[i].factor != 0)) {
        i--;
    }
    (void)snprintf(out, STR_HUMAN_MAX, "%llu%s", (unsigned long long)(bytes / size_units[i].factor),
                   i == 1 ? " bytes" : size_units[i].name);
    return out;
}

bool parse_size(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *bytes,
                struct err *err)
{
    uint64_t result = 0;
    if (!read_with_unit(text, UNITS(size_units), &result)) {
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not a size; write 64kB, 256MB or 1GB", what,
                       text);
    }
    if (result < min || result > max) {
        char low[STR_HUMAN_MAX];
        char high[STR_HUMAN_MAX];
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not between %s and %s", what, text,
                       exact_size(min, low), exact_size(max, high));
    }
    *bytes = result;
    return true;
}

bool parse_duration(const char *text, const char *what, uint64_t *duration_ms, struct err *err)
{
    uint64_t result = 0;
    if (!read_with_unit(text, UNITS(duration_units), &result)) {
        return err_set(err, ERR_USAGE,
                       "%s: \"%s\" is not a duration; write 500ms, 30s, 5min, 1h or 2d", what,
                       text);
    }
    *duration_ms = result;
    return true;
}

bool parse_count(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *count,
                 struct err *err)
{
    uint64_t result = 0;
    const char *rest = read_digits(text, &result);
    if (rest == NULL || *rest != '\0') {
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not a whole number", what, text);
    }
    if (result < min || result > max) {
        return err_set(err, ERR_USAGE, "%s: %s is not between %llu and %llu", what, text,
                       (unsigned long long)min, (unsigned long long)max);
    }
    *count = result;
    return true;
}

/* Rounded to the nearest, so that 1023.97 kB counts as the next unit. */
static uint64_t tenths_of(uint64_t bytes, uint64_t factor)
{
    return bytes / factor * 10 + (bytes % factor * 10 + factor / 2) / factor;
}

const char *human_bytes(uint64_t bytes, char out[STR_HUMAN_MAX])
{
    if (bytes < KB) {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu B", (unsigned long long)bytes);
        return out;
    }
    size_t i = 2;
    uint64_t tenths = tenths_of(bytes, size_units[i].factor);
    while (i + 1 < sizeof size_units / sizeof size_units[0] && tenths >= KB * 10) {
        i++;
        tenths = tenths_of(bytes, size_units[i].factor);
    }
    if (tenths % 10 == 0) {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu %s", (unsigned long long)(tenths / 10),
                       size_units[i].name);
    } else {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                       (unsigned long long)(tenths % 10), size_units[i].name);
    }
    return out;
}

const char *human_count(uint64_t count, char out[STR_HUMAN_MAX])
{
    char digits[STR_HUMAN_MAX];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *human_duration(uint64_t duration_ms, char out[STR_HUMAN_MAX])
{
    unsigned long long ms = duration_ms;
    unsigned long long s = ms / 1000;

    if (ms < 1000) {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu ms", ms);
    } else if (s < 60) {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu.%llu s", s, ms % 1000 / 100);
    } else if (s < 3600) {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu min %02llu s", s / 60, s % 60);
    } else {
        (void)snprintf(out, STR_HUMAN_MAX, "%llu h %02llu min", s / 3600, s / 60 % 60);
    }
    return out;
}

uint64_t str_hash(uint64_t hash, const char *text)
{
    const uint64_t prime = 1099511628211u;

    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        hash = (hash ^ *at) * prime;
    }
    return hash * prime;
}

char *str_copy(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}
