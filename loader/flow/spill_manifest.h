/*
 * spill_manifest.h: the file beside a kept spill file that says what is in it.
 *
 * Little-endian:
 *
 *   magic "SLUICESP"  8     version  4     length of the head  4     length of the secret part  8
 *   room of a batch   8     salt    32     check of the key   16
 *   head, as the caller gave it
 *   checksum          8     XXH3 of everything before it
 *   secret part             encrypted; all before it is authenticated with it
 *   tag              16
 *
 * The secret part: slots of the data file 8, sessions 4, a salt of 32 for each session, and the
 * caller's body. Its key is derived from the run's key and the salt, which is new for each manifest
 * written; the check of the key is derived in the same way. So a damaged file, another key and a
 * changed secret part can be told from one another.
 */
#ifndef FLOW_SPILL_MANIFEST_H
#define FLOW_SPILL_MANIFEST_H

#include "base/buf.h"
#include "base/err.h"
#include "flow/spill_crypt.h"
#include "flow/spill_disk.h"

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_HEAD_MAX     (1u << 20)
#define MANIFEST_BODY_MAX     (1u << 29) /* some 10 million slots, 2.5 TB of full batches */
#define MANIFEST_SESSIONS_MAX 1024u      /* processes that went on with one file */

struct manifest_file {
    uint64_t batch_room;
    uint64_t slots; /* that the data file had at least */
    unsigned sessions;
    unsigned char salts[MANIFEST_SESSIONS_MAX][CRYPT_SALT_BYTES];
};

/* Replaces the manifest, all or nothing, on stable storage. ERR_SYSTEM, also when it is too big. */
bool manifest_write(const struct place *p, const unsigned char *key, const struct manifest_file *f,
                    const struct buf *head, const struct buf *body, struct err *err) MUST_CHECK;

/* *found false: there is none. ERR_DATA: damaged, as far as that shows without the key. */
bool manifest_read_head(const struct place *p, bool *found, struct buf *head,
                        struct err *err) MUST_CHECK;

/* ERR_USAGE: there is none, or the key is another. ERR_DATA: damaged. */
bool manifest_read(const struct place *p, const unsigned char *key, struct manifest_file *f,
                   struct buf *body, struct err *err) MUST_CHECK;

#endif
