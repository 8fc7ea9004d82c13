/*
 * job_file_notes.h: what is wrong with a job file, each with its place, in the order of reading.
 * Values of the file go into a message only where they cannot be a secret.
 */
#ifndef CLI_JOB_FILE_NOTES_H
#define CLI_JOB_FILE_NOTES_H

#include "base/err.h"
#include "base/findings.h"

#include <stddef.h>

#define JOB_NOTES_MAX 100 /* told of one file; the rest are counted */
#define JOB_SHOWN_MAX 48  /* bytes of a value in a message */

struct job_notes {
    const char *path; /* as the user gave it */
    struct findings *findings;
    size_t count; /* all, those that are not kept too */
};

/* Adds "FILE:LINE:COLUMN: text". Counted from 1; columns are characters. */
void job_note(struct job_notes *notes, unsigned line, unsigned column, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* At most JOB_SHOWN_MAX bytes of text that may hold anything, fit for a message. Returns out. */
const char *job_shown(const char *text, char out[JOB_SHOWN_MAX + 4]);

#endif
