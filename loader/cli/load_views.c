#include "cli/load_views.h"

#include "base/clock.h"
#include "ui/report.h"

#include <stdlib.h>
#include <string.h>

#define MS(ns) ((ns) / NS_PER_MS)

/* What both views need besides the plan; everything is borrowed or freed here. */
struct lists {
    const char **warnings;
    size_t warning_count;
    const char **problems;
    size_t problem_count;
    struct table_view *tables;
    struct plan_table_view *plan_tables;
    struct snapshot_view *snapshots;
    struct stream_view *streams;
    struct router_line *routers;
    const struct schema_view *schema; /* NULL: none */
};

static const char *const router_states[] = {
    [ROUTER_USED] = "used", [ROUTER_AVOIDED] = "avoided", [ROUTER_GONE] = "gone"};

size_t load_views_routers(const struct load_routers *from, struct router_line out[ROUTERS_MAX])
{
    for (size_t i = 0; i < from->count; i++) {
        const struct router_view *r = &from->items[i];
        out[i] = (struct router_line){.host = r->host,
                                      .state = router_states[r->state],
                                      .load = r->load,
                                      .writers = r->writers,
                                      .connects = r->connects,
                                      .failures = r->failures,
                                      .back = r->back_ns > r->down_ns};
        if (r->down_ns != 0) {
            uint64_t until_ns = out[i].back ? r->back_ns : from->at_ns;
            int64_t ago_ms = (int64_t)((from->at_ns - r->down_ns) / NS_PER_MS);
            out[i].down_ms = (until_ns - r->down_ns) / NS_PER_MS;
            (void)clock_iso(from->at_wall_ms - ago_ms, out[i].down_at);
        }
    }
    return from->count;
}

void load_views_flow(const struct spec *spec, const struct board_view *b,
                     const struct load_totals *t, struct flow_view *out)
{
    *out = (struct flow_view){.spent = t->spent,
                              .readers_active = t->readers_active,
                              .writers_active = t->writers_active,
                              .jobs_auto = spec->jobs_auto,
                              .transactions = b->transactions,
                              .group_bytes = b->group_bytes,
                              .resends = b->resends,
                              .rereads = b->rereads,
                              .max_rate_bytes_s = spec->max_rate_bytes_s,
                              .memory_bytes = t->depot.memory_bytes,
                              .ahead_batches = t->depot.ahead_batches,
                              .unpacked_bytes = t->depot.raw_bytes_packed,
                              .packed_bytes = t->depot.packed_bytes,
                              .pack_level = t->pack_level,
                              .spill_written_bytes = t->spill.bytes_written,
                              .spill_read_bytes = t->spill.bytes_read,
                              .spill_used_bytes = t->spill.bytes_used,
                              .spill_used_bytes_max = t->spill.bytes_used_max,
                              .spill_limit_bytes = t->spill.bytes_limit,
                              .spill_full = t->depot.spill_full,
                              .throttled = t->depot.throttled,
                              .released_ms = t->released_ms};
}

static void view_stream(const struct thread_totals *reader, const struct thread_totals *writer,
                        struct stream_view *v)
{
    *v = (struct stream_view){
        .writer = writer->spent, .rows_sent = writer->rows, .bytes_sent = writer->bytes};
    if (reader != NULL) {
        v->reader = reader->spent;
        v->rows_read = reader->rows;
        v->bytes_read = reader->bytes;
    }
}

static void view_table(const struct plan_table *t, struct table_view *v)
{
    *v = (struct table_view){.name = t->label,
                             .destination = t->target,
                             .format = t->work.binary ? "binary" : "text",
                             .chunks_total = t->chunk_count,
                             .snapshot_no = t->work.snapshot_no,
                             .spent = t->spent};
    for (size_t i = 0; i < t->chunk_count; i++) {
        const struct plan_chunk *c = &t->chunks[i];
        if (c->state == CHUNK_DONE) {
            v->chunks_done++;
            v->rows += c->rows;
            v->wire_bytes += c->wire_bytes;
            v->busy_ms += MS(c->busy_ns);
        }
    }
}

static void view_plan_table(const struct plan_table *t, struct plan_table_view *v)
{
    *v = (struct plan_table_view){.name = t->label,
                                  .destination = t->target,
                                  .format = t->work.binary ? "binary" : "text",
                                  .format_why = t->format_why == NULL ? "" : t->format_why,
                                  .split_by = t->split_by == NULL ? "as planned" : t->split_by,
                                  .bytes = t->bytes,
                                  .row_estimate = t->row_estimate,
                                  .chunks = t->chunk_count};
}

static bool lists_make(const struct load_result *r, struct lists *l)
{
    size_t tables = r->plan.table_count;
    l->warnings = calloc(r->findings.count + 1, sizeof(char *));
    l->problems = calloc(r->findings.count + 1, sizeof(char *));
    l->tables = calloc(tables + 1, sizeof *l->tables);
    l->plan_tables = calloc(tables + 1, sizeof *l->plan_tables);
    l->snapshots = calloc(r->snapshot_count + 1, sizeof *l->snapshots);
    l->streams = calloc((size_t)r->streams + 1, sizeof *l->streams);
    l->routers = calloc(ROUTERS_MAX, sizeof *l->routers);
    if (l->warnings == NULL || l->problems == NULL || l->tables == NULL || l->plan_tables == NULL ||
        l->snapshots == NULL || l->streams == NULL || l->routers == NULL) {
        return false;
    }
    for (unsigned i = 0; r->writers != NULL && i < r->streams; i++) {
        view_stream(r->readers == NULL ? NULL : &r->readers[i], &r->writers[i], &l->streams[i]);
    }
    for (size_t i = 0; i < r->findings.count; i++) {
        if (r->findings.items[i].level == FINDING_WARNING) {
            l->warnings[l->warning_count++] = r->findings.items[i].text;
        } else {
            l->problems[l->problem_count++] = r->findings.items[i].text;
        }
    }
    for (size_t i = 0; r->planned && i < tables; i++) {
        view_table(&r->plan.tables[i], &l->tables[i]);
        view_plan_table(&r->plan.tables[i], &l->plan_tables[i]);
    }
    for (size_t i = 0; i < r->snapshot_count; i++) {
        l->snapshots[i] = (struct snapshot_view){.no = r->snapshots[i].no,
                                                 .taken_at = r->snapshots[i].taken_at,
                                                 .identity = r->snapshots[i].visible};
    }
    return true;
}

static void lists_free(struct lists *l)
{
    free(l->warnings);
    free(l->problems);
    free(l->tables);
    free(l->plan_tables);
    free(l->snapshots);
    free(l->streams);
    free(l->routers);
}

static void report_plan(const struct spec *spec, const struct load_result *r, struct lists *l,
                        bool json, struct buf *out)
{
    struct buf triggers;
    buf_init(&triggers, 512);
    buf_printf(&triggers, "%s (%s)", r->order.disable ? "disable" : "keep", r->order.why);
    struct plan_view v = {.job = r->job,
                          .source = r->source,
                          .destination = r->destination,
                          .mode = load_mode_name(spec->mode),
                          .triggers = buf_str(&triggers),
                          .streams = spec->jobs,
                          .bytes = r->plan.bytes,
                          .chunks = r->plan.chunk_count,
                          .tables = l->plan_tables,
                          .table_count = r->plan.table_count,
                          .warnings = l->warnings,
                          .warning_count = l->warning_count,
                          .schema = l->schema};
    if (json) {
        report_plan_json(&v, out);
    } else {
        report_plan_text(&v, out);
    }
    buf_free(&triggers);
}

static void report_summary(const struct spec *spec, const struct load_result *r, struct lists *l,
                           bool json, struct buf *out)
{
    struct summary_view v = {.job = r->job,
                             .source = r->source,
                             .destination = r->destination,
                             .exit_status = r->exit_status,
                             .error = &r->error,
                             .hint = r->hint.len == 0 ? NULL : buf_str(&r->hint),
                             .already_complete = r->already_complete,
                             .elapsed_ms = r->totals.elapsed_ms,
                             .streams = spec->jobs,
                             .rows_run = r->board.rows_run,
                             .wire_bytes_run = r->board.wire_bytes_run,
                             .retries = r->board.retries,
                             .retry_reasons = r->retry_reasons,
                             .source_wait_ms = MS(r->totals.spent.ns[SPENT_WAIT_ROWS]),
                             .destination_wait_ms = MS(r->totals.spent.ns[SPENT_SEND]),
                             .commit_ms = MS(r->totals.spent.ns[SPENT_COMMIT]),
                             .from_spill = r->from_spill,
                             .verbose = spec->verbose,
                             .stream_list = l->streams,
                             .stream_count = r->writers == NULL ? 0 : r->streams,
                             .memory_peak_bytes = r->totals.memory_peak_bytes,
                             .memory_limit_bytes = spec->memory_bytes,
                             .row_widest_bytes = r->totals.row_widest_bytes,
                             .tables = l->tables,
                             .table_count = r->planned ? r->plan.table_count : 0,
                             .snapshots = l->snapshots,
                             .snapshot_count = r->snapshot_count,
                             .warnings = l->warnings,
                             .warning_count = l->warning_count,
                             .problems = l->problems,
                             .problem_count = l->problem_count,
                             .sequences_moved = (const char *const *)r->sequences.items,
                             .sequence_count = r->sequences.count,
                             .schema = l->schema};
    load_views_flow(spec, &r->board, &r->totals, &v.flow);
    v.flow.routers = l->routers;
    v.flow.router_count = load_views_routers(&r->routers, l->routers);
    for (size_t i = 0; i < v.table_count; i++) {
        v.rows += l->tables[i].rows;
        v.chunks_done += l->tables[i].chunks_done;
        v.chunks_total += l->tables[i].chunks_total;
    }
    if (json) {
        report_summary_json(&v, out);
    } else {
        report_summary_text(&v, out);
    }
}

bool load_views_report(const struct spec *spec, const struct load_result *result, bool json,
                       struct buf *out)
{
    return load_views_report_with(spec, result, NULL, json, out);
}

bool load_views_report_with(const struct spec *spec, const struct load_result *result,
                            const struct schema_view *schema, bool json, struct buf *out)
{
    struct lists l = {.schema = schema};
    bool ok = lists_make(result, &l);
    if (ok && spec->dry_run && result->exit_status == 0) {
        report_plan(spec, result, &l, json, out);
    } else if (ok) {
        report_summary(spec, result, &l, json, out);
    }
    lists_free(&l);
    return ok && !out->failed;
}
