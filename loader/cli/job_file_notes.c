#include "cli/job_file_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void job_note(struct job_notes *notes, unsigned line, unsigned column, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;

    notes->count++;
    if (notes->findings->count >= JOB_NOTES_MAX) {
        notes->findings->left_out++;
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    findings_add(notes->findings, FINDING_BLOCKER, ERR_USAGE, "%.300s:%u:%u: %s", notes->path, line,
                 column, text);
}

const char *job_shown(const char *text, char out[JOB_SHOWN_MAX + 4])
{
    size_t len = strlen(text) < JOB_SHOWN_MAX ? strlen(text) : JOB_SHOWN_MAX;
    bool cut = text[len] != '\0';

    /* Not in the middle of a character. */
    while (cut && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        bool control = (unsigned char)text[i] < ' ' || text[i] == 0x7F;
        out[i] = text[i];
        if (control) {
            out[i] = ' ';
        }
    }
    (void)snprintf(out + len, 4, "%s", cut ? "..." : "");
    return out;
}
