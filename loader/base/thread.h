/*
 * thread.h: pthread mutex and condition variable with clang's lock checking.
 *
 * A pthread call on a live mutex fails only when the program is wrong, so these
 * wrappers abort instead of returning a code nobody could act on. The wrapper
 * type is what lets "clang -Wthread-safety" know a lock when it sees one; gcc
 * reads the annotations as nothing.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif
#define ACQUIRES(m) THREAD_ATTR(acquire_capability(m))
#define RELEASES(m) THREAD_ATTR(release_capability(m))
#define REQUIRES(m) THREAD_ATTR(requires_capability(m))

struct THREAD_ATTR(capability("mutex")) mutex {
    pthread_mutex_t m;
};
struct cond {
    pthread_cond_t c;
};

void mutex_init(struct mutex *m);
void mutex_destroy(struct mutex *m);
void mutex_lock(struct mutex *m) ACQUIRES(*m);
void mutex_unlock(struct mutex *m) RELEASES(*m);

/* How long the calling thread has run, and how long it could have run but had no processor. False
 * where the kernel does not say; the two are untouched then. */
bool thread_times(uint64_t *ran_ns, uint64_t *delayed_ns);

void cond_init(struct cond *c); /* timed waits follow CLOCK_MONOTONIC */
void cond_destroy(struct cond *c);
void cond_wait(struct cond *c, struct mutex *m) REQUIRES(*m);
/* False once deadline_ns, as clock_mono_ns() counts, has passed. */
bool cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns) REQUIRES(*m);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

#endif
