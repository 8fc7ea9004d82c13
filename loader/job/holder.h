/*
 * holder.h: the small process that keeps the snapshot and the table locks on the source when the
 * loader dies.
 *
 * It is this program again ("sluice holder"), in a session of its own, told what to do through
 * a pipe, so that nothing secret is in its argv. It imports the snapshot, locks, re-exports (an
 * importer's export outlives the first exporter), answers "ready", and then waits: for the word to
 * go, or for the pipe's end, which means that the loader died; then it stays for the hold time.
 * It ends when its source connection does.
 */
#ifndef JOB_HOLDER_H
#define JOB_HOLDER_H

#include "base/err.h"
#include "job/snapshot.h"
#include "pg/pg.h"

#include <stdint.h>
#include <sys/types.h>

struct holder {
    pid_t pid;                         /* 0: none */
    int to_fd;                         /* the loader's end; its closing is the loader's death */
    int from_fd;                       /* readable at its end means that the holder is gone */
    int backend_pid;                   /* on the source */
    char snapshot_id[SNAPSHOT_ID_MAX]; /* its own export */
};

struct holder_order {
    const struct pg_target *target;
    const char *application_name;
    const char *encoding;
    const struct snapshot_identity *snapshot; /* id: whom to import from */
    const char *lock_sql;
    uint64_t hold_ms; /* after the loader's death */
};

/* Starts one and waits until it holds everything. wake_fd ends the wait. ERR_LOST_SNAPSHOT when the
 * snapshot cannot be imported; pg.h's kinds otherwise. */
bool holder_start(const struct holder_order *order, int wake_fd, struct holder *out,
                  struct err *err) MUST_CHECK;

/* True once the process has ended or given up; cheap, does not wait. */
bool holder_is_gone(const struct holder *h);

void holder_dismiss(struct holder *h); /* tells it to go and waits for its end, a second at most */
void holder_leave(struct holder *h);   /* lets it hold on for its time; closes our ends */

/* The process itself: what "sluice holder" runs. Returns the exit status. */
int holder_main(void);

#endif
