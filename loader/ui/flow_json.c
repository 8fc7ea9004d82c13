#include "ui/flow_json.h"

#include "base/clock.h"
#include "ui/json_text.h"
#include "ui/why.h"

json_t *flow_json_spent(const struct spent *s)
{
    json_t *o = json_object();
    bool ok = o != NULL;
    for (int i = 0; i < SPENT_KINDS; i++) {
        ok = json_put(o, why_activity_name((enum activity)i), json_count(s->ns[i] / NS_PER_MS)) &&
             ok;
    }
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *spill_json(const struct flow_view *f)
{
    json_t *o = json_object();
    bool ok = json_put(o, "written_bytes", json_count(f->spill_written_bytes));
    ok = json_put(o, "read_bytes", json_count(f->spill_read_bytes)) && ok;
    ok = json_put(o, "used_bytes", json_count(f->spill_used_bytes)) && ok;
    ok = json_put(o, "used_bytes_max", json_count(f->spill_used_bytes_max)) && ok;
    ok = json_put(o, "limit_bytes", json_count(f->spill_limit_bytes)) && ok;
    ok = json_put(o, "full", json_boolean(f->spill_full)) && ok;
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *ratio_json(const struct flow_view *f)
{
    return f->unpacked_bytes == 0 ? json_null()
                                  : json_real((double)f->packed_bytes / (double)f->unpacked_bytes);
}

static bool put_down(json_t *o, const struct router_line *r)
{
    bool ever = r->down_at[0] != '\0';
    bool ok = json_put(o, "down_at", ever ? json_text(r->down_at) : json_null());
    return json_put(o, "back_after_ms", ever && r->back ? json_count(r->down_ms) : json_null()) &&
           ok;
}

static json_t *router_json(const struct router_line *r)
{
    json_t *o = json_object();
    bool ok = json_put(o, "host", json_text(r->host));
    ok = json_put(o, "state", json_text(r->state)) && ok;
    ok = json_put(o, "load", json_real(r->load)) && ok;
    ok = json_put(o, "writers", json_count(r->writers)) && ok;
    ok = json_put(o, "connects", json_count(r->connects)) && ok;
    ok = json_put(o, "failures", json_count(r->failures)) && ok;
    ok = put_down(o, r) && ok;
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *routers_json(const struct flow_view *f)
{
    json_t *array = json_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < f->router_count; i++) {
        ok = json_array_append_new(array, router_json(&f->routers[i])) == 0;
    }
    if (!ok) {
        json_decref(array);
        return NULL;
    }
    return array;
}

static bool put_lists(json_t *o, const struct flow_view *f)
{
    bool ok = json_put(o, "spill", spill_json(f));
    return json_put(o, "routers", routers_json(f)) && ok;
}

bool flow_json_put(json_t *o, const struct flow_view *f)
{
    bool ok = json_put(o, "spent_ms", flow_json_spent(&f->spent));
    ok = json_put(o, "readers_active", json_count(f->readers_active)) && ok;
    ok = json_put(o, "writers_active", json_count(f->writers_active)) && ok;
    ok = json_put(o, "jobs_auto", json_boolean(f->jobs_auto)) && ok;
    ok = json_put(o, "transactions", json_count(f->transactions)) && ok;
    ok = json_put(o, "group_bytes", json_count(f->group_bytes)) && ok;
    ok = json_put(o, "resends", json_count(f->resends)) && ok;
    ok = json_put(o, "rereads", json_count(f->rereads)) && ok;
    ok = json_put(o, "max_rate_bytes_s", json_count(f->max_rate_bytes_s)) && ok;
    ok = json_put(o, "throttled", json_boolean(f->throttled)) && ok;
    ok = json_put(o, "memory_bytes", json_count(f->memory_bytes)) && ok;
    ok = json_put(o, "ahead_batches", json_count(f->ahead_batches)) && ok;
    ok = json_put(o, "unpacked_bytes", json_count(f->unpacked_bytes)) && ok;
    ok = json_put(o, "packed_bytes", json_count(f->packed_bytes)) && ok;
    ok = json_put(o, "packed_ratio", ratio_json(f)) && ok;
    ok = json_put(o, "pack_level", json_integer(f->pack_level)) && ok;
    ok = put_lists(o, f) && ok;
    return json_put(o, "released_ms",
                    f->released_ms == 0 ? json_null() : json_count(f->released_ms)) &&
           ok;
}
