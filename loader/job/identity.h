/*
 * identity.h: what makes two commands the same job, and what a job must not change half-way. Pure.
 *
 * A job is its source (system identifier and database), its destination database, the selection
 * of tables and the filters; of a job file's rules the filters and the places where tables go.
 * Mode, format, the way of cutting and everything else in the rules are fixed once it is planned;
 * streams, memory, display and the lines of the job file may differ each time.
 */
#ifndef JOB_IDENTITY_H
#define JOB_IDENTITY_H

#include "base/err.h"
#include "job/spec.h"

#define JOB_NAME_MAX 512 /* --job takes 100 characters of up to 4 bytes */

/* --job, or a name that the same command finds again: "shop-to-shop_new-1a2b3c4d". */
void identity_name(const struct spec *spec, const char *source_system, const char *source_database,
                   const char *destination_database, char out[JOB_NAME_MAX]);

/* The spec as the ledger keeps it: JSON, without secrets, with what planning decided about
 * triggers. The caller frees; NULL without memory. */
char *identity_spec(const struct spec *spec, bool triggers_disabled);
bool identity_triggers_disabled(const char *stored);

/* ERR_USAGE naming every difference between the stored text and this command. */
bool identity_compare(const char *job, const char *stored, const struct spec *spec,
                      struct err *err) MUST_CHECK;

#endif
