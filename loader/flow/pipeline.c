/* eventfd, pthread_timedjoin_np and thread names: Linux with glibc. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "flow/pipeline.h"

#include "base/clock.h"
#include "flow/batch.h"
#include "flow/pool.h"
#include "flow/queue.h"
#include "flow/stop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Batches of earlier tasks that may wait for the writer when a reader takes its next task. */
#define AHEAD_BATCHES_MAX 32u

struct stream {
    struct pipeline *owner;
    unsigned no;
    const struct source *source;
    const struct sink *sink;
    struct pool *pool;
    struct queue *queue;
    /* The serial of a task whose rows the writer no longer wants. Relaxed: it only saves work. */
    atomic_uint_fast64_t discarded;
    struct counters counters;
    pthread_t reader;
    pthread_t writer;
    bool reader_runs; /* started and not yet joined */
    bool writer_runs;
};

struct pipeline {
    struct feed feed;
    unsigned streams;
    int done_fd;
    atomic_uint running; /* threads that have not ended */
    struct stream stream[];
};

/* ---- reader ---- */

static bool is_discarded(struct stream *s, const struct task *task)
{
    return atomic_load_explicit(&s->discarded, memory_order_relaxed) == task->serial;
}

static struct batch *take(struct stream *s, const struct task *task)
{
    uint64_t wait_ns = 0;
    struct batch *b = pool_take(s->pool, &wait_ns);
    counter_add(&s->counters.pool_wait_ns, wait_ns);
    if (b != NULL) {
        b->task = *task;
    }
    return b;
}

/* False when the run was cancelled; the batch is back in the pool then. */
static bool push(struct stream *s, struct batch *b)
{
    batch_move(b, BATCH_SEALED);
    if (queue_push(s->queue, b) == QUEUE_OK) {
        return true;
    }
    pool_give(s->pool, b);
    return false;
}

/* Ends the task on the writer's side with the reader's error. */
static bool push_broken(struct stream *s, struct batch *b, const struct err *why)
{
    s->source->abandon(s->source->self);
    b->mark = BATCH_BROKEN;
    b->broken = *why;
    b->len = 0;
    return push(s, b);
}

/* Reads one task into batches. False: the run was cancelled. */
static bool read_task(struct stream *s, const struct task *task)
{
    struct err err = {.kind = ERR_NONE};
    bool begun = s->source->begin(s->source->self, task, &err);
    bool end = false;

    while (!end) {
        struct batch *b = take(s, task);
        if (b == NULL) {
            s->source->abandon(s->source->self);
            return false;
        }
        if (begun && is_discarded(s, task)) {
            begun = err_set(&err, ERR_TRANSIENT, "the destination gave this chunk up");
        }
        if (!begun || !s->source->fill(s->source->self, b, &end, &b->rows_total, &err)) {
            return push_broken(s, b, &err);
        }
        counter_add(&s->counters.rows_read, b->rows);
        counter_add(&s->counters.bytes_read, b->len);
        if (b->row_widest > counter_get(&s->counters.row_widest_bytes)) {
            counter_set(&s->counters.row_widest_bytes, b->row_widest);
        }
        b->mark = end ? BATCH_LAST : BATCH_MORE;
        if (!push(s, b)) {
            s->source->abandon(s->source->self);
            return false;
        }
    }
    return true;
}

static void thread_ended(struct pipeline *p)
{
    const uint64_t one = 1;
    if (atomic_fetch_sub(&p->running, 1) == 1) {
        ssize_t ignored = write(p->done_fd, &one, sizeof one);
        (void)ignored;
    }
}

/* A reader far ahead of its writer would keep tasks from streams that have nothing to do. */
static bool next_task(struct stream *s, struct task *task)
{
    uint64_t wait_ns = 0;
    bool go_on = pool_wait_settled(s->pool, AHEAD_BATCHES_MAX, &wait_ns);
    counter_add(&s->counters.pool_wait_ns, wait_ns);
    return go_on && s->owner->feed.claim(s->owner->feed.self, s->no, task);
}

static void *reader_main(void *arg)
{
    struct stream *s = arg;
    struct task task;

    while (next_task(s, &task)) {
        assert(task.serial != 0);
        if (!read_task(s, &task)) {
            break;
        }
    }
    queue_close(s->queue);
    thread_ended(s->owner);
    return NULL;
}

/* ---- writer ---- */

/* The task that the writer has open. serial 0: none. */
struct open_task {
    struct task task;
    uint64_t wire_bytes;
    uint64_t began_ns;
    bool failed; /* reported; the rest of its batches is thrown away */
    bool already;
    struct task_result result;
};

static void fail_open(struct stream *s, struct open_task *open, const struct err *err)
{
    s->sink->rollback(s->sink->self);
    atomic_store_explicit(&s->discarded, open->task.serial, memory_order_relaxed);
    open->failed = true;
    s->owner->feed.failed(s->owner->feed.self, &open->task, err);
}

static void begin_open(struct stream *s, struct open_task *open, const struct task *task)
{
    struct err err = {.kind = ERR_NONE};
    *open = (struct open_task){.task = *task, .began_ns = clock_mono_ns()};
    counter_set(&s->counters.task_sent_bytes, 0);
    counter_set(&s->counters.task_weight_bytes, task->weight_bytes + 1);
    if (stop_level() != STOP_RUN) {
        /* Read ahead but not begun: a stop finishes only what the destination already has. */
        (void)err_set(&err, ERR_CANCELLED, "stopped before it began");
        fail_open(s, open, &err);
        return;
    }
    if (!s->sink->begin(s->sink->self, task, &open->already, &open->result, &err)) {
        fail_open(s, open, &err);
    } else if (open->already) {
        atomic_store_explicit(&s->discarded, task->serial, memory_order_relaxed);
    }
}

static void commit_open(struct stream *s, struct open_task *open, uint64_t rows_read)
{
    struct err err = {.kind = ERR_NONE};
    uint64_t began_ns = clock_mono_ns();
    bool ok = s->sink->commit(s->sink->self, &open->task, rows_read, open->wire_bytes,
                              &open->result, &err);
    uint64_t now_ns = clock_mono_ns();
    if (!ok) {
        counter_add(&s->counters.send_ns, now_ns - began_ns);
        fail_open(s, open, &err);
        return;
    }
    counter_add(&s->counters.commit_ns, open->result.commit_ns);
    counter_add(&s->counters.send_ns, now_ns - began_ns - open->result.commit_ns);
    open->result.busy_ns = now_ns - open->began_ns;
    s->owner->feed.done(s->owner->feed.self, &open->task, &open->result);
}

/* The end of a task, as the batch's mark says. */
static void end_open(struct stream *s, struct open_task *open, const struct batch *b)
{
    if (open->already) {
        open->result.already_done = true;
        s->owner->feed.done(s->owner->feed.self, &open->task, &open->result);
    } else if (!open->failed && b->mark == BATCH_BROKEN) {
        fail_open(s, open, &b->broken);
    } else if (!open->failed) {
        commit_open(s, open, b->rows_total);
    }
    counter_set(&s->counters.task_weight_bytes, 0);
    *open = (struct open_task){.task = {.serial = 0}};
}

static void write_batch(struct stream *s, struct open_task *open, struct batch *b)
{
    struct err err = {.kind = ERR_NONE};

    batch_move(b, BATCH_SENDING);
    if (open->task.serial != b->task.serial) {
        assert(open->task.serial == 0);
        begin_open(s, open, &b->task);
    }
    if (!open->failed && !open->already && b->len > 0) {
        uint64_t began_ns = clock_mono_ns();
        bool ok = s->sink->write(s->sink->self, b->bytes, b->len, &err);
        counter_add(&s->counters.send_ns, clock_mono_ns() - began_ns);
        if (ok) {
            open->wire_bytes += b->len;
            counter_add(&s->counters.bytes_sent, b->len);
            counter_add(&s->counters.task_sent_bytes, b->len);
        } else {
            fail_open(s, open, &err);
        }
    }
    if (b->mark != BATCH_MORE) {
        end_open(s, open, b);
    }
}

static void *writer_main(void *arg)
{
    struct stream *s = arg;
    struct open_task open = {.task = {.serial = 0}};
    void *item;

    for (;;) {
        uint64_t began_ns = clock_mono_ns();
        enum queue_status status = queue_pop(s->queue, QUEUE_WAIT_FOREVER, &item);
        if (status != QUEUE_OK) {
            break; /* this last wait was for nothing to do */
        }
        counter_add(&s->counters.queue_wait_ns, clock_mono_ns() - began_ns);
        write_batch(s, &open, item);
        pool_give(s->pool, item);
    }
    if (open.task.serial != 0 && !open.failed) {
        s->sink->rollback(s->sink->self); /* cancelled in the middle: nobody asks any more */
    }
    thread_ended(s->owner);
    return NULL;
}

/* ---- control ---- */

static size_t batch_bytes(uint64_t memory_bytes, unsigned streams)
{
    uint64_t share = memory_bytes / streams / 4; /* two being filled and sent, two on the way */
    share = share > PIPELINE_BATCH_BYTES ? PIPELINE_BATCH_BYTES : share;
    return (size_t)(share < PIPELINE_BATCH_BYTES_MIN ? PIPELINE_BATCH_BYTES_MIN : share);
}

static bool stream_init(struct stream *s, const struct pipeline_options *o, struct err *err)
{
    size_t bytes = batch_bytes(o->memory_bytes, o->streams);
    size_t count = (size_t)(o->memory_bytes / o->streams / bytes);
    count = count < 2 ? 2 : count;
    s->pool = pool_new(count, bytes);
    s->queue = queue_new(count); /* as large as the pool: a push never waits */
    if (s->pool == NULL || s->queue == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for %u streams", o->streams);
    }
    return true;
}

static bool thread_start(struct pipeline *p, pthread_t *thread, void *(*body)(void *),
                         struct stream *s, struct err *err)
{
    atomic_fetch_add(&p->running, 1);
    int rc = pthread_create(thread, NULL, body, s);
    if (rc != 0) {
        atomic_fetch_sub(&p->running, 1);
        return err_set(err, ERR_SYSTEM, "cannot start a thread: error %d", rc);
    }
    char name[16];
    (void)snprintf(name, sizeof name, "%s-%u", body == reader_main ? "reader" : "writer", s->no);
    (void)pthread_setname_np(*thread, name);
    return true;
}

static bool start_all(struct pipeline *p, struct err *err)
{
    for (unsigned i = 0; i < p->streams; i++) {
        struct stream *s = &p->stream[i];
        s->writer_runs = thread_start(p, &s->writer, writer_main, s, err);
        s->reader_runs = s->writer_runs && thread_start(p, &s->reader, reader_main, s, err);
        if (!s->reader_runs) {
            queue_close(s->queue);
            return false;
        }
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
    bool ok = start_all(p, err);
    thread_ended(p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool pipeline_start(const struct pipeline_options *o, struct pipeline **out, struct err *err)
{
    assert(o->streams >= 1 && o->streams <= PIPELINE_STREAMS_MAX);

    size_t size = sizeof(struct pipeline) + o->streams * sizeof(struct stream);
    struct pipeline *p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (p == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for %u streams", o->streams);
    }
    *p = (struct pipeline){.feed = o->feed, .streams = o->streams};
    p->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool ok = p->done_fd >= 0 || err_set_errno(err, "eventfd");
    for (unsigned i = 0; i < o->streams; i++) {
        struct stream *s = &p->stream[i];
        *s = (struct stream){.owner = p, .no = i, .source = &o->sources[i], .sink = &o->sinks[i]};
        ok = ok && stream_init(s, o, err);
    }
    if (!ok || !start_threads(p, err)) {
        pipeline_cancel(p);
        if (pipeline_join(p, 1000)) {
            pipeline_free(p);
        }
        return false;
    }
    *out = p;
    return true;
}

void pipeline_cancel(struct pipeline *p)
{
    for (unsigned i = 0; i < p->streams; i++) {
        if (p->stream[i].pool != NULL && p->stream[i].queue != NULL) {
            pool_cancel(p->stream[i].pool);
            queue_cancel(p->stream[i].queue);
        }
    }
}

int pipeline_done_fd(const struct pipeline *p)
{
    return p->done_fd;
}

static bool join_one(pthread_t thread, bool *runs, unsigned timeout_ms)
{
    if (!*runs) {
        return true;
    }
    int64_t until_ms = clock_wall_ms() + (int64_t)timeout_ms;
    struct timespec until = {
        .tv_sec = (time_t)(until_ms / 1000),
        .tv_nsec = (long)(until_ms % 1000) * 1000000L,
    };
    *runs = pthread_timedjoin_np(thread, NULL, &until) != 0;
    return !*runs;
}

bool pipeline_join(struct pipeline *p, unsigned timeout_ms)
{
    bool all = true;
    for (unsigned i = 0; i < p->streams; i++) {
        struct stream *s = &p->stream[i];
        all = join_one(s->reader, &s->reader_runs, timeout_ms) && all;
        all = join_one(s->writer, &s->writer_runs, timeout_ms) && all;
    }
    return all;
}

static void give_back(void *pool, void *batch)
{
    pool_give(pool, batch);
}

static void stream_fini(struct stream *s)
{
    if (s->queue != NULL) {
        (void)queue_drain(s->queue, give_back, s->pool);
    }
    queue_free(s->queue);
    pool_free(s->pool);
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL) {
        return;
    }
    for (unsigned i = 0; i < p->streams; i++) {
        assert(!p->stream[i].reader_runs && !p->stream[i].writer_runs);
        stream_fini(&p->stream[i]);
    }
    if (p->done_fd >= 0) {
        (void)close(p->done_fd);
    }
    free(p);
}

const struct counters *pipeline_counters(const struct pipeline *p, unsigned stream)
{
    assert(stream < p->streams);
    return &p->stream[stream].counters;
}

unsigned pipeline_busy(const struct pipeline *p)
{
    unsigned busy = 0;
    for (unsigned i = 0; i < p->streams; i++) {
        busy += counter_get(&p->stream[i].counters.task_weight_bytes) != 0;
    }
    return busy;
}

size_t pipeline_memory_bytes(struct pipeline *p)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < p->streams; i++) {
        bytes += pool_allocated_bytes(p->stream[i].pool);
    }
    return bytes;
}
