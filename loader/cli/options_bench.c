#include "cli/options_bench.h"

#include "base/str.h"
#include "cli/options_flow.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 32

OPTION_SETTER(bench_only)
{
    unsigned choice = 0;
    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->bench.only = (enum bench_only)choice;
    return true;
}

OPTION_SETTER(bench_bytes)
{
    return parse_size(value->text, value->where, BENCH_BYTES_MIN, BENCH_BYTES_MAX,
                      &spec->bench.bytes, err);
}

OPTION_SETTER(repeat)
{
    uint64_t count = 0;
    if (!parse_count(value->text, value->where, 1, BENCH_REPEAT_MAX, &count, err)) {
        return false;
    }
    spec->bench.repeat = (unsigned)count;
    return true;
}

OPTION_SETTER(with_indexes)
{
    spec->bench.with_indexes = true;
    (void)value;
    (void)err;
    return true;
}

/* ---- lists ---- */

/* The word at *at of a comma-separated list; *at moves behind it, to NULL after the last one. */
static bool next_word(const struct option_value *value, const char **at, char word[WORD_MAX],
                      struct err *err)
{
    size_t len = strcspn(*at, ",");
    if (len >= WORD_MAX) {
        return err_set(err, ERR_USAGE, "%s: \"%.40s\" is too long for one of %s", value->where, *at,
                       value->row->argument);
    }
    memcpy(word, *at, len);
    word[len] = '\0';
    *at = (*at)[len] == ',' ? *at + len + 1 : NULL;
    return true;
}

typedef bool sweep_parse(const char *word, const char *where, uint64_t *out, struct err *err);

static bool parse_jobs(const char *word, const char *where, uint64_t *out, struct err *err)
{
    return parse_count(word, where, 1, JOBS_MAX, out, err);
}

static bool parse_chunk(const char *word, const char *where, uint64_t *out, struct err *err)
{
    return parse_size(word, where, CHUNK_MIN, CHUNK_MAX, out, err);
}

/* Ascending and each once, whatever the order was in which they were typed. False: no room. */
static bool insert(uint64_t items[BENCH_SWEEP_MAX], size_t *count, uint64_t item)
{
    size_t at = 0;
    while (at < *count && items[at] < item) {
        at++;
    }
    if (at < *count && items[at] == item) {
        return true;
    }
    if (*count == BENCH_SWEEP_MAX) {
        return false;
    }
    memmove(&items[at + 1], &items[at], (*count - at) * sizeof items[0]);
    items[at] = item;
    ++*count;
    return true;
}

static bool parse_list(const struct option_value *value, sweep_parse *parse,
                       uint64_t items[BENCH_SWEEP_MAX], size_t *count, struct err *err)
{
    const char *at = value->text;
    *count = 0;
    while (at != NULL) {
        char word[WORD_MAX];
        uint64_t item = 0;
        if (!next_word(value, &at, word, err) || !parse(word, value->where, &item, err)) {
            return false;
        }
        if (!insert(items, count, item)) {
            return err_set(err, ERR_USAGE, "%s: at most %d values", value->where, BENCH_SWEEP_MAX);
        }
    }
    return true;
}

OPTION_SETTER(sweep_jobs)
{
    uint64_t items[BENCH_SWEEP_MAX];
    size_t count = 0;
    if (!parse_list(value, parse_jobs, items, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        spec->bench.jobs[i] = (unsigned)items[i];
    }
    spec->bench.job_count = count;
    return true;
}

OPTION_SETTER(sweep_chunk)
{
    uint64_t items[BENCH_SWEEP_MAX];
    size_t count = 0;
    if (!parse_list(value, parse_chunk, items, &count, err)) {
        return false;
    }
    memcpy(spec->bench.chunk_bytes, items, count * sizeof items[0]);
    spec->bench.chunk_count = count;
    return true;
}
