/*
 * spill_state.h: the inside of a spill, shared by spill.c (its life) and spill_io.c (its slots).
 *
 * Nonces: the upper 16 bits are the session, the lower 48 count. A session is one process that has
 * the file open; each has a random salt, and so a key, of its own. A manifest lists the salts of
 * all sessions so far. So slots written after the last manifest, whose nonces nobody remembers,
 * cannot clash with what the next process writes, without any note on disk before a write.
 */
#ifndef FLOW_SPILL_STATE_H
#define FLOW_SPILL_STATE_H

#include "base/thread.h"
#include "flow/spill.h"
#include "flow/spill_crypt.h"
#include "flow/spill_disk.h"
#include "flow/spill_manifest.h"
#include "flow/spill_slots.h"

#define SESSION_SHIFT 48u
/* Slots written lately that the disk may still be busy with, before a writer waits for it. */
#define WINDOW_SLOTS 32u

struct range {
    uint64_t at;
    uint64_t len;
};

struct spill {
    /* Set once, before there are threads. */
    struct place place;
    char *dir;
    char name[SPILL_NAME_MAX];
    int fd;
    bool keep;
    uint64_t slot_bytes;
    uint64_t slots_max;
    uint64_t limit_bytes;
    unsigned char key[CRYPT_KEY_BYTES];
    unsigned char (*session_keys)[CRYPT_KEY_BYTES];
    struct manifest_file file; /* but slots, which only writing a manifest uses */

    struct mutex manifest_lock; /* one manifest at a time */

    struct mutex lock; /* over the rest */
    struct slots slots;
    uint64_t nonce_last;
    struct range window[WINDOW_SLOTS]; /* a ring; len 0: none */
    unsigned window_at;
    int broken; /* the errno of a write that came to nothing after it had been taken; 0: none */
    bool full;  /* the disk was, when last asked for more */
    uint64_t full_bytes; /* what it had for us then */
    uint64_t bytes_written;
    uint64_t bytes_read;
    uint64_t taken_max;
};

uint64_t spill_slot_bytes(size_t batch_room);

/* Remembers that the disk lost something, and fails with ERR_SYSTEM by errno. */
bool spill_break(struct spill *s, struct err *err) MUST_CHECK;

#endif
