#include "base/buf.h"
#include "base/str.h"
#include "job/plan_build.h"
#include "job/split.h"

#include <stdlib.h>

static bool tid_possible(const struct pg *source, const struct relation *rel)
{
    /* ctid is for those who may read the whole table. */
    return pg_version(source) >= 140000 && rel->is_heap && rel->can_select &&
           (rel->kind == 'r' || rel->kind == 'm');
}

static bool key_text(const struct split_key *key, struct plan_table *t, struct err *err)
{
    struct buf quoted;
    struct buf shown;
    buf_init(&quoted, BUF_SQL_MAX);
    buf_init(&shown, 4096);
    buf_puts(&shown, "key (");
    for (size_t i = 0; i < key->count; i++) {
        buf_puts(&quoted, i == 0 ? "" : ", ");
        pg_add_ident(&quoted, key->columns[i]);
        buf_printf(&shown, "%s%s", i == 0 ? "" : ", ", key->columns[i]);
    }
    buf_puts(&shown, ")");
    free(t->key);
    free(t->split_by);
    t->key = buf_take(&quoted);
    t->split_by = buf_take(&shown);
    return (t->key != NULL && t->split_by != NULL) || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool cut_by_key(struct pg *source, const struct relation *rel, struct split_input *in,
                       struct plan_table *t, struct cut_list *cuts, struct err *err)
{
    struct split_key key = {0};
    struct sample sample = {0};
    if (!catalog_split_key(source, rel, &key, err)) {
        return false;
    }
    struct sample_spec wish = {
        .key = &key,
        .where = t->filter[0] == '\0' ? NULL : t->filter,
        .wanted = split_wanted(in->table_bytes, in->chunk_bytes, in->cuts_max),
    };
    bool ok = key.count == 0 ||
              (key_text(&key, t, err) && catalog_sample(source, rel, &wish, &sample, err));
    in->kind = key.count == 0 ? CHUNK_WHOLE : CHUNK_KEY;
    in->sample = (const char *const *)sample.items;
    in->sample_count = sample.count;
    in->nullable = key.nullable;
    ok = ok && split_table(in, cuts, err);
    sample_free(&sample);
    split_key_free(&key);
    return ok;
}

static bool take_cuts(struct cut_list *cuts, struct plan_table *t, struct err *err)
{
    if (!plan_table_chunks(t, cuts->count, err)) {
        return false;
    }
    for (size_t i = 0; i < cuts->count; i++) {
        struct plan_chunk *c = &t->chunks[i];
        c->work.kind = cuts->items[i].kind;
        c->work.bytes = cuts->items[i].bytes;
        c->lower = cuts->items[i].lower;
        c->upper = cuts->items[i].upper;
        cuts->items[i].lower = NULL; /* handed over */
        cuts->items[i].upper = NULL;
    }
    return true;
}

bool plan_cut(struct pg *source, const struct spec *spec, const struct relation *rel,
              bool single_chunk, struct plan_table *t, struct err *err)
{
    struct split_input in = {
        .kind = CHUNK_WHOLE,
        .table_bytes = rel->table_bytes,
        .chunk_bytes = t->chunk_bytes == 0 ? spec->chunk_bytes : t->chunk_bytes,
        .heap_pages = rel->heap_pages,
        .cuts_max = PLAN_CHUNKS_MAX / 8,
    };
    struct cut_list cuts = {0};
    bool cuttable = !single_chunk && (rel->kind == 'r' || rel->kind == 'm') &&
                    split_wanted(in.table_bytes, in.chunk_bytes, in.cuts_max) > 1;
    bool by_tid = cuttable && spec->chunk_by != CHUNK_BY_KEY && tid_possible(source, rel);
    bool by_key = cuttable && !by_tid && spec->chunk_by != CHUNK_BY_TID;
    free(t->key);
    free(t->split_by);
    t->key = str_copy("");
    t->split_by = str_copy(by_tid ? "tid" : "whole");
    t->bytes = rel->table_bytes;
    bool ok = (t->key != NULL && t->split_by != NULL) || err_set(err, ERR_SYSTEM, "out of memory");
    if (ok && by_key) {
        ok = cut_by_key(source, rel, &in, t, &cuts, err);
    } else if (ok) {
        in.kind = by_tid ? CHUNK_TID : CHUNK_WHOLE;
        ok = split_table(&in, &cuts, err);
    }
    ok = ok && take_cuts(&cuts, t, err);
    cut_list_free(&cuts);
    return ok || err_wrap(err, "cutting table %s.%s", rel->schema, rel->name);
}
