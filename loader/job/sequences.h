/*
 * sequences.h: after the rows, the sequences of their columns: each goes to the greater of both
 * sides' positions, never back. On a shard group by ALTER SEQUENCE ... RESTART WITH the next value,
 * which needs the sequence's owner.
 */
#ifndef JOB_SEQUENCES_H
#define JOB_SEQUENCES_H

#include "base/err.h"
#include "base/findings.h"
#include "job/plan.h"
#include "job/spec.h"
#include "pg/pg.h"

/* Moved ones are appended to moved ("public.t_id_seq = 42"), those that cannot be are warnings in
 * findings. False only when a connection is lost or without memory. */
bool sequences_move(struct pg *source, struct pg *destination, const struct plan *plan,
                    struct text_list *moved, struct findings *findings, struct err *err) MUST_CHECK;

/* A sequence's state: the next value is last + increment once called, last before. Pure. */
struct sequence_state {
    int64_t last;
    bool called;
    bool ascending;
};
/* Does from lie further on than to? */
bool sequence_is_ahead(const struct sequence_state *from, const struct sequence_state *to);

#endif
