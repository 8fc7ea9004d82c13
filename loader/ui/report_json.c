#include "ui/flow_json.h"
#include "ui/json_text.h"
#include "ui/report.h"
#include "ui/report_parts.h"
#include "ui/schema_report.h"
#include "ui/why.h"

#include <string.h>

/* A value that could not be made is NULL, which json_put and json_push refuse: errors are
 * collected, and reported once by json_line. */

static bool json_push(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

static json_t *all_or_nothing(json_t *value, bool ok)
{
    if (ok) {
        return value;
    }
    json_decref(value);
    return NULL;
}

static json_t *texts_json(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    bool ok = array != NULL;

    for (size_t i = 0; i < count && ok; i++) {
        ok = json_push(array, json_text(texts[i]));
    }
    return all_or_nothing(array, ok);
}

static const char *destination_of(const char *name, const char *destination)
{
    return destination == NULL ? name : destination;
}

/* Of the time that all tables took of the writers. */
static json_t *share_json(const struct table_view *t, double all_ns)
{
    double own_ns = (double)why_sum_ns(&t->spent, WHY_WRITERS);
    return all_ns <= 0 ? json_null() : json_real(own_ns / all_ns);
}

static json_t *table_json(const struct table_view *t, double all_ns)
{
    char why[WHY_SHORT_MAX];
    json_t *o = json_object();

    bool ok = json_put(o, "name", json_text(t->name));
    ok = json_put(o, "destination", json_text(destination_of(t->name, t->destination))) && ok;
    ok = json_put(o, "format", json_text(t->format)) && ok;
    ok = json_put(o, "rows", json_count(t->rows)) && ok;
    ok = json_put(o, "wire_bytes", json_count(t->wire_bytes)) && ok;
    ok = json_put(o, "busy_ms", json_count(t->busy_ms)) && ok;
    ok = json_put(o, "chunks_done", json_count(t->chunks_done)) && ok;
    ok = json_put(o, "chunks_total", json_count(t->chunks_total)) && ok;
    ok = json_put(o, "snapshot", json_count(t->snapshot_no)) && ok;
    why_table(&t->spent, why);
    ok = json_put(o, "time_share", share_json(t, all_ns)) && ok;
    ok = json_put(o, "bottleneck", json_text(why_name(why_judge(&t->spent)))) && ok;
    ok = json_put(o, "why", json_text(why)) && ok;
    ok = json_put(o, "spent_ms", flow_json_spent(&t->spent)) && ok;
    return all_or_nothing(o, ok);
}

static json_t *tables_json(const struct summary_view *v)
{
    json_t *array = json_array();
    bool ok = array != NULL;
    double all_ns = 0;

    for (size_t i = 0; i < v->table_count; i++) {
        all_ns += (double)why_sum_ns(&v->tables[i].spent, WHY_WRITERS);
    }
    for (size_t i = 0; i < v->table_count && ok; i++) {
        ok = json_push(array, table_json(&v->tables[i], all_ns));
    }
    return all_or_nothing(array, ok);
}

static json_t *stream_json(const struct stream_view *s)
{
    json_t *o = json_object();

    bool ok = json_put(o, "rows_read", json_count(s->rows_read));
    ok = json_put(o, "bytes_read", json_count(s->bytes_read)) && ok;
    ok = json_put(o, "rows_sent", json_count(s->rows_sent)) && ok;
    ok = json_put(o, "bytes_sent", json_count(s->bytes_sent)) && ok;
    ok = json_put(o, "reader_ms", flow_json_spent(&s->reader)) && ok;
    ok = json_put(o, "writer_ms", flow_json_spent(&s->writer)) && ok;
    return all_or_nothing(o, ok);
}

static json_t *streams_json(const struct summary_view *v)
{
    json_t *array = json_array();
    bool ok = array != NULL;

    for (size_t i = 0; i < v->stream_count && ok; i++) {
        ok = json_push(array, stream_json(&v->stream_list[i]));
    }
    return all_or_nothing(array, ok);
}

static json_t *snapshots_json(const struct summary_view *v)
{
    json_t *array = json_array();
    bool ok = array != NULL;

    for (size_t i = 0; i < v->snapshot_count && ok; i++) {
        const struct snapshot_view *s = &v->snapshots[i];
        json_t *o = json_object();
        ok = json_put(o, "snapshot", json_count(s->no));
        ok = json_put(o, "taken_at", json_text(s->taken_at)) && ok;
        ok = json_put(o, "identity", json_text(s->identity)) && ok;
        ok = json_push(array, all_or_nothing(o, ok));
    }
    return all_or_nothing(array, ok);
}

static const char *kind_name(enum err_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        break;
    case ERR_USAGE:
        return "usage";
    case ERR_AUTH:
        return "auth";
    case ERR_TRANSIENT:
        return "transient";
    case ERR_DATA:
        return "data";
    case ERR_CANCELLED:
        return "cancelled";
    case ERR_SYSTEM:
        return "system";
    case ERR_BUSY:
        return "busy";
    case ERR_LOST_SNAPSHOT:
        return "lost_snapshot";
    }
    return "none";
}

static json_t *error_json(const struct err *err)
{
    if (err == NULL || err->kind == ERR_NONE) {
        return json_null();
    }
    json_t *o = json_object();
    bool ok = json_put(o, "kind", json_text(kind_name(err->kind)));
    ok = json_put(o, "message", json_text(err->msg)) && ok;
    return all_or_nothing(o, ok);
}

static bool put_outcome(json_t *o, const struct summary_view *v)
{
    bool ok = json_put(o, "job", json_text(v->job));
    ok = json_put(o, "source", json_text(v->source)) && ok;
    ok = json_put(o, "destination", json_text(v->destination)) && ok;
    ok = json_put(o, "exit_status", json_integer(v->exit_status)) && ok;
    ok = json_put(o, "outcome", json_text(report_outcome(v->exit_status))) && ok;
    ok = json_put(o, "already_complete", json_boolean(v->already_complete)) && ok;
    ok = json_put(o, "error", error_json(v->error)) && ok;
    return json_put(o, "hint", json_text(v->hint)) && ok;
}

static bool put_figures(json_t *o, const struct summary_view *v)
{
    bool ok = json_put(o, "elapsed_ms", json_count(v->elapsed_ms));
    ok = json_put(o, "streams", json_count(v->streams)) && ok;
    ok = json_put(o, "rows", json_count(v->rows)) && ok;
    ok = json_put(o, "rows_run", json_count(v->rows_run)) && ok;
    ok = json_put(o, "wire_bytes_run", json_count(v->wire_bytes_run)) && ok;
    ok = json_put(o, "chunks_done", json_count(v->chunks_done)) && ok;
    ok = json_put(o, "chunks_total", json_count(v->chunks_total)) && ok;
    ok = json_put(o, "retries", json_count(v->retries)) && ok;
    ok =
        json_put(o, "retry_reasons", json_text(v->retry_reasons == NULL ? "" : v->retry_reasons)) &&
        ok;
    ok = json_put(o, "source_wait_ms", json_count(v->source_wait_ms)) && ok;
    ok = json_put(o, "destination_wait_ms", json_count(v->destination_wait_ms)) && ok;
    ok = json_put(o, "commit_ms", json_count(v->commit_ms)) && ok;
    ok = json_put(o, "memory_peak_bytes", json_count(v->memory_peak_bytes)) && ok;
    ok = json_put(o, "memory_limit_bytes", json_count(v->memory_limit_bytes)) && ok;
    return json_put(o, "row_widest_bytes", json_count(v->row_widest_bytes)) && ok;
}

/* In one line: it is broken for people. */
static json_t *verdict_json(const struct summary_view *v)
{
    struct buf verdict;

    buf_init(&verdict, ERR_MSG_MAX);
    why_verdict(v, &verdict);
    for (size_t i = 0; i < verdict.len; i++) {
        if (verdict.data[i] == '\n') {
            verdict.data[i] = ' ';
        }
    }
    json_t *text = verdict.failed ? NULL : json_text(buf_str(&verdict));
    buf_free(&verdict);
    return text;
}

static bool put_flow(json_t *o, const struct summary_view *v)
{
    bool ok = flow_json_put(o, &v->flow);
    ok = json_put(o, "from_spill", json_boolean(v->from_spill)) && ok;
    ok = json_put(o, "bottleneck", json_text(why_name(why_judge(&v->flow.spent)))) && ok;
    ok = json_put(o, "verdict", verdict_json(v)) && ok;
    return json_put(o, "streams_list", streams_json(v)) && ok;
}

/* A load that makes no schema does not speak of one. */
static bool put_schema(json_t *o, const struct schema_view *schema)
{
    return schema == NULL || json_put(o, "schema", schema_report_object(schema));
}

void report_summary_json(const struct summary_view *v, struct buf *out)
{
    json_t *o = json_object();

    bool ok = json_put(o, "event", json_text("summary"));
    ok = put_outcome(o, v) && ok;
    ok = put_figures(o, v) && ok;
    ok = put_flow(o, v) && ok;
    ok = json_put(o, "tables", tables_json(v)) && ok;
    ok = json_put(o, "snapshots", snapshots_json(v)) && ok;
    ok = json_put(o, "sequences_moved", texts_json(v->sequences_moved, v->sequence_count)) && ok;
    ok = json_put(o, "warnings", texts_json(v->warnings, v->warning_count)) && ok;
    ok = json_put(o, "problems", texts_json(v->problems, v->problem_count)) && ok;
    ok = put_schema(o, v->schema) && ok;
    json_line(o, ok, out);
}

static json_t *plan_table_json(const struct plan_table_view *t)
{
    json_t *o = json_object();
    json_t *rows = t->row_estimate < 0 ? json_null() : json_count(report_estimate(t->row_estimate));

    bool ok = json_put(o, "name", json_text(t->name));
    ok = json_put(o, "destination", json_text(destination_of(t->name, t->destination))) && ok;
    ok = json_put(o, "format", json_text(t->format)) && ok;
    ok = json_put(o, "format_why", json_text(t->format_why == NULL ? "" : t->format_why)) && ok;
    ok = json_put(o, "split_by", json_text(t->split_by)) && ok;
    ok = json_put(o, "bytes", json_count(t->bytes)) && ok;
    ok = json_put(o, "row_estimate", rows) && ok;
    ok = json_put(o, "chunks", json_count(t->chunks)) && ok;
    return all_or_nothing(o, ok);
}

void report_plan_json(const struct plan_view *v, struct buf *out)
{
    json_t *o = json_object();
    json_t *tables = json_array();
    bool tables_ok = tables != NULL;

    for (size_t i = 0; i < v->table_count && tables_ok; i++) {
        tables_ok = json_push(tables, plan_table_json(&v->tables[i]));
    }
    bool ok = json_put(o, "event", json_text("plan"));
    ok = json_put(o, "job", json_text(v->job)) && ok;
    ok = json_put(o, "source", json_text(v->source)) && ok;
    ok = json_put(o, "destination", json_text(v->destination)) && ok;
    ok = json_put(o, "mode", json_text(v->mode)) && ok;
    ok = json_put(o, "triggers", json_text(v->triggers)) && ok;
    ok = json_put(o, "streams", json_count(v->streams)) && ok;
    ok = json_put(o, "bytes", json_count(v->bytes)) && ok;
    ok = json_put(o, "chunks", json_count(v->chunks)) && ok;
    ok = json_put(o, "tables", all_or_nothing(tables, tables_ok)) && ok;
    ok = json_put(o, "warnings", texts_json(v->warnings, v->warning_count)) && ok;
    ok = put_schema(o, v->schema) && ok;
    json_line(o, ok, out);
}
