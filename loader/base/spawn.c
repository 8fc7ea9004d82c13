/* POSIX_SPAWN_SETSID. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

static void add_files(const struct spawn *s, posix_spawn_file_actions_t *files)
{
    for (int i = 0; i < 3; i++) {
        if (s->fds[i] >= 0) {
            (void)posix_spawn_file_actions_adddup2(files, s->fds[i], i);
        } else {
            (void)posix_spawn_file_actions_addopen(files, i, "/dev/null",
                                                   i == 0 ? O_RDONLY : O_WRONLY, 0);
        }
    }
}

int spawn_child(const struct spawn *s, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t all;
    int session = s->own_session ? POSIX_SPAWN_SETSID : 0;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attr);
    add_files(s, &files);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setflags(
        &attr, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session));
    int rc = posix_spawn(pid, s->path, &files, &attr, s->argv, s->environment);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
}
