/* sigv4: what the vectors leave out: what is refused, limits, buffers, and wiped memory. */
#include "unit.h"

#include "aws/sigv4.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX 100000

static const struct http_header host = {"Host", "example.amazonaws.com"};

static struct aws_credentials some_keys(const char *token)
{
    struct aws_credentials keys = {0};
    struct err err = {0};

    assert_true(aws_credentials_set(&keys, "a test", "AKIDEXAMPLE",
                                    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token, &err));
    return keys;
}

static struct sigv4_params some_params(const struct aws_credentials *keys)
{
    return (struct sigv4_params){.credentials = keys,
                                 .region = "us-east-1",
                                 .service = "service",
                                 .now_s = 1440938160,
                                 .expires_s = 60};
}

static struct sigv4_request some_request(const struct http_header *headers, size_t count)
{
    return (struct sigv4_request){
        .method = "GET", .path = "/", .query = "", .headers = headers, .header_count = count};
}

static void hashes_as_published(void **state)
{
    char hex[SIGV4_HEX_MAX];

    sigv4_sha256(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sigv4_sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    (void)state;
}

/* Refused before anything is signed; whatever the caller holds stays as it was. */
static void refuses(const struct http_header *headers, size_t count, const char *want)
{
    struct aws_credentials keys = some_keys(NULL);
    struct sigv4_params params = some_params(&keys);
    struct sigv4_request request = some_request(headers, count);
    struct sigv4_headers out = {.date = "before"};
    struct secret query = {0};
    struct err err = {0};

    assert_false(sigv4_sign(&request, &params, &out, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, want));
    assert_string_equal(out.date, "before");
    assert_false(secret_is_set(&out.authorization));
    assert_false(sigv4_presign(&request, &params, &query, &err));
    assert_false(secret_is_set(&query));
    aws_credentials_free(&keys);
}

static void a_request_needs_a_host_and_none_of_our_headers(void **state)
{
    static const char *const ours[] = {"authorization", "X-AMZ-DATE", "x-amz-security-token",
                                       "X-Amz-Content-Sha256"};
    struct http_header headers[] = {
        host, {"", "x"}
    };

    refuses(NULL, 0, "no Host");
    headers[1].name = "hos";
    refuses(&headers[1], 1, "no Host");
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        headers[1].name = ours[i];
        refuses(headers, 2, ours[i]);
    }
    (void)state;
}

/* What has to be encoded most, at the limits of what is let in. */
static void the_largest_requests_fit(void **state)
{
    static char token[16001];
    static char query[HTTP_URL_MAX];
    static struct http_header headers[201];
    struct err err = {0};

    memset(token, '/', sizeof(token) - 1);
    memset(query, '\xFF', sizeof(query) - 1);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        headers[i] = i == 0 ? host : (struct http_header){"a", ";"};
    }
    struct aws_credentials keys = some_keys(token);
    struct sigv4_params params = some_params(&keys);
    struct sigv4_request request = some_request(headers, ARRAY_LEN(headers));
    request.query = query;
    request.path = query;

    for (unsigned turn = 0; turn < 2; turn++) {
        struct sigv4_headers by_headers = {0};
        struct secret by_query = {0};
        assert_true(sigv4_sign(&request, &params, &by_headers, &err));
        assert_true(sigv4_presign(&request, &params, &by_query, &err));
        sigv4_headers_free(&by_headers);
        secret_free(&by_query);
        memset(query, '&', sizeof(query) - 1);
        for (size_t i = 0; i < sizeof(query) - 1; i += 2) {
            query[i] = '=';
        }
    }
    aws_credentials_free(&keys);
    (void)state;
}

/* The same names, as the signature must cover them, in both buffers behind what was there. */
static void buffers_are_added_to(void **state)
{
    struct aws_credentials keys = some_keys(NULL);
    struct sigv4_params params = some_params(&keys);
    struct sigv4_request request = some_request(&host, 1);
    struct buf canonical = {.max_bytes = OUT_MAX};
    struct buf names = {.max_bytes = OUT_MAX};
    struct err err = {0};

    buf_puts(&canonical, "1");
    buf_puts(&names, "2");
    assert_true(sigv4_canonical_request(&request, &params, &canonical, &names, &err));
    assert_memory_equal(buf_str(&canonical), "1GET\n/\n\nhost:", 13);
    assert_string_equal(buf_str(&names), "2host;x-amz-date");
    buf_free(&canonical);
    buf_free(&names);
    buf_init(&canonical, 20);
    assert_false(sigv4_canonical_request(&request, &params, &canonical, &names, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    buf_free(&canonical);
    buf_free(&names);
    aws_credentials_free(&keys);
    (void)state;
}

/* Each part of what is signed changes the signature. */
static void everything_counts(void **state)
{
    struct aws_credentials keys = some_keys(NULL);
    struct sigv4_params params[5];
    char hex[ARRAY_LEN(params)][SIGV4_HEX_MAX];
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        params[i] = some_params(&keys);
    }
    params[1].region = "us-east-2";
    params[2].service = "servicf";
    params[3].now_s += 86400;
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        assert_true(sigv4_signature(&params[i], i == 4 ? "textt" : "text", hex[i], &err));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(hex[i], hex[k]);
        }
    }
    aws_credentials_free(&keys);
    (void)state;
}

#define PATTERN 0xA7
#define BLOCK   600

/* Reads what stands at an address, whoever owns it now, and counts the bytes that still are the
 * pattern. The allocator uses the first few itself. */
static size_t left_behind(uintptr_t address)
{
    unsigned char bytes[BLOCK];
    size_t count = 0;
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), (off_t)address), sizeof(bytes));
    (void)close(fd);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        count += bytes[i] == PATTERN ? 1 : 0;
    }
    return count;
}

static void the_library_wipes_what_it_frees(void **state)
{
    unsigned char *block = OPENSSL_malloc(BLOCK);
    assert_non_null(block);
    memset(block, PATTERN, BLOCK);
    uintptr_t address = (uintptr_t)block;
    assert_int_equal(left_behind(address), BLOCK);

    block = OPENSSL_realloc(block, (size_t)64 * BLOCK);
    assert_non_null(block);
    assert_int_equal(block[0], PATTERN);
    assert_int_equal(block[BLOCK - 1], PATTERN);
    if ((uintptr_t)block != address) {
        assert_in_range(left_behind(address), 0, 16);
    }
    address = (uintptr_t)block;
    OPENSSL_free(block);
    assert_in_range(left_behind(address), 0, 16);
    OPENSSL_free(NULL);
    (void)state;
}

/* Where the heap lies that the C library grows; false when there is none, as with a sanitizer. */
static bool find_heap(unsigned long *start, unsigned long *end)
{
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");

    assert_non_null(maps);
    while (!found && fgets(line, sizeof(line), maps) != NULL) {
        char *dash = NULL;
        *start = strtoul(line, &dash, 16);
        *end = strtoul(dash + 1, NULL, 16);
        found = strstr(line, "[heap]") != NULL;
    }
    (void)fclose(maps);
    return found;
}

/* The needle is on the caller's stack; so is the window. */
static unsigned times_in_heap(const char *needle, size_t len)
{
    char window[4096];
    unsigned long at = 0;
    unsigned long end = 0;
    unsigned count = 0;
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    for (bool more = find_heap(&at, &end); more && at < end; at += sizeof(window) - len) {
        ssize_t got = pread(fd, window, sizeof(window), (off_t)at);
        for (ssize_t i = 0; i + (ssize_t)len <= got; i++) {
            count += memcmp(window + i, needle, len) == 0 ? 1 : 0;
        }
    }
    (void)close(fd);
    return count;
}

#define PIECE 48 /* of a signature's 64 digits; a freed block's first bytes are the heap's own */

static void a_signature_leaves_no_copy(void **state)
{
    struct aws_credentials keys = some_keys("token");
    struct sigv4_params params = some_params(&keys);
    struct sigv4_request request = some_request(&host, 1);
    struct sigv4_headers headers = {0};
    struct secret query = {0};
    char piece[2][PIECE];
    struct err err = {0};

    assert_true(sigv4_sign(&request, &params, &headers, &err));
    assert_true(sigv4_presign(&request, &params, &query, &err));
    memcpy(piece[0], headers.authorization.bytes + headers.authorization.len - PIECE, PIECE);
    memcpy(piece[1], query.bytes + query.len - PIECE, PIECE);
    bool seen = times_in_heap(piece[0], PIECE) > 0 && times_in_heap(piece[1], PIECE) > 0;
    sigv4_headers_free(&headers);
    secret_free(&query);
    aws_credentials_free(&keys);
    if (!seen) {
        skip();
    }
    assert_int_equal(times_in_heap(piece[0], PIECE), 0);
    assert_int_equal(times_in_heap(piece[1], PIECE), 0);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_published),
        cmocka_unit_test(a_request_needs_a_host_and_none_of_our_headers),
        cmocka_unit_test(the_largest_requests_fit),
        cmocka_unit_test(buffers_are_added_to),
        cmocka_unit_test(everything_counts),
        cmocka_unit_test(the_library_wipes_what_it_frees),
        cmocka_unit_test(a_signature_leaves_no_copy),
    };

    sigv4_wipe_memory(); /* the library takes it before its first allocation only */
    return cmocka_run_group_tests_name("sigv4_limits", tests, NULL, NULL);
}
