#include "pg/wire_way.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/*
 * A server sends every 8 kB that it has, and waking for each costs more than copying it. So while
 * rows stream the kernel wakes us only for a good deal of them, or after a moment with what there
 * is, so that the end of a COPY is not late. When nothing at all came in that moment the source
 * is slow: then we wait for the first byte, without the clock.
 */
#define LOW_WATER_BYTES (192 << 10)
#define MOMENT_MS       2

/* Where the kernel does not know the option, poll merely wakes more often. */
static void set_low_water(struct pg *pg, int bytes)
{
    if (pg->low_water != bytes) {
        (void)setsockopt(PQsocket(pg->conn), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
        pg->low_water = bytes;
    }
}

void wire_socket_rest(struct pg *pg)
{
    if (pg->low_water != 0) {
        set_low_water(pg, 1);
    }
    pg->stalled = false;
}

bool wire_wait_input(struct pg *pg, struct err *err)
{
    short got = 0;
    bool patient = pg->stalled || pg->wire.state != WIRE_COPY;
    set_low_water(pg, patient ? 1 : LOW_WATER_BYTES);
    if (!pg_poll(pg, POLLIN, patient ? -1 : MOMENT_MS, &got, err)) {
        return false;
    }
    pg->stalled = got == 0; /* unless there is something after all */
    return true;
}

bool wire_wait_output(struct pg *pg, bool libpq_reads, struct err *err)
{
    short got = 0;
    if (!pg_poll(pg, (short)(libpq_reads ? POLLOUT | POLLIN : POLLOUT), -1, &got, err)) {
        return false;
    }
    bool input = libpq_reads && (got & POLLIN) != 0;
    return !input || PQconsumeInput(pg->conn) != 0 || pg_fail(pg, NULL, err);
}

bool wire_lost(struct pg *pg, const char *doing, int number, struct err *err)
{
    pg->dead = true;
    (void)shutdown(PQsocket(pg->conn),
                   SHUT_RDWR); /* what came can still be read, without waiting */
    if (number == 0) {
        return err_set(err, ERR_TRANSIENT, "%s: server closed the connection unexpectedly",
                       pg->side);
    }
    errno = number;
    (void)err_set_errno(err, "%s: could not %s server", pg->side, doing);
    err->kind = ERR_TRANSIENT;
    return false;
}

bool wire_cut(struct pg *pg, bool begun, const struct err *err)
{
    pg->cut = pg->cut || (begun && !pg->dead && err->kind == ERR_CANCELLED);
    pg->dead = pg->dead || begun;
    return false;
}

bool wire_socket_read(void *self, char *to, size_t room, size_t *len, struct err *err)
{
    struct pg *pg = self;
    for (;;) {
        if (!wire_wait_input(pg, err)) {
            return false;
        }
        ssize_t n = recv(PQsocket(pg->conn), to, room, 0);
        if (n > 0) {
            pg->stalled = false;
            *len = (size_t)n;
            return true;
        }
        if (n == 0) {
            return wire_lost(pg, "receive data from", 0, err);
        }
        if (errno != EAGAIN && errno != EINTR) {
            return wire_lost(pg, "receive data from", errno, err);
        }
    }
}

static void advance(struct iovec **v, size_t *count, size_t done)
{
    while (*count > 0 && done >= (*v)->iov_len) {
        done -= (*v)->iov_len;
        (*v)++;
        (*count)--;
    }
    if (*count > 0) {
        (*v)->iov_base = (char *)(*v)->iov_base + done;
        (*v)->iov_len -= done;
    }
}

bool wire_socket_send(struct pg *pg, struct iovec *v, size_t count, bool libpq_reads,
                      struct err *err)
{
    bool begun = false;
    while (count > 0) {
        struct msghdr message = {.msg_iov = v, .msg_iovlen = count};
        ssize_t n = sendmsg(PQsocket(pg->conn), &message, MSG_NOSIGNAL);
        if (n >= 0) {
            advance(&v, &count, (size_t)n);
            begun = true;
        } else if (errno == EAGAIN) {
            if (!wire_wait_output(pg, libpq_reads, err)) {
                return wire_cut(pg, begun, err);
            }
        } else if (errno != EINTR) {
            return wire_lost(pg, "send data to", errno, err);
        }
    }
    return true;
}
