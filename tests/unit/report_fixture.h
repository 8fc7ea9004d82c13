/* report_fixture.h: an ordinary summary, and how the tests of ui/report look at what is made of it.
 */
#ifndef TESTS_REPORT_FIXTURE_H
#define TESTS_REPORT_FIXTURE_H

#include "view_fixture.h"

#include "ui/report.h"

#include <jansson.h>
#include <stdlib.h>

static const struct table_view two_tables[] = {
    {.name = "public.customer",
     .destination = "public.customer",
     .format = "binary",
     .rows = 1500,
     .wire_bytes = 200000,
     .busy_ms = 900,
     .chunks_done = 1,
     .chunks_total = 1,
     .snapshot_no = 1,
     .spent = {{[SPENT_SEND] = 200 * MS, [SPENT_WAIT_ROWS] = 600 * MS}}},
    {.name = "public.orders",
     .destination = "archive.orders",
     .format = "text",
     .rows = 12345678,
     .wire_bytes = 3 * GB,
     .busy_ms = 125000,
     .chunks_done = 47,
     .chunks_total = 48,
     .snapshot_no = 2,
     .spent = {{[SPENT_SEND] = 1200 * MS, [SPENT_COMMIT] = 400 * MS}}  },
};

static const struct snapshot_view two_snapshots[] = {
    {.no = 1, .taken_at = "2026-01-02T03:04:05.678Z", .identity = "100:100:"       },
    {.no = 2, .taken_at = "2026-01-02T04:04:05.678Z", .identity = "200:210:201,205"},
};

static const char *const one_warning[] = {"3 large objects are not copied"};
static const char *const one_sequence[] = {"public.orders_id_seq = 12345678"};

#define TIME_WENT                                                                      \
    "time went    writers: 2% sending, 91% waiting for rows, 7% committing\n"          \
    "             readers: 98% reading, 2% waiting for memory\n"                       \
    "             the source is the slower side: writers waited for its rows 91% of\n" \
    "             their time; more streams or faster disks there help, a faster\n"     \
    "             destination does not\n"

static inline struct summary_view usual(void)
{
    static const struct err no_error = {.kind = ERR_NONE};

    return (struct summary_view){
        .job = "nightly",
        .source = "db1:5432/shop",
        .destination = "db2:5432/shop",
        .error = &no_error,
        .elapsed_ms = 65000,
        .streams = 4,
        .rows = 12347178,
        .rows_run = 12347178,
        .wire_bytes_run = 3 * GB,
        .chunks_done = 49,
        .chunks_total = 49,
        .retry_reasons = "",
        .source_wait_ms = 104000,
        .destination_wait_ms = 2600,
        .commit_ms = 7800,
        .flow = {.spent = {{[SPENT_WAIT_ROWS] = 104000 * MS,
                            [SPENT_SEND] = 2600 * MS,
                            [SPENT_COMMIT] = 7800 * MS,
                            [SPENT_READ] = 250000 * MS,
                            [SPENT_WAIT_MEMORY] = 5000 * MS}},
                 .transactions = 48},
        .memory_peak_bytes = 100 * MB,
        .memory_limit_bytes = 256 * MB,
        .row_widest_bytes = 4096,
        .tables = two_tables,
        .table_count = 2,
        .snapshots = two_snapshots,
        .snapshot_count = 1,
        .warnings = one_warning,
        .warning_count = 1,
        .sequences_moved = one_sequence,
        .sequence_count = 1
    };
}

static inline void make_text(const struct summary_view *v, struct buf *out)
{
    buf_init(out, TEXT_MAX);
    report_summary_text(v, out);
}

/* The caller frees. */
static inline char *summary_text(const struct summary_view *v)
{
    struct buf out;
    make_text(v, &out);
    assert_false(out.failed);
    return buf_take(&out);
}

static inline void check_summary(const struct summary_view *v, const char *want)
{
    struct buf out;
    make_text(v, &out);
    check_text(&out, want);
}

static inline void check_holds(const struct summary_view *v, const char *want)
{
    struct buf out;
    make_text(v, &out);
    check_part(&out, want, true);
}

static inline void check_lacks(const struct summary_view *v, const char *unwanted)
{
    struct buf out;
    make_text(v, &out);
    check_part(&out, unwanted, false);
}

static inline json_t *parsed(const struct buf *out)
{
    json_error_t error;

    assert_false(out->failed);
    assert_null(strchr(buf_str(out), '\n'));
    json_t *o = json_loads(buf_str(out), JSON_REJECT_DUPLICATES, &error);
    if (o == NULL) {
        fail_msg("%s in %s", error.text, buf_str(out));
    }
    return o;
}

#define MANY 100

static inline void make_many(struct table_view tables[MANY], char names[MANY][16])
{
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s.t%02zu", i);
        /* The size goes up and down, so that order is put in, not found. */
        tables[i] = (struct table_view){.name = names[i],
                                        .format = "text",
                                        .rows = 1,
                                        .wire_bytes = (i * 37) % MANY + 1,
                                        .chunks_done = 1,
                                        .chunks_total = 1};
    }
}

#endif
