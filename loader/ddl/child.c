/* pipe2 and environ. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "ddl/child.h"

#include "base/cleanup.h"
#include "base/hardening.h"
#include "base/secret.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES 65536u

const char *child_path(void)
{
    for (char **e = environ; *e != NULL; e++) {
        if (strncmp(*e, "PATH=", 5) == 0) {
            return *e + 5;
        }
    }
    return "";
}

/* ---- its environment ---- */

/* Messages are looked at by words, so they have to be in English. */
static char **make_environment(char *password)
{
    char **kept = child_environment(environ);
    size_t n = 0;
    size_t count = 0;
    while (kept != NULL && kept[count] != NULL) {
        count++;
    }
    char **all = kept == NULL ? NULL : calloc(count + 3, sizeof *all);
    for (size_t i = 0; all != NULL && i < count; i++) {
        bool ours = strncmp(kept[i], "LC_ALL=", 7) == 0 || strncmp(kept[i], "PG_COLOR=", 9) == 0;
        if (!ours) {
            all[n++] = kept[i];
        }
    }
    if (all != NULL) {
        static char language[] = "LC_ALL=C";
        all[n++] = language;
        all[n] = password;
    }
    free(kept);
    return all;
}

static char *password_entry(const char *password, size_t *size)
{
    *size = strlen("PGPASSWORD=") + strlen(password) + 1;
    char *entry = malloc(*size);
    if (entry != NULL) {
        (void)snprintf(entry, *size, "PGPASSWORD=%s", password);
    }
    return entry;
}

/* ---- starting ---- */

struct ends {
    int out[2];
    int said[2];
};

static void close_ends(struct ends *e)
{
    int *all[] = {&e->out[0], &e->out[1], &e->said[0], &e->said[1]};
    for (size_t i = 0; i < 4; i++) {
        if (*all[i] >= 0) {
            (void)close(*all[i]);
        }
        *all[i] = -1;
    }
}

static bool start(const struct child *c, const struct ends *e, pid_t *pid, struct err *err)
{
    size_t size = 0;
    char *entry = c->password == NULL ? NULL : password_entry(c->password, &size);
    if (c->password != NULL && entry == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    CLEANUP_FREE char **environment = make_environment(entry);
    struct spawn s = {
        .path = c->argv[0],
        .argv = c->argv,
        .environment = environment,
        .fds = {c->in_fd, c->out_fd >= 0 ? c->out_fd : e->out[1], e->said[1]}
    };
    int rc = environment == NULL ? ENOMEM : spawn_child(&s, pid);
    if (entry != NULL) {
        secret_wipe(entry, size);
    }
    free(entry);
    errno = rc;
    return rc == 0 || err_set_errno(err, "cannot start %s", c->argv[0]);
}

/* ---- reading ---- */

/* Only the end of what it says is kept. */
static void keep_said(char said[CHILD_SAID_MAX], const char *bytes, size_t len)
{
    size_t have = strlen(said);
    if (len >= CHILD_SAID_MAX) {
        bytes += len - (CHILD_SAID_MAX - 1);
        len = CHILD_SAID_MAX - 1;
    }
    if (have + len >= CHILD_SAID_MAX) {
        size_t drop = have + len - (CHILD_SAID_MAX - 1);
        memmove(said, said + drop, have - drop);
        have -= drop;
    }
    memcpy(said + have, bytes, len);
    said[have + len] = '\0';
}

/* False: it has ended. */
static bool read_some(int fd, struct buf *out, char *said)
{
    char bytes[READ_BYTES];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) {
        return true;
    }
    if (n > 0 && out != NULL) {
        buf_add(out, bytes, (size_t)n);
    } else if (n > 0) {
        keep_said(said, bytes, (size_t)n);
    }
    return n > 0;
}

static bool pump(const struct child *c, struct ends *e, int wake_fd, char *said, struct err *err)
{
    struct pollfd p[3] = {
        {.fd = c->out_fd >= 0 ? -1 : e->out[0], .events = POLLIN},
        {.fd = e->said[0],                      .events = POLLIN},
        {.fd = wake_fd,                         .events = POLLIN},
    };
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 3, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return err_set_errno(err, "poll");
        }
        if (p[2].revents != 0) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
        if (p[0].fd >= 0 && p[0].revents != 0 && !read_some(p[0].fd, c->out, said)) {
            p[0].fd = -1;
        }
        if (p[1].fd >= 0 && p[1].revents != 0 && !read_some(p[1].fd, NULL, said)) {
            p[1].fd = -1;
        }
        if (c->out != NULL && c->out->failed) {
            return err_set(err, ERR_SYSTEM, "%s writes more than there is room for", c->argv[0]);
        }
    }
    return true;
}

static void fold(char *said)
{
    size_t len = strlen(said);
    while (len > 0 && said[len - 1] == '\n') {
        said[--len] = '\0';
    }
    for (size_t i = 0; i < len; i++) {
        said[i] = (char)((unsigned char)said[i] < ' ' ? ' ' : said[i]);
    }
}

static void reap(pid_t pid, bool ok, int *status)
{
    int how = 0;
    if (!ok) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128;
}

bool child_run(const struct child *c, int wake_fd, int *status, char said[CHILD_SAID_MAX],
               struct err *err)
{
    struct ends e = {
        .out = {-1, -1},
          .said = {-1, -1}
    };
    pid_t pid = 0;
    said[0] = '\0';
    if (pipe2(e.out, O_CLOEXEC) != 0 || pipe2(e.said, O_CLOEXEC) != 0) {
        (void)err_set_errno(err, "pipe");
        close_ends(&e);
        return false;
    }
    if (!start(c, &e, &pid, err)) {
        close_ends(&e);
        return false;
    }
    (void)close(e.out[1]);
    (void)close(e.said[1]);
    e.out[1] = -1;
    e.said[1] = -1;
    bool ok = pump(c, &e, wake_fd, said, err);
    close_ends(&e);
    reap(pid, ok, status);
    fold(said);
    return ok;
}
