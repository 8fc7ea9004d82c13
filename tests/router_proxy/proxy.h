/*
 * proxy.h: what the parts of the routers' proxy share. One thread, one loop, everything is
 * edge-triggered and never blocks but the answer to a command.
 */
#ifndef ROUTER_PROXY_H
#define ROUTER_PROXY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTERS_MAX 17 /* the endpoint and 16 routers */
#define PIPE_BYTES  (1 << 20)
#define SECOND_NS   1000000000ull

struct router {
    unsigned number;
    struct sockaddr_in address;
    int listener; /* -1: stopped */
    bool frozen;
    uint64_t rate;   /* bytes a second, 0: any */
    uint64_t credit; /* bytes that may go now */
    uint64_t credited_ns;
    uint64_t now, ever, bytes;
};

struct side {
    int fd;
    bool readable, writable, eof;
};

/* Way w takes bytes from sides[w] to sides[1 - w]. */
struct way {
    int pipe[2];
    size_t held;
    bool shut;
};

struct conn {
    struct conn *next, *prev;
    struct router *at;  /* who serves it */
    struct router *via; /* the endpoint, or the same */
    struct side sides[2];
    struct way ways[2];
    bool connecting, runnable, dead;
};

enum watch_kind { WATCH_CONTROL, WATCH_STDIN, WATCH_SIGNAL, WATCH_LISTENER, WATCH_CONN };

struct proxy {
    struct router routers[ROUTERS_MAX];
    unsigned count; /* with the endpoint */
    unsigned lead;
    struct sockaddr_in server;
    struct conn *conns;
    struct conn *dead; /* to be freed once the events at hand are done */
    int control, epoll, signals;
    bool stay, done;
};

/* What an event belongs to: the kind in the low bits, above it a router's number, or a connection
 * and bit 3 its side. Ends the program when the kernel refuses. */
void watch(const struct proxy *p, int fd, uint32_t events, uint64_t tag);

/* forward.c: connections that stand. A closed one is freed by conns_free_dead. */
void conn_event(struct proxy *p, struct conn *c, int side, uint32_t events);
void conn_run(struct proxy *p, struct conn *c);
void conn_close(struct proxy *p, struct conn *c, bool reset);
bool conn_waits_for_credit(const struct conn *c);
void conns_free_dead(struct proxy *p);
void close_reset(int fd);
uint64_t now_ns(void);

/* routers.c: listeners and new connections. */
bool router_listen(struct proxy *p, struct router *r);
void router_accept(struct proxy *p, struct router *r);
void router_cut(struct proxy *p, const struct router *r);

/* command.c: one line from the control socket. */
void command_serve(struct proxy *p);

#endif
