/* The two ends. */
#include "tests/support/fake_internal.h"

#include <sched.h>

/* The byte at this place of a chunk; a row ends with a line break. */
static char pattern(const struct fake_job *j, const struct fake_chunk *c, uint64_t at)
{
    if ((at + 1) % c->row_bytes == 0) {
        return '\n';
    }
    uint64_t x = (at / 3 + (uint64_t)(c - j->config.chunks) * 7919u) * UINT64_C(0x9e3779b97f4a7c15);
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

static void dawdle(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        (void)sched_yield();
    }
}

/* ---- source ---- */

static bool source_begin(void *self, const struct task *task, struct err *err)
{
    struct fake_source *s = self;
    mutex_lock(&s->job->lock);
    if (s->place.group != NULL || s->failed || s->job->given_back) {
        fake_note_wrong_locked(s->job, "source: begin with a task open, or after the end",
                               s->place.group);
    }
    s->place = (struct place){.group = fake_group_of(s->job, task)};
    mutex_unlock(&s->job->lock);
    s->failed = fake_happens(&s->rng, s->job->config.faults.source_begin);
    return !s->failed || err_set(err, ERR_TRANSIENT, "source: begin failed");
}

/* As a real end does it: whole rows, and only one wider than a batch is cut. Returns how much. */
static size_t put_row(struct fake_source *s, char *to, size_t room, size_t row_room)
{
    const struct fake_chunk *c = fake_chunk_of(s->job, s->place.group, s->place.part);
    size_t left = c->row_bytes - s->place.at % c->row_bytes;
    if (left > room && left == c->row_bytes && left <= row_room) {
        return 0;
    }
    size_t put = left < room ? left : room;
    for (size_t i = 0; i < put; i++) {
        to[i] = pattern(s->job, c, s->place.at + i);
    }
    s->place.at += put;
    return put;
}

static void end_part(struct fake_source *s, struct filled *out)
{
    out->part_ended = true;
    s->place.part++;
    s->place.at = 0;
    if (s->place.part == s->place.group->count) {
        out->task_ended = true;
        s->place.group = NULL;
    }
}

static void fill_rows(struct fake_source *s, char *to, size_t room, size_t row_room,
                      struct filled *out)
{
    const struct fake_chunk *c = fake_chunk_of(s->job, s->place.group, s->place.part);
    while (s->place.at < fake_chunk_bytes(c)) {
        bool begins = s->place.at % c->row_bytes == 0;
        size_t put = room == out->len ? 0 : put_row(s, to + out->len, room - out->len, row_room);
        if (put == 0) {
            return;
        }
        out->len += put;
        out->rows += begins;
        out->row_widest = c->row_bytes;
    }
    end_part(s, out);
}

static bool source_fill(void *self, char *to, size_t room, size_t row_room, struct filled *out,
                        struct err *err)
{
    struct fake_source *s = self;
    struct fake_job *j = s->job;
    if (s->place.group == NULL || s->failed || room == 0 || room > row_room) {
        fake_note_wrong(j, "source: fill out of turn, or of a used batch", s->place.group);
        return err_set(err, ERR_SYSTEM, "fill out of turn");
    }
    dawdle(j->config.slow_source);
    s->failed = true;
    if (!pass(j, j->config.hold_source, err)) {
        return false;
    }
    if (fake_happens(&s->rng, j->config.faults.source_fill)) {
        to[0] = '?'; /* torn in the middle of a row */
        return err_set(err, ERR_TRANSIENT, "source: lost");
    }
    s->failed = false;
    struct filled got = {.len = 0};
    fill_rows(s, to, room, row_room, &got);
    mutex_lock(&j->lock);
    j->sums.bytes_read += got.len;
    mutex_unlock(&j->lock);
    *out = got;
    return true;
}

static void source_abandon(void *self)
{
    struct fake_source *s = self;
    s->place.group = NULL;
    s->failed = false;
}

/* ---- sink ---- */

/* All of a group or nothing of it is there, unless the group is new and overlaps an old one. */
static bool find_twin_locked(struct fake_job *j, const struct fake_group *g, struct part *parts)
{
    unsigned there = 0;
    for (unsigned i = 0; i < g->count; i++) {
        there += fake_chunk_of(j, g, i)->committed;
    }
    if (there == 0) {
        return false;
    }
    if (there < g->count) {
        fake_note_wrong_locked(j, "sink: some of a group is committed", g);
    }
    for (unsigned i = 0; i < g->count; i++) {
        const struct fake_chunk *c = fake_chunk_of(j, g, i);
        parts[i] = (struct part){.rows = c->rows, .bytes = fake_chunk_bytes(c)};
    }
    return true;
}

static bool sink_begin(void *self, const struct task *task, bool *already, struct part *parts,
                       struct err *err)
{
    struct fake_sink *s = self;
    struct fake_job *j = s->job;
    if (s->place.group != NULL || s->failed) {
        fake_note_wrong(j, "sink: begin within a transaction", s->place.group);
    }
    if (fake_happens(&s->rng, j->config.faults.sink_begin)) {
        s->failed = true;
        return err_set(err, ERR_TRANSIENT, "sink: begin failed");
    }
    mutex_lock(&j->lock);
    struct fake_group *g = fake_group_of(j, task);
    if (g == NULL || g->reported) {
        fake_note_wrong_locked(j, "sink: begin of a task that is over", g);
    }
    *already = g != NULL && find_twin_locked(j, g, parts);
    mutex_unlock(&j->lock);
    s->place = (struct place){.group = *already ? NULL : g};
    return true;
}

static bool take_bytes(struct fake_sink *s, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (s->place.part < s->place.group->count &&
               s->place.at ==
                   fake_chunk_bytes(fake_chunk_of(s->job, s->place.group, s->place.part))) {
            s->place.part++;
            s->place.at = 0;
        }
        if (s->place.part == s->place.group->count) {
            return false;
        }
        const struct fake_chunk *c = fake_chunk_of(s->job, s->place.group, s->place.part);
        if (bytes[i] != pattern(s->job, c, s->place.at++)) {
            return false;
        }
    }
    return true;
}

static bool sink_write(void *self, const char *bytes, size_t len, struct err *err)
{
    struct fake_sink *s = self;
    struct fake_job *j = s->job;
    if (s->place.group == NULL || s->failed || len == 0) {
        fake_note_wrong(j, "sink: write out of turn", s->place.group);
        return err_set(err, ERR_SYSTEM, "write out of turn");
    }
    dawdle(j->config.slow_sink);
    s->failed = true;
    if (!pass(j, j->config.hold_sink, err)) {
        return false;
    }
    if (fake_happens(&s->rng, j->config.faults.sink_write)) {
        return err_set(err, ERR_TRANSIENT, "sink: lost");
    }
    if (!take_bytes(s, bytes, len)) {
        return err_set(err, ERR_DATA, "sink: other bytes than the source sent");
    }
    s->failed = false;
    return true;
}

/* Everything that was left of the rows has no bytes. */
static bool is_at_end(const struct fake_sink *s)
{
    const struct fake_group *g = s->place.group;
    uint64_t left = 0;
    for (unsigned i = s->place.part; i < g->count; i++) {
        left += fake_chunk_bytes(fake_chunk_of(s->job, g, i));
    }
    return left == s->place.at;
}

static void commit_locked(struct fake_sink *s, const struct part *parts)
{
    struct fake_group *g = s->place.group;
    fake_check_parts_locked(s->job, g, parts);
    if (!is_at_end(s)) {
        fake_note_wrong_locked(s->job, "sink: commit of a part of the rows", g);
    }
    for (unsigned i = 0; i < g->count; i++) {
        struct fake_chunk *c = fake_chunk_of(s->job, g, i);
        if (c->committed || c->state != FAKE_RUNNING) {
            fake_note_wrong_locked(s->job, "sink: committed twice", g);
        }
        c->committed = true;
        c->commits++;
    }
}

static bool sink_commit(void *self, const struct task *task, const struct part *parts,
                        uint64_t *commit_ns, struct err *err)
{
    struct fake_sink *s = self;
    struct fake_job *j = s->job;
    if (s->place.group == NULL || s->failed || s->place.group != task->work) {
        fake_note_wrong(j, "sink: commit out of turn", s->place.group);
        return err_set(err, ERR_SYSTEM, "commit out of turn");
    }
    s->failed = true;
    if (!pass(j, j->config.hold_commit, err)) {
        return false;
    }
    if (fake_happens(&s->rng, j->config.faults.sink_commit)) {
        return err_set(err, ERR_TRANSIENT, "sink: commit failed");
    }
    mutex_lock(&j->lock);
    commit_locked(s, parts);
    mutex_unlock(&j->lock);
    s->place.group = NULL;
    if (fake_happens(&s->rng, j->config.faults.lost_answer)) {
        return err_set(err, ERR_TRANSIENT, "sink: no answer to the commit");
    }
    s->failed = false;
    *commit_ns = 1;
    return true;
}

static void sink_rollback(void *self)
{
    struct fake_sink *s = self;
    s->place.group = NULL;
    s->failed = false;
}

void fake_init_reader(struct fake_job *j, unsigned i)
{
    struct fake_source *from = &j->source[i];
    from->job = j;
    rng_seed(&from->rng, j->config.seed + UINT64_C(1000) * i + 1);
    j->sources[i] = (struct source){
        .self = from, .begin = source_begin, .fill = source_fill, .abandon = source_abandon};
}

void fake_init_writer(struct fake_job *j, unsigned i)
{
    struct fake_sink *to = &j->sink[i];
    to->job = j;
    rng_seed(&to->rng, j->config.seed + UINT64_C(1000) * i + 2);
    j->sinks[i] = (struct sink){.self = to,
                                .begin = sink_begin,
                                .write = sink_write,
                                .commit = sink_commit,
                                .rollback = sink_rollback};
}
