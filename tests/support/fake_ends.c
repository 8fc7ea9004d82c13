#include "tests/support/fake_ends.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "flow/batch.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_NS (UINT64_C(20) * NS_PER_S)

struct fake_source {
    struct fake_job *job;
    struct rng rng;
    const struct fake_work *work; /* NULL: closed */
    bool failed;                  /* only abandon is left */
    uint64_t at;                  /* bytes of the work that are in batches */
    char *row;
    size_t row_left;
};

struct fake_sink {
    struct fake_job *job;
    struct rng rng;
    struct fake_work *work; /* NULL: no transaction */
    bool failed;            /* only rollback is left */
    uint64_t at;
    uint64_t rows;
};

struct fake_job {
    struct fake_config config;
    struct fake_source *source;
    struct fake_sink *sink;
    struct source *sources;
    struct sink *sinks;

    struct mutex lock; /* guards the rest, and the works but for their first two fields */
    struct cond changed;
    bool released;
    bool aborted;
    unsigned held;
    uint64_t serial;
    size_t done;
    size_t reports;
    uint64_t bytes_read;
    char wrong[200];
};

static void wrong_locked(struct fake_job *j, const char *what, const struct fake_work *w)
{
    if (j->wrong[0] == '\0') {
        (void)snprintf(j->wrong, sizeof j->wrong, "%.150s (work %d)", what,
                       w == NULL ? -1 : (int)(w - j->config.works));
    }
}

static void wrong(struct fake_job *j, const char *what, const struct fake_work *w)
{
    mutex_lock(&j->lock);
    wrong_locked(j, what, w);
    mutex_unlock(&j->lock);
}

static bool happens(struct rng *rng, unsigned of_thousand)
{
    return rng_between(rng, 1, 1000) <= of_thousand;
}

static struct fake_work *work_of(struct fake_job *j, const struct task *task)
{
    const struct fake_work *w = task->work;
    return &j->config.works[w - j->config.works];
}

static uint64_t work_bytes(const struct fake_work *w)
{
    return (uint64_t)w->rows * w->row_bytes;
}

/* The byte at this place of a work; a row ends with a line break. */
static char pattern(const struct fake_job *j, const struct fake_work *w, uint64_t at)
{
    if ((at + 1) % w->row_bytes == 0) {
        return '\n';
    }
    uint64_t x = (at + (uint64_t)(w - j->config.works) * 7919u) * UINT64_C(0x9e3779b97f4a7c15);
    return (char)('a' + (x >> 40 & 15));
}

/* Stands still until whoever is held may go on. */
static bool pass(struct fake_job *j, bool held, struct err *err)
{
    mutex_lock(&j->lock);
    if (held) {
        j->held++;
        cond_broadcast(&j->changed);
        while (!j->released && !j->aborted) {
            cond_wait(&j->changed, &j->lock);
        }
        j->held--;
    }
    bool go_on = !j->aborted;
    mutex_unlock(&j->lock);
    return go_on || err_set(err, ERR_CANCELLED, "aborted");
}

/* ---- feed ---- */

static struct fake_work *find_pending_locked(struct fake_job *j)
{
    for (size_t i = 0; i < j->config.count; i++) {
        if (j->config.works[i].state == FAKE_PENDING) {
            return &j->config.works[i];
        }
    }
    return NULL;
}

static bool feed_claim(void *self, unsigned stream, struct task *out)
{
    struct fake_job *j = self;
    struct fake_work *w = NULL;
    (void)stream;

    mutex_lock(&j->lock);
    while (!j->aborted && j->done < j->config.count && w == NULL) {
        w = find_pending_locked(j);
        if (w == NULL) {
            cond_wait(&j->changed, &j->lock);
        }
    }
    if (w != NULL) {
        w->state = FAKE_RUNNING;
        w->attempts++;
        w->serial = ++j->serial;
        *out = (struct task){.work = w, .serial = w->serial, .weight_bytes = work_bytes(w)};
    }
    mutex_unlock(&j->lock);
    return w != NULL;
}

/* A second report of the same attempt finds another serial, or none. */
static struct fake_work *report_locked(struct fake_job *j, const struct task *task)
{
    struct fake_work *w = work_of(j, task);
    if (w->state != FAKE_RUNNING || w->serial != task->serial) {
        wrong_locked(j, "a task was reported twice", w);
    }
    w->serial = 0;
    j->reports++;
    cond_broadcast(&j->changed);
    return w;
}

static void feed_done(void *self, const struct task *task, const struct task_result *result)
{
    struct fake_job *j = self;
    mutex_lock(&j->lock);
    struct fake_work *w = report_locked(j, task);
    if (!w->committed) {
        wrong_locked(j, "reported as done without a commit", w);
    }
    w->state = FAKE_DONE;
    w->done++;
    w->result = *result;
    j->done++;
    mutex_unlock(&j->lock);
}

static void feed_failed(void *self, const struct task *task, const struct err *err)
{
    struct fake_job *j = self;
    mutex_lock(&j->lock);
    struct fake_work *w = report_locked(j, task);
    if (err->kind == ERR_NONE || err->msg[0] == '\0') {
        wrong_locked(j, "reported as failed without an error", w);
    }
    if (err->kind == ERR_DATA) {
        wrong_locked(j, err->msg, w);
    }
    w->state = FAKE_PENDING;
    w->failed++;
    mutex_unlock(&j->lock);
}

/* ---- source ---- */

static bool source_begin(void *self, const struct task *task, struct err *err)
{
    struct fake_source *s = self;
    if (s->work != NULL) {
        wrong(s->job, "source: begin with a task open", s->work);
    }
    s->work = work_of(s->job, task);
    s->at = 0;
    s->row_left = 0;
    s->failed = happens(&s->rng, s->job->config.faults.source_begin);
    return !s->failed || err_set(err, ERR_TRANSIENT, "source: begin failed");
}

static void make_row(struct fake_source *s)
{
    for (size_t i = 0; i < s->work->row_bytes; i++) {
        s->row[i] = pattern(s->job, s->work, s->at + i);
    }
    s->row_left = s->work->row_bytes;
}

/* As a real end does it: whole rows, and only one wider than a batch is cut. */
static bool put_row(struct fake_source *s, struct batch *b)
{
    size_t width = s->work->row_bytes;
    size_t left = b->room - b->len;
    if (left == 0 || (s->row_left == width && width > left && width <= b->room)) {
        return false;
    }
    if (s->row_left == width) {
        b->rows++;
        b->row_widest = width;
    }
    size_t put = batch_append(b, s->row + (width - s->row_left), s->row_left);
    s->row_left -= put;
    s->at += put;
    return s->row_left == 0;
}

static void note_read(struct fake_source *s, size_t bytes)
{
    mutex_lock(&s->job->lock);
    s->job->bytes_read += bytes;
    mutex_unlock(&s->job->lock);
}

static bool source_fill(void *self, struct batch *b, bool *end, uint64_t *rows_total,
                        struct err *err)
{
    struct fake_source *s = self;
    if (s->work == NULL || s->failed || b->state != BATCH_FILLING || b->len != 0 || b->rows != 0) {
        wrong(s->job, "source: fill out of turn, or of a used batch", s->work);
        return err_set(err, ERR_SYSTEM, "fill out of turn");
    }
    if (!pass(s->job, s->job->config.hold_source, err) ||
        happens(&s->rng, s->job->config.faults.source_fill)) {
        s->failed = true;
        (void)batch_append(b, "?", 1); /* torn in the middle of a row */
        return err->kind == ERR_CANCELLED ? false : err_set(err, ERR_TRANSIENT, "source: lost");
    }
    bool room = true;
    while (room && (s->row_left > 0 || s->at < work_bytes(s->work))) {
        if (s->row_left == 0) {
            make_row(s);
        }
        room = put_row(s, b);
    }
    note_read(s, b->len);
    *end = room;
    if (room) {
        *rows_total = s->work->rows;
        s->work = NULL;
    }
    return true;
}

static void source_abandon(void *self)
{
    struct fake_source *s = self;
    s->work = NULL;
    s->failed = false;
}

/* ---- sink ---- */

static bool sink_begin(void *self, const struct task *task, bool *already,
                       struct task_result *result, struct err *err)
{
    struct fake_sink *s = self;
    struct fake_job *j = s->job;
    struct fake_work *w = work_of(j, task);
    if (s->work != NULL || s->failed) {
        wrong(j, "sink: begin within a transaction", s->work);
    }
    if (happens(&s->rng, j->config.faults.sink_begin)) {
        s->failed = true;
        return err_set(err, ERR_TRANSIENT, "sink: begin failed");
    }
    mutex_lock(&j->lock);
    *already = w->committed;
    mutex_unlock(&j->lock);
    if (*already) {
        *result = (struct task_result){.rows = w->rows, .wire_bytes = work_bytes(w)};
        return true;
    }
    s->work = w;
    s->at = 0;
    s->rows = 0;
    return true;
}

static bool take_bytes(struct fake_sink *s, const char *bytes, size_t len)
{
    if (len > work_bytes(s->work) - s->at) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != pattern(s->job, s->work, s->at + i)) {
            return false;
        }
        s->rows += bytes[i] == '\n';
    }
    s->at += len;
    return true;
}

static bool sink_write(void *self, const char *bytes, size_t len, struct err *err)
{
    struct fake_sink *s = self;
    if (s->work == NULL || s->failed || len == 0) {
        wrong(s->job, "sink: write out of turn", s->work);
        return err_set(err, ERR_SYSTEM, "write out of turn");
    }
    for (unsigned i = 0; i < s->job->config.slow_sink; i++) {
        (void)sched_yield();
    }
    s->failed = true;
    if (!pass(s->job, s->job->config.hold_sink, err)) {
        return false;
    }
    if (happens(&s->rng, s->job->config.faults.sink_write)) {
        return err_set(err, ERR_TRANSIENT, "sink: lost");
    }
    if (!take_bytes(s, bytes, len)) {
        return err_set(err, ERR_DATA, "sink: other bytes than the source sent");
    }
    s->failed = false;
    return true;
}

static void commit_locked(struct fake_sink *s, uint64_t rows_read, uint64_t wire_bytes)
{
    struct fake_work *w = s->work;
    if (w->committed) {
        wrong_locked(s->job, "sink: committed twice", w);
    }
    if (s->at != work_bytes(w) || s->rows != w->rows || rows_read != w->rows ||
        wire_bytes != s->at) {
        wrong_locked(s->job, "sink: commit of a part, or of a wrong count", w);
    }
    w->committed = true;
    w->commits++;
}

static bool sink_commit(void *self, const struct task *task, uint64_t rows_read,
                        uint64_t wire_bytes, struct task_result *result, struct err *err)
{
    struct fake_sink *s = self;
    if (s->work == NULL || s->failed || s->work != task->work) {
        wrong(s->job, "sink: commit out of turn", s->work);
        return err_set(err, ERR_SYSTEM, "commit out of turn");
    }
    if (happens(&s->rng, s->job->config.faults.sink_commit)) {
        s->failed = true;
        return err_set(err, ERR_TRANSIENT, "sink: commit failed");
    }
    mutex_lock(&s->job->lock);
    commit_locked(s, rows_read, wire_bytes);
    mutex_unlock(&s->job->lock);
    *result = (struct task_result){.rows = s->rows, .wire_bytes = s->at};
    s->work = NULL;
    if (happens(&s->rng, s->job->config.faults.lost_answer)) {
        s->failed = true;
        return err_set(err, ERR_TRANSIENT, "sink: no answer to the commit");
    }
    return true;
}

static void sink_rollback(void *self)
{
    struct fake_sink *s = self;
    s->work = NULL;
    s->failed = false;
}

/* ---- the job ---- */

static size_t widest(const struct fake_config *c)
{
    size_t width = 1;
    for (size_t i = 0; i < c->count; i++) {
        width = c->works[i].row_bytes > width ? c->works[i].row_bytes : width;
    }
    return width;
}

static bool init_stream(struct fake_job *j, unsigned i)
{
    struct fake_source *from = &j->source[i];
    struct fake_sink *to = &j->sink[i];
    from->job = j;
    to->job = j;
    rng_seed(&from->rng, j->config.seed + UINT64_C(2) * i);
    rng_seed(&to->rng, j->config.seed + UINT64_C(2) * i + 1);
    from->row = malloc(widest(&j->config));
    j->sources[i] = (struct source){
        .self = from, .begin = source_begin, .fill = source_fill, .abandon = source_abandon};
    j->sinks[i] = (struct sink){.self = to,
                                .begin = sink_begin,
                                .write = sink_write,
                                .commit = sink_commit,
                                .rollback = sink_rollback};
    return from->row != NULL;
}

struct fake_job *fake_job_new(const struct fake_config *config)
{
    struct fake_job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return NULL;
    }
    mutex_init(&j->lock);
    cond_init(&j->changed);
    j->config = *config;
    j->source = calloc(config->streams, sizeof *j->source);
    j->sink = calloc(config->streams, sizeof *j->sink);
    j->sources = calloc(config->streams, sizeof *j->sources);
    j->sinks = calloc(config->streams, sizeof *j->sinks);
    bool ok = j->source != NULL && j->sink != NULL && j->sources != NULL && j->sinks != NULL;
    for (unsigned i = 0; ok && i < config->streams; i++) {
        ok = init_stream(j, i);
    }
    if (!ok) {
        fake_job_free(j);
        return NULL;
    }
    return j;
}

void fake_job_free(struct fake_job *j)
{
    if (j == NULL) {
        return;
    }
    for (unsigned i = 0; j->source != NULL && i < j->config.streams; i++) {
        free(j->source[i].row);
    }
    free(j->source);
    free(j->sink);
    free(j->sources);
    free(j->sinks);
    cond_destroy(&j->changed);
    mutex_destroy(&j->lock);
    free(j);
}

struct feed fake_feed(struct fake_job *j)
{
    return (struct feed){.self = j, .claim = feed_claim, .done = feed_done, .failed = feed_failed};
}

const struct source *fake_sources(const struct fake_job *j)
{
    return j->sources;
}

const struct sink *fake_sinks(const struct fake_job *j)
{
    return j->sinks;
}

static void set(struct fake_job *j, bool *what)
{
    mutex_lock(&j->lock);
    *what = true;
    cond_broadcast(&j->changed);
    mutex_unlock(&j->lock);
}

void fake_release(struct fake_job *j)
{
    set(j, &j->released);
}

void fake_abort(struct fake_job *j)
{
    set(j, &j->aborted);
}

bool fake_wait_held(struct fake_job *j, unsigned threads)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    mutex_lock(&j->lock);
    bool in_time = true;
    while (in_time && j->held < threads) {
        in_time = cond_wait_until(&j->changed, &j->lock, until_ns);
    }
    mutex_unlock(&j->lock);
    return in_time;
}

bool fake_wait_reports(struct fake_job *j, size_t reports)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    mutex_lock(&j->lock);
    bool in_time = true;
    while (in_time && j->reports < reports) {
        in_time = cond_wait_until(&j->changed, &j->lock, until_ns);
    }
    mutex_unlock(&j->lock);
    return in_time;
}

uint64_t fake_bytes_read(struct fake_job *j)
{
    mutex_lock(&j->lock);
    uint64_t bytes = j->bytes_read;
    mutex_unlock(&j->lock);
    return bytes;
}

static void check_works_locked(struct fake_job *j)
{
    for (size_t i = 0; i < j->config.count; i++) {
        const struct fake_work *w = &j->config.works[i];
        unsigned reports = w->done + w->failed;
        if (w->commits > 1 || w->done > 1) {
            wrong_locked(j, "done twice", w);
        }
        /* An attempt that a cancelled run broke off is the only one without a report. */
        if (w->attempts != reports && !(j->aborted && w->attempts == reports + 1)) {
            wrong_locked(j, "an attempt was not reported", w);
        }
    }
}

const char *fake_wrong(struct fake_job *j)
{
    mutex_lock(&j->lock);
    for (unsigned i = 0; i < j->config.streams; i++) {
        if (j->source[i].work != NULL || j->source[i].failed) {
            wrong_locked(j, "a source was left open", j->source[i].work);
        }
        if (j->sink[i].work != NULL || j->sink[i].failed) {
            wrong_locked(j, "a transaction was left open", j->sink[i].work);
        }
    }
    check_works_locked(j);
    mutex_unlock(&j->lock);
    return j->wrong;
}
