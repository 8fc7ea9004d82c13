/*
 * fuzz_options: for any command line, the parser ends with a spec inside its documented bounds or
 * with an error that says something; a connection string that it has taken is hidden in argv.
 *
 * The input is the words, separated by line ends.
 */
#include "cli/options.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

/* Each word in memory of its own, so that ASan sees where it ends. */
static int split(const char *text, char *words[WORDS_MAX])
{
    int count = 0;

    while (*text != '\0' && count < WORDS_MAX) {
        size_t len = strcspn(text, "\n");
        words[count] = strndup(text, len);
        require(words[count] != NULL);
        count++;
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return count;
}

/* go: the words were read to their end, so that what goes together was looked at. */
static void check_flow(const struct spec *spec, int go)
{
    bool level = spec->compression == COMPRESSION_LEVEL;
    bool has_key = spec->spill_key_file != NULL || spec->spill_kms_key != NULL;

    require(spec->compression <= COMPRESSION_LEVEL);
    require(level ? spec->compression_level >= 1 && spec->compression_level <= 19
                  : spec->compression_level == 0);
    require(spec->max_rate_bytes_s == 0 || (spec->max_rate_bytes_s >= UINT64_C(64) << 10 &&
                                            spec->max_rate_bytes_s <= UINT64_C(1) << 40));
    require(spec->spill_limit_bytes == 0 || spec->spill_limit_bytes >= UINT64_C(64) << 20);
    require(spec->spill_dir == NULL || spec->spill_dir[0] != '\0');
    if (go) {
        require(spec->jobs_max == 0 || (spec->jobs_auto && spec->jobs == spec->jobs_max));
        require(spec->spill_dir != NULL || (!spec->release_early && spec->spill_limit_bytes == 0));
        require(spec->release_early == has_key);
        require(spec->spill_key_file == NULL || spec->spill_kms_key == NULL);
    }
}

static void check_spec(const struct spec *spec)
{
    require(spec->jobs >= 1 && spec->jobs <= 256);
    require(spec->memory_bytes >= UINT64_C(16) << 20 && spec->memory_bytes <= UINT64_C(1) << 40);
    require(spec->chunk_bytes >= 65536 && spec->chunk_bytes <= UINT64_C(1) << 40);
    require(spec->mode <= MODE_TRUNCATE && spec->format <= FORMAT_TEXT);
    require(spec->chunk_by <= CHUNK_BY_KEY && spec->triggers <= TRIGGERS_DISABLE);
    require(spec->progress <= PROGRESS_NONE && spec->on_lost_snapshot <= LOST_RESTART_TABLES);
    require(spec->ledger_schema != NULL && spec->ledger_schema[0] != '\0');
    require(spec->job == NULL || (spec->job[0] != '\0' && strchr(spec->job, '/') == NULL));
    require(!(spec->quiet && spec->verbose));
    for (size_t i = 0; i < spec->tables.count; i++) {
        require(spec->tables.items[i][0] != '\0');
    }
    for (size_t i = 0; i < spec->where_count; i++) {
        require(spec->where[i].table[0] != '\0' && spec->where[i].expression[0] != '\0');
    }
}

/* A taken value stands nowhere behind --source= any more, unless it is nothing but stars itself. */
static void check_hidden(const struct secret *server, char *const *words, int count)
{
    static const char prefix[] = "--source=";
    const size_t prefix_len = sizeof(prefix) - 1;
    const char *value = secret_reveal(server);

    for (int i = 0; i < count; i++) {
        if (strncmp(words[i], prefix, prefix_len) == 0) {
            const char *shown = words[i] + prefix_len;
            require(strcmp(shown, value) != 0 || strspn(shown, "*") == strlen(shown));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[WORDS_MAX] = {NULL};
    enum options_verdict verdict = OPTIONS_RUN;
    struct spec spec;
    struct err err = {0};
    char *text = malloc(size + 1);

    require(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    int count = split(text, words);
    if (options_parse(FOR_LOAD, count, words, &verdict, &spec, &err)) {
        require(err.kind == ERR_NONE);
        check_spec(&spec);
        check_flow(&spec, verdict == OPTIONS_RUN);
        if (verdict == OPTIONS_RUN) {
            check_hidden(&spec.source, words, count);
        }
    } else {
        require(err.kind == ERR_USAGE && err.msg[0] != '\0');
    }
    spec_free(&spec);
    for (int i = 0; i < count; i++) {
        free(words[i]);
    }
    free(text);
    return 0;
}
