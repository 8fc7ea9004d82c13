/* close_range. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "job/holder.h"

#include "base/clock.h"
#include "base/str.h"
#include "job/holder_wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_FD  0
#define OUT_FD 1

static bool read_all(char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = read(IN_FD, bytes, len);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        bytes += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
    return true;
}

/* The connection string in it may hold a password. */
static void drop_order(char *bytes, size_t size)
{
    if (bytes != NULL) {
        secret_wipe(bytes, size);
    }
    free(bytes);
}

/* The order's fields point into the returned memory. NULL: the loader is gone, or talks nonsense.
 */
static char *read_order(const char *fields[HOLDER_FIELDS], size_t *len)
{
    uint64_t size = 0;
    if (!read_all((char *)&size, sizeof size) || size == 0 || size > HOLDER_ORDER_MAX) {
        return NULL;
    }
    char *bytes = calloc(1, (size_t)size);
    if (bytes == NULL || !read_all(bytes, (size_t)size) || bytes[size - 1] != '\0') {
        drop_order(bytes, (size_t)size);
        return NULL;
    }
    char *at = bytes;
    for (size_t i = 0; i < HOLDER_FIELDS; i++) {
        if (at >= bytes + size) {
            drop_order(bytes, (size_t)size);
            return NULL;
        }
        fields[i] = at;
        at += strlen(at) + 1;
    }
    *len = (size_t)size;
    return bytes;
}

static void answer(const char *text)
{
    ssize_t ignored = write(OUT_FD, text, strlen(text)); /* the loader's death is seen on IN_FD */
    (void)ignored;
}

static bool open_source(const char *const fields[HOLDER_FIELDS], struct pg **pg, struct err *err)
{
    struct pg_target target = {.side = "source"};
    bool ok = secret_set(&target.conninfo, fields[HOLDER_CONNINFO], err) &&
              pg_open(&target, fields[HOLDER_APPLICATION], IN_FD, pg, err);
    secret_free(&target.conninfo);
    return ok;
}

static bool hold(const char *const fields[HOLDER_FIELDS], struct pg *pg, char id[SNAPSHOT_ID_MAX],
                 struct err *err)
{
    struct snapshot_identity s = {.visible = str_copy(fields[HOLDER_VISIBLE])};
    (void)snprintf(s.id, sizeof s.id, "%s", fields[HOLDER_SNAPSHOT]);
    (void)snprintf(s.system, sizeof s.system, "%s", fields[HOLDER_SYSTEM]);
    (void)snprintf(s.started, sizeof s.started, "%s", fields[HOLDER_STARTED]);

    /* Nothing more comes in before "ready"; readable now would mean that the loader is gone. */
    bool ok = (s.visible != NULL || err_set(err, ERR_SYSTEM, "out of memory")) &&
              session_pin(pg, fields[HOLDER_ENCODING], err) && snapshot_import(pg, &s, err) &&
              snapshot_export(pg, id, err) &&
              (fields[HOLDER_LOCKS][0] == '\0' || pg_exec(pg, fields[HOLDER_LOCKS], err));
    snapshot_identity_free(&s);
    return ok;
}

/* Until the source connection ends, the loader says go, or the time after its death is over. */
static void wait_for_the_end(const struct pg *pg, uint64_t hold_ms)
{
    uint64_t deadline_ns = UINT64_MAX;
    struct pollfd p[2] = {
        {.fd = pg_socket(pg), .events = POLLIN},
        {.fd = IN_FD,         .events = POLLIN},
    };
    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= deadline_ns) {
            return;
        }
        uint64_t left_ms =
            deadline_ns == UINT64_MAX ? INT_MAX : (deadline_ns - now_ns) / NS_PER_MS + 1;
        int n = poll(p, 2, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
        if (n < 0 && errno != EINTR) {
            return;
        }
        if (n > 0 && p[0].revents != 0) {
            return; /* an idle connection has nothing to say but that it ends */
        }
        if (n > 0 && p[1].revents != 0) {
            char word;
            if (read(IN_FD, &word, 1) == 1) {
                return;
            }
            p[1].fd = -1;
            deadline_ns = now_ns + hold_ms * NS_PER_MS;
        }
    }
}

int holder_main(void)
{
    const char *fields[HOLDER_FIELDS];
    char id[SNAPSHOT_ID_MAX];
    char line[ERR_MSG_MAX + 64];
    struct err err = {.kind = ERR_NONE};
    struct pg *pg = NULL;
    size_t len = 0;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)close_range(3, UINT_MAX, 0); /* whatever the user's shell had open is not ours to hold */
    char *order = read_order(fields, &len);
    if (order == NULL) {
        return EXIT_FAILURE;
    }
    uint64_t hold_ms = strtoull(fields[HOLDER_HOLD_MS], NULL, 10);
    bool open = open_source(fields, &pg, &err);
    bool ok = open && hold(fields, pg, id, &err);
    drop_order(order, len);
    if (ok) {
        (void)snprintf(line, sizeof line, "ready %s %d\n", id, pg_backend_pid(pg));
    } else {
        const char *word = !open && err.kind == ERR_AUTH ? HOLDER_REFUSED : "error";
        (void)snprintf(line, sizeof line, "%s %d %s\n", word, (int)err.kind, err.msg);
    }
    answer(line);
    if (ok) {
        int ignored = chdir("/"); /* relative paths of certificates are no longer needed */
        (void)ignored;
        wait_for_the_end(pg, hold_ms);
    }
    pg_close(pg);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
