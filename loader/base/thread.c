#include "base/thread.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Only here does the checker have to take our word for it. */
#define UNCHECKED THREAD_ATTR(no_thread_safety_analysis)

static void must(int rc, const char *what)
{
    if (rc != 0) {
        (void)fprintf(stderr, "fatal: %s: error %d\n", what, rc);
        abort();
    }
}

/* "12345 678 9": ns on a processor, ns waiting for one, turns. */
bool thread_times(uint64_t *ran_ns, uint64_t *delayed_ns)
{
    char text[96];
    FILE *f = fopen("/proc/thread-self/schedstat", "re");
    if (f == NULL) {
        return false;
    }
    size_t n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    char *end = NULL;
    uint64_t ran = strtoull(text, &end, 10);
    if (end == text || *end != ' ') {
        return false;
    }
    *delayed_ns = strtoull(end, NULL, 10);
    *ran_ns = ran;
    return true;
}

void mutex_init(struct mutex *m)
{
    must(pthread_mutex_init(&m->m, NULL), "mutex init");
}
void mutex_destroy(struct mutex *m)
{
    must(pthread_mutex_destroy(&m->m), "mutex destroy");
}
UNCHECKED void mutex_lock(struct mutex *m)
{
    must(pthread_mutex_lock(&m->m), "mutex lock");
}
UNCHECKED void mutex_unlock(struct mutex *m)
{
    must(pthread_mutex_unlock(&m->m), "mutex unlock");
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr), "condattr init");
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "condattr clock");
    must(pthread_cond_init(&c->c, &attr), "cond init");
    must(pthread_condattr_destroy(&attr), "condattr destroy");
}

void cond_destroy(struct cond *c)
{
    must(pthread_cond_destroy(&c->c), "cond destroy");
}
void cond_signal(struct cond *c)
{
    must(pthread_cond_signal(&c->c), "cond signal");
}
void cond_broadcast(struct cond *c)
{
    must(pthread_cond_broadcast(&c->c), "cond broadcast");
}
void cond_wait(struct cond *c, struct mutex *m)
{
    must(pthread_cond_wait(&c->c, &m->m), "cond wait");
}

bool cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns)
{
    struct timespec at = {
        .tv_sec = (time_t)(deadline_ns / NS_PER_S),
        .tv_nsec = (long)(deadline_ns % NS_PER_S),
    };
    int rc = pthread_cond_timedwait(&c->c, &m->m, &at);
    if (rc == ETIMEDOUT) {
        return false;
    }
    must(rc, "cond timed wait");
    return true;
}
