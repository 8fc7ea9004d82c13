/* assess_job.h: an assessment's proposal as a job file (cli/job_file.h). */
#ifndef CLI_ASSESS_JOB_H
#define CLI_ASSESS_JOB_H

#include "base/buf.h"
#include "base/err.h"
#include "job/assess_run.h"
#include "job/spec.h"

/* YAML that job_file_read takes as it is: one rule a table, with the reasons as comments. Pure. */
void assess_job_text(const struct spec *spec, const struct assess_result *r, struct buf *out);

/* Writes it to a new file. ERR_USAGE: it cannot be made, or is there already. */
bool assess_job_write(const char *path, const struct spec *spec, const struct assess_result *r,
                      struct err *err) MUST_CHECK;

#endif
