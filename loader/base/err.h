/*
 * err.h: the one error value used by loader/ and aws/.
 *
 * A struct err lives on the caller's stack, never allocates, and is copied by
 * assignment, so it survives out-of-memory and can be handed to another thread.
 * A fallible function takes a struct err * as its last parameter and returns
 * bool; the rules are the same everywhere:
 *
 *   true    every out-parameter is set, *err is untouched
 *   false   no out-parameter is touched, *err says why
 *
 * The kind decides what the program does (exit status, retry); the message is for
 * a person and must carry no secret.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define ERR_MSG_MAX 1024

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err_kind {
    ERR_NONE = 0,
    ERR_USAGE,         /* the command line, the configuration, or a table that does not fit */
    ERR_AUTH,          /* a credential or a permission was refused */
    ERR_TRANSIENT,     /* a lost connection, a restart, a deadlock: try again */
    ERR_DATA,          /* a server refused the rows or the statement; trying again will not help */
    ERR_CANCELLED,     /* the operator asked the run to stop */
    ERR_SYSTEM,        /* out of memory, a failed system call */
    ERR_BUSY,          /* another process runs this job */
    ERR_LOST_SNAPSHOT, /* the source no longer has the snapshot that the job reads from */
};

struct err {
    enum err_kind kind;
    char msg[ERR_MSG_MAX]; /* always NUL-terminated, cut if too long */
};

/* Fills *err and returns false, so that a failing function ends in one line. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same for a failed system call: ERR_SYSTEM, and ": " with what errno means. */
bool err_set_errno(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts "context: " before the message, keeps the kind, returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
