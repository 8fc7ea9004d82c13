/*
 * spill.h: batches on disk, encrypted, for what does not fit into memory.
 *
 * One file of equal slots, one batch a slot; a freed slot is used again, the lowest first, so that
 * writing stays near sequential. Each write is AES-256-GCM under the run's own key with a nonce
 * that is never used twice (a counter; it is in the slot's description), and authenticates the
 * slot's number and content, so that nothing can be swapped or replayed. The page cache is not
 * flooded: what was written is pushed out and dropped behind, what was read is dropped.
 *
 * keep false: the file is unlinked as soon as it is open, its key is in memory only: nothing
 * outlives the process. keep true: the file and a manifest (the caller's description of what is
 * where) outlive it, and another process with the same key goes on with them. A slot that is freed
 * may be overwritten at once: one that the last manifest names must be freed only when its rows are
 * no longer needed by whoever would reopen, which is when they are committed.
 *
 * Thread-safe, but spill_open, _reopen and _close. No space left, a quota, and limit_bytes are not
 * errors: SPILL_FULL, and the caller waits for slots to become free.
 */
#ifndef FLOW_SPILL_H
#define FLOW_SPILL_H

#include "base/buf.h"
#include "base/err.h"
#include "flow/batch.h"

#include <stddef.h>
#include <stdint.h>

#define SPILL_KEY_BYTES 32u
#define SPILL_NAME_MAX  128u

struct spill;

struct spill_options {
    const char *dir;      /* must exist and be writable; ERR_USAGE otherwise */
    const char *name;     /* without directory; [a-z0-9-] only: dir/NAME.spill, dir/NAME.manifest */
    uint64_t limit_bytes; /* of the file on disk */
    size_t batch_room;    /* of the batches that come; a slot is a little more */
    bool keep;
    const unsigned char *key; /* SPILL_KEY_BYTES; copied, the copy wiped by spill_close */
};

/* Where a batch is. Part of a manifest: plain values, no pointers. */
struct spill_slot {
    uint64_t number;
    uint64_t nonce;
    struct content content;
};

/* Makes the file (0600, and exclusively: an old one of that name is removed, unless another process
 * has it open: ERR_BUSY). ERR_SYSTEM when it cannot. */
bool spill_open(const struct spill_options *options, struct spill **out,
                struct err *err) MUST_CHECK;

/* Opens a file that was kept (as keep does, whatever options say), and returns the manifest's body.
 * ERR_USAGE: there is none, the key is another, or batch_room is; ERR_DATA: it is damaged; ERR_BUSY
 * as above. Slots count as free until spill_claim. The nonces go on above every one that the former
 * process can have used, and under a key of this process's own (see spill_state.h). */
bool spill_reopen(const struct spill_options *options, struct spill **out, struct buf *manifest,
                  struct err *err) MUST_CHECK;
bool spill_claim(struct spill *s, const struct spill_slot *slot, struct err *err) MUST_CHECK;

/* keep: leave the files for another process; otherwise they are removed. NULL is allowed. */
void spill_close(struct spill *s, bool keep);

enum spill_status { SPILL_WRITTEN, SPILL_FULL, SPILL_FAILED };

/* Writes b (PACKING). Its bytes are encrypted in place: after WRITTEN only batch_move to EMPTY is
 * legal; after FULL and FAILED its bytes are as they were (FULL is found before encrypting, or
 * undone). */
enum spill_status spill_write(struct spill *s, struct batch *b, struct spill_slot *out,
                              struct err *err) MUST_CHECK;

/* Reads a slot into an empty batch (FILLING), which comes out SEALED with the content that was
 * written. ERR_DATA when it is not what was written. The slot stays taken. */
bool spill_read(struct spill *s, const struct spill_slot *slot, struct batch *into,
                struct err *err) MUST_CHECK;

void spill_free_slot(struct spill *s, const struct spill_slot *slot);

/* Everything written so far, on stable storage: the file, and its name in the directory. */
bool spill_sync(struct spill *s, struct err *err) MUST_CHECK;

/* Replaces the manifest, all or nothing, on stable storage. head is readable without the key
 * and authenticated; body is encrypted. Call after spill_sync. */
bool spill_write_manifest(struct spill *s, const struct buf *head, const struct buf *body,
                          struct err *err) MUST_CHECK;
/* The head of a manifest, not yet authenticated. *found false: there is none of that name. */
bool spill_read_head(const char *dir, const char *name, bool *found, struct buf *head,
                     struct err *err) MUST_CHECK;
/* The names of all manifests in dir, into names, NUL after each. */
bool spill_list(const char *dir, struct buf *names, struct err *err) MUST_CHECK;
/* Removes a file and manifest of that name, if nobody has them open. */
void spill_remove(const char *dir, const char *name);

struct spill_stats {
    uint64_t bytes_written; /* since the open */
    uint64_t bytes_read;
    uint64_t bytes_used; /* taken slots, now */
    uint64_t bytes_used_max;
    uint64_t bytes_limit; /* the smaller of the limit and what the disk had when it was full */
};
struct spill_stats spill_stats(struct spill *s);

#endif
