/* forward.c: bytes from one side of a connection to the other, through pipes. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "tests/router_proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST_BYTES (4 << 20) /* of one direction, before another connection has its turn */

uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

void close_reset(int fd)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};

    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        (void)close(fd);
    }
}

void conn_close(struct proxy *p, struct conn *c, bool reset)
{
    if (c->dead) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (reset) {
            close_reset(c->sides[i].fd);
        } else {
            (void)close(c->sides[i].fd);
        }
        (void)close(c->ways[i].pipe[0]);
        (void)close(c->ways[i].pipe[1]);
    }
    c->at->now--;
    if (c->via != c->at) {
        c->via->now--;
    }
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        p->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    c->dead = true;
    c->next = p->dead;
    p->dead = c;
}

void conns_free_dead(struct proxy *p)
{
    while (p->dead != NULL) {
        struct conn *c = p->dead;
        p->dead = c->next;
        free(c);
    }
}

/* How many bytes one gate lets through now. */
static uint64_t allowance_of(struct router *r)
{
    if (r->rate == 0) {
        return UINT64_MAX;
    }
    uint64_t now = now_ns();
    uint64_t grown = (now - r->credited_ns) / 1000 * r->rate / (SECOND_NS / 1000);
    uint64_t most = r->rate / 20 + 1; /* 50 ms of it */
    if (grown > 0) {
        r->credit = r->credit + grown < most ? r->credit + grown : most;
        r->credited_ns = now;
    }
    return r->credit;
}

static size_t allowance(const struct conn *c)
{
    uint64_t a = allowance_of(c->at);
    uint64_t b = c->via == c->at ? UINT64_MAX : allowance_of(c->via);
    uint64_t least = a < b ? a : b;

    return least < PIPE_BYTES ? (size_t)least : PIPE_BYTES;
}

static void spend_at(struct router *r, uint64_t bytes)
{
    r->bytes += bytes;
    if (r->rate != 0) {
        r->credit -= bytes < r->credit ? bytes : r->credit;
    }
}

static void spend(const struct conn *c, uint64_t bytes)
{
    spend_at(c->at, bytes);
    if (c->via != c->at) {
        spend_at(c->via, bytes);
    }
}

enum step { STEP_ON, STEP_WAIT, STEP_BROKEN };

/* Only into an empty pipe: then EAGAIN can mean nothing but an empty socket. */
static enum step fill(struct conn *c, int w)
{
    struct side *from = &c->sides[w];
    size_t most = allowance(c);

    if (!from->readable || from->eof || most == 0) {
        return STEP_WAIT;
    }
    ssize_t n =
        splice(from->fd, NULL, c->ways[w].pipe[1], NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        c->ways[w].held = (size_t)n;
        spend(c, (uint64_t)n);
        return STEP_ON;
    }
    if (n < 0 && errno == EINTR) {
        return STEP_ON;
    }
    if (n < 0 && errno != EAGAIN) {
        return STEP_BROKEN;
    }
    from->eof = n == 0;
    from->readable = false;
    return STEP_WAIT;
}

static enum step drain(struct conn *c, int w)
{
    struct side *to = &c->sides[1 - w];

    if (!to->writable) {
        return STEP_WAIT;
    }
    ssize_t n = splice(c->ways[w].pipe[0], NULL, to->fd, NULL, c->ways[w].held,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        c->ways[w].held -= (size_t)n;
        return STEP_ON;
    }
    if (n < 0 && errno == EINTR) {
        return STEP_ON;
    }
    if (n < 0 && errno != EAGAIN) {
        return STEP_BROKEN;
    }
    to->writable = false;
    return STEP_WAIT;
}

/* One direction, as far as it goes or until its turn is over. */
static enum step pump(struct conn *c, int w)
{
    uint64_t moved = 0;

    while (moved < BURST_BYTES) {
        struct way *way = &c->ways[w];
        size_t before = way->held;
        enum step s = before > 0 ? drain(c, w) : fill(c, w);
        if (s != STEP_ON) {
            return s;
        }
        moved += before > way->held ? before - way->held : 0;
    }
    return STEP_ON;
}

static bool finish(struct conn *c, int w)
{
    struct way *way = &c->ways[w];

    if (c->sides[w].eof && way->held == 0 && !way->shut) {
        way->shut = true;
        (void)shutdown(c->sides[1 - w].fd, SHUT_WR);
    }
    return way->shut;
}

/* True when it could go on at once or when its router has bytes for it again. */
bool conn_waits_for_credit(const struct conn *c)
{
    bool gated = c->at->rate != 0 || c->via->rate != 0;

    return gated && !c->at->frozen && !c->via->frozen &&
           (c->sides[0].readable || c->sides[1].readable);
}

void conn_run(struct proxy *p, struct conn *c)
{
    c->runnable = false;
    if (c->connecting || c->dead || c->at->frozen || c->via->frozen) {
        return;
    }
    for (int w = 0; w < 2; w++) {
        enum step s = pump(c, w);
        if (s == STEP_BROKEN) {
            conn_close(p, c, true);
            return;
        }
        c->runnable = c->runnable || s == STEP_ON;
    }
    bool first = finish(c, 0);
    bool second = finish(c, 1);
    if (first && second) {
        conn_close(p, c, false);
    }
}

static bool connected(struct conn *c)
{
    int error = 0;
    socklen_t size = sizeof(error);

    c->connecting = false;
    return getsockopt(c->sides[1].fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void conn_event(struct proxy *p, struct conn *c, int side, uint32_t events)
{
    if (c->dead) {
        return;
    }
    if (c->connecting && side == 1 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 &&
        !connected(c)) {
        conn_close(p, c, true);
        return;
    }
    c->sides[side].readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    c->sides[side].writable |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    conn_run(p, c);
}
