/* pipe2 and environ. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "job/holder.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/hardening.h"
#include "base/spawn.h"
#include "job/holder_wire.h"
#include "pg/login.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe" /* works also when the file was replaced since */

static bool make_pipes(int to[2], int from[2], struct err *err)
{
    if (pipe2(to, O_CLOEXEC) != 0) {
        return err_set_errno(err, "pipe");
    }
    if (pipe2(from, O_CLOEXEC) != 0) {
        (void)err_set_errno(err, "pipe");
        (void)close(to[0]);
        (void)close(to[1]);
        return false;
    }
    return true;
}

/* A new session keeps it from the terminal's Ctrl-C and hang-up; /dev/null as stderr keeps a pipe
 * that reads ours from waiting for it; worker threads have every signal blocked, it must not. */
static int spawn(int in, int out, pid_t *pid)
{
    char **plain = child_environment(environ);
    char *const argv[] = {(char[]){"sluice"}, (char[]){"holder"}, NULL};
    struct spawn s = {
        .path = SELF,
        .argv = argv,
        .environment = plain,
        .fds = {in, out, -1},
        .own_session = true
    };
    int rc = plain == NULL ? ENOMEM : spawn_child(&s, pid);
    free(plain);
    return rc;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
    return true;
}

static bool send_order(int fd, const struct holder_order *o, const struct secret *conninfo,
                       struct err *err)
{
    char hold[24];
    (void)snprintf(hold, sizeof hold, "%llu", (unsigned long long)o->hold_ms);
    const char *const fields[HOLDER_FIELDS] = {
        [HOLDER_CONNINFO] = secret_reveal(conninfo),
        [HOLDER_APPLICATION] = o->application_name,
        [HOLDER_ENCODING] = o->encoding,
        [HOLDER_SNAPSHOT] = o->snapshot->id,
        [HOLDER_VISIBLE] = o->snapshot->visible,
        [HOLDER_SYSTEM] = o->snapshot->system,
        [HOLDER_STARTED] = o->snapshot->started,
        [HOLDER_HOLD_MS] = hold,
        [HOLDER_LOCKS] = o->lock_sql,
    };
    uint64_t len = 0;
    for (size_t i = 0; i < HOLDER_FIELDS; i++) {
        len += strlen(fields[i]) + 1;
    }
    if (len > HOLDER_ORDER_MAX) {
        return err_set(err, ERR_SYSTEM, "too many tables for the snapshot holder to lock");
    }
    bool ok = write_all(fd, (const char *)&len, sizeof len);
    for (size_t i = 0; ok && i < HOLDER_FIELDS; i++) {
        ok = write_all(fd, fields[i], strlen(fields[i]) + 1);
    }
    return ok || err_set_errno(err, "telling the snapshot holder what to hold");
}

static bool parse_answer(char *line, struct holder *h, bool *refused, struct err *err)
{
    char *at = strchr(line, ' ');
    if (at == NULL) {
        return err_set(err, ERR_SYSTEM, "the snapshot holder ended before it held anything");
    }
    *at++ = '\0';
    if (strcmp(line, "ready") == 0) {
        char *pid = strchr(at, ' ');
        if (pid != NULL) {
            *pid++ = '\0';
            (void)snprintf(h->snapshot_id, sizeof h->snapshot_id, "%s", at);
            h->backend_pid = (int)strtol(pid, NULL, 10);
            return true;
        }
    }
    *refused = strcmp(line, HOLDER_REFUSED) == 0;
    long kind = strtol(at, &at, 10);
    return err_set(err, kind > 0 ? (enum err_kind)kind : ERR_SYSTEM, "snapshot holder:%s", at);
}

/* One line. Locks may take as long as they take, so only a signal ends the wait. */
static bool read_answer(int wake_fd, struct holder *h, bool *refused, struct err *err)
{
    char line[ERR_MSG_MAX + 64];
    size_t len = 0;
    struct pollfd p[2] = {
        {.fd = h->from_fd, .events = POLLIN},
        {.fd = wake_fd,    .events = POLLIN},
    };
    while (len + 1 < sizeof line) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            return err_set_errno(err, "poll");
        }
        if (p[1].revents != 0) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
        if (p[0].revents == 0) {
            continue;
        }
        ssize_t n = read(h->from_fd, line + len, 1);
        if (n <= 0 || line[len] == '\n') {
            break;
        }
        len++;
    }
    line[len] = '\0';
    return parse_answer(line, h, refused, err);
}

/* One that is to be started. */
struct starting {
    const struct holder_order *order;
    int wake_fd;
    struct holder *out;
};

/* refused: the source did not take the password. */
static bool start_once(void *self, const struct secret *conninfo, bool *refused, struct err *err)
{
    const struct starting *s = self;
    int to[2] = {-1, -1};
    int from[2] = {-1, -1};
    struct holder h = {.pid = 0};
    if (!make_pipes(to, from, err)) {
        return false;
    }
    int rc = spawn(to[0], from[1], &h.pid);
    (void)close(to[0]);
    (void)close(from[1]);
    h.to_fd = to[1];
    h.from_fd = from[0];
    if (rc != 0) {
        h.pid = 0;
        (void)close(to[1]);
        (void)close(from[0]);
        return err_set(err, ERR_SYSTEM, "cannot start the snapshot holder: error %d", rc);
    }
    if (!send_order(h.to_fd, s->order, conninfo, err) ||
        !read_answer(s->wake_fd, &h, refused, err)) {
        holder_dismiss(&h);
        return false;
    }
    *s->out = h;
    return true;
}

/* The holder knows nothing of AWS: it gets a whole connection string, and another one after a
 * refusal, as pg_open does for itself. */
bool holder_start(const struct holder_order *order, int wake_fd, struct holder *out,
                  struct err *err)
{
    const struct pg_target *target = order->target;
    struct starting s = {.order = order, .wake_fd = wake_fd, .out = out};
    bool refused = false;
    return target->auth == NULL ? start_once(&s, &target->conninfo, &refused, err)
                                : pg_login_each(target->auth, NULL, start_once, &s, err);
}

bool holder_is_gone(const struct holder *h)
{
    struct pollfd p = {.fd = h->from_fd, .events = POLLIN};
    return h->pid == 0 || poll(&p, 1, 0) > 0; /* it says nothing after "ready" */
}

void holder_leave(struct holder *h)
{
    if (h->pid != 0) {
        (void)close(h->to_fd);
        (void)close(h->from_fd);
        (void)waitpid(h->pid, NULL, WNOHANG);
    }
    *h = (struct holder){.pid = 0};
}

void holder_dismiss(struct holder *h)
{
    if (h->pid == 0) {
        return;
    }
    struct pollfd p = {.fd = h->from_fd, .events = POLLIN};
    (void)write_all(h->to_fd, HOLDER_GO, 1);
    if (poll(&p, 1, 1000) <= 0) {
        (void)kill(h->pid, SIGKILL);
    }
    (void)close(h->to_fd);
    (void)close(h->from_fd);
    (void)waitpid(h->pid, NULL, 0);
    *h = (struct holder){.pid = 0};
}
