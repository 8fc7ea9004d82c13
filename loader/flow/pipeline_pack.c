/* What a packer does. */
#include "flow/codec.h"
#include "flow/pack_level.h"
#include "flow/pipeline_internal.h"

#include <assert.h>

#define LOOK_NS (UINT64_C(1) * NS_PER_S)

struct packing {
    struct worker *w;
    struct depot *depot;
    struct codec *codec;
    /* Of the first packer, which chooses the level. */
    uint64_t looked_ns;
    uint64_t packing_ns, spilling_ns, waiting_ns;
    uint64_t ran_ns, delayed_ns;
};

static void note_trouble(struct pipeline *p, const struct err *err)
{
    mutex_lock(&p->lock);
    if (p->spill_error.kind == ERR_NONE) {
        p->spill_error = *err;
    }
    mutex_unlock(&p->lock);
    depot_spill_broken(p->depot);
}

static void pack(struct packing *s, struct pack_job *job)
{
    struct err err = {.kind = ERR_NONE};
    enum codec_status status = CODEC_PACKED;
    size_t taken = 0;
    uint64_t began_ns = clock_mono_ns();
    while (taken < job->count && status == CODEC_PACKED) {
        status = codec_pack(s->codec, atomic_load(&s->w->owner->level), job->raw[taken],
                            job->packed, &err);
        taken += status == CODEC_PACKED;
    }
    if (taken > 0) {
        batch_seal(job->packed);
    }
    (void)worker_spent(s->w, NULL, SPENT_PACK, began_ns);
    if (status == CODEC_FAILED) {
        note_trouble(s->w->owner, &err);
    }
    depot_packed(s->depot, job, taken);
}

static void spill(struct packing *s, struct pack_job *job)
{
    struct err err = {.kind = ERR_NONE};
    struct spill_slot slot;
    uint64_t began_ns = clock_mono_ns();
    enum spill_status status = spill_write(s->w->owner->options.spill, job->raw[0], &slot, &err);
    (void)worker_spent(s->w, NULL, status == SPILL_FULL ? SPENT_SPILL_FULL : SPENT_SPILL_WRITE,
                       began_ns);
    if (status == SPILL_FAILED) {
        note_trouble(s->w->owner, &err);
    }
    depot_spilled(s->depot, job, status == SPILL_WRITTEN ? &slot : NULL, status == SPILL_FULL);
}

static uint64_t sum(const struct worker *workers, unsigned count, enum activity what)
{
    uint64_t ns = 0;
    for (unsigned i = 0; i < count; i++) {
        ns += counter_get(&workers[i].counters.spent_ns[what]);
    }
    return ns;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

/* Of the time in which this packer wanted a processor. */
static double processor_waiting(struct packing *s)
{
    uint64_t ran_ns = s->ran_ns;
    uint64_t delayed_ns = s->delayed_ns;
    if (!thread_times(&ran_ns, &delayed_ns)) {
        return 0;
    }
    double waiting =
        share(delayed_ns - s->delayed_ns, ran_ns - s->ran_ns + delayed_ns - s->delayed_ns);
    s->ran_ns = ran_ns;
    s->delayed_ns = delayed_ns;
    return waiting;
}

static double disk_used(const struct pipeline *p)
{
    if (p->options.spill == NULL) {
        return 0;
    }
    struct spill_stats stats = spill_stats(p->options.spill);
    return share(stats.bytes_used, stats.bytes_limit);
}

/* The level follows what was waited for since the last look. */
static void look(struct packing *s)
{
    struct pipeline *p = s->w->owner;
    uint64_t now_ns = clock_mono_ns();
    if (p->options.compression != PIPELINE_COMPRESS_AUTO || now_ns - s->looked_ns < LOOK_NS) {
        return;
    }
    uint64_t packers_ns = (now_ns - s->looked_ns) * p->options.packers;
    uint64_t readers_ns = (now_ns - s->looked_ns) * (p->options.readers + 1);
    uint64_t packing_ns = sum(p->packers, p->options.packers, SPENT_PACK);
    uint64_t spilling_ns = sum(p->packers, p->options.packers, SPENT_SPILL_WRITE);
    uint64_t waiting_ns = sum(p->readers, p->options.readers, SPENT_WAIT_MEMORY);
    struct pack_times t = {.packing = share(packing_ns - s->packing_ns, packers_ns),
                           .spilling = share(spilling_ns - s->spilling_ns, packers_ns),
                           .readers_waiting = share(waiting_ns - s->waiting_ns, readers_ns),
                           .processor_waiting = processor_waiting(s),
                           .disk_used = disk_used(p)};
    int level = pack_level_next(atomic_load(&p->level), &t);
    atomic_store(&p->level, level);
    depot_set_packing(p->depot, level > 0);
    s->looked_ns = now_ns;
    s->packing_ns = packing_ns;
    s->spilling_ns = spilling_ns;
    s->waiting_ns = waiting_ns;
}

void packer_run(struct worker *w)
{
    struct packing s = {.w = w, .depot = w->owner->depot, .looked_ns = clock_mono_ns()};
    struct pack_job job;
    s.codec = codec_new();
    if (s.codec == NULL) {
        struct err err;
        (void)err_set(&err, ERR_SYSTEM, "out of memory for compression");
        note_trouble(w->owner, &err);
        return;
    }
    (void)thread_times(&s.ran_ns, &s.delayed_ns);
    for (;;) {
        counter_set(&w->counters.activity, 0);
        enum pack_work work = depot_pack_next(s.depot, &job);
        counter_add(&w->counters.spent_ns[SPENT_SPILL_FULL], job.full_ns);
        counter_add(&w->counters.spent_ns[SPENT_PACK_IDLE], job.idle_ns);
        if (work == PACK_END) {
            break;
        }
        worker_doing(w, work == PACK_ROWS ? SPENT_PACK : SPENT_SPILL_WRITE);
        if (work == PACK_ROWS) {
            pack(&s, &job);
        } else {
            spill(&s, &job);
        }
        if (w->no == 0) {
            look(&s);
        }
    }
    codec_free(s.codec);
}
