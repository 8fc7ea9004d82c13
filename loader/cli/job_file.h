/*
 * job_file.h: the job file (--config FILE): docs/job-file.md says what may stand in it, and
 * docs/job-file.schema.json says it to editors.
 *
 * Strict: whatever is not understood is a problem with its line and column. Values of options go
 * through the option table's own setters. A value that the command line or a variable has already
 * given is checked and then left aside. Single-threaded, before any other thread exists: {env:
 * NAME} reads the environment, and a connection string taken from there is removed from it.
 */
#ifndef CLI_JOB_FILE_H
#define CLI_JOB_FILE_H

#include "base/err.h"
#include "base/findings.h"
#include "cli/config_origin.h"
#include "cli/options.h"
#include "job/spec.h"

#include <stddef.h>
#include <stdio.h>

#define JOB_FILE_BYTES_MAX (1u << 20)
#define JOB_COLUMNS_MAX    1600 /* of a table: PostgreSQL's MaxHeapAttributeNumber */
#define JOB_NAME_BYTES_MAX 63   /* of a table, schema or column: NAMEDATALEN - 1 */

/* What the file is read into; all borrowed. */
struct job_file {
    const char *path;
    enum option_command command; /* options of load that this one lacks are checked only */
    struct spec *spec;
    struct config_origins *origins;
    struct findings *findings;
};

/* ERR_USAGE when the file cannot be read, or with its only problem or their number; findings then
 * hold each as "FILE:LINE:COLUMN: what is wrong; what to do". ERR_SYSTEM without memory. spec is
 * valid to spec_free even after a failure. */
bool job_file_read(const struct job_file *file, struct err *err) MUST_CHECK;
/* The same for its bytes. */
bool job_file_read_bytes(const struct job_file *file, const char *bytes, size_t len,
                         struct err *err) MUST_CHECK;

/* Every key that is accepted, one a line, as "options.jobs<TAB>N|auto"; for the test of the
 * schema. */
void job_file_print_keys(FILE *out);

#endif
