#include "base/str.h"
#include "job/readers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TAG_PLAIN_MAX 40u

void session_tag(const char *job, char out[SESSION_TAG_MAX])
{
    size_t len = strlen(job);
    size_t keep = len <= TAG_PLAIN_MAX ? len : TAG_PLAIN_MAX - 9;
    for (size_t i = 0; i < keep; i++) {
        unsigned char c = (unsigned char)job[i];
        out[i] = isalnum(c) != 0 || strchr("._-", c) != NULL ? (char)c : '_';
    }
    out[keep] = '\0';
    if (keep < len) {
        (void)snprintf(out + keep, SESSION_TAG_MAX - keep, "-%08x",
                       (unsigned)(str_hash(STR_HASH_START, job) & 0xffffffffu));
    }
}

void session_name(const char *tag, const char *what, char out[SESSION_NAME_MAX])
{
    (void)snprintf(out, SESSION_NAME_MAX, "sluice/%s/%s", tag, what);
}
