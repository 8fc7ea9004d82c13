#include "ui/report_flow.h"

#include "base/clock.h"
#include "base/str.h"
#include "ui/grid.h"
#include "ui/report_parts.h"
#include "ui/why.h"

#include <stdio.h>

#define TEXT_MAX     1024
#define NO_LIMIT     (UINT64_C(1) << 60) /* bytes: nobody has set one */
#define IDLE_PERCENT 10 /* less is the end, when streams run out of work one by one */

static void field(struct buf *out, const char *label, const struct buf *text)
{
    report_field(out, label, buf_str(text));
    out->failed = out->failed || text->failed;
}

/* ---- where the time went ---- */

/* How much of the run threads of that kind had nothing to do; 0 when that cannot be said. */
static unsigned idle_percent(const struct summary_view *v, enum why_group group)
{
    double whole_ns = (double)v->elapsed_ms * (double)NS_PER_MS * (double)v->stream_count;
    double busy_ns = (double)why_sum_ns(&v->flow.spent, group);
    if (v->flow.jobs_auto || group == WHY_PACKERS || whole_ns <= busy_ns) {
        return 0;
    }
    return (unsigned)((whole_ns - busy_ns) * 100.0 / whole_ns + 0.5);
}

static void add_shares(const struct spent *s, const enum activity *kinds, struct buf *out)
{
    const char *gap = " ";
    for (; *kinds != SPENT_KINDS; kinds++) {
        unsigned percent = why_percent(s, *kinds);
        if (percent > 0) {
            buf_printf(out, "%s%u%% %s", gap, percent, why_activity_in(s, *kinds));
            gap = ", ";
        }
    }
}

static void add_group(const struct summary_view *v, enum why_group group, struct buf *out)
{
    static const struct {
        const char *name;
        enum activity kinds[8]; /* in the order of the text */
    } groups[WHY_GROUPS] = {
        [WHY_READERS] = {"readers", {SPENT_READ, SPENT_WAIT_MEMORY, SPENT_THROTTLE, SPENT_KINDS}  },
        [WHY_WRITERS] = {"writers",
                         {SPENT_SEND, SPENT_WAIT_ROWS, SPENT_BEGIN, SPENT_COMMIT, SPENT_UNPACK,
                          SPENT_SPILL_READ, SPENT_KINDS}                                          },
        [WHY_PACKERS] = {"packers", {SPENT_PACK, SPENT_SPILL_WRITE, SPENT_SPILL_FULL, SPENT_KINDS}},
    };
    unsigned idle = idle_percent(v, group);
    if (why_sum_ns(&v->flow.spent, group) < NS_PER_MS) {
        return;
    }
    buf_printf(out, "%s%s:", out->len > 0 ? "\n" : "", groups[group].name);
    add_shares(&v->flow.spent, groups[group].kinds, out);
    if (idle >= IDLE_PERCENT) {
        buf_printf(out, " (idle for %u%% of the run)", idle);
    }
}

void report_time(const struct summary_view *v, struct buf *out)
{
    struct buf text;
    if (v->rows_run == 0) {
        return;
    }
    buf_init(&text, TEXT_MAX);
    add_group(v, WHY_WRITERS, &text);
    add_group(v, WHY_READERS, &text);
    add_group(v, WHY_PACKERS, &text);
    if (text.len > 0) {
        buf_puts(&text, "\n");
        why_verdict(v, &text);
        field(out, "time went", &text);
    }
    buf_free(&text);
}

/* ---- transactions ---- */

static void report_resent(const struct summary_view *v, struct buf *out)
{
    const struct flow_view *f = &v->flow;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (f->resends > 0) {
        buf_printf(&text, "%u transaction%s from memory or disk; ", f->resends,
                   report_plural(f->resends));
    }
    if (f->rereads > 0) {
        buf_printf(&text, "%u transaction%s had to be read again from the source", f->rereads,
                   report_plural(f->rereads));
    } else {
        buf_puts(&text, "nothing was read twice");
    }
    if (f->resends + f->rereads > 0) {
        field(out, "sent again", &text);
    }
    buf_free(&text);
}

void report_transactions(const struct summary_view *v, struct buf *out)
{
    const struct flow_view *f = &v->flow;
    char number[STR_HUMAN_MAX];
    if (f->transactions > 0) {
        buf_printf(out, "%-13s%s", "transactions", human_count(f->transactions, number));
        buf_printf(out, f->transactions == 1 ? " of %s\n" : " of %s each on average\n",
                   human_bytes(v->wire_bytes_run / f->transactions, number));
    }
    report_resent(v, out);
}

/* ---- what was put aside ---- */

static void report_packed(const struct flow_view *f, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    if (f->unpacked_bytes == 0 || f->packed_bytes == 0) {
        return;
    }
    buf_printf(out, "%-13s%s", "compressed", human_bytes(f->unpacked_bytes, number));
    buf_printf(out, " to %s: %.1f to 1\n", human_bytes(f->packed_bytes, number),
               (double)f->unpacked_bytes / (double)f->packed_bytes);
}

static void report_spill(const struct flow_view *f, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    if (f->spill_written_bytes == 0 && f->spill_read_bytes == 0) {
        return;
    }
    buf_printf(out, "%-13s%s written", "spill", human_bytes(f->spill_written_bytes, number));
    buf_printf(out, ", %s read", human_bytes(f->spill_read_bytes, number));
    buf_printf(out, "; at most %s at a time", human_bytes(f->spill_used_bytes_max, number));
    if (f->spill_limit_bytes > 0 && f->spill_limit_bytes < NO_LIMIT) {
        buf_printf(out, ", of %s", human_bytes(f->spill_limit_bytes, number));
    }
    buf_puts(out, "\n");
}

void report_aside(const struct summary_view *v, struct buf *out)
{
    const struct flow_view *f = &v->flow;
    char number[STR_HUMAN_MAX];
    report_packed(f, out);
    report_spill(f, out);
    if (v->from_spill) {
        report_field(out, "from spill",
                     "the rest of an earlier run, from its spill; the source was not used");
    }
    if (f->released_ms > 0) {
        buf_printf(out, "%-13sthe source, after %s", "given back",
                   human_duration(f->released_ms, number));
        buf_printf(out, " of %s\n", human_duration(v->elapsed_ms, number));
    }
}

/* ---- streams ---- */

static void share_cell(struct grid *g, const struct spent *s, enum activity what)
{
    char text[STR_HUMAN_MAX];
    (void)snprintf(text, sizeof text, "%u%%", why_percent(s, what));
    grid_cell(g, text);
}

static void stream_row(struct grid *g, size_t no, const struct stream_view *s)
{
    char text[STR_HUMAN_MAX];
    (void)snprintf(text, sizeof text, "%zu", no);
    grid_row(g);
    grid_cell(g, text);
    grid_cell(g, human_bytes(s->bytes_read, text));
    share_cell(g, &s->reader, SPENT_READ);
    share_cell(g, &s->reader, SPENT_WAIT_MEMORY);
    share_cell(g, &s->reader, SPENT_THROTTLE);
    grid_cell(g, human_bytes(s->bytes_sent, text));
    share_cell(g, &s->writer, SPENT_SEND);
    share_cell(g, &s->writer, SPENT_WAIT_ROWS);
    share_cell(g, &s->writer, SPENT_BEGIN);
    share_cell(g, &s->writer, SPENT_COMMIT);
}

void report_streams(const struct summary_view *v, struct buf *out)
{
    static const char *const titles[GRID_COLUMNS_MAX] = {"stream", "read",  "reading", "no room",
                                                         "paced",  "sent",  "sending", "no rows",
                                                         "begin",  "commit"};
    struct grid g = {0};
    size_t shown = v->stream_count < REPORT_TABLES_MAX ? v->stream_count : REPORT_TABLES_MAX;
    grid_row(&g);
    for (size_t i = 0; i < GRID_COLUMNS_MAX; i++) {
        grid_cell(&g, titles[i]);
    }
    for (size_t i = 0; i < shown; i++) {
        stream_row(&g, i + 1, &v->stream_list[i]);
    }
    grid_print(&g, "rrrrrrrrrr", out);
    if (shown < v->stream_count) {
        buf_printf(out, "  and %zu more\n", v->stream_count - shown);
    }
    grid_free(&g);
}
