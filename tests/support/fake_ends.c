#include "tests/support/fake_ends.h"

#include "base/clock.h"
#include "tests/support/fake_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_NS (UINT64_C(20) * NS_PER_S)

void fake_note_wrong_locked(struct fake_job *j, const char *what, const struct fake_group *g)
{
    if (j->wrong[0] == '\0') {
        (void)snprintf(j->wrong, sizeof j->wrong, "%.150s (chunk %d, %u)", what,
                       g == NULL ? -1 : (int)g->first, g == NULL ? 0 : g->count);
    }
}

void fake_note_wrong(struct fake_job *j, const char *what, const struct fake_group *g)
{
    mutex_lock(&j->lock);
    fake_note_wrong_locked(j, what, g);
    mutex_unlock(&j->lock);
}

bool fake_happens(struct rng *rng, unsigned of_thousand)
{
    return of_thousand > 0 && rng_between(rng, 1, 1000) <= of_thousand;
}

uint64_t fake_chunk_bytes(const struct fake_chunk *c)
{
    return (uint64_t)c->rows * c->row_bytes;
}

struct fake_chunk *fake_chunk_of(const struct fake_job *j, const struct fake_group *g,
                                 unsigned part)
{
    return &j->config.chunks[g->first + part];
}

struct fake_group *fake_group_of(const struct fake_job *j, const struct task *task)
{
    struct fake_group *g = j->groups;
    while (g != NULL && g != task->work) {
        g = g->next;
    }
    return g;
}

void fake_check_parts_locked(struct fake_job *j, const struct fake_group *g,
                             const struct part *parts)
{
    for (unsigned i = 0; i < g->count; i++) {
        const struct fake_chunk *c = fake_chunk_of(j, g, i);
        if (parts[i].rows != c->rows || parts[i].bytes != fake_chunk_bytes(c)) {
            fake_note_wrong_locked(j, "the counts of a part are wrong", g);
        }
    }
}

/* ---- feed ---- */

/* NULL without memory. */
static struct fake_group *hand_out_locked(struct fake_job *j, size_t first, unsigned count,
                                          struct task *out)
{
    struct fake_group *g = calloc(1, sizeof *g);
    uint64_t bytes = 0;
    if (g == NULL) {
        return NULL;
    }
    *g = (struct fake_group){
        .first = first, .count = count, .serial = ++j->serial, .next = j->groups};
    j->groups = g;
    for (unsigned i = 0; i < count; i++) {
        fake_chunk_of(j, g, i)->state = FAKE_RUNNING;
        bytes += fake_chunk_bytes(fake_chunk_of(j, g, i));
    }
    *out = (struct task){.work = g, .serial = g->serial, .weight_bytes = bytes, .parts = count};
    return g;
}

static bool claim_locked(struct fake_job *j, struct task *out)
{
    size_t first = 0;
    while (first < j->config.count && j->config.chunks[first].state != FAKE_PENDING) {
        first++;
    }
    if (first == j->config.count) {
        return false;
    }
    unsigned most = j->config.group == 0 || j->config.chunks[first].again ? 1 : j->config.group;
    unsigned count = 1;
    while (count < most && first + count < j->config.count &&
           j->config.chunks[first + count].state == FAKE_PENDING &&
           !j->config.chunks[first + count].again) {
        count++;
    }
    return hand_out_locked(j, first, count, out) != NULL;
}

static bool feed_claim(void *self, unsigned reader, struct task *out)
{
    struct fake_job *j = self;
    bool got = false;
    mutex_lock(&j->lock);
    if (reader >= j->config.readers) {
        fake_note_wrong_locked(j, "claimed by a reader that is none", NULL);
    }
    while (!got && !j->aborted && !j->given_back && j->sums.done < j->config.count) {
        got = claim_locked(j, out);
        if (!got) {
            cond_wait(&j->changed, &j->lock);
        }
    }
    mutex_unlock(&j->lock);
    return got;
}

static struct fake_group *report_locked(struct fake_job *j, const struct task *task)
{
    struct fake_group *g = fake_group_of(j, task);
    if (g == NULL || g->reported || g->serial != task->serial || g->count != task->parts) {
        fake_note_wrong_locked(j, "a task was reported twice, or is none", g);
    }
    j->sums.reports++;
    cond_broadcast(&j->changed);
    return g;
}

/* It may be after the task failed, when the writer was faster with that. */
static void feed_read(void *self, const struct task *task)
{
    struct fake_job *j = self;
    mutex_lock(&j->lock);
    struct fake_group *g = fake_group_of(j, task);
    for (unsigned i = 0; g != NULL && !g->reported && i < g->count; i++) {
        if (fake_chunk_of(j, g, i)->state != FAKE_RUNNING || fake_chunk_of(j, g, i)->read) {
            fake_note_wrong_locked(j, "read twice, or out of turn", g);
        }
        fake_chunk_of(j, g, i)->read = true;
    }
    cond_broadcast(&j->changed);
    mutex_unlock(&j->lock);
}

static void feed_done(void *self, const struct task *task, const struct task_result *result)
{
    struct fake_job *j = self;
    mutex_lock(&j->lock);
    struct fake_group *g = report_locked(j, task);
    for (unsigned i = 0; g != NULL && i < g->count; i++) {
        struct fake_chunk *c = fake_chunk_of(j, g, i);
        if (!c->committed || (!result->already_done && !c->read)) {
            fake_note_wrong_locked(j, "reported as done without a commit", g);
        }
        c->state = FAKE_DONE;
        c->read = false;
        c->done++;
        c->already = result->already_done;
    }
    if (g != NULL) {
        g->reported = true;
        j->sums.done += g->count;
        fake_check_parts_locked(j, g, result->parts);
    }
    mutex_unlock(&j->lock);
}

static void give_up_locked(struct fake_job *j, struct fake_group *g)
{
    if (j->given_back && !j->aborted) {
        fake_note_wrong_locked(j, "a task that cannot be read again was given up", g);
    }
    g->reported = true;
    j->sums.failed++;
    for (unsigned i = 0; i < g->count; i++) {
        struct fake_chunk *c = fake_chunk_of(j, g, i);
        c->state = FAKE_PENDING;
        c->read = false;
        c->again = true;
    }
}

static enum after_failure feed_failed(void *self, const struct task *task, const struct err *err,
                                      bool resendable, uint64_t *wait_ms)
{
    struct fake_job *j = self;
    mutex_lock(&j->lock);
    struct fake_group *g = report_locked(j, task);
    if (err->kind == ERR_NONE || err->msg[0] == '\0') {
        fake_note_wrong_locked(j, "reported as failed without an error", g);
    }
    if ((err->kind != ERR_TRANSIENT && err->kind != ERR_CANCELLED) ||
        (err->kind == ERR_CANCELLED && !j->aborted)) {
        fake_note_wrong_locked(j, err->msg, g);
    }
    bool resend = resendable && g != NULL && err->kind != ERR_CANCELLED && !j->aborted &&
                  (j->given_back || fake_happens(&j->rng, j->config.resend));
    if (resend) {
        *wait_ms = rng_between(&j->rng, 0, j->config.resend_wait_ms);
        j->sums.resends++;
    } else if (g != NULL) {
        give_up_locked(j, g);
    }
    mutex_unlock(&j->lock);
    return resend ? TASK_RESEND : TASK_REREAD;
}

/* ---- the job ---- */

struct fake_job *fake_job_new(const struct fake_config *config)
{
    struct fake_job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return NULL;
    }
    j->config = *config;
    for (size_t i = 0; i < config->count; i++) {
        j->sums.done += config->chunks[i].state == FAKE_DONE;
    }
    mutex_init(&j->lock);
    cond_init(&j->changed);
    rng_seed(&j->rng, config->seed);
    j->source = calloc(config->readers + 1, sizeof *j->source);
    j->sink = calloc(config->writers + 1, sizeof *j->sink);
    j->sources = calloc(config->readers + 1, sizeof *j->sources);
    j->sinks = calloc(config->writers + 1, sizeof *j->sinks);
    if (j->source == NULL || j->sink == NULL || j->sources == NULL || j->sinks == NULL) {
        fake_job_free(j);
        return NULL;
    }
    for (unsigned i = 0; i < config->readers; i++) {
        fake_init_reader(j, i);
    }
    for (unsigned i = 0; i < config->writers; i++) {
        fake_init_writer(j, i);
    }
    return j;
}

void fake_job_free(struct fake_job *j)
{
    if (j == NULL) {
        return;
    }
    while (j->groups != NULL) {
        struct fake_group *g = j->groups;
        j->groups = g->next;
        free(g);
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
    return (struct feed){.self = j,
                         .claim = feed_claim,
                         .read = feed_read,
                         .done = feed_done,
                         .failed = feed_failed};
}

const struct source *fake_sources(const struct fake_job *j)
{
    return j->sources;
}

const struct sink *fake_sinks(const struct fake_job *j)
{
    return j->sinks;
}

static void set(struct fake_job *j, bool *flag)
{
    mutex_lock(&j->lock);
    *flag = true;
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

void fake_give_source_back(struct fake_job *j)
{
    set(j, &j->given_back);
}

bool fake_adopt(struct fake_job *j, size_t first, unsigned count, struct task *out)
{
    mutex_lock(&j->lock);
    struct fake_group *g = hand_out_locked(j, first, count, out);
    for (unsigned i = 0; g != NULL && i < count; i++) {
        fake_chunk_of(j, g, i)->read = true;
    }
    mutex_unlock(&j->lock);
    return g != NULL;
}

static bool all_read_locked(const struct fake_job *j)
{
    size_t i = 0;
    while (i < j->config.count &&
           (j->config.chunks[i].state == FAKE_DONE || j->config.chunks[i].read)) {
        i++;
    }
    return i == j->config.count;
}

bool fake_all_read(struct fake_job *j, unsigned wait_ms)
{
    uint64_t until_ns = clock_mono_ns() + (uint64_t)wait_ms * NS_PER_MS;
    mutex_lock(&j->lock);
    bool in_time = true;
    while (in_time && !all_read_locked(j)) {
        in_time = cond_wait_until(&j->changed, &j->lock, until_ns);
    }
    bool all = all_read_locked(j);
    mutex_unlock(&j->lock);
    return all;
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
    while (in_time && j->sums.reports < reports) {
        in_time = cond_wait_until(&j->changed, &j->lock, until_ns);
    }
    mutex_unlock(&j->lock);
    return in_time;
}

struct fake_sums fake_sums(struct fake_job *j)
{
    mutex_lock(&j->lock);
    struct fake_sums sums = j->sums;
    mutex_unlock(&j->lock);
    return sums;
}

static void check_ends_locked(struct fake_job *j)
{
    for (unsigned i = 0; i < j->config.readers; i++) {
        if (j->source[i].place.group != NULL || j->source[i].failed) {
            fake_note_wrong_locked(j, "a source was left open", j->source[i].place.group);
        }
    }
    for (unsigned i = 0; i < j->config.writers; i++) {
        if (j->sink[i].place.group != NULL || j->sink[i].failed) {
            fake_note_wrong_locked(j, "a transaction was left open", j->sink[i].place.group);
        }
    }
}

const char *fake_wrong(struct fake_job *j)
{
    mutex_lock(&j->lock);
    check_ends_locked(j);
    for (const struct fake_group *g = j->groups; g != NULL; g = g->next) {
        if (!g->reported) {
            fake_note_wrong_locked(j, "a task was not reported", g);
        }
    }
    for (size_t i = 0; i < j->config.count; i++) {
        const struct fake_chunk *c = &j->config.chunks[i];
        if (c->commits > 1 || c->done > 1 || (c->state == FAKE_DONE) != (c->done == 1)) {
            fake_note_wrong_locked(j, "done twice", NULL);
        }
    }
    mutex_unlock(&j->lock);
    return j->wrong;
}
