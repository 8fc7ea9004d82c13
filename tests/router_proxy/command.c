/* command.c: the lines of the control socket. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "tests/router_proxy/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE_BYTES 128

static void stop(struct proxy *p, struct router *r)
{
    if (r->listener >= 0) {
        (void)close(r->listener);
        r->listener = -1;
    }
    router_cut(p, r);
}

static void wake(struct proxy *p)
{
    for (struct conn *c = p->conns; c != NULL; c = c->next) {
        c->runnable = true;
    }
}

static void set_rate(struct proxy *p, struct router *r, uint64_t rate)
{
    r->rate = rate;
    r->credit = 0;
    r->credited_ns = now_ns();
    wake(p);
}

static bool obey_router(struct proxy *p, const char *word, struct router *r, uint64_t value)
{
    if (strcmp(word, "cut") == 0) {
        router_cut(p, r);
    } else if (strcmp(word, "stop") == 0) {
        stop(p, r);
    } else if (strcmp(word, "start") == 0) {
        return router_listen(p, r);
    } else if (strcmp(word, "slow") == 0) {
        set_rate(p, r, value);
    } else if (strcmp(word, "freeze") == 0) {
        r->frozen = true;
    } else if (strcmp(word, "thaw") == 0) {
        r->frozen = false;
        wake(p);
    } else if (strcmp(word, "lead") == 0) {
        p->lead = r->number;
    } else {
        return strcmp(word, "count") == 0;
    }
    return true;
}

/* The n-th word after the command as a number; 0 when there is none, false when it is no number. */
static bool number_after(char **rest, uint64_t *out)
{
    while (**rest == ' ') {
        (*rest)++;
    }
    char *end = *rest;
    *out = **rest == '-' ? 0 : strtoull(*rest, &end, 10);
    bool fine = **rest == '\0' || (end != *rest && (*end == ' ' || *end == '\0'));
    *rest = end;
    return fine;
}

static int obey(struct proxy *p, char *line, char *answer, size_t size)
{
    char *rest = line + strcspn(line, " ");
    uint64_t number = 0;
    uint64_t value = 0;

    if (*rest != '\0') {
        *rest++ = '\0';
    }
    if (strcmp(line, "ping") == 0 || strcmp(line, "stay") == 0) {
        p->stay = p->stay || line[0] == 's';
        return snprintf(answer, size, "ok\n");
    }
    if (!number_after(&rest, &number) || !number_after(&rest, &value) || number >= p->count) {
        return snprintf(answer, size, "error: no such router\n");
    }
    struct router *r = &p->routers[number];
    if (!obey_router(p, line, r, value)) {
        return snprintf(answer, size, "error: cannot %s\n", line);
    }
    return snprintf(answer, size, "ok %llu %llu %llu\n", (unsigned long long)r->now,
                    (unsigned long long)r->ever, (unsigned long long)r->bytes);
}

void command_serve(struct proxy *p)
{
    const struct timeval patience = {.tv_usec = 500000};
    char line[LINE_BYTES] = {0};
    char answer[2 * LINE_BYTES];
    size_t used = 0;
    int fd = accept4(p->control, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (used < sizeof(line) - 1 && memchr(line, '\n', used) == NULL) {
        ssize_t n = recv(fd, line + used, sizeof(line) - 1 - used, 0);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    line[strcspn(line, "\n")] = '\0';
    int length = obey(p, line, answer, sizeof(answer));
    (void)send(fd, answer, (size_t)length, MSG_NOSIGNAL);
    (void)close(fd);
}
