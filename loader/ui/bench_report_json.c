#include "ui/bench_report.h"
#include "ui/json_text.h"

#include <string.h>

static json_t *run_object(const struct bench_run_view *r)
{
    json_t *o = json_object();
    bool ok = json_put(o, "seconds", json_real(r->seconds));
    ok = json_put(o, "rows", json_count(r->rows)) && ok;
    ok = json_put(o, "bytes", json_count(r->bytes)) && ok;
    ok = json_put(o, "cpu_seconds", json_real(r->cpu_s)) && ok;
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *runs_array(const struct bench_row_view *r)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (unsigned i = 0; ok && i < r->run_count; i++) {
        ok = json_array_append_new(list, run_object(&r->runs[i])) == 0;
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *row_object(const struct bench_row_view *r)
{
    json_t *o = json_object();
    bool ok = json_put(o, "stage", json_text(r->stage));
    ok = json_put(o, "streams", json_count(r->streams)) && ok;
    ok = json_put(o, "chunk_bytes", json_count(r->chunk_bytes)) && ok;
    ok = json_put(o, "bytes_per_s", json_count((uint64_t)r->bytes_per_s)) && ok;
    ok = json_put(o, "bytes_per_s_min", json_count((uint64_t)r->bytes_per_s_min)) && ok;
    ok = json_put(o, "bytes_per_s_max", json_count((uint64_t)r->bytes_per_s_max)) && ok;
    ok = json_put(o, "rows_per_s", json_count((uint64_t)r->rows_per_s)) && ok;
    ok = json_put(o, "cpu_cores", json_real(r->cpu_cores)) && ok;
    ok = json_put(o, "readers_read_share", json_real(r->reading)) && ok;
    ok = json_put(o, "readers_wait_share", json_real(r->waits_memory)) && ok;
    ok = json_put(o, "writers_wait_share", json_real(r->waits_rows)) && ok;
    ok = json_put(o, "begin_commit_share", json_real(r->commits)) && ok;
    ok = json_put(o, "knee", json_boolean(r->knee)) && ok;
    ok = json_put(o, "runs", runs_array(r)) && ok;
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *points_array(const struct bench_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < v->row_count; i++) {
        if (v->rows[i].run_count > 0) {
            ok = json_array_append_new(list, row_object(&v->rows[i])) == 0;
        }
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *advice_object(const struct bench_view *v)
{
    if (v->advice == NULL) {
        return json_null();
    }
    json_t *o = json_object();
    bool ok = json_put(o, "jobs", json_count(v->advice->streams));
    ok = json_put(o, "chunk_bytes", json_count(v->advice->chunk_bytes)) && ok;
    ok = json_put(o, "stage", json_text(v->advice->stage)) && ok;
    ok = json_put(o, "command", json_text(v->command)) && ok;
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *warnings_array(const struct bench_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < v->warning_count; i++) {
        ok = json_array_append_new(list, json_text(v->warnings[i])) == 0;
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* null for a side that was not used. */
static json_t *side(const char *where)
{
    return json_text(where[0] == '\0' ? NULL : where);
}

void bench_report_json(const struct bench_view *v, struct buf *out)
{
    json_t *o = json_object();
    bool ok = json_put(o, "event", json_text("bench"));
    ok = json_put(o, "source", side(v->source)) && ok;
    ok = json_put(o, "destination", side(v->destination)) && ok;
    ok = json_put(o, "tables", json_count(v->table_count)) && ok;
    ok = json_put(o, "tables_bytes", json_count(v->tables_bytes)) && ok;
    ok = json_put(o, "measured_bytes", json_count(v->part_bytes)) && ok;
    ok = json_put(o, "rows_made_up", json_boolean(v->made_up)) && ok;
    ok = json_put(o, "with_indexes", json_boolean(v->with_indexes)) && ok;
    ok = json_put(o, "repeat", json_count(v->repeat)) && ok;
    ok = json_put(o, "points", points_array(v)) && ok;
    ok = json_put(o, "recommended", advice_object(v)) && ok;
    ok = json_put(o, "warnings", warnings_array(v)) && ok;
    ok = json_put(o, "error", json_text(v->error->kind == ERR_NONE ? NULL : v->error->msg)) && ok;
    ok = json_put(o, "exit_status", json_count((uint64_t)v->exit_status)) && ok;
    json_line(o, ok, out);
}
