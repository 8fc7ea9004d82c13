/* routers.c: where clients come in, and the server's side of what they ask for. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "tests/router_proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(const struct proxy *p, const struct router *at)
{
    struct sockaddr_in own = at->address;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    own.sin_port = 0;
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0 &&
        (connect(fd, (const struct sockaddr *)&p->server, sizeof(p->server)) == 0 ||
         errno == EINPROGRESS)) {
        return fd;
    }
    (void)close(fd);
    return -1;
}

static bool make_pipes(struct conn *c)
{
    if (pipe2(c->ways[0].pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    if (pipe2(c->ways[1].pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        (void)close(c->ways[0].pipe[0]);
        (void)close(c->ways[0].pipe[1]);
        return false;
    }
    for (int w = 0; w < 2; w++) {
        (void)fcntl(c->ways[w].pipe[1], F_SETPIPE_SZ, PIPE_BYTES); /* if it may be as large */
    }
    return true;
}

static void link_conn(struct proxy *p, struct conn *c)
{
    c->next = p->conns;
    if (p->conns != NULL) {
        p->conns->prev = c;
    }
    p->conns = c;
    c->at->now++;
    c->at->ever++;
    if (c->via != c->at) {
        c->via->now++;
        c->via->ever++;
    }
    for (unsigned side = 0; side < 2; side++) {
        watch(p, c->sides[side].fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
              (uint64_t)(uintptr_t)c | side << 3 | WATCH_CONN);
    }
}

/* The router that a new connection is for, NULL when none runs. */
static struct router *server_of(struct proxy *p, struct router *via)
{
    if (via->number != 0) {
        return via;
    }
    if (p->lead != 0) {
        return p->routers[p->lead].listener >= 0 ? &p->routers[p->lead] : NULL;
    }
    for (unsigned i = 1; i < p->count; i++) {
        if (p->routers[i].listener >= 0) {
            return &p->routers[i];
        }
    }
    return NULL;
}

static void open_conn(struct proxy *p, struct router *via, int client)
{
    struct router *at = server_of(p, via);
    struct conn *c = aligned_alloc(16, (sizeof(*c) + 15) / 16 * 16); /* the tag needs four bits */
    int server = at != NULL ? dial(p, at) : -1;
    int one = 1;

    if (c != NULL) {
        *c = (struct conn){.at = at, .via = via, .connecting = true};
    }
    if (c == NULL || server < 0 || !make_pipes(c)) {
        close_reset(client);
        close_reset(server);
        free(c);
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->sides[0].fd = client;
    c->sides[1].fd = server;
    link_conn(p, c);
}

void router_accept(struct proxy *p, struct router *r)
{
    if (r->listener < 0) {
        return;
    }
    int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        open_conn(p, r, fd);
    }
}

bool router_listen(struct proxy *p, struct router *r)
{
    int one = 1;

    if (r->listener >= 0) {
        return true;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&r->address, sizeof(r->address)) != 0 || listen(fd, 128) != 0) {
        (void)close(fd);
        return false;
    }
    r->listener = fd;
    watch(p, fd, EPOLLIN, (uint64_t)r->number << 8 | WATCH_LISTENER);
    return true;
}

void router_cut(struct proxy *p, const struct router *r)
{
    for (struct conn *c = p->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (c->at == r || c->via == r) {
            conn_close(p, c, true);
        }
    }
}
