#include "base/str.h"
#include "job/readers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TAG_PLAIN_MAX 40u

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) != 0 || (c != '\0' && strchr("._-", c) != NULL);
}

/* Two jobs must never share a tag: sessions are ended by it. */
void session_tag(const char *job, char out[SESSION_TAG_MAX])
{
    size_t len = strlen(job);
    bool plain = len <= TAG_PLAIN_MAX;
    for (size_t i = 0; i < len; i++) {
        plain = plain && is_plain(job[i]);
    }
    size_t keep = plain || len < TAG_PLAIN_MAX - 9 ? len : TAG_PLAIN_MAX - 9;
    for (size_t i = 0; i < keep; i++) {
        if (is_plain(job[i])) {
            out[i] = job[i];
        } else {
            out[i] = '_';
        }
    }
    out[keep] = '\0';
    if (!plain) {
        (void)snprintf(out + keep, SESSION_TAG_MAX - keep, "-%08x",
                       (unsigned)(str_hash(STR_HASH_START, job) & 0xffffffffu));
    }
}

void session_name(const char *tag, const char *what, char out[SESSION_NAME_MAX])
{
    (void)snprintf(out, SESSION_NAME_MAX, "sluice/%s/%s", tag, what);
}
