/* The number of streams at work, for --jobs auto, and the limits of a transaction. */
#include "base/clock.h"
#include "job/group_size.h"
#include "job/run_internal.h"

static void set_limits(const struct watch *w, unsigned writers)
{
    const struct run_streams *r = w->run;
    struct board_limits limits = {.chunk_bytes = r->spec->chunk_bytes,
                                  .memory_bytes = r->spec->memory_bytes,
                                  .streams = writers,
                                  .row_widest_bytes = r->result->totals.row_widest_bytes,
                                  .stretch =
                                      r->control_places.shard_group ? GROUP_STRETCH_SHARDED : 1};
    board_set_limits(r->board, &limits);
}

static void set_active(struct watch *w, unsigned readers, unsigned writers)
{
    struct load_totals *t = &w->run->result->totals;
    t->readers_active = readers;
    t->writers_active = writers;
    depot_set_active(pipeline_depot(w->pipeline), readers, writers);
}

void run_steer_open(struct watch *w)
{
    const struct run_streams *r = w->run;
    unsigned start = r->streams < STEER_START ? r->streams : STEER_START;
    unsigned active = r->spec->jobs_auto ? start : r->streams;
    steer_init(&w->steer, r->streams, active);
    set_active(w, active, active);
    set_limits(w, active);
}

/* Of the time that so many threads had since the last sample. */
static double share(uint64_t ns, uint64_t since_ns, unsigned threads)
{
    double all = (double)(clock_mono_ns() - since_ns) * (threads == 0 ? 1 : threads);
    double part = all <= 0 ? 0 : (double)ns / all;
    return part > 1 ? 1 : part;
}

static uint64_t gone_by(const struct watch *w, enum activity what)
{
    return w->run->result->totals.spent.ns[what] - w->steer_spent.ns[what];
}

static struct steer_sample take_sample(const struct watch *w)
{
    const struct load_totals *t = &w->run->result->totals;
    const struct board_view *b = &w->run->result->board;
    const struct board_view *old = &w->steer_board;
    uint64_t sent = b->done_bytes + t->in_flight_bytes;
    uint64_t commits = b->transactions - old->transactions;
    struct steer_sample s = {
        .now_ns = clock_mono_ns(),
        .bytes_total = t->bytes_sent > t->bytes_unsent ? t->bytes_sent - t->bytes_unsent : 0,
        .remaining_bytes = b->planned_bytes > sent ? b->planned_bytes - sent : 0,
        .readers_active = t->depot.readers_at_work,
        .writers_active = t->depot.writers_at_work,
        .writers_starved =
            share(gone_by(w, SPENT_WAIT_ROWS), w->steered_ns, t->depot.writers_at_work),
        .readers_blocked =
            share(gone_by(w, SPENT_WAIT_MEMORY), w->steered_ns, t->depot.readers_at_work),
        .commit_ns = commits == 0 ? 0 : gone_by(w, SPENT_COMMIT) / commits,
        .throttled = b->throttled - old->throttled,
        .conflicts = b->conflicts - old->conflicts,
        .writer_refused = b->refused - old->refused};
    return s;
}

void run_steer(struct watch *w)
{
    struct run_streams *r = w->run;
    struct steer_decision decision;
    uint64_t now_ns = clock_mono_ns();
    if (now_ns - w->steered_ns < STEER_SAMPLE_NS) {
        return;
    }
    set_limits(w, r->result->totals.writers_active);
    if (r->spec->jobs_auto) {
        struct steer_sample sample = take_sample(w);
        steer_sample(&w->steer, &sample, &decision);
        if (decision.changed) {
            set_active(w, decision.readers, decision.writers);
            r->observer->note(r->observer->self, decision.reason);
        }
    }
    w->steered_ns = now_ns;
    w->steer_board = r->result->board;
    w->steer_spent = r->result->totals.spent;
}
