/* What one measurement moves, cut into chunks: the plan of a load, bounded. */
#include "base/str.h"
#include "job/bench_internal.h"
#include "job/match.h"
#include "job/plan_build.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- tables ---- */

/* Scratch tables go by number: names of several schemas may be the same. */
static bool aim_at_scratch(const struct bench *b, struct plan_table *t)
{
    char name[32];
    (void)snprintf(name, sizeof name, "t%u", t->work.no);
    free(t->destination_schema);
    free(t->destination_name);
    t->destination_schema = str_copy(b->schema);
    t->destination_name = str_copy(name);
    return t->destination_schema != NULL && t->destination_name != NULL;
}

/* Messages name the user's table, not the scratch one. */
static bool name_target(struct plan_table *t)
{
    struct buf name;
    buf_init(&name, 1024);
    buf_printf(&name, "like %s", t->label);
    free(t->target);
    t->target = buf_take(&name);
    t->work.target = t->target;
    return t->target != NULL;
}

/* What the rules of a job file compute, as part of a row; the filters are left aside. */
static bool match_rows(struct bench *b, const struct match *m, const struct relation *d,
                       struct plan_table *t, struct err *err)
{
    struct match own = *m;
    struct computed_list computed = {.count = 0};
    struct computed_trial trial = {.source = b->control[b->shape],
                                   .rel = &b->tables.items[t->work.no],
                                   .choice = b->choices == NULL ? NULL : &b->choices[t->work.no],
                                   .config = b->spec->config,
                                   .findings = m->findings};
    own.choice = trial.choice;
    own.computed = &computed;
    bool ok = computed_try(&trial, &computed, err) && match_columns(&own, trial.rel, d, t, err);
    t->chunk_bytes = 0; /* bench has its own sizes of chunks */
    computed_free(&computed);
    return ok;
}

/* False with *err untouched when the table does not exist or does not fit: that is a finding. */
static bool make_table(struct bench *b, const struct match *m, struct plan_table *t,
                       struct err *err)
{
    const struct relation *s = &b->tables.items[t->work.no];
    bool matched = b->shape == AUTH_SOURCE && b->used[AUTH_DESTINATION];
    struct match own = *m;
    own.choice = b->choices == NULL ? NULL : &b->choices[t->work.no];
    const struct relation *d = matched ? match_target(&own, s) : s;
    b->targets_of[t->work.no] = d;
    if (matched && d == NULL) {
        struct match_names n = match_names(own.choice, s);
        findings_add(m->findings, FINDING_BLOCKER, ERR_USAGE,
                     "table %s.%s does not exist on the destination; create it there", n.own.schema,
                     n.own.name);
        return true;
    }
    t->work.snapshot_no = 1;
    t->source_kind = s->kind;
    t->row_estimate = s->row_estimate;
    t->filter = str_copy("");
    t->key = str_copy("");
    if (t->filter == NULL || t->key == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return match_rows(b, m, d, t, err) &&
           (aim_at_scratch(b, t) || err_set(err, ERR_SYSTEM, "out of memory")) &&
           plan_table_finish(t, err) &&
           (name_target(t) || err_set(err, ERR_SYSTEM, "out of memory"));
}

bool bench_plan_tables(struct bench *b, struct findings *findings, struct plan *out,
                       struct err *err)
{
    const struct type_set *from = &b->types[b->shape];
    bool found = b->shape == AUTH_SOURCE && b->used[AUTH_DESTINATION];
    struct match m = {.spec = b->spec,
                      .source_types = from,
                      .destination_types = found ? &b->types[AUTH_DESTINATION] : from,
                      .destination = found ? &b->found : &b->tables,
                      .findings = findings};
    out->tables = calloc(b->tables.count + 1, sizeof *out->tables);
    if (out->tables == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    out->table_count = b->tables.count;
    for (size_t i = 0; i < out->table_count; i++) {
        out->tables[i].work.no = (unsigned)i;
        if (!make_table(b, &m, &out->tables[i], err)) {
            return false;
        }
    }
    return true;
}

/* ---- chunks ---- */

/* A table that is one chunk is bounded by its rows, as far as their number is known. */
static bool bound_rows(struct plan_table *t, double share, struct err *err)
{
    struct buf select;
    if (t->row_estimate < 1) {
        return true;
    }
    buf_init(&select, BUF_SQL_MAX);
    buf_printf(&select, "SELECT * FROM (%s LIMIT %.0f) AS part", t->select,
               t->row_estimate * share + 1);
    free(t->select);
    t->select = buf_take(&select);
    t->work.select = t->select;
    t->bytes = (uint64_t)((double)t->bytes * share);
    t->chunks[0].work.bytes = t->bytes;
    return t->select != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

/* The first chunks of the table, until they are its share. */
static bool bound_table(struct plan_table *t, double share, struct err *err)
{
    uint64_t wanted = (uint64_t)((double)t->bytes * share);
    uint64_t bytes = 0;
    size_t keep = 0;
    if (share >= 1) {
        return true;
    }
    if (t->chunk_count == 1) {
        return bound_rows(t, share, err);
    }
    while (keep < t->chunk_count && (keep == 0 || bytes < wanted)) {
        bytes += t->chunks[keep++].work.bytes;
    }
    for (size_t i = keep; i < t->chunk_count; i++) {
        free(t->chunks[i].lower);
        free(t->chunks[i].upper);
    }
    t->chunk_count = keep;
    t->bytes = bytes;
    return true;
}

static bool cut_table(struct bench *b, const struct spec *spec, struct plan_table *t, double share,
                      struct err *err)
{
    if (!plan_cut(b->control[b->shape], spec, &b->tables.items[t->work.no], false, t, err)) {
        return false;
    }
    t->work.key = t->key; /* plan_cut has made it anew */
    return bound_table(t, share, err);
}

/* Of the tables that have rows. */
static uint64_t sampled_bytes(const struct bench *b)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < b->tables.count; i++) {
        bytes += b->samples[i].count == 0 ? 0 : b->tables.items[i].table_bytes;
    }
    return bytes;
}

static double share_of(const struct bench *b, size_t i)
{
    uint64_t total = sampled_bytes(b);
    if (b->make_up) {
        return 1.0 / (double)b->tables.count;
    }
    return b->samples[i].count == 0 || total == 0
               ? 0
               : (double)b->tables.items[i].table_bytes / (double)total;
}

/* For the destination alone, without a source: as many bytes as are asked for, of each table
 * according to its size, or of each the same when rows are made up. */
static bool fill_table(struct bench *b, uint64_t chunk_bytes, struct plan_table *t, struct err *err)
{
    t->bytes = (uint64_t)((double)b->spec->bench.bytes * share_of(b, t->work.no));
    size_t count = (size_t)(t->bytes / chunk_bytes) + 1;
    if (!plan_table_chunks(t, count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        t->chunks[i].work.kind = CHUNK_WHOLE;
        t->chunks[i].work.bytes = t->bytes / count;
    }
    return true;
}

static bool make_plan(struct bench *b, uint64_t chunk_bytes, struct plan *out, struct err *err)
{
    struct findings told = {.count = 0}; /* once, by bench_tables */
    struct spec spec = *b->spec;         /* borrows what spec owns */
    double share = b->result->tables_bytes == 0
                       ? 1
                       : (double)spec.bench.bytes / (double)b->result->tables_bytes;
    spec.chunk_bytes = chunk_bytes;
    bool ok = bench_plan_tables(b, &told, out, err);
    for (size_t i = 0; ok && i < out->table_count; i++) {
        ok = b->shape == AUTH_SOURCE ? cut_table(b, &spec, &out->tables[i], share, err)
                                     : fill_table(b, chunk_bytes, &out->tables[i], err);
    }
    findings_free(&told);
    if (!ok) {
        return false;
    }
    plan_total(out);
    if (out->chunk_count > PLAN_CHUNKS_MAX) {
        return err_set(err, ERR_USAGE, "%zu chunks are too many (at most %u); use larger ones",
                       out->chunk_count, PLAN_CHUNKS_MAX);
    }
    return true;
}

bool bench_plans(struct bench *b, struct err *err)
{
    const struct bench_request *q = &b->spec->bench;
    size_t count = q->chunk_count == 0 ? 1 : q->chunk_count;
    for (; b->plan_count < count; b->plan_count++) {
        uint64_t bytes = q->chunk_count == 0 ? b->spec->chunk_bytes : q->chunk_bytes[b->plan_count];
        struct plan *plan = &b->plans[b->plan_count];
        if (!make_plan(b, bytes, plan, err)) {
            plan_free(plan);
            return false;
        }
    }
    b->result->part_bytes = b->plans[0].bytes;
    return true;
}

void bench_plan_reset(struct plan *plan)
{
    for (size_t i = 0; i < plan->table_count; i++) {
        struct plan_table *t = &plan->tables[i];
        t->spent = (struct spent){.ns = {0}};
        for (size_t c = 0; c < t->chunk_count; c++) {
            struct plan_chunk *chunk = &t->chunks[c];
            *chunk = (struct plan_chunk){
                .work = chunk->work, .lower = chunk->lower, .upper = chunk->upper};
        }
    }
}
