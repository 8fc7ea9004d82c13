/* spawn.h: a child process, started. The caller reaps it. Any thread. */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
    const char *path;         /* of the program */
    char *const *argv;        /* ended by NULL, as environment is */
    char *const *environment; /* see child_environment in hardening.h */
    int fds[3];               /* what it gets as 0, 1 and 2; -1: /dev/null */
    bool own_session;         /* far from the terminal's Ctrl-C and hang-up */
};

/* No signal is blocked or ignored in it, whatever the caller's thread has. Returns 0, or an error
 * number, and *pid is left alone. */
int spawn_child(const struct spawn *s, pid_t *pid);

#endif
