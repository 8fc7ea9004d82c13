#include "ui/why.h"

#include "base/str.h"
#include "ui/progress.h"

#include <stdio.h>

#define SLOW_PERCENT     20 /* of the time waiting for one side: that side limits the load */
#define OVERHEAD_PERCENT 25 /* of the writers' time for BEGIN and COMMIT */
#define RATE_PERCENT     10 /* who waits for --max-rate at all reads at the rate allowed */
#define MOST_PERCENT     50
#define PACKING_PERCENT  85 /* of the packers' whole time: they do nothing else */
#define STALLED_MS       3000

static const struct {
    enum why_group group;
    const char *name;
    const char *doing;
} activities[SPENT_KINDS] = {
    [SPENT_READ] = {WHY_READERS, "read",        "reading"                },
    [SPENT_WAIT_MEMORY] = {WHY_READERS, "wait_memory", "waiting for memory"     },
    [SPENT_THROTTLE] = {WHY_READERS, "throttle",    "held back by --max-rate"},
    [SPENT_WAIT_ROWS] = {WHY_WRITERS, "wait_rows",   "waiting for rows"       },
    [SPENT_BEGIN] = {WHY_WRITERS, "begin",       "beginning"              },
    [SPENT_SEND] = {WHY_WRITERS, "send",        "sending"                },
    [SPENT_COMMIT] = {WHY_WRITERS, "commit",      "committing"             },
    [SPENT_UNPACK] = {WHY_WRITERS, "unpack",      "unpacking"              },
    [SPENT_SPILL_READ] = {WHY_WRITERS, "spill_read",  "reading the spill"      },
    [SPENT_PACK] = {WHY_PACKERS, "pack",        "compressing"            },
    [SPENT_SPILL_WRITE] = {WHY_PACKERS, "spill_write", "writing the spill"      },
    [SPENT_SPILL_FULL] = {WHY_PACKERS, "spill_full",  "waiting for disk space" },
    [SPENT_PACK_IDLE] = {WHY_GROUPS,  "pack_idle",   "idle"                   },
};

const char *why_activity(enum activity what)
{
    return activities[what].doing;
}

const char *why_activity_in(const struct spent *s, enum activity what)
{
    bool packing = what == SPENT_WAIT_MEMORY && why_sum_ns(s, WHY_PACKERS) > 0;
    return packing ? "waiting for room" : why_activity(what);
}

const char *why_activity_name(enum activity what)
{
    return activities[what].name;
}

const char *why_name(enum why why)
{
    static const char *const names[] = {
        [WHY_NOTHING] = "none",
        [WHY_BALANCED] = "balanced",
        [WHY_DESTINATION] = "destination",
        [WHY_COMMIT] = "commit",
        [WHY_SOURCE] = "source",
        [WHY_RATE] = "max_rate",
        [WHY_MEMORY] = "memory",
        [WHY_SPILL_READ] = "spill_read",
        [WHY_DISK_FULL] = "disk_full",
        [WHY_PACKING] = "compression",
    };
    return names[why];
}

uint64_t why_sum_ns(const struct spent *s, enum why_group group)
{
    uint64_t ns = 0;
    for (int i = 0; i < SPENT_KINDS; i++) {
        ns += activities[i].group == group ? s->ns[i] : 0;
    }
    return ns;
}

static unsigned percent_of(uint64_t part_ns, uint64_t whole_ns)
{
    double percent = whole_ns == 0 ? 0 : (double)part_ns * 100.0 / (double)whole_ns;
    return percent > 100 ? 100 : (unsigned)(percent + 0.5);
}

unsigned why_percent(const struct spent *s, enum activity what)
{
    return percent_of(s->ns[what], why_sum_ns(s, activities[what].group));
}

/* Of the writers' time: opening and ending transactions. */
static unsigned overhead_percent(const struct spent *s)
{
    return percent_of(s->ns[SPENT_BEGIN] + s->ns[SPENT_COMMIT], why_sum_ns(s, WHY_WRITERS));
}

static unsigned unload_percent(const struct spent *s)
{
    return percent_of(s->ns[SPENT_UNPACK] + s->ns[SPENT_SPILL_READ], why_sum_ns(s, WHY_WRITERS));
}

/* Of the packers' time with what they were idle. */
static unsigned pack_percent(const struct spent *s)
{
    return percent_of(s->ns[SPENT_PACK], why_sum_ns(s, WHY_PACKERS) + s->ns[SPENT_PACK_IDLE]);
}

static bool is_packing(const struct spent *s)
{
    return pack_percent(s) >= PACKING_PERCENT &&
           why_percent(s, SPENT_WAIT_MEMORY) >= MOST_PERCENT &&
           why_percent(s, SPENT_WAIT_ROWS) >= SLOW_PERCENT;
}

static enum why judge_source(const struct spent *s)
{
    return why_percent(s, SPENT_WAIT_MEMORY) >= MOST_PERCENT ? WHY_MEMORY : WHY_SOURCE;
}

static bool throttled(const struct spent *s)
{
    return why_percent(s, SPENT_THROTTLE) >= RATE_PERCENT;
}

enum why why_judge(const struct spent *s)
{
    unsigned rows = why_percent(s, SPENT_WAIT_ROWS);
    unsigned overhead = overhead_percent(s);
    unsigned send = why_percent(s, SPENT_SEND);
    unsigned unload = unload_percent(s);
    if (why_sum_ns(s, WHY_READERS) + why_sum_ns(s, WHY_WRITERS) == 0) {
        return WHY_NOTHING;
    }
    if (why_percent(s, SPENT_SPILL_FULL) >= SLOW_PERCENT) {
        return WHY_DISK_FULL;
    }
    if (why_sum_ns(s, WHY_WRITERS) == 0) {
        return throttled(s) ? WHY_RATE : judge_source(s);
    }
    /* Rows that writers do not miss come fast enough, whatever holds readers back. */
    if (throttled(s) && rows >= SLOW_PERCENT) {
        return WHY_RATE;
    }
    if (is_packing(s)) {
        return WHY_PACKING;
    }
    if (overhead >= OVERHEAD_PERCENT && overhead > rows && 2 * overhead > send) {
        return WHY_COMMIT;
    }
    if (unload > send && unload > rows) {
        return WHY_SPILL_READ;
    }
    if (send + overhead >= SLOW_PERCENT && send + overhead > 2 * rows) {
        return WHY_DESTINATION;
    }
    return rows >= SLOW_PERCENT && rows > 2 * (send + overhead) ? judge_source(s) : WHY_BALANCED;
}

/* ---- live ---- */

enum why why_now(const struct progress_view *v)
{
    enum why why = why_judge(&v->recent);
    if (v->flow.spill_full) {
        return WHY_DISK_FULL;
    }
    /* One who sleeps for longer than a look takes has not counted that yet. */
    return v->flow.throttled && why != WHY_DESTINATION && why != WHY_COMMIT ? WHY_RATE : why;
}

static void live_stalled(const struct progress_view *v, enum why why, struct buf *out)
{
    char time[STR_HUMAN_MAX];
    (void)progress_duration(v->stalled_ms, time);
    buf_printf(out,
               why == WHY_SOURCE ? "source stalled: no rows for %s" : "destination stalled for %s",
               time);
}

static const char *head_of(enum why why)
{
    static const char *const heads[] = {
        [WHY_NOTHING] = "",
        [WHY_BALANCED] = "balanced",
        [WHY_DESTINATION] = "destination-bound",
        [WHY_COMMIT] = "committing",
        [WHY_SOURCE] = "source-bound",
        [WHY_RATE] = "limited by --max-rate",
        [WHY_MEMORY] = "memory-bound",
        [WHY_SPILL_READ] = "reading the spill back",
        [WHY_DISK_FULL] = "spill full: waiting for space",
        [WHY_PACKING] = "compressing-bound",
    };
    return heads[why];
}

/* ": writers 87% sending", or with less room ": 87%" and what is always told of it. */
static void live_share(struct buf *out, bool brief, const char *who, unsigned percent,
                       const char *doing)
{
    buf_printf(out, ": %s%u%%%s", brief ? "" : who, percent, brief ? "" : doing);
}

static const char *live_room(const struct spent *s)
{
    return why_sum_ns(s, WHY_PACKERS) > 0 ? " waiting for room" : " waiting for memory";
}

/* What follows the head; brief: without the threads' name. */
static void live_rest(const struct progress_view *v, enum why why, bool brief, struct buf *out)
{
    const struct spent *s = &v->recent;
    char number[STR_HUMAN_MAX];
    switch (why) {
    case WHY_DESTINATION:
        buf_printf(out, ": %s%u%% sending", brief ? "" : "writers ", why_percent(s, SPENT_SEND));
        break;
    case WHY_COMMIT:
        live_share(out, brief, "writers ", overhead_percent(s), " in BEGIN and COMMIT");
        break;
    case WHY_SOURCE:
        buf_printf(out, ": %s%u%% waiting%s", brief ? "" : "writers ",
                   why_percent(s, SPENT_WAIT_ROWS), brief ? "" : " for rows");
        break;
    case WHY_RATE:
        buf_printf(out, " %s/s", human_bytes(v->flow.max_rate_bytes_s, number));
        break;
    case WHY_MEMORY:
        buf_printf(out, ": %s%u%%%s", brief ? "" : "readers ", why_percent(s, SPENT_WAIT_MEMORY),
                   brief ? " waiting" : live_room(s));
        break;
    case WHY_PACKING:
        live_share(out, brief, "packers ", pack_percent(s), " compressing");
        break;
    case WHY_SPILL_READ:
        buf_printf(out, ": %u%%", unload_percent(s));
        break;
    case WHY_BALANCED:
        if (!brief) {
            buf_printf(out, ": writers %u%% sending, %u%% waiting for rows",
                       why_percent(s, SPENT_SEND), why_percent(s, SPENT_WAIT_ROWS));
        }
        break;
    case WHY_DISK_FULL:
        if (!brief) {
            buf_printf(out, " in --spill-dir (%s used)",
                       human_bytes(v->flow.spill_used_bytes, number));
        }
        break;
    case WHY_NOTHING:
        break;
    }
}

static bool spills(const struct progress_view *v)
{
    return v->flow.spill_used_bytes > 0 && v->recent.ns[SPENT_SPILL_WRITE] > 0;
}

static void live_extras(const struct progress_view *v, enum why why, struct buf *out)
{
    const struct flow_view *f = &v->flow;
    char number[STR_HUMAN_MAX];
    const char *gap = out->len > 0 ? "; " : "";
    if (f->spill_used_bytes > 0 && !f->spill_full) {
        buf_printf(out, spills(v) ? "%sspilling (%s on disk" : "%sspilled (%s on disk", gap,
                   human_bytes(f->spill_used_bytes, number));
        if (v->recent.ns[SPENT_PACK] > 0) {
            buf_printf(out, ", level %d", f->pack_level);
        }
        buf_puts(out, ")");
    } else if (v->recent.ns[SPENT_PACK] > 0) {
        buf_printf(out, "%scompressing (level %d)", gap, f->pack_level);
    }
    if (why != WHY_RATE && throttled(&v->recent)) {
        buf_printf(out, "%sreading limited by --max-rate %s/s", out->len > 0 ? "; " : "",
                   human_bytes(f->max_rate_bytes_s, number));
    }
    if (f->released_ms > 0) {
        buf_printf(out, "%ssource given back after %s", out->len > 0 ? "; " : "",
                   progress_duration(f->released_ms, number));
    }
}

void why_live(const struct progress_view *v, enum why_length length, struct buf *out)
{
    enum why why = why_now(v);
    char number[STR_HUMAN_MAX];
    bool may_stall = why == WHY_DESTINATION || why == WHY_SOURCE || why == WHY_COMMIT;
    if (may_stall && v->stalled_ms >= STALLED_MS) {
        live_stalled(v, why, out);
    } else if (length == WHY_SHORT && why == WHY_DESTINATION && spills(v)) {
        buf_printf(out, "spilling: %s on disk", human_bytes(v->flow.spill_used_bytes, number));
    } else {
        bool opening = why == WHY_COMMIT && v->recent.ns[SPENT_BEGIN] > v->recent.ns[SPENT_COMMIT];
        buf_puts(out, opening ? "opening transactions" : head_of(why));
        if (length != WHY_HEAD) {
            live_rest(v, why, length == WHY_SHORT, out);
        }
    }
    if (length == WHY_FULL) {
        live_extras(v, why, out);
    }
}

/* ---- the summary ---- */

static void verdict_overhead(const struct spent *s, struct buf *out)
{
    if (s->ns[SPENT_BEGIN] > s->ns[SPENT_COMMIT]) {
        buf_printf(out,
                   "opening transactions, with connecting to the destination, took\n"
                   "%u%% of the writers' time; a shorter way or larger chunks help",
                   why_percent(s, SPENT_BEGIN));
    } else {
        buf_printf(out,
                   "transactions cost the most: opening and committing them took %u%%\n"
                   "of the writers' time; larger chunks, faster commits there or a\n"
                   "shorter way to the destination help",
                   overhead_percent(s));
    }
}

/* What an engineer asks next: which side to look at, and what would help. */
void why_verdict(const struct summary_view *v, struct buf *out)
{
    const struct spent *s = &v->flow.spent;
    char number[STR_HUMAN_MAX];
    switch (why_judge(s)) {
    case WHY_DESTINATION:
        buf_printf(out,
                   "the destination is the slower side: its backends took %u%% of the\n"
                   "writers' time; more streams or fewer indexes help, a faster source\n"
                   "does not",
                   percent_of(s->ns[SPENT_SEND] + s->ns[SPENT_BEGIN] + s->ns[SPENT_COMMIT],
                              why_sum_ns(s, WHY_WRITERS)));
        break;
    case WHY_SOURCE:
        buf_printf(out,
                   "the source is the slower side: writers waited for its rows %u%% of\n"
                   "their time; more streams or faster disks there help, a faster\n"
                   "destination does not",
                   why_percent(s, SPENT_WAIT_ROWS));
        break;
    case WHY_COMMIT:
        verdict_overhead(s, out);
        break;
    case WHY_RATE:
        buf_printf(out,
                   "--max-rate %s/s set the pace: it held readers back for %u%% of\n"
                   "their time",
                   human_bytes(v->flow.max_rate_bytes_s, number), why_percent(s, SPENT_THROTTLE));
        break;
    case WHY_MEMORY:
        buf_printf(out,
                   "memory was short: readers waited for it %u%% of their time while\n"
                   "writers had no rows; more --memory or fewer streams help",
                   why_percent(s, SPENT_WAIT_MEMORY));
        break;
    case WHY_PACKING:
        buf_printf(out,
                   "compressing was the slow part: readers waited %u%% of their time\n"
                   "for room; a lower --compression, or auto, helps",
                   why_percent(s, SPENT_WAIT_MEMORY));
        break;
    case WHY_SPILL_READ:
        buf_printf(out,
                   "getting back what had been put aside took %u%% of the writers'\n"
                   "time; a faster disk for --spill-dir or more --memory helps",
                   unload_percent(s));
        break;
    case WHY_DISK_FULL:
        buf_puts(out, "the spill was full: the load waited for space in --spill-dir");
        break;
    case WHY_BALANCED:
        buf_puts(out, "neither side is much slower than the other");
        break;
    case WHY_NOTHING:
        break;
    }
}

static enum activity most_of(const struct spent *s, enum why_group group)
{
    int most = 0;
    for (int i = 0; i < SPENT_KINDS; i++) {
        if (activities[i].group == group &&
            (activities[most].group != group || s->ns[i] > s->ns[most])) {
            most = i;
        }
    }
    return (enum activity)most;
}

void why_table(const struct spent *s, char out[WHY_SHORT_MAX])
{
    enum activity most = most_of(s, WHY_WRITERS);
    out[0] = '\0';
    if (why_judge(s) == WHY_RATE) {
        most = SPENT_THROTTLE;
    }
    if (s->ns[most] > 0) {
        (void)snprintf(out, WHY_SHORT_MAX, "%u%% %s", why_percent(s, most),
                       most == SPENT_THROTTLE ? "throttled" : why_activity(most));
    }
}
