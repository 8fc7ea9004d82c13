#include "tests/support/fake_platform.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_NS (UINT64_C(20) * NS_PER_S)

struct fake_variable {
    char *name;
    char *value;
};

struct fake_file {
    char *path;
    char *bytes; /* NULL: no such file */
    size_t len;
    bool forbidden;
    unsigned reads;
};

struct fake_platform {
    struct aws_platform platform;

    struct mutex lock; /* guards the rest */
    struct cond changed;
    struct fake_variable variables[FAKE_VARIABLES_MAX]; /* the last of a name is in force */
    size_t variable_count;
    struct fake_file files[FAKE_FILES_MAX];
    size_t file_count;
    struct fake_reply replies[FAKE_REPLIES_MAX];
    size_t reply_count;
    size_t next;
    struct fake_request requests[FAKE_REQUESTS_MAX];
    size_t request_count;
    uint64_t waits[FAKE_WAITS_MAX];
    size_t wait_count;
    int64_t wall_ms;
    uint64_t mono_ms;
    struct rng rng;
    bool random_set;
    uint64_t random;
    bool stopped;
    bool holding;
    unsigned held;
    char wrong[300];
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "fake platform: %s\n", what);
        abort();
    }
}

/* bytes may be NULL when len is 0. */
static char *copy_bytes(const void *bytes, size_t len)
{
    char *result = malloc(len + 1);
    must(result != NULL, "out of memory");
    if (bytes != NULL) {
        memcpy(result, bytes, len);
    }
    result[len] = '\0';
    return result;
}

static char *copy(const char *text)
{
    return copy_bytes(text, strlen(text));
}

static char *copy_if(const char *text)
{
    return text == NULL ? NULL : copy(text);
}

static void wrong_locked(struct fake_platform *f, const char *what, const char *wanted,
                         const struct fake_request *got)
{
    if (f->wrong[0] == '\0') {
        (void)snprintf(f->wrong, sizeof f->wrong, "request %zu, %s %.100s: %s %.100s",
                       f->request_count, got->method, got->url, what, wanted);
    }
}

static void advance_locked(struct fake_platform *f, uint64_t ms)
{
    f->wall_ms += (int64_t)ms;
    f->mono_ms += ms;
}

/* ---- variables and files ---- */

static const char *get_variable(void *arg, const char *name)
{
    struct fake_platform *f = arg;
    const char *value = NULL;

    mutex_lock(&f->lock);
    for (size_t i = f->variable_count; i > 0; i--) {
        if (strcmp(f->variables[i - 1].name, name) == 0) {
            value = f->variables[i - 1].value;
            break;
        }
    }
    mutex_unlock(&f->lock);
    return value;
}

void fake_platform_variable(struct fake_platform *f, const char *name, const char *value)
{
    mutex_lock(&f->lock);
    must(f->variable_count < FAKE_VARIABLES_MAX, "too many variables");
    f->variables[f->variable_count++] =
        (struct fake_variable){.name = copy(name), .value = copy_if(value)};
    mutex_unlock(&f->lock);
}

static struct fake_file *find_file_locked(struct fake_platform *f, const char *path)
{
    for (size_t i = 0; i < f->file_count; i++) {
        if (strcmp(f->files[i].path, path) == 0) {
            return &f->files[i];
        }
    }
    return NULL;
}

/* bytes becomes the table's. */
static void set_file(struct fake_platform *f, const char *path, char *bytes, size_t len,
                     bool forbidden)
{
    mutex_lock(&f->lock);
    struct fake_file *file = find_file_locked(f, path);
    if (file == NULL) {
        must(f->file_count < FAKE_FILES_MAX, "too many files");
        file = &f->files[f->file_count++];
        *file = (struct fake_file){.path = copy(path)};
    }
    free(file->bytes);
    file->bytes = bytes;
    file->len = len;
    file->forbidden = forbidden;
    mutex_unlock(&f->lock);
}

void fake_platform_file(struct fake_platform *f, const char *path, const char *text)
{
    set_file(f, path, copy_if(text), text == NULL ? 0 : strlen(text), false);
}

void fake_platform_file_bytes(struct fake_platform *f, const char *path, const void *bytes,
                              size_t len)
{
    set_file(f, path, copy_bytes(bytes, len), len, false);
}

void fake_platform_file_forbidden(struct fake_platform *f, const char *path)
{
    set_file(f, path, NULL, 0, true);
}

unsigned fake_platform_file_reads(struct fake_platform *f, const char *path)
{
    mutex_lock(&f->lock);
    const struct fake_file *file = find_file_locked(f, path);
    unsigned reads = file == NULL ? 0 : file->reads;
    mutex_unlock(&f->lock);
    return reads;
}

static bool read_locked(struct fake_file *file, size_t bytes_max, struct secret *out, bool *found,
                        struct err *err)
{
    if (file == NULL || (file->bytes == NULL && !file->forbidden)) {
        *found = false;
        return true;
    }
    file->reads++;
    if (file->forbidden) {
        return err_set(err, ERR_USAGE, "%s: cannot be read: Permission denied", file->path);
    }
    if (file->len > bytes_max) {
        return err_set(err, ERR_USAGE, "%s: is larger than %zu bytes", file->path, bytes_max);
    }
    if (!secret_set_bytes(out, file->bytes, file->len, err)) {
        return false;
    }
    *found = true;
    return true;
}

static bool read_file(void *arg, const char *path, size_t bytes_max, struct secret *out,
                      bool *found, struct err *err)
{
    struct fake_platform *f = arg;

    mutex_lock(&f->lock);
    bool ok = read_locked(find_file_locked(f, path), bytes_max, out, found, err);
    mutex_unlock(&f->lock);
    return ok;
}

/* ---- requests ---- */

/* The reply that the script has for a request; NULL, and a wrong, when it has none. */
static const struct fake_reply *pick_locked(struct fake_platform *f,
                                            const struct fake_request *request)
{
    const char *what = "the script has ended";
    const char *wanted = "";

    for (; f->next < f->reply_count; f->next++) {
        const struct fake_reply *reply = &f->replies[f->next];
        what = fake_reply_mismatch(reply, request, &wanted);
        if (what == NULL) {
            f->next += reply->repeats ? 0 : 1;
            return reply;
        }
        if (!reply->repeats) {
            break;
        }
    }
    wrong_locked(f, what, wanted, request);
    return NULL;
}

static char *header_lines(const struct http_request *request)
{
    struct buf text;
    struct err err = {0};

    buf_init(&text, 1u << 20);
    buf_puts(&text, "");
    for (size_t i = 0; i < request->header_count; i++) {
        buf_printf(&text, "%s: %s\n", request->headers[i].name, request->headers[i].value);
    }
    must(buf_ok(&text, &err), "headers too long");
    return buf_take(&text);
}

static const struct fake_request *record_locked(struct fake_platform *f,
                                                const struct http_request *request)
{
    must(f->request_count < FAKE_REQUESTS_MAX, "too many requests");
    struct fake_request *r = &f->requests[f->request_count++];
    *r = (struct fake_request){
        .method = copy(request->method),
        .url = copy(request->url),
        .headers = header_lines(request),
        .body = copy_bytes(request->body, request->body == NULL ? 0 : request->body_len),
        .body_len = request->body == NULL ? 0 : request->body_len,
        .connect_timeout_ms = request->connect_timeout_ms,
        .timeout_ms = request->timeout_ms,
        .reply_bytes_max = request->reply_bytes_max,
        .no_proxy = request->no_proxy,
        .ca_bundle = copy(request->ca_bundle == NULL ? "" : request->ca_bundle),
    };
    return r;
}

/* What the real one would refuse to send. */
static void inspect_locked(struct fake_platform *f, const struct fake_request *r)
{
    if (strncmp(r->url, "http://", 7) != 0 && strncmp(r->url, "https://", 8) != 0) {
        wrong_locked(f, "not an absolute URL", "", r);
    }
    if (strlen(r->url) >= HTTP_URL_MAX) {
        wrong_locked(f, "a URL that is too long", "", r);
    }
    if (strchr(r->headers, '\r') != NULL) {
        wrong_locked(f, "a line end in a header", "", r);
    }
}

/* False when the run was stopped meanwhile. */
static bool stand_in_line_locked(struct fake_platform *f) REQUIRES(f->lock)
{
    f->held++;
    cond_broadcast(&f->changed);
    while (f->holding && !f->stopped) {
        cond_wait(&f->changed, &f->lock);
    }
    f->held--;
    return !f->stopped;
}

static bool send_locked(struct fake_platform *f, const struct http_request *request,
                        struct http_reply *reply, struct err *err) REQUIRES(f->lock)
{
    const struct fake_request *r = record_locked(f, request);
    inspect_locked(f, r);
    if (f->holding && !stand_in_line_locked(f)) {
        return err_set(err, ERR_CANCELLED, "stopped");
    }
    const struct fake_reply *scripted = pick_locked(f, r);
    if (scripted == NULL) {
        return err_set(err, ERR_DATA, "the fake network did not expect %s %s", r->method, r->url);
    }
    advance_locked(f, scripted->takes_ms);
    return fake_reply_answer(scripted, request->reply_bytes_max, reply, err);
}

static bool send_request(void *arg, const struct http_request *request, struct http_reply *reply,
                         struct err *err)
{
    struct fake_platform *f = arg;

    mutex_lock(&f->lock);
    bool ok = send_locked(f, request, reply, err);
    mutex_unlock(&f->lock);
    return ok;
}

void fake_platform_expect(struct fake_platform *f, const struct fake_reply *reply)
{
    mutex_lock(&f->lock);
    must(f->reply_count < FAKE_REPLIES_MAX, "too many replies");
    struct fake_reply *slot = &f->replies[f->reply_count++];
    *slot = *reply;
    if (reply->body != NULL && reply->body_len == 0) {
        slot->body_len = strlen(reply->body);
    }
    slot->method = copy_if(reply->method);
    slot->url = copy_if(reply->url);
    slot->header = copy_if(reply->header);
    slot->body_has = copy_if(reply->body_has);
    slot->headers = copy_if(reply->headers);
    slot->body = copy_bytes(reply->body, slot->body_len);
    mutex_unlock(&f->lock);
}

size_t fake_platform_unanswered(struct fake_platform *f)
{
    size_t left = 0;

    mutex_lock(&f->lock);
    for (size_t i = f->next; i < f->reply_count; i++) {
        left += f->replies[i].repeats ? 0 : 1;
    }
    mutex_unlock(&f->lock);
    return left;
}

size_t fake_platform_requests(struct fake_platform *f)
{
    mutex_lock(&f->lock);
    size_t count = f->request_count;
    mutex_unlock(&f->lock);
    return count;
}

const struct fake_request *fake_platform_request(struct fake_platform *f, size_t index)
{
    mutex_lock(&f->lock);
    const struct fake_request *r = index < f->request_count ? &f->requests[index] : NULL;
    mutex_unlock(&f->lock);
    return r;
}

/* ---- time and chance ---- */

static int64_t wall_ms(void *arg)
{
    struct fake_platform *f = arg;

    mutex_lock(&f->lock);
    int64_t now = f->wall_ms;
    mutex_unlock(&f->lock);
    return now;
}

static uint64_t mono_ns(void *arg)
{
    struct fake_platform *f = arg;

    mutex_lock(&f->lock);
    uint64_t now = f->mono_ms * NS_PER_MS;
    mutex_unlock(&f->lock);
    return now;
}

static uint64_t chance(void *arg)
{
    struct fake_platform *f = arg;

    mutex_lock(&f->lock);
    uint64_t value = f->random_set ? f->random : rng_next(&f->rng);
    mutex_unlock(&f->lock);
    return value;
}

static bool wait_a_while(void *arg, uint64_t wait_ms)
{
    struct fake_platform *f = arg;

    mutex_lock(&f->lock);
    must(f->wait_count < FAKE_WAITS_MAX, "too many waits");
    f->waits[f->wait_count++] = wait_ms;
    bool waited = !f->stopped;
    if (waited) {
        advance_locked(f, wait_ms);
    }
    mutex_unlock(&f->lock);
    return waited;
}

void fake_platform_set_wall_ms(struct fake_platform *f, int64_t wall_ms_now)
{
    mutex_lock(&f->lock);
    f->wall_ms = wall_ms_now;
    mutex_unlock(&f->lock);
}

void fake_platform_advance_ms(struct fake_platform *f, uint64_t ms)
{
    mutex_lock(&f->lock);
    advance_locked(f, ms);
    mutex_unlock(&f->lock);
}

void fake_platform_set_random(struct fake_platform *f, uint64_t value)
{
    mutex_lock(&f->lock);
    f->random_set = true;
    f->random = value;
    mutex_unlock(&f->lock);
}

size_t fake_platform_waits(struct fake_platform *f)
{
    mutex_lock(&f->lock);
    size_t count = f->wait_count;
    mutex_unlock(&f->lock);
    return count;
}

uint64_t fake_platform_wait_ms(struct fake_platform *f, size_t index)
{
    mutex_lock(&f->lock);
    uint64_t ms = index < f->wait_count ? f->waits[index] : 0;
    mutex_unlock(&f->lock);
    return ms;
}

/* ---- holding, the start and the end ---- */

void fake_platform_stop(struct fake_platform *f)
{
    mutex_lock(&f->lock);
    f->stopped = true;
    cond_broadcast(&f->changed);
    mutex_unlock(&f->lock);
}

void fake_platform_hold(struct fake_platform *f)
{
    mutex_lock(&f->lock);
    f->holding = true;
    mutex_unlock(&f->lock);
}

void fake_platform_release(struct fake_platform *f)
{
    mutex_lock(&f->lock);
    f->holding = false;
    cond_broadcast(&f->changed);
    mutex_unlock(&f->lock);
}

bool fake_platform_wait_held(struct fake_platform *f, unsigned requests)
{
    uint64_t deadline_ns = clock_mono_ns() + WAIT_NS;
    bool in_time = true;

    mutex_lock(&f->lock);
    while (f->held < requests && in_time) {
        in_time = cond_wait_until(&f->changed, &f->lock, deadline_ns);
    }
    bool enough = f->held >= requests;
    mutex_unlock(&f->lock);
    return enough;
}

const char *fake_platform_wrong(struct fake_platform *f)
{
    return f->wrong;
}

const struct aws_platform *fake_platform_of(struct fake_platform *f)
{
    return &f->platform;
}

struct fake_platform *fake_platform_new(void)
{
    struct fake_platform *f = calloc(1, sizeof *f);
    must(f != NULL, "out of memory");

    f->platform = (struct aws_platform){
        .arg = f,
        .variable = get_variable,
        .read_file = read_file,
        .send = send_request,
        .wall_ms = wall_ms,
        .mono_ns = mono_ns,
        .random = chance,
        .wait = wait_a_while,
    };
    f->wall_ms = FAKE_WALL_MS;
    f->mono_ms = 1000;
    rng_seed(&f->rng, 1);
    mutex_init(&f->lock);
    cond_init(&f->changed);
    return f;
}

/* The script's own copies are not const. */
static void free_text(const char *text)
{
    union {
        const char *given;
        void *own;
    } u = {.given = text};
    free(u.own);
}

static void free_reply(struct fake_reply *r)
{
    const char *texts[] = {r->method, r->url, r->header, r->body_has, r->headers, r->body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free_text(texts[i]);
    }
}

static void free_request(struct fake_request *r)
{
    free(r->method);
    free(r->url);
    free(r->headers);
    free(r->body);
    free(r->ca_bundle);
}

void fake_platform_free(struct fake_platform *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->variable_count; i++) {
        free(f->variables[i].name);
        free(f->variables[i].value);
    }
    for (size_t i = 0; i < f->file_count; i++) {
        free(f->files[i].path);
        free(f->files[i].bytes);
    }
    for (size_t i = 0; i < f->reply_count; i++) {
        free_reply(&f->replies[i]);
    }
    for (size_t i = 0; i < f->request_count; i++) {
        free_request(&f->requests[i]);
    }
    cond_destroy(&f->changed);
    mutex_destroy(&f->lock);
    free(f);
}
