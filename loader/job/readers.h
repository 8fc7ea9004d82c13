/*
 * readers.h: the source connections of all streams, and the holder behind them.
 *
 * A reader that comes back after a lost connection imports the snapshot from the holder. When the
 * holder's backend dies, the next reader between two chunks exports the snapshot once more and
 * starts a new one. The tables' locks are taken by every reader at once when it attaches (a lock
 * asked for later would wait behind an ALTER TABLE that itself waits for this job), unless there
 * are so many tables that the server's lock table would not hold them; then chunk by chunk.
 *
 * Thread-safe; one mutex, never held while waiting for a server.
 */
#ifndef JOB_READERS_H
#define JOB_READERS_H

#include "base/err.h"
#include "ends/source_pg.h"
#include "job/board.h"
#include "job/holder.h"
#include "job/retry.h"
#include "job/snapshot.h"

struct readers;

struct readers_config {
    const struct pg_target *target;
    const char *tag; /* of the job, for application_name */
    const char *encoding;
    const struct locked_table *tables; /* what is still to be read */
    size_t table_count;
    bool lock_at_attach;
    unsigned streams;
    uint64_t hold_ms;
    struct retry_policy policy; /* for the waits; how long in all is the board's to say */
    struct board *board;
};

/* Borrows the config's pointers. Takes over holder and first (a connection inside the snapshot with
 * the locks, for the first reader that asks; not NULL). NULL without memory: nothing is taken
 * over. */
struct readers *readers_new(const struct readers_config *config,
                            const struct snapshot_identity *snapshot, const struct holder *holder,
                            struct pg *first);

/* Lets every stream's reader into the snapshot before the first row is read, so that all have their
 * locks before somebody's ALTER TABLE can queue between them. What fails is left to the streams. */
void readers_connect(struct readers *r);

/* What stream's source_pg is to be made with. */
struct source_pg_config readers_source(struct readers *r, unsigned stream);

/* True once after each change of holder; then *id and *backend_pid are the new ones. */
bool readers_holder_changed(struct readers *r, char id[SNAPSHOT_ID_MAX], int *backend_pid);

/* Ends it all. The holder goes (dismiss) or stays for its time. NULL is allowed. */
void readers_free(struct readers *r, bool dismiss);

/* application_name "sluice/TAG/WHAT" for a job: the tag is the job's name with odd characters
 * replaced, shortened with a hash, so that the whole fits into 63 bytes. */
#define SESSION_TAG_MAX 44
void session_tag(const char *job, char out[SESSION_TAG_MAX]);
#define SESSION_NAME_MAX 64
void session_name(const char *tag, const char *what, char out[SESSION_NAME_MAX]);

#endif
