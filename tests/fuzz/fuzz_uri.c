/*
 * fuzz_uri: decoding takes encoding back, encoded text has no other bytes than it may have, and
 * the canonical forms of a query and a path stay what they are.
 *
 * The input is any bytes; up to the first zero byte it is also a query and a path.
 */
#include "aws/canonical.h"
#include "aws/uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ENCODED "%-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

static void fuzz_round_trip(const char *text, size_t size, enum uri_slash slash)
{
    struct buf coded = {.max_bytes = 3 * size};
    struct buf back = {.max_bytes = size};

    uri_encode(&coded, text, size, slash);
    require(!coded.failed && coded.len >= size);
    require(strspn(buf_str(&coded), slash == URI_KEEP_SLASH ? ENCODED "/" : ENCODED) == coded.len);
    uri_decode(&back, buf_str(&coded), coded.len);
    require(!back.failed && back.len == size && memcmp(buf_str(&back), text, size) == 0);
    buf_free(&coded);
    buf_free(&back);
}

static void fuzz_decode(const char *text, size_t size)
{
    struct buf out = {.max_bytes = size};

    uri_decode(&out, text, size);
    require(!out.failed && out.len <= size);
    buf_free(&out);
}

static void fuzz_query(const char *query)
{
    size_t max = 4 * strlen(query) + 1;
    struct buf once = {.max_bytes = max};
    struct buf twice = {.max_bytes = max};
    struct err err = {0};

    require(canonical_query(&once, query, &err));
    require(strspn(buf_str(&once), ENCODED "&=") == once.len);
    require(canonical_query(&twice, buf_str(&once), &err));
    require(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    buf_free(&once);
    buf_free(&twice);
}

/* No empty segment, and none that is dots. */
static void check_segments(const char *path)
{
    require(path[0] == '/');
    require(strstr(path, "//") == NULL && strstr(path, "/./") == NULL);
    require(strstr(path, "/../") == NULL);
    size_t len = strlen(path);
    require(len < 2 || strcmp(path + len - 2, "/.") != 0);
    require(len < 3 || strcmp(path + len - 3, "/..") != 0);
}

static void fuzz_path(const char *path)
{
    struct buf out = {.max_bytes = 3 * strlen(path) + 3};

    canonical_path(&out, path, PATH_NORMALISED);
    require(!out.failed);
    require(strspn(buf_str(&out), ENCODED "/") == out.len);
    check_segments(buf_str(&out));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* exact, so that ASan sees one byte too many */
    require(text != NULL);

    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    fuzz_round_trip(text, size, URI_KEEP_SLASH);
    fuzz_round_trip(text, size, URI_ENCODE_SLASH);
    fuzz_decode(text, size);
    fuzz_query(text);
    fuzz_path(text);
    free(text);
    return 0;
}
