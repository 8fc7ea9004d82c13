/*
 * waybill.h: what a spill file has to say to a later process: whose rows it holds, and where each
 * chunk's are. Two texts, as flow/spill.h wants them: the head is JSON that anybody may read and
 * holds no secret (a text that is not UTF-8 stands in it as {"hex": "..."}); the body is binary,
 * little-endian, fixed width. Pure; every field that is read is checked.
 */
#ifndef JOB_WAYBILL_H
#define JOB_WAYBILL_H

#include "base/buf.h"
#include "base/err.h"
#include "flow/parcel.h"

#include <stddef.h>
#include <stdint.h>

/* Strings are owned. */
struct waybill_head {
    char *job;
    char *plan;    /* which of the job's plans: it may have begun anew meanwhile */
    char *command; /* what makes the same command find it again: a text of where it reads */
    char *source;  /* for people: host:port/database */
    char *source_system;
    char *source_database;
    char *destination_system;
    char *destination_database;
    char *encoding;    /* of the connections */
    char *wrapped_key; /* the KMS ciphertext of the key, in hex; "" when the key is a file's */
    uint64_t room;     /* of the batches in the file */
};
void waybill_head_free(struct waybill_head *h);
bool waybill_write_head(const struct waybill_head *h, struct buf *out, struct err *err) MUST_CHECK;
/* ERR_DATA: not a head, or of another version. */
bool waybill_read_head(const struct buf *text, struct waybill_head *out,
                       struct err *err) MUST_CHECK;

/* One parcel. */
struct waybill_entry {
    uint32_t table_no;
    uint32_t chunk_no; /* the first of parts */
    uint32_t part_count;
    uint32_t piece_count;
    const struct part *parts;
    struct piece *pieces; /* only kind and slot mean anything */
};

void waybill_begin_body(struct buf *out);
void waybill_add(struct buf *out, const struct waybill_entry *e);

/* Calls each with every entry; what it points to is valid during the call, pieces are malloced and
 * become the callee's when it returns true. False: each's error, or ERR_DATA. */
bool waybill_read_body(const struct buf *body,
                       bool (*each)(void *self, struct waybill_entry *e, struct err *err),
                       void *self, struct err *err) MUST_CHECK;

#endif
