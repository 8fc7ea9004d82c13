#include "job/split.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A table is cut at "positions": block numbers for TID, indexes into the sample for KEY. The
 * planned bytes of a chunk are its part of all positions, so they add up however the cuts fell.
 */
__extension__ typedef unsigned __int128 wide; /* bytes times pages passes 64 bits */

#define TID_TEXT_MAX 32 /* "(4294967295,0)" and room for any 64-bit block */

static uint64_t scale(uint64_t total, uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (uint64_t)((wide)total * part / whole);
}

void cut_list_free(struct cut_list *list)
{
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].lower);
        free(list->items[i].upper);
    }
    free(list->items);
    *list = (struct cut_list){0};
}

size_t split_wanted(uint64_t table_bytes, uint64_t chunk_bytes, size_t cuts_max)
{
    uint64_t size = chunk_bytes == 0 ? 1 : chunk_bytes;
    uint64_t wanted = table_bytes / size + (table_bytes % size != 0 ? 1 : 0);

    if (wanted == 0 || cuts_max == 0) {
        return 1;
    }
    return wanted > cuts_max ? cuts_max : (size_t)wanted;
}

/* The kinds of cut differ only in how a position becomes a bound. */
static char *bound_text(const struct split_input *in, uint64_t position)
{
    if (in->kind == CHUNK_KEY) {
        return str_copy(in->sample[position]);
    }
    char text[TID_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "(%" PRIu64 ",0)", position);
    return str_copy(text);
}

/* Where the cuts are: ascending, each above 0 and below whole. */
struct positions {
    uint64_t *at;
    size_t count;
    uint64_t whole;
};

static bool positions_open(struct positions *p, size_t room, uint64_t whole)
{
    *p = (struct positions){.at = calloc(room, sizeof(*p->at)), .whole = whole};
    return p->at != NULL;
}

static void find_tid_positions(const struct split_input *in, size_t chunks, struct positions *p)
{
    for (size_t i = 1; i < chunks; i++) {
        p->at[p->count++] = scale(in->heap_pages, i, chunks);
    }
}

/* The first index past the run of equal texts that index is in. */
static size_t run_end(const struct split_input *in, size_t index)
{
    size_t end = index + 1;
    while (end < in->sample_count && strcmp(in->sample[end], in->sample[index]) == 0) {
        end++;
    }
    return end;
}

static size_t run_start(const struct split_input *in, size_t index, size_t lowest)
{
    while (index > lowest && strcmp(in->sample[index - 1], in->sample[index]) == 0) {
        index--;
    }
    return index;
}

/*
 * A value that fills several quantiles can be cut off before and after but not inside: the cut
 * goes to the start of its run, or, when there is one already, to the end. A cut at the smallest
 * value would make a chunk of what the sample did not see, so position 0 is never one.
 */
static void find_key_positions(const struct split_input *in, size_t chunks, struct positions *p)
{
    size_t last = 0;

    for (size_t i = 1; i < chunks; i++) {
        size_t ideal = (size_t)scale(in->sample_count, i, chunks);
        if (ideal <= last) {
            continue;
        }
        size_t at = run_start(in, ideal, last);
        if (at == last) {
            at = run_end(in, at);
        }
        if (at == in->sample_count) {
            return; /* the last value fills all that is left */
        }
        p->at[p->count++] = at;
        last = at;
    }
}

static bool fill_cut(const struct split_input *in, const struct positions *p, size_t i,
                     struct cut *cut)
{
    bool has_lower = i > 0;
    bool has_upper = i < p->count;

    cut->kind = in->kind;
    cut->lower = has_lower ? bound_text(in, p->at[i - 1]) : NULL;
    cut->upper = has_upper ? bound_text(in, p->at[i]) : NULL;
    return (cut->lower != NULL || !has_lower) && (cut->upper != NULL || !has_upper);
}

static void share_bytes(const struct positions *p, uint64_t bytes, struct cut *cuts)
{
    for (size_t i = 0; i <= p->count; i++) {
        uint64_t from = i == 0 ? 0 : p->at[i - 1];
        uint64_t to = i == p->count ? p->whole : p->at[i];
        cuts[i].bytes = scale(bytes, to, p->whole) - scale(bytes, from, p->whole);
    }
}

/* The sample says nothing about NULLs; one even share is a guess that schedules them in time. */
static uint64_t add_null_cut(uint64_t table_bytes, struct cut_list *list)
{
    uint64_t bytes = table_bytes / (list->count + 1);

    list->items[list->count++] = (struct cut){.kind = CHUNK_KEY_NULL, .bytes = bytes};
    return bytes;
}

static bool make_cuts(const struct split_input *in, const struct positions *p, struct cut_list *out,
                      struct err *err)
{
    size_t ranges = p->count + 1;
    uint64_t bytes = in->table_bytes;
    struct cut_list list = {.items = calloc(ranges + 1, sizeof(*list.items))};

    if (list.items == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for %zu chunks", ranges);
    }
    for (; list.count < ranges; list.count++) {
        if (!fill_cut(in, p, list.count, &list.items[list.count])) {
            list.count++; /* one of its two bounds may be there and must go too */
            cut_list_free(&list);
            return err_set(err, ERR_SYSTEM, "out of memory for the bounds of %zu chunks", ranges);
        }
    }
    if (in->kind == CHUNK_KEY && in->nullable) {
        bytes -= add_null_cut(in->table_bytes, &list);
    }
    share_bytes(p, bytes, list.items);
    *out = list;
    return true;
}

/* One chunk reads everything, NULL keys too, so it has no bounds and needs no chunk beside it. */
static bool make_whole(const struct split_input *in, struct cut_list *out, struct err *err)
{
    struct cut *cut = calloc(1, sizeof(*cut));

    if (cut == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for a chunk");
    }
    *cut = (struct cut){.kind = CHUNK_WHOLE, .bytes = in->table_bytes};
    *out = (struct cut_list){.items = cut, .count = 1};
    return true;
}

/* How many ranges there can be at most: by size, by cuts_max, and by what there is to cut at. */
static size_t ranges_max(const struct split_input *in, uint64_t *whole)
{
    bool null_cut = in->kind == CHUNK_KEY && in->nullable;
    size_t cuts_max = null_cut && in->cuts_max > 0 ? in->cuts_max - 1 : in->cuts_max;
    size_t wanted = split_wanted(in->table_bytes, in->chunk_bytes, cuts_max);

    *whole = in->kind == CHUNK_TID ? in->heap_pages : in->sample_count;
    if (in->kind == CHUNK_WHOLE || *whole == 0) {
        return 1;
    }
    return wanted > *whole ? (size_t)*whole : wanted;
}

bool split_table(const struct split_input *in, struct cut_list *out, struct err *err)
{
    uint64_t whole = 0;
    size_t chunks = ranges_max(in, &whole);
    struct positions p;

    if (chunks <= 1) {
        return make_whole(in, out, err);
    }
    if (!positions_open(&p, chunks, whole)) {
        return err_set(err, ERR_SYSTEM, "out of memory for the bounds of %zu chunks", chunks);
    }
    if (in->kind == CHUNK_TID) {
        find_tid_positions(in, chunks, &p);
    } else {
        find_key_positions(in, chunks, &p);
    }
    bool ok = p.count == 0 ? make_whole(in, out, err) : make_cuts(in, &p, out, err);
    free(p.at);
    return ok;
}
