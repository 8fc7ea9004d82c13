#include "ui/report_parts.h"

#include "job/exit_status.h"
#include "ui/plain.h"

#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 13

__extension__ typedef unsigned __int128 wide; /* a count times 1000 passes 64 bits */

const char *report_outcome(int exit_status)
{
    static const char *const outcomes[] = {
        [EXIT_DONE] = "done",
        [EXIT_FAILED] = "failed",
        [EXIT_USAGE] = "refused",
        [EXIT_DENIED] = "permission refused",
        [EXIT_UNREACHABLE] = "server unreachable",
        [EXIT_STOPPED] = "stopped",
        [EXIT_REJECTED] = "done with rejected rows",
        [EXIT_DIFFERENT] = "difference found",
        [EXIT_ALREADY_RUNNING] = "already running",
    };
    size_t count = sizeof(outcomes) / sizeof(outcomes[0]);

    return exit_status < 0 || (size_t)exit_status >= count ? "unknown" : outcomes[exit_status];
}

/* plain_add for a part of a text, without a copy a character. */
static void add_line(struct buf *out, const char *text, size_t len)
{
    struct buf line;

    buf_init(&line, len + 1);
    buf_add(&line, text, len);
    (void)plain_add(out, buf_str(&line), PLAIN_ALL);
    out->failed = out->failed || line.failed;
    buf_free(&line);
}

void report_field(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "%-*s", LABEL_COLUMNS, label);
    for (;;) {
        size_t len = strcspn(text, "\n");
        add_line(out, text, len);
        buf_puts(out, "\n");
        text += len;
        text += strspn(text, "\r\n");
        if (*text == '\0') {
            return;
        }
        buf_printf(out, "%*s", LABEL_COLUMNS, "");
    }
}

void report_list(struct buf *out, const char *label, const char *const *texts, size_t count)
{
    size_t shown = count > REPORT_TABLES_MAX ? REPORT_TABLES_MAX : count;

    for (size_t i = 0; i < shown; i++) {
        report_field(out, label, texts[i]);
    }
    if (shown < count) {
        buf_printf(out, "%-*sand %zu more\n", LABEL_COLUMNS, label, count - shown);
    }
}

size_t report_largest(uint64_t (*size_of)(const void *items, size_t index), const void *items,
                      size_t count, size_t top[REPORT_TABLES_MAX])
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t size = size_of(items, i);
        size_t at = kept;
        while (at > 0 && size_of(items, top[at - 1]) < size) {
            at--;
        }
        if (at == REPORT_TABLES_MAX) {
            continue;
        }
        kept += kept < REPORT_TABLES_MAX ? 1 : 0;
        memmove(&top[at + 1], &top[at], (kept - at - 1) * sizeof(top[0]));
        top[at] = i;
    }
    return kept;
}

uint64_t report_per_second(uint64_t count, uint64_t ms)
{
    wide rate = ms == 0 ? 0 : (wide)count * 1000 / ms;
    return rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
}

uint64_t report_estimate(double rows)
{
    if (rows >= 1e18) {
        return UINT64_C(1000000000000000000);
    }
    return rows > 0 ? (uint64_t)rows : 0;
}

const char *report_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

void report_table_name(struct buf *out, const char *name, const char *destination)
{
    buf_puts(out, name);
    if (destination != NULL && strcmp(name, destination) != 0) {
        buf_printf(out, " -> %s", destination);
    }
}
