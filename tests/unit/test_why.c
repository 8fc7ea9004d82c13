/* why: which side a load is bound by, and how that is said live, of a run and of a table. */
#include "unit.h"

#include "ui/why.h"

#include <string.h>

#define S        UINT64_C(1000000000) /* in ns */
#define MB       (UINT64_C(1) << 20)
#define TEXT_MAX 1024

static void check_live(const struct progress_view *v, enum why_length length, const char *want)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    why_live(v, length, &out);
    assert_false(out.failed);
    assert_string_equal(buf_str(&out), want);
    buf_free(&out);
}

struct judge_row {
    struct spent spent;
    enum why want;
    const char *full;
    const char *brief;
    const char *table;
};

/* clang-format off */
static const struct judge_row judged[] = {
    {.want = WHY_NOTHING,
     .full = "",
     .brief = "",
     .table = ""},
    {.want = WHY_DESTINATION,
     .spent = {{[SPENT_SEND] = 94, [SPENT_WAIT_ROWS] = 6, [SPENT_WAIT_MEMORY] = 90}},
     .full = "destination-bound: writers 94% sending",
     .brief = "destination-bound: 94% sending",
     .table = "94% sending"},
    {.want = WHY_SOURCE,
     .spent = {{[SPENT_SEND] = 29, [SPENT_WAIT_ROWS] = 61, [SPENT_READ] = 80}},
     .full = "source-bound: writers 68% waiting for rows",
     .brief = "source-bound: 68% waiting",
     .table = "68% waiting for rows"},
    {.want = WHY_SOURCE,
     .spent = {{[SPENT_READ] = 5}},
     .full = "source-bound: writers 0% waiting for rows",
     .brief = "source-bound: 0% waiting",
     .table = ""},
    {.want = WHY_BALANCED,
     .spent = {{[SPENT_SEND] = 50, [SPENT_WAIT_ROWS] = 50}},
     .full = "balanced: writers 50% sending, 50% waiting for rows",
     .brief = "balanced",
     .table = "50% waiting for rows"},
    {.want = WHY_COMMIT,
     .spent = {{[SPENT_SEND] = 55, [SPENT_BEGIN] = 20, [SPENT_COMMIT] = 25}},
     .full = "committing: writers 45% in BEGIN and COMMIT",
     .brief = "committing: 45%",
     .table = "55% sending"},
    {.want = WHY_COMMIT,
     .spent = {{[SPENT_SEND] = 20, [SPENT_BEGIN] = 60, [SPENT_COMMIT] = 20}},
     .full = "opening transactions: writers 80% in BEGIN and COMMIT",
     .brief = "opening transactions: 80%",
     .table = "60% beginning"},
    {.want = WHY_DESTINATION,
     .spent = {{[SPENT_SEND] = 70, [SPENT_BEGIN] = 5, [SPENT_COMMIT] = 25}},
     .full = "destination-bound: writers 70% sending",
     .brief = "destination-bound: 70% sending",
     .table = "70% sending"},
    {.want = WHY_RATE,
     .spent = {{[SPENT_SEND] = 55, [SPENT_WAIT_ROWS] = 45, [SPENT_READ] = 90,
                [SPENT_THROTTLE] = 10}},
     .full = "limited by --max-rate 20 MB/s",
     .brief = "limited by --max-rate 20 MB/s",
     .table = "10% throttled"},
    {.want = WHY_SOURCE,
     .spent = {{[SPENT_SEND] = 10, [SPENT_WAIT_ROWS] = 90, [SPENT_READ] = 91,
                [SPENT_THROTTLE] = 9}},
     .full = "source-bound: writers 90% waiting for rows",
     .brief = "source-bound: 90% waiting",
     .table = "90% waiting for rows"},
    {.want = WHY_RATE,
     .spent = {{[SPENT_READ] = 10, [SPENT_THROTTLE] = 90}},
     .full = "limited by --max-rate 20 MB/s",
     .brief = "limited by --max-rate 20 MB/s",
     .table = "90% throttled"},
    {.want = WHY_DESTINATION,
     .spent = {{[SPENT_SEND] = 81, [SPENT_WAIT_ROWS] = 19, [SPENT_READ] = 10,
                [SPENT_THROTTLE] = 90}},
     .full = "destination-bound: writers 81% sending; reading limited by --max-rate 20 MB/s",
     .brief = "destination-bound: 81% sending",
     .table = "81% sending"},
    {.want = WHY_MEMORY,
     .spent = {{[SPENT_SEND] = 10, [SPENT_WAIT_ROWS] = 90, [SPENT_READ] = 40,
                [SPENT_WAIT_MEMORY] = 60}},
     .full = "memory-bound: readers 60% waiting for memory",
     .brief = "memory-bound: 60% waiting",
     .table = "90% waiting for rows"},
    {.want = WHY_MEMORY,
     .spent = {{[SPENT_SEND] = 10, [SPENT_WAIT_ROWS] = 90, [SPENT_READ] = 40,
                [SPENT_WAIT_MEMORY] = 60, [SPENT_PACK] = 84, [SPENT_PACK_IDLE] = 16}},
     .full = "memory-bound: readers 60% waiting for room; compressing (level 0)",
     .brief = "memory-bound: 60% waiting",
     .table = "90% waiting for rows"},
    {.want = WHY_PACKING,
     .spent = {{[SPENT_SEND] = 10, [SPENT_WAIT_ROWS] = 90, [SPENT_READ] = 40,
                [SPENT_WAIT_MEMORY] = 60, [SPENT_PACK] = 85, [SPENT_PACK_IDLE] = 15}},
     .full = "compressing-bound: packers 85% compressing; compressing (level 0)",
     .brief = "compressing-bound: 85%",
     .table = "90% waiting for rows"},
    {.want = WHY_PACKING, /* also where writers send more than they wait */
     .spent = {{[SPENT_SEND] = 80, [SPENT_WAIT_ROWS] = 20, [SPENT_READ] = 50,
                [SPENT_WAIT_MEMORY] = 50, [SPENT_PACK] = 90, [SPENT_SPILL_WRITE] = 10}},
     .full = "compressing-bound: packers 90% compressing; compressing (level 0)",
     .brief = "compressing-bound: 90%",
     .table = "80% sending"},
    {.want = WHY_DESTINATION, /* packers at work, but writers lack no rows */
     .spent = {{[SPENT_SEND] = 81, [SPENT_WAIT_ROWS] = 19, [SPENT_READ] = 50,
                [SPENT_WAIT_MEMORY] = 50, [SPENT_PACK] = 100}},
     .full = "destination-bound: writers 81% sending; compressing (level 0)",
     .brief = "destination-bound: 81% sending",
     .table = "81% sending"},
    {.want = WHY_BALANCED, /* nor do readers lack room */
     .spent = {{[SPENT_SEND] = 60, [SPENT_WAIT_ROWS] = 40, [SPENT_READ] = 51,
                [SPENT_WAIT_MEMORY] = 49, [SPENT_PACK] = 100}},
     .full = "balanced: writers 60% sending, 40% waiting for rows; compressing (level 0)",
     .brief = "balanced",
     .table = "60% sending"},
    {.want = WHY_SPILL_READ,
     .spent = {{[SPENT_SEND] = 40, [SPENT_UNPACK] = 20, [SPENT_SPILL_READ] = 40}},
     .full = "reading the spill back: 60%",
     .brief = "reading the spill back: 60%",
     .table = "40% sending"},
    {.want = WHY_DISK_FULL,
     .spent = {{[SPENT_SEND] = 90, [SPENT_SPILL_WRITE] = 80, [SPENT_SPILL_FULL] = 20}},
     .full = "spill full: waiting for space in --spill-dir (3 MB used)",
     .brief = "spill full: waiting for space",
     .table = "100% sending"},
};
/* clang-format on */

static void every_side_is_judged_and_named(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
        const struct judge_row *r = &judged[i];
        struct progress_view v = {.recent = r->spent};
        char table[WHY_SHORT_MAX];
        v.flow.max_rate_bytes_s = 20 * MB;
        v.flow.spill_full = r->want == WHY_DISK_FULL;
        v.flow.spill_used_bytes = r->want == WHY_DISK_FULL ? 3 * MB : 0;
        assert_int_equal(why_judge(&r->spent), r->want);
        why_table(&r->spent, table);
        assert_string_equal(table, r->table);
        check_live(&v, WHY_FULL, r->full);
        check_live(&v, WHY_SHORT, r->brief);
        assert_true(strlen(r->brief) <= 30);
    }
    (void)state;
}

static void waiting_on_purpose_is_named_at_once(void **state)
{
    /* Nothing is counted yet of a wait that goes on. */
    struct progress_view v = {
        .flow = {.throttled = true, .max_rate_bytes_s = 5 * MB}
    };

    check_live(&v, WHY_FULL, "limited by --max-rate 5 MB/s");
    v.recent.ns[SPENT_WAIT_ROWS] = S;
    check_live(&v, WHY_HEAD, "limited by --max-rate");
    v.recent.ns[SPENT_SEND] = 9 * S;
    check_live(&v, WHY_HEAD, "destination-bound");
    v.flow.spill_full = true;
    v.flow.spill_used_bytes = 12 * MB;
    assert_int_equal(why_now(&v), WHY_DISK_FULL);
    check_live(&v, WHY_FULL, "spill full: waiting for space in --spill-dir (12 MB used)");
    (void)state;
}

static void a_side_that_hangs_is_named(void **state)
{
    struct progress_view v = {.recent = {{[SPENT_SEND] = S}}, .stalled_ms = 2999};

    check_live(&v, WHY_SHORT, "destination-bound: 100% sending");
    v.stalled_ms = 12000;
    check_live(&v, WHY_FULL, "destination stalled for 12 s");
    check_live(&v, WHY_HEAD, "destination stalled for 12 s");
    v.recent = (struct spent){{[SPENT_WAIT_ROWS] = S}};
    check_live(&v, WHY_SHORT, "source stalled: no rows for 12 s");
    v.recent = (struct spent){{[SPENT_COMMIT] = S}};
    check_live(&v, WHY_SHORT, "destination stalled for 12 s");
    v.recent = (struct spent){{[SPENT_THROTTLE] = S}}; /* on purpose */
    v.flow.max_rate_bytes_s = MB;
    check_live(&v, WHY_SHORT, "limited by --max-rate 1 MB/s");
    (void)state;
}

static void what_is_put_aside_is_said(void **state)
{
    struct progress_view v = {.recent = {{[SPENT_SEND] = S}}};

    v.recent.ns[SPENT_PACK] = 1;
    v.flow.pack_level = 3;
    check_live(&v, WHY_FULL, "destination-bound: writers 100% sending; compressing (level 3)");
    v.recent.ns[SPENT_SPILL_WRITE] = 1;
    v.flow.spill_used_bytes = 1200 * MB;
    check_live(&v, WHY_FULL,
               "destination-bound: writers 100% sending; spilling (1.2 GB on disk, level 3)");
    check_live(&v, WHY_SHORT, "spilling: 1.2 GB on disk");
    v.recent.ns[SPENT_SPILL_WRITE] = 0;
    v.recent.ns[SPENT_PACK] = 0;
    v.flow.released_ms = 12345;
    check_live(&v, WHY_FULL,
               "destination-bound: writers 100% sending; spilled (1.2 GB on disk); source given "
               "back after 12 s");
    check_live(&v, WHY_SHORT, "destination-bound: 100% sending");
    v = (struct progress_view){.flow = {.released_ms = 5000}};
    check_live(&v, WHY_FULL, "source given back after 5 s");
    (void)state;
}

static void shares_are_of_their_own_threads(void **state)
{
    const struct spent s = {
        {[SPENT_READ] = 1, [SPENT_THROTTLE] = 3, [SPENT_SEND] = 10, [SPENT_PACK] = UINT64_MAX / 2}
    };

    assert_int_equal(why_percent(&s, SPENT_READ), 25);
    assert_int_equal(why_percent(&s, SPENT_WAIT_MEMORY), 0);
    assert_int_equal(why_percent(&s, SPENT_SEND), 100);
    assert_int_equal(why_percent(&s, SPENT_PACK), 100);
    assert_int_equal(why_sum_ns(&s, WHY_READERS), 4);
    assert_int_equal(why_sum_ns(&s, WHY_WRITERS), 10);
    for (int i = 0; i < SPENT_KINDS; i++) {
        struct spent one = {{0}};
        one.ns[i] = 7;
        assert_int_equal(why_percent(&one, (enum activity)i), 100);
        assert_non_null(why_activity((enum activity)i));
        for (int other = 0; other < i; other++) {
            assert_string_not_equal(why_activity_name((enum activity)i),
                                    why_activity_name((enum activity)other));
        }
    }
    (void)state;
}

static void check_verdict(const struct spent *s, const char *want)
{
    struct summary_view v = {
        .flow = {.spent = *s, .max_rate_bytes_s = 20 * MB}
    };
    struct buf out;
    buf_init(&out, TEXT_MAX);
    why_verdict(&v, &out);
    const char *text = buf_str(&out);
    if (strncmp(text, want, strlen(want)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", text, want);
    }
    for (const char *line = text; *line != '\0'; line += strspn(line, "\n")) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 66); /* 79 with the label */
        line += len;
    }
    buf_free(&out);
}

static void verdicts(void **state)
{
    static const char *const want[] = {
        [WHY_NOTHING] = "",
        [WHY_BALANCED] = "neither side is much slower than the other",
        [WHY_DESTINATION] = "the destination is the slower side: its backends took ",
        [WHY_COMMIT] = "transactions cost the most: opening and committing them took ",
        [WHY_SOURCE] = "the source is the slower side: writers waited for its rows ",
        [WHY_RATE] = "--max-rate 20 MB/s set the pace: it held readers back for ",
        [WHY_MEMORY] = "memory was short: readers waited for it 60% of their time",
        [WHY_PACKING] = "compressing was the slow part: readers waited ",
        [WHY_SPILL_READ] = "getting back what had been put aside took 60% of",
        [WHY_DISK_FULL] = "the spill was full",
    };

    for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
        const struct spent *s = &judged[i].spent;
        bool opening = s->ns[SPENT_BEGIN] > s->ns[SPENT_COMMIT];
        check_verdict(s, opening
                             ? "opening transactions, with connecting to the destination, took\n60%"
                             : want[judged[i].want]);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_side_is_judged_and_named),
        cmocka_unit_test(waiting_on_purpose_is_named_at_once),
        cmocka_unit_test(a_side_that_hangs_is_named),
        cmocka_unit_test(what_is_put_aside_is_said),
        cmocka_unit_test(shares_are_of_their_own_threads),
        cmocka_unit_test(verdicts),
    };

    return cmocka_run_group_tests_name("why", tests, NULL, NULL);
}
