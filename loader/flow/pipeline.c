/* eventfd, pthread_timedjoin_np and thread names: Linux with glibc. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "flow/pipeline.h"

#include "flow/pack_level.h"
#include "flow/pipeline_internal.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- counting ---- */

uint64_t worker_spent(struct worker *w, struct spent *spent, enum activity what, uint64_t began_ns)
{
    uint64_t now_ns = clock_mono_ns();
    counter_add(&w->counters.spent_ns[what], now_ns - began_ns);
    if (spent != NULL) {
        spent->ns[what] += now_ns - began_ns;
    }
    return now_ns;
}

void worker_doing(struct worker *w, enum activity what)
{
    counter_set(&w->counters.activity, (uint64_t)what + 1);
}

/* ---- making ---- */

size_t pipeline_batch_room(uint64_t memory_bytes, unsigned readers, unsigned writers)
{
    unsigned streams = readers > writers ? readers : writers;
    /* For each stream: two being filled and sent, two on the way, four in reserve. */
    uint64_t share = memory_bytes / streams / 8;
    share = share > PIPELINE_BATCH_BYTES ? PIPELINE_BATCH_BYTES : share;
    share = share < PIPELINE_BATCH_BYTES_MIN ? PIPELINE_BATCH_BYTES_MIN : share;
    return (size_t)share / 4096 * 4096;
}

static struct worker *make_workers(struct pipeline *p, unsigned count)
{
    struct worker *workers = aligned_alloc(64, (count + 1) * sizeof *workers);
    for (unsigned i = 0; workers != NULL && i <= count; i++) {
        workers[i] = (struct worker){.owner = p, .no = i};
    }
    return workers;
}

static bool make_parts(struct pipeline *p, struct err *err)
{
    const struct pipeline_options *o = &p->options;
    struct depot_options depot = {.memory_bytes = o->memory_bytes,
                                  .room = o->room,
                                  .readers = o->readers,
                                  .writers = o->writers,
                                  .packers = o->packers,
                                  .spill = o->spill,
                                  .pack = o->compression > 0,
                                  .pack_early = o->compression > 0,
                                  .keep_all = o->keep_all,
                                  .max_rate_bytes_s = o->max_rate_bytes_s};
    p->depot = depot_new(&depot);
    p->readers = make_workers(p, o->readers);
    p->writers = make_workers(p, o->writers);
    p->packers = make_workers(p, o->packers);
    p->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->depot == NULL || p->readers == NULL || p->writers == NULL || p->packers == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for %u streams", o->writers);
    }
    return p->done_fd >= 0 || err_set_errno(err, "eventfd");
}

bool pipeline_new(const struct pipeline_options *o, struct pipeline **out, struct err *err)
{
    assert(o->readers <= PIPELINE_STREAMS_MAX && o->packers <= PIPELINE_PACKERS_MAX);
    assert(o->writers >= 1 && o->writers <= PIPELINE_STREAMS_MAX);
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    p->options = *o;
    p->done_fd = -1;
    mutex_init(&p->lock);
    atomic_store(&p->level, o->compression > 0 ? o->compression : PACK_LEVEL_START);
    if (!make_parts(p, err)) {
        pipeline_free(p);
        return false;
    }
    *out = p;
    return true;
}

struct depot *pipeline_depot(struct pipeline *p)
{
    return p->depot;
}

/* ---- threads ---- */

static void thread_ended(struct pipeline *p)
{
    const uint64_t one = 1;
    if (atomic_fetch_sub(&p->running, 1) == 1) {
        ssize_t ignored = write(p->done_fd, &one, sizeof one);
        (void)ignored;
    }
}

static void *reader_main(void *arg)
{
    struct worker *w = arg;
    reader_run(w);
    thread_ended(w->owner);
    return NULL;
}

static void *writer_main(void *arg)
{
    struct worker *w = arg;
    writer_run(w);
    thread_ended(w->owner);
    return NULL;
}

static void *packer_main(void *arg)
{
    struct worker *w = arg;
    packer_run(w);
    thread_ended(w->owner);
    return NULL;
}

static bool start_all(struct worker *workers, unsigned count, const char *what,
                      void *(*body)(void *), struct err *err)
{
    for (unsigned i = 0; i < count; i++) {
        struct pipeline *p = workers[i].owner;
        char name[16];
        atomic_fetch_add(&p->running, 1);
        int rc = pthread_create(&workers[i].thread, NULL, body, &workers[i]);
        if (rc != 0) {
            atomic_fetch_sub(&p->running, 1);
            return err_set(err, ERR_SYSTEM, "cannot start a thread: error %d", rc);
        }
        workers[i].runs = true;
        (void)snprintf(name, sizeof name, "%s-%u", what, i);
        (void)pthread_setname_np(workers[i].thread, name);
    }
    return true;
}

/* Without one that is held back, done_fd could ring between two starts. */
static bool start_threads(struct pipeline *p, struct err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_store(&p->running, 1);
    atomic_store(&p->readers_running, p->options.readers);
    bool ok = start_all(p->packers, p->options.packers, "packer", packer_main, err) &&
              start_all(p->writers, p->options.writers, "writer", writer_main, err) &&
              start_all(p->readers, p->options.readers, "reader", reader_main, err);
    thread_ended(p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool pipeline_start(struct pipeline *p, struct err *err)
{
    if (start_threads(p, err)) {
        return true;
    }
    pipeline_cancel(p);
    bool ended = pipeline_join(p, 10000); /* none can have got to a server */
    assert(ended);
    (void)ended;
    return false;
}

void pipeline_cancel(struct pipeline *p)
{
    depot_cancel(p->depot);
}

int pipeline_done_fd(const struct pipeline *p)
{
    return p->done_fd;
}

bool pipeline_readers_ended(const struct pipeline *p)
{
    return atomic_load(&p->readers_running) == 0;
}

static bool join_all(struct worker *workers, unsigned count, unsigned timeout_ms)
{
    bool all = true;
    for (unsigned i = 0; i < count; i++) {
        int64_t until_ms = clock_wall_ms() + (int64_t)timeout_ms;
        struct timespec until = {
            .tv_sec = (time_t)(until_ms / 1000),
            .tv_nsec = (long)(until_ms % 1000) * 1000000L,
        };
        if (workers[i].runs) {
            workers[i].runs = pthread_timedjoin_np(workers[i].thread, NULL, &until) != 0;
            all = all && !workers[i].runs;
        }
    }
    return all;
}

bool pipeline_join(struct pipeline *p, unsigned timeout_ms)
{
    bool readers = join_all(p->readers, p->options.readers, timeout_ms);
    bool writers = join_all(p->writers, p->options.writers, timeout_ms);
    bool packers = join_all(p->packers, p->options.packers, timeout_ms);
    return readers && writers && packers;
}

/* What nobody has written when the run ended. */
static void give_back(void *self, const struct task *task)
{
    struct pipeline *p = self;
    struct err err;
    uint64_t ignored = 0;
    (void)err_set(&err, ERR_CANCELLED, "stopped by a signal");
    (void)p->options.feed.failed(p->options.feed.self, task, &err, false, &ignored);
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL) {
        return;
    }
    if (p->depot != NULL) {
        depot_drain(p->depot, give_back, p);
    }
    depot_free(p->depot);
    free(p->readers);
    free(p->writers);
    free(p->packers);
    if (p->done_fd >= 0) {
        (void)close(p->done_fd);
    }
    mutex_destroy(&p->lock);
    free(p);
}

/* ---- looking ---- */

const struct counters *pipeline_reader(const struct pipeline *p, unsigned reader)
{
    assert(reader < p->options.readers);
    return &p->readers[reader].counters;
}

const struct counters *pipeline_writer(const struct pipeline *p, unsigned writer)
{
    assert(writer < p->options.writers);
    return &p->writers[writer].counters;
}

const struct counters *pipeline_packer(const struct pipeline *p, unsigned packer)
{
    assert(packer < p->options.packers);
    return &p->packers[packer].counters;
}

unsigned pipeline_busy(const struct pipeline *p)
{
    unsigned busy = 0;
    for (unsigned i = 0; i < p->options.writers; i++) {
        busy += counter_get(&p->writers[i].counters.task_weight_bytes) != 0;
    }
    return busy;
}

int pipeline_level(const struct pipeline *p)
{
    return atomic_load(&p->level);
}

bool pipeline_spill_error(struct pipeline *p, struct err *err)
{
    mutex_lock(&p->lock);
    bool is = p->spill_error.kind != ERR_NONE;
    if (is) {
        *err = p->spill_error;
    }
    mutex_unlock(&p->lock);
    return is;
}
