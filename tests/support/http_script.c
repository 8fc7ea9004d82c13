#include "tests/support/http_script.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILL_PART 1024

struct http_script {
    const struct http_script_step *steps;
    size_t count;
    int listener;
    int stop[2]; /* closed at the second end when the thread is to end */
    uint16_t port;
    pthread_t thread;
    /* The thread's until it has been joined. */
    size_t served;
    char request[HTTP_SCRIPT_REQUEST_MAX];
};

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* False when the script is to stop. */
static bool wait_readable(const struct http_script *s, int fd)
{
    struct pollfd fds[] = {
        {.fd = fd,         .events = POLLIN},
        {.fd = s->stop[0], .events = POLLIN}
    };
    return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

/* The length of head and body, or 0 while the head is not complete. */
static size_t wanted_len(const char *request)
{
    const char *head_end = strstr(request, "\r\n\r\n");
    const char *line = request;
    size_t body = 0;

    if (head_end == NULL) {
        return 0;
    }
    while (line != NULL && line < head_end) {
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            body = (size_t)strtoul(line + 15, NULL, 10);
        }
        line = strstr(line, "\r\n");
        line = line == NULL ? NULL : line + 2;
    }
    return (size_t)(head_end - request) + 4 + body;
}

static bool read_request(struct http_script *s, int fd)
{
    size_t len = 0;

    s->request[0] = '\0';
    for (;;) {
        size_t wanted = wanted_len(s->request);
        if (wanted > 0 && len >= wanted) {
            return true;
        }
        if (!wait_readable(s, fd)) {
            return false;
        }
        ssize_t got = recv(fd, s->request + len, sizeof s->request - 1 - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        s->request[len] = '\0';
    }
}

/* False when the client has gone, which is what some tests want it to do. */
static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static void answer(const struct http_script *s, const struct http_script_step *step, int fd)
{
    char part[FILL_PART];
    char ignored[64];
    const char *prefix = step->fill_prefix == NULL ? "" : step->fill_prefix;
    bool there = step->reply == NULL || send_all(fd, step->reply, strlen(step->reply));

    memset(part, 'x', sizeof part);
    for (size_t sent = 0; there && sent < step->fill; sent += sizeof part) {
        there = send_all(fd, prefix, strlen(prefix)) && send_all(fd, part, sizeof part);
    }
    if (step->end == SCRIPT_RESET) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        require(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    }
    while (step->end == SCRIPT_SILENT && wait_readable(s, fd) &&
           recv(fd, ignored, sizeof ignored, 0) > 0) {
    }
}

static void *serve(void *arg)
{
    struct http_script *s = arg;

    while (s->served < s->count && wait_readable(s, s->listener)) {
        int fd = accept(s->listener, NULL, NULL);
        require(fd >= 0);
        if (read_request(s, fd)) {
            answer(s, &s->steps[s->served], fd);
        }
        (void)close(fd);
        s->served++;
    }
    return NULL;
}

static void open_listener(struct http_script *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    require(s->listener >= 0);
    require(bind(s->listener, (const struct sockaddr *)&address, sizeof address) == 0);
    require(listen(s->listener, 8) == 0);
    require(getsockname(s->listener, (struct sockaddr *)&address, &len) == 0);
    s->port = ntohs(address.sin_port);
}

struct http_script *http_script_start(const struct http_script_step *steps, size_t count)
{
    struct http_script *s = calloc(1, sizeof *s);

    require(s != NULL);
    s->steps = steps;
    s->count = count;
    open_listener(s);
    require(pipe(s->stop) == 0);
    require(pthread_create(&s->thread, NULL, serve, s) == 0);
    return s;
}

uint16_t http_script_port(const struct http_script *s)
{
    return s->port;
}

void http_script_stop(struct http_script *s)
{
    (void)close(s->stop[1]);
    require(pthread_join(s->thread, NULL) == 0);
    (void)close(s->stop[0]);
    (void)close(s->listener);
}

size_t http_script_served(const struct http_script *s)
{
    return s->served;
}

const char *http_script_request(const struct http_script *s)
{
    return s->request;
}

void http_script_free(struct http_script *s)
{
    free(s);
}
