/* fake_internal.h: what fake_ends.c and fake_streams.c share. Nobody else includes it. */
#ifndef TESTS_FAKE_INTERNAL_H
#define TESTS_FAKE_INTERNAL_H

#include "base/rng.h"
#include "base/thread.h"
#include "tests/support/fake_ends.h"

/* A place in the rows of a group. */
struct place {
    struct fake_group *group; /* NULL: closed, or no transaction */
    unsigned part;
    uint64_t at; /* bytes of that part */
};

struct fake_source {
    struct fake_job *job;
    struct rng rng;
    struct place place;
    bool failed; /* only abandon is left */
};

struct fake_sink {
    struct fake_job *job;
    struct rng rng;
    struct place place;
    bool failed; /* only rollback is left */
};

struct fake_job {
    struct fake_config config;
    struct fake_source *source;
    struct fake_sink *sink;
    struct source *sources;
    struct sink *sinks;

    struct mutex lock; /* guards the rest, and the chunks but for their first two fields */
    struct cond changed;
    struct rng rng;
    bool released;
    bool aborted;
    bool given_back;
    unsigned held;
    uint64_t serial;
    struct fake_group *groups;
    struct fake_sums sums;
    char wrong[200];
};

/* ---- fake_ends.c ---- */

void fake_note_wrong_locked(struct fake_job *j, const char *what, const struct fake_group *g);
void fake_note_wrong(struct fake_job *j, const char *what, const struct fake_group *g);
bool fake_happens(struct rng *rng, unsigned of_thousand);
uint64_t fake_chunk_bytes(const struct fake_chunk *c);
struct fake_chunk *fake_chunk_of(const struct fake_job *j, const struct fake_group *g,
                                 unsigned part);
struct fake_group *fake_group_of(const struct fake_job *j, const struct task *task);
void fake_check_parts_locked(struct fake_job *j, const struct fake_group *g,
                             const struct part *parts);

/* ---- fake_streams.c ---- */

void fake_init_reader(struct fake_job *j, unsigned i);
void fake_init_writer(struct fake_job *j, unsigned i);

#endif
