/* eventfd and poll: Linux. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "flow/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * Relaxed order is enough for the level: nothing else is published through it, and whoever
 * must not miss a change waits on the descriptor, whose read and write order themselves.
 */
static struct {
    atomic_int level;
    int drain_fd;
    int abort_fd;
} stop = {.level = STOP_RUN, .drain_fd = -1, .abort_fd = -1};

static void ring(int fd)
{
    const uint64_t one = 1;
    if (fd >= 0) {
        ssize_t ignored = write(fd, &one, sizeof one); /* full means already readable */
        (void)ignored;
    }
}

void stop_raise(enum stop_level level)
{
    int before = atomic_load_explicit(&stop.level, memory_order_relaxed);
    while (before < (int)level &&
           !atomic_compare_exchange_weak_explicit(&stop.level, &before, (int)level,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    if (level >= STOP_DRAIN) {
        ring(stop.drain_fd);
    }
    if (level >= STOP_ABORT) {
        ring(stop.abort_fd);
    }
}

static void on_signal(int signo)
{
    (void)signo;
    int saved = errno;
    stop_raise(stop_level() == STOP_RUN ? STOP_DRAIN : STOP_ABORT);
    errno = saved;
}

bool stop_open(struct err *err)
{
    stop.drain_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    stop.abort_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop.drain_fd < 0 || stop.abort_fd < 0) {
        return err_set_errno(err, "cannot create an eventfd");
    }
    struct sigaction act = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction hangup;
    (void)sigemptyset(&act.sa_mask);
    if (sigaction(SIGINT, &act, NULL) != 0 || sigaction(SIGTERM, &act, NULL) != 0 ||
        sigaction(SIGHUP, NULL, &hangup) != 0 ||
        /* nohup means that the terminal may go. */
        (hangup.sa_handler != SIG_IGN && sigaction(SIGHUP, &act, NULL) != 0) ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return err_set_errno(err, "cannot install a signal handler");
    }
    return true;
}

enum stop_level stop_level(void)
{
    return (enum stop_level)atomic_load_explicit(&stop.level, memory_order_relaxed);
}

int stop_drain_fd(void)
{
    return stop.drain_fd;
}
int stop_abort_fd(void)
{
    return stop.abort_fd;
}

bool stop_wait(int fd, unsigned timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, (int)timeout_ms);
    return n == 0 || (n < 0 && errno == EINTR && stop_level() == STOP_RUN);
}
