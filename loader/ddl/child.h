/* child.h: one program run to its end, its output kept. For the files of ddl/. */
#ifndef DDL_CHILD_H
#define DDL_CHILD_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct child {
    char *const *argv;    /* argv[0] is the program's path */
    const char *password; /* NULL, or PGPASSWORD in its environment */
    int in_fd;            /* its standard input, from where it stands; -1: nothing */
    int out_fd;           /* where its standard output goes; -1: to out */
    struct buf *out;      /* with out_fd -1 */
};

/* False when it could not be run, wrote more than out takes, or wake_fd became readable
 * (ERR_CANCELLED; it is killed then). *status is its exit status, said the end of its standard
 * error, in one line. Its environment is ours without secrets, its messages are in English. */
#define CHILD_SAID_MAX 512u
bool child_run(const struct child *c, int wake_fd, int *status, char said[CHILD_SAID_MAX],
               struct err *err) MUST_CHECK;

/* The directories of the environment's PATH; "" without one. Borrowed. */
const char *child_path(void);

#endif
