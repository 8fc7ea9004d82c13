/*
 * wire.h: the server's answer to a query with COPY ... TO STDOUT in it, message by message.
 *
 * A parser of the frontend/backend protocol over a function that reads bytes; it knows neither
 * sockets nor libpq. Source of the formats: the PostgreSQL manual, "Message Formats", and the COPY
 * page, "Binary Format". Row bytes are copied once, from the receive buffer to the caller's, and
 * those of wide rows not even that. One owner, no locks.
 *
 *   READY ─▶ QUERY ─▶ COPY ─▶ TAG ─▶ QUERY ─▶ ... ─▶ END ─▶ READY;  from anywhere: BROKEN
 */
#ifndef PG_WIRE_H
#define PG_WIRE_H

#include "base/err.h"
#include "pg/copy.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a receive buffer. An ErrorResponse that is longer is cut to it. */
#define WIRE_ROOM_BYTES (256u << 10)
/* No less than this may be asked of a receive buffer: the longest message that must be in it whole,
 * but for an ErrorResponse. */
#define WIRE_ROOM_MIN_BYTES 64u
/* Type and length of a message. */
#define WIRE_HEAD_BYTES 5u

enum wire_state {
    WIRE_READY,  /* no query runs, and nothing is left to read */
    WIRE_QUERY,  /* between COPYs, or an error came and the end is awaited */
    WIRE_COPY,   /* rows come */
    WIRE_TAG,    /* the rows are over, the command tag is not here yet */
    WIRE_END,    /* the query is over, its last bytes are not here yet */
    WIRE_BROKEN, /* the server does not keep to the protocol */
};

/* The first ErrorResponse of a query. */
struct wire_fault {
    bool set;
    char sqlstate[6];
    char schema[64];
    char table[64];
    struct err err; /* as pg_fail (pg/pg_internal.h) would have made it */
};

enum wire_row {
    WIRE_ROW_NONE,
    WIRE_ROW_WAITS, /* for a call with room for it */
    WIRE_ROW_OPEN,  /* given out in part */
};

struct wire {
    /* Set by the owner. read gives between one and room bytes, or fails: the connection is lost
     * (ERR_TRANSIENT), or the wait was ended (ERR_CANCELLED). */
    bool (*read)(void *self, char *to, size_t room, size_t *len, struct err *err);
    void *self;
    const char *side; /* for messages; static */
    char *bytes;      /* the receive buffer */
    size_t room;

    enum wire_state state;
    size_t at; /* what is read and not used yet: bytes[at..end) */
    size_t end;
    bool binary;
    bool header_due;   /* of the binary format, in front of a COPY's first row */
    size_t left;       /* bytes of the open message that are not used yet */
    enum wire_row row; /* what the open message is to the caller */
    size_t row_bytes;
    uint64_t tag; /* of the COPY that ended last */
    struct wire_fault fault;
};

/* Type and length of a message with so many bytes of payload, 2 GB at most. */
void wire_put_head(char head[WIRE_HEAD_BYTES], char type, size_t payload);

/* A query has been sent: its answer is next. */
void wire_expect(struct wire *w, bool binary);

/* Reads until the first COPY starts. ERR_USAGE when none does. After a server's error the state is
 * READY, unless the connection was lost in between (read says so) or a wait was ended. */
bool wire_await_copy(struct wire *w, struct err *err) MUST_CHECK;

/* pg_copy_out_fill (pg/copy.h). After all_ended or a server's error the state is READY. */
bool wire_fill(struct wire *w, char *to, size_t room, size_t row_room, struct pg_copied *out,
               struct err *err) MUST_CHECK;

/* Reads on to READY; rows, tags and errors are dropped. False: the connection is of no use any
 * more, or the wait was ended and this may be called again. */
bool wire_drain(struct wire *w, struct err *err) MUST_CHECK;

#endif
