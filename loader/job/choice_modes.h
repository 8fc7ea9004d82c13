/*
 * choice_modes.h: modes, shard keys and collocations once all rules are merged: what does not go
 * together. Private to choice.c. Pure.
 */
#ifndef JOB_CHOICE_MODES_H
#define JOB_CHOICE_MODES_H

#include "base/findings.h"
#include "job/choice.h"

/* Of tables that go to one, what is said of one is taken for those of which nothing is said. */
void choices_check_modes(const struct spec *spec, const struct relation_list *list,
                         struct choice *choices, struct findings *findings);

#endif
