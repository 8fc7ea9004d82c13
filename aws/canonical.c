#include "aws/canonical.h"

#include "aws/uri.h"
#include "base/cleanup.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

void text_open(struct buf *b, size_t max_bytes)
{
    static const char zeros[1024];

    buf_init(b, max_bytes);
    while (!b->failed && b->len < max_bytes) {
        size_t left = max_bytes - b->len;
        buf_add(b, zeros, left < sizeof(zeros) ? left : sizeof(zeros));
    }
    if (!b->failed) {
        buf_clear(b);
    }
}

void text_free(struct buf *b)
{
    if (b != NULL && b->data != NULL) {
        secret_wipe(b->data, b->room);
    }
    buf_free(b);
}

/* Takes the last segment off a path that has grown from start on. */
static size_t without_last(const char *path, size_t start, size_t len)
{
    while (len > start && path[len - 1] != '/') {
        len--;
    }
    return len > start ? len - 1 : start;
}

/* path without empty segments, "." and ".."; out has room for as many bytes as path and one more.
 * Neither a dot at the end nor two leave a slash behind: so do the other signers. */
static void remove_dots(const char *path, char *out)
{
    size_t len = 0;
    const char *at = path;

    while (*at != '\0') {
        size_t segment = strcspn(at, "/");
        if (segment == 2 && strncmp(at, "..", 2) == 0) {
            len = without_last(out, 0, len);
        } else if (segment > 0 && (segment != 1 || *at != '.')) {
            out[len] = '/';
            memcpy(out + len + 1, at, segment);
            len += segment + 1;
        }
        at += segment + (at[segment] == '/' ? 1 : 0);
    }
    if (len == 0 || (at > path && at[-1] == '/')) {
        out[len++] = '/';
    }
    out[len] = '\0';
}

void canonical_path(struct buf *out, const char *path, enum canonical_path how)
{
    if (how == PATH_RAW) {
        buf_puts(out, path);
        return;
    }
    if (how == PATH_KEPT) {
        uri_encode(out, path, strlen(path), URI_KEEP_SLASH);
        return;
    }
    CLEANUP_FREE char *clean = malloc(strlen(path) + 3);
    if (clean == NULL) {
        out->failed = true;
        return;
    }
    remove_dots(path, clean);
    uri_encode(out, clean, strlen(clean), URI_KEEP_SLASH);
}

struct param {
    const char *name; /* both encoded */
    const char *value;
};

static int compare_params(const void *a, const void *b)
{
    const struct param *left = a;
    const struct param *right = b;
    int by_name = strcmp(left->name, right->name);

    return by_name != 0 ? by_name : strcmp(left->value, right->value);
}

static void recode(struct buf *out, struct buf *decoded, const char *text, size_t len)
{
    buf_clear(decoded);
    uri_decode(decoded, text, len);
    uri_encode(out, buf_str(decoded), decoded->len, URI_ENCODE_SLASH);
    buf_add(out, "", 1);
}

/* Appends name, zero byte, value, zero byte for each parameter, and returns how many there are. */
static size_t split_query(struct buf *out, struct buf *decoded, const char *query)
{
    size_t count = 0;

    for (const char *at = query; *at != '\0';) {
        size_t len = strcspn(at, "&");
        size_t name = strcspn(at, "&=");
        size_t value = name < len ? name + 1 : len;
        if (len > 0) {
            recode(out, decoded, at, name);
            recode(out, decoded, at + value, len - value);
            count++;
        }
        at += len + (at[len] == '&' ? 1 : 0);
    }
    return count;
}

static bool write_sorted(struct buf *out, const char *split, size_t count, struct err *err)
{
    CLEANUP_FREE struct param *params = calloc(count, sizeof(*params));
    if (params == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        params[i].name = split;
        params[i].value = split + strlen(split) + 1;
        split = params[i].value + strlen(params[i].value) + 1;
    }
    qsort(params, count, sizeof(*params), compare_params);
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i == 0 ? "" : "&");
        buf_puts(out, params[i].name);
        buf_puts(out, "=");
        buf_puts(out, params[i].value);
    }
    return buf_ok(out, err);
}

bool canonical_query(struct buf *out, const char *query, struct err *err)
{
    size_t len = strlen(query);
    CLEANUP(text_free) struct buf split = {0};
    CLEANUP(text_free) struct buf decoded = {0};

    /* A byte is three at most, and each of at most len parameters ends twice. */
    text_open(&split, 5 * len + 2);
    text_open(&decoded, len);
    size_t count = split_query(&split, &decoded, query);
    if (!buf_ok(&split, err) || !buf_ok(&decoded, err)) {
        return false;
    }
    return count == 0 ? buf_ok(out, err) : write_sorted(out, buf_str(&split), count, err);
}

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c;
}

static int compare_names(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

bool same_header(const char *a, const char *b)
{
    return compare_names(a, b) == 0;
}

static bool is_left_out(const char *name)
{
    static const char *const names[] = {"connection", "expect",     "transfer-encoding",
                                        "upgrade",    "user-agent", "x-amzn-trace-id"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (same_header(name, names[i])) {
            return true;
        }
    }
    return false;
}

struct sorted {
    const struct http_header *header;
};

/* Headers of one name keep their order: they stand in one array, so addresses tell it. */
static int compare_headers(const void *a, const void *b)
{
    const struct http_header *left = ((const struct sorted *)a)->header;
    const struct http_header *right = ((const struct sorted *)b)->header;
    int by_name = compare_names(left->name, right->name);

    if (by_name != 0) {
        return by_name;
    }
    return left < right ? -1 : left > right;
}

static void add_lower(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        char c = lower(*text);
        buf_add(out, &c, 1);
    }
}

static void add_trimmed(struct buf *out, const char *value)
{
    static const char blanks[] = " \t\r\n\v\f";
    const char *at = value + strspn(value, blanks);

    while (*at != '\0') {
        size_t word = strcspn(at, blanks);
        buf_add(out, at, word);
        at += word;
        at += strspn(at, blanks);
        buf_puts(out, *at == '\0' ? "" : " ");
    }
}

static void write_headers(struct buf *lines, struct buf *names, const struct sorted *sorted,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = sorted[i].header->name;
        bool again = i > 0 && same_header(name, sorted[i - 1].header->name);
        if (again) {
            buf_puts(lines, ",");
        } else {
            buf_puts(lines, i == 0 ? "" : "\n");
            add_lower(lines, name);
            buf_puts(lines, ":");
            buf_puts(names, i == 0 ? "" : ";");
            add_lower(names, name);
        }
        add_trimmed(lines, sorted[i].header->value);
    }
    buf_puts(lines, count == 0 ? "" : "\n");
}

bool canonical_headers(struct buf *lines, struct buf *names, const struct http_header *headers,
                       size_t count, struct err *err)
{
    size_t kept = 0;
    CLEANUP_FREE struct sorted *sorted = calloc(count + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_left_out(headers[i].name)) {
            sorted[kept++].header = &headers[i];
        }
    }
    qsort(sorted, kept, sizeof(*sorted), compare_headers);
    write_headers(lines, names, sorted, kept);
    return buf_ok(lines, err) && buf_ok(names, err);
}
