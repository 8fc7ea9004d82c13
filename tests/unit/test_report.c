/* report: the summary as a person reads it. */
#include "report_fixture.h"

static void good_load(void **state)
{
    struct summary_view v = usual();

    check_summary(
        &v,
        "job          nightly: done\n"
        "source       db1:5432/shop\n"
        "destination  db2:5432/shop\n"
        "\n"
        "  table                                  rows     bytes  stream time       rate  chunks  "
        "format  time went\n"
        "  public.orders -> archive.orders  12,345,678      3 GB   2 min 05 s  24.6 MB/s   47/48  "
        "text    75% sending\n"
        "  public.customer                       1,500  195.3 kB       900 ms   217 kB/s       1  "
        "binary  75% waiting for rows\n"
        "  total of 2 tables                12,347,178      3 GB   2 min 05 s  24.4 MB/s   48/49\n"
        "\n"
        "this run     12,347,178 rows, 3 GB in 1 min 05 s by 4 streams: 189,956 rows/s, 47.3 MB/s\n"
        "whole job    12,347,178 rows; 49 of 49 chunks committed\n"
        "transactions 48 of 64 MB each on average\n" TIME_WENT
        "memory       100 MB at most of 256 MB; widest row 4 kB\n"
        "snapshot     1, taken 2026-01-02T03:04:05.678Z, 100:100:\n"
        "sequence     public.orders_id_seq = 12345678\n"
        "warning      3 large objects are not copied\n");
    (void)state;
}

static void stopped_load_says_how_to_resume(void **state)
{
    static const struct err error = {.kind = ERR_TRANSIENT, .msg = "destination:\nconnection lost"};
    struct summary_view v = usual();

    v.exit_status = 5;
    v.error = &error;
    v.hint = "run the same command again to resume";
    v.retries = 6;
    v.retry_reasons = "5 x connection refused, 1 x timeout";
    v.snapshot_count = 2;
    v.chunks_done = 48;
    v.warning_count = 0;
    v.sequence_count = 0;
    check_summary(
        &v,
        "job          nightly: stopped\n"
        "source       db1:5432/shop\n"
        "destination  db2:5432/shop\n"
        "\n"
        "  table                                  rows     bytes  stream time       rate  chunks  "
        "format  time went             snapshot\n"
        "  public.orders -> archive.orders  12,345,678      3 GB   2 min 05 s  24.6 MB/s   47/48  "
        "text    75% sending                  2\n"
        "  public.customer                       1,500  195.3 kB       900 ms   217 kB/s       1  "
        "binary  75% waiting for rows         1\n"
        "  total of 2 tables                12,347,178      3 GB   2 min 05 s  24.4 MB/s   48/49\n"
        "\n"
        "this run     12,347,178 rows, 3 GB in 1 min 05 s by 4 streams: 189,956 rows/s, 47.3 MB/s\n"
        "whole job    12,347,178 rows; 48 of 49 chunks committed\n"
        "transactions 48 of 64 MB each on average\n" TIME_WENT
        "memory       100 MB at most of 256 MB; widest row 4 kB\n"
        "retries      6: 5 x connection refused, 1 x timeout\n"
        "snapshot     1, taken 2026-01-02T03:04:05.678Z, 100:100:\n"
        "snapshot     2, taken 2026-01-02T04:04:05.678Z, 200:210:201,205\n"
        "error        destination:\n"
        "             connection lost\n"
        "next         run the same command again to resume\n");
    (void)state;
}

static void nothing_was_loaded(void **state)
{
    static const struct err error = {.kind = ERR_USAGE, .msg = "-t x: no table matches"};
    struct summary_view v = {.job = "j",
                             .source = "a/s",
                             .destination = "b/d",
                             .exit_status = 2,
                             .error = &error,
                             .streams = 4,
                             .elapsed_ms = 3};

    check_summary(&v, "job          j: refused\n"
                      "source       a/s\n"
                      "destination  b/d\n"
                      "error        -t x: no table matches\n");
    (void)state;
}

static void title_names_every_outcome(void **state)
{
    static const struct {
        int status;
        const char *want;
    } rows[] = {
        {0,  "j: done\n"                   },
        {1,  "j: failed\n"                 },
        {2,  "j: refused\n"                },
        {3,  "j: permission refused\n"     },
        {4,  "j: server unreachable\n"     },
        {5,  "j: stopped\n"                },
        {6,  "j: done with rejected rows\n"},
        {7,  "j: difference found\n"       },
        {8,  "j: already running\n"        },
        {9,  "j: unknown\n"                },
        {-1, "j: unknown\n"                }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct summary_view v = {
            .job = "j", .source = "s", .destination = "d", .exit_status = rows[i].status};
        check_holds(&v, rows[i].want);
    }
    struct summary_view before = {
        .job = "j", .source = "s", .destination = "d", .already_complete = true};
    check_holds(&before, "j: done before, nothing was left to do\n");
    (void)state;
}

/* The shares are of what threads spent on anything; what is left of the run they were idle. */
static void time_lines(void **state)
{
    struct summary_view v = usual();

    v.stream_count = 4;
    v.flow.spent = (struct spent){
        {[SPENT_SEND] = 130000 * MS,
         [SPENT_BEGIN] = 1000 * MS,
         [SPENT_UNPACK] = 2000 * MS,
         [SPENT_SPILL_READ] = 6000 * MS,
         [SPENT_READ] = 100000 * MS,
         [SPENT_THROTTLE] = 9000 * MS,
         [SPENT_WAIT_MEMORY] = 151000 * MS,
         [SPENT_PACK] = 3000 * MS,
         [SPENT_SPILL_WRITE] = 1000 * MS}
    };
    check_holds(&v,
                "time went    writers: 94% sending, 1% beginning, 1% unpacking, 4% reading the "
                "spill (idle for 47% of the run)\n"
                "             readers: 38% reading, 58% waiting for room, 3% held back by "
                "--max-rate\n"
                "             packers: 75% compressing, 25% writing the spill\n"
                "             the destination is the slower side: its backends took 94% of the\n"
                "             writers' time; more streams or fewer indexes help, a faster source\n"
                "             does not\n");
    v.flow.jobs_auto = true; /* then nobody knows how many were to work */
    v.flow.readers_active = 3;
    v.flow.writers_active = 2;
    check_holds(&v, "reading the spill\n");
    check_holds(&v, "in 1 min 05 s by up to 4 streams (3 readers, 2 writers at the end): 189,956");
    v.rows_run = 0;
    check_lacks(&v, "time went   ");
    (void)state;
}

static void transaction_lines(void **state)
{
    static const struct {
        unsigned resends, rereads;
        const char *want;
    } rows[] = {
        {1, 0, "\nsent again   1 transaction from memory or disk; nothing was read twice\n" },
        {3, 0, "\nsent again   3 transactions from memory or disk; nothing was read twice\n"},
        {0, 1, "\nsent again   1 transaction had to be read again from the source\n"        },
        {2, 4,
         "\nsent again   2 transactions from memory or disk; 4 transactions had to be read "
         "again from the source\n"                                                          },
    };
    struct summary_view v = usual();

    check_lacks(&v, "sent again");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        v.flow.resends = rows[i].resends;
        v.flow.rereads = rows[i].rereads;
        check_holds(&v, rows[i].want);
    }
    v.flow.transactions = 1;
    check_holds(&v, "\ntransactions 1 of 3 GB\n");
    v.flow.transactions = 0;
    check_lacks(&v, "transactions 0");
    (void)state;
}

static void what_was_put_aside(void **state)
{
    struct summary_view v = usual();

    check_lacks(&v, "spill");
    check_lacks(&v, "compressed");
    check_lacks(&v, "given back");
    v.flow.unpacked_bytes = 310 * MB;
    v.flow.packed_bytes = 100 * MB;
    v.flow.spill_written_bytes = 2 * GB;
    v.flow.spill_read_bytes = GB;
    v.flow.spill_used_bytes_max = 512 * MB;
    v.flow.spill_limit_bytes = 8 * GB;
    v.flow.released_ms = 12000;
    check_holds(&v, "widest row 4 kB\n"
                    "compressed   310 MB to 100 MB: 3.1 to 1\n"
                    "spill        2 GB written, 1 GB read; at most 512 MB at a time, of 8 GB\n"
                    "given back   the source, after 12.0 s of 1 min 05 s\n"
                    "snapshot     1");
    v.flow.spill_limit_bytes = UINT64_MAX;
    check_holds(&v, "at most 512 MB at a time\n");
    v.row_widest_bytes = 0;
    check_holds(&v, "of 256 MB\n");
    v.from_spill = true;
    check_holds(&v, "from spill   the rest of an earlier run, from its spill; the source was not "
                    "used\n");
    (void)state;
}

static void routers_tell_their_story(void **state)
{
    static const struct router_line three[] = {
        {.host = "127.0.0.2",    .state = "used", .load = 0.1, .writers = 7, .connects = 1200},
        { .host = "127.0.0.3",
         .state = "used",
         .load = 0.8,
         .writers = 1,
         .connects = 3,
         .failures = 2,
         .down_at = "2026-01-02T03:04:05.678Z",
         .back = true,
         .down_ms = 41000},
        {                                                                           .host = "2600:1f18::1",
         .state = "avoided",
         .load = 1,
         .connects = 1,
         .failures = 1,
         .down_at = "2026-01-02T03:05:00.000Z",
         .down_ms = 5000},
    };
    struct summary_view v = usual();
    v.flow.routers = three;
    v.flow.router_count = ARRAY_LEN(three);
    check_holds(
        &v, "routers      127.0.0.2: 7 writers, load 0.10, 1,200 connections\n"
            "             127.0.0.3: 1 writer, load 0.80, 3 connections, 2 failures\n"
            "             2600:1f18::1: 0 writers (avoided), load 1.00, 1 connection, 1 failure\n"
            "             router 127.0.0.3: stopped answering at 2026-01-02T03:04:05.678Z, used "
            "again after 41.0 s\n"
            "             router 2600:1f18::1: stopped answering at 2026-01-02T03:05:00.000Z, not "
            "used since (5.0 s)\n");
    v.flow.router_count = 0;
    check_lacks(&v, "routers");
    (void)state;
}

static void streams_are_listed_for_the_curious(void **state)
{
    static struct stream_view streams[50] = {
        {.reader = {{[SPENT_READ] = 75 * MS, [SPENT_WAIT_MEMORY] = 25 * MS}},
         .writer = {{[SPENT_SEND] = 90 * MS, [SPENT_COMMIT] = 10 * MS}},
         .bytes_read = 5 * MB,
         .bytes_sent = 4 * MB},
    };
    struct summary_view v = usual();

    v.stream_list = streams;
    v.stream_count = 1;
    check_lacks(&v, "  stream  ");
    v.verbose = true;
    check_holds(&v,
                "\n"
                "  stream  read  reading  no room  paced  sent  sending  no rows  begin  commit\n"
                "       1  5 MB      75%      25%     0%  4 MB      90%       0%     0%     10%\n"
                "\nthis run");
    v.stream_count = ARRAY_LEN(streams);
    check_holds(&v, "\n      40   0 B ");
    check_holds(&v, "\n  and 10 more\n\nthis run");
    (void)state;
}

/* Names may hold anything: what is shown keeps its columns and cannot move a cursor. */
static void names_cannot_break_the_table(void **state)
{
    static const struct table_view tables[] = {
        {.name = "a.two\nlines", .destination = "a.two\nlines", .format = "text", .rows = 1},
        {.name = "a.\x1B[2J",                      .format = "text",                                 .rows = 2           },
        {.name = "a.k\xC3\xA4se",                      .format = "text",                             .rows = 3},
        {.name = "a.\xE6\x9D\xB1",                      .format = "text",                            .rows = 4          },
        {.name = "a.\xFF",                      .format = "text",                                    .rows = 5    },
    };
    struct summary_view v = usual();
    v.tables = tables;
    v.table_count = ARRAY_LEN(tables);

    check_holds(&v, "  table              rows  bytes  stream time  rate  chunks  format\n"
                    "  a.two\\nlines          1    0 B         0 ms     -       0  text\n"
                    "  a.\\x1B[2J             2    0 B         0 ms     -       0  text\n"
                    "  a.k\xC3\xA4se                3    0 B         0 ms     -       0  text\n"
                    "  a.\xE6\x9D\xB1                  4    0 B         0 ms     -       0  text\n"
                    "  a.\\xFF                5    0 B         0 ms     -       0  text\n"
                    "  total of 5 tables    15    0 B         0 ms     -       0\n");
    (void)state;
}

static void largest_forty_are_listed_and_the_rest_summed(void **state)
{
    struct table_view tables[MANY];
    char names[MANY][16];
    struct summary_view v = usual();

    make_many(tables, names);
    v.tables = tables;
    v.table_count = MANY;
    char *text = summary_text(&v);
    const char *last = text;
    for (size_t size = MANY; size > MANY - 40; size--) {
        char want[32];
        size_t i = 0;
        while (tables[i].wire_bytes != size) {
            i++;
        }
        (void)snprintf(want, sizeof(want), "\n  %.15s ", names[i]);
        const char *found = strstr(text, want);
        assert_non_null(found);
        assert_true(found > last);
        last = found;
    }
    assert_non_null(strstr(last, "\n  (60 smaller tables)    60  1.8 kB"));
    assert_non_null(strstr(last, "\n  total of 100 tables   100  4.9 kB"));
    free(text);
    (void)state;
}

static void long_lists_are_cut(void **state)
{
    const char *sequences[50];
    struct summary_view v = usual();

    for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
        sequences[i] = "public.s = 1";
    }
    v.sequences_moved = sequences;
    v.sequence_count = ARRAY_LEN(sequences);
    check_holds(&v, "sequence     public.s = 1\nsequence     and 10 more\nwarning");
    (void)state;
}

static void too_little_room_fails_the_buffer(void **state)
{
    struct summary_view v = usual();

    for (size_t room = 0; room < 300; room += 50) {
        struct buf out;
        buf_init(&out, room);
        report_summary_text(&v, &out);
        assert_true(out.failed);
        buf_clear(&out);
        report_summary_json(&v, &out);
        assert_true(out.failed);
        buf_free(&out);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_load),
        cmocka_unit_test(stopped_load_says_how_to_resume),
        cmocka_unit_test(nothing_was_loaded),
        cmocka_unit_test(title_names_every_outcome),
        cmocka_unit_test(time_lines),
        cmocka_unit_test(transaction_lines),
        cmocka_unit_test(what_was_put_aside),
        cmocka_unit_test(routers_tell_their_story),
        cmocka_unit_test(streams_are_listed_for_the_curious),
        cmocka_unit_test(names_cannot_break_the_table),
        cmocka_unit_test(largest_forty_are_listed_and_the_rest_summed),
        cmocka_unit_test(long_lists_are_cut),
        cmocka_unit_test(too_little_room_fails_the_buffer),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
