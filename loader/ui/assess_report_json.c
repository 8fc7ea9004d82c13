#include "ui/assess_report.h"
#include "ui/assess_report_parts.h"
#include "ui/json_text.h"

#include <string.h>

/* The object, or NULL when a member could not be set. */
static json_t *whole(json_t *o, bool ok)
{
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *note_json(const struct assess_note_view *n)
{
    json_t *o = json_object();
    bool ok = json_put(o, "topic", json_text(n->topic));
    ok = json_put(o, "text", json_text(n->text)) && ok;
    ok = json_put(o, "fix", json_text(n->fix)) && ok;
    return whole(o, ok);
}

static json_t *notes_json(const struct assess_note_view *notes, size_t count)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < count; i++) {
        ok = json_array_append_new(list, note_json(&notes[i])) == 0 && ok;
    }
    return whole(list, ok);
}

static json_t *candidates_json(const struct assess_table_view *t)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < t->candidate_count; i++) {
        const struct assess_candidate_view *c = &t->candidates[i];
        json_t *o = json_object();
        bool put = json_put(o, "column", json_text(c->column));
        put = json_put(o, "score", json_real(c->score)) && put;
        put = json_put(o, "text", json_text(c->text)) && put;
        ok = json_array_append_new(list, whole(o, put)) == 0 && ok;
    }
    return whole(list, ok);
}

/* 0, 1, ... or null. */
static json_t *number_or_null(int number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static bool put_facts(json_t *o, const struct assess_table_view *t)
{
    bool ok = json_put(o, "name", json_text(t->name));
    ok = json_put(o, "kind", json_text(t->kind)) && ok;
    ok = json_put(o, "bytes", json_count(t->bytes)) && ok;
    ok = json_put(o, "index_bytes", json_count(t->index_bytes)) && ok;
    ok = json_put(o, "rows", json_count(t->rows)) && ok;
    ok = json_put(o, "rows_are", json_string(t->rows_guessed ? "guess" : "estimate")) && ok;
    ok = json_put(o, "row_bytes", json_count(t->row_bytes)) && ok;
    ok = json_put(o, "inserts", json_count(t->inserts)) && ok;
    ok = json_put(o, "updates", json_count(t->updates)) && ok;
    ok = json_put(o, "deletes", json_count(t->deletes)) && ok;
    ok = json_put(o, "writes_per_s", json_real(t->writes_per_s)) && ok;
    ok = json_put(o, "keys", json_text(t->keys)) && ok;
    ok = json_put(o, "types", json_text(t->types)) && ok;
    return json_put(o, "cluster", number_or_null(t->cluster)) && ok;
}

static json_t *table_json(const struct assess_table_view *t)
{
    json_t *o = json_object();
    bool ok = put_facts(o, t);
    ok = json_put(o, "mode", json_text(t->mode)) && ok;
    ok = json_put(o, "shard_key", json_text(t->key)) && ok;
    ok = json_put(o, "shard_key_type", json_text(t->key_type)) && ok;
    ok = json_put(o, "expression", json_text(t->expression)) && ok;
    ok = json_put(o, "collocate_with", json_text(t->collocate_with)) && ok;
    ok = json_put(o, "rename", json_text(t->rename)) && ok;
    ok = json_put(o, "group", number_or_null(t->group)) && ok;
    ok = json_put(o, "large", json_boolean(t->large)) && ok;
    ok = json_put(o, "unsure", json_boolean(t->unsure)) && ok;
    ok = json_put(o, "candidates", candidates_json(t)) && ok;
    ok = json_put(o, "notes", notes_json(t->notes, t->note_count)) && ok;
    return whole(o, ok);
}

static json_t *tables_json(const struct assess_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < v->table_count; i++) {
        ok = json_array_append_new(list, table_json(&v->tables[i])) == 0 && ok;
    }
    return whole(list, ok);
}

static json_t *groups_json(const struct assess_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < v->group_count; i++) {
        const struct assess_group_view *g = &v->groups[i];
        json_t *o = json_object();
        bool put = json_put(o, "shard_key", json_text(g->key));
        put = json_put(o, "shard_key_type", json_text(g->key_type)) && put;
        put = json_put(o, "head", json_text(g->head)) && put;
        put = json_put(o, "tables", json_count(g->table_count)) && put;
        put = json_put(o, "bytes", json_count(g->bytes)) && put;
        ok = json_array_append_new(list, whole(o, put)) == 0 && ok;
    }
    return whole(list, ok);
}

static json_t *links_json(const struct assess_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < v->link_count; i++) {
        const struct assess_link_view *l = &v->links[i];
        json_t *o = json_object();
        bool put = json_put(o, "name", json_text(l->name));
        put = json_put(o, "child", json_text(l->child)) && put;
        put = json_put(o, "parent", json_text(l->parent)) && put;
        put = json_put(o, "columns", json_text(l->columns)) && put;
        put = json_put(o, "fate", json_text(l->fate)) && put;
        put = json_put(o, "cluster", number_or_null(l->cluster)) && put;
        ok = json_array_append_new(list, whole(o, put)) == 0 && ok;
    }
    return whole(list, ok);
}

static json_t *load_json(const struct assess_view *v)
{
    json_t *o = json_object();
    bool ok = json_put(o, "bytes", json_count(v->load_bytes));
    ok = json_put(o, "rate_bytes_s", json_count(v->load_rate_bytes_s)) && ok;
    ok = json_put(o, "seconds", json_count(v->load_seconds)) && ok;
    ok = json_put(o, "streams", json_count(v->load_streams)) && ok;
    ok = json_put(o, "connections", json_count(v->load_connections)) && ok;
    ok = json_put(o, "free_connections", json_count(v->free_connections)) && ok;
    return whole(o, ok);
}

static json_t *capacity_json(const struct assess_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < v->capacity_count; i++) {
        const struct assess_capacity_view *c = &v->capacity[i];
        json_t *o = json_object();
        bool put = json_put(o, "acu_from", json_count(c->acu_from));
        put = json_put(o, "acu_to", json_count(c->acu_to)) && put;
        put = json_put(o, "routers", json_count(c->routers)) && put;
        put = json_put(o, "shards", json_count(c->shards)) && put;
        put = json_put(o, "fits", json_boolean(i == v->capacity_fit)) && put;
        ok = json_array_append_new(list, whole(o, put)) == 0 && ok;
    }
    return whole(list, ok);
}

static json_t *warnings_json(const struct assess_view *v)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < v->warning_count; i++) {
        ok = json_array_append_new(list, json_text(v->warnings[i])) == 0 && ok;
    }
    return whole(list, ok);
}

static bool put_proposal(json_t *root, const struct assess_view *v)
{
    bool ok = json_put(root, "tables", tables_json(v));
    ok = json_put(root, "groups", groups_json(v)) && ok;
    ok = json_put(root, "foreign_keys", links_json(v)) && ok;
    ok = json_put(root, "clusters", json_count(v->cluster_count)) && ok;
    ok = json_put(root, "notes", notes_json(v->notes, v->note_count)) && ok;
    ok = json_put(root, "warnings", warnings_json(v)) && ok;
    ok = json_put(root, "blockers", json_count(assess_count_notes(v, "blocker"))) && ok;
    ok = json_put(root, "load", load_json(v)) && ok;
    return json_put(root, "capacity", capacity_json(v)) && ok;
}

void assess_report_json(const struct assess_view *v, struct buf *out)
{
    json_t *root = json_object();
    bool failed = v->error->kind != ERR_NONE;
    bool ok = json_put(root, "event", json_string("assess"));
    ok = json_put(root, "source", json_text(v->source)) && ok;
    ok = json_put(root, "version", json_text(v->version)) && ok;
    ok = json_put(root, "stats_since", json_text(v->stats_since)) && ok;
    ok = json_put(root, "stats_since_start", json_boolean(v->stats_since_start)) && ok;
    ok = json_put(root, "sampled", json_boolean(v->sampled)) && ok;
    ok = put_proposal(root, v) && ok;
    ok = json_put(root, "file", json_text(v->file)) && ok;
    ok = json_put(root, "error", json_text(failed ? v->error->msg : NULL)) && ok;
    ok = json_put(root, "exit_status", json_integer(v->exit_status)) && ok;
    json_line(root, ok, out);
}
