#include "ui/flow_json.h"
#include "ui/json_text.h"
#include "ui/progress.h"
#include "ui/why.h"

#define TEXT_MAX 512

static bool put_work(json_t *o, const struct progress_view *v)
{
    bool ok = json_put(o, "elapsed_ms", json_count(v->elapsed_ms));
    ok = json_put(o, "percent", json_count(progress_percent(v))) && ok;
    ok = json_put(o, "planned_bytes", json_count(v->planned_bytes)) && ok;
    ok = json_put(o, "done_bytes", json_count(v->done_bytes)) && ok;
    ok = json_put(o, "done_bytes_at_start", json_count(v->done_bytes_at_start)) && ok;
    ok = json_put(o, "rows", json_count(v->rows_committed)) && ok;
    ok = json_put(o, "rows_per_s", json_count(v->rows_per_s)) && ok;
    ok = json_put(o, "wire_bytes_per_s", json_count(v->wire_bytes_per_s)) && ok;
    ok = json_put(o, "chunks_done", json_count(v->chunks_done)) && ok;
    ok = json_put(o, "chunks_total", json_count(v->chunks_total)) && ok;
    ok = json_put(o, "tables_done", json_count(v->tables_done)) && ok;
    return json_put(o, "tables_total", json_count(v->tables_total)) && ok;
}

static bool put_why(json_t *o, const struct progress_view *v)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    why_live(v, WHY_FULL, &text);
    bool ok = json_put(o, "recent_ms", flow_json_spent(&v->recent));
    ok = json_put(o, "stalled_ms", json_count(v->stalled_ms)) && ok;
    ok = json_put(o, "bottleneck", json_text(why_name(why_now(v)))) && ok;
    ok = json_put(o, "why", json_text(buf_str(&text))) && ok && !text.failed;
    buf_free(&text);
    return ok;
}

void progress_json(const struct progress_view *v, struct buf *out)
{
    json_t *o = json_object();
    uint64_t eta_ms = progress_eta_ms(v);

    bool ok = json_put(o, "event", json_text("progress"));
    ok = put_work(o, v) && ok;
    ok = json_put(o, "eta_ms", eta_ms == UINT64_MAX ? json_null() : json_count(eta_ms)) && ok;
    ok = json_put(o, "streams_busy", json_count(v->streams_busy)) && ok;
    ok = json_put(o, "retries", json_count(v->retries)) && ok;
    ok = flow_json_put(o, &v->flow) && ok;
    ok = put_why(o, v) && ok;
    ok = json_put(o, "draining", json_boolean(v->draining)) && ok;
    ok = json_put(o, "waiting_for", json_text(v->waiting_for)) && ok;
    json_line(o, ok, out);
}
