/* What the streams have done so far, as plain values for whoever shows them. */
#include "base/clock.h"
#include "flow/stop.h"
#include "job/run_internal.h"

#include <stdlib.h>
#include <string.h>

static struct thread_totals *copy_of(const struct thread_totals *from, unsigned count)
{
    struct thread_totals *to = calloc(count, sizeof *to);
    if (to != NULL && from != NULL) {
        memcpy(to, from, count * sizeof *to);
    }
    return to;
}

bool run_look_open(struct watch *w, struct err *err)
{
    struct load_result *r = w->run->result;
    unsigned n = w->run->streams;
    w->before = r->totals;
    r->streams = n;
    r->readers = r->readers == NULL ? calloc(n, sizeof *r->readers) : r->readers;
    r->writers = r->writers == NULL ? calloc(n, sizeof *r->writers) : r->writers;
    w->readers_before = copy_of(r->readers, n);
    w->writers_before = copy_of(r->writers, n);
    bool ok = r->readers != NULL && r->writers != NULL && w->readers_before != NULL &&
              w->writers_before != NULL;
    return ok || err_set(err, ERR_SYSTEM, "out of memory");
}

void run_look_close(struct watch *w)
{
    free(w->readers_before);
    free(w->writers_before);
}

static void read_thread(const struct counters *c, const struct thread_totals *before,
                        struct thread_totals *out)
{
    *out = *before;
    for (int i = 0; i < SPENT_KINDS; i++) {
        out->spent.ns[i] += counter_get(&c->spent_ns[i]);
    }
    out->rows += counter_get(&c->rows);
    out->bytes += counter_get(&c->bytes);
}

/* A writer between two tasks does nothing, whatever it waits for. */
static void add_doing(const struct counters *c, struct load_totals *t)
{
    uint64_t activity = counter_get(&c->activity);
    if (activity > 0 && activity <= SPENT_KINDS) {
        t->doing[activity - 1]++;
    }
}

static void add_reader(struct watch *w, unsigned i, struct load_totals *t)
{
    const struct counters *c = pipeline_reader(w->pipeline, i);
    uint64_t widest = counter_get(&c->row_widest_bytes);
    read_thread(c, &w->readers_before[i], &w->run->result->readers[i]);
    add_doing(c, t);
    t->bytes_read += counter_get(&c->bytes);
    t->row_widest_bytes = widest > t->row_widest_bytes ? widest : t->row_widest_bytes;
}

static void add_writer(struct watch *w, unsigned i, struct load_totals *t)
{
    const struct counters *c = pipeline_writer(w->pipeline, i);
    uint64_t weight = counter_get(&c->task_weight_bytes);
    uint64_t sent = counter_get(&c->task_sent_bytes);
    read_thread(c, &w->writers_before[i], &w->run->result->writers[i]);
    if (weight != 0) {
        add_doing(c, t);
    }
    t->bytes_sent += counter_get(&c->bytes);
    t->bytes_unsent += counter_get(&c->unsent_bytes);
    t->in_flight_bytes += sent < weight ? sent : weight;
}

static void add_spent(struct watch *w, struct load_totals *t)
{
    const struct load_result *r = w->run->result;
    struct thread_totals packers = {.rows = 0};
    struct spent packed_before = {.ns = {0}};
    for (int i = SPENT_PACK; i < SPENT_KINDS; i++) {
        packed_before.ns[i] = w->before.spent.ns[i];
    }
    t->spent = packed_before;
    for (unsigned i = 0; i < r->streams; i++) {
        spent_add(&t->spent, &r->readers[i].spent);
        spent_add(&t->spent, &r->writers[i].spent);
    }
    for (unsigned i = 0; i < w->packers; i++) {
        struct thread_totals none = {.rows = 0};
        read_thread(pipeline_packer(w->pipeline, i), &none, &packers);
        add_doing(pipeline_packer(w->pipeline, i), t);
        spent_add(&t->spent, &packers.spent);
    }
}

void run_look(struct watch *w)
{
    struct run_streams *r = w->run;
    struct load_totals t = w->before;
    uint64_t released_ms = r->result->totals.released_ms;
    unsigned readers = r->result->totals.readers_active;
    unsigned writers = r->result->totals.writers_active;
    t.in_flight_bytes = 0;
    t.bytes_unsent = 0;
    memset(t.doing, 0, sizeof t.doing);
    for (unsigned i = 0; i < r->streams; i++) {
        if (w->has_readers) {
            add_reader(w, i, &t);
        }
        add_writer(w, i, &t);
    }
    add_spent(w, &t);
    t.elapsed_ms = (clock_mono_ns() - r->began_ns) / NS_PER_MS;
    depot_look(pipeline_depot(w->pipeline), &t.depot);
    if (t.depot.memory_bytes > t.memory_peak_bytes) {
        t.memory_peak_bytes = t.depot.memory_bytes;
    }
    /* A reader's own word covers the whole task. */
    unsigned blocked = t.depot.readers_waiting_memory;
    blocked = blocked < t.doing[SPENT_READ] ? blocked : t.doing[SPENT_READ];
    t.doing[SPENT_READ] -= blocked;
    t.doing[SPENT_WAIT_MEMORY] += blocked;
    t.spill = r->spill == NULL ? (struct spill_stats){0} : spill_stats(r->spill);
    t.pack_level = pipeline_level(w->pipeline);
    t.streams_busy = pipeline_busy(w->pipeline);
    t.released_ms = released_ms;
    t.readers_active = readers;
    t.writers_active = writers;
    r->result->totals = t;
    board_look(r->board, &r->result->board);
    board_retry_reasons(r->board, r->result->retry_reasons, sizeof r->result->retry_reasons);
}

void run_show(const struct watch *w)
{
    const struct run_streams *r = w->run;
    struct load_progress p = {.board = r->result->board,
                              .routers = &r->result->routers,
                              .totals = r->result->totals,
                              .done_bytes_at_start = r->done_bytes_at_start,
                              .draining = stop_level() != STOP_RUN};
    r->observer->progress(r->observer->self, &p);
}
