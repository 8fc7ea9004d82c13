#include "pg/wire_way.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* OpenSSL reads a record's five bytes and then the record, with two system calls for 8 kB, unless
 * it may read ahead. */
#define READ_AHEAD_BYTES (64u << 10)

bool wire_tls_open(struct pg *pg)
{
    pg->tls = PQsslStruct(pg->conn, "OpenSSL");
    if (pg->tls != NULL) {
        SSL_set_default_read_buffer_len(pg->tls, READ_AHEAD_BYTES);
        (void)SSL_set_mode(pg->tls, SSL_MODE_RELEASE_BUFFERS);
    }
    return pg->tls != NULL;
}

void wire_tls_rest(struct pg *pg)
{
    SSL_set_read_ahead(pg->tls, 0);
}

/* After a call that did not do what it should: waits for what the session wants. */
static bool recover(struct pg *pg, int rc, const char *doing, bool libpq_reads, struct err *err)
{
    int number = errno;
    short got = 0;
    switch (SSL_get_error(pg->tls, rc)) {
    case SSL_ERROR_WANT_READ:
        return libpq_reads ? pg_poll(pg, POLLIN, -1, &got, err) : wire_wait_input(pg, err);
    case SSL_ERROR_WANT_WRITE:
        return wire_wait_output(pg, libpq_reads, err);
    case SSL_ERROR_ZERO_RETURN:
        return wire_lost(pg, doing, 0, err);
    case SSL_ERROR_SYSCALL:
        return wire_lost(pg, doing, number, err);
    default:
        break;
    }
    char reason[128];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    pg->dead = true;
    return err_set(err, ERR_TRANSIENT, "%s: could not %s server: %s", pg->side, doing, reason);
}

bool wire_tls_read(void *self, char *to, size_t room, size_t *len, struct err *err)
{
    struct pg *pg = self;
    SSL_set_read_ahead(pg->tls, 1);
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int n = SSL_read(pg->tls, to, room > INT_MAX ? INT_MAX : (int)room);
        if (n > 0) {
            pg->stalled = false;
            *len = (size_t)n;
            return true;
        }
        if (!recover(pg, n, "receive data from", false, err)) {
            return false;
        }
    }
}

bool wire_tls_send(struct pg *pg, const char *bytes, size_t len, bool libpq_reads, struct err *err)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int n = SSL_write(pg->tls, bytes, (int)len);
        if (n > 0) {
            return true; /* all of it: partial writes are not on */
        }
        if (!recover(pg, n, "send data to", libpq_reads, err)) {
            return wire_cut(pg, true, err);
        }
    }
}
