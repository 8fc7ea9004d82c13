/* exit_status.h: the documented exit statuses of sluice. */
#ifndef JOB_EXIT_STATUS_H
#define JOB_EXIT_STATUS_H

#include "base/err.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,          /* a data or server error that running again will not cure */
    EXIT_USAGE = 2,           /* usage, configuration, missing table, column or type mismatch */
    EXIT_DENIED = 3,          /* credentials or permission refused */
    EXIT_UNREACHABLE = 4,     /* a server could not be reached before planning */
    EXIT_STOPPED = 5,         /* a signal, or faults outlived the retries: run again to resume */
    EXIT_REJECTED = 6,        /* done, with rejected rows */
    EXIT_DIFFERENT = 7,       /* verification found a difference */
    EXIT_ALREADY_RUNNING = 8, /* this job is already running */
};

/* What an error of a kind ends the program with. A lost connection means EXIT_UNREACHABLE here;
 * once a job is recorded it means EXIT_STOPPED, and that is for the load to say. */
int exit_status_of(enum err_kind kind);

#endif
