#include "flow/parcel.h"

#include <assert.h>
#include <stdlib.h>

bool parcel_init(struct parcel *p, const struct task *task)
{
    assert(task->parts >= 1 && task->parts <= TASK_PARTS_MAX);
    *p = (struct parcel){.task = *task};
    p->parts = calloc(task->parts, sizeof *p->parts);
    return p->parts != NULL;
}

void parcel_fini(struct parcel *p)
{
    free(p->pieces);
    free(p->parts);
    *p = (struct parcel){.count = 0};
}

bool parcel_reserve(struct parcel *p)
{
    if (p->count < p->room) {
        return true;
    }
    size_t room = p->room == 0 ? 64 : 2 * p->room;
    struct piece *grown = realloc(p->pieces, room * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    p->pieces = grown;
    p->room = room;
    return true;
}

void parcel_append(struct parcel *p, const struct piece *piece)
{
    assert(p->count < p->room);
    p->pieces[p->count++] = *piece;
}

size_t parcel_skip_merged(const struct parcel *p, size_t from)
{
    while (from < p->count && p->pieces[from].kind == PIECE_MERGED) {
        from++;
    }
    return from;
}

static bool is_free_raw(const struct parcel *p, size_t i, const struct raw_run_limits *limits)
{
    bool kept = i >= limits->keep_from && i - limits->keep_from < limits->keep;
    return !kept && p->pieces[i].kind == PIECE_RAW && !p->pieces[i].busy;
}

size_t parcel_raw_run(const struct parcel *p, size_t *from, const struct raw_run_limits *limits)
{
    size_t begin = *from;
    while (begin < p->count && !is_free_raw(p, begin, limits)) {
        begin++;
    }
    /* What is sent and what is not never go into one: the writer would pass over the latter. */
    size_t most = begin < limits->keep_from ? limits->keep_from : p->count;
    size_t end = begin;
    while (end < most && end - begin < limits->max && is_free_raw(p, end, limits)) {
        end++;
    }
    *from = begin;
    return end - begin;
}

bool parcel_is_spilled(const struct parcel *p)
{
    if (p->state != PARCEL_COMPLETE || p->dropped) {
        return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->pieces[i].kind != PIECE_SPILLED && p->pieces[i].kind != PIECE_MERGED) {
            return false;
        }
    }
    return true;
}
