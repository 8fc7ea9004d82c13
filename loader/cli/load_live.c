#include "cli/load_live.h"

#include "base/clock.h"
#include "cli/load_views.h"

#include <stdio.h>
#include <string.h>

static const enum activity first_of[] = {SPENT_READ, SPENT_WAIT_ROWS, SPENT_PACK, SPENT_KINDS};

static struct live_sample *newest(struct live *live)
{
    return &live->samples[(live->sample_count - 1) % LIVE_SAMPLES];
}

static const struct live_sample *oldest(const struct live *live)
{
    return &live->samples[live->sample_count <= LIVE_SAMPLES ? 0
                                                             : live->sample_count % LIVE_SAMPLES];
}

static void take_sample(struct live *live, const struct load_progress *p, uint64_t now_ns)
{
    uint64_t before = live->sample_count == 0 ? 0 : newest(live)->bytes_sent;
    live->sample_count++;
    struct live_sample *s = newest(live);
    *s = (struct live_sample){.at_ns = now_ns,
                              .rows = p->board.rows_run,
                              .bytes_sent = p->totals.bytes_sent,
                              .spent = p->totals.spent};
    memcpy(s->doing, p->totals.doing, sizeof s->doing);
    if (live->moved_ns == 0 || s->bytes_sent != before) {
        live->moved_ns = now_ns;
    }
}

static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static void take_rates(struct live *live, struct progress_view *v)
{
    const struct live_sample *now = newest(live);
    const struct live_sample *old = oldest(live);
    double span_s = (double)(now->at_ns - old->at_ns) / (double)NS_PER_S;
    if (span_s > 0.1) {
        v->rows_per_s = (uint64_t)((double)grown(now->rows, old->rows) / span_s);
        v->wire_bytes_per_s = (uint64_t)((double)grown(now->bytes_sent, old->bytes_sent) / span_s);
    }
}

/* ---- where the last seconds went ---- */

/* For how long threads were seen at it, one look standing for the time up to the next. */
static double seen_ns(const struct live *live, int what)
{
    size_t count = live->sample_count < LIVE_SAMPLES ? live->sample_count : LIVE_SAMPLES;
    double span_ns = (double)(live->samples[(live->sample_count - 1) % LIVE_SAMPLES].at_ns -
                              oldest(live)->at_ns);
    double threads = 0;
    for (size_t i = 0; i < count; i++) {
        threads += live->samples[i].doing[what];
    }
    return threads / (double)count * span_ns;
}

/* Time is counted when what took it ends. What has not ended yet is filled in by what threads were
 * seen doing, kind of thread by kind. */
static void fill_in(const struct live *live, int from, int to, struct spent *recent)
{
    double seen[SPENT_KINDS] = {0};
    double missing = 0;
    double short_of = 0;
    for (int i = from; i < to; i++) {
        double counted = (double)recent->ns[i];
        seen[i] = seen_ns(live, i);
        missing += seen[i] - counted;
        seen[i] = seen[i] > counted ? seen[i] - counted : 0;
        short_of += seen[i];
    }
    for (int i = from; i < to && missing > 0 && short_of > 0; i++) {
        recent->ns[i] += (uint64_t)(missing * seen[i] / short_of);
    }
}

static void take_recent(struct live *live, struct spent *recent)
{
    for (int i = 0; i < SPENT_KINDS; i++) {
        recent->ns[i] = grown(newest(live)->spent.ns[i], oldest(live)->spent.ns[i]);
    }
    for (size_t g = 0; g + 1 < sizeof first_of / sizeof first_of[0]; g++) {
        fill_in(live, (int)first_of[g], (int)first_of[g + 1], recent);
    }
}

/* ---- what it waits for ---- */

static bool idle(const struct load_progress *p)
{
    for (int i = 0; i < SPENT_KINDS; i++) {
        if (p->totals.doing[i] > 0) {
            return false;
        }
    }
    return true;
}

/* Between a failure and the next attempt nobody does anything. */
static const char *waiting_for(struct live *live, const struct load_progress *p)
{
    const struct board_view *b = &p->board;
    if (b->waiting_for[0] != '\0') {
        return b->waiting_for;
    }
    if (!idle(p) || b->retries == 0 || b->last_reason[0] == '\0' ||
        b->chunks_done >= b->chunks_total || p->draining) {
        return NULL;
    }
    (void)snprintf(live->waiting_for, sizeof live->waiting_for, "for the next attempt after: %s",
                   b->last_reason);
    return live->waiting_for;
}

void live_look(struct live *live, const struct spec *spec, const struct load_progress *p,
               uint64_t now_ns, struct progress_view *out)
{
    const struct board_view *b = &p->board;
    *out = (struct progress_view){.elapsed_ms = p->totals.elapsed_ms,
                                  .planned_bytes = b->planned_bytes,
                                  .done_bytes = b->done_bytes + p->totals.in_flight_bytes,
                                  .done_bytes_at_start = p->done_bytes_at_start,
                                  .rows_committed = b->rows_run,
                                  .chunks_done = b->chunks_done,
                                  .chunks_total = b->chunks_total,
                                  .tables_done = b->tables_done,
                                  .tables_total = b->tables_total,
                                  .streams_busy = p->totals.streams_busy,
                                  .retries = b->retries,
                                  .draining = p->draining,
                                  .waiting_for = waiting_for(live, p)};
    if (out->done_bytes > out->planned_bytes) {
        out->done_bytes = out->planned_bytes;
    }
    load_views_flow(spec, b, &p->totals, &out->flow);
    if (p->routers != NULL) {
        out->flow.routers = live->routers;
        out->flow.router_count = load_views_routers(p->routers, live->routers);
    }
    take_sample(live, p, now_ns);
    take_rates(live, out);
    take_recent(live, &out->recent);
    out->stalled_ms = (now_ns - live->moved_ns) / NS_PER_MS;
}
