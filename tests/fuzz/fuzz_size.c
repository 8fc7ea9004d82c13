/*
 * fuzz_size: for any text, the readers of sizes, durations and counts either say ERR_USAGE and
 * leave the result alone, or give a value inside the bounds they were given; what they say about a
 * value can be read back.
 */
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK UINT64_C(0x5A5A5A5A5A5A5A5A)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

static void check_failure(const struct err *err, uint64_t result)
{
    require(err->kind == ERR_USAGE);
    require(strlen(err->msg) > 0 && strlen(err->msg) < ERR_MSG_MAX);
    require(result == MARK);
}

static void fuzz_size(const char *text, uint64_t min, uint64_t max)
{
    struct err err = {0};
    uint64_t bytes = MARK;
    char again[STR_HUMAN_MAX];

    if (!parse_size(text, "--size", min, max, &bytes, &err)) {
        check_failure(&err, bytes);
        return;
    }
    require(err.kind == ERR_NONE && bytes >= min && bytes <= max);
    (void)snprintf(again, sizeof(again), "%llu", (unsigned long long)bytes);
    uint64_t copy = MARK;
    require(parse_size(again, "--size", min, max, &copy, &err) && copy == bytes);
    require(strlen(human_bytes(bytes, again)) < STR_HUMAN_MAX);
}

static void fuzz_count(const char *text, uint64_t min, uint64_t max)
{
    struct err err = {0};
    uint64_t count = MARK;
    char shown[STR_HUMAN_MAX];

    if (!parse_count(text, "--count", min, max, &count, &err)) {
        check_failure(&err, count);
        return;
    }
    require(err.kind == ERR_NONE && count >= min && count <= max);
    require(strspn(text, "0123456789") == strlen(text));
    require(strlen(human_count(count, shown)) < STR_HUMAN_MAX);
}

static void fuzz_duration(const char *text)
{
    struct err err = {0};
    uint64_t duration_ms = MARK;
    char shown[STR_HUMAN_MAX];

    if (!parse_duration(text, "--duration", &duration_ms, &err)) {
        check_failure(&err, duration_ms);
        return;
    }
    require(err.kind == ERR_NONE);
    require(strlen(human_duration(duration_ms, shown)) < STR_HUMAN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* exact, so that ASan sees one byte too many */
    require(text != NULL);

    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    fuzz_size(text, 0, UINT64_MAX);
    fuzz_size(text, 65536, UINT64_C(1) << 40);
    fuzz_count(text, 0, UINT64_MAX);
    fuzz_count(text, 1, 256);
    fuzz_duration(text);
    free(text);
    return 0;
}
