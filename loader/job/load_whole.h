/*
 * load_whole.h: "load --with-schema": the schema's part before the rows (job/schema_run.h), the
 * rows (job/load.h), the part after them, in one run and with one login for each side. Runs in the
 * calling thread and prints nothing, as a load does.
 *
 * Each of the three writes down what it has done on the destination, so that the same command goes
 * on after whatever has ended it, and finds nothing to do when all is done. The part after is begun
 * only when every row is there.
 */
#ifndef JOB_LOAD_WHOLE_H
#define JOB_LOAD_WHOLE_H

#include "job/load.h"
#include "job/schema_run.h"

struct load_whole_result {
    struct load_result load;     /* its exit_status, error and hint are those of all three */
    struct schema_result schema; /* its error and exit_status are of the two parts alone */
};

/* The spec is one with_schema; stop_open must have been called. Always fills *out. A dry run reads
 * the schema and plans the load, and changes nothing. */
void load_whole_run(const struct spec *spec, const struct load_observer *observer,
                    struct load_whole_result *out);
/* Not after a run that abandoned threads (load.abandon_threads). */
void load_whole_result_free(struct load_whole_result *r);

/* What one attempt at a part came to, added to what earlier attempts of this run did. Pure. */
void load_whole_add(struct schema_done *sum, const struct schema_done *attempt);

#endif
