/* progress: percent and time to go, and one moment as a line of each kind. */
#include "view_fixture.h"

#include "ui/plain.h"
#include "ui/progress.h"

#define REFUSED "destination: connection to server at \"10.0.0.7\" failed: Connection refused"

static struct progress_view usual(void)
{
    return (struct progress_view){.elapsed_ms = 125000,
                                  .planned_bytes = UINT64_C(13207024435),
                                  .done_bytes = UINT64_C(5679020507),
                                  .done_bytes_at_start = 1000000000,
                                  .rows_committed = 12345678,
                                  .rows_per_s = 1234567,
                                  .wire_bytes_per_s = 327575142,
                                  .chunks_done = 431,
                                  .chunks_total = 1002,
                                  .tables_done = 3,
                                  .tables_total = 12,
                                  .streams_busy = 4};
}

struct percent_row {
    uint64_t done;
    uint64_t planned;
    size_t chunks_done;
    size_t chunks_total;
    unsigned want;
};

static void percent_is_hundred_only_at_the_end(void **state)
{
    static const struct percent_row rows[] = {
        {0,              100,        0, 10, 0  },
        {1,              100,        0, 10, 1  },
        {999,            1000,       9, 10, 99 },
        {1000,           1000,       9, 10, 99 },
        {2000,           1000,       9, 10, 99 }, /* a table that was larger than planned */
        {900,            1000,       1, 1,  100},
        {0,              0,          1, 2,  50 }, /* nothing but empty tables */
        {0,              0,          2, 2,  100},
        {0,              0,          0, 0,  0  }, /* not planned yet */
        {UINT64_MAX / 2, UINT64_MAX, 1, 2,  49 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct progress_view v = {.done_bytes = rows[i].done,
                                  .planned_bytes = rows[i].planned,
                                  .chunks_done = rows[i].chunks_done,
                                  .chunks_total = rows[i].chunks_total};
        assert_int_equal(progress_percent(&v), rows[i].want);
    }
    (void)state;
}

struct eta_row {
    uint64_t elapsed_ms;
    uint64_t at_start;
    uint64_t done;
    uint64_t planned;
    size_t chunks_done;
    uint64_t want;
};

static void eta_goes_by_this_run(void **state)
{
    static const struct eta_row rows[] = {
        {10000,      0,   250,        1000,       1,  30000     },
        {10000,      500, 750,        1000,       1,  10000     }, /* earlier runs do not count */
        {10000,      500, 500,        1000,       1,  UINT64_MAX},
        {10000,      0,   0,          1000,       0,  UINT64_MAX},
        {1999,       0,   250,        1000,       1,  UINT64_MAX}, /* too early to tell */
        {10000,      0,   0,          0,          0,  UINT64_MAX},
        {10000,      0,   1200,       1000,       9,  0         },
        {10000,      0,   1000,       1000,       10, 0         },
        {1,          0,   0,          1000,       10, 0         },
        {UINT64_MAX, 0,   1,          UINT64_MAX, 1,  UINT64_MAX},
        {3000,       0,   UINT64_MAX, UINT64_MAX, 1,  0         },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct progress_view v = {.elapsed_ms = rows[i].elapsed_ms,
                                  .done_bytes_at_start = rows[i].at_start,
                                  .done_bytes = rows[i].done,
                                  .planned_bytes = rows[i].planned,
                                  .chunks_done = rows[i].chunks_done,
                                  .chunks_total = 10};
        assert_true(progress_eta_ms(&v) == rows[i].want);
    }
    (void)state;
}

static void check_tty(const struct progress_view *v, unsigned width, bool color, const char *want)
{
    struct buf out;

    buf_init(&out, TEXT_MAX);
    progress_tty(v, width, color, &out);
    check_text(&out, want);
}

static void tty_line_uses_the_width_it_has(void **state)
{
    struct progress_view v = usual();

    check_tty(&v, 120, false,
              "[================>                       ]  42%   1.23M rows/s  312.4 MB/s    "
              "431/1,002 chunks  ETA 3 min 21 s");
    check_tty(&v, 80, false,
              "[===>     ]  42%   1.23M rows/s  312.4 MB/s    431/1,002 chunks  ETA 3 min 21 s");
    check_tty(&v, 0, false, /* unknown: as 80 */
              "[===>     ]  42%   1.23M rows/s  312.4 MB/s    431/1,002 chunks  ETA 3 min 21 s");
    check_tty(&v, 40, false, " 42%   1.23M rows/s  ETA 3 min 21 s");
    check_tty(&v, 10, false, " 42%");
    check_tty(&v, 3, false, "");
    v.retries = 1;
    check_tty(&v, 120, false,
              "[================>                       ]  42%   1.23M rows/s  312.4 MB/s    "
              "431/1,002 chunks  ETA 3 min 21 s  1 retry");
    (void)state;
}

static void tty_line_at_both_ends(void **state)
{
    struct progress_view v = {.chunks_total = 7, .planned_bytes = 1000};

    check_tty(&v, 80, false,
              "[>                ]   0%       0 rows/s       0 B/s  0/7 chunks  ETA -         ");
    v.chunks_done = 7;
    v.rows_per_s = 9999;
    check_tty(&v, 80, false,
              "[=================] 100%   9,999 rows/s       0 B/s  7/7 chunks  ETA 0 s       ");
    (void)state;
}

/* Why it is slow is left out last but for rows and time to go. */
static void tty_line_says_why(void **state)
{
    struct progress_view v = usual();

    v.recent = (struct spent){
        {[SPENT_SEND] = 94 * MS, [SPENT_WAIT_ROWS] = 6 * MS}
    };
    check_tty(&v, 130, false,
              "[=======>           ]  42%   1.23M rows/s  312.4 MB/s    431/1,002 chunks  ETA 3 "
              "min 21 s  destination-bound: writers 94% sending");
    check_tty(&v, 80, false,
              " 42%   1.23M rows/s  312.4 MB/s  ETA 3 min 21 s  destination-bound: 94% sending");
    check_tty(&v, 70, false, " 42%   1.23M rows/s  ETA 3 min 21 s  destination-bound: 94% sending");
    check_tty(&v, 60, false, " 42%   1.23M rows/s  ETA 3 min 21 s  destination-bound");
    check_tty(&v, 40, false, " 42%   1.23M rows/s  ETA 3 min 21 s");
    v.flow.jobs_auto = true;
    v.flow.readers_active = 5;
    v.flow.writers_active = 7;
    v.flow.spill_used_bytes = 300 * MB;
    v.flow.pack_level = 3;
    v.flow.released_ms = 12345;
    v.recent.ns[SPENT_SPILL_WRITE] = 1;
    check_tty(&v, 80, false,
              " 42%   1.23M rows/s  312.4 MB/s  ETA 3 min 21 s  spilling: 300 MB on disk");
    check_tty(&v, 180, false,
              "[====>     ]  42%   1.23M rows/s  312.4 MB/s  ETA 3 min 21 s  5 readers, 7 writers  "
              "destination-bound: writers 94% sending; spilling (300 MB on disk); source given "
              "back after 12 s");
    (void)state;
}

static void waiting_takes_the_place_of_the_rates(void **state)
{
    struct progress_view v = usual();

    v.waiting_for = REFUSED "\n\tIs the server running?";
    check_tty(&v, 120, false, "[===========>               ]  42%  waiting: " REFUSED);
    check_tty(&v, 60, false, " 42%  waiting: destination: connection to server at \"10....");
    check_tty(&v, 80, true,
              "\x1B[1m 42%\x1B[0m  \x1B[33mwaiting: destination: connection to server at "
              "\"10.0.0.7\" failed: Conne...\x1B[0m");
    v.draining = true;
    v.waiting_for = NULL;
    check_tty(&v, 60, false, "[========>            ]  42%  stopping: 4 streams to finish");
    v.streams_busy = 1;
    v.waiting_for = "source";
    check_tty(
        &v, 80, true,
        "[\x1B[32m==========>              \x1B[0m] \x1B[1m 42%\x1B[0m  \x1B[33mstopping: 1 stream "
        "to finish; waiting: source\x1B[0m");
    (void)state;
}

/* What the terminal shows of text: escape sequences take no room, a character outside ASCII at most
 * two. */
static size_t columns_shown(const char *text)
{
    size_t columns = 0;

    while (*text != '\0') {
        unsigned char byte = (unsigned char)*text;
        if (byte == 0x1B) {
            text += strcspn(text, "m") + 1;
            continue;
        }
        assert_true(byte >= 0x20);
        columns += byte < 0x80 ? 1 : byte >= 0xC0 ? 2 : 0;
        text++;
    }
    return columns;
}

static void check_width(const struct progress_view *v, unsigned width, bool color)
{
    struct buf out;

    buf_init(&out, TEXT_MAX);
    progress_tty(v, width, color, &out);
    assert_false(out.failed);
    if (columns_shown(buf_str(&out)) > width) {
        fail_msg("width %u: %s", width, buf_str(&out));
    }
    buf_free(&out);
}

static void tty_line_never_exceeds_the_width(void **state)
{
    struct progress_view views[6];

    for (size_t i = 0; i < ARRAY_LEN(views); i++) {
        views[i] = usual();
    }
    views[1].waiting_for = REFUSED;
    views[2].waiting_for =
        "\xE6\x9D\xB1\xE6\x9D\xB1\xE6\x9D\xB1\xE6\x9D\xB1 \xFF\x1B[2J\tx\xE6\x9D\xB1";
    views[3].draining = true;
    views[4] = (struct progress_view){.elapsed_ms = UINT64_MAX,
                                      .planned_bytes = UINT64_MAX,
                                      .done_bytes = 2,
                                      .rows_per_s = UINT64_MAX,
                                      .wire_bytes_per_s = UINT64_MAX,
                                      .chunks_total = SIZE_MAX,
                                      .retries = UINT32_MAX};
    views[5].recent.ns[SPENT_SEND] = 1;
    views[5].stalled_ms = UINT64_MAX;
    views[5].flow = (struct flow_view){.jobs_auto = true,
                                       .readers_active = UINT32_MAX,
                                       .writers_active = UINT32_MAX,
                                       .spill_used_bytes = UINT64_MAX,
                                       .released_ms = UINT64_MAX};
    for (unsigned width = 1; width <= 200; width++) {
        for (size_t i = 0; i < ARRAY_LEN(views); i++) {
            check_width(&views[i], width, false);
            check_width(&views[i], width, true);
        }
    }
    (void)state;
}

static void large_rates_stay_short(void **state)
{
    static const struct {
        uint64_t rows_per_s;
        const char *want;
    } rows[] = {
        {9999,                    "  9,999 rows/s"},
        {10000,                   "  10.0k rows/s"},
        {12345,                   "  12.3k rows/s"},
        {99999,                   "  99.9k rows/s"},
        {999999,                  "   999k rows/s"},
        {1000000,                 "  1.00M rows/s"},
        {1019999,                 "  1.01M rows/s"},
        {123456789,               "   123M rows/s"},
        {UINT64_C(9999999999999), "  9.99T rows/s"},
        {UINT64_MAX,              "  18.4E rows/s"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct progress_view v = usual();
        struct buf out;
        v.rows_per_s = rows[i].rows_per_s;
        buf_init(&out, TEXT_MAX);
        progress_tty(&v, 120, false, &out);
        check_part(&out, rows[i].want, true);
    }
    (void)state;
}

static void check_plain(const struct progress_view *v, const char *want)
{
    struct buf out;

    buf_init(&out, TEXT_MAX);
    progress_plain(v, &out);
    check_text(&out, want);
}

static void plain_lines(void **state)
{
    struct progress_view v = usual();

    check_plain(&v, "2 min 05 s: 42% of 12.3 GB, 12,345,678 rows, 431 of 1,002 chunks, 3 of 12 "
                    "tables, 1,234,567 rows/s, 312.4 MB/s, 3 min 21 s to go");
    v.retries = 2;
    v.waiting_for = REFUSED "\nmore";
    check_plain(&v, "2 min 05 s: 42% of 12.3 GB, 12,345,678 rows, 431 of 1,002 chunks, 3 of 12 "
                    "tables, waiting: " REFUSED ", 2 retries");
    v.waiting_for = NULL;
    v.recent = (struct spent){
        {[SPENT_WAIT_ROWS] = 61 * MS, [SPENT_SEND] = 19 * MS}
    };
    v.flow.jobs_auto = true;
    v.flow.readers_active = 5;
    v.flow.writers_active = 7;
    check_plain(&v, "2 min 05 s: 42% of 12.3 GB, 12,345,678 rows, 431 of 1,002 chunks, 3 of 12 "
                    "tables, 1,234,567 rows/s, 312.4 MB/s, 3 min 21 s to go, source-bound: writers "
                    "76% waiting for rows, 5 readers and 7 writers at work, 2 retries");
    v = (struct progress_view){.elapsed_ms = 900, .retries = 1};
    check_plain(&v,
                "0 s: 0% of 0 B, 0 rows, 0 of 0 chunks, 0 of 0 tables, 0 rows/s, 0 B/s, 1 retry");
    (void)state;
}

static void json_lines(void **state)
{
    struct progress_view v = usual();
    struct buf out;

    v.recent.ns[SPENT_SEND] = 750 * MS;
    buf_init(&out, TEXT_MAX);
    progress_json(&v, &out);
    assert_string_equal(
        buf_str(&out),
        "{\"event\":\"progress\",\"elapsed_ms\":125000,\"percent\":42,"
        "\"planned_bytes\":13207024435,\"done_bytes\":5679020507,"
        "\"done_bytes_at_start\":1000000000,\"rows\":12345678,\"rows_per_s\":1234567,"
        "\"wire_bytes_per_s\":327575142,\"chunks_done\":431,\"chunks_total\":1002,"
        "\"tables_done\":3,\"tables_total\":12,\"eta_ms\":201110,\"streams_busy\":4,"
        "\"retries\":0,"
        "\"spent_ms\":{\"read\":0,\"wait_memory\":0,\"throttle\":0,\"wait_rows\":0,\"begin\":0,"
        "\"send\":0,\"commit\":0,\"unpack\":0,\"spill_read\":0,\"pack\":0,\"spill_write\":0,"
        "\"spill_full\":0,\"pack_idle\":0},\"readers_active\":0,\"writers_active\":0,\"jobs_auto\":"
        "false,"
        "\"transactions\":0,\"group_bytes\":0,\"resends\":0,\"rereads\":0,"
        "\"max_rate_bytes_s\":0,\"throttled\":false,\"memory_bytes\":0,\"ahead_batches\":0,"
        "\"unpacked_bytes\":0,\"packed_bytes\":0,\"packed_ratio\":null,\"pack_level\":0,"
        "\"spill\":{\"written_bytes\":0,\"read_bytes\":0,\"used_bytes\":0,\"used_bytes_max\":0,"
        "\"limit_bytes\":0,\"full\":false},\"routers\":[],\"released_ms\":null,"
        "\"recent_ms\":{\"read\":0,\"wait_memory\":0,\"throttle\":0,\"wait_rows\":0,"
        "\"begin\":0,\"send\":750,\"commit\":0,\"unpack\":0,\"spill_read\":0,\"pack\":0,"
        "\"spill_write\":0,\"spill_full\":0,\"pack_idle\":0},\"stalled_ms\":0,\"bottleneck\":"
        "\"destination\","
        "\"why\":\"destination-bound: writers 100% sending\","
        "\"draining\":false,\"waiting_for\":null}");
    buf_clear(&out);
    v.done_bytes = v.done_bytes_at_start;
    v.draining = true;
    v.waiting_for = "a\nb\xFF";
    progress_json(&v, &out);
    assert_non_null(strstr(buf_str(&out), "\"eta_ms\":null,"));
    assert_non_null(
        strstr(buf_str(&out), "\"draining\":true,\"waiting_for\":\"a\\nb\xEF\xBF\xBD\"}"));
    buf_free(&out);
    (void)state;
}

struct plain_row {
    const char *text;
    size_t columns;
    const char *want;
    size_t want_columns;
};

static void plain_text_is_escaped_and_cut(void **state)
{
    static const struct plain_row rows[] = {
        {"abc",                      PLAIN_ALL, "abc",                      3 },
        {"",                         0,         "",                         0 },
        {"abcdef",                   6,         "abcdef",                   6 },
        {"abcdef",                   5,         "ab...",                    5 },
        {"abcdef",                   3,         "...",                      3 },
        {"abcdef",                   2,         "..",                       2 },
        {"abcdef",                   0,         "",                         0 },
        {"a\nb\tc\rd\x1B\x7F",       PLAIN_ALL, "a\\nb\\tc\\rd\\x1B\\x7F",  18},
        {"k\xC3\xA4se",              PLAIN_ALL, "k\xC3\xA4se",              4 },
        {"\xE6\x9D\xB1\xE4\xBA\xAC", PLAIN_ALL, "\xE6\x9D\xB1\xE4\xBA\xAC", 4 },
        {"\xE6\x9D\xB1\xE4\xBA\xAC", 3,         "...",                      3 },
        {"\xF0\x9F\x90\x98",         PLAIN_ALL, "\xF0\x9F\x90\x98",         2 },
        {"\xC2\x9B",                 PLAIN_ALL, "\\xC2\\x9B",               8 }, /* a control code */
        {"\xE6\x9D",                 PLAIN_ALL, "\\xE6\\x9D",               8 },
        {"\xFF\x80",                 PLAIN_ALL, "\\xFF\\x80",               8 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, TEXT_MAX);
        assert_int_equal(plain_add(&out, rows[i].text, rows[i].columns), rows[i].want_columns);
        check_text(&out, rows[i].want);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_is_hundred_only_at_the_end),
        cmocka_unit_test(eta_goes_by_this_run),
        cmocka_unit_test(tty_line_uses_the_width_it_has),
        cmocka_unit_test(tty_line_at_both_ends),
        cmocka_unit_test(tty_line_says_why),
        cmocka_unit_test(waiting_takes_the_place_of_the_rates),
        cmocka_unit_test(tty_line_never_exceeds_the_width),
        cmocka_unit_test(large_rates_stay_short),
        cmocka_unit_test(plain_lines),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(plain_text_is_escaped_and_cut),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
