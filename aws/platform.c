#include "aws/platform.h"

#include "aws/env.h"
#include "aws/json.h"
#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define PART 4096 /* bytes read at a time */

struct real_platform {
    int wake_fd;
};

static int wake_fd_of(const void *arg)
{
    return ((const struct real_platform *)arg)->wake_fd;
}

static const char *real_variable(void *arg, const char *name)
{
    (void)arg;
    return aws_env_get(name);
}

/* --- files ----------------------------------------------------------------------------------- */

static bool cannot_read(const char *path, struct err *err)
{
    (void)err_set_errno(err, "cannot read %.512s", path);
    err->kind = ERR_USAGE;
    return false;
}

/* A pipe may have nothing to read for as long as its writer likes. */
static bool wait_readable(int fd, int wake_fd, const char *path, struct err *err)
{
    struct pollfd fds[] = {
        {.fd = fd,      .events = POLLIN},
        {.fd = wake_fd, .events = POLLIN}
    };
    int ready = 0;

    do {
        ready = poll(fds, 2, -1);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) {
        return cannot_read(path, err);
    }
    if (fds[1].revents != 0) {
        return err_set(err, ERR_CANCELLED, "stopped while reading %.512s", path);
    }
    return true;
}

/* One part of the file; *got is 0 at its end. */
static bool read_part(int fd, int wake_fd, const char *path, struct secret *out, size_t *got,
                      struct err *err)
{
    char part[PART];
    ssize_t len = 0;

    if (!wait_readable(fd, wake_fd, path, err)) {
        return false;
    }
    do {
        len = read(fd, part, sizeof part);
    } while (len < 0 && errno == EINTR);
    if (len < 0) {
        return cannot_read(path, err);
    }
    *got = (size_t)len;
    bool kept = secret_append(out, part, *got, err);
    secret_wipe(part, *got);
    return kept;
}

static bool read_all(int fd, int wake_fd, const char *path, size_t bytes_max, struct secret *out,
                     struct err *err)
{
    size_t got = 1;

    while (got > 0) {
        if (!read_part(fd, wake_fd, path, out, &got, err)) {
            return false;
        }
        if (out->len > bytes_max) {
            return err_set(err, ERR_USAGE, "%.512s has more than %zu bytes", path, bytes_max);
        }
    }
    return true;
}

static bool real_read_file(void *arg, const char *path, size_t bytes_max, struct secret *out,
                           bool *found, struct err *err)
{
    struct secret content = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        *found = false;
        return true;
    }
    if (fd < 0 && errno == EINTR) { /* a pipe that nobody writes to, and a signal */
        return err_set(err, ERR_CANCELLED, "stopped while opening %.512s", path);
    }
    if (fd < 0) {
        return cannot_read(path, err);
    }
    bool read = read_all(fd, wake_fd_of(arg), path, bytes_max, &content, err);
    (void)close(fd);
    if (!read) {
        secret_free(&content);
        return false;
    }
    secret_free(out);
    *out = content;
    *found = true;
    return true;
}

/* --- the network, the clocks and waiting ----------------------------------------------------- */

static bool real_send(void *arg, const struct http_request *request, struct http_reply *reply,
                      struct err *err)
{
    struct http_request interruptible = *request;

    interruptible.wake_fd = wake_fd_of(arg);
    return http_send(&interruptible, reply, err);
}

static int64_t real_wall_ms(void *arg)
{
    (void)arg;
    return clock_wall_ms();
}

static uint64_t real_mono_ns(void *arg)
{
    (void)arg;
    return clock_mono_ns();
}

static uint64_t real_random(void *arg)
{
    (void)arg;
    return rng_entropy();
}

/* Rounded up, so that what is left of a millisecond is not waited for in a spin. */
static int left_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t left = now_ns < deadline_ns ? (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;

    return left > INT_MAX ? INT_MAX : (int)left;
}

static bool real_wait(void *arg, uint64_t wait_ms)
{
    struct pollfd wake = {.fd = wake_fd_of(arg), .events = POLLIN};
    uint64_t now_ns = clock_mono_ns();
    uint64_t room_ms = (UINT64_MAX - now_ns) / NS_PER_MS;
    uint64_t deadline_ns = now_ns + (wait_ms < room_ms ? wait_ms : room_ms) * NS_PER_MS;

    for (;;) {
        int ms = left_ms(deadline_ns);
        int ready = poll(&wake, 1, ms);
        if (ready > 0) {
            return false;
        }
        if (ready == 0 && ms == 0) {
            return true;
        }
    }
}

/* --- start and end --------------------------------------------------------------------------- */

bool aws_platform_open(int wake_fd, struct aws_platform *out, struct err *err)
{
    struct real_platform *real = malloc(sizeof *real);
    if (real == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    real->wake_fd = wake_fd;

    /* OpenSSL takes memory functions only before its first use, and libcurl uses it at its start.
     */
    sigv4_wipe_memory();
    aws_json_open();
    if (!http_open(err)) {
        free(real);
        return false;
    }
    aws_env_open();
    *out = (struct aws_platform){.arg = real,
                                 .variable = real_variable,
                                 .read_file = real_read_file,
                                 .send = real_send,
                                 .wall_ms = real_wall_ms,
                                 .mono_ns = real_mono_ns,
                                 .random = real_random,
                                 .wait = real_wait};
    return true;
}

void aws_platform_close(struct aws_platform *p)
{
    if (p == NULL || p->arg == NULL) {
        return;
    }
    aws_env_close();
    http_close();
    free(p->arg);
    *p = (struct aws_platform){0};
}

const char *aws_variable(const struct aws_platform *p, const char *name)
{
    const char *value = p->variable(p->arg, name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}
