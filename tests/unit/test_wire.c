/* wire: what a server answers to COPY TO STDOUT, in whatever pieces it comes. */
#include "wire_fixture.h"

static void say_two_copies(struct script *s)
{
    say_tag(s, "SAVEPOINT");
    say_tag(s, "SET");
    say_start(s, false);
    say_row(s, "one\n");
    say_row(s, "\n");
    say(s, 'N', "SNOTICE\0Mhello\0", 15);
    say_row(s, "three\n");
    say_end(s, "COPY 3");
    say(s, 'S', "TimeZone\0UTC", 13);
    say_start(s, false);
    say(s, 'A', "\0\0\0\1chan\0load", 14);
    say_row(s, "x\n");
    say_row(s, "a row that is wider than the others\n");
    say_row(s, "y\n");
    say_end(s, "COPY 3");
    say_tag(s, "RELEASE");
    say_ready(s);
}

#define TWO_COPIES_ROWS "one\n\nthree\nx\na row that is wider than the others\ny\n"

static void check_two_copies(struct talk *t, size_t room)
{
    struct seen seen;
    assert_true(read_all(t, false, room, &seen));
    assert_string_equal(buf_str(&t->rows), TWO_COPIES_ROWS);
    assert_int_equal(seen.rows, 6);
    assert_int_equal(seen.tags, 6);
    assert_int_equal(seen.copies, 2);
    assert_int_equal(seen.widest, 36);
    assert_int_equal(t->wire.state, WIRE_READY);
    assert_int_equal(t->wire.at, t->wire.end);
}

/* Cut at every byte, in pieces of every size, into rooms of every size. */
static void pieces_make_no_difference(void **state)
{
    (void)state;
    static struct talk t;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_two_copies(&t.script);
    for (size_t cut = 0; cut < t.script.said.len; cut++) {
        talk_again(&t, cut, 0);
        check_two_copies(&t, 64);
    }
    for (size_t piece = 1; piece < 40; piece++) {
        for (size_t room = 1; room < 60; room++) {
            talk_again(&t, 0, piece);
            check_two_copies(&t, room);
        }
    }
    t.wire.room = sizeof t.bytes;
    talk_again(&t, 0, 0);
    check_two_copies(&t, 1u << 20);
    talk_end(&t);
}

/* A row that would fit into an empty sheet is never cut. */
static void rows_stay_whole(void **state)
{
    (void)state;
    static struct talk t;
    char sheet[20];
    struct pg_copied c;
    talk_begin(&t, sizeof t.bytes);
    say_start(&t.script, false);
    say_row(&t.script, "12345678\n");
    say_row(&t.script, "abcdefgh\n");
    say_row(&t.script, "ABCDEFGH\n");
    say_end(&t.script, "COPY 3");
    say_ready(&t.script);
    wire_expect(&t.wire, false);
    assert_true(wire_await_copy(&t.wire, &t.err));

    assert_true(wire_fill(&t.wire, sheet, 20, 20, &c, &t.err));
    assert_int_equal(c.len, 18);
    assert_int_equal(c.rows, 2);
    assert_memory_equal(sheet, "12345678\nabcdefgh\n", 18);
    /* two bytes of a sheet of 20 are left: nothing goes there */
    assert_true(wire_fill(&t.wire, sheet + 18, 2, 20, &c, &t.err));
    assert_int_equal(c.len, 0);
    assert_false(c.copy_ended);
    assert_true(wire_fill(&t.wire, sheet, 20, 20, &c, &t.err));
    assert_int_equal(c.len, 9);
    assert_int_equal(c.rows, 1);
    assert_true(c.copy_ended && c.all_ended);
    assert_int_equal(c.copy_tag, 3);
    talk_end(&t);
}

/* A row wider than a sheet is cut, counted where it begins, and fills sheets to the last byte. */
static void wide_rows_are_cut(void **state)
{
    (void)state;
    static struct talk t;
    static char row[300001];
    static char sheet[70000];
    static const size_t pieces[] = {0, 1000, 33000};
    memset(row, 'w', sizeof row - 1);
    row[sizeof row - 2] = '\n';
    talk_begin(&t, sizeof t.bytes);
    say_start(&t.script, false);
    say_row(&t.script, "narrow\n");
    say_row(&t.script, row);
    say_row(&t.script, "narrow\n");
    say_end(&t.script, "COPY 3");
    say_ready(&t.script);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        talk_again(&t, 0, pieces[i]);
        wire_expect(&t.wire, false);
        assert_true(wire_await_copy(&t.wire, &t.err));
        uint64_t rows = 0;
        struct pg_copied c = {.len = 0};
        while (!c.all_ended) {
            assert_true(wire_fill(&t.wire, sheet, sizeof sheet, sizeof sheet, &c, &t.err));
            assert_true(c.all_ended || c.len == sizeof sheet);
            assert_int_equal(c.row_widest, sizeof row - 1);
            rows += c.rows;
            buf_add(&t.rows, sheet, c.len);
        }
        assert_int_equal(rows, 3);
        assert_int_equal(t.rows.len, 300000 + 14);
        assert_memory_equal(t.rows.data, "narrow\nwww", 10);
        assert_memory_equal(t.rows.data + t.rows.len - 10, "ww\nnarrow\n", 10);
        for (size_t at = 7; at < 7 + 299999; at++) {
            assert_int_equal(t.rows.data[at], 'w');
        }
    }
    talk_end(&t);
}

static void say_binary(struct script *s, const char *row, size_t len)
{
    char message[64] = PG_BINARY_HEADER;
    memcpy(message + PG_BINARY_HEADER_BYTES, row, len);
    say(s, 'd', message, PG_BINARY_HEADER_BYTES + len);
}

#define ROW_OF_ONE "\0\1\0\0\0\2\377\377" /* one field, whose value looks like the trailer */

static void binary_frames_are_taken_off(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_start(&t.script, true); /* header in front of the first row */
    say_binary(&t.script, ROW_OF_ONE, 8);
    say(&t.script, 'd', ROW_OF_ONE, 8);
    say(&t.script, 'd', "\377\377", 2);
    say_end(&t.script, "COPY 2");
    say_start(&t.script, true); /* an empty table: header and trailer at once */
    say_binary(&t.script, "\377\377", 2);
    say_end(&t.script, "COPY 0");
    say_start(&t.script, true); /* the same in messages of their own */
    say_binary(&t.script, "", 0);
    say(&t.script, 'd', "\377\377", 2);
    say_end(&t.script, "COPY 0");
    say_start(&t.script, true); /* rows without columns */
    say_binary(&t.script, "\0\0", 2);
    say(&t.script, 'd', "\0\0", 2);
    say(&t.script, 'd', "\377\377", 2);
    say_end(&t.script, "COPY 2");
    say_ready(&t.script);
    for (size_t cut = 0; cut < t.script.said.len; cut++) {
        talk_again(&t, cut, 0);
        assert_true(read_all(&t, true, 64, &seen));
        assert_int_equal(seen.rows, 4);
        assert_int_equal(seen.tags, 4);
        assert_int_equal(seen.copies, 4);
        assert_int_equal(t.rows.len, 20);
        assert_memory_equal(t.rows.data, ROW_OF_ONE ROW_OF_ONE "\0\0\0\0", 20);
    }
    talk_end(&t);
}

/* In text the same two bytes are data. */
static void text_has_no_trailer(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_start(&t.script, false);
    say(&t.script, 'd', "\377\377", 2);
    say_end(&t.script, "COPY 1");
    say_ready(&t.script);
    assert_true(read_all(&t, false, 64, &seen));
    assert_int_equal(seen.rows, 1);
    assert_int_equal(t.rows.len, 2);
    talk_end(&t);
}

#define FAULT_TEXT                                                                   \
    "source: division by zero ; detail: a\tdetail; hint: a hint; context: a context" \
    " (SQLSTATE 22012)"

static void check_fault(struct talk *t)
{
    assert_int_equal(t->err.kind, ERR_DATA);
    assert_string_equal(t->err.msg, FAULT_TEXT);
    assert_string_equal(t->wire.fault.sqlstate, "22012");
    assert_string_equal(t->wire.fault.schema, "shop");
    assert_string_equal(t->wire.fault.table, "orders");
}

/* Before the first COPY, between rows, and between COPYs; whole, and with the server gone then. */
static void errors_are_told_and_read_past(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    for (unsigned place = 0; place < 3; place++) {
        for (unsigned gone = 0; gone < 2; gone++) {
            talk_begin(&t, 256);
            t.script.piece = 7;
            say_tag(&t.script, "SET");
            if (place > 0) {
                say_start(&t.script, false);
                say_row(&t.script, "x\n");
            }
            if (place > 1) {
                say_end(&t.script, "COPY 1");
            }
            say_fault(&t.script);
            if (gone == 0) {
                say_ready(&t.script);
            }
            assert_false(read_all(&t, false, 64, &seen));
            check_fault(&t);
            assert_int_equal(t.wire.state, gone == 0 ? WIRE_READY : WIRE_QUERY);
            talk_end(&t);
        }
    }
}

static void sqlstate_decides_the_kind(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say(&t.script, 'E', "C57P01\0Mterminating connection\0", 31);
    assert_false(read_all(&t, false, 64, &seen));
    assert_int_equal(t.err.kind, ERR_TRANSIENT);
    assert_string_equal(t.err.msg, "source: terminating connection (SQLSTATE 57P01)");
    talk_end(&t);
}

/* An error longer than the receive buffer is cut, and what comes behind it is still found. */
static void long_errors_are_cut(void **state)
{
    (void)state;
    static struct talk t;
    static char fields[500000] = "C22012\0M";
    struct seen seen;
    memset(fields + 8, 'm', sizeof fields - 8);
    talk_begin(&t, 4096);
    say(&t.script, 'E', fields, sizeof fields);
    say_ready(&t.script);
    assert_false(read_all(&t, false, 64, &seen));
    assert_int_equal(t.err.kind, ERR_DATA);
    assert_true(strncmp(t.err.msg, "source: mmmm", 12) == 0);
    assert_int_equal(t.wire.state, WIRE_READY);
    talk_end(&t);
}

/* The stream ends at every byte: never a row that did not come whole, never a hang. */
static void lost_connections_are_noticed(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_two_copies(&t.script);
    size_t all = t.script.said.len;
    for (size_t len = 0; len < all; len++) {
        talk_again(&t, 0, 0);
        t.script.said.len = len;
        t.err.kind = ERR_NONE;
        assert_false(read_all(&t, false, 64, &seen));
        assert_int_equal(t.err.kind, ERR_TRANSIENT);
        assert_string_equal(t.err.msg, "nothing more");
        assert_int_not_equal(t.wire.state, WIRE_READY);
    }
    talk_end(&t);
}

static void nonsense_breaks_the_wire(void **state)
{
    static const struct {
        const char *name;
        bool started; /* the nonsense comes inside a COPY */
        bool binary;
        const char *bytes;
        size_t len;
    } rows[] = {
        {"length too short",       true,  false, "d\0\0\0\3",                 5 },
        {"length zero",            true,  false, "d\0\0\0\0",                 5 },
        {"length negative",        true,  false, "d\377\377\377\377",         5 },
        {"long tag",               true,  false, "C\0\1\0\0",                 5 },
        {"long parameter",         false, false, "S\0\1\0\0",                 5 },
        {"unknown type",           true,  false, "?\0\0\0\4",                 5 },
        {"type zero",              true,  false, "\0\0\0\0\4",                5 },
        {"row outside",            false, false, "d\0\0\0\5x",                6 },
        {"end outside",            false, false, "c\0\0\0\4",                 5 },
        {"end with a payload",     true,  false, "c\0\0\0\5x",                6 },
        {"ready inside",           true,  false, "Z\0\0\0\5T",                6 },
        {"tag inside",             true,  false, "C\0\0\0\13COPY 1",          11},
        {"no tag",                 true,  false, "c\0\0\0\4Z\0\0\0\5T",       11},
        {"another tag",            true,  false, "c\0\0\0\4C\0\0\0\13SELE 1", 16},
        {"tag without count",      true,  false, "c\0\0\0\4C\0\0\0\12COPY ",  15},
        {"tag with a wrong count", true,  false, "c\0\0\0\4C\0\0\0\13COPY x", 16},
        {"start inside",           true,  false, "H\0\0\0\7\0\0\0",           8 },
        {"COPY IN",                false, false, "G\0\0\0\7\0\0\0",           8 },
        {"binary for text",        false, false, "H\0\0\0\7\1\0\0",           8 },
        {"text for binary",        false, true,  "H\0\0\0\7\0\0\0",           8 },
        {"no binary header",       true,  true,  "d\0\0\0\6xx",               7 },
        {"binary without rows",    true,  true,  "c\0\0\0\4",                 5 },
        {"empty error",            true,  false, "E\0\0\0\4",                 5 },
        {"short start",            false, false, "H\0\0\0\5\0",               6 },
    };
    (void)state;
    static struct talk t;
    struct seen seen;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        talk_begin(&t, WIRE_ROOM_MIN_BYTES);
        if (rows[i].started) {
            say_start(&t.script, rows[i].binary);
        }
        buf_add(&t.script.said, rows[i].bytes, rows[i].len);
        buf_add(&t.script.said, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
        bool ok = read_all(&t, rows[i].binary, 64, &seen);
        if (ok || t.wire.state != WIRE_BROKEN || t.err.kind != ERR_TRANSIENT) {
            fail_msg("%s: state %d, %s", rows[i].name, (int)t.wire.state, t.err.msg);
        }
        assert_false(wire_drain(&t.wire, &t.err));
        talk_end(&t);
    }
}

static void wrong_binary_header_breaks(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    char message[PG_BINARY_HEADER_BYTES + 1] = PG_BINARY_HEADER;
    message[12] = 1; /* a flag that nobody knows */
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_start(&t.script, true);
    say(&t.script, 'd', message, PG_BINARY_HEADER_BYTES);
    assert_false(read_all(&t, true, 64, &seen));
    assert_int_equal(t.wire.state, WIRE_BROKEN);
    talk_end(&t);
}

static void other_rows_do_not_matter(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say(&t.script, 'T', "\0\1a\0", 4);
    say(&t.script, 'D', "\0\1\0\0\0\1x", 7);
    say_tag(&t.script, "SELECT 1");
    say(&t.script, 'I', NULL, 0);
    say_start(&t.script, false);
    say_end(&t.script, "COPY 0");
    say_ready(&t.script);
    assert_true(read_all(&t, false, 64, &seen));
    assert_int_equal(seen.rows, 0);
    assert_int_equal(seen.copies, 1);
    talk_end(&t);
}

static void a_query_without_copy_is_refused(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_tag(&t.script, "SELECT 1");
    say_ready(&t.script);
    assert_false(read_all(&t, false, 64, &seen));
    assert_int_equal(t.err.kind, ERR_USAGE);
    assert_int_equal(t.wire.state, WIRE_READY);
    talk_end(&t);
}

/* What the server says behind the end is taken too, also where only a part of it came with it. */
static void nothing_is_left_behind_the_end(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_start(&t.script, false);
    say_end(&t.script, "COPY 0");
    say_ready(&t.script);
    size_t ready = t.script.said.len;
    say(&t.script, 'A', "\0\0\0\1channel\0payload", 20);
    for (size_t cut = ready + 1; cut <= t.script.said.len; cut++) {
        t.wire.room = 128;
        talk_again(&t, cut, 1);
        assert_true(read_all(&t, false, 64, &seen));
        assert_int_equal(t.script.given, t.script.said.len);
        assert_int_equal(t.wire.at, t.wire.end);
    }
    talk_end(&t);
}

/* From every place, also in the middle of a row that was given out in part. */
static void a_drain_finds_the_end(void **state)
{
    (void)state;
    static struct talk t;
    char sheet[8];
    struct pg_copied c;
    for (unsigned fills = 0; fills < 8; fills++) {
        talk_begin(&t, WIRE_ROOM_MIN_BYTES);
        say_two_copies(&t.script);
        wire_expect(&t.wire, false);
        assert_true(wire_await_copy(&t.wire, &t.err));
        for (unsigned i = 0; i < fills && t.wire.state == WIRE_COPY; i++) {
            assert_true(wire_fill(&t.wire, sheet, sizeof sheet, sizeof sheet, &c, &t.err));
        }
        assert_true(wire_drain(&t.wire, &t.err));
        assert_int_equal(t.wire.state, WIRE_READY);
        assert_int_equal(t.script.given, t.script.said.len);
        talk_again(&t, 0, 0);
        check_two_copies(&t, 64); /* nothing of the first query is in the second */
        talk_end(&t);
    }
}

/* A wait that was ended anywhere leaves the wire so that it can be drained later. */
static void a_drain_follows_an_interruption(void **state)
{
    (void)state;
    static struct talk t;
    struct seen seen;
    talk_begin(&t, WIRE_ROOM_MIN_BYTES);
    say_start(&t.script, true);
    say_binary(&t.script, ROW_OF_ONE, 8);
    say(&t.script, 'd', ROW_OF_ONE ROW_OF_ONE ROW_OF_ONE, 24);
    say(&t.script, 'd', "\377\377", 2);
    say_end(&t.script, "COPY 2");
    say_fault(&t.script);
    say_ready(&t.script);
    size_t all = t.script.said.len;
    t.script.at_end = ERR_CANCELLED;
    for (size_t len = 0; len < all; len++) {
        talk_again(&t, 0, 0);
        t.script.said.len = len;
        t.err.kind = ERR_NONE;
        assert_false(read_all(&t, true, 8, &seen));
        assert_true(t.err.kind == ERR_CANCELLED || t.wire.fault.set);
        t.script.said.len = all;
        assert_true(wire_drain(&t.wire, &t.err));
        assert_int_equal(t.wire.state, WIRE_READY);
        assert_int_equal(t.script.given, all);
    }
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(rows_stay_whole),
        cmocka_unit_test(wide_rows_are_cut),
        cmocka_unit_test(binary_frames_are_taken_off),
        cmocka_unit_test(text_has_no_trailer),
        cmocka_unit_test(errors_are_told_and_read_past),
        cmocka_unit_test(sqlstate_decides_the_kind),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(lost_connections_are_noticed),
        cmocka_unit_test(nonsense_breaks_the_wire),
        cmocka_unit_test(wrong_binary_header_breaks),
        cmocka_unit_test(other_rows_do_not_matter),
        cmocka_unit_test(a_query_without_copy_is_refused),
        cmocka_unit_test(nothing_is_left_behind_the_end),
        cmocka_unit_test(a_drain_finds_the_end),
        cmocka_unit_test(a_drain_follows_an_interruption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
