#include "cli/assess_views.h"

#include "base/buf.h"
#include "limitless/limitless.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES_SHOWN    8
#define TEXTS_OF_TABLE 3 /* name, keys, types */
#define TEXTS_OF_LINK  1
#define TEXT_BYTES_MAX (1u << 20)

/* ---- texts ---- */

/* Takes the text over; "" when memory ended, which make_all then tells. */
static const char *keep(struct assess_views *v, struct buf *text)
{
    char *kept = buf_take(text);
    if (kept == NULL) {
        kept = calloc(1, 1);
    }
    v->texts[v->text_count] = kept;
    v->text_count += kept != NULL;
    return kept == NULL ? "" : kept;
}

static const char *name_of(struct assess_views *v, const struct survey_table *t)
{
    struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    buf_printf(&b, "%s.%s", t->schema, t->name);
    return keep(v, &b);
}

static void add_columns(const struct survey_table *t, const size_t *columns, size_t count,
                        struct buf *b)
{
    buf_puts(b, "(");
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "%s%s", i == 0 ? "" : ", ",
                   columns[i] == SURVEY_NONE ? "an expression" : t->columns[columns[i]].name);
    }
    buf_puts(b, ")");
}

static const char *keys_of(struct assess_views *v, const struct survey_table *t)
{
    struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    for (size_t i = 0; i < t->key_count; i++) {
        const struct survey_key *k = &t->keys[i];
        buf_printf(&b, "%s%s ", i == 0 ? "" : "; ", k->primary ? "primary key" : "unique");
        add_columns(t, k->columns, k->count, &b);
        buf_puts(&b, k->partial ? " of some rows" : "");
    }
    if (t->key_count == 0) {
        buf_puts(&b, "none");
    }
    return keep(v, &b);
}

static bool is_common(const char *type)
{
    static const char *const common[] = {"bool",    "bpchar", "date",   "float4",    "float8",
                                         "int2",    "int4",   "int8",   "interval",  "name",
                                         "numeric", "text",   "time",   "timestamp", "timestamptz",
                                         "timetz",  "uuid",   "varchar"};
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        if (strcmp(common[i], type) == 0) {
            return true;
        }
    }
    return false;
}

static const char *types_of(struct assess_views *v, const struct survey_table *t)
{
    struct buf b;
    size_t count = 0;
    buf_init(&b, TEXT_BYTES_MAX);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct survey_column *c = &t->columns[i];
        if (is_common(c->base_type)) {
            continue;
        }
        if (count++ < TYPES_SHOWN) {
            buf_printf(&b, "%s%s %s", count == 1 ? "" : ", ", c->name, c->type);
        }
    }
    if (count > TYPES_SHOWN) {
        buf_printf(&b, " and %zu more", count - TYPES_SHOWN);
    }
    return keep(v, &b);
}

static const char *columns_of(struct assess_views *v, const struct survey *s,
                              const struct survey_link *l)
{
    struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    add_columns(&s->tables[l->child], l->child_columns, l->count, &b);
    buf_puts(&b, " -> ");
    if (l->parent != SURVEY_NONE) {
        add_columns(&s->tables[l->parent], l->parent_columns, l->count, &b);
    }
    return keep(v, &b);
}

/* ---- views ---- */

static void view_notes(const struct assess_notes *from, struct assess_note_view *out)
{
    for (size_t i = 0; i < from->count; i++) {
        out[i] = (struct assess_note_view){.topic = assess_topic_name(from->items[i].topic),
                                           .text = from->items[i].text,
                                           .fix = from->items[i].fix};
    }
}

static const char *kind_of(const struct survey_table *t)
{
    return t->kind == 'p'   ? "partitioned table"
           : t->kind == 'f' ? "foreign table"
           : t->kind == 'v' ? "view"
           : t->kind == 'm' ? "materialized view"
                            : "table";
}

static int number_of(size_t index)
{
    return index >= (size_t)INT_MAX ? -1 : (int)index;
}

static void view_facts(struct assess_views *v, const struct survey_table *t,
                       struct assess_table_view *out)
{
    double rows = t->rows < 0 ? 0 : t->rows;
    *out =
        (struct assess_table_view){.name = name_of(v, t),
                                   .kind = kind_of(t),
                                   .bytes = t->bytes,
                                   .index_bytes = t->index_bytes,
                                   .rows = (uint64_t)rows,
                                   .rows_guessed = t->rows_guessed,
                                   .row_bytes = rows < 1 ? 0 : (uint64_t)((double)t->bytes / rows),
                                   .inserts = t->inserts,
                                   .updates = t->updates,
                                   .deletes = t->deletes,
                                   .keys = keys_of(v, t),
                                   .types = types_of(v, t)};
}

static void view_choice(const struct assess_views *v, const struct assess_table *a,
                        struct assess_table_view *out)
{
    out->writes_per_s = a->writes_per_s;
    out->mode = a->is_left_out ? "left out" : table_mode_name(a->mode);
    out->key = a->key;
    out->key_type = a->key_type;
    out->expression = a->expression;
    out->collocate_with =
        a->collocate_with == SURVEY_NONE ? NULL : v->tables[a->collocate_with].name;
    out->rename = a->rename;
    out->group = number_of(a->group);
    out->cluster = number_of(a->cluster);
    out->large = a->is_large;
    out->unsure = a->is_unsure;
    out->candidate_count = a->candidate_count;
    out->note_count = a->notes.count;
}

static void view_tables(const struct assess_result *r, struct assess_views *v)
{
    size_t candidates = 0;
    size_t notes = r->proposal.notes.count;
    for (size_t i = 0; i < r->proposal.table_count; i++) {
        view_facts(v, &r->survey.tables[i], &v->tables[i]);
    }
    for (size_t i = 0; i < r->proposal.table_count; i++) {
        const struct assess_table *a = &r->proposal.tables[i];
        view_choice(v, a, &v->tables[i]);
        v->tables[i].candidates = v->candidates + candidates;
        v->tables[i].notes = v->notes + notes;
        view_notes(&a->notes, v->notes + notes);
        notes += a->notes.count;
        for (size_t k = 0; k < a->candidate_count; k++) {
            v->candidates[candidates++] = (struct assess_candidate_view){
                a->candidates[k].column, a->candidates[k].score, a->candidates[k].text};
        }
    }
}

static void view_rest(const struct assess_result *r, struct assess_views *v)
{
    const struct assessment *p = &r->proposal;
    view_notes(&p->notes, v->notes);
    for (size_t i = 0; i < p->group_count; i++) {
        const struct assess_group *g = &p->groups[i];
        v->groups[i] = (struct assess_group_view){g->key, g->key_type, v->tables[g->head].name,
                                                  g->table_count, g->bytes};
    }
    for (size_t i = 0; i < r->survey.link_count && p->links != NULL; i++) {
        const struct survey_link *l = &r->survey.links[i];
        v->links[i] = (struct assess_link_view){.name = l->name,
                                                .child = v->tables[l->child].name,
                                                .parent = l->parent_name,
                                                .columns = columns_of(v, &r->survey, l),
                                                .fate = assess_link_fate_name(p->links[i]),
                                                .cluster = number_of(p->tables[l->child].cluster)};
        v->view.link_count++;
    }
    for (size_t i = 0; i < ASSESS_CAPACITIES && p->capacity != NULL; i++) {
        const struct assess_capacity *c = &p->capacity[i];
        v->capacity[i] =
            (struct assess_capacity_view){c->acu_from, c->acu_to, c->routers, c->shards};
        v->view.capacity_count++;
    }
    for (size_t i = 0; i < r->findings.count; i++) {
        if (r->findings.items[i].level == FINDING_WARNING) {
            v->warnings[v->view.warning_count++] = r->findings.items[i].text;
        }
    }
}

static bool take_memory(const struct assess_result *r, struct assess_views *v)
{
    const struct assessment *p = &r->proposal;
    size_t notes = p->notes.count;
    for (size_t i = 0; i < p->table_count; i++) {
        notes += p->tables[i].notes.count;
    }
    v->tables = calloc(p->table_count + 1, sizeof *v->tables);
    v->candidates = calloc(p->table_count * ASSESS_CANDIDATES_MAX + 1, sizeof *v->candidates);
    v->notes = calloc(notes + 1, sizeof *v->notes);
    v->groups = calloc(p->group_count + 1, sizeof *v->groups);
    v->links = calloc(r->survey.link_count + 1, sizeof *v->links);
    v->capacity = calloc(ASSESS_CAPACITIES, sizeof *v->capacity);
    v->warnings = calloc(r->findings.count + 1, sizeof *v->warnings);
    v->texts = calloc(p->table_count * TEXTS_OF_TABLE + r->survey.link_count * TEXTS_OF_LINK + 1,
                      sizeof *v->texts);
    return v->tables != NULL && v->candidates != NULL && v->notes != NULL && v->groups != NULL &&
           v->links != NULL && v->capacity != NULL && v->warnings != NULL && v->texts != NULL;
}

static void fill_view(const struct spec *spec, const struct assess_result *r,
                      struct assess_views *v)
{
    const struct assessment *p = &r->proposal;
    struct assess_view *out = &v->view;
    int version = r->survey.server_version;
    if (version > 0) {
        (void)snprintf(v->version, sizeof v->version, "PostgreSQL %d.%d", version / 10000,
                       version % 10000);
    }
    out->source = r->source;
    out->version = v->version;
    out->stats_since = r->survey.stats_since;
    out->stats_age_s = r->survey.stats_age_s;
    out->stats_since_start = r->survey.stats_since_start;
    out->sampled = spec->assess.sample;
    out->tables = v->tables;
    out->table_count = p->table_count;
    out->groups = v->groups;
    out->group_count = p->group_count;
    out->links = v->links;
    out->cluster_count = p->cluster_count;
    out->notes = v->notes;
    out->note_count = p->notes.count;
    out->warnings = v->warnings;
    out->load_bytes = p->load.bytes;
    out->load_rate_bytes_s = p->load.rate_bytes_s;
    out->load_seconds = p->load.seconds;
    out->load_streams = p->load.streams;
    out->load_connections = p->load.connections;
    out->free_connections = r->free_connections;
    out->capacity = v->capacity;
    out->capacity_fit = p->capacity_fit;
    out->error = &r->error;
    out->exit_status = r->exit_status;
}

bool assess_views_make(const struct spec *spec, const struct assess_result *r, const char *file,
                       struct assess_views *out)
{
    *out = (struct assess_views){.view = {.file = file}};
    if (!take_memory(r, out)) {
        return false;
    }
    view_tables(r, out);
    view_rest(r, out);
    fill_view(spec, r, out);
    return true;
}

void assess_views_free(struct assess_views *v)
{
    for (size_t i = 0; i < v->text_count; i++) {
        free(v->texts[i]);
    }
    free(v->tables);
    free(v->candidates);
    free(v->notes);
    free(v->groups);
    free(v->links);
    free(v->capacity);
    free(v->warnings);
    free(v->texts);
}
