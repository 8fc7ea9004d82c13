/*
 * sigv4: every stage of every case in tests/vectors/sigv4, by headers and by query. Runs in the
 * repository's root. A case is a directory with context.json, request.txt and the expected texts.
 */
#include "unit.h"

#include "aws/date.h"
#include "aws/sigv4.h"

#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VECTORS     "tests/vectors/sigv4"
#define CASES_MIN   38 /* so many there are */
#define CASES_MAX   200
#define HEADERS_MAX 32
#define FILE_MAX    65536
#define OUT_MAX     100000

enum stage { CANONICAL, STRING_TO_SIGN, SIGNATURE, SIGNED };
static const char *const stage_files[] = {"canonical-request", "string-to-sign", "signature",
                                          "signed-request"};
static const char *const how_files[] = {"header", "query"};
#define CHECKS (ARRAY_LEN(stage_files) * ARRAY_LEN(how_files))

/* Points into text. */
struct parsed {
    char text[FILE_MAX];
    struct http_header headers[HEADERS_MAX];
    struct sigv4_request request;
};

struct vector {
    char name[256];
    const char *problem; /* what could not be read; NULL: nothing */
    struct parsed parsed;
    struct aws_credentials credentials;
    json_t *context;
    struct sigv4_params params;
};

struct check {
    char name[320];
    struct vector *vector;
    enum sigv4_how how;
    enum stage stage;
};

static struct vector *vectors[CASES_MAX];
static size_t vector_count;

static bool read_file(const char *name, const char *file, char text[FILE_MAX])
{
    char path[512];

    (void)snprintf(path, sizeof(path), VECTORS "/%s/%s", name, file);
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return false;
    }
    size_t len = fread(text, 1, FILE_MAX - 1, in);
    bool whole = feof(in) != 0 && ferror(in) == 0;
    (void)fclose(in);
    text[len] = '\0';
    return whole;
}

/* "GET /a b?c=d HTTP/1.1": a path may have blanks. */
static bool parse_target(char *line, struct sigv4_request *request)
{
    char *target = strchr(line, ' ');
    char *version = strrchr(line, ' ');

    if (target == NULL || version == target || strncmp(version, " HTTP/", 6) != 0) {
        return false;
    }
    *target++ = '\0';
    *version = '\0';
    char *query = strchr(target, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    request->method = line;
    request->path = target;
    request->query = query == NULL ? "" : query;
    return true;
}

static bool parse_header(char *line, struct parsed *p)
{
    char *colon = strchr(line, ':');

    if (colon == NULL || p->request.header_count == HEADERS_MAX) {
        return false;
    }
    *colon = '\0';
    p->headers[p->request.header_count++] = (struct http_header){line, colon + 1};
    return true;
}

/* A line that begins with a blank belongs to the one before. Ends line and returns the next. */
static char *end_line(char *line)
{
    char *end = line + strcspn(line, "\n");

    while (*end != '\0' && (end[1] == ' ' || end[1] == '\t')) {
        end += 1 + strcspn(end + 1, "\n");
    }
    if (*end == '\0') {
        return end;
    }
    *end = '\0';
    return end + 1;
}

static bool parse_request(struct parsed *p)
{
    char *line = p->text;
    char *next = end_line(line);

    if (!parse_target(line, &p->request)) {
        return false;
    }
    for (line = next; *line != '\0' && *line != '\n'; line = next) {
        next = end_line(line);
        if (!parse_header(line, p)) {
            return false;
        }
    }
    p->request.headers = p->headers;
    p->request.body = *line == '\n' ? line + 1 : line;
    p->request.body_len = strlen(p->request.body);
    return true;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool parse_context(struct vector *v)
{
    const json_t *keys = json_object_get(v->context, "credentials");
    const char *when = text_of(v->context, "timestamp");
    struct err err = {0};

    v->params.credentials = &v->credentials;
    v->params.region = text_of(v->context, "region");
    v->params.service = text_of(v->context, "service");
    v->params.keep_path = !json_is_true(json_object_get(v->context, "normalize"));
    v->params.body_header = json_is_true(json_object_get(v->context, "sign_body"));
    v->params.token_unsigned = json_is_true(json_object_get(v->context, "omit_session_token"));
    v->params.expires_s =
        (unsigned)json_integer_value(json_object_get(v->context, "expiration_in_seconds"));
    return v->params.region != NULL && v->params.service != NULL && when != NULL &&
           date_parse_iso(when, &v->params.now_s) &&
           aws_credentials_set(&v->credentials, "context.json", text_of(keys, "access_key_id"),
                               text_of(keys, "secret_access_key"), text_of(keys, "token"), &err);
}

static void load_vector(struct vector *v)
{
    char text[FILE_MAX];

    if (!read_file(v->name, "request.txt", v->parsed.text) || !parse_request(&v->parsed)) {
        v->problem = "request.txt";
    } else if (!read_file(v->name, "context.json", text)) {
        v->problem = "context.json";
    } else {
        v->context = json_loads(text, 0, NULL);
        v->problem = v->context != NULL && parse_context(v) ? NULL : "what context.json says";
    }
}

static bool is_case(const char *name)
{
    char path[512];
    struct stat info;

    (void)snprintf(path, sizeof(path), VECTORS "/%s", name);
    return name[0] != '.' && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void load_vectors(void)
{
    struct dirent **entries = NULL;
    int count = scandir(VECTORS, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        bool wanted = vector_count < CASES_MAX && is_case(entries[i]->d_name);
        struct vector *v = wanted ? calloc(1, sizeof(*v)) : NULL;
        if (v != NULL) {
            (void)snprintf(v->name, sizeof(v->name), "%s", entries[i]->d_name);
            load_vector(v);
            vectors[vector_count++] = v;
        }
        free(entries[i]);
    }
    free(entries);
}

static void free_vectors(void)
{
    for (size_t i = 0; i < vector_count; i++) {
        aws_credentials_free(&vectors[i]->credentials);
        json_decref(vectors[i]->context);
        free(vectors[i]);
    }
}

static void the_vectors_are_there(void **state)
{
    assert_in_range(vector_count, CASES_MIN, CASES_MAX - 1);
    (void)state;
}

/* What the case expects at a stage, without a line end behind it. */
static void read_expected(const struct check *c, enum stage stage, char text[FILE_MAX])
{
    char file[64];

    (void)snprintf(file, sizeof(file), "%s-%s.txt", how_files[c->how], stage_files[stage]);
    if (!read_file(c->vector->name, file, text)) {
        fail_msg("%s/%s cannot be read", c->vector->name, file);
    }
    size_t len = strlen(text);
    while (stage != SIGNED && len > 0 && text[len - 1] == '\n') {
        text[--len] = '\0';
    }
}

static void check_canonical(const struct check *c, const char *want)
{
    struct buf canonical = {.max_bytes = OUT_MAX};
    struct buf names = {.max_bytes = OUT_MAX};
    struct err err = {0};

    assert_true(sigv4_canonical_request(&c->vector->parsed.request, &c->vector->params, &canonical,
                                        &names, &err));
    assert_string_equal(buf_str(&canonical), want);
    assert_true(names.len > 0 && strstr(want, buf_str(&names)) != NULL);
    buf_free(&canonical);
    buf_free(&names);
}

/* From the canonical request that the case has, not from ours. */
static void check_string_to_sign(const struct check *c, const char *want)
{
    char canonical[FILE_MAX];
    struct buf out = {.max_bytes = OUT_MAX};
    struct err err = {0};

    read_expected(c, CANONICAL, canonical);
    assert_true(sigv4_string_to_sign(&c->vector->params, canonical, &out, &err));
    assert_string_equal(buf_str(&out), want);
    buf_free(&out);
}

static void check_signature(const struct check *c, const char *want)
{
    char to_sign[FILE_MAX];
    char hex[SIGV4_HEX_MAX];
    struct err err = {0};

    read_expected(c, STRING_TO_SIGN, to_sign);
    assert_true(sigv4_signature(&c->vector->params, to_sign, hex, &err));
    assert_string_equal(hex, want);
}

/* Takes one header with this name and value away. */
static void take_header(struct parsed *from, const char *name, const char *value)
{
    for (size_t i = 0; i < from->request.header_count; i++) {
        struct http_header *have = &from->headers[i];
        if (strcmp(have->name, name) == 0 && strcmp(have->value, value) == 0) {
            *have = from->headers[--from->request.header_count];
            return;
        }
    }
    fail_msg("no header %s: %s", name, value);
}

static void check_signed_headers(const struct check *c, struct parsed *want)
{
    const struct sigv4_request *request = &c->vector->parsed.request;
    struct sigv4_headers ours;
    struct err err = {0};

    assert_true(sigv4_sign(request, &c->vector->params, &ours, &err));
    for (size_t i = 0; i < request->header_count; i++) {
        take_header(want, request->headers[i].name, request->headers[i].value);
    }
    take_header(want, "X-Amz-Date", ours.date);
    take_header(want, "Authorization", secret_reveal(&ours.authorization));
    if (secret_is_set(&ours.session_token)) {
        take_header(want, "X-Amz-Security-Token", secret_reveal(&ours.session_token));
    }
    if (ours.body_hash[0] != '\0') {
        take_header(want, "x-amz-content-sha256", ours.body_hash);
    }
    assert_int_equal(want->request.header_count, 0);
    sigv4_headers_free(&ours);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The pairs of a query in a row, by bytes. */
static void sort_pairs(const char *query, char out[FILE_MAX])
{
    static char copy[FILE_MAX];
    const char *pairs[64];
    size_t count = 0;
    size_t used = 0;

    (void)snprintf(copy, sizeof(copy), "%s", query);
    for (char *at = copy; at != NULL && count < ARRAY_LEN(pairs);) {
        pairs[count++] = at;
        at = strchr(at, '&');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    qsort(pairs, count, sizeof(pairs[0]), compare_texts);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, FILE_MAX - used, "%s&", pairs[i]);
        assert_true(used < FILE_MAX);
    }
}

static void check_signed_query(const struct check *c, const struct parsed *want)
{
    const struct sigv4_request *request = &c->vector->parsed.request;
    struct secret query = {0};
    struct err err = {0};
    static char got_pairs[FILE_MAX];
    static char want_pairs[FILE_MAX];

    assert_true(sigv4_presign(request, &c->vector->params, &query, &err));
    sort_pairs(secret_reveal(&query), got_pairs);
    sort_pairs(want->request.query, want_pairs);
    assert_string_equal(got_pairs, want_pairs);
    assert_memory_equal(secret_reveal(&query), request->query, strlen(request->query));
    assert_string_equal(request->path, want->request.path);
    secret_free(&query);
}

static void check_signed(const struct check *c)
{
    static struct parsed want;

    memset(&want, 0, sizeof(want));
    read_expected(c, SIGNED, want.text);
    assert_true(parse_request(&want));
    if (c->how == SIGV4_HEADERS) {
        check_signed_headers(c, &want);
    } else {
        check_signed_query(c, &want);
    }
}

static void check_vector(void **state)
{
    const struct check *c = *state;
    char want[FILE_MAX];

    if (c->vector->problem != NULL) {
        fail_msg("%s: cannot read %s", c->vector->name, c->vector->problem);
    }
    c->vector->params.how = c->how;
    read_expected(c, c->stage, want);
    switch (c->stage) {
    case CANONICAL:
        check_canonical(c, want);
        break;
    case STRING_TO_SIGN:
        check_string_to_sign(c, want);
        break;
    case SIGNATURE:
        check_signature(c, want);
        break;
    case SIGNED:
        check_signed(c);
        break;
    }
}

static size_t add_checks(struct CMUnitTest *tests, struct check *checks)
{
    size_t count = 0;

    for (size_t i = 0; i < vector_count; i++) {
        for (size_t k = 0; k < CHECKS; k++, count++) {
            struct check *c = &checks[count];
            c->vector = vectors[i];
            c->how = k % 2 == 0 ? SIGV4_HEADERS : SIGV4_QUERY;
            c->stage = (enum stage)(k / 2);
            (void)snprintf(c->name, sizeof(c->name), "%s, %s, %s", c->vector->name,
                           how_files[c->how], stage_files[c->stage]);
            tests[count] =
                (struct CMUnitTest){.name = c->name, .test_func = check_vector, .initial_state = c};
        }
    }
    return count;
}

int main(void)
{
    static struct CMUnitTest tests[CASES_MAX * CHECKS + 1];
    static struct check checks[CASES_MAX * CHECKS];

    load_vectors();
    size_t count = add_checks(tests, checks);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(the_vectors_are_there);
    /* Not the macro: it would take the size of the whole array. */
    int failed = _cmocka_run_group_tests("sigv4", tests, count, NULL, NULL);
    free_vectors();
    return failed;
}
