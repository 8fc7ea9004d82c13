/*
 * router_proxy: the routers of the lab's simulated shard group, one process for all of them.
 *
 *   router_proxy CONTROL_SOCKET PORT SERVER_PORT HOST...
 *
 * Listens on PORT of each HOST (router 1, 2, ...) and of 127.0.0.1 (the cluster endpoint, number
 * 0), and forwards to 127.0.0.1:SERVER_PORT from the router's own address, so that the server's
 * client_addr says by which router a session came. The endpoint leads to one of the routers.
 * Bytes go through pipes by splice() and are never copied here.
 *
 * A line to the control socket is a command; the answer is a line "ok ..." or "error ...":
 *   cut N         reset every connection of router N
 *   stop N        and close its listener;  start N: listen again
 *   slow N RATE   bytes a second, both directions together; 0: as fast as it goes
 *   freeze N      forward nothing;  thaw N
 *   count N       connections now, connections ever, bytes ever
 *   lead N        the endpoint's new connections go to router N; 0: the first that is not stopped
 *   ping, stay    stay: do not end when standard input does
 * It ends when standard input does, or by SIGTERM. Needs no library of ours: the lab compiles it.
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "tests/router_proxy/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define TICK_MS    5 /* how often a slowed router gets its next bytes */

static void fail(const char *what)
{
    (void)fprintf(stderr, "router_proxy: %s: %s\n", what,
                  strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
    exit(1);                        /* NOLINT(concurrency-mt-unsafe) */
}

void watch(const struct proxy *p, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event e = {.events = events, .data.u64 = tag};

    if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        fail("epoll_ctl");
    }
}

static void on_stdin(struct proxy *p)
{
    char nothing[64];

    if (read(STDIN_FILENO, nothing, sizeof(nothing)) <= 0) {
        p->done = !p->stay;
        (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    }
}

static void on_event(struct proxy *p, const struct epoll_event *e)
{
    uint64_t tag = e->data.u64;

    switch ((enum watch_kind)(tag & 7)) {
    case WATCH_CONTROL:
        command_serve(p);
        break;
    case WATCH_STDIN:
        on_stdin(p);
        break;
    case WATCH_SIGNAL:
        p->done = true;
        break;
    case WATCH_LISTENER:
        router_accept(p, &p->routers[tag >> 8]);
        break;
    case WATCH_CONN:
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): it was put there as one. */
        conn_event(p, (struct conn *)(uintptr_t)(tag & ~(uint64_t)15), (int)(tag >> 3 & 1),
                   e->events);
        break;
    }
}

static int timeout_ms(const struct proxy *p)
{
    int timeout = -1;

    for (const struct conn *c = p->conns; c != NULL; c = c->next) {
        if (c->runnable) {
            return 0;
        }
        if (conn_waits_for_credit(c)) {
            timeout = TICK_MS;
        }
    }
    return timeout;
}

static void loop(struct proxy *p)
{
    struct epoll_event events[EVENTS_MAX];

    while (!p->done) {
        int n = epoll_wait(p->epoll, events, EVENTS_MAX, timeout_ms(p));
        for (int i = 0; i < n; i++) {
            on_event(p, &events[i]);
        }
        for (struct conn *c = p->conns, *next; c != NULL; c = next) {
            next = c->next;
            if (c->runnable || conn_waits_for_credit(c)) {
                conn_run(p, c);
            }
        }
        conns_free_dead(p);
    }
}

static int control_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
        fail("control socket");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)umask(077);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 16) != 0) {
        fail(path);
    }
    return fd;
}

static bool set_address(struct sockaddr_in *out, const char *host, const char *port)
{
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);

    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    return *end == '\0' && number > 0 && number <= UINT16_MAX &&
           inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static void start_routers(struct proxy *p, int hosts, char **host, const char *port)
{
    for (int i = 0; i <= hosts; i++) {
        struct router *r = &p->routers[i];
        *r = (struct router){.number = (unsigned)i, .listener = -1};
        p->count++;
        if (!set_address(&r->address, i == 0 ? "127.0.0.1" : host[i - 1], port) ||
            !router_listen(p, r)) {
            fail(i == 0 ? "127.0.0.1" : host[i - 1]);
        }
    }
}

static int block_signals(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN); /* NOLINT(cert-err33-c) */
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    static struct proxy p;

    if (argc < 5 || argc - 4 >= ROUTERS_MAX || !set_address(&p.server, "127.0.0.1", argv[3])) {
        (void)fprintf(stderr, "usage: router_proxy CONTROL_SOCKET PORT SERVER_PORT HOST...\n");
        return 2;
    }
    p.epoll = epoll_create1(EPOLL_CLOEXEC);
    p.signals = block_signals();
    start_routers(&p, argc - 4, argv + 4, argv[2]);
    p.control = control_socket(argv[1]);
    watch(&p, p.control, EPOLLIN, WATCH_CONTROL);
    watch(&p, p.signals, EPOLLIN, WATCH_SIGNAL);
    watch(&p, STDIN_FILENO, EPOLLIN, WATCH_STDIN);
    loop(&p);
    (void)unlink(argv[1]);
    return 0;
}
