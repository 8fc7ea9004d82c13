/*
 * hardening.h: what the process asks of the kernel so that its secrets stay in it.
 */
#ifndef BASE_HARDENING_H
#define BASE_HARDENING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * No core dump, and no other process but the superuser's may read this one's memory, environment or
 * open files, or trace it. An exec undoes the latter, so each program start calls this first.
 * Best effort: a kernel that refuses does not stop a load.
 *
 * Built with AddressSanitizer, only core dumps are off: LeakSanitizer looks at the process through
 * ptrace, from a helper of the same user.
 */
void process_harden(void);

/* A variable of the environment that holds a secret or may hold one, and that no child needs:
 * PGPASSWORD, SLUICE_SOURCE, SLUICE_DESTINATION, AWS's keys and tokens, a proxy's URL. entry is
 * "NAME=VALUE" or "NAME". */
bool is_secret_variable(const char *entry);

/* The environment for a child: all of environment but secret variables. The array is the caller's
 * to free, its strings are borrowed. NULL without memory. */
char **child_environment(char *const *environment);

#endif
